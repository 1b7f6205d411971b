// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// Starts a program in two ways: through GSubprocess, and through the introspected GLib functions.
//
//     gspawn run gjs children.js
//
// Both are taken over; an LD_PRELOAD by hand would reach only the first.

const {Gio, GLib} = imports.gi;

const subprocess = Gio.Subprocess.new(['echo', 'GSubprocess'],
    Gio.SubprocessFlags.STDOUT_PIPE);
const [, fromSubprocess] = subprocess.communicate_utf8(null, null);
print(fromSubprocess.trim());

const [, stdout, , waitStatus] = GLib.spawn_sync(GLib.get_tmp_dir(), ['echo', 'GLib.spawn_sync'],
    null, GLib.SpawnFlags.SEARCH_PATH, null);
GLib.spawn_check_wait_status(waitStatus);
print(new TextDecoder().decode(stdout).trim());
