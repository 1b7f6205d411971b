/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Launches from places where something is missing or forbidden: each place with each engine as the
 * first choice, and entered after a launch. All of them work, or fail with the error that the
 * table of places names.
 *
 * A process is made for each, without executing anything, so that it can do without a file system;
 * it says what it found over a pipe. */

#include "config.h"

#include "elsewhere.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "isolation.h"

/* Above all that a launch uses. */
#define FIRST_OWN_FD 100
#define EVERY_LAUNCH "*"
#define NOT_POSSIBLE "not possible: "
#define WORKS "works"

typedef struct {
  const Place *place;
  int engine;           /* or −1: no preference, and the place is entered after a launch */
} Visit;

static const struct {
  const char *name;
  gboolean built;
  GSpawnNeeds can_alone;        /* what no other engine may be left to do */
} engines[GSPAWN_N_ENGINES] = {
  [GSPAWN_ENGINE_CLONE] = { "clone", GSPAWN_ENGINE_CLONE_BUILT, GSPAWN_NEED_REAP },
  [GSPAWN_ENGINE_POSIX_SPAWN] = { "posix_spawn", GSPAWN_ENGINE_POSIX_SPAWN_BUILT, 0 },
  [GSPAWN_ENGINE_FORK] = { "fork", GSPAWN_ENGINE_FORK_BUILT,
                           GSPAWN_NEED_REAP | GSPAWN_NEED_CHILD_SETUP },
};

static char complaint[256];

gboolean
place_complain (const char *format,
                ...)
{
  va_list args;

  va_start (args, format);
  g_vsnprintf (complaint, sizeof complaint, format, args);
  va_end (args);

  return FALSE;
}

static gboolean
can_be_done (const PlaceLaunch *launch)
{
  GSpawnNeeds can = 0;

  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    if (engines[i].built)
      can |= engines[i].can_alone;

  return (launch->needs & ~can) == 0;
}

static const char *
get_code_name (int code)
{
  static const struct { int code; const char *name; } names[] = {
    { G_SPAWN_ERROR_FORK, "G_SPAWN_ERROR_FORK" },
    { G_SPAWN_ERROR_ACCES, "G_SPAWN_ERROR_ACCES" },
    { G_SPAWN_ERROR_NOENT, "G_SPAWN_ERROR_NOENT" },
    { G_SPAWN_ERROR_FAILED, "G_SPAWN_ERROR_FAILED" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].code == code)
      return names[i].name;

  return "another error";
}

/* libc's posix_spawn() is refused where it worked before: that launch is lost, and the next ones
 * take another engine. The clone engine can go on by itself. */
static gboolean
is_lost (const Visit       *visit,
         const PlaceLaunch *launch)
{
  return visit->engine < 0 && launch == place_launches && !GSPAWN_ENGINE_CLONE_BUILT &&
         GSPAWN_ENGINE_POSIX_SPAWN_BUILT &&
         visit->place->engines[GSPAWN_ENGINE_POSIX_SPAWN] == ENGINE_IS_NOT_USED;
}

static const char *
get_expectation (const Visit       *visit,
                 const PlaceLaunch *launch)
{
  const Place *place = visit->place;

  if (is_lost (visit, launch))
    return get_code_name (G_SPAWN_ERROR_FORK);
  for (gsize i = 0; i < MAX_ERRORS && place->errors[i].launch != NULL; i++)
    if (g_str_equal (place->errors[i].launch, EVERY_LAUNCH) ||
        g_str_equal (place->errors[i].launch, launch->name))
      return get_code_name (place->errors[i].code);

  return WORKS;
}

/* The launch's outcome is a code's name, "works", or what is wrong with it. */
static void
say_outcome (int                fd,
             const PlaceLaunch *launch)
{
  g_autoptr (GError) error = NULL;
  gboolean worked;

  complaint[0] = '\0';
  worked = launch->run (&error);
  if (worked)
    dprintf (fd, "%s: " WORKS "\n", launch->name);
  else if (error == NULL)
    dprintf (fd, "%s: %s\n", launch->name, complaint);
  else if (error->domain == G_SPAWN_ERROR)
    dprintf (fd, "%s: %s\n", launch->name, get_code_name (error->code));
  else
    dprintf (fd, "%s: %s\n", launch->name, error->message);
}

static const char *
get_verdict_name (EngineVerdict verdict)
{
  static const char *const names[] = {
    [ENGINE_WORKS] = "works",
    [ENGINE_WORKS_BY_CLONE] = "works, by `clone()`",
    [ENGINE_IS_NOT_USED] = "not used",
  };

  return names[verdict];
}

static EngineVerdict
judge (GSpawnEngine engine)
{
  const char *detail;

  if (!gspawn_engine_is_available (engine, &detail))
    return ENGINE_IS_NOT_USED;

  return g_str_has_prefix (detail, "clone(),") ? ENGINE_WORKS_BY_CLONE : ENGINE_WORKS;
}

static gboolean
nothing_works (const Place *place)
{
  return g_strcmp0 (place->errors[0].launch, EVERY_LAUNCH) == 0;
}

/* An entry of libc's knows no other call; and no call is known yet where none could be made. */
static EngineVerdict
get_verdict (const Visit *visit)
{
  EngineVerdict verdict = visit->place->engines[visit->engine];

  if (GSPAWN_CLONE_ENTRY_IS_LIBC && visit->engine == GSPAWN_ENGINE_CLONE &&
      verdict == ENGINE_WORKS && !nothing_works (visit->place))
    return ENGINE_WORKS_BY_CLONE;

  return verdict;
}

