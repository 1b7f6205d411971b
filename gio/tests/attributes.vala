/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Attributes as Vala sees them. */

int main () {
    try {
        var attributes = new GSpawn.Attributes ();
        attributes.set_new_session (true);
        attributes.set_umask (0027);
        attributes.set_ignored_signals ({ Posix.Signal.USR1 });

        var launcher = new SubprocessLauncher (SubprocessFlags.STDOUT_PIPE);
        attributes.attach (launcher);
        string output;
        launcher.spawnv ({ "/bin/sh", "-c", "umask" }).communicate_utf8 (null, null, out output, null);
        assert (output == "0027\n");
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }

    try {
        new GSpawn.Attributes ().set_nice (100);
    } catch (SpawnError.INVAL error) {
        return 0;
    } catch (Error error) {
        printerr ("%s\n", error.message);
    }
    return 1;
}
