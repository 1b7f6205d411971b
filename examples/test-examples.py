#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Runs the examples as their documentation says, and looks at the trace of each. Prints TAP.

Environment: EXAMPLE_BUILDDIR, GSPAWN (the command), GSPAWN_DROPIN, CC, PKG_CONFIG_PATH, and
INTROSPECTION=0 where the typelib is not taken over by choice.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import tap

SOURCES = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ['EXAMPLE_BUILDDIR'])
GSPAWN = os.environ['GSPAWN']
PYTHON = sys.executable


class Run:
    """A command that has ended: its status, its output, and the spawns that it made."""

    def __init__(self, *command, **variables):
        with tempfile.TemporaryDirectory() as directory:
            trace = pathlib.Path(directory) / 'trace'
            process = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, encoding='utf-8',
                env={**os.environ, 'LC_ALL': 'C.UTF-8', 'GSPAWN_TRACE': str(trace), **variables},
                check=False)
            lines = trace.read_text(encoding='utf-8').splitlines() if trace.exists() else []
        self.status, self.stdout, self.stderr = process.returncode, process.stdout, process.stderr
        self.spawns = [json.loads(line) for line in lines]
        for line in (self.stdout + self.stderr).splitlines():
            print('#', line)

    def expect(self, status, stdout):
        assert self.status == status, f'exit status {self.status}'
        assert self.stdout == stdout, f'printed {self.stdout!r}'

    def expect_spawns(self, *functions):
        assert [spawn['function'] for spawn in self.spawns] == list(functions), self.spawns
        for spawn in self.spawns:
            assert spawn['error'] is None, spawn
            if 'clone' in available_engines():
                assert spawn['engine'] == 'clone', spawn


def available_engines():
    output = subprocess.run([GSPAWN, 'engines', '--json'], check=True,
                            stdout=subprocess.PIPE).stdout
    return [engine['name'] for engine in json.loads(output)['engines'] if engine['available']]


def require_gio():
    if subprocess.run([PYTHON, '-c', 'from gi.repository import Gio'], check=False,
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise tap.Skip(f'{PYTHON} has no PyGObject')


def can_do_without_fork():
    return bool({'clone', 'posix_spawn'} & set(available_engines()))


def test_tight_memory_plain():
    """Without this, the next case would show nothing."""
    with open('/proc/sys/vm/overcommit_memory', encoding='ascii') as setting:
        if setting.read().strip() == '1':
            raise tap.Skip('vm.overcommit_memory=1: the kernel grants everything')
    require_gio()
    run = Run(PYTHON, SOURCES / 'tight-memory.py')
    run.expect(1, '')
    assert 'Failed to fork' in run.stderr
    assert run.spawns == []


def test_tight_memory_gspawn():
    if not can_do_without_fork():
        raise tap.Skip('every engine but fork is left out or does not work here')
    require_gio()
    run = Run(GSPAWN, 'run', PYTHON, SOURCES / 'tight-memory.py')
    run.expect(0, 'close exec fork spawn\n')
    run.expect_spawns('g_spawn_async_with_pipes_and_fds')


def test_launch_latency():
    require_gio()
    run = Run(GSPAWN, 'run', PYTHON, SOURCES / 'launch-latency.py', '16', '3')
    assert run.status == 0
    median, percentile = map(int, run.stdout.split())
    assert 0 < median <= percentile
    run.expect_spawns(*['g_spawn_async_with_pipes_and_fds'] * 4)


def check_run_in(program):
    with tempfile.TemporaryDirectory() as directory:
        for name in ('first', 'second'):
            (pathlib.Path(directory) / name).touch()
        run = Run(program, directory, 'ls')
        run.expect(0, '  1  first\n  2  second\n')
        run.expect_spawns('g_spawn_sync')


def test_run_in():
    check_run_in(BUILD / 'run-in')


def test_run_in_failures():
    run = Run(BUILD / 'run-in', '/', 'no-such-program')
    run.expect(1, '')
    assert 'no-such-program' in run.stderr
    assert run.spawns[0]['error'] is not None
    run = Run(BUILD / 'run-in', '/', 'false')
    run.expect(1, '')
    run.expect_spawns('g_spawn_sync')


def compiled(directory, source, *packages):
    """The program, made by the command that its source gives, where unneeded libraries are left
    out: many systems do that unasked."""
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', *packages], check=True,
                           stdout=subprocess.PIPE, encoding='utf-8').stdout.split()
    program = pathlib.Path(directory) / pathlib.Path(source).stem
    subprocess.run([*os.environ['CC'].split(), '-Wl,--as-needed', SOURCES / source, *flags,
                    '-o', program], check=True)
    return program


def test_run_in_pkg_config():
    for packages in (['gspawn-dropin-1.0', 'glib-2.0'], ['glib-2.0', 'gspawn-dropin-1.0']):
        with tempfile.TemporaryDirectory() as directory:
            check_run_in(compiled(directory, 'run-in.c', *packages))


def test_subprocess_pkg_config():
    for packages in (['gspawn-dropin-1.0', 'gio-2.0'], ['gio-2.0', 'gspawn-dropin-1.0']):
        with tempfile.TemporaryDirectory() as directory:
            run = Run(compiled(directory, 'subprocess.c', *packages), 'b', 'c', 'a')
            run.expect(0, 'a\nb\nc\n')
            run.expect_spawns('g_spawn_async_with_pipes_and_fds')


def test_children_gjs():
    if shutil.which('gjs') is None:
        raise tap.Skip('no gjs')
    run = Run(GSPAWN, 'run', 'gjs', SOURCES / 'children.js')
    run.expect(0, 'GSubprocess\nGLib.spawn_sync\n')
    if os.environ['INTROSPECTION'] == '0':
        run.expect_spawns('g_spawn_async_with_pipes_and_fds')
    else:
        run.expect_spawns('g_spawn_async_with_pipes_and_fds', 'g_spawn_sync')


TESTS = {
    '/tight-memory/plain': test_tight_memory_plain,
    '/tight-memory/gspawn': test_tight_memory_gspawn,
    '/launch-latency/gspawn': test_launch_latency,
    '/run-in/linked': test_run_in,
    '/run-in/failures': test_run_in_failures,
    '/run-in/pkg-config': test_run_in_pkg_config,
    '/subprocess/pkg-config': test_subprocess_pkg_config,
    '/children/gjs': test_children_gjs,
}


tap.run(TESTS)
