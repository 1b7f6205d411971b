# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Introspected calls are taken over, through a typelib that is compiled, kept and not trusted."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import tap

PYTHON = os.environ['GSPAWN_TEST_PYTHON']
GJS = os.environ['GSPAWN_TEST_GJS']

SYNC_IN_PYTHON = '''
from gi.repository import GLib
assert GLib.spawn_sync(None, ["true"], None, GLib.SpawnFlags.SEARCH_PATH, None, None)[0]
'''

ALL_IN_PYTHON = '''
import os
from gi.repository import GLib, Gio
flags = GLib.SpawnFlags.SEARCH_PATH
GLib.spawn_sync(None, ["true"], None, flags, None, None)
GLib.spawn_command_line_sync("true")
GLib.spawn_command_line_async("true")
os.waitpid(GLib.spawn_async(["true"], flags=flags | GLib.SpawnFlags.DO_NOT_REAP_CHILD)[0], 0)
Gio.Subprocess.new(["true"], Gio.SubprocessFlags.NONE).wait_check()
'''

ALL_IN_JAVASCRIPT = '''
const {GLib, Gio} = imports.gi;
const flags = GLib.SpawnFlags.SEARCH_PATH;
GLib.spawn_sync(null, ['true'], null, flags, null);
GLib.spawn_command_line_sync('true');
GLib.spawn_command_line_async('true');
GLib.spawn_async(null, ['true'], null, flags, null);
GLib.spawn_async_with_pipes(null, ['true'], null, flags, null);
Gio.Subprocess.new(['true'], Gio.SubprocessFlags.NONE).wait_check(null);
'''


ENGINES = tap.list_engines()


def find_missing():
    """What gspawn lacks to compile a typelib, in its own words."""
    with tempfile.TemporaryDirectory() as home:
        result = subprocess.run([tap.GSPAWN, 'run', 'true'], stderr=subprocess.PIPE, check=True,
                                env={**os.environ, 'HOME': home, 'XDG_CACHE_HOME': ''},
                                encoding='utf-8')
        return result.stderr.strip()


MISSING = find_missing()


class TestCase(tap.TestCase):

    run_options = []

    def setUp(self):
        super().setUp()
        tap.need(PYTHON, 'no Python that can import gi')
        tap.need(not MISSING, MISSING)
        self.cache = self.home / '.cache' / 'gspawn'

    def run_python(self, code=SYNC_IN_PYTHON, options=(), status=0, **popen_options):
        return self.run_gspawn('run', '--trace=trace', *options, PYTHON, '-Ic', code,
                               status=status, **popen_options)

    def assert_taken_over(self, **options):
        """GLib.spawn_sync() in Python leaves a record, and gspawn says nothing."""
        trace = self.directory / 'trace'
        trace.unlink(missing_ok=True)
        output, errors = self.run_python(**options)
        self.assertEqual((output, errors), ('', ''))
        self.assertEqual([record['function'] for record in self.read_trace()], ['g_spawn_sync'])

    def assert_not_taken_over(self, **options):
        trace = self.directory / 'trace'
        trace.unlink(missing_ok=True)
        _, errors = self.run_python(**options)
        self.assertEqual(self.read_trace(), [])
        return errors

    def list_kept(self, root):
        return sorted(str(path.relative_to(root)) for path in root.rglob('*') if path.is_file())

    def get_typelib(self, root=None):
        path, = (root or self.cache).glob('*/GLib-2.0.typelib')
        return path


