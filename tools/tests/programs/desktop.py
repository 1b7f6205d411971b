# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""A display of its own, with a window manager, a keyboard and a pointer that are driven, and a
camera."""

import os
import re
import struct
import subprocess
import time
import zlib

WIDTH, HEIGHT = 1024, 700

# In seconds; for what must not take for ever. It is not expected to be used up on a busy machine.
DEADLINE = 60

# How long to wait for a reaction before a key is pressed again, for a program that was not ready
# for it.
PATIENCE = 5

INTERVAL = 0.05

SETTINGS = '''[Settings]
gtk-enable-animations=0
gtk-cursor-blink=0
gtk-error-bell=0
'''


# The system's own has its socket in a place from where it is not removed.
BUS_CONFIGURATION = '''<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={directory}</listen>
  <standard_session_servicedirs/>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
'''


class Timeout(AssertionError):
    pass


def get_bus_launcher(directory):
    """The beginning of a command that runs the rest of it with a session bus of its own."""
    configuration = directory / 'bus.conf'
    configuration.write_text(BUS_CONFIGURATION.format(directory=directory))
    return ['dbus-run-session', f'--config-file={configuration}', '--']


def parse_xwd(data):
    """Returns width, height, and the rows' bytes for red, green and blue.

    The header is of big-endian numbers of 32 bits, and comes before a name and the colours.
    """
    header = struct.unpack('>25I', data[:100])
    header_size, width, height, most_significant_first = header[0], header[4], header[5], header[7]
    bits_per_pixel, stride, n_colors = header[11], header[12], header[19]
    if bits_per_pixel != 32:
        raise AssertionError(f'{bits_per_pixel} bits per pixel')

    rows = []
    for y in range(height):
        first = header_size + 12 * n_colors + y * stride
        pixels = data[first:first + 4 * width]
        row = bytearray(3 * width)
        for channel in range(3):
            row[channel::3] = pixels[channel + 1 if most_significant_first else 2 - channel::4]
        rows.append(bytes(row))
    return width, height, rows


def write_png(path, width, height, rows):
    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data +
                struct.pack('>I', zlib.crc32(kind + data)))

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) +
                     chunk(b'IDAT', zlib.compress(b''.join(b'\0' + row for row in rows), 6)) +
                     chunk(b'IEND', b''))


class Desktop:
    """The processes it starts are ended by who has custody of them."""

    def __init__(self, directory, environment):
        self.directory = directory
        self.environment = dict(environment)
        self.log = open(directory / 'desktop.log', 'ab')
        self.start_display()
        self.make_directories()
        self.start_window_manager()

    def close(self):
        self.log.close()

    def start_display(self):
        frames = self.directory / 'frames'
        frames.mkdir()
        read_end, write_end = os.pipe()
        subprocess.Popen(
            # The number that the server would choose may be that of one that is just ending, and
            # removes the socket of both.
            ['Xvfb', f':{100 + os.getpid() % 50000}', '-displayfd', str(write_end),
             '-screen', '0', f'{WIDTH}x{HEIGHT}x24',
             '-fbdir', frames, '-nolisten', 'tcp', '-noreset'],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, pass_fds=[write_end],
            env=self.environment)
        os.close(write_end)
        with open(read_end, encoding='ascii') as stream:
            number = stream.readline().strip()
        if not number:
            raise AssertionError('Xvfb has not started')
        self.environment['DISPLAY'] = f':{number}'
        self.frame = frames / 'Xvfb_screen0'

    def make_directories(self):
        home = self.directory / 'home'
        for variable, name in {
                'XDG_CONFIG_HOME': 'config', 'XDG_DATA_HOME': 'data', 'XDG_CACHE_HOME': 'cache',
                'XDG_STATE_HOME': 'state', 'XDG_RUNTIME_DIR': 'runtime'}.items():
            path = home / name
            path.mkdir(mode=0o700)
            self.environment[variable] = str(path)
        self.config = home / 'config'
        self.data = home / 'data'
        (self.data / 'applications').mkdir()
        self.programs = self.directory / 'bin'
        self.programs.mkdir()
        for version in '3.0', '4.0':
            settings = self.config / f'gtk-{version}' / 'settings.ini'
            settings.parent.mkdir()
            settings.write_text(SETTINGS)
        self.environment.update(
            # Nothing of these has a part in what is tested, and all of them start services.
            NO_AT_BRIDGE='1', GTK_A11Y='none', GSETTINGS_BACKEND='memory', GIO_USE_VFS='local',
            GIO_USE_VOLUME_MONITOR='unix')
        self.environment.update(
            PATH=f'{self.programs}:{self.environment["PATH"]}', BROWSER='handler',
            SHELL='/bin/sh', GDK_BACKEND='x11')

    def start_window_manager(self):
        subprocess.Popen(['matchbox-window-manager', '-use_titlebar', 'yes'],
                         stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                         env=self.environment)
        self.wait_for(lambda: self.run_xdotool('get_num_desktops', check=False) is not None,
                      'the window manager')

    def run_xdotool(self, *arguments, check=True):
        """Returns what it prints, or None if it fails where that may be."""
        result = subprocess.run(
            ['xdotool', *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.log, env=self.environment, timeout=DEADLINE, check=check,
            encoding='utf-8', errors='replace')
        return result.stdout if result.returncode == 0 else None

    def wait_for(self, condition, what, seconds=DEADLINE):
        """Returns the first true value of the condition."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Timeout(f'waited in vain for {what}')
            time.sleep(INTERVAL)

    def get_title(self):
        """The title of the window that gets the keys."""
        return (self.run_xdotool('getactivewindow', 'getwindowname', check=False) or '').strip()

    def wait_for_window(self, pattern):
        try:
            return self.wait_for(lambda: re.search(pattern, self.get_title()),
                                 f'a window called {pattern}')
        except Timeout as timeout:
            raise Timeout(f'{timeout}; there is one called {self.get_title()}') from None

    def press(self, *keys):
        self.run_xdotool('key', '--clearmodifiers', *keys)

    def type_text(self, text):
        self.run_xdotool('type', '--delay', '5', text)

    def click(self, x, y, *modifiers):
        down = [word for key in modifiers for word in ('keydown', key)]
        up = [word for key in modifiers for word in ('keyup', key)]
        self.run_xdotool('mousemove', str(x), str(y), *down, 'click', '1', *up)

    def do_until(self, action, condition, what):
        """A window may be there before it does what it is asked for, so the action is repeated."""
        end = time.monotonic() + DEADLINE
        while True:
            action()
            try:
                return self.wait_for(condition, what, PATIENCE)
            except Timeout:
                if time.monotonic() > end:
                    raise

    def press_until(self, keys, condition, what):
        return self.do_until(lambda: self.press(*keys), condition, what)

    def grab(self):
        """The picture as Xvfb keeps it in a file, in the format of xwd."""
        return self.frame.read_bytes()

    def wait_until_still(self):
        """Returns the picture that has stood still for a moment: what was drawn last is in it."""
        def is_still():
            nonlocal last
            before, last = last, self.grab()
            return before == last

        last = None
        try:
            for _ in range(3):
                self.wait_for(is_still, 'a picture that stands still', PATIENCE)
        except Timeout:
            pass
        return last

    def photograph(self, path):
        write_png(path, *parse_xwd(self.wait_until_still()))

    def wait_for_echo(self):
        """Until what is typed is seen; before that, keys may be lost.

        A change of the picture may also be the window's own, which has not all been drawn.
        """
        for _ in range(2):
            before = self.wait_until_still()
            self.do_until(lambda: self.type_text('x'), lambda: self.grab() != before, 'an echo')

    def replace_text(self, text):
        self.wait_for_echo()
        self.press('ctrl+a')
        self.type_text(text)
