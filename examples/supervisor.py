#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Keeps a worker running: starts it again when it crashes, and ends when it exits with 0.

    supervisor.py PROGRAM [ARGUMENT...]

The worker gets SIGTERM when the supervisor dies, however that comes to pass. It may have 256 open
descriptors, leaves no core file, cannot gain privileges, and has a cgroup of its own where ours may
have such below it: where not, it runs without. After five crashes the supervisor gives up.
"""

import contextlib
import os
import resource
import signal
import sys

import gi
gi.require_version('GSpawn', '1.0')
from gi.repository import GLib, GSpawn

CRASHES = 5


def make_cgroup():
    """A directory below our own cgroup, in the hierarchy of version 2.

    None where that is not mounted, or has not been delegated to us.
    """
    with open('/proc/self/cgroup', encoding='utf-8') as file:
        ours = [line[3:].strip() for line in file if line.startswith('0::')]
    for mount in '/sys/fs/cgroup', '/sys/fs/cgroup/unified':
        parent = f'{mount}{ours[0]}' if ours else mount
        if os.path.exists(f'{parent}/cgroup.procs'):
            with contextlib.suppress(OSError):
                os.mkdir(f'{parent}/worker-{os.getpid()}')
                return f'{parent}/worker-{os.getpid()}'
    return None


def prepare(argv, cgroup):
    attributes = GSpawn.Attributes.new()
    attributes.set_default_signals(True)
    attributes.set_no_new_privileges(True)
    attributes.set_death_signal(signal.SIGTERM)
    attributes.set_limit(resource.RLIMIT_NOFILE, 256, 256)
    attributes.set_limit(resource.RLIMIT_CORE, 0, 0)
    if cgroup is not None:
        # The attributes have a descriptor of their own.
        fd = os.open(cgroup, os.O_PATH | os.O_DIRECTORY)
        attributes.set_cgroup_fd(fd)
        os.close(fd)

    worker = GSpawn.Template.new(argv, GLib.SpawnFlags.SEARCH_PATH)
    worker.set_attributes(attributes)
    return worker


def supervise(worker):
    """The thread that launches is the one whose death the worker is told of: here the only one."""
    for _ in range(CRASHES):
        process = worker.launch(None)
        try:
            process.wait_check(None)
            return True
        except GLib.Error as error:
            print('The worker has crashed:', error.message, flush=True)
    return False


def main():
    if len(sys.argv) < 2:
        sys.exit(f'Usage: {sys.argv[0]} PROGRAM [ARGUMENT...]')
    cgroup = make_cgroup()
    print('The worker runs in', 'our cgroup' if cgroup is None else 'a cgroup of its own',
          flush=True)
    try:
        success = supervise(prepare(sys.argv[1:], cgroup))
    except GLib.Error as error:
        sys.exit(f'supervisor: {error.message}')
    finally:
        if cgroup is not None:
            # What the worker has left running keeps it.
            with contextlib.suppress(OSError):
                os.rmdir(cgroup)
    print('The worker is', 'done' if success else 'given up')
    sys.exit(not success)


main()
