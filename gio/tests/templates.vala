/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Templates and processes as Vala sees them. */

async void run () throws Error {
    var template = new GSpawn.Template ({ "/bin/sh", "-c", "echo $A $1; exit 3", "sh" }, 0);
    var own = new GSpawn.Launch ({ "two" });
    own.set_variable ("A", "one");
    own.set_stream (GSpawn.Stream.OUTPUT, GSpawn.StreamKind.PIPE);

    var process = yield template.launch_with_async (own);
    var bytes = yield process.get_stdout_pipe ().read_bytes_async (100);
    assert (bytes.compare (new Bytes ("one two\n".data)) == 0);
    assert (process.get_stdin_pipe () == null);
    yield process.wait_async ();
    assert (process.get_exit_status () == 3);
    assert (process.get_launch_kind () != GSpawn.LaunchKind.WAITING);

    process = template.launch ({ "three" });
    process.wait ();
    assert (process.get_launch_kind () == GSpawn.LaunchKind.WAITING);

    var cancellable = new Cancellable ();
    cancellable.cancel ();
    try {
        yield template.launch_async (null, cancellable);
        assert_not_reached ();
    } catch (IOError.CANCELLED error) {
    }

    template = new GSpawn.Template ({ "/nonexistent/program" }, 0);
    try {
        yield template.launch_async (null);
        assert_not_reached ();
    } catch (SpawnError.NOENT error) {
    }
}

int main () {
    var loop = new MainLoop ();
    var status = 1;

    run.begin ((source, result) => {
        try {
            run.end (result);
            status = 0;
        } catch (Error error) {
            printerr ("%s\n", error.message);
        }
        loop.quit ();
    });
    loop.run ();
    return status;
}
