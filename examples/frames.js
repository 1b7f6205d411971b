// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// Launches a program with each frame of a main loop that draws sixty a second, and says what becomes
// of the frames: the longest time between two of them before, and while it launches; and how long a
// launch held the loop up at most.
//
//     gjs -m frames.js [LAUNCHES]
//
// With GTK it would be Gtk.Widget.add_tick_callback() that draws; the loop is the same.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GSpawn from 'gi://GSpawn?version=1.0';
import System from 'system';

const FRAME_MILLISECONDS = 16;

Gio._promisify(GSpawn.Template.prototype, 'launch_async');
Gio._promisify(GSpawn.Process.prototype, 'wait_check_async');

const launches = parseInt(ARGV[0] ?? '300');
const program = GSpawn.Template.new(['true'], GLib.SpawnFlags.SEARCH_PATH);
const frames = [];
let longestLaunch = 0;

async function launch() {
    const start = GLib.get_monotonic_time();
    const launched = program.launch_async(null, null);
    longestLaunch = Math.max(longestLaunch, GLib.get_monotonic_time() - start);
    const process = await launched;
    await process.wait_check_async(null);
}

// Draws nothing. With each frame of the second half it launches: what the user has clicked on
// meanwhile, say.
function draw(runs, done, fail) {
    frames.push(GLib.get_monotonic_time());
    if (frames.length > launches) {
        runs.push(launch());
        runs.at(-1).catch(fail);
    }
    if (frames.length < 2 * launches)
        return GLib.SOURCE_CONTINUE;
    done(Promise.all(runs));
    return GLib.SOURCE_REMOVE;
}

function longest(times) {
    const gaps = times.slice(1).map((time, index) => time - times[index]);
    return (Math.max(0, ...gaps) / 1000).toFixed(1);
}

try {
    await new Promise((done, fail) => {
        const runs = [];
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, FRAME_MILLISECONDS,
            () => draw(runs, done, fail));
    });
} catch (error) {
    printerr(`frames: ${error.message}`);
    System.exit(1);
}

print(`${frames.length} frames: ${longest(frames.slice(0, launches))} ms between two at most, ` +
    `${longest(frames.slice(launches - 1))} ms with launches; ` +
    `${(longestLaunch / 1000).toFixed(1)} ms for a launch`);
