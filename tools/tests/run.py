# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""gspawn run: PROGRAM's environment, its end, signals, the trace and the summary."""

import fcntl
import json
import os
import pathlib
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import termios

import tap

# With and without a gspawn that stays as the parent.
WAYS = [[], ['--summary']]

ENGINES = tap.list_engines()

# Says what it inherited.
SHOW_STATE = '''
import os, re, signal
status = open('/proc/self/status').read()
print(re.findall('(?m)^(?:SigBlk|SigIgn|SigCgt):.*', status))
print(sorted((int(fd), os.readlink(f'/proc/self/fd/{fd}').split(':')[0])
             for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')))
print(os.getpgid(0), os.getsid(0), os.umask(0), os.getcwd())
'''

# Says which signals it gets, until a SIGUSR2.
SHOW_SIGNALS = '''
import signal, sys
numbers = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
           signal.SIGALRM, signal.SIGTERM, signal.SIGTSTP, signal.SIGCONT,
           signal.SIGWINCH, signal.SIGRTMIN]
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
print('ready', flush=True)
while True:
    info = signal.sigwaitinfo(numbers)
    print(signal.Signals(info.si_signo).name, info.si_pid, flush=True)
    if info.si_signo == signal.SIGUSR2:
        sys.exit(7)
'''


# Runs a command in the foreground of its terminal, and continues it whenever it stops.
BE_A_SHELL = '''
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(pid, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgid(0))
    if not os.WIFSTOPPED(status):
        break
    print('stopped', os.WSTOPSIG(status), flush=True)
    os.tcsetpgrp(0, pid)
    os.killpg(pid, signal.SIGCONT)
print('ended', os.waitstatus_to_exitcode(status), flush=True)
'''

# Stops as editors and pagers do.
CLEAN_UP = '''
import os, signal
def stop(number, frame):
    for _ in range(1000):
        foreground = os.tcgetpgrp(0) == os.getpgid(0)
        if not foreground:
            break
    # Not print(), which may have been interrupted itself.
    os.write(1, b'foreground %r\\n' % foreground)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, stop)
    os.write(1, b'continued\\n')
signal.signal(signal.SIGTSTP, stop)
signal.signal(signal.SIGUSR1, lambda number, frame: os.write(1, b'received\\n'))
os.write(1, b'ready\\n')
while True:
    signal.pause()
'''


class TestCase(tap.TestCase):

    def start_python(self, way, code, **options):
        """Starts a Python program; its first line of output says that it is ready."""
        options.setdefault('stdout', subprocess.PIPE)
        process = self.start('run', *way, sys.executable, '-Ic', code,
                             encoding='utf-8', **options)
        if options['stdout'] == subprocess.PIPE:
            self.assertEqual(process.stdout.readline(), 'ready\n')
        return process


    @staticmethod
    def get_heading(n_first_choice, n_fork=0, n_errors=0):
        """The first line of a summary."""
        avoided = n_first_choice if ENGINES[0] != 'fork' else 0
        return (f'gspawn: spawns: {n_first_choice + n_fork + n_errors}, forks avoided: {avoided}, '
                f'errors: {n_errors}')


