# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Real programs under gspawn run: they do their work, and start children without forking.

Each is driven on a display of its own, while strace looks on. What the trace says is held against
the table of programs, and what strace has seen against both.
"""

import fcntl
import fnmatch
import os
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1]))

import custody
import desktop
import observer
import table
import tap

# Where the pictures go.
PICTURES = pathlib.Path(os.environ['GSPAWN_TEST_PICTURES'])

# A test ends within that, however many waits it is made of. In seconds.
TIME_LIMIT = 120

NEEDED = ['Xvfb', 'matchbox-window-manager', 'xdotool', 'dbus-run-session', 'strace']


def stop_test(*_):
    raise desktop.Timeout(f'not done within {TIME_LIMIT} s')


def can_trace():
    return subprocess.run(['strace', '-o', '/dev/null', 'true'], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


class TestCase(tap.TestCase):

    def setUp(self):
        for name in NEEDED:
            tap.need(shutil.which(name), f'there is no {name}')
        tap.need(can_trace(), 'strace cannot trace here')
        super().setUp()
        self.bus = desktop.get_bus_launcher(self.directory)
        signal.signal(signal.SIGALRM, stop_test)
        signal.alarm(TIME_LIMIT)
        self.addCleanup(signal.alarm, 0)
        self.addCleanup(custody.end_descendants)

    def start_desktop(self):
        screen = desktop.Desktop(self.directory, self.environment)
        self.addCleanup(screen.close)
        return screen

    def lock(self, executable):
        """Waits for other tests with a program that may hand its work over to theirs.

        Xarchiver does, by a socket that is one for all displays and homes of a user.
        """
        path = shutil.which(executable)
        tap.need(path, f'there is no {executable}')
        file = open(path, 'rb')
        self.addCleanup(file.close)
        fcntl.flock(file, fcntl.LOCK_EX)

    def use(self, program, launcher, picture, **environment):
        """Has a program do its work, below a launcher, and returns what strace has seen."""
        self.lock(program.command[0])
        screen = self.start_desktop()
        session = table.Session(screen, PICTURES / f'{picture}.png')
        program.prepare(session)
        calls, log = self.directory / 'calls', self.directory / 'program.log'
        command = [word.replace('{}', str(self.directory)) for word in program.command]
        with open(log, 'wb') as stream:
            process = subprocess.Popen(
                [*self.bus, 'strace', *observer.OPTIONS, '-o', calls,
                 *launcher, *command],
                env={**screen.environment, **environment}, cwd=session.work,
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        try:
            program.drive(session)
            status = process.wait(desktop.DEADLINE)
        except Exception as error:
            screen.photograph(PICTURES / f'{picture}-failed.png')
            raise AssertionError(f'{error}\n{log.read_text(errors="replace")}') from error

        written = log.read_text(errors='replace')
        self.assertEqual(status, 0, written)
        self.assertNotRegex(written, 'gspawn: |ld.so')
        return observer.Observation(calls, 2 if launcher else 1)

    def use_with_gspawn(self, program, picture, **environment):
        launcher = [tap.GSPAWN, 'run', f'--trace={self.directory / "trace"}', '--']
        return self.use(program, launcher, picture, **environment)

    def check(self, program, observation):
        """Holds the table, the trace and strace against each other."""
        trace = self.directory / 'trace'
        records = self.read_trace() if trace.exists() else []
        self.check_records(program, records)
        self.check_births(records, observation)
        self.check_forks(program, records, observation)

    def check_records(self, program, records):
        made = set()
        for record in records:
            launch = self.find_launch(program, record)
            self.assertIsNotNone(launch, f'not in the table: {record}')
            self.assertEqual([record['program'], record['engine'], record['reason']],
                             [program.process or program.name, launch.engine, launch.reason],
                             record)
            self.assertIsNone(record['error'], record)
            made.add(launch)
        self.assertEqual([launch for launch in program.launches
                          if launch.needed and launch not in made], [], records)

    def find_launch(self, program, record):
        for launch in program.launches:
            pattern = launch.command.replace('{}', str(self.directory))
            if (launch.function == record['function'] and
                    fnmatch.fnmatchcase(record['command'], pattern)):
                return launch
        return None

    def check_births(self, records, observation):
        """The child of each record was made as the record says."""
        for record in records:
            birth = observation.find_birth(record['child'])
            self.assertIsNotNone(birth, f'strace has not seen the child of {record}')
            self.assertEqual('CLONE_VM' in birth.flags, record['engine'] != 'fork',
                             f'{record}: {birth}')

    def check_forks(self, program, records, observation):
        """No copy of the program was made but for what the table names."""
        forked = {record['child'] for record in records if record['engine'] == 'fork'}
        others = [birth for birth in observation.list_forks()
                  if not forked.intersection(observation.list_descendants(birth.child))]
        commands = [observation.list_commands(birth.child)[:1] for birth in others]
        self.assertEqual(commands, [[fork.command] for fork in program.forks])


class Programs(TestCase):
    """One test for each row of the table."""

    @classmethod
    def add(cls, program):
        def test(self):
            self.check(program, self.use_with_gspawn(program, program.name))
        setattr(cls, 'test_' + program.name.replace('-', '_'), test)


class Control(TestCase):
    """What the others rely on: that a fork does not go unnoticed."""

    def test_plain_glib(self):
        observation = self.use(table.PROGRAMS[0], [], 'plain-glib')
        commands = [observation.list_commands(birth.child)[0]
                    for birth in observation.list_forks()]
        self.assertGreaterEqual(len(commands), 2)
        self.assertEqual(set(commands), {'sh'})

    def test_forced_fork(self):
        program = table.PROGRAMS[0]
        observation = self.use_with_gspawn(program, 'forced-fork', GSPAWN_ENGINE='fork')
        records = self.read_trace()
        with self.assertRaisesRegex(AssertionError, "'fork', 'forced'"):
            self.check_records(program, records)
        self.check_births(records, observation)
        self.check_forks(program, records, observation)
        with self.assertRaisesRegex(AssertionError, "'sh'"):
            self.check_forks(program, [], observation)
        for record in records:
            record['engine'] = 'clone'
        with self.assertRaisesRegex(AssertionError, "'clone'.*Birth"):
            self.check_births(records, observation)


# Starts a process that nobody is to find: in a session of its own, and without a parent. It holds
# standard output, and says that it is there.
STRAY = '''
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import custody
custody.run_in_custody()
here, there = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(1, b'x')
        os.write(there, b'x')
        signal.pause()
    os._exit(0)
os.read(here, 1)
os.wait()
{}
'''


class Custody(tap.TestCase):
    """Nothing that a test has started remains. A pipe that it holds says so."""

    def setUp(self):
        super().setUp()
        self.addCleanup(custody.end_descendants)

    def start_stray(self, then):
        process = subprocess.Popen(
            [sys.executable, '-c', STRAY.format(then), pathlib.Path(__file__).parent],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=self.environment)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.read(1), b'x')
        return process

    def test_after_the_end(self):
        process = self.start_stray('sys.exit(7)')
        self.assertEqual(process.stdout.read(), b'')
        self.assertEqual(process.wait(), 7)

    def test_after_a_signal(self):
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGKILL:
            process = self.start_stray('signal.pause()')
            process.send_signal(number)
            self.assertEqual(process.stdout.read(), b'')
            process.wait()


SERVICE = '''[D-BUS Service]
Name=org.gspawn.Test
Exec={spawner} sync false
'''

CALL = ['dbus-send', '--session', '--print-reply', '--dest=org.gspawn.Test', '/', 'org.gspawn.Run']


class Instances(TestCase):
    """What runs already is not taken over."""

    def test_running(self):
        screen = self.start_desktop()
        session = table.Session(screen, PICTURES / 'running-instance.png')
        for name in 'first.c', 'second.c':
            session.write(name, table.HELLO)
        geany = [shutil.which('geany') or '', '--no-terminal']
        options = {'env': screen.environment, 'cwd': session.work, 'stdin': subprocess.DEVNULL,
                   'stdout': screen.log, 'stderr': screen.log}
        tap.need(geany[0], 'there is no geany')
        subprocess.Popen([*geany, 'first.c'], **options)
        screen.wait_for_window(r'^first\.c - ')
        trace = self.directory / 'trace'
        subprocess.run([tap.GSPAWN, 'run', f'--trace={trace}', *geany, 'second.c'], check=True,
                       timeout=desktop.DEADLINE, **options)
        screen.wait_for_window(r'^second\.c - ')
        screen.press_until(['F8'], (session.work / 'second.o').exists, 'the object file')
        session.photograph()
        self.assertEqual(trace.read_text(), '')


class Services(TestCase):
    """A program that D-Bus starts inherits from the bus, not from who asks for it."""

    def call(self, *command):
        """Calls a service that launches, and ends without having become one."""
        services = self.directory / 'services' / 'dbus-1' / 'services'
        services.mkdir(parents=True)
        (services / 'org.gspawn.Test.service').write_text(SERVICE.format(spawner=tap.SPAWNER))
        environment = {**self.environment, 'XDG_DATA_DIRS': str(self.directory / 'services')}
        result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                timeout=desktop.DEADLINE, encoding='utf-8')
        self.assertIn('org.freedesktop.DBus.Error.Spawn', result.stderr)
        trace = self.directory / 'trace'
        return [record['program'] for record in (self.read_trace() if trace.exists() else [])]

    def get_run(self):
        return [tap.GSPAWN, 'run', *self.run_options, f'--trace={self.directory / "trace"}']

    def test_of_a_bus_outside(self):
        self.assertEqual(self.call(*self.bus, *self.get_run(), *CALL), [])

    def test_of_a_bus_inside(self):
        self.assertEqual(self.call(*self.get_run(), *self.bus, *CALL), ['spawner'])


for row in table.PROGRAMS:
    Programs.add(row)

if __name__ == '__main__':
    PICTURES.mkdir(parents=True, exist_ok=True)
    custody.run_in_custody()
    tap.main()
