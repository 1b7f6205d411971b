// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// Runs a program many times, each time with the number of the run as its last argument, and no more
// than so many at once:
//
//     gjs -m many.js RUNS AT-ONCE PROGRAM [ARGUMENT...]
//     gjs -m many.js 10000 16 test 5000 -ge
//
// The program is looked up once, and no launch is waited for: each of the AT-ONCE lines of work
// launches a program, waits for its end, and takes the next number.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GSpawn from 'gi://GSpawn?version=1.0';
import System from 'system';

Gio._promisify(GSpawn.Template.prototype, 'launch_async');
Gio._promisify(GSpawn.Process.prototype, 'wait_async');

if (ARGV.length < 3) {
    printerr('Usage: many.js RUNS AT-ONCE PROGRAM [ARGUMENT...]');
    System.exit(2);
}

const [runs, atOnce] = ARGV.slice(0, 2).map(word => parseInt(word));
const program = GSpawn.Template.new(ARGV.slice(2), GLib.SpawnFlags.SEARCH_PATH);
const start = GLib.get_monotonic_time();
let begun = 0;
let failed = 0;

async function work() {
    while (begun < runs) {
        const process = await program.launch_async([`${++begun}`], null);
        await process.wait_async(null);
        if (process.get_wait_status() !== 0)
            failed++;
    }
}

try {
    await Promise.all(Array.from({length: atOnce}, work));
} catch (error) {
    printerr(`many: ${error.message}`);
    System.exit(1);
}
const seconds = (GLib.get_monotonic_time() - start) / 1e6;
print(`${begun} runs, ${failed} failed, ${(begun / seconds).toFixed()} a second`);
System.exit(failed === 0 ? 0 : 1);
