# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
import gi
gi.require_version('GSpawn', '1.0')

from gi.repository import GSpawn, GLib, Gio
a = GSpawn.Attributes.new(); a.set_new_session(True); a.set_death_signal(15)
git = GSpawn.Template.new(['git'], GLib.SpawnFlags.SEARCH_PATH); git.set_attributes(a)
p = git.launch(['--version']); p.wait_check(None)
launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDOUT_PIPE); a.attach(launcher)
print(launcher.spawnv(['ps', '-o', 'sid=']).communicate_utf8(None, None))
