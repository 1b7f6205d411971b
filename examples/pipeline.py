#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Runs a pipeline as a shell does: in a process group of its own, which has the terminal for as
long as it runs.

    pipeline.py PROGRAM [ARGUMENT...] ['|' PROGRAM [ARGUMENT...]]...

On no terminal, it gives the pipeline one of its own: it starts itself again as the leader of a
session, with a pseudo-terminal as its controlling terminal. So `pipeline.py stty size </dev/null`
works, too. The exit status is that of the last program.
"""

import itertools
import os
import signal
import sys

import gi
gi.require_version('GSpawn', '1.0')
from gi.repository import GLib, GSpawn

STDIN = 0


def launch(argv, group, input_fd, is_last):
    """Launches into a group, as its leader if that is 0; with a pipe for its input if it has none.

    Signals that we ignore would be ignored by the program as well, such as those that Python
    ignores. Nothing can be stopped from the keyboard: there is no “fg” here.
    """
    attributes = GSpawn.Attributes.new()
    attributes.set_default_signals(True)
    attributes.set_ignored_signals([signal.SIGTSTP])
    attributes.set_process_group(group)

    program = GSpawn.Template.new(argv, GLib.SpawnFlags.SEARCH_PATH)
    program.set_attributes(attributes)
    if input_fd is None:
        program.set_stream(GSpawn.Stream.INPUT, GSpawn.StreamKind.PIPE)
    else:
        program.set_stream_fd(GSpawn.Stream.INPUT, input_fd)
    program.set_stream(GSpawn.Stream.OUTPUT,
                       GSpawn.StreamKind.INHERITED if is_last else GSpawn.StreamKind.PIPE)
    return program.launch(None)


def launch_all(programs, group):
    """No process is waited for before all are launched: the group has its number for as long as its
    leader has not been."""
    processes = []
    input_fd = STDIN
    for number, argv in enumerate(programs, 1):
        process = launch(argv, group, input_fd, number == len(programs))
        if processes:
            processes[-1].get_stdout_pipe().close()
        processes.append(process)
        if number < len(programs):
            input_fd = process.get_stdout_pipe().get_fd()
            # As a program expects its input. The stream is not to be used any more.
            os.set_blocking(input_fd, True)
    return processes


def run_pipeline(programs):
    """The group is led by a process that does nothing until its input ends. So it can have the
    terminal before a program is there, which would be stopped if it read from the terminal too
    early."""
    # Or we would be stopped when we take the terminal back.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)

    leader = launch(['cat'], 0, None, True)
    try:
        os.tcsetpgrp(STDIN, leader.get_pid())
        processes = launch_all(programs, leader.get_pid())
        leader.get_stdin_pipe().close()
        for process in processes:
            process.wait()
    finally:
        os.tcsetpgrp(STDIN, os.getpgrp())

    return os.waitstatus_to_exitcode(processes[-1].get_wait_status())


def run_on_terminal():
    """Runs this program on a terminal: its session's, which it names as the controlling one."""
    ours, its = os.openpty()
    attributes = GSpawn.Attributes.new()
    attributes.set_new_session(True)
    attributes.set_controlling_terminal(STDIN)

    self = GSpawn.Template.new([sys.executable, __file__], GLib.SpawnFlags.DEFAULT)
    self.set_attributes(attributes)
    launch_self = GSpawn.Launch.new(sys.argv[1:])
    for stream in GSpawn.Stream.INPUT, GSpawn.Stream.OUTPUT, GSpawn.Stream.ERROR:
        launch_self.set_stream_fd(stream, its)
    process = self.launch_with(launch_self)
    os.close(its)
    del launch_self

    os.write(ours, b'\4')  # Nobody types: who reads is told that at once.
    try:
        while data := os.read(ours, 4096):
            sys.stdout.buffer.write(data)
    except OSError:
        pass  # That is how a terminal ends.
    process.wait()
    return process.get_exit_status()


def main():
    if len(sys.argv) < 2:
        sys.exit(f'Usage: {sys.argv[0]} PROGRAM [ARGUMENT...] ["|" PROGRAM [ARGUMENT...]]...')
    try:
        if not os.isatty(STDIN):
            return run_on_terminal()
        groups = itertools.groupby(sys.argv[1:], lambda word: word == '|')
        return run_pipeline([list(words) for is_bar, words in groups if not is_bar])
    except GLib.Error as error:
        print(f'pipeline: {error.message}', file=sys.stderr)
        return 127


sys.exit(main())