class Environment(TestCase):

    def show_environment(self, *options):
        output, _ = self.run_gspawn('run', *options, 'env')
        return dict(line.split('=', 1) for line in output.splitlines())

    def test_preload(self):
        for way in WAYS:
            environment = self.show_environment(*way)
            self.assertEqual(environment['LD_PRELOAD'], tap.DROPIN)
            self.assertNotIn('GI_TYPELIB_PATH', environment)
            self.assertEqual('GSPAWN_TRACE' in environment, way != [])

    def test_preload_keeps_what_was_there(self):
        libraries = subprocess.run(['ldd', sys.executable], stdout=subprocess.PIPE, check=True,
                                   encoding='utf-8').stdout
        libc = re.search(r'=> (\S*/libc\.so\S*)', libraries)[1]
        self.environment['LD_PRELOAD'] = libc
        self.assertEqual(self.show_environment()['LD_PRELOAD'], f'{tap.DROPIN}:{libc}')

    def test_empty_preload(self):
        self.environment['LD_PRELOAD'] = ''
        self.assertEqual(self.show_environment()['LD_PRELOAD'], tap.DROPIN)

    def test_relative_dropin(self):
        self.environment['GSPAWN_DROPIN'] = os.path.relpath(tap.DROPIN, self.directory)
        self.assertEqual(self.show_environment()['LD_PRELOAD'], tap.DROPIN)

    def test_nested(self):
        environment = self.show_environment(tap.GSPAWN, 'run', '--no-introspection')
        self.assertEqual(environment['LD_PRELOAD'], tap.DROPIN)

    def test_trace_is_absolute(self):
        self.assertEqual(self.show_environment('--trace=trace')['GSPAWN_TRACE'],
                         str(self.directory / 'trace'))

    def test_state(self):
        """Signals, descriptors, group, session, mask of modes and directory are as without."""
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)

        def prepare():
            signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR1, signal.SIGTERM])
            for number in signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGUSR2:
                signal.signal(number, signal.SIG_IGN)
            os.umask(0o027)

        script = self.write_script(SHOW_STATE)
        states = []
        for command in [], *[[tap.GSPAWN, 'run', '--no-introspection', *way, '--'] for way in WAYS]:
            states.append(subprocess.run(
                [*command, sys.executable, '-I', script], env=self.environment,
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, pass_fds=[write], restore_signals=False,
                preexec_fn=prepare, check=True, encoding='utf-8').stdout)
        self.assertIn('SigBlk', states[0])
        self.assertEqual(states[1], states[0])
        self.assertEqual(states[2], states[0])

    def test_closed_streams(self):
        """A PROGRAM whose standard streams were closed finds them closed."""
        count = 'n=0; for i in 0 1 2; do [ -e /proc/self/fd/$i ] && n=$((n + 1)); done; exit $n'
        for way in WAYS:
            command = [tap.GSPAWN, 'run', '--no-introspection', *way, 'sh', '-c', count]
            for redirections, expected in ('2> /dev/null', 3), ('0<&- 1>&- 2>&-', 0):
                process = subprocess.run(['sh', '-c', f'exec "$@" {redirections}', 'sh', *command],
                                         env=self.environment)
                self.assertEqual(process.returncode, expected)

    def test_closed_streams_are_not_reused(self):
        """Messages of gspawn do not go into whatever file it opened next."""
        script = 'for i in 0 1 2; do [ /proc/$PPID/fd/$i -ef /dev/null ] || exit 1; done'
        subprocess.run(['sh', '-c', 'exec "$@" 0<&- 1>&- 2>&-', 'sh', tap.GSPAWN, 'run',
                        '--no-introspection', '--summary', 'sh', '-c', script],
                       env=self.environment, check=True)

    def test_inherited_children(self):
        """Children that gspawn did not make are not taken for PROGRAM."""
        script = self.write_script('#!/bin/sh\n(exit 3) &\nexec "$@"\n')
        process = subprocess.run([script, tap.GSPAWN, 'run', '--no-introspection', '--summary',
                                  'sh', '-c', 'exit 5'],
                                 env=self.environment, stderr=subprocess.DEVNULL)
        self.assertEqual(process.returncode, 5)


