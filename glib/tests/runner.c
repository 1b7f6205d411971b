/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Runs a list of cases against a subject: each case on each engine of a drop-in, or against the
 * system's GLib.
 *
 * Every case has a process of its own, which is this program executed again with the subject
 * preloaded, its engine forced and a directory to itself. So a case may close 0, 1 and 2, ignore
 * signals and lower limits as it likes, and one that hangs or dies is just a failure. */

#include "runner.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator.h"

#define SUBJECT_GLIB "glib"
#define ALL_NEEDS ((1u << GSPAWN_N_NEEDS) - 1)
#define SKIP_DIRECTIVE "SKIP "
#define DEADLINE_MS 60000
#define BLOCKED_MS 2000

typedef struct {
  const CaseList *list;
  const Case *the_case;
  const char *engine;       /* NULL for the system's GLib */
  const char *subject;      /* path of the drop-in, or NULL */
} Run;

typedef struct {
  gboolean (*is_available) (GSpawnEngine engine, const char **detail);
  const char *(*get_name) (GSpawnEngine engine);
  GSpawnNeeds (*get_capabilities) (GSpawnEngine engine);
} Table;

typedef struct {
  char *output;
  char *errors;
  int status;
  gboolean timed_out;
} Outcome;

static char *subject_option;
static gboolean list_differences_option;
static gboolean list_cases_option;

static const GOptionEntry options[] = {
  { "subject", 0, 0, G_OPTION_ARG_STRING, &subject_option,
    "What to test: \"glib\", or the path of a drop-in [$GSPAWN_DROPIN]", "SUBJECT" },
  { "list-differences", 0, 0, G_OPTION_ARG_NONE, &list_differences_option,
    "Print where GLib differs, as a table in Markdown", NULL },
  { "list-cases", 0, 0, G_OPTION_ARG_NONE, &list_cases_option,
    "Print the names of the cases", NULL },
  G_OPTION_ENTRY_NULL
};

static void
enter_case (const Run  *run,
            const char *path,
            const char *directory,
            int         output)
{
  g_autofree char *trace = g_build_filename (directory, "trace", NULL);
  g_autofree char *build_directory = g_canonicalize_filename (g_test_get_dir (G_TEST_BUILT), NULL);
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  int null = open ("/dev/null", O_RDONLY);

  setpgid (0, 0);
  dup2 (null, STDIN_FILENO);
  dup2 (output, STDOUT_FILENO);
  dup2 (output, STDERR_FILENO);
  closefrom (STDERR_FILENO + 1);

  g_setenv (CASE_VARIABLE, path, TRUE);
  g_setenv (CASE_DIRECTORY_VARIABLE, directory, TRUE);
  g_setenv ("G_TEST_BUILDDIR", build_directory, TRUE);
  g_setenv ("LC_ALL", "C.UTF-8", TRUE);
  g_unsetenv ("LANGUAGE");
  if (run->engine != NULL)
    {
      g_setenv ("GSPAWN_ENGINE", run->engine, TRUE);
      g_setenv ("GSPAWN_TRACE", trace, TRUE);
    }
  else
    {
      g_unsetenv ("GSPAWN_ENGINE");
      g_unsetenv ("GSPAWN_TRACE");
    }

  emulator_exec (program, run->engine != NULL ? run->subject : NULL);
  _exit (127);
}

