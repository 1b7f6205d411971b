#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Prints how long a process with much memory waits for Gio.Subprocess to start /bin/true.

    launch-latency.py [MEBIBYTES [LAUNCHES]]

The process fills MEBIBYTES (1024) of memory first. Output: the median and the ninetieth percentile
of LAUNCHES (41), in microseconds.
"""

import mmap
import statistics
import sys
import time

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio


def fill(mebibytes):
    """Memory of our own that is resident, in small pages as a heap has them."""
    memory = mmap.mmap(-1, mebibytes << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(memory, 'madvise') and hasattr(mmap, 'MADV_NOHUGEPAGE'):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    for offset in range(0, len(memory), mmap.PAGESIZE):
        memory[offset] = 1
    return memory


def launch():
    start = time.perf_counter()
    process = Gio.Subprocess.new(['/bin/true'], Gio.SubprocessFlags.NONE)
    elapsed = time.perf_counter() - start
    process.wait()
    return elapsed * 1e6


def main():
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    launches = int(sys.argv[2]) if len(sys.argv) > 2 else 41
    memory = fill(mebibytes)
    launch()
    times = [launch() for _ in range(launches)]
    del memory
    print(f'{statistics.median(times):.0f} {statistics.quantiles(times, n=10)[-1]:.0f}')


main()