class End(TestCase):

    def test_exit_status(self):
        for way in WAYS:
            for status in 0, 1, 2, 121, 127, 255:
                self.run_gspawn('run', *way, 'sh', '-c', f'exit {status}', status=status)

    def test_signal(self):
        for way in WAYS:
            for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP,
                           signal.SIGPIPE, signal.SIGSEGV, signal.SIGABRT, signal.SIGRTMIN):
                self.run_gspawn('run', *way, 'sh', '-c', f'kill -{int(number)} $$',
                                status=-number)

    def test_no_core(self):
        """Only PROGRAM dumps core."""
        _, limit = resource.getrlimit(resource.RLIMIT_CORE)
        tap.need(limit != 0, 'core dumps are forbidden')
        process = self.start(
            'run', '--summary', 'sh', '-c', 'ulimit -c 0; kill -SEGV $$', stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, limit)))
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, -signal.SIGSEGV)
        self.assertFalse(os.WCOREDUMP(status))

    def test_in_place(self):
        """Without anything to do at the end, PROGRAM takes gspawn's place."""
        for option in [], ['--trace=trace']:
            process = self.start('run', *option, 'sh', '-c', 'echo $$', stdout=subprocess.PIPE,
                                 encoding='utf-8')
            output, _ = process.communicate(timeout=tap.TIMEOUT)
            self.assertEqual(int(output), process.pid)

    def test_daemon(self):
        """Does not wait for what PROGRAM leaves behind."""
        read, write = os.pipe()
        self.addCleanup(os.close, write)
        process = self.start('run', '--summary', 'sh', '-c',
                             'exec 3<&0; cat <&3 > /dev/null 2>&1 & :', stdin=read,
                             stderr=subprocess.PIPE)
        os.close(read)
        _, errors = process.communicate(timeout=tap.TIMEOUT)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b'spawns: 0', errors)


