/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

int main () {
    try {
        var a = new GSpawn.Attributes ();
        a.set_new_session (true);
        a.set_death_signal (15);

        var git = new GSpawn.Template ({ "git" }, SpawnFlags.SEARCH_PATH);
        git.set_attributes (a);
        git.launch ({ "--version" }).wait_check ();

        var launcher = new SubprocessLauncher (SubprocessFlags.STDOUT_PIPE);
        string output;
        a.attach (launcher);
        launcher.spawnv ({ "ps", "-o", "sid=" }).communicate_utf8 (null, null, out output, null);
        print ("%s", output);
        return 0;
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
}