static G_GNUC_NORETURN void
go_there (const Visit *visit,
          int          fd)
{
  const Place *place = visit->place;
  const char *reason;
  GError *error = NULL;

  if (visit->engine >= 0)
    g_setenv ("GSPAWN_ENGINE", engines[visit->engine].name, TRUE);
  else if (!place_launches[0].run (&error))
    dprintf (fd, "before: %s\n", error != NULL ? error->message : complaint);

  reason = place->enter ();
  if (reason != NULL)
    {
      dprintf (fd, NOT_POSSIBLE "%s\n", reason);
      _exit (0);
    }
  if (place->rules != NULL)
    seccomp_enter (place->rules);

  for (const PlaceLaunch *launch = place_launches; launch->name != NULL; launch++)
    if (can_be_done (launch))
      say_outcome (fd, launch);
  if (visit->engine >= 0)
    dprintf (fd, "engine: %s\n", get_verdict_name (judge (visit->engine)));
  _exit (0);
}

static char *
get_expected (const Visit *visit)
{
  GString *text = g_string_new (NULL);

  for (const PlaceLaunch *launch = place_launches; launch->name != NULL; launch++)
    if (can_be_done (launch))
      g_string_append_printf (text, "%s: %s\n", launch->name,
                              get_expectation (visit, launch));
  if (visit->engine >= 0)
    g_string_append_printf (text, "engine: %s\n", get_verdict_name (get_verdict (visit)));

  return g_string_free (text, FALSE);
}

static char *
read_all (int fd)
{
  GString *text = g_string_new (NULL);
  char block[512];
  gssize n;

  while ((n = read (fd, block, sizeof block)) != 0)
    if (n > 0)
      g_string_append_len (text, block, n);
    else
      g_assert_cmpint (errno, ==, EINTR);

  return g_string_free (text, FALSE);
}

static void
compare (const char *found,
         const char *expected)
{
  g_auto (GStrv) found_lines = g_strsplit (found, "\n", 0);
  g_auto (GStrv) expected_lines = g_strsplit (expected, "\n", 0);

  for (guint i = 0; found_lines[i] != NULL && expected_lines[i] != NULL; i++)
    g_assert_cmpstr (found_lines[i], ==, expected_lines[i]);
  g_assert_cmpstr (found, ==, expected);
}

static void
test_place (gconstpointer data)
{
  const Visit *visit = data;
  g_autofree char *expected = get_expected (visit);
  g_autofree char *found = NULL;
  int status;
  int ends[2];
  pid_t pid;

  g_test_summary (visit->place->description);

  g_assert_no_errno (pipe2 (ends, O_CLOEXEC));
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    {
      int fd = fcntl (ends[1], F_DUPFD_CLOEXEC, FIRST_OWN_FD);

      close (ends[0]);
      close (ends[1]);
      go_there (visit, fd);
    }
  close (ends[1]);
  found = read_all (ends[0]);
  close (ends[0]);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  if (g_str_has_prefix (found, NOT_POSSIBLE))
    skip_unless_required (g_strstrip (found) + strlen (NOT_POSSIBLE));
  else
    compare (found, expected);
}

/* What does not work with any engine, as "`launch` (error), …". */
static char *
describe_errors (const Place *place)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < MAX_ERRORS && place->errors[i].launch != NULL; i++)
    {
      const char *launch = place->errors[i].launch;

      if (g_str_equal (launch, EVERY_LAUNCH))
        g_string_append (text, "everything");
      else
        g_string_append_printf (text, "%s`%s`", i > 0 ? ", " : "", launch);
      g_string_append_printf (text, " (`%s`)", get_code_name (place->errors[i].code));
    }

  return g_string_free (text, FALSE);
}

static void
print_table (void)
{
  g_print ("| Place | Where | clone | posix_spawn | fork | What fails, and how |\n"
           "| --- | --- | --- | --- | --- | --- |\n");
  for (const Place *place = places; place->name != NULL; place++)
    {
      g_autofree char *errors = describe_errors (place);

      g_print ("| `%s` | %s", place->name, place->description);
      for (int i = 0; i < GSPAWN_N_ENGINES; i++)
        g_print (" | %s", get_verdict_name (place->engines[i]));
      g_print (" | %s |\n", *errors != '\0' ? errors : "nothing");
    }
}

static void
add_place (const Place *place)
{
  for (int engine = -1; engine < GSPAWN_N_ENGINES; engine++)
    {
      Visit visit = { place, engine };
      g_autofree char *path = g_strdup_printf ("/elsewhere/%s/%s",
                                               engine < 0 ? "later" : engines[engine].name,
                                               place->name);

      if (engine < 0 || engines[engine].built)
        guard_add_data_func (path, g_memdup2 (&visit, sizeof visit), test_place);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_autofree char *program = NULL;
  g_autofree char *script = NULL;
  int status;
  int fd;

  if (argc == 2 && g_str_equal (argv[1], "--table"))
    {
      print_table ();
      return 0;
    }

  g_test_init (&argc, &argv, NULL);
  program = g_test_build_filename (G_TEST_BUILT, "probe", NULL);
  place_program = program;
  /* Empty, and so one for the shell. */
  fd = g_file_open_tmp ("gspawn-script-XXXXXX", &script, NULL);
  g_assert_no_errno (fchmod (fd, 0755));
  close (fd);
  place_script = script;

  for (const Place *place = places; place->name != NULL; place++)
    add_place (place);
  status = g_test_run ();
  g_unlink (script);

  return status;
}