class Introspection(TestCase):

    def test_python(self):
        output, errors = self.run_python(ALL_IN_PYTHON)
        self.assertEqual((output, errors), ('', ''))
        records = self.read_trace()
        self.assertEqual([record['function'] for record in records],
                         ['g_spawn_sync', 'g_spawn_command_line_sync',
                          'g_spawn_command_line_async', 'g_spawn_async_with_pipes',
                          'g_spawn_async_with_pipes_and_fds'])
        if 'clone' in ENGINES:
            self.assertEqual({record['engine'] for record in records}, {'clone'})
        self.assertEqual({record['error'] for record in records}, {None})

    def test_javascript(self):
        tap.need(GJS, 'no gjs')
        script = self.write_script(ALL_IN_JAVASCRIPT, name='script.js')
        self.run_gspawn('run', '--trace=trace', GJS, script)
        records = self.read_trace()
        self.assertEqual([record['function'] for record in records],
                         ['g_spawn_sync', 'g_spawn_command_line_sync',
                          'g_spawn_command_line_async', 'g_spawn_async',
                          'g_spawn_async_with_pipes', 'g_spawn_async_with_pipes_and_fds'])
        if 'clone' in ENGINES:
            self.assertEqual({record['engine'] for record in records}, {'clone'})

    def test_other_functions(self):
        """The rest of GLib and GObject is there."""
        output, _ = self.run_python('from gi.repository import GLib, GObject\n'
                                    'print(GLib.path_get_basename("/a/b"), '
                                    'GLib.Bytes.new(b"xy").get_size(), GObject.Object.__gtype__, '
                                    'GLib.Variant("s", "z"), GLib.IOChannel.__gtype__.name)\n')
        self.assertEqual(output, "b 2 <GType GObject (80)> 'z' GIOChannel\n".replace(
            '80', output.split('(')[1].split(')')[0]))

    def test_path_keeps_what_was_there(self):
        for old, expected in ('/some/where:/else', ':/some/where:/else'), ('', ''), (None, ''):
            if old is not None:
                self.environment['GI_TYPELIB_PATH'] = old
            else:
                del self.environment['GI_TYPELIB_PATH']
            output, _ = self.run_gspawn('run', 'printenv', 'GI_TYPELIB_PATH')
            self.assertEqual(output, f'{self.get_typelib().parent}{expected}\n')

    def test_nested(self):
        """The same directory is not put there twice."""
        output, _ = self.run_gspawn('run', tap.GSPAWN, 'run', 'printenv', 'GI_TYPELIB_PATH')
        self.assertEqual(output, f'{self.get_typelib().parent}\n')

    def test_off(self):
        """Shows as well that the preload alone does not reach an introspected call."""
        self.assertEqual(self.assert_not_taken_over(options=['--no-introspection']), '')
        self.assertFalse(self.cache.exists())

    def test_no_compiler(self):
        """A program runs all the same, and one line says what will be missing."""
        self.environment['PATH'] = str(self.directory)
        (self.directory / 'true').symlink_to(shutil.which('true'))
        errors = self.assert_not_taken_over()
        self.assertRegex(errors, r'^gspawn: warning: [^\n]*--no-introspection[^\n]*\n$')
        self.assertEqual(self.assert_not_taken_over(options=['--no-introspection']), '')

    def test_successor_of_compiler(self):
        (self.directory / 'gi-compile-repository').symlink_to(shutil.which('g-ir-compiler'))
        (self.directory / 'true').symlink_to(shutil.which('true'))
        self.environment['PATH'] = str(self.directory)
        self.assert_taken_over()


class Gir(TestCase):

    def setUp(self):
        super().setUp()
        self.data = self.directory / 'data'
        (self.data / 'gir-1.0').mkdir(parents=True)
        self.gir = self.data / 'gir-1.0' / 'GLib-2.0.gir'
        self.environment['XDG_DATA_DIRS'] = f'/no/such:{self.data}'

    def assert_fails(self, expected):
        output, errors = self.run_python(status=123)
        self.assertEqual(output, '')
        self.assertRegex(errors, r'^gspawn: cannot make a typelib for GLib: ')
        self.assertIn(expected, errors)
        self.assertIn('--no-introspection', errors)
        self.assertEqual(list(self.directory.rglob('GLib-2.0.typelib*')), [])
        self.run_python('pass', options=['--no-introspection'])

    def test_no_xml(self):
        self.gir.write_text('no XML')
        self.assert_fails(str(self.gir))

    def test_empty(self):
        self.gir.write_text('')
        self.assert_fails(str(self.gir))

    def test_directory(self):
        self.gir.mkdir()
        self.assert_fails(str(self.gir))

    def test_other_namespace(self):
        self.gir.write_text('<repository version="1.2"><namespace name="Other" version="2.0" '
                            'shared-library="libother.so.0"/></repository>')
        self.assert_fails(str(self.gir))

    def test_without_libraries(self):
        self.gir.write_text('<repository version="1.2"><namespace name="GLib" version="2.0"/>'
                            '</repository>')
        self.assert_fails(str(self.gir))

    def test_compiler_fails(self):
        self.gir.write_text('<repository version="1.2"><namespace name="GLib" version="2.0" '
                            'shared-library="libglib-2.0.so.0">' + ' ' * 8192 + '</repository>')
        self.assert_fails('g-ir-compiler')

    def test_dangling_link(self):
        """As if it were not there: another directory may have one."""
        self.gir.symlink_to('/no/such/file')
        self.assert_taken_over()