class Signals(TestCase):

    def read_signals(self, process):
        output, _ = process.communicate(timeout=tap.TIMEOUT)
        self.assertEqual(process.returncode, 7)
        return [line.split() for line in output.splitlines()]

    def test_forwarded(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1,
                       signal.SIGALRM, signal.SIGTERM, signal.SIGTSTP, signal.SIGWINCH,
                       signal.SIGRTMIN):
            process = self.start_python(['--summary'], SHOW_SIGNALS, stderr=subprocess.DEVNULL)
            os.kill(process.pid, number)
            self.assertEqual(process.stdout.readline().split(), [number.name, str(process.pid)])
            os.kill(process.pid, signal.SIGUSR2)
            self.assertEqual(self.read_signals(process), [['SIGUSR2', str(process.pid)]])

    def test_fatal(self):
        code = 'import signal; print("ready", flush=True); signal.pause()'
        for way in WAYS:
            for number in signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1:
                process = self.start_python(way, code, stderr=subprocess.PIPE)
                os.kill(process.pid, number)
                _, errors = process.communicate(timeout=tap.TIMEOUT)
                self.assertEqual(process.returncode, -number)
                self.assertEqual('spawns: 0' in errors, way != [])

    def test_own(self):
        """What PROGRAM sends to its group is not sent back to it."""
        code = SHOW_SIGNALS.replace("print('ready', flush=True)",
                                    "import os; print('ready', flush=True); "
                                    "os.kill(0, signal.SIGUSR1)")
        process = self.start_python(['--summary'], code, stderr=subprocess.DEVNULL,
                                    start_new_session=True)
        first = process.stdout.readline().split()
        self.assertEqual(first[0], 'SIGUSR1')
        self.assertNotEqual(first[1], str(process.pid))
        os.kill(process.pid, signal.SIGUSR2)
        self.assertEqual(self.read_signals(process), [['SIGUSR2', str(process.pid)]])

    def test_stop(self):
        """A PROGRAM that stops itself stops gspawn, and both go on together."""
        code = ('import os, signal\n'
                'print("ready", flush=True)\n'
                'os.kill(os.getpid(), signal.SIGTSTP)\n'
                'raise SystemExit(3)\n')
        # Its group must have a parent in the same session, as a shell is.
        for proceed in os.killpg, os.kill:
            process = self.start_python(['--summary'], code, stderr=subprocess.DEVNULL,
                                        preexec_fn=lambda: os.setpgid(0, 0))
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            self.assertTrue(os.WIFSTOPPED(status))
            self.assertEqual(os.WSTOPSIG(status), signal.SIGTSTP)
            proceed(process.pid, signal.SIGCONT)
            self.assertEqual(process.wait(timeout=tap.TIMEOUT), 3)

    def test_stopped_from_outside(self):
        """What stops PROGRAM alone does not stop gspawn, which passes on what continues it."""
        process = self.start_python(['--summary'], SHOW_SIGNALS, stderr=subprocess.PIPE)
        program, = tap.list_children(process.pid)
        os.kill(program, signal.SIGSTOP)
        while 'State:\tT' not in pathlib.Path(f'/proc/{program}/status').read_text():
            pass
        os.kill(process.pid, signal.SIGUSR1)
        os.kill(process.pid, signal.SIGCONT)
        names = [process.stdout.readline().split()[0] for _ in range(2)]
        self.assertEqual(sorted(names), ['SIGCONT', 'SIGUSR1'])
        os.kill(process.pid, signal.SIGUSR2)
        self.assertEqual(self.read_signals(process), [['SIGUSR2', str(process.pid)]])

    @staticmethod
    def end_in_terminal(process):
        try:
            if os.waitpid(process, os.WNOHANG) == (0, 0):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
        except ChildProcessError:
            pass

    def start_in_terminal(self, *command):
        """Returns a process, and a function that reads a line that it writes to its terminal."""
        process, master = pty.fork()
        if process == 0:
            # No echo between the lines, and no key that discards one.
            attributes = termios.tcgetattr(0)
            attributes[3] = attributes[3] & ~termios.ECHO | termios.NOFLSH
            termios.tcsetattr(0, termios.TCSANOW, attributes)
            os.chdir(self.directory)
            os.execve(command[0], command, self.environment)
        self.addCleanup(self.end_in_terminal, process)
        terminal = open(master, 'r+b', buffering=0)
        self.addCleanup(terminal.close)

        def read_line():
            line = b''
            while not line.endswith(b'\n'):
                line += terminal.read(1)
            return line.decode().split()

        return process, terminal, read_line

    def test_terminal(self):
        """The keys of the terminal reach PROGRAM once, from the terminal."""
        process, terminal, read_line = self.start_in_terminal(
            tap.GSPAWN, 'run', '--no-introspection', '--summary', sys.executable, '-Ic',
            SHOW_SIGNALS)
        self.assertEqual(read_line(), ['ready'])
        for _ in range(10):
            for key, name in ((b'\x03', 'SIGINT'), (b'\x1c', 'SIGQUIT'), (b'\x1a', 'SIGTSTP')):
                terminal.write(key)
                self.assertEqual(read_line(), [name, '0'])
            # Comes after all that gspawn had to pass on before.
            os.kill(process, signal.SIGUSR1)
            self.assertEqual(read_line(), ['SIGUSR1', str(process)])
        os.kill(process, signal.SIGUSR2)
        self.assertEqual(read_line(), ['SIGUSR2', str(process)])
        self.assertIn('spawns:', read_line())
        _, status = os.waitpid(process, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 7)

    def test_terminal_stop(self):
        """A PROGRAM that cleans up before it stops has the terminal until it has stopped."""
        process, terminal, read_line = self.start_in_terminal(
            sys.executable, '-Ic', BE_A_SHELL, tap.GSPAWN, 'run', '--no-introspection',
            '--summary', sys.executable, '-Ic', CLEAN_UP)
        self.assertEqual(read_line(), ['ready'])
        gspawn, = tap.list_children(process)
        for _ in range(10):
            # A key that comes before gspawn has noticed that it goes on stops it at once.
            os.kill(gspawn, signal.SIGUSR1)
            self.assertEqual(read_line(), ['received'])
            terminal.write(b'\x1a')
            self.assertEqual(read_line(), ['foreground', 'True'])
            self.assertEqual(read_line(), ['stopped', '20'])
            self.assertEqual(read_line(), ['continued'])
        terminal.write(b'\x1c')
        self.assertIn('spawns:', read_line())
        self.assertEqual(read_line(), ['ended', '-3'])
        os.waitpid(process, 0)


