// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// Attributes as JavaScript sees them, in a main loop with promises.

import Gio from 'gi://Gio?version=2.0';
import GLib from 'gi://GLib?version=2.0';
import GSpawn from 'gi://GSpawn?version=1.0';
import System from 'system';

Gio._promisify(Gio.Subprocess.prototype, 'communicate_utf8_async', 'communicate_utf8_finish');

function assertEqual(actual, expected) {
  if (actual !== expected)
    throw new Error(`${actual} is not ${expected}`);
}

async function run(attributes, script) {
  const launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDOUT_PIPE);

  attributes.attach(launcher);
  const [output] = await launcher.spawnv(['/bin/sh', '-c', script])
    .communicate_utf8_async(null, null);

  return output.trim();
}

async function testAttributes() {
  const attributes = GSpawn.Attributes.new();

  attributes.set_new_session(true);
  attributes.set_umask(0o027);
  attributes.set_ignored_signals([10]);
  assertEqual(await run(attributes, 'umask; [ $(ps -o sid= $$) -eq $$ ] && echo leads'),
    '0027\nleads');
}

function testBadValue() {
  const attributes = GSpawn.Attributes.new();

  try {
    attributes.set_nice(100);
  } catch (error) {
    assertEqual(error.matches(GLib.spawn_error_quark(), GLib.SpawnError.INVAL), true);
    assertEqual(attributes.has(GSpawn.Attribute.NICE), false);
    return;
  }
  throw new Error('A nice value of 100 was taken');
}

const loop = new GLib.MainLoop(null, false);
let status = 1;

(async () => {
  try {
    testBadValue();
    await testAttributes();
    status = 0;
  } catch (error) {
    logError(error);
  } finally {
    loop.quit();
  }
})();

loop.run();
System.exit(status);