class Cache(TestCase):

    def test_kept(self):
        """The compiler runs once."""
        (self.directory / 'bin').mkdir()
        compiler = self.write_script(
            f'#!/bin/sh\necho x >> "{self.directory}/runs"\n'
            f'exec {shutil.which("g-ir-compiler")} "$@"\n', name='bin/g-ir-compiler')
        self.environment['PATH'] = f'{self.directory}/bin:{self.environment["PATH"]}'
        for _ in range(3):
            self.assert_taken_over()
        self.assertEqual((self.directory / 'runs').read_text(), 'x\n')
        self.assertEqual([os.path.basename(path) for path in self.list_kept(self.cache)],
                         ['GLib-2.0.typelib', 'GLib-2.0.typelib.sha256'])
        # A new version of the compiler gives a typelib of its own.
        os.utime(compiler, (1, 1))
        self.assert_taken_over()
        self.assertEqual((self.directory / 'runs').read_text(), 'x\nx\n')
        self.assertEqual(len(self.list_kept(self.cache)), 4)

    def test_modes(self):
        for mask in 0o000, 0o022, 0o077:
            cache = self.directory / f'cache-{mask:o}' / 'gspawn'
            self.environment['XDG_CACHE_HOME'] = str(cache.parent)
            self.assert_taken_over(umask=mask)
            self.assertEqual(cache.stat().st_mode & 0o777, 0o700)
            typelib = self.get_typelib(cache)
            self.assertEqual(typelib.parent.stat().st_mode & 0o777, 0o700)
            self.assertEqual(typelib.stat().st_mode & 0o777, 0o600)

    def test_other_dropin(self):
        """A typelib is for one path of the drop-in."""
        self.assert_taken_over()
        library = pathlib.Path(tap.DROPIN)
        copy = self.directory / 'lib'
        copy.mkdir()
        for path in library.parent.glob('libgspawn*.so*'):
            if path.is_file():
                shutil.copy(path, copy)
        self.environment['GSPAWN_DROPIN'] = str(copy / library.name)
        self.assert_taken_over()
        self.assertEqual(len(self.list_kept(self.cache)), 4)

    def test_corrupt(self):
        """What was damaged is made anew."""
        self.assert_taken_over()
        typelib = self.get_typelib()
        good = typelib.read_bytes()
        checksum = typelib.with_name('GLib-2.0.typelib.sha256')
        middle = len(good) // 2
        for bad in (b'', b'short', good[:-1], good + b'\0', bytes(len(good)),
                    good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1:]):
            typelib.write_bytes(bad)
            self.assert_taken_over()
            self.assertEqual(typelib.read_bytes(), good)
        for bad in b'', b'text', bytes(64), checksum.read_bytes() + b'0':
            checksum.write_bytes(bad)
            self.assert_taken_over()
        for path in typelib, checksum:
            path.unlink()
            self.assert_taken_over()
        self.assertEqual(typelib.read_bytes(), good)

    def test_link_instead_of_file(self):
        """A link is replaced, and what it points to is not written to."""
        self.assert_taken_over()
        typelib = self.get_typelib()
        victim = self.directory / 'victim'
        victim.write_bytes(typelib.read_bytes())
        time = victim.stat().st_mtime_ns
        typelib.unlink()
        typelib.symlink_to(victim)
        self.assert_taken_over()
        self.assertFalse(typelib.is_symlink())
        self.assertEqual(victim.stat().st_mtime_ns, time)

    def test_named_pipe_instead_of_file(self):
        self.assert_taken_over()
        for name in 'GLib-2.0.typelib', 'GLib-2.0.typelib.sha256':
            path = self.get_typelib().with_name(name)
            path.unlink()
            os.mkfifo(path)
            self.assert_taken_over()
            self.assertTrue(path.is_file())

    def assert_goes_elsewhere(self):
        """The directory for temporary files serves where the home directory does not."""
        self.assert_taken_over()
        root = self.temporary / f'gspawn-{os.geteuid()}'
        self.assertEqual(len(self.list_kept(root)), 2)
        self.assertEqual(root.stat().st_mode & 0o777, 0o700)

    def test_directory_instead_of_file(self):
        self.assert_taken_over()
        typelib = self.get_typelib()
        typelib.unlink()
        typelib.mkdir()
        self.assert_goes_elsewhere()

    def test_unwritable(self):
        self.cache.parent.mkdir()
        self.cache.write_text('a file where a directory should be')
        self.assert_goes_elsewhere()

    def test_read_only_home(self):
        """Even root cannot write there."""
        self.environment['HOME'] = '/proc/self'
        self.assert_goes_elsewhere()

    def test_runtime_directory(self):
        self.environment['HOME'] = '/proc/self'
        runtime = self.directory / 'runtime'
        runtime.mkdir(mode=0o700)
        self.environment['XDG_RUNTIME_DIR'] = str(runtime)
        self.assert_taken_over()
        self.assertEqual(len(self.list_kept(runtime / 'gspawn')), 2)

    def test_colon_in_path(self):
        self.environment['XDG_CACHE_HOME'] = str(self.directory / 'a:b')
        self.assert_goes_elsewhere()

    def test_white_space_in_path(self):
        self.environment['XDG_CACHE_HOME'] = str(self.directory / 'a b')
        self.assert_taken_over()
        self.get_typelib(self.directory / 'a b' / 'gspawn')

    def test_relative_path(self):
        """Is ignored: PROGRAM may change its directory."""
        self.environment['XDG_CACHE_HOME'] = 'relative'
        self.assert_goes_elsewhere()

    def test_nowhere(self):
        self.environment['HOME'] = '/proc/self'
        self.environment['TMPDIR'] = '/proc/self'
        _, errors = self.run_python(status=123)
        self.assertRegex(errors, r'^gspawn: cannot make a typelib for GLib: .*--no-introspection')
        self.run_python('pass', options=['--no-introspection'])

    def test_writable_for_others(self):
        self.cache.mkdir(parents=True)
        self.cache.chmod(0o777)
        self.assert_goes_elsewhere()
        self.assertEqual(self.list_kept(self.cache), [])

    def test_kept_directory_writable_for_others(self):
        self.assert_taken_over()
        self.get_typelib().parent.chmod(0o770)
        self.assert_goes_elsewhere()

    def test_replaceable_by_others(self):
        self.home.chmod(0o777)
        self.assert_goes_elsewhere()
        # With this bit, nobody else can rename an entry.
        self.home.chmod(0o1777)
        self.assert_taken_over()
        self.assertEqual(len(self.list_kept(self.cache)), 2)

    def test_link_instead_of_directory(self):
        elsewhere = self.directory / 'elsewhere'
        elsewhere.mkdir(mode=0o700)
        self.cache.parent.mkdir()
        self.cache.symlink_to(elsewhere)
        self.assert_goes_elsewhere()
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_of_another_user(self):
        tap.need(os.geteuid() == 0, 'only root can give a file away')
        other = pwd.getpwnam('nobody').pw_uid
        self.assert_taken_over()
        typelib = self.get_typelib()
        # Somebody else's home directory, as sudo may leave it in the environment.
        os.chown(self.home, 1234, 1234)
        self.assert_goes_elsewhere()
        os.chown(self.home, 0, 0)
        for path in typelib.parent, self.cache:
            os.chown(path, other, 0)
            shutil.rmtree(self.temporary / 'gspawn-0')
            self.assert_goes_elsewhere()
            os.chown(path, 0, 0)
        # In a directory of ours, the file is replaced.
        os.chown(typelib, other, 0)
        self.assert_taken_over()
        self.assertEqual(typelib.stat().st_uid, 0)

    def test_of_temporary_directory_of_another_user(self):
        """Nobody else can prepare a typelib for us in a directory for all."""
        tap.need(os.geteuid() == 0, 'only root can give a file away')
        self.environment['HOME'] = '/proc/self'
        self.temporary.chmod(0o1777)
        trap = self.temporary / 'gspawn-0'
        trap.mkdir(mode=0o700)
        os.chown(trap, pwd.getpwnam('nobody').pw_uid, 0)
        self.run_python(status=123)
        self.assertEqual(list(trap.iterdir()), [])

    def test_unprivileged_user(self):
        tap.need(os.geteuid() == 0, 'this is what the other tests do')
        nobody = pwd.getpwnam('nobody')
        for path in self.directory, self.home, self.temporary:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        check = subprocess.run([tap.SPAWNER, 'sync', 'true'], user='nobody', group=nobody.pw_gid,
                               extra_groups=[], check=False) if os.access(
                                   tap.SPAWNER, os.X_OK) else None
        tap.need(check and check.returncode == 0, 'nobody cannot read the build directory')
        for _ in range(2):
            self.assert_taken_over(user='nobody', group=nobody.pw_gid, extra_groups=[])
        self.assertEqual(len(self.list_kept(self.cache)), 2)
        # A read-only home directory, now with somebody who cannot write to it.
        shutil.rmtree(self.cache)
        self.home.chmod(0o500)
        (self.home / '.cache').chmod(0o500)
        self.assert_taken_over(user='nobody', group=nobody.pw_gid, extra_groups=[])
        self.assertFalse(self.cache.exists())

    def test_concurrent(self):
        """Runs that find the cache empty at once all work, and leave nothing but one typelib."""
        processes = [self.start('run', f'--trace=trace-{i}', PYTHON, '-Ic', SYNC_IN_PYTHON,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                     for i in range(8)]
        for i, process in enumerate(processes):
            output, _ = process.communicate(timeout=tap.TIMEOUT)
            self.assertEqual((process.returncode, output), (0, b''))
            self.assertEqual(len(self.read_trace(f'trace-{i}')), 1)
        self.assertEqual(len(self.list_kept(self.cache)), 2)
        self.assertEqual(len(list(self.cache.iterdir())), 1)


if __name__ == '__main__':
    tap.main()