class Trace(TestCase):

    KEYS = ['child', 'command', 'engine', 'error', 'function', 'microseconds', 'pid', 'program',
            'reason', 'time']

    def test_file(self):
        output, errors = self.run_gspawn('run', '--trace=trace', tap.SPAWNER, 'async', 'true')
        self.assertEqual(errors, '')
        record, = self.read_trace()
        self.assertEqual(sorted(record), self.KEYS)
        self.assertEqual(record['child'], int(output))
        self.assertEqual(record['program'], 'spawner')
        self.assertEqual(record['command'], 'true')
        self.assertEqual(record['function'], 'g_spawn_async')
        self.assertIsNone(record['error'])

    def test_file_is_appended_to(self):
        for _ in range(2):
            self.run_gspawn('run', '--trace=trace', tap.SPAWNER, 'sync', 'true')
        self.assertEqual(len(self.read_trace()), 2)

    def test_error(self):
        _, errors = self.run_gspawn('run', '--trace=trace', tap.SPAWNER, 'sync', '/no/such',
                                    status=1)
        record, = self.read_trace()
        self.assertIsNone(record['child'])
        self.assertEqual(sorted(record['error']), ['code', 'domain', 'message'])
        self.assertIn(record['error']['message'], errors)

    def test_standard_error(self):
        _, errors = self.run_gspawn('run', '--trace', tap.SPAWNER, 'sync', 'true')
        record, = [json.loads(line) for line in errors.splitlines()]
        self.assertEqual(record['command'], 'true')

    def test_program_is_not_the_file(self):
        """The argument after --trace is PROGRAM."""
        output, _ = self.run_gspawn('run', '--trace', 'echo', 'x')
        self.assertEqual(output, 'x\n')

    def test_file_and_standard_error(self):
        _, errors = self.run_gspawn('run', '--trace=trace', '--trace', tap.SPAWNER, 'sync', 'true')
        self.assertEqual((self.directory / 'trace').read_text(), errors)

    def test_live(self):
        """Lines reach standard error while PROGRAM runs."""
        process = self.start('run', '--trace', 'sh', '-c', '"$0" sync true; read line',
                             tap.SPAWNER, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                             encoding='utf-8')
        self.assertEqual(json.loads(process.stderr.readline())['command'], 'true')
        self.assertIsNone(process.poll())
        _, errors = process.communicate('end\n', timeout=tap.TIMEOUT)
        self.assertEqual((process.returncode, errors), (0, ''))

    def test_reader_that_does_not_read(self):
        """Signals are passed on while standard error takes no more lines."""
        read, write = os.pipe()
        reader = open(read, 'rb')
        self.addCleanup(reader.close)
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        process = self.start('run', '--trace', tap.SPAWNER, 'forever', 'true',
                             stdout=subprocess.PIPE, stderr=write)
        os.close(write)
        # Each line is longer than 100 bytes.
        for _ in range(200):
            self.assertNotEqual(process.stdout.readline(), b'')
        program, = tap.list_children(process.pid)
        program_fd = os.pidfd_open(program)
        self.addCleanup(os.close, program_fd)
        process.terminate()
        self.assertTrue(select.select([program_fd], [], [], tap.TIMEOUT)[0])
        # One more ends the wait for the reader, once gspawn knows that PROGRAM has ended.
        while process.poll() is None:
            process.terminate()
        self.assertEqual(process.returncode, -signal.SIGTERM)

    def test_reader_that_is_gone(self):
        process = self.start('run', '--trace', 'sh', '-c', 'read line; "$0" sync true',
                             tap.SPAWNER, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                             encoding='utf-8')
        process.stderr.close()
        process.stdin.write('go\n')
        process.stdin.close()
        self.assertEqual(process.wait(timeout=tap.TIMEOUT), 0)

    # Child setup functions need the fork engine.
    if 'fork' in ENGINES:
        def test_tree(self):
            """Whichever process of the tree spawns, a line says so."""
            code = ('import subprocess, sys\n'
                    'subprocess.run([sys.argv[1], "async", "true"], check=True)\n')
            self.run_gspawn('run', '--trace=trace', 'sh', '-c',
                            '"$0" sync "$0" setup true; "$1" -Ic "$2" "$0"',
                            tap.SPAWNER, sys.executable, code)
            records = self.read_trace()
            self.assertEqual(sorted((record['function'], os.path.basename(record['command']),
                                     record['engine']) for record in records),
                             sorted([('g_spawn_async', 'true', ENGINES[0]),
                                     ('g_spawn_async', 'true', 'fork'),
                                     ('g_spawn_sync', 'spawner', ENGINES[0])]))
            self.assertEqual(len({record['pid'] for record in records}), 3)

    def test_many_processes(self):
        """Lines of processes that spawn at once do not mix."""
        self.run_gspawn('run', '--trace=trace', 'sh', '-c',
                        'for i in 1 2 3 4 5 6 7 8; do '
                        '(for j in 1 2 3 4 5; do "$0" sync true; done) & done; wait', tap.SPAWNER)
        records = self.read_trace()
        self.assertEqual(len(records), 40)
        self.assertEqual({record['command'] for record in records}, {'true'})

    def test_names(self):
        """Names with spaces, quotes, control characters and bytes that are not UTF-8."""
        names = {b'a b': 'a b', b'a"b\\c': 'a"b\\c', b'a\n\x1b\x7f': 'a\n\x1b\x7f',
                 b'\xc3\xa9': '\xe9', b'x\xff\xfey': 'x\ufffd\ufffdy'}
        for name, expected in names.items():
            path = os.fsencode(self.directory) + b'/' + name
            with open(path, 'wb') as script:
                script.write(b'#!/bin/sh\n')
            os.chmod(path, 0o755)
            _, errors = self.run_gspawn('run', '--trace=trace', '--summary', tap.SPAWNER, 'sync',
                                        path)
            self.assertEqual(self.read_trace()[-1]['command'], f'{self.directory}/{expected}')
            self.assertIn(self.get_heading(1), errors)
            self.assertNotRegex(errors, r'[\x00-\x09\x0b-\x1f\x7f]')

    def test_nested(self):
        """Of a gspawn within another one, both have the lines."""
        _, errors = self.run_gspawn('run', '--trace=trace', tap.GSPAWN, 'run',
                                    '--no-introspection', '--summary', tap.SPAWNER, 'sync', 'true')
        self.assertEqual(len(self.read_trace()), 1)
        self.assertIn('spawns: 1', errors)

    def test_temporary_files_are_removed(self):
        for arguments in (['true'], ['no-such-program'], ['sh', '-c', 'kill -9 $$']):
            process = self.start('run', '--trace', '--summary', *arguments,
                                 stderr=subprocess.DEVNULL)
            process.wait(timeout=tap.TIMEOUT)
            self.assertEqual(list(self.temporary.iterdir()), [])

    def test_named_pipe(self):
        """A file that cannot be read back gets the lines, and the summary counts them."""
        path = self.directory / 'pipe'
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        _, errors = self.run_gspawn('run', '--trace=pipe', '--summary', tap.SPAWNER, 'sync',
                                    'true')
        self.assertIn('spawns: 1', errors)
        self.assertEqual(json.loads(os.read(reader, 65536))['command'], 'true')

    def test_named_pipe_without_reader(self):
        os.mkfifo(self.directory / 'pipe')
        for way in WAYS:
            _, errors = self.run_gspawn('run', '--trace=pipe', *way, 'true', status=122)
            self.assertIn(str(self.directory / 'pipe'), errors)

    def test_two_sinks(self):
        _, errors = self.run_gspawn('run', '--trace=/dev/null', '--trace', 'true', status=122)
        self.assertIn('/dev/null', errors)


