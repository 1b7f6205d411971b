#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Templates and processes as Python sees them: names, exceptions, main loops and threads.

With --nobody as who has no privileges, whose launches go another way than those of root.
"""

import asyncio
import ctypes
import fcntl
import os
import pathlib
import signal
import sys
import tempfile
import threading
import unittest

import gi
gi.require_version('GSpawn', '1.0')
from gi.repository import Gio, GLib, GSpawn  # noqa: E402

NOBODY = 65534
PR_SET_DUMPABLE = 4


def become_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def script(text):
    return GSpawn.Template.new(['/bin/sh', '-c', text, 'sh'], GLib.SpawnFlags.DEFAULT)


def call(start, *arguments, finish, cancellable=None, context=None):
    """Calls an asynchronous function, and iterates the context until its outcome is there."""
    results = []
    start(*arguments, cancellable, lambda source, result: results.append(result))
    assert not results, 'the callback came before the call was over'
    context = context or GLib.MainContext.default()
    while not results:
        context.iteration(True)
    return finish(results[0])


def launch(template, arguments=None, **others):
    return call(template.launch_async, arguments, finish=template.launch_finish, **others)


def read(stream):
    """All there is: a read gives what one write has written, perhaps."""
    text = b''
    while data := stream.read_bytes(1000, None).get_data():
        text += data
    return text


class Templates(unittest.TestCase):
    def setUp(self):
        self.descriptors = sorted(os.listdir('/proc/self/fd'))

    def tearDown(self):
        # A thread of the library's sees to what nobody has any more.
        for _ in range(10**5):
            if sorted(os.listdir('/proc/self/fd')) == self.descriptors and not self.has_child():
                break
            os.sched_yield()
        self.assertEqual(sorted(os.listdir('/proc/self/fd')), self.descriptors)
        self.assertFalse(self.has_child())

    @staticmethod
    def has_child():
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def assertRefused(self, function, *arguments, code=GLib.SpawnError.INVAL):
        with self.assertRaises(GLib.Error) as context:
            function(*arguments)
        self.assertTrue(context.exception.matches(GLib.spawn_error_quark(), code),
                        context.exception)
        return context.exception.message

    def test_launch(self):
        process = script('exit $1').launch(['3'])
        self.assertTrue(process.wait(None))
        self.assertEqual((process.get_if_exited(), process.get_exit_status()), (True, 3))
        self.assertEqual((process.get_if_signaled(), process.get_term_sig()), (False, -1))
        self.assertEqual(os.WEXITSTATUS(process.get_wait_status()), 3)
        self.assertEqual(process.get_launch_kind(), GSpawn.LaunchKind.WAITING)
        self.assertIsInstance(process.get_engine(), GSpawn.Engine)
        self.assertGreater(process.get_max_rss(), 0)
        self.assertGreaterEqual(process.get_user_time(), 0)
        self.assertGreaterEqual(process.get_system_time(), 0)
        with self.assertRaises(GLib.Error) as context:
            process.wait_check(None)
        self.assertEqual((context.exception.domain, context.exception.code),
                         ('g-spawn-exit-error-quark', 3))

    def test_streams(self):
        template = script('cat; echo error >&2')
        for stream in GSpawn.Stream.INPUT, GSpawn.Stream.OUTPUT, GSpawn.Stream.ERROR:
            template.set_stream(stream, GSpawn.StreamKind.PIPE)
        process = template.launch(None)
        process.get_stdin_pipe().write_all(b'through', None)
        process.get_stdin_pipe().close(None)
        self.assertEqual(read(process.get_stdout_pipe()), b'through')
        self.assertEqual(read(process.get_stderr_pipe()), b'error\n')
        self.assertTrue(process.wait_check(None))

    def test_no_streams(self):
        process = script('exit 0').launch(None)
        self.assertIsNone(process.get_stdin_pipe())
        self.assertIsNone(process.get_stdout_pipe())
        self.assertIsNone(process.get_stderr_pipe())
        process.wait(None)

    def test_own(self):
        template = script('echo $A $B $1 ${C-none}; pwd; umask')
        attributes = GSpawn.Attributes.new()
        attributes.set_umask(0o051)
        template.set_environment(['A=one', 'C=three'])
        template.set_working_directory('/usr')
        template.set_attributes(attributes)
        own = GSpawn.Launch.new(['four'])
        own.set_variable('B', 'two')
        own.set_variable('C', None)
        own.set_stream(GSpawn.Stream.OUTPUT, GSpawn.StreamKind.PIPE)
        for process in (template.launch_with(own),
                        call(template.launch_with_async, own,
                             finish=template.launch_with_finish)):
            self.assertEqual(read(process.get_stdout_pipe()), b'one two four none\n/usr\n0051\n')
            self.assertTrue(process.wait_check(None))
        self.assertRefused(own.set_variable, 'B', 'three')
        self.assertRefused(template.set_environment, ['A=two'])

    def test_descriptors(self):
        template = script('echo to 5 >&5; echo to 1')
        with tempfile.TemporaryFile() as file:
            template.set_fd(file.fileno(), 5)
            template.set_stream_fd(GSpawn.Stream.OUTPUT, file.fileno())
            template.launch(None).wait_check(None)
            file.seek(0)
            self.assertEqual(file.read(), b'to 5\nto 1\n')

    def test_bad_values(self):
        template = script('exit 0')
        self.assertRefused(GSpawn.Template.new, [], 0)
        self.assertRefused(GSpawn.Template.new, ['true'], GLib.SpawnFlags(1 << 30))
        self.assertRefused(template.set_working_directory, '')
        self.assertRefused(template.set_stream_fd, GSpawn.Stream.INPUT, -1)
        self.assertRefused(template.set_fd, 999, 5)
        self.assertRefused(template.set_fd, 0, 1)
        self.assertRefused(GSpawn.Launch.new(None).set_variable, 'A=B', 'C')
        self.assertRefused(GSpawn.Launch.new(None).set_fd, 999, 5)
        for wrong in lambda: GSpawn.Template.new(None, 0), \
                lambda: template.launch([1]), lambda: template.set_attributes(1):
            self.assertRaises(TypeError, wrong)

    def test_unconstructed(self):
        template, process = GSpawn.Template(), GSpawn.Process()
        self.assertRefused(template.launch, None)
        self.assertRefused(template.set_fd, 0, 5)
        self.assertRefused(launch, template)
        self.assertRefused(process.wait, None)
        self.assertRefused(process.force_exit)
        self.assertRefused(lambda: call(process.wait_async, finish=process.wait_finish))
        self.assertFalse(process.has_ended())
        self.assertEqual(process.get_pid(), -1)

    def test_errors(self):
        for path, code in ('/nonexistent/program', GLib.SpawnError.NOENT), \
                ('/usr', GLib.SpawnError.ACCES):
            template = GSpawn.Template.new([path], 0)
            self.assertEqual(self.assertRefused(template.launch, None, code=code),
                             self.assertRefused(launch, template, code=code))

    def test_async(self):
        process = launch(script('exit $1'), ['4'])
        expected = GSpawn.LaunchKind.WORKER if os.getuid() == 0 else GSpawn.LaunchKind.ASYNCHRONOUS
        if os.environ.get('GSPAWN_MUST_WORK') == '1' or os.getuid() == 0:
            self.assertEqual(process.get_launch_kind(), expected)
        self.assertTrue(call(process.wait_async, finish=process.wait_finish))
        self.assertEqual(process.get_exit_status(), 4)

    def test_cancelled_before(self):
        with tempfile.TemporaryFile() as file:
            template = script('echo ran >&5')
            template.set_fd(file.fileno(), 5)
            cancellable = Gio.Cancellable.new()
            cancellable.cancel()
            with self.assertRaises(GLib.Error) as context:
                launch(template, cancellable=cancellable)
            self.assertTrue(context.exception.matches(Gio.io_error_quark(),
                                                      Gio.IOErrorEnum.CANCELLED))
            self.assertEqual(os.fstat(file.fileno()).st_size, 0)

    def test_cancelled_in_flight(self):
        """Nobody can execute a file on which there is a lease, so the launch is not decided."""
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, 'slow')
            path.write_text('#!/bin/sh\n')
            path.chmod(0o700)
            with path.open('rb') as file:
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
                self.addCleanup(signal.pthread_sigmask, signal.SIG_UNBLOCK, [signal.SIGIO])
                try:
                    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                except OSError as error:
                    self.assertNotEqual(os.environ.get('GSPAWN_MUST_WORK'), '1')
                    self.skipTest(f'there is no lease on a file: {error}')
                cancellable = Gio.Cancellable.new()
                results = []
                template = GSpawn.Template.new([str(path)], 0)
                template.launch_async(None, cancellable,
                                      lambda source, result: results.append(result))
                # Somebody has tried to.
                signal.sigwait([signal.SIGIO])
                threading.Thread(target=cancellable.cancel).start()
                while not results:
                    GLib.MainContext.default().iteration(True)
                with self.assertRaises(GLib.Error) as context:
                    template.launch_finish(results[0])
                self.assertTrue(context.exception.matches(Gio.io_error_quark(),
                                                          Gio.IOErrorEnum.CANCELLED))
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    def test_cancelled_after(self):
        cancellable = Gio.Cancellable.new()
        process = launch(script('exit 5'), cancellable=cancellable)
        cancellable.cancel()
        process.wait(None)
        self.assertEqual(process.get_exit_status(), 5)

    def test_many(self):
        template = script('exit $1')
        outcomes = {}

        def on_launched(source, result, number):
            source.launch_finish(result).wait_async(None, on_ended, number)

        def on_ended(process, result, number):
            self.assertTrue(process.wait_finish(result))
            outcomes[number] = process.get_exit_status()

        for number in range(250):
            template.launch_async([str(number)], None, on_launched, number)
        del template
        while len(outcomes) < 250:
            GLib.MainContext.default().iteration(True)
        self.assertEqual(outcomes, {number: number for number in range(250)})

    def test_thread(self):
        """The callbacks come in the context of the thread, which is not the default one."""
        statuses = []

        def run():
            context = GLib.MainContext.new()
            context.push_thread_default()
            for number in range(5):
                process = launch(script('exit $1'), [str(number)], context=context)
                call(process.wait_async, finish=process.wait_finish, context=context)
                statuses.append(process.get_exit_status())
            context.pop_thread_default()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        self.assertEqual(statuses, list(range(5)))

    def test_waits(self):
        template = script('read line')
        template.set_stream(GSpawn.Stream.INPUT, GSpawn.StreamKind.PIPE)
        process = template.launch(None)
        self.assertFalse(process.has_ended())
        self.assertEqual((process.get_wait_status(), process.get_user_time()), (-1, -1))
        cancellable, outcomes = Gio.Cancellable.new(), []

        def on_ended(source, result):
            try:
                outcomes.append(source.wait_finish(result))
            except GLib.Error as error:
                outcomes.append(error.code)

        for which in None, cancellable, None:
            process.wait_async(which, on_ended)
        threads = [threading.Thread(target=process.wait, args=[None]) for _ in range(3)]
        for thread in threads:
            thread.start()
        cancellable.cancel()
        while not outcomes:
            GLib.MainContext.default().iteration(True)
        self.assertEqual(outcomes, [Gio.IOErrorEnum.CANCELLED])
        self.assertFalse(process.has_ended())
        process.get_stdin_pipe().close(None)
        while len(outcomes) < 3:
            GLib.MainContext.default().iteration(True)
        for thread in threads:
            thread.join()
        self.assertEqual(outcomes[1:], [True, True])

    def test_wait_cancelled(self):
        template = script('read line')
        template.set_stream(GSpawn.Stream.INPUT, GSpawn.StreamKind.PIPE)
        process = template.launch(None)
        cancellable = Gio.Cancellable.new()
        thread = threading.Thread(target=cancellable.cancel)
        thread.start()
        self.assertRaises(GLib.Error, process.wait, cancellable)
        thread.join()
        process.force_exit()
        process.wait(None)
        self.assertTrue(process.get_if_signaled())
        self.assertEqual(process.get_term_sig(), signal.SIGKILL)
        self.assertRefused(process.send_signal, signal.SIGTERM, code=GLib.SpawnError.FAILED)
        self.assertRefused(process.send_signal, 1000)

    def test_given_up(self):
        template = script('read line')
        template.set_stream(GSpawn.Stream.INPUT, GSpawn.StreamKind.PIPE)
        template.launch(None)
        launch(template)

    def test_asyncio(self):
        """In a loop that is not GLib's: its descriptor says when the process has ended."""
        process = script('exit 6').launch(None)
        if process.get_pidfd() < 0:
            self.skipTest('the kernel has no descriptors of processes')

        async def wait():
            loop = asyncio.get_running_loop()
            ended = loop.create_future()
            loop.add_reader(process.get_pidfd(), ended.set_result, None)
            await ended
            loop.remove_reader(process.get_pidfd())
            return process.has_ended()

        self.assertTrue(asyncio.run(wait()))
        self.assertEqual(process.get_exit_status(), 6)


def settle():
    """What is opened once is there before a test looks."""
    process = launch(script('exit 0'), cancellable=Gio.Cancellable.new())
    call(process.wait_async, finish=process.wait_finish, cancellable=Gio.Cancellable.new())


if __name__ == '__main__':
    if '--nobody' in sys.argv:
        sys.argv.remove('--nobody')
        # Its libraries may be where nobody else can read.
        script('exit 0')
        become_nobody()
    settle()
    unittest.main()
