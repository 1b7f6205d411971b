/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Points 24 and 25: which domain, code and message a failure has. */

#include "contract.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libintl.h>
#include <link.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"
#include "scene.h"

/* Longer than the kernel lets one argument be. */
#define LONG_ARGUMENT (256 * 1024)

/* A failing exec. */
typedef struct {
  void (*prepare) (void);
  const char *program;
  int code;
  int error_number;
} ExecRow;

static int busy_fd = -1;

static void
prepare_denied (void)
{
  scene_write ("program", 0644, "");
}

static void
prepare_loop (void)
{
  g_assert_no_errno (symlink ("program", "program"));
}

static void
prepare_busy (void)
{
  g_autofree char *path = scene_copy_probe ("program");

  busy_fd = scene_open_private (path, O_WRONLY);
}

static void
prepare_interpreter_loop (void)
{
  scene_write ("program", 0755, "#!program\n");
}

/* A copy of this program that names "./i" as its dynamic linker. */
static void
make_program_with_linker (const char *linker_contents)
{
  g_autofree char *path = scene_path ("program");
  g_autofree char *contents = NULL;
  gsize length;
  ElfW (Ehdr) header;
  ElfW (Phdr) segment;

  g_assert_true (g_file_get_contents ("/proc/self/exe", &contents, &length, NULL));
  memcpy (&header, contents, sizeof header);
  for (int i = 0; i < header.e_phnum; i++)
    {
      memcpy (&segment, contents + header.e_phoff + i * sizeof segment, sizeof segment);
      if (segment.p_type == PT_INTERP)
        {
          memset (contents + segment.p_offset, 0, segment.p_filesz);
          memcpy (contents + segment.p_offset, "./i", 3);
        }
    }

  g_assert_true (g_file_set_contents (path, contents, (gssize) length, NULL));
  g_assert_no_errno (chmod (path, 0755));
  if (linker_contents != NULL)
    scene_write ("i", 0755, linker_contents);
}

static void
prepare_bad_linker (void)
{
  g_autofree char *text = g_strnfill (1000, 'x');

  make_program_with_linker (text);
}

static void
prepare_short_linker (void)
{
  make_program_with_linker ("x");
}

static void
prepare_missing_linker (void)
{
  make_program_with_linker (NULL);
}

static void
prepare_directory (void)
{
  g_assert_no_errno (mkdir ("program", 0755));
}

static void
prepare_file_as_directory (void)
{
  scene_write ("file", 0755, "");
}

static void
check_exec (const ExecRow *row,
            GSpawnFlags    flags)
{
  g_autofree char *message = g_strdup_printf ("Failed to execute child process “%s” (%s)",
                                              row->program, g_strerror (row->error_number));
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, flags, row->program, NULL);
  g_assert_false (launch_start (&launch, &error));
  g_assert_error (error, G_SPAWN_ERROR, row->code);
  if (error != NULL)
    g_assert_cmpstr (error->message, ==, message);
}

static void
test_exec (gconstpointer data)
{
  const ExecRow *row = data;

  if (row->prepare != NULL)
    row->prepare ();
  check_exec (row, G_SPAWN_DO_NOT_REAP_CHILD);
  check_exec (row, G_SPAWN_DEFAULT);
  if (busy_fd >= 0)
    scene_close (busy_fd);
}

/* GLib has a route over posix_spawn() for this. */
static void
test_exec_left_open (gconstpointer data)
{
  const ExecRow *row = data;

  if (row->prepare != NULL)
    row->prepare ();
  check_exec (row, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
}

static void
test_too_big (void)
{
  g_autofree char *argument = g_strnfill (LONG_ARGUMENT, 'x');
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, argument, NULL);
  g_assert_false (launch_start (&launch, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_TOO_BIG);
}

static void
test_sync_exec (void)
{
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DEFAULT, "/missing/program", NULL);
  g_assert_false (launch_sync (&launch, NULL, NULL, NULL, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
}

typedef struct {
  const char *directory;
  int error_number;
} DirectoryRow;

static void
test_directory (gconstpointer data)
{
  const DirectoryRow *row = data;
  static const GSpawnFlags flags[] = { G_SPAWN_DO_NOT_REAP_CHILD, G_SPAWN_DEFAULT };
  g_autofree char *message = g_strdup_printf ("Failed to change to directory “%s” (%s)",
                                              row->directory, g_strerror (row->error_number));

  scene_write ("file", 0755, "");
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (Launch) launch;

      launch_init (&launch, flags[i], NULL, NULL);
      launch.directory = row->directory;
      g_assert_false (launch_start (&launch, &error));
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_CHDIR);
      if (error != NULL)
        g_assert_cmpstr (error->message, ==, message);
    }
}

static void
never_called (gpointer data G_GNUC_UNUSED)
{
  _exit (99);
}

/* A build without the one engine that could. */
static void
test_no_engine (void)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL);
  launch.setup = never_called;
  g_assert_false (launch_start (&launch, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK);
}

static void
check_translation (const char *format,
                   const char *name,
                   int         error_number,
                   const char *directory,
                   const char *program)
{
  const char *translated = dgettext ("glib20", format);
  g_autoptr (GString) expected = g_string_new (translated);
  g_autoptr (GError) error = NULL;
  g_auto (Launch) launch;
  const char *parenthesis;

  g_assert_cmpstr (translated, !=, format);
  g_string_replace (expected, "%s", name, 1);
  g_string_replace (expected, "%s", g_strerror (error_number), 1);

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, program, NULL);
  launch.directory = directory;
  g_assert_false (launch_start (&launch, &error));
  g_assert_nonnull (error);
  g_assert_cmpstr (error->message, ==, expected->str);

  parenthesis = strrchr (error->message, '(');
  g_assert_nonnull (parenthesis);
  g_assert_true (g_str_has_prefix (parenthesis + 1, g_strerror (error_number)));
}

