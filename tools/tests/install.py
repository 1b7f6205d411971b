# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""The command works where it is installed, without any variable that points into a build tree."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import tap

PYTHON = os.environ['GSPAWN_TEST_PYTHON']
MESON = os.environ['GSPAWN_TEST_MESON']
SOURCES = pathlib.Path(os.environ['GSPAWN_TEST_SOURCES']).parent

SYNC_IN_PYTHON = '''
from gi.repository import GLib
assert GLib.spawn_sync(None, ["true"], None, GLib.SpawnFlags.SEARCH_PATH, None, None)[0]
'''


def setUpModule():
    """Builds for a prefix, and installs there and below another directory."""
    global ROOT, PREFIX, STAGE
    ROOT = tempfile.TemporaryDirectory(prefix='gspawn-test-')
    unittest.addModuleCleanup(ROOT.cleanup)
    PREFIX = pathlib.Path(ROOT.name) / 'prefix'
    STAGE = pathlib.Path(ROOT.name) / 'stage'
    build = pathlib.Path(ROOT.name) / 'build'
    run_meson('setup', f'--prefix={PREFIX}', '-Dtests=false', '-Dbenchmarks=false',
              '-Dtools=enabled', str(build), str(SOURCES))
    run_meson('compile', '-C', str(build))
    run_meson('install', '-C', str(build), '--no-rebuild', '--destdir', str(STAGE))
    run_meson('install', '-C', str(build), '--no-rebuild')


def run_meson(*arguments):
    result = subprocess.run([*MESON.split(), *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8',
                            env={name: value for name, value in os.environ.items()
                                 if name not in ('DESTDIR', 'LD_LIBRARY_PATH')})
    if result.returncode != 0:
        raise RuntimeError(f'meson {arguments[0]}: {result.stdout}')


class Install(tap.TestCase):

    def setUp(self):
        super().setUp()
        del self.environment['GSPAWN_DROPIN']

    def run_installed(self, command, *arguments, status=0):
        result = subprocess.run([command, *arguments], env=self.environment, cwd=self.directory,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, encoding='utf-8')
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout, result.stderr

    def test_files(self):
        for path in 'bin/gspawn', 'share/man/man1/gspawn.1', \
                'share/bash-completion/completions/gspawn':
            self.assertTrue((PREFIX / path).is_file(), path)

    def test_version(self):
        output, _ = self.run_installed(PREFIX / 'bin/gspawn', '--version')
        self.assertEqual(output, f'gspawn {os.environ["GSPAWN_TEST_VERSION"]}\n')

    def test_engines(self):
        output, _ = self.run_installed(PREFIX / 'bin/gspawn', 'engines', '--json')
        self.assertEqual(len(json.loads(output)['engines']), 3)

    def test_run(self):
        for way in [], ['--summary']:
            _, errors = self.run_installed(PREFIX / 'bin/gspawn', 'run', '--no-introspection',
                                           '--trace=trace', *way, tap.SPAWNER, 'sync', 'true')
            self.assertEqual('spawns: 1' in errors, way != [])
        self.assertEqual(len(self.read_trace()), 2)

    def test_introspection(self):
        tap.need(PYTHON, 'no Python that can import gi')
        _, errors = self.run_installed(PREFIX / 'bin/gspawn', 'run', '--trace=trace', PYTHON,
                                       '-Ic', SYNC_IN_PYTHON)
        self.assertEqual(errors, '')
        self.assertEqual([record['function'] for record in self.read_trace()], ['g_spawn_sync'])

    def test_missing_dropin(self):
        dropin, = PREFIX.rglob('libgspawn-dropin-1.0.so.0')
        moved = dropin.rename(dropin.with_name('moved.so'))
        self.addCleanup(moved.rename, dropin)
        _, errors = self.run_installed(PREFIX / 'bin/gspawn', 'run', 'true', status=124)
        self.assertIn(str(dropin), errors)

    def test_stage(self):
        """A package's build directory: the libraries are found where they will not remain."""
        command = STAGE / PREFIX.relative_to('/') / 'bin/gspawn'
        dropin, = STAGE.rglob('libgspawn-dropin-1.0.so.0')
        self.environment['GSPAWN_DROPIN'] = str(dropin)
        self.run_installed(command, 'run', '--no-introspection', '--trace=trace', tap.SPAWNER,
                           'sync', 'true')
        self.assertEqual(len(self.read_trace()), 1)


if __name__ == '__main__':
    tap.main()
