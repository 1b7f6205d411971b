#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""The programs: what they need, how they are driven, what they launch, and what comes of it.

A row is all that a further program needs. Run by itself, this prints the table of the documents.
"""

import dataclasses
import pathlib
import subprocess
import tarfile
import typing


@dataclasses.dataclass(frozen=True)
class Launch:
    """A call of g_spawn, made once or more."""
    # A pattern like the shell's. "{}" is the directory of the test.
    command: str
    function: str
    # The reason why the program itself asks for a fork, where it does.
    callback: str = ''
    # What the documents call the command, if not by its name.
    title: str = ''
    # Whether it must be made; it depends on the machine otherwise.
    needed: bool = True

    @property
    def engine(self):
        return 'fork' if self.callback else 'clone'

    @property
    def reason(self):
        return 'child-setup' if self.callback else 'first-choice'


@dataclasses.dataclass(frozen=True)
class Fork:
    """One that does not go through GLib: what the child executes, and who forks."""
    command: str
    maker: str


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    work: str
    command: typing.List[str]
    # Called with a Session, before the start and after it. The latter ends with what makes the
    # program quit.
    prepare: typing.Callable
    drive: typing.Callable
    launches: typing.List[Launch]
    forks: typing.Sequence[Fork] = ()
    # The name by which it is known to the kernel, where that is another one.
    process: str = ''


# Says with what it was called, at once or not at all.
HANDLER = '''#!/bin/sh
printf '%s\\n' "$@" >'{effect}'.$$ && mv '{effect}'.$$ '{effect}' && echo "called with $*"
'''

DESKTOP_FILE = '''[Desktop Entry]
Type=Application
Name=Handler
Exec={handler} %f
MimeType=text/plain;
'''


class Session:
    """A program that is driven on a desktop, and a directory for its work."""

    def __init__(self, desktop, picture):
        self.desktop = desktop
        self.picture = picture
        self.work = desktop.directory / 'work'
        self.work.mkdir()
        self.effect = desktop.directory / 'effect'
        self.handler = desktop.programs / 'handler'
        self.handler.write_text(HANDLER.format(effect=self.effect))
        self.handler.chmod(0o755)

    def register_handler(self):
        """Makes the handler what opens a text."""
        (self.desktop.data / 'applications' / 'handler.desktop').write_text(
            DESKTOP_FILE.format(handler=self.handler))
        (self.desktop.config / 'mimeapps.list').write_text(
            '[Default Applications]\ntext/plain=handler.desktop\n')

    def write(self, name, text):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def photograph(self):
        self.desktop.photograph(self.picture)

    def do_until_handled(self, action, *arguments):
        """Acts until the handler has been called with these arguments."""
        expected = ''.join(f'{argument}\n' for argument in arguments)
        self.effect.unlink(missing_ok=True)
        try:
            self.desktop.do_until(action, lambda: self.read_effect() == expected, 'the handler')
        except AssertionError as error:
            raise AssertionError(f'{error}; it was called with {self.read_effect()!r}, '
                                 f'not {expected!r}') from error

    def read_effect(self):
        return self.effect.read_text() if self.effect.exists() else None


def prepare_nothing(session):
    pass


# Geany: a program is built. The warning is there to be seen in the picture.

HELLO = '''#include <stdio.h>

int
main (void)
{
  int unused;

  puts ("built");
  return 0;
}
'''


def prepare_geany(session):
    session.write('hello.c', HELLO)


def drive_geany(session):
    desktop = session.desktop
    program = session.work / 'hello'
    desktop.wait_for_window(r'^hello\.c - .* - Geany')
    desktop.press_until(['F8'], (session.work / 'hello.o').exists, 'the object file')
    desktop.press_until(['F9'], program.exists, 'the built program')
    session.photograph()
    # The compiler may still be writing it.
    desktop.wait_for(lambda: get_output([program]) == 'built\n', 'a program that says "built"')
    desktop.press('ctrl+q')


def get_output(command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, encoding='utf-8',
                              check=False).stdout
    except OSError:
        return None


# File managers: a file is opened by what is registered for its type.

def prepare_folder(session):
    session.register_handler()
    session.write('folder/letter.txt', 'a text\n')


def open_letter(session, title, key_to_quit):
    desktop = session.desktop
    desktop.wait_for_window(title)
    session.do_until_handled(lambda: desktop.press('Home', 'Return'),
                             session.work / 'folder' / 'letter.txt')
    session.photograph()
    desktop.press(key_to_quit)


def drive_thunar(session):
    open_letter(session, 'folder - Thunar', 'ctrl+q')


def drive_pcmanfm(session):
    open_letter(session, '^folder$', 'ctrl+w')


# Xarchiver: an archive is listed and extracted.

def prepare_xarchiver(session):
    letter = session.write('letter.txt', 'a text\n')
    with tarfile.open(session.work / 'letters.tar', 'w') as archive:
        archive.add(letter, 'inside/letter.txt')
    letter.unlink()
    (session.work / 'extracted').mkdir()


def drive_xarchiver(session):
    desktop = session.desktop
    directory = session.work / 'extracted'
    desktop.wait_for_window('^letters.tar')
    # The archive is listed first.
    desktop.wait_until_still()
    desktop.press_until(['ctrl+e'], lambda: desktop.get_title() == 'Extract files',
                        'the dialog for extracting')
    desktop.replace_text(str(directory))
    session.photograph()
    desktop.press('Return')
    letter = desktop.wait_for(lambda: list(directory.glob('**/letter.txt')), 'the extracted file')
    desktop.wait_for(lambda: letter[0].read_text() == 'a text\n', 'its text')
    desktop.wait_for_window('^letters.tar')
    desktop.press('ctrl+q')


# Xfce's application finder: a command is run.

def drive_appfinder(session):
    desktop = session.desktop

    def run_command():
        desktop.replace_text('handler typed')
        session.photograph()
        desktop.press('Return')

    desktop.wait_for_window('Application Finder')
    session.do_until_handled(run_command, 'typed')


# Zim, in Python: a page's link to a file is followed.

NOTEBOOK = '''[Notebook]
version=0.4
name=Notes
home=Home
'''

PAGE = '''Content-Type: text/x-zim-wiki
Wiki-Format: zim 0.6

[[./letter.txt]]
'''


def prepare_zim(session):
    session.register_handler()
    session.write('notebook.zim', NOTEBOOK)
    session.write('Home.txt', PAGE)
    session.write('Home/letter.txt', 'a text\n')


def drive_zim(session):
    desktop = session.desktop
    desktop.wait_for_window('^Home - Notes$')
    session.do_until_handled(lambda: desktop.press('ctrl+Home', 'Right', 'Return'),
                             session.work / 'Home' / 'letter.txt')
    session.photograph()
    desktop.press('ctrl+q')


# Sakura: a terminal's shell runs a command, and a link in its output is opened.

LINK = 'https://localhost/a-name-so-long-that-it-is-hit-easily'


def drive_sakura(session):
    desktop = session.desktop
    desktop.wait_for_window('^sakura$')
    desktop.wait_for_echo()
    desktop.press('ctrl+u')
    session.do_until_handled(lambda: desktop.type_text('handler typed\n'), 'typed')
    session.do_until_handled(
        lambda: desktop.type_text(f'yes {LINK} | head -n 20; handler shown\n'), 'shown')
    session.do_until_handled(
        lambda: desktop.click(200, 250, 'ctrl', 'shift'), LINK)
    session.photograph()
    desktop.type_text('exit\n')


# A program of ours, in JavaScript.

def drive_runner(session):
    desktop = session.desktop

    def run_command():
        desktop.replace_text('handler typed')
        desktop.press('Return')

    desktop.wait_for_window('^Runner$')
    session.do_until_handled(run_command, 'typed')
    desktop.wait_for_window('^Runner has run$')
    session.photograph()
    desktop.press('ctrl+q')


PROGRAMS = [
    Program(
        'geany', 'A C program is compiled (F8) and built (F9)',
        ['geany', '--new-instance', '--no-terminal', '{}/work/hello.c'],
        prepare_geany, drive_geany,
        [Launch('/bin/sh', 'g_spawn_async_with_pipes')]),
    Program(
        'thunar', 'A text is opened by the application registered for it',
        ['thunar', '{}/work/folder'],
        prepare_folder, drive_thunar,
        [Launch('/*/gio-launch-desktop', 'g_spawn_async_with_fds')]),
    Program(
        'pcmanfm', 'A text is opened by the application registered for it',
        ['pcmanfm', '{}/work/folder'],
        prepare_folder, drive_pcmanfm,
        [Launch('{}/bin/handler', 'g_spawn_async',
                callback='libfm moves the child to a process group in a function of its own')]),
    Program(
        'xarchiver', 'A tar archive is listed and extracted',
        ['xarchiver', '{}/work/letters.tar'],
        prepare_xarchiver, drive_xarchiver,
        [Launch('/*/tar', 'g_spawn_async_with_pipes'),
         Launch('/*', 'g_spawn_command_line_sync', title='other archivers, to learn what they are',
                needed=False)]),
    Program(
        'xfce4-appfinder', 'A command is typed and run',
        ['xfce4-appfinder', '--collapsed', '--disable-server'],
        prepare_nothing, drive_appfinder,
        [Launch('handler', 'g_spawn_async')]),
    Program(
        'sakura', 'A command is run in the shell; a link that it prints is opened',
        ['sakura'],
        prepare_nothing, drive_sakura,
        [Launch('handler', 'g_spawn_async')],
        [Fork('sh', 'VTE, the terminal widget, forks for the shell and does not call GLib')]),
    Program(
        'zim', 'A link in a page is followed to a text (Python)',
        ['zim', '--standalone', '{}/work'],
        prepare_zim, drive_zim,
        [Launch('{}/bin/handler', 'g_spawn_async_with_pipes')],
        process='python3'),
    Program(
        'gjs', 'A command is typed into a window of a small program of ours (JavaScript)',
        ['gjs', str(pathlib.Path(__file__).parent / 'runner.js')],
        prepare_nothing, drive_runner,
        [Launch('handler', 'g_spawn_async'),
         Launch('handler', 'g_spawn_async_with_pipes_and_fds')]),
]


def print_table():
    print('| Program | What is done | Launched | By | Engine |')
    print('| --- | --- | --- | --- | --- |')
    for program in PROGRAMS:
        name, work = f'`{program.name}`', program.work
        for launch in program.launches:
            engine = f'{launch.engine}: {launch.callback}' if launch.callback else launch.engine
            title = launch.title or f'`{launch.command.split("/")[-1]}`'
            print(f'| {name} | {work} | {title} | `{launch.function}()` | {engine} |')
            name = work = ''
        for fork in program.forks:
            print(f'| {name} | {work} | `{fork.command}` | `fork()` | none: {fork.maker} |')


if __name__ == '__main__':
    print_table()
