#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Runs the examples that launch by templates, in each of their languages. Prints TAP.

Environment: EXAMPLE_BUILDDIR, CC, PKG_CONFIG_PATH, and where there is a typelib what it takes to
find it and its libraries; INTROSPECTION=0 and GIO=0 where by choice there is no typelib, or not even
the library for GIO.
"""

import contextlib
import fcntl
import functools
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios

import tap

SOURCES = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ['EXAMPLE_BUILDDIR'])
PYTHON = sys.executable
ENVIRONMENT = {**os.environ, 'LC_ALL': 'C.UTF-8'}

# Everything here ends by itself, unless it is broken.
DEADLINE = 20


@functools.cache
def has_typelib(command, *arguments):
    return shutil.which(command) is not None and subprocess.run(
        [command, *arguments], check=False, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL).returncode == 0


def example(name, language):
    """The command that runs an example."""
    if language == 'c':
        if not (BUILD / name).exists():
            raise tap.Skip(f'{name} was not built')
        return [BUILD / name]
    if language == 'python':
        if not has_typelib(PYTHON, '-c', 'import gi; gi.require_version("GSpawn", "1.0")'):
            raise tap.Skip(f'{PYTHON} finds no GSpawn typelib')
        return [PYTHON, SOURCES / f'{name}.py']
    if not has_typelib('gjs', '-c', 'imports.gi.versions.GSpawn = "1.0"; imports.gi.GSpawn;'):
        raise tap.Skip('gjs finds no GSpawn typelib')
    return [shutil.which('gjs'), '-m', SOURCES / f'{name}.js']


def run(*command, **variables):
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                             encoding='utf-8', check=False, timeout=DEADLINE,
                             env={**ENVIRONMENT, **variables})
    for line in (process.stdout + process.stderr).splitlines():
        print('#', line)
    return process


def test_many(language):
    many = example('many', language)
    good = run(*many, '60', '8', 'true')
    assert good.returncode == 0
    assert good.stdout.startswith('60 runs, 0 failed, '), good.stdout
    # Each number comes once.
    some = run(*many, '60', '8', 'sh', '-c', 'test $0 -gt 25')
    assert some.returncode == 1
    assert some.stdout.startswith('60 runs, 25 failed, '), some.stdout


def test_many_failure(language):
    bad = run(*example('many', language), '5', '2', 'no-such-program')
    assert bad.returncode == 1
    assert bad.stdout == ''
    assert 'no-such-program' in bad.stderr


def test_many_asyncio():
    many = example('many-asyncio', 'python')
    process = run(*many, '20', '4', 'sh', '-c', 'echo run $0')
    assert process.returncode == 0
    assert process.stdout == ''.join(f'run {number}\n' for number in range(1, 21))
    bad = run(*many, '20', '4', 'sh', '-c', 'test $0 -ne 5')
    assert bad.returncode == 1
    assert 'exited with code 1' in bad.stderr


def test_frames(language):
    frames = example('frames', language)
    process = run(*frames, '10')
    assert process.returncode == 0
    assert re.fullmatch(r'20 frames: [0-9.]+ ms between two at most, [0-9.]+ ms with launches; '
                        r'[0-9.]+ ms for a launch\n', process.stdout), process.stdout
    bad = run(*frames, '3', PATH='/nonexistent')
    assert bad.returncode == 1
    assert bad.stdout == ''
    assert 'true' in bad.stderr


# Prints the number of the process's group, of its session and of its terminal's foreground group.
SHOW_GROUPS = 'cut -d" " -f5,6,8 /proc/$$/stat'


def groups(line):
    group, session, foreground = map(int, line.split())
    return group, session, foreground


def test_pipeline(language):
    """All programs are of one group, which has the terminal until they have ended."""
    pipeline = example('pipeline', language)
    # Who reads from the terminal has to have it.
    first = run(*pipeline, 'sh', '-c', f'read line; {SHOW_GROUPS}', '|',
                'sh', '-c', f'cat; {SHOW_GROUPS}; exit 3')
    assert first.returncode == 3
    a, b = map(groups, first.stdout.splitlines())
    assert a == b
    group, session, foreground = a
    assert group == foreground != session

    # Within another one, which so has a terminal to give away and to take back.
    inner = ' '.join(map(str, pipeline))
    nested = run(*pipeline, 'sh', '-c', f'{inner} true "|" sh -c \'{SHOW_GROUPS}\'; {SHOW_GROUPS}')
    assert nested.returncode == 0
    during, after = map(groups, nested.stdout.splitlines())
    assert during[0] == during[2] != after[0]
    assert after[0] == after[2]
    assert during[1] == after[1]


def test_pipeline_failure(language):
    bad = run(*example('pipeline', language), 'true', '|', 'no-such-program')
    assert bad.returncode == 127
    assert 'no-such-program' in bad.stdout + bad.stderr


@contextlib.contextmanager
def terminal():
    ours, its = os.openpty()
    try:
        yield ours, its
    finally:
        os.close(ours)
        os.close(its)


def read_until(fd, word):
    output = b''
    while word not in output:
        ready, _, _ = select.select([fd], [], [], DEADLINE)
        assert ready, f'{word} was not printed'
        output += os.read(fd, 1024)
    return output


def test_pipeline_interrupt(language):
    """A key at the terminal ends the pipeline, and not the example."""
    command = [*example('pipeline', language), 'sh', '-c', 'echo ready; exec sleep 1000', '|', 'cat']
    with terminal() as (ours, its):
        process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=ENVIRONMENT,
                                   start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        try:
            read_until(ours, b'ready')
            os.write(ours, b'\3')
            assert process.wait(DEADLINE) in (128 + signal.SIGINT, 256 - signal.SIGINT)
        finally:
            process.kill()
            process.wait()


def test_pipeline_gjs():
    """The first program leads a session on a terminal; the others have a group without one."""
    pipeline = example('pipeline', 'gjs')
    with terminal() as (_, its):
        process = run(*pipeline, os.ttyname(its), 'sh', '-c', SHOW_GROUPS, '|', 'cat', '|',
                      'sh', '-c', f'cat; {SHOW_GROUPS}; exit 3')
    assert process.returncode == 3
    first, last = map(groups, process.stdout.splitlines())
    assert first[0] == first[1] == first[2]
    assert last[0] != first[0] and last[1] != first[1]
    bad = run(*pipeline, '/nonexistent', 'true')
    assert bad.returncode == 127
    assert '/nonexistent' in bad.stderr


def test_supervisor(language):
    supervisor = example('supervisor', language)
    with tempfile.NamedTemporaryFile() as file:
        process = run(*supervisor, 'sh', '-c',
                      'ulimit -n >>"$0"; [ $(wc -l <"$0") -eq 3 ] || kill -SEGV $$', file.name)
        limits = pathlib.Path(file.name).read_text(encoding='ascii').split()
    lines = process.stdout.splitlines()
    assert process.returncode == 0
    assert limits == ['256'] * 3
    assert lines[1:] == ['The worker has crashed: Child process killed by signal 11'] * 2 + \
        ['The worker is done'], lines

    bad = run(*supervisor, 'false')
    assert bad.returncode == 1
    assert bad.stdout.count('exited with code 1') == 5
    assert bad.stdout.endswith('The worker is given up\n')


def wait_for_cgroup(directory):
    """Until nothing is in it."""
    with open(f'{directory}/cgroup.events', encoding='ascii') as events:
        poll = select.poll()
        poll.register(events, select.POLLPRI)
        while 'populated 0' not in events.read():
            assert poll.poll(DEADLINE * 1000), f'{directory} is in use'
            events.seek(0)


def remove_cgroups(pid):
    """Those that a supervisor leaves behind that has been killed."""
    for mount in '/sys/fs/cgroup', '/sys/fs/cgroup/unified':
        if os.path.exists(f'{mount}/cgroup.procs') or os.path.exists(f'{mount}/cgroup.controllers'):
            for directory in pathlib.Path(mount).rglob(f'worker-{pid}'):
                wait_for_cgroup(directory)
                directory.rmdir()


def test_supervisor_death(language):
    """The worker ends with the supervisor, and with it the last who has the pipe."""
    with subprocess.Popen([*example('supervisor', language), 'sh', '-c',
                           'echo ready; exec sleep 1000'], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        try:
            read_until(process.stdout.fileno(), b'ready')
            process.kill()
            process.wait()
            ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
            assert ready, 'the worker goes on'
            assert os.read(process.stdout.fileno(), 1) == b''
        finally:
            process.kill()
            remove_cgroups(process.pid)


def test_pkg_config():
    """The commands that the sources give."""
    for name, packages in {
        'many': ['gspawn-1.0', 'glib-2.0'],
        'pipeline': ['gspawn-1.0', 'glib-2.0'],
        'supervisor': ['gspawn-1.0', 'glib-2.0'],
        'frames': ['gspawn-gio-1.0'],
    }.items():
        if not (BUILD / name).exists():
            continue
        command = f'cc {name}.c $(pkg-config --cflags --libs {" ".join(packages)}) -o {name}'
        assert command in (SOURCES / f'{name}.c').read_text(encoding='utf-8')
        flags = subprocess.run(['pkg-config', '--cflags', '--libs', *packages], check=True,
                               stdout=subprocess.PIPE, encoding='utf-8').stdout.split()
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([*os.environ['CC'].split(), SOURCES / f'{name}.c', *flags,
                            '-o', f'{directory}/{name}'], check=True)


def make_tests():
    languages = ['c'] if os.environ['INTROSPECTION'] == '0' else ['c', 'python', 'gjs']
    # Those in C that need no GIO are there without.
    framing = [language for language in languages if language != 'c' or os.environ['GIO'] != '0']
    tests = {}
    for name, test, spoken in (
        ('many/numbers', test_many, languages),
        ('many/failure', test_many_failure, languages),
        ('frames', test_frames, framing),
        ('supervisor/crashes', test_supervisor, languages),
        ('supervisor/death', test_supervisor_death, languages),
        ('pipeline/groups', test_pipeline, languages[:2]),
        ('pipeline/failure', test_pipeline_failure, languages[:2]),
        ('pipeline/interrupt', test_pipeline_interrupt, languages[:2]),
    ):
        for language in spoken:
            tests[f'/{name}/{language}'] = functools.partial(test, language)
    if len(languages) > 1:
        tests['/pipeline/gjs'] = test_pipeline_gjs
        tests['/many-asyncio'] = test_many_asyncio
    tests['/pkg-config'] = test_pkg_config
    return tests


tap.run(make_tests())
