# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""What gspawn prints, how it takes options, and with what status it fails."""

import json
import os
import re
import shutil
import subprocess

import tap

SOURCES = os.environ['GSPAWN_TEST_SOURCES']
VERSION = os.environ['GSPAWN_TEST_VERSION']

NEEDS = ['search-path', 'working-directory', 'streams', 'fd-map', 'close', 'sparse-close', 'reap',
         'child-setup', 'session', 'process-group', 'signals', 'attributes', 'trace-me',
         'seccomp-filter']
ENGINES = ['clone', 'posix_spawn', 'fork']


class Command(tap.TestCase):

    def assert_fails(self, status, expected, *arguments, **options):
        output, errors = self.run_gspawn(*arguments, status=status, **options)
        self.assertEqual(output, '')
        self.assertRegex(errors, r'^gspawn: .*\n$')
        self.assertEqual(errors.count('\n'), 1)
        self.assertIn(expected, errors)

    def test_version(self):
        self.assertEqual(self.run_gspawn('--version'), (f'gspawn {VERSION}\n', ''))

    def test_help(self):
        output, errors = self.run_gspawn('--help')
        self.assertEqual(errors, '')
        for command in 'run', 'engines':
            self.assertRegex(output, rf'(?m)^  {command} ')

    def test_help_of_commands(self):
        for command in 'run', 'engines':
            output, errors = self.run_gspawn(command, '--help')
            self.assertEqual(errors, '')
            self.assertRegex(output, rf'^Usage:\n  gspawn {command} ')

    def test_help_lists_exit_statuses(self):
        output, _ = self.run_gspawn('run', '--help')
        self.assertEqual(re.findall(r'(?m)^  (\d+)  ', output),
                         [str(status) for status in range(121, 128)])

    def test_help_after_program(self):
        output, _ = self.run_gspawn('run', 'echo', '--help', '--summary', '--trace')
        self.assertEqual(output, '--help --summary --trace\n')

    def test_no_command(self):
        self.assert_fails(125, 'no command')

    def test_unknown_command(self):
        self.assert_fails(125, "'jog'", 'jog')

    def test_unknown_option(self):
        self.assert_fails(125, '--fast', '--fast', 'run')

    def test_unknown_option_of_run(self):
        self.assert_fails(125, '--fast', 'run', '--fast', 'true')

    def test_unknown_short_option_of_run(self):
        self.assert_fails(125, '-x', 'run', '-x', 'true')

    def test_unknown_option_of_engines(self):
        self.assert_fails(125, '--fast', 'engines', '--fast')

    def test_superfluous_argument_of_engines(self):
        self.assert_fails(125, "'clone'", 'engines', 'clone')

    def test_no_program(self):
        self.assert_fails(125, 'no program', 'run')
        self.assert_fails(125, 'no program', 'run', '--summary')
        self.assert_fails(125, 'no program', 'run', '--')

    def test_empty_trace_file_name(self):
        self.assert_fails(125, '--trace=', 'run', '--trace=', 'true')

    def test_missing_program(self):
        for option in [], ['--summary'], ['--trace']:
            self.assert_fails(127, "'no-such-program'", 'run', *option, '--', 'no-such-program')
            self.assert_fails(127, "'./no-such'", 'run', *option, './no-such')

    def test_missing_interpreter(self):
        script = self.write_script('#!/no/such/interpreter\n')
        for option in [], ['--trace']:
            self.assert_fails(127, script, 'run', *option, script)

    def test_program_that_is_not_executable(self):
        path = self.directory / 'data'
        path.write_text('data')
        for option in [], ['--trace']:
            self.assert_fails(126, str(path), 'run', *option, str(path))
            self.assert_fails(126, str(self.directory), 'run', *option, str(self.directory))

    def test_program_name_that_is_not_utf_8(self):
        self.assert_fails(127, '\ufffd', 'run', b'no-\xff-such')

    def test_program_with_white_space(self):
        self.write_script('#!/bin/sh\necho "$1"\n', name='a b\tc')
        for option in [], ['--trace']:
            output, _ = self.run_gspawn('run', *option, './a b\tc', 'd  e')
            self.assertEqual(output, 'd  e\n')

    def test_program_named_like_an_option(self):
        self.write_script('#!/bin/sh\necho "$*"\n', name='--summary')
        self.environment['PATH'] = f'{self.directory}:{self.environment["PATH"]}'
        self.assertEqual(self.run_gspawn('run', '--', '--summary', '--', '-x'),
                         ('-- -x\n', ''))

    def test_script_without_interpreter_line(self):
        script = self.write_script('echo "$0" "$1"\n')
        for option in [], ['--trace']:
            output, _ = self.run_gspawn('run', *option, script, 'x')
            self.assertEqual(output, f'{script} x\n')

    def test_missing_dropin(self):
        self.environment['GSPAWN_DROPIN'] = '/no/such/library.so'
        self.assert_fails(124, '/no/such/library.so', 'run', 'true')

    def test_dropin_that_is_no_library(self):
        self.environment['GSPAWN_DROPIN'] = self.write_script('text')
        self.assert_fails(124, 'cannot load the drop-in', 'run', 'true')

    def test_dropin_that_is_another_library(self):
        maps = subprocess.run(['ldd', tap.GSPAWN], stdout=subprocess.PIPE, check=True,
                              encoding='utf-8').stdout
        self.environment['GSPAWN_DROPIN'] = re.search(r'=> (\S*/libgobject-2\S*)', maps)[1]
        self.assert_fails(124, 'not a drop-in', 'run', 'true')

    def test_dropin_that_cannot_be_preloaded(self):
        for character in ' :;,$':
            copy = self.directory / f'copy{character}of.so'
            shutil.copy(tap.DROPIN, copy)
            self.environment['GSPAWN_DROPIN'] = str(copy)
            self.assert_fails(124, 'cannot be preloaded', 'run', 'true')

    def test_unwritable_trace(self):
        for name in 'no/such/directory', '.':
            for option in [], ['--summary']:
                self.assert_fails(122, str(self.directory / name), 'run',
                                  f'--trace={name}', *option, 'true')

    def test_no_place_for_the_trace(self):
        self.environment['TMPDIR'] = '/no/such/directory'
        self.assert_fails(122, '/no/such/directory', 'run', '--summary', 'true')

    def test_full_output(self):
        for arguments in ['--version'], ['engines'], ['engines', '--json']:
            with open('/dev/full', 'wb') as full:
                _, errors = self.run_gspawn(*arguments, status=121, stdout=full)
            self.assertIn('standard output', errors)


