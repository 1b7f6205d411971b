# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""A program that starts children while memory is tight, in Python.

low-memory-gi.py PRESSURE REQUEST COUNT; reports like low-memory-c.c.
"""

import os
import sys

import gi

gi.require_version("GLib", "2.0")
gi.require_version("Gio", "2.0")
gi.require_version("MemoryPressure", "1.0")

from gi.repository import Gio, GLib, MemoryPressure  # noqa: E402


def run_subprocess():
    flags = Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE
    child = Gio.Subprocess.new(["cat"], flags)
    _, output, _ = child.communicate_utf8("through", None)
    return output == "through" and child.get_successful()


def run_spawn_sync():
    ok, output, _, status = GLib.spawn_sync(
        None, ["/bin/echo", "heard"], None, GLib.SpawnFlags.DEFAULT, None, None
    )
    return ok and output == b"heard\n" and status == 0


def finish(spawned):
    pid, _, output, _ = spawned
    with os.fdopen(output) as stream:
        heard = stream.read()
    found, status = os.waitpid(pid, 0)
    return heard == "heard\n" and found == pid and status == 0


def run_spawn_async():
    return finish(
        GLib.spawn_async(
            ["/bin/echo", "heard"],
            flags=GLib.SpawnFlags.DO_NOT_REAP_CHILD,
            standard_output=True,
        )
    )


def run_child_setup():
    return finish(
        GLib.spawn_async(
            ["/bin/echo", "heard"],
            flags=GLib.SpawnFlags.DO_NOT_REAP_CHILD,
            child_setup=lambda: None,
            standard_output=True,
        )
    )


REQUESTS = {
    "gsubprocess": run_subprocess,
    "spawn-sync": run_spawn_sync,
    "spawn-async": run_spawn_async,
    "child-setup": run_child_setup,
}


def report(request):
    try:
        line = "ok" if request() else "error - 0 the child did something else"
    except GLib.Error as error:
        line = f"error {error.domain} {error.code} {error.message}"
    print(line, flush=True)


def main():
    _, pressure, name, count = sys.argv
    request = REQUESTS[name]
    MemoryPressure.enter(pressure)

    for _ in range(int(count)):
        report(request)

    print("leaked", MemoryPressure.count_leaks())
    print("children", "yes" if MemoryPressure.has_children() else "no", flush=True)
    print("fork", MemoryPressure.try_fork())


main()
