# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Runs the TestCases of a module, prints TAP, and gives them an environment of their own.

The test StandardStreams.test_closed is called /standard-streams/closed.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import unittest

GSPAWN = os.environ['GSPAWN_TEST_TOOL']
SPAWNER = os.environ['GSPAWN_TEST_SPAWNER']
DROPIN = os.environ['GSPAWN_DROPIN']

# In seconds; for what must not wait for ever. Nothing is expected to take that long.
TIMEOUT = 60

# Of the caller's environment only what the programs that are run may need.
KEPT_VARIABLES = ['PATH', 'GSPAWN_DROPIN', 'ASAN_OPTIONS', 'LSAN_OPTIONS', 'UBSAN_OPTIONS']


def list_children(parent='self'):
    """The ids of a process's children."""
    tasks = pathlib.Path(f'/proc/{parent}/task')
    return sorted(int(pid) for task in tasks.iterdir()
                  for pid in (task / 'children').read_text().split())


def list_descriptors():
    """The open descriptors of this process."""
    return sorted(fd for fd in os.listdir('/proc/self/fd')
                  if os.path.exists(f'/proc/self/fd/{fd}'))


def list_engines():
    """The names of the engines that this build has on this machine, first choice first."""
    output = subprocess.run([GSPAWN, 'engines', '--json'], stdout=subprocess.PIPE, check=True)
    return [engine['name'] for engine in json.loads(output.stdout)['engines']
            if engine['available']]


class TestCase(unittest.TestCase):
    """A test with a directory and an environment, which leaves no descriptors or children."""

    # Options that gspawn run gets in addition. Introspection may not be installed, and compiling
    # a typelib takes time.
    run_options = ['--no-introspection']

    def setUp(self):
        descriptors, children = list_descriptors(), list_children()
        self.addCleanup(self.check_leftovers, descriptors, children)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='gspawn-test-'))
        self.addCleanup(shutil.rmtree, self.directory)
        self.home = self.directory / 'home'
        self.temporary = self.directory / 'tmp'
        for path in self.home, self.temporary:
            path.mkdir(mode=0o700)
        self.environment = {name: os.environ[name] for name in KEPT_VARIABLES
                            if name in os.environ}
        self.environment.update(HOME=str(self.home), TMPDIR=str(self.temporary), LC_ALL='C.UTF-8')
        # A program may be in a directory that the user cannot search: then it is not missing.
        self.environment['PATH'] = os.pathsep.join(
            directory for directory in os.get_exec_path() if os.access(directory, os.X_OK))

    def check_leftovers(self, descriptors, children):
        self.assertEqual(list_descriptors(), descriptors, 'open descriptors')
        self.assertEqual(list_children(), children, 'children')

    def start(self, *arguments, **options):
        """Starts gspawn."""
        options.setdefault('env', self.environment)
        options.setdefault('cwd', self.directory)
        options.setdefault('stdin', subprocess.DEVNULL)
        if arguments[:1] == ('run',):
            arguments = ['run', *self.run_options, *arguments[1:]]
        process = subprocess.Popen([GSPAWN, *arguments], **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in process.stdin, process.stdout, process.stderr:
            if stream is not None and not stream.closed:
                stream.close()

    def run_gspawn(self, *arguments, status=0, **options):
        """Runs gspawn, and returns what it wrote; status is what it must return."""
        options.setdefault('stdout', subprocess.PIPE)
        options.setdefault('stderr', subprocess.PIPE)
        options.setdefault('encoding', 'utf-8')
        process = self.start(*arguments, **options)
        output, errors = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, status, f'{arguments}: {output}{errors}')
        return output, errors

    def read_trace(self, name='trace'):
        """Returns the records in a trace, which must be one JSON object a line."""
        text = (self.directory / name).read_text(encoding='utf-8', errors='strict')
        self.assertTrue(text == '' or text.endswith('\n'))
        return [json.loads(line) for line in text.splitlines()]

    def write_script(self, text, name='script'):
        """Writes a program; its first line says what runs it."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)


def need(condition, reason):
    """Skips the test unless the condition holds."""
    if not condition:
        raise unittest.SkipTest(reason)


def hyphenate(name):
    return re.sub(r'(?<=[a-z])(?=[A-Z])', '-', name).replace('_', '-').lower()


def get_path(test):
    noun, case = test.id().split('.')[-2:]
    return f'/{hyphenate(noun)}/{hyphenate(case[len("test_"):])}'


def list_tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from list_tests(test)
        else:
            yield test


class Result(unittest.TestResult):
    """Prints a line for each test."""

    def __init__(self):
        super().__init__()
        self.n_printed = 0
        self.n_failed = 0
        self.messages = []
        self.skip_reason = None

    def report(self, test, success, remark=''):
        self.n_printed += 1
        print(f'{"ok" if success else "not ok"} {self.n_printed} - {get_path(test)}{remark}',
              flush=True)

    def report_module(self, message):
        """Says why the module cannot be tested at all."""
        for line in message.splitlines():
            print(f'# {line}')
        print(f'Bail out! {message.splitlines()[-1]}')

    def startTest(self, test):
        super().startTest(test)
        self.messages = []
        self.skip_reason = None

    def addError(self, test, err):
        super().addError(test, err)
        message = ''.join(traceback.format_exception(*err))
        if isinstance(test, unittest.TestCase):
            self.messages.append(message)
        else:
            self.report_module(message)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.messages.append(f'{subtest}\n' + ''.join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip_reason = reason

    def stopTest(self, test):
        super().stopTest(test)
        if self.skip_reason is not None and os.environ.get('GSPAWN_MUST_WORK') == '1':
            self.messages.append(f'may not be skipped: {self.skip_reason}')
        if self.messages:
            self.n_failed += 1
            for line in '\n'.join(self.messages).splitlines():
                print(f'# {line}')
            self.report(test, False)
        elif self.skip_reason is not None:
            self.report(test, True, f' # SKIP {self.skip_reason}')
        else:
            self.report(test, True)


def main():
    """Runs the tests of the calling program, or those whose paths contain its argument."""
    # Meson's own pipes must not reach the programs under test as ignored signals.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    tests = [test for test in list_tests(suite)
             if len(sys.argv) < 2 or sys.argv[1] in get_path(test)]
    print(f'1..{len(tests)}')
    result = Result()
    unittest.TestSuite(tests).run(result)
    sys.exit(0 if result.n_printed == len(tests) and result.n_failed == 0 else 1)
