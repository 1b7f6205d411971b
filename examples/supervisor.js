// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// Keeps a worker running: starts it again when it crashes, and ends when it exits with 0.
//
//     gjs -m supervisor.js PROGRAM [ARGUMENT...]
//
// The worker gets SIGTERM when the supervisor dies, however that comes to pass. It may have 256 open
// descriptors, leaves no core file, cannot gain privileges, and has a cgroup of its own where ours
// may have such below it: where not, it runs without. After five crashes the supervisor gives up.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GSpawn from 'gi://GSpawn?version=1.0';
import System from 'system';

const CRASHES = 5;
// What JavaScript has no names for.
const SIGTERM = 15;
const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = 7;

// A directory below our own cgroup, in the hierarchy of version 2; null where that is not mounted,
// or has not been delegated to us.
function makeCgroup() {
    const [, contents] = GLib.file_get_contents('/proc/self/cgroup');
    const ours = new TextDecoder().decode(contents).match(/^0::(.*)$/m);
    const pid = new Gio.Credentials().get_unix_pid();
    for (const mount of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
        const parent = `${mount}${ours?.[1] ?? ''}`;
        if (GLib.file_test(`${parent}/cgroup.procs`, GLib.FileTest.EXISTS) &&
            GLib.mkdir_with_parents(`${parent}/worker-${pid}`, 0o755) === 0)
            return `${parent}/worker-${pid}`;
    }
    return null;
}

// Joins it by a file of it: JavaScript can open no directory.
function joining(cgroup, argv) {
    if (cgroup === null)
        return argv;
    return ['sh', '-c', 'echo 0 >"$0" && exec "$@"', `${cgroup}/cgroup.procs`, ...argv];
}

function prepare(argv, cgroup) {
    const attributes = GSpawn.Attributes.new();
    attributes.set_default_signals(true);
    attributes.set_no_new_privileges(true);
    attributes.set_death_signal(SIGTERM);
    attributes.set_limit(RLIMIT_NOFILE, 256, 256);
    attributes.set_limit(RLIMIT_CORE, 0, 0);

    const worker = GSpawn.Template.new(joining(cgroup, argv), GLib.SpawnFlags.SEARCH_PATH);
    worker.set_attributes(attributes);
    return worker;
}

// The thread that launches is the one whose death the worker is told of: here the only one.
function supervise(worker) {
    for (let crashes = 0; crashes < CRASHES; crashes++) {
        const process = worker.launch(null);
        try {
            process.wait_check(null);
            return true;
        } catch (error) {
            print(`The worker has crashed: ${error.message}`);
        }
    }
    return false;
}

if (ARGV.length < 1) {
    printerr('Usage: supervisor.js PROGRAM [ARGUMENT...]');
    System.exit(2);
}

const cgroup = makeCgroup();
let success = false;
try {
    print(`The worker runs in ${cgroup === null ? 'our cgroup' : 'a cgroup of its own'}`);
    success = supervise(prepare(ARGV, cgroup));
    print(`The worker is ${success ? 'done' : 'given up'}`);
} catch (error) {
    printerr(`supervisor: ${error.message}`);
} finally {
    if (cgroup !== null)
        GLib.rmdir(cgroup);
}
System.exit(success ? 0 : 1);