class Engines(tap.TestCase):

    def test_table(self):
        output, errors = self.run_gspawn('engines')
        self.assertEqual(errors, '')
        rows = [line.split() for line in output.splitlines()]
        self.assertEqual(rows[0], ['need', *ENGINES])
        self.assertEqual([row[0] for row in rows[1:1 + len(NEEDS)]], NEEDS)
        self.assertEqual([row[:3] for row in rows if row and row[0] == 'engine'],
                         [['engine', 'available', 'detail']])

    def test_json(self):
        output, errors = self.run_gspawn('engines', '--json')
        self.assertEqual(errors, '')
        table = json.loads(output)
        self.assertEqual(sorted(table), ['engines', 'needs'])
        self.assertEqual([need['name'] for need in table['needs']], NEEDS)
        for need in table['needs']:
            self.assertEqual(sorted(need), ['description', 'name'])
            self.assertTrue(need['description'])
        self.assertEqual([engine['name'] for engine in table['engines']], ENGINES)
        for engine in table['engines']:
            self.assertEqual(sorted(engine), ['available', 'capabilities', 'detail', 'name'])
            self.assertIsInstance(engine['available'], bool)
            self.assertLessEqual(set(engine['capabilities']), set(NEEDS))
        self.assertTrue(any(engine['available'] for engine in table['engines']))

    def test_json_agrees_with_table(self):
        table = json.loads(self.run_gspawn('engines', '--json')[0])
        rows = [line.split() for line in self.run_gspawn('engines')[0].splitlines()]
        for column, engine in enumerate(table['engines'], start=1):
            self.assertEqual([row[0] for row in rows[1:1 + len(NEEDS)] if row[column] == 'yes'],
                             engine['capabilities'] if engine['available'] else [])
            row = next(row for row in rows[2 + len(NEEDS):] if row and row[0] == engine['name'])
            self.assertEqual(row[1], 'yes' if engine['available'] else 'no')

    def test_engines_work_as_the_table_says(self):
        engines = tap.list_engines()
        for name in engines:
            self.environment['GSPAWN_ENGINE'] = name
            self.run_gspawn('run', '--trace=trace', tap.SPAWNER, 'async', 'true')
        self.assertEqual([record['engine'] for record in self.read_trace()], engines)


class Documents(tap.TestCase):

    def setUp(self):
        super().setUp()
        with open(f'{SOURCES}/gspawn.1', encoding='utf-8') as file:
            self.manual = file.read()

    def test_manual_has_all_options(self):
        for command in [], ['run'], ['engines']:
            output, _ = self.run_gspawn(*command, '--help')
            for option in re.findall(r'--[a-z-]+', output):
                self.assertIn(option.replace('-', r'\-'), self.manual)

    def test_manual_has_all_exit_statuses(self):
        for status in range(121, 128):
            self.assertIn(f'.B {status}\n', self.manual)

    def test_manual_is_well_formed(self):
        tap.need(shutil.which('groff'), 'groff is not installed')
        result = subprocess.run(['groff', '-man', '-Tutf8', '-ww', '-z', f'{SOURCES}/gspawn.1'],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
                                encoding='utf-8')
        self.assertEqual(result.stdout, '')

    def complete(self, *words):
        script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gspawn; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        result = subprocess.run(['bash', '--norc', '-c', script,
                                 f'{SOURCES}/gspawn.bash-completion', 'gspawn', *words],
                                stdout=subprocess.PIPE, cwd=self.directory,
                                env=self.environment, check=True, encoding='utf-8')
        return result.stdout.split()

    def test_completion(self):
        tap.need(shutil.which('bash'), 'bash is not installed')
        (self.directory / 'trace.json').touch()
        self.assertEqual(self.complete(''), ['run', 'engines', '--help', '--version'])
        self.assertEqual(self.complete('r'), ['run'])
        self.assertEqual(self.complete('engines', '--j'), ['--json'])
        self.assertEqual(self.complete('run', '--s'), ['--summary'])
        self.assertEqual(self.complete('run', '--trace', '--s'), ['--summary'])
        self.assertEqual(self.complete('run', '--trace', '=', 'tr'), ['trace.json'])
        self.assertEqual(sorted(self.complete('run', '--trace', '=')),
                         ['home', 'tmp', 'trace.json'])
        self.assertIn('sleep', self.complete('run', 'slee'))
        self.assertIn('sleep', self.complete('run', '--trace', '=', 'x', '--', 'slee'))
        self.assertEqual(self.complete('run', '--', 'ls', 'tr'), ['trace.json'])

    def test_completion_has_all_options(self):
        tap.need(shutil.which('bash'), 'bash is not installed')
        for command in [], ['run'], ['engines']:
            output, _ = self.run_gspawn(*command, '--help')
            for option in re.findall(r'(?m)^  .*?(--[a-z-]+)', output):
                self.assertIn(option, self.complete(*command, option))


if __name__ == '__main__':
    tap.main()
