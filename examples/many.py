#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Runs a program many times, each time with the number of the run as its last argument, and no more
than so many at once:

    many.py RUNS AT-ONCE PROGRAM [ARGUMENT...]
    many.py 10000 16 test 5000 -ge

The program is looked up once, and no launch is waited for: it all happens in one main loop.
"""

import sys
import time

import gi
gi.require_version('GSpawn', '1.0')
from gi.repository import GLib, GSpawn


class Work:
    def __init__(self, argv, runs):
        self.loop = GLib.MainLoop()
        self.program = GSpawn.Template.new(argv, GLib.SpawnFlags.SEARCH_PATH)
        self.numbers = iter(range(1, runs + 1))
        self.running = 0
        self.ended = 0
        self.failed = 0
        self.error = None

    def begin(self):
        number = next(self.numbers, None)
        if number is not None:
            self.running += 1
            self.program.launch_async([str(number)], None, self.on_launched)
        elif self.running == 0:
            self.loop.quit()

    def on_launched(self, program, result):
        try:
            process = program.launch_finish(result)
            process.wait_async(None, self.on_ended)
        except GLib.Error as error:
            self.error = error
            self.loop.quit()

    def on_ended(self, process, result):
        process.wait_finish(result)
        self.running -= 1
        self.ended += 1
        self.failed += process.get_wait_status() != 0
        self.begin()

    def run(self, at_once):
        for _ in range(at_once):
            self.begin()
        self.loop.run()
        if self.error:
            sys.exit(f'many: {self.error.message}')


def main():
    if len(sys.argv) < 4:
        sys.exit(f'Usage: {sys.argv[0]} RUNS AT-ONCE PROGRAM [ARGUMENT...]')
    runs, at_once = max(1, int(sys.argv[1])), max(1, int(sys.argv[2]))
    work = Work(sys.argv[3:], runs)
    start = time.perf_counter()
    work.run(min(runs, at_once))
    rate = work.ended / (time.perf_counter() - start)
    print(f'{work.ended} runs, {work.failed} failed, {rate:.0f} a second')
    sys.exit(work.failed > 0)


main()