class Summary(TestCase):

    def summarize(self, *command, options=('--summary',), status=0):
        _, errors = self.run_gspawn('run', *options, *command, status=status)
        return [' '.join(line.split()) for line in errors.splitlines()]

    def test_empty(self):
        self.assertEqual(self.summarize('true'),
                         [self.get_heading(0)])

    if {'clone', 'fork'} <= set(ENGINES):
        def test_table(self):
            lines = self.summarize('sh', '-c', '"$0" sync true; "$0" setup true; "$0" async true; '
                                   '"$0" sync /no/such; true', tap.SPAWNER)
            first = next(i for i, line in enumerate(lines) if line.startswith('gspawn:'))
            lines = lines[first:]
            self.assertEqual(lines[0], self.get_heading(2, n_fork=1, n_errors=1))
            self.assertEqual(lines[2], 'engine reason calls median/us max/us')
            self.assertRegex(lines[3], r'^clone first-choice 3 \d+\.\d \d+\.\d$')
            self.assertRegex(lines[4], r'^fork child-setup 1 (\d+\.\d) \1$')
            self.assertEqual(lines[6:8], ['Slowest calls:',
                                          'us engine pid program, function, command'])
            slowest = [line.split() for line in lines[8:12]]
            self.assertEqual(sorted(float(line[0]) for line in slowest)[::-1],
                             [float(line[0]) for line in slowest])
            self.assertEqual(sorted(line[-1] for line in slowest),
                             ['/no/such', 'true', 'true', 'true'])
            self.assertEqual(lines[13], 'Errors:')
            self.assertRegex(lines[14], r'^1 g-exec-error-quark \d+: .*/no/such')

    def test_forced_engine(self):
        for name in ENGINES:
            self.environment['GSPAWN_ENGINE'] = name
            lines = self.summarize(tap.SPAWNER, 'sync', 'true')
            self.assertEqual(lines[0], 'gspawn: spawns: 1, forks avoided: '
                             f'{int(name != "fork")}, errors: 0')
            self.assertRegex(lines[3], f'^{name} forced 1 ')

    def test_after_signal(self):
        lines = self.summarize('sh', '-c', '"$0" sync true; kill -9 $$', tap.SPAWNER,
                               status=-signal.SIGKILL)
        self.assertEqual(lines[0], self.get_heading(1))

    def test_garbage(self):
        """What other programs write into the trace is counted, to a line without an end."""
        script = ('echo garbage >> "$GSPAWN_TRACE"; "$0" sync true; '
                  'head -c 1000000 /dev/zero | tr "\\0" "[" >> "$GSPAWN_TRACE"; '
                  'echo >> "$GSPAWN_TRACE"; printf "{\\"time\\":1" >> "$GSPAWN_TRACE"')
        lines = self.summarize('sh', '-c', script, tap.SPAWNER)
        self.assertEqual(lines[0], self.get_heading(1))
        self.assertEqual(lines[-1], 'Lines of the trace that are no records: 3')

    def test_garbage_is_not_forwarded(self):
        lines = self.summarize('sh', '-c', 'echo garbage >> "$GSPAWN_TRACE"',
                               options=['--trace'])
        self.assertEqual(lines, ['gspawn: lines of the trace that are no records: 1'])

    def test_earlier_lines(self):
        """What was in the file before is not of this run, even if its last line is cut."""
        (self.directory / 'trace').write_text('garbage\n{"time":1')
        lines = self.summarize(tap.SPAWNER, 'sync', 'true', options=['--summary', '--trace=trace'])
        self.assertEqual(lines[0], self.get_heading(1))

    def test_removed_file(self):
        lines = self.summarize('sh', '-c', 'rm "$GSPAWN_TRACE"; : > "$GSPAWN_TRACE"')
        self.assertEqual(lines, [self.get_heading(0)])

    def test_trace_and_summary(self):
        lines = self.summarize(tap.SPAWNER, 'sync', 'true', options=['--trace', '--summary'])
        self.assertEqual(json.loads(lines[0])['command'], 'true')
        self.assertEqual(lines[1], self.get_heading(1))


if __name__ == '__main__':
    tap.main()