/* The messages and their translations are GLib's. What the system's errors are called stands in
 * parentheses at the end, where it is looked for. */
static void
test_translated (void)
{
  setenv ("LANGUAGE", "de", TRUE);
  g_assert_nonnull (setlocale (LC_ALL, "C.UTF-8"));
  /* GLib binds its domain with the first message that it translates. */
  g_free (g_format_size (1));

  if (g_str_equal (dgettext ("glib20", "Failed to fork (%s)"), "Failed to fork (%s)") &&
      case_skip ("GLib's German translation is not installed"))
    return;

  check_translation ("Failed to execute child process “%s” (%s)", "/missing/program", ENOENT, NULL,
                     "/missing/program");
  check_translation ("Failed to change to directory “%s” (%s)", "/missing", ENOENT, "/missing",
                     NULL);
}

static void
check_redirection (GSpawnFlags flags)
{
  g_auto (Launch) launch;
  g_autoptr (GError) error = NULL;

  launch_init (&launch, flags, NULL, NULL);
  launch.streams[1] = 99;
  g_assert_false (launch_start (&launch, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
  if (error != NULL)
    g_assert_nonnull (strstr (error->message, "(Bad file descriptor)"));
}

static void
test_redirection (void)
{
  check_redirection (G_SPAWN_DO_NOT_REAP_CHILD);
  check_redirection (G_SPAWN_DEFAULT);
}

static void
test_redirection_left_open (void)
{
  check_redirection (G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN);
}

#define EXEC(...) .run_data = test_exec, .data = &(const ExecRow) { __VA_ARGS__ }
#define EXEC_LEFT_OPEN(...) \
  .run_data = test_exec_left_open, .data = &(const ExecRow) { __VA_ARGS__ }, \
  .verdict = GLIB_FAILS, \
  .difference = "With `G_SPAWN_LEAVE_DESCRIPTORS_OPEN` every failure to execute the program is " \
                "`G_SPAWN_ERROR_FAILED`."

const Case errors_cases[] = {
  { .name = "24-no-engine", .run = test_no_engine, .without = GSPAWN_NEED_CHILD_SETUP },
  { .name = "24-directory-missing", .run_data = test_directory,
    .data = &(const DirectoryRow) { "/missing", ENOENT } },
  { .name = "24-directory-is-file", .run_data = test_directory,
    .data = &(const DirectoryRow) { "file", ENOTDIR } },
  { .name = "24-directory-empty-name", .run_data = test_directory,
    .data = &(const DirectoryRow) { "", ENOENT } },
  { .name = "24-missing",
    EXEC (.program = "/missing/program", .code = G_SPAWN_ERROR_NOENT, .error_number = ENOENT) },
  { .name = "24-denied",
    EXEC (.prepare = prepare_denied, .program = "./program", .code = G_SPAWN_ERROR_ACCES,
          .error_number = EACCES) },
  { .name = "24-directory-as-program",
    EXEC (.prepare = prepare_directory, .program = "./program", .code = G_SPAWN_ERROR_ACCES,
          .error_number = EACCES) },
  { .name = "24-not-a-directory",
    EXEC (.prepare = prepare_file_as_directory, .program = "file/program",
          .code = G_SPAWN_ERROR_NOTDIR, .error_number = ENOTDIR) },
  { .name = "24-link-loop",
    EXEC (.prepare = prepare_loop, .program = "./program", .code = G_SPAWN_ERROR_LOOP,
          .error_number = ELOOP) },
  { .name = "24-interpreter-loop",
    EXEC (.prepare = prepare_interpreter_loop, .program = "./program", .code = G_SPAWN_ERROR_LOOP,
          .error_number = ELOOP) },
  { .name = "24-bad-linker",
    EXEC (.prepare = prepare_bad_linker, .program = "./program", .code = G_SPAWN_ERROR_LIBBAD,
          .error_number = ELIBBAD) },
  { .name = "24-short-linker",
    EXEC (.prepare = prepare_short_linker, .program = "./program", .code = G_SPAWN_ERROR_IO,
          .error_number = EIO) },
  { .name = "24-missing-linker",
    EXEC (.prepare = prepare_missing_linker, .program = "./program", .code = G_SPAWN_ERROR_NOENT,
          .error_number = ENOENT) },
  { .name = "24-busy",
    EXEC (.prepare = prepare_busy, .program = "./program", .code = G_SPAWN_ERROR_TXTBUSY,
          .error_number = ETXTBSY),
    .verdict = GLIB_FAILS,
    .difference = "A program that somebody has open for writing (`ETXTBSY`) is "
                  "`G_SPAWN_ERROR_FAILED` instead of `G_SPAWN_ERROR_TXTBUSY`." },
  { .name = "24-missing-left-open",
    EXEC_LEFT_OPEN (.program = "/missing/program", .code = G_SPAWN_ERROR_NOENT,
                    .error_number = ENOENT) },
  { .name = "24-denied-left-open",
    EXEC_LEFT_OPEN (.prepare = prepare_denied, .program = "./program",
                    .code = G_SPAWN_ERROR_ACCES, .error_number = EACCES) },
  { .name = "24-too-big", .run = test_too_big },
  { .name = "24-sync", .run = test_sync_exec },
  { .name = "24-redirection", .run = test_redirection },
  { .name = "24-redirection-left-open", .run = test_redirection_left_open },
  { .name = "25-translated", .run = test_translated },
  { .name = NULL }
};
