// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors
//
// A window with an entry. What is typed into it is run, once by GLib.spawn_async() and once by
// Gio.Subprocess, and what the latter prints is shown.

imports.gi.versions.Gtk = '3.0';
const {Gio, GLib, Gtk} = imports.gi;

Gtk.init(null);

const window = new Gtk.Window({title: 'Runner', default_width: 500});
const box = new Gtk.Box({orientation: Gtk.Orientation.VERTICAL, margin: 20, spacing: 20});
const entry = new Gtk.Entry();
const label = new Gtk.Label();

entry.connect('activate', () => {
    const [, argv] = GLib.shell_parse_argv(entry.text);
    const flags = GLib.SpawnFlags.SEARCH_PATH | GLib.SpawnFlags.DO_NOT_REAP_CHILD;
    const [, pid] = GLib.spawn_async(null, argv, null, flags, null);
    GLib.child_watch_add(GLib.PRIORITY_DEFAULT, pid, (_, status) => {
        GLib.spawn_close_pid(pid);
        const process = Gio.Subprocess.new(argv, Gio.SubprocessFlags.STDOUT_PIPE);
        process.communicate_utf8_async(null, null, (_source, result) => {
            const [, output] = process.communicate_utf8_finish(result);
            label.label = `Ended with ${status}, then printed: ${output}`;
            window.title = 'Runner has run';
        });
    });
});
window.connect('delete-event', Gtk.main_quit);
window.connect('key-press-event', (_, event) => {
    // Ctrl+Q
    if (event.get_keyval()[1] === 0x71 && event.get_state()[1] & 4)
        Gtk.main_quit();
    return false;
});

box.add(entry);
box.add(label);
window.add(box);
window.show_all();
Gtk.main();
