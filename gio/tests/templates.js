// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors

// Templates and processes as JavaScript sees them, in a main loop with promises.

import Gio from 'gi://Gio?version=2.0';
import GLib from 'gi://GLib?version=2.0';
import GSpawn from 'gi://GSpawn?version=1.0';
import System from 'system';

Gio._promisify(GSpawn.Template.prototype, 'launch_async', 'launch_finish');
Gio._promisify(GSpawn.Template.prototype, 'launch_with_async', 'launch_with_finish');
Gio._promisify(GSpawn.Process.prototype, 'wait_async', 'wait_finish');
Gio._promisify(GSpawn.Process.prototype, 'wait_check_async', 'wait_check_finish');
Gio._promisify(Gio.InputStream.prototype, 'read_bytes_async', 'read_bytes_finish');

function assertEqual(actual, expected) {
  if (actual !== expected)
    throw new Error(`${actual} is not ${expected}`);
}

async function getError(run) {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error('There was no error');
}

async function assertRefused(run) {
  const error = await getError(run);

  if (!(error instanceof GLib.Error))
    throw error;
  assertEqual(error.matches(GLib.spawn_error_quark(), GLib.SpawnError.INVAL), true);
}

function script(text) {
  return GSpawn.Template.new(['/bin/sh', '-c', text, 'sh'], GLib.SpawnFlags.DEFAULT);
}

const tests = {
  async launch() {
    const process = script('exit $1').launch(['3']);

    assertEqual(process.wait(null), true);
    assertEqual(process.get_exit_status(), 3);
    assertEqual(process.get_launch_kind(), GSpawn.LaunchKind.WAITING);
    const error = await getError(() => process.wait_check(null));
    assertEqual(error.matches(GLib.spawn_exit_error_quark(), 3), true);
  },

  async launchAsync() {
    const process = await script('exit $1').launch_async(['4'], null);

    assertEqual(await process.wait_async(null), true);
    assertEqual(process.get_exit_status(), 4);
    const error = await getError(() => process.wait_check_async(null));
    assertEqual(error.matches(GLib.spawn_exit_error_quark(), 4), true);
  },

  async launchWith() {
    const template = script('echo $A $1');
    const own = GSpawn.Launch.new(['two']);

    own.set_variable('A', 'one');
    own.set_stream(GSpawn.Stream.OUTPUT, GSpawn.StreamKind.PIPE);
    const process = await template.launch_with_async(own, null);
    const bytes = await process.get_stdout_pipe().read_bytes_async(100, 0, null);
    assertEqual(new TextDecoder().decode(bytes.toArray()), 'one two\n');
    assertEqual(process.get_stdin_pipe(), null);
    assertEqual(await process.wait_check_async(null), true);
  },

  async errors() {
    const template = GSpawn.Template.new(['/nonexistent/program'], 0);
    const error = await getError(() => template.launch(null));
    const lateError = await getError(() => template.launch_async(null, null));

    assertEqual(error.matches(GLib.spawn_error_quark(), GLib.SpawnError.NOENT), true);
    assertEqual(lateError.matches(GLib.spawn_error_quark(), GLib.SpawnError.NOENT), true);
    assertEqual(lateError.message, error.message);
  },

  async badValues() {
    const template = script('exit 0');

    await assertRefused(() => GSpawn.Template.new([], 0));
    await assertRefused(() => template.set_working_directory(''));
    await assertRefused(() => template.set_fd(999, 5));
    await assertRefused(() => new GSpawn.Template().launch(null));
    await assertRefused(() => new GSpawn.Template().launch_async(null, null));
    await assertRefused(() => new GSpawn.Process().wait(null));
    await template.launch(null).wait_async(null);
    await assertRefused(() => template.set_environment(['A=B']));
  },

  async cancelled() {
    const cancellable = Gio.Cancellable.new();

    cancellable.cancel();
    const error = await getError(() => script('exit 0').launch_async(null, cancellable));
    assertEqual(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED), true);
  },

  async waitCancelled() {
    const template = script('read line');
    const cancellable = Gio.Cancellable.new();

    template.set_stream(GSpawn.Stream.INPUT, GSpawn.StreamKind.PIPE);
    const process = await template.launch_async(null, cancellable);
    const waits = [process.wait_async(null), process.wait_async(null)];
    const cancelledWait = getError(() => process.wait_async(cancellable));
    cancellable.cancel();
    assertEqual((await cancelledWait).matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED), true);
    assertEqual(process.has_ended(), false);
    process.send_signal(15);
    await Promise.all(waits);
    assertEqual(process.get_term_sig(), 15);
  },

  async many() {
    const template = script('exit $1');
    const statuses = await Promise.all([...Array(200).keys()].map(async number => {
      const process = await template.launch_async([`${number}`], null);
      await process.wait_async(null);
      return process.get_exit_status();
    }));

    assertEqual(statuses.join(), [...Array(200).keys()].join());
  },
};

const loop = new GLib.MainLoop(null, false);
let status = 1;

(async () => {
  let name;

  try {
    for (name in tests)
      await tests[name]();
    status = 0;
  } catch (error) {
    logError(error, name);
  } finally {
    loop.quit();
  }
})();

loop.run();
System.exit(status);
