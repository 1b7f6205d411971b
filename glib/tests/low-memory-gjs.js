// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// A program that starts children while memory is tight, in JavaScript:
// low-memory-gjs.js PRESSURE REQUEST COUNT; reports like low-memory-c.c.

import Gio from 'gi://Gio?version=2.0';
import GLib from 'gi://GLib?version=2.0';
import MemoryPressure from 'gi://MemoryPressure?version=1.0';
import System from 'system';

const echo = ['/bin/echo', 'heard'];

function toText(bytes) {
  return new TextDecoder().decode(bytes);
}

function waitFor(pid) {
  const loop = new GLib.MainLoop(null, false);
  let result = -1;

  GLib.child_watch_add(GLib.PRIORITY_DEFAULT, pid, (_, status) => {
    result = status;
    loop.quit();
  });
  loop.run();
  GLib.spawn_close_pid(pid);

  return result;
}

const requests = {
  'gsubprocess': () => {
    const flags = Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE;
    const child = Gio.Subprocess.new(['cat'], flags);
    const [, output] = child.communicate_utf8('through', null);

    return output === 'through' && child.get_successful();
  },

  'spawn-sync': () => {
    const [ok, output, , status] =
      GLib.spawn_sync(null, echo, null, GLib.SpawnFlags.DEFAULT, null);

    return ok && toText(output) === 'heard\n' && status === 0;
  },

  'spawn-async': () => {
    const [ok, pid] =
      GLib.spawn_async('/usr', ['true'], null,
        GLib.SpawnFlags.DO_NOT_REAP_CHILD | GLib.SpawnFlags.SEARCH_PATH, null);

    return ok && waitFor(pid) === 0;
  },
};

function report(request) {
  try {
    print(request() ? 'ok' : 'error - 0 the child did something else');
  } catch (error) {
    if (!(error instanceof GLib.Error))
      throw error;
    print(`error ${GLib.quark_to_string(error.domain)} ${error.code} ${error.message}`);
  }
  // A subprocess holds its pipes until it is collected.
  System.gc();
}

const [pressure, name, count] = System.programArgs;
MemoryPressure.enter(pressure);

for (let i = 0; i < Number(count); i++)
  report(requests[name]);

print(`leaked ${MemoryPressure.count_leaks()}`);
print(`children ${MemoryPressure.has_children() ? 'yes' : 'no'}`);
print(`fork ${MemoryPressure.try_fork()}`);
