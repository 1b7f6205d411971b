#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Attributes as Python sees them: names, exceptions, and a launcher of GIO's that they go with.

Run under the drop-in as well as without it; with it GSPAWN_TRACE says that nothing was forked.
"""

import json
import os
import pathlib
import resource
import signal
import tempfile
import unittest

import gi
gi.require_version('GSpawn', '1.0')
from gi.repository import Gio, GLib, GSpawn  # noqa: E402

WITH_DROPIN = 'LD_PRELOAD' in os.environ


def run(attributes, script):
    launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDOUT_PIPE)
    attributes.attach(launcher)
    process = launcher.spawnv(['/bin/sh', '-c', script])
    _, output, _ = process.communicate_utf8(None, None)
    return process, output.split()


class Attributes(unittest.TestCase):
    def test_session(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_new_session(True)
        process, output = run(attributes, 'cut -d " " -f 1,5,6 /proc/$$/stat')
        self.assertEqual(output, [process.get_identifier() or output[0]] + [output[0]] * 2)

    def test_limit(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_limit(resource.RLIMIT_NOFILE, 100, 200)
        self.assertEqual(run(attributes, 'ulimit -Sn; ulimit -Hn')[1], ['100', '200'])

    def test_signals(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_default_signals(True)
        attributes.set_ignored_signals([signal.SIGUSR1, signal.SIGHUP])
        ignored = int(run(attributes, 'grep SigIgn /proc/self/status')[1][1], 16)
        self.assertEqual(ignored, 1 << signal.SIGUSR1 - 1 | 1 << signal.SIGHUP - 1)

    @unittest.skipUnless(WITH_DROPIN, 'a launcher has an environment, which GLib executes with')
    def test_pid_variable(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_pid_variable('LISTEN_PID')
        output = run(attributes, 'echo $$ $LISTEN_PID')[1]
        self.assertEqual(output[0], output[1])

    def test_attached_attributes_live(self):
        launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDOUT_PIPE)
        attributes = GSpawn.Attributes.new()
        attributes.set_umask(0o077)
        attributes.attach(launcher)
        del attributes
        output = launcher.spawnv(['/bin/sh', '-c', 'umask']).communicate_utf8(None, None)[1]
        self.assertEqual(output, '0077\n')

    def test_bad_values(self):
        attributes = GSpawn.Attributes.new()
        for refused in (lambda: attributes.set_death_signal(0),
                        lambda: attributes.set_nice(20),
                        lambda: attributes.set_user_by_name('nobody of this name'),
                        lambda: attributes.set_cpu_affinity([]),
                        lambda: attributes.set_working_directory_fd(-1),
                        lambda: attributes.set_ignored_signals([signal.SIGKILL]),
                        lambda: attributes.set_pid_variable('A=B')):
            with self.assertRaises(GLib.Error) as context:
                refused()
            self.assertTrue(context.exception.matches(GLib.spawn_error_quark(),
                                                      GLib.SpawnError.INVAL))
        self.assertFalse(any(attributes.has(GSpawn.Attribute(i))
                             for i in range(GSpawn.N_ATTRIBUTES)))

    def test_unset(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_umask(0)
        self.assertTrue(attributes.has(GSpawn.Attribute.UMASK))
        attributes.unset(GSpawn.Attribute.UMASK)
        self.assertFalse(attributes.has(GSpawn.Attribute.UMASK))
        self.assertEqual(GSpawn.attribute_get_name(GSpawn.Attribute.UMASK), 'umask')

    def test_copy(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_umask(0o027)
        copy = attributes.copy()
        attributes.set_umask(0)
        self.assertEqual(run(copy, 'umask')[1], ['0027'])

    @unittest.skipUnless(WITH_DROPIN, 'GLib cannot tell of a failure')
    def test_failure(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_process_group(2**30)
        with self.assertRaisesRegex(GLib.Error, 'process-group.*Operation not permitted'):
            run(attributes, 'true')
        attributes.set_optional(GSpawn.Attribute.PROCESS_GROUP, True)
        self.assertTrue(run(attributes, 'true')[0].get_successful())

    @unittest.skipUnless(WITH_DROPIN, 'GLib forks')
    def test_nothing_forked(self):
        attributes = GSpawn.Attributes.new()
        attributes.set_new_session(True)
        attributes.set_nice(1)
        run(attributes, 'true')
        trace = pathlib.Path(os.environ['GSPAWN_TRACE']).read_text(encoding='utf-8')
        self.assertNotIn('fork', [json.loads(line)['engine'] for line in trace.splitlines()])
        self.assertIn('"clone"', trace)


if __name__ == '__main__':
    with tempfile.NamedTemporaryFile() as file:
        # Read at the first launch.
        GLib.setenv('GSPAWN_TRACE', file.name, True)
        os.environ['GSPAWN_TRACE'] = file.name
        unittest.main()
