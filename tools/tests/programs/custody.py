# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Ends every process that a test has started, and removes its files, however it or the test ends.

A process that takes custody becomes the parent of all orphans below it, so that none of them gets
away: not daemons, and not what runs in a session of its own.
"""

import ctypes
import os
import pathlib
import select
import shutil
import signal
import sys
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36

# In seconds.
GRACE = 1
INTERVAL = 0.01


def adopt_orphans():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')


def list_children():
    children = []
    for task in pathlib.Path('/proc/self/task').iterdir():
        children += [int(pid) for pid in (task / 'children').read_text().split()]
    return children


def wait_for_end(pid, options=0):
    """Whether a child has ended, be it that somebody else has waited for it."""
    try:
        return os.waitpid(pid, options)[0] == pid
    except ChildProcessError:
        return True


def end_descendants():
    """Ends the children, then those that they leave behind, until there are none.

    They have a moment to remove what they have put anywhere, as a display does.
    """
    while True:
        children = list_children()
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + GRACE
        while children and time.monotonic() < end:
            time.sleep(INTERVAL)
            children = [pid for pid in children if not wait_for_end(pid, os.WNOHANG)]
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            wait_for_end(pid)


def be_custodian(lifeline):
    """Runs the rest of the program in a child, and ends all when it or the caller has ended."""
    os.setsid()
    adopt_orphans()
    directory = tempfile.mkdtemp(prefix='gspawn-custody-')
    os.environ['TMPDIR'] = tempfile.tempdir = directory
    worker = os.fork()
    if worker == 0:
        os.close(lifeline)
        adopt_orphans()
        return

    # Not a pipe: what the worker leaves behind might hold it open.
    ended = os.pidfd_open(worker)
    select.select([lifeline, ended], [], [])
    status = 1
    if select.select([ended], [], [], 0)[0]:
        status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    end_descendants()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(status if status >= 0 else 128 - status)


def run_in_custody():
    """Returns in a process that leaves nothing behind. The caller's own is no more than its front.

    The front may be killed by a signal to its process group that the others do not get; its end
    closes a pipe.
    """
    lifeline, front = os.pipe()
    custodian = os.fork()
    if custodian == 0:
        os.close(front)
        be_custodian(lifeline)
        return

    os.close(lifeline)
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(number, lambda *_: os.dup2(os.open('/dev/null', os.O_RDONLY), front))
    status = os.waitstatus_to_exitcode(os.waitpid(custodian, 0)[1])
    sys.stdout.flush()
    os._exit(status if status >= 0 else 128 - status)
