#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Launches a program with each frame of a main loop that draws sixty a second, and says what becomes
of the frames: the longest time between two of them before, and while it launches; and how long a
launch held the loop up at most.

    frames.py [LAUNCHES]

With GTK it would be Gtk.Widget.add_tick_callback() that draws; the loop is the same.
"""

import sys
import time

import gi
gi.require_version('GSpawn', '1.0')
from gi.repository import GLib, GSpawn

FRAME_MILLISECONDS = 16


class Work:
    def __init__(self, launches):
        self.loop = GLib.MainLoop()
        self.program = GSpawn.Template.new(['true'], GLib.SpawnFlags.SEARCH_PATH)
        self.launches = launches
        self.running = 0
        self.frames = []
        self.longest_launch = 0
        self.error = None

    def stop(self, error=None):
        self.error = error
        self.loop.quit()

    def on_ended(self, process, result):
        try:
            process.wait_check_finish(result)
        except GLib.Error as error:
            self.stop(error)
        self.running -= 1
        if self.running == 0 and len(self.frames) == 2 * self.launches:
            self.stop()

    def on_launched(self, program, result):
        try:
            process = program.launch_finish(result)
            process.wait_check_async(None, self.on_ended)
        except GLib.Error as error:
            self.stop(error)

    def draw(self):
        """Draws nothing. With each frame of the second half it launches: what the user has clicked
        on meanwhile, say."""
        now = time.perf_counter()
        self.frames.append(now)
        if len(self.frames) > self.launches:
            self.running += 1
            self.program.launch_async(None, None, self.on_launched)
            self.longest_launch = max(self.longest_launch, time.perf_counter() - now)
        return len(self.frames) < 2 * self.launches

    def run(self):
        GLib.timeout_add(FRAME_MILLISECONDS, self.draw)
        self.loop.run()
        if self.error:
            sys.exit(f'frames: {self.error.message}')


def longest(frames):
    return max((after - before for before, after in zip(frames, frames[1:])), default=0)


def main():
    work = Work(max(1, int(sys.argv[1])) if len(sys.argv) > 1 else 300)
    work.run()
    print(f'{len(work.frames)} frames: '
          f'{longest(work.frames[:work.launches]) * 1e3:.1f} ms between two at most, '
          f'{longest(work.frames[work.launches - 1:]) * 1e3:.1f} ms with launches; '
          f'{work.longest_launch * 1e3:.1f} ms for a launch')


main()
