#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Starts a small program from a process whose address space is larger than the machine's memory.

Databases, language runtimes and sandboxes reserve such amounts and touch little of it. The kernel
does not mind, until the process forks: it then has to vouch for a second copy of all of it, and
refuses. Gio.Subprocess forks, so that this program fails under plain GLib:

    $ ./tight-memory.py
    Cannot start sort: Failed to fork (Cannot allocate memory)
    $ gspawn run ./tight-memory.py
    close exec fork spawn
"""

import ctypes
import os
import sys

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib

PROT_NONE, PROT_READ, PROT_WRITE = 0, 1, 2
MAP_PRIVATE, MAP_ANONYMOUS = 0x02, 0x20

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def total_memory():
    """The machine's memory and swap, in bytes."""
    with open('/proc/meminfo', encoding='ascii') as meminfo:
        fields = dict(line.split(':') for line in meminfo)
    return sum(int(fields[name].split()[0]) * 1024 for name in ('MemTotal', 'SwapTotal'))


def reserve():
    """Makes more memory writable than there is, without touching any of it.

    At once the kernel would refuse that, but not in steps, which it then merges into one area.
    """
    page = os.sysconf('SC_PAGE_SIZE')
    step = total_memory() // 4 // page * page
    area = libc.mmap(None, 8 * step, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if area == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), 'Cannot reserve address space')
    for index in range(6):
        # Under strict accounting (vm.overcommit_memory=2) the limit is reached earlier.
        if libc.mprotect(area + index * step, step, PROT_READ | PROT_WRITE) != 0:
            break


def main():
    reserve()
    try:
        sort = Gio.Subprocess.new(
            ['sort'], Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE)
    except GLib.Error as error:
        sys.exit(f'Cannot start sort: {error.message}')
    _, output, _ = sort.communicate_utf8('spawn\nfork\nexec\nclose\n')
    if not sort.get_successful():
        sys.exit('sort failed')
    print(*output.split())


main()
