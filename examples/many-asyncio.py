#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Runs a program many times from asyncio, each time with the number of the run as its last argument,
and prints what the runs print, in the order of the numbers:

    many-asyncio.py RUNS AT-ONCE PROGRAM [ARGUMENT...]
    many-asyncio.py 100 8 factor

asyncio's own loop does it all, without GLib's main loop, threads or a handler of SIGCHLD: it reads
the program's pipe, and the process's descriptor is readable when the process has ended.
"""

import asyncio
import contextlib
import os
import sys

import gi
gi.require_version('GSpawn', '1.0')
from gi.repository import GLib, GSpawn


async def wait_for(process):
    """Waits for the end of a process, as long as that takes; where the kernel has no descriptors for
    processes, in a thread."""
    loop = asyncio.get_running_loop()
    fd = process.get_pidfd()
    if fd < 0:
        await loop.run_in_executor(None, process.wait, None)
        return
    ended = loop.create_future()
    loop.add_reader(fd, ended.set_result, None)
    try:
        await ended
    finally:
        loop.remove_reader(fd)


async def read_all(fd):
    """All that comes from a descriptor, which stays its owner's."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(fd), 'rb', 0))
    try:
        return await reader.read()
    finally:
        transport.close()


async def run(program, number, places):
    """One run. Its launch holds the loop up until the program is executed, which takes less than to
    ask a thread to do it."""
    async with places:
        process = program.launch([str(number)])
        try:
            output = await read_all(process.get_stdout_pipe().get_fd())
            await wait_for(process)
        except asyncio.CancelledError:
            with contextlib.suppress(GLib.Error):  # It may have ended already.
                process.force_exit()
            raise
        process.wait_check(None)
        return output.decode()


async def main():
    if len(sys.argv) < 4:
        sys.exit(f'Usage: {sys.argv[0]} RUNS AT-ONCE PROGRAM [ARGUMENT...]')
    program = GSpawn.Template.new(sys.argv[3:], GLib.SpawnFlags.SEARCH_PATH)
    program.set_stream(GSpawn.Stream.OUTPUT, GSpawn.StreamKind.PIPE)
    places = asyncio.Semaphore(int(sys.argv[2]))
    runs = [run(program, number, places) for number in range(1, int(sys.argv[1]) + 1)]
    try:
        for output in await asyncio.gather(*runs):
            print(output, end='')
    except GLib.Error as error:
        sys.exit(f'many-asyncio: {error.message}')


asyncio.run(main())
