// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// Runs a pipeline on a terminal, which it has as the controlling one of a session of its own:
//
//     gjs -m pipeline.js TERMINAL PROGRAM [ARGUMENT...] ['|' PROGRAM [ARGUMENT...]]...
//
// TERMINAL is one that is nobody's yet: the slave of a pseudo-terminal, or a console. The first
// program leads a session and with it a process group, which is the terminal's foreground group at
// once. The others are of our session, and so cannot join: they have a group of their own, away from
// the keyboard. (JavaScript has no tcsetpgrp(), by which a shell hands the terminal over: for that
// see pipeline.c and pipeline.py.) An interrupt at our own terminal goes to all of them.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GSpawn from 'gi://GSpawn?version=1.0';
import System from 'system';

const SIGINT = 2;
const STDIN = 0;

// Lists the programs between the bars.
function split(words) {
    const programs = [[]];
    for (const word of words) {
        if (word === '|')
            programs.push([]);
        else
            programs.at(-1).push(word);
    }
    return programs;
}

// What sets the first program apart, and what the others have in common.
function attributesOf(processes) {
    const attributes = GSpawn.Attributes.new();
    attributes.set_default_signals(true);
    if (processes.length === 0) {
        attributes.set_new_session(true);
        attributes.set_controlling_terminal(STDIN);
    } else {
        attributes.set_process_group(processes.length > 1 ? processes[1].get_pid() : 0);
    }
    return attributes;
}

// No process is waited for before all are launched: a group has its number for as long as its
// leader has not been.
function launchAll(programs, terminal) {
    const processes = [];
    let input = terminal.get_fd();

    for (const [index, argv] of programs.entries()) {
        const program = GSpawn.Template.new(argv, GLib.SpawnFlags.SEARCH_PATH);
        program.set_attributes(attributesOf(processes));
        program.set_stream_fd(GSpawn.Stream.INPUT, input);
        program.set_stream(GSpawn.Stream.OUTPUT, index + 1 < programs.length
            ? GSpawn.StreamKind.PIPE : GSpawn.StreamKind.INHERITED);
        processes.push(program.launch(null));

        // The next program has it now, and alone is to keep it open.
        if (index > 0)
            processes[index - 1].get_stdout_pipe().close(null);
        if (index + 1 < programs.length) {
            input = processes[index].get_stdout_pipe().get_fd();
            // As a program expects its input. The stream is not to be used any more.
            GLib.unix_set_fd_nonblocking(input, false);
        }
    }

    return processes;
}

if (ARGV.length < 2) {
    printerr('Usage: pipeline.js TERMINAL PROGRAM [ARGUMENT...] ["|" PROGRAM [ARGUMENT...]]...');
    System.exit(2);
}

let processes;
try {
    const terminal = Gio.File.new_for_path(ARGV[0]).read(null);
    processes = launchAll(split(ARGV.slice(1)), terminal);
} catch (error) {
    printerr(`pipeline: ${error.message}`);
    System.exit(127);
}

Gio._promisify(GSpawn.Process.prototype, 'wait_async');
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, SIGINT, () => {
    for (const process of processes.filter(each => !each.has_ended()))
        process.send_signal(SIGINT);
    return GLib.SOURCE_CONTINUE;
});

await Promise.all(processes.map(process => process.wait_async(null)));
System.exit(processes.at(-1).get_if_exited() ? processes.at(-1).get_exit_status() : 1);
