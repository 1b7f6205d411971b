// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 the gspawn authors
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GSpawn from 'gi://GSpawn?version=1.0';

Gio._promisify(GSpawn.Template.prototype, 'launch_async', 'launch_finish');
Gio._promisify(GSpawn.Process.prototype, 'wait_check_async', 'wait_check_finish');
Gio._promisify(Gio.Subprocess.prototype, 'communicate_utf8_async', 'communicate_utf8_finish');

async function main() {
  const a = GSpawn.Attributes.new();
  a.set_new_session(true);
  a.set_death_signal(15);

  const git = GSpawn.Template.new(['git'], GLib.SpawnFlags.SEARCH_PATH);
  git.set_attributes(a);
  const p = await git.launch_async(['--version'], null);
  await p.wait_check_async(null);

  const launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDOUT_PIPE);
  a.attach(launcher);
  print(await launcher.spawnv(['ps', '-o', 'sid=']).communicate_utf8_async(null, null));
}

const loop = new GLib.MainLoop(null, false);
main().catch(logError).finally(() => loop.quit());
loop.run();
