#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""A first program in each language, from the build tree and from where gspawn is installed.

    snippets.py (devenv|installed)

In the first case the environment is that of `meson devenv`, in the other one that a user would set
for a prefix of their own.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent / 'snippets'
BUILD = pathlib.Path(os.environ['GSPAWN_TEST_BUILD'])
MESON = os.environ['GSPAWN_TEST_MESON'].split()
PYTHON = os.environ.get('GSPAWN_TEST_PYTHON')
GJS = os.environ.get('GSPAWN_TEST_GJS')
VALAC = os.environ.get('GSPAWN_TEST_VALAC')
CC = os.environ['GSPAWN_TEST_CC'].split()

# Nothing of what this test itself was given may help.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if name not in ('DESTDIR', 'GI_TYPELIB_PATH', 'LD_LIBRARY_PATH', 'LD_PRELOAD',
                               'PKG_CONFIG_PATH') and not name.startswith('GSPAWN_')}


def run(*command, **environment):
    result = subprocess.run([str(word) for word in command], env={**ENVIRONMENT, **environment},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, encoding='utf-8')
    if result.returncode != 0:
        raise AssertionError(f'{command}: {result.stdout}{result.stderr}')
    return result.stdout, result.stderr


def need(program, name):
    if program:
        return
    if os.environ.get('GSPAWN_MUST_WORK') == '1':
        raise AssertionError(f'there is no {name}')
    raise unittest.SkipTest(f'there is no {name}')


class Snippets(unittest.TestCase):
    """What is common. Where they run, and what they are compiled with, the classes below say."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='gspawn-test-')
        self.addCleanup(directory.cleanup)
        self.program = pathlib.Path(directory.name) / 'program'

    def check(self, *command):
        output, errors = self.run_here(*command)
        self.assertEqual(errors, '')
        self.assertIn('git version ', output)
        # What ps says is numbers of sessions, whichever way a language shows it.
        self.assertRegex(output, r'(\s|\\n|^)\s*\d+(\n|\\n)')

    def test_python(self):
        need(PYTHON, 'Python that can import gi')
        self.check(PYTHON, HERE / 'launch.py')

    def test_javascript(self):
        need(GJS, 'gjs')
        self.check(GJS, '-m', HERE / 'launch.js')

    def test_c(self):
        run(*CC, HERE / 'launch.c', '-o', self.program, *self.get_flags())
        self.check(self.program)

    def test_vala(self):
        need(VALAC, 'valac')
        flags = [word for flag in self.get_flags() for word in ('-X', flag)]
        run(VALAC, f'--vapidir={self.vapi}', '--pkg=gio-2.0', '--pkg=gspawn-gio-1.0', '-X', '-w',
            *flags, HERE / 'launch.vala', '-o', self.program)
        self.check(self.program)


class Devenv(Snippets):
    vapi = BUILD / 'gio'

    @classmethod
    def setUpClass(cls):
        output, _ = run(*MESON, 'devenv', '-C', BUILD, 'env', '-0')
        cls.environment = dict(entry.split('=', 1) for entry in output.split('\0') if entry)

    def run_here(self, *command):
        return run(*command, **self.environment)

    def get_flags(self):
        uninstalled = BUILD / 'meson-uninstalled'
        return run('pkg-config', '--cflags', '--libs', 'gspawn-gio-1.0',
                   PKG_CONFIG_PATH=str(uninstalled))[0].split()


class Installed(Snippets):

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='gspawn-test-')
        cls.addClassCleanup(directory.cleanup)
        run(*MESON, 'install', '-C', BUILD, '--no-rebuild', '--destdir', directory.name)
        options = json.loads((BUILD / 'meson-info/intro-buildoptions.json').read_text('utf-8'))
        options = {option['name']: option['value'] for option in options}
        cls.prefix = pathlib.Path(directory.name) / options['prefix'].lstrip('/')
        cls.libraries = cls.prefix / options['libdir']
        cls.vapi = cls.prefix / options['datadir'] / 'vala/vapi'
        for file in (cls.libraries / 'pkgconfig').iterdir():
            text = file.read_text('utf-8')
            file.write_text(re.sub('^prefix=.*', f'prefix={cls.prefix}', text, flags=re.MULTILINE),
                            'utf-8')

    def run_here(self, *command):
        return run(*command, LD_LIBRARY_PATH=str(self.libraries),
                   GI_TYPELIB_PATH=str(self.libraries / 'girepository-1.0'))

    def get_flags(self):
        return run('pkg-config', '--cflags', '--libs', 'gspawn-gio-1.0',
                   PKG_CONFIG_PATH=str(self.libraries / 'pkgconfig'))[0].split()

    def test_headers(self):
        """Each header that is installed can be included by itself."""
        flags = self.get_flags()
        source = self.program.with_suffix('.c')
        for header in sorted((self.prefix / 'include/gspawn-1.0').iterdir()):
            with self.subTest(header=header.name):
                source.write_text(f'#include <{header.name}>\n', 'utf-8')
                run(*CC, '-Wall', '-Werror', '-fsyntax-only', source,
                    *(flag for flag in flags if flag.startswith(('-I', '-D'))))


if __name__ == '__main__':
    where = {'devenv': Devenv, 'installed': Installed}[sys.argv.pop(1)]
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(where)
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