/* To the end of the output: so a process that a case left behind is found as well. */
static gboolean
read_output (int      fd,
             GString *text,
             int      limit_ms)
{
  gint64 deadline = g_get_monotonic_time () + limit_ms * G_TIME_SPAN_MILLISECOND;
  struct pollfd pollfd = { .fd = fd, .events = POLLIN };
  char block[4096];
  ssize_t n;

  for (;;)
    {
      gint64 left = (deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;

      if (left < 0 || poll (&pollfd, 1, (int) left + 1) == 0)
        return FALSE;
      n = read (fd, block, sizeof block);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return n == 0;
      g_string_append_len (text, block, n);
    }
}

static Outcome
isolate (const Run  *run,
         const char *path,
         const char *directory)
{
  gboolean may_block = run->engine == NULL && run->the_case->verdict == GLIB_BLOCKS;
  g_autofree char *errors = g_build_filename (directory, "standard-error", NULL);
  GString *text = g_string_new (NULL);
  int deadline_ms = run->list->deadline_ms > 0 ? run->list->deadline_ms : DEADLINE_MS;
  Outcome outcome = { 0 };
  int fds[2];
  pid_t pid;

  g_assert_no_errno (pipe2 (fds, O_CLOEXEC));
  pid = fork ();
  g_assert_no_errno (pid);
  if (pid == 0)
    enter_case (run, path, directory, fds[1]);
  close (fds[1]);

  outcome.timed_out = !read_output (fds[0], text, may_block ? BLOCKED_MS : deadline_ms);
  if (outcome.timed_out)
    kill (-pid, SIGKILL);
  close (fds[0]);
  while (waitpid (pid, &outcome.status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  outcome.output = g_string_free (text, FALSE);
  if (!g_file_get_contents (errors, &outcome.errors, NULL, NULL))
    outcome.errors = g_strdup ("");

  return outcome;
}

static int
remove_entry (const char        *path,
              const struct stat *st G_GNUC_UNUSED,
              int                type G_GNUC_UNUSED,
              struct FTW        *ftw G_GNUC_UNUSED)
{
  return remove (path);
}

static GLibVerdict
judge (const Outcome *outcome)
{
  if (outcome->timed_out)
    return GLIB_BLOCKS;
  if (!WIFEXITED (outcome->status) || WEXITSTATUS (outcome->status) > 1)
    return GLIB_ABORTS;

  return WEXITSTATUS (outcome->status) == 0 ? GLIB_AGREES : GLIB_FAILS;
}

static void
show_lines (const char *prefix,
            const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    if (*lines[i] != '\0')
      g_test_message ("%s%s", prefix, lines[i]);
}

static void
show_outcome (const Outcome *outcome)
{
  show_lines ("", outcome->output);
  show_lines ("children's errors: ", outcome->errors);
  g_test_message ("wait status %#x%s", (unsigned int) outcome->status,
                  outcome->timed_out ? ", killed for taking too long" : "");
}

static char *
get_skip_reason (const char *output)
{
  const char *directive = strstr (output, SKIP_DIRECTIVE);

  if (directive == NULL)
    return g_strdup ("no reason given");
  directive += strlen (SKIP_DIRECTIVE);

  return g_strndup (directive, strcspn (directive, "\n"));
}

/* A limit that is none any more has to go. */
static gboolean
is_limited (const Run   *run,
            GLibVerdict  verdict)
{
  const char *reason = emulator_get_limit (run->list, run->the_case->name);

  if (reason == NULL)
    return FALSE;

  if (verdict == GLIB_AGREES)
    {
      g_test_message ("It passes under this emulator, too");
      g_test_fail ();
    }
  else
    g_test_skip (reason);

  return TRUE;
}

static void
check_outcome (const Run     *run,
               const Outcome *outcome)
{
  static const char *const names[] = { "passes", "fails", "blocks", "is killed" };
  GLibVerdict expected = run->engine == NULL ? run->the_case->verdict : GLIB_AGREES;
  GLibVerdict verdict = judge (outcome);

  if (WIFEXITED (outcome->status) && WEXITSTATUS (outcome->status) == CASE_SKIPPED)
    {
      g_autofree char *reason = get_skip_reason (outcome->output);

      g_test_skip (reason);
      return;
    }

  if (is_limited (run, verdict))
    return;

  if (verdict != expected)
    {
      show_outcome (outcome);
      g_test_message ("The case %s, but %s was expected", names[verdict], names[expected]);
      g_test_fail ();
    }
  else if (expected != GLIB_AGREES)
    g_test_message ("As documented: %s", run->the_case->difference);
}

static void
run_isolated (gconstpointer data)
{
  const Run *run = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = g_dir_make_tmp ("gspawn-test-XXXXXX", &error);
  Outcome outcome;

  g_assert_no_error (error);
  outcome = isolate (run, g_test_get_path (), directory);
  nftw (directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  check_outcome (run, &outcome);
  g_free (outcome.output);
  g_free (outcome.errors);
}

static gboolean
applies (const Case  *the_case,
         GSpawnNeeds  possible,
         const char  *engine)
{
  if (engine == NULL && the_case->engines_only)
    return FALSE;

  return (the_case->needs & ~possible) == 0 && (the_case->without & possible) == 0;
}

static void
add_runs (const CaseList *list,
          GSpawnNeeds     possible,
          const char     *engine,
          const char     *subject)
{
  for (const Case *const *table = list->tables; *table != NULL; table++)
    for (const Case *the_case = *table; the_case->name != NULL; the_case++)
      {
        Run run = { list, the_case, engine, subject };
        g_autofree char *path = g_strdup_printf ("/%s/%s/%s", list->noun,
                                                 engine != NULL ? engine : SUBJECT_GLIB,
                                                 the_case->name);

        if (applies (the_case, possible, engine))
          g_test_add_data_func_full (path, g_memdup2 (&run, sizeof run), run_isolated, g_free);
      }
}

/* The runner looks at the subject's table only; it is not preloaded here. */
static void
load_table (const char *subject,
            Table      *table)
{
  void *library = dlopen (subject, RTLD_NOW | RTLD_LOCAL);

  if (library == NULL)
    g_error ("%s", dlerror ());
  table->is_available = dlsym (library, "gspawn_engine_is_available");
  table->get_name = dlsym (library, "gspawn_engine_get_name");
  table->get_capabilities = dlsym (library, "gspawn_engine_get_capabilities");
  if (table->is_available == NULL || table->get_name == NULL || table->get_capabilities == NULL)
    g_error ("%s does not come with an engine table", subject);
}

static void
add_engines (const CaseList *list,
             const char     *subject)
{
  GSpawnNeeds possible = 0;
  const char *detail = NULL;
  Table table;

  load_table (subject, &table);
  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    if (table.is_available (i, NULL))
      possible |= table.get_capabilities (i);
  if (possible == 0)
    g_error ("%s has no engine at all", subject);

  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    if (table.is_available (i, &detail))
      add_runs (list, possible, table.get_name (i), subject);
    else
      g_printerr ("# no engine %s: %s\n", table.get_name (i), detail);
}

static void
print_cases (const CaseList *list)
{
  if (list_differences_option)
    g_print ("| Case | What GLib %sx does |\n|---|---|\n", list->glib_series);

  for (const Case *const *table = list->tables; *table != NULL; table++)
    for (const Case *the_case = *table; the_case->name != NULL; the_case++)
      if (!list_differences_option)
        g_print ("%s\n", the_case->name);
      else if (the_case->verdict != GLIB_AGREES)
        g_print ("| `%s` | %s |\n", the_case->name, the_case->difference);
}

static void
skip_other_glib (void)
{
  g_autofree char *reason = g_strdup_printf ("The differences are not recorded for GLib %u.%u.%u",
                                             glib_major_version, glib_minor_version,
                                             glib_micro_version);

  if (g_strcmp0 (g_getenv ("GSPAWN_MUST_WORK"), "1") == 0)
    {
      g_test_message ("%s", reason);
      g_test_fail ();
    }
  else
    g_test_skip (reason);
}

static gboolean
is_recorded_glib (const CaseList *list)
{
  g_autofree char *version = g_strdup_printf ("%u.%u.%u", glib_major_version, glib_minor_version,
                                              glib_micro_version);

  return g_str_has_prefix (version, list->glib_series);
}

static gboolean
add_subject (const CaseList *list)
{
  if (g_strcmp0 (subject_option, SUBJECT_GLIB) == 0)
    {
      if (is_recorded_glib (list))
        add_runs (list, ALL_NEEDS, NULL, NULL);
      else
        g_test_add_func ("/version", skip_other_glib);
      return TRUE;
    }

  if (subject_option == NULL)
    subject_option = g_strdup (g_getenv ("GSPAWN_DROPIN"));
  if (subject_option == NULL || !g_path_is_absolute (subject_option))
    return FALSE;

  add_engines (list, subject_option);
  return TRUE;
}

/*
 * runner_main: (skip)
 * @list: the cases
 *
 * The whole of a test program's main().
 *
 * Returns: its exit status
 */
int
runner_main (int             argc,
             char          **argv,
             const CaseList *list)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  const char *path = g_getenv (CASE_VARIABLE);

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, options, NULL);
  /* The others are for g_test_init(), which takes what it knows. */
  g_option_context_set_ignore_unknown_options (context, TRUE);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("%s\n", error->message);
      return 2;
    }
  if (list_differences_option || list_cases_option)
    {
      print_cases (list);
      return 0;
    }

  g_test_init (&argc, &argv, NULL);
  /* One failure must not end the run. */
  g_test_set_nonfatal_assertions ();
  if (path != NULL)
    return case_main (list, path);

  if (argc > 1)
    {
      g_printerr ("Unknown argument \"%s\"\n", argv[1]);
      return 2;
    }
  if (!add_subject (list))
    {
      g_printerr ("The subject must be \"glib\" or an absolute path, in --subject or "
                  "GSPAWN_DROPIN\n");
      return 2;
    }

  return g_test_run ();
}
