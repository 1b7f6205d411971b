/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Which file a template executes while files come, change and go between its launches. The programs
 * exit with a number of their own. */

#include "template-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"
#include "trace.h"

#define MAX_STEPS 14

typedef enum {
  STEP_END,
  STEP_SCRIPT,      /* a new file, put in the place of an old one, whose program exits with value */
  STEP_PLAIN,       /* the same, without the line that names an interpreter */
  STEP_BROKEN,      /* a script whose interpreter is not there */
  STEP_PROBE,       /* a symbolic link to the probe, which exits with 0 */
  STEP_EMPTY,       /* an empty file, which the shell runs: 0 */
  STEP_WRITE,       /* the same file is written anew */
  STEP_REMOVE,
  STEP_MODE,        /* value is the file's mode */
  STEP_TOUCH,       /* its times are changed */
  STEP_DIRECTORY,   /* there is a directory of that name */
  STEP_LINK,        /* a symbolic link to the file "other" */
  STEP_LOOP,        /* a symbolic link to itself */
  STEP_RUN,         /* a launch, whose program exits with value */
  STEP_FAIL,        /* a launch, whose error is value */
} StepKind;

typedef struct {
  StepKind kind;
  const char *name;
  int value;
} Step;

/* The search path is of a, b and c in the row's directory, unless it is given. */
typedef struct {
  const char *name;
  Step steps[MAX_STEPS];    /* the last of them is the end */
  const char *path;         /* elements that begin with "/" are in the row's directory */
  const char *directory;    /* where the program starts */
  gboolean directory_by_fd;
} SearchRow;

#define SCRIPT(name, value) { STEP_SCRIPT, name, value }
#define PLAIN(name, value) { STEP_PLAIN, name, value }
#define REMOVE(name) { STEP_REMOVE, name, 0 }
#define RUN(value) { STEP_RUN, NULL, value }
#define FAIL(code) { STEP_FAIL, NULL, G_SPAWN_ERROR_ ## code }

static const SearchRow search_rows[] = {
  { .name = "first",
    .steps = { SCRIPT ("a/prog", 11), SCRIPT ("b/prog", 12), RUN (11), RUN (11) } },
  { .name = "second",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), RUN (12) } },
  { .name = "last",
    .steps = { SCRIPT ("c/prog", 13), RUN (13), RUN (13) } },
  { .name = "upgraded",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), SCRIPT ("b/prog", 22), RUN (22), RUN (22) } },
  { .name = "upgraded-by-probe",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), { STEP_PROBE, "b/prog", 0 }, RUN (0) } },
  { .name = "replaced-by-script",
    .steps = { { STEP_PROBE, "b/prog", 0 }, RUN (0), SCRIPT ("b/prog", 12), RUN (12) } },
  { .name = "replaced-by-plain-script",
    .steps = { { STEP_PROBE, "b/prog", 0 }, RUN (0), PLAIN ("b/prog", 12), RUN (12), RUN (12) } },
  { .name = "replaced-by-empty-file",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), { STEP_EMPTY, "b/prog", 0 }, RUN (0), RUN (0) } },
  { .name = "plain-script",
    .steps = { PLAIN ("a/prog", 11), RUN (11), RUN (11) } },
  { .name = "removed",
    .steps = { SCRIPT ("a/prog", 11), SCRIPT ("c/prog", 13), RUN (11), REMOVE ("a/prog"), RUN (13),
               RUN (13) } },
  { .name = "removed-everywhere",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), REMOVE ("b/prog"), FAIL (NOENT),
               FAIL (NOENT), SCRIPT ("c/prog", 13), RUN (13) } },
  { .name = "never-there",
    .steps = { FAIL (NOENT), FAIL (NOENT), SCRIPT ("a/prog", 11), RUN (11) } },
  { .name = "back-again",
    .steps = { SCRIPT ("a/prog", 11), SCRIPT ("b/prog", 12), RUN (11), REMOVE ("a/prog"),
               RUN (12), SCRIPT ("a/prog", 21), { STEP_TOUCH, "b/prog", 0 }, RUN (21) } },
  { .name = "made-not-executable",
    .steps = { SCRIPT ("a/prog", 11), SCRIPT ("b/prog", 12), RUN (11),
               { STEP_MODE, "a/prog", 0644 }, RUN (12), RUN (12),
               { STEP_MODE, "a/prog", 0755 }, RUN (11) } },
  { .name = "not-executable-at-all",
    .steps = { SCRIPT ("a/prog", 11), { STEP_MODE, "a/prog", 0644 }, FAIL (ACCES),
               SCRIPT ("c/prog", 13), RUN (13), REMOVE ("c/prog"), FAIL (ACCES),
               REMOVE ("a/prog"), FAIL (NOENT) } },
  { .name = "directory",
    .steps = { { STEP_DIRECTORY, "a/prog", 0 }, SCRIPT ("b/prog", 12), RUN (12), RUN (12),
               REMOVE ("b/prog"), FAIL (ACCES) } },
  { .name = "interpreter-missing",
    .steps = { { STEP_BROKEN, "a/prog", 0 }, SCRIPT ("b/prog", 12), RUN (12),
               RUN (12) } },
  { .name = "link",
    .steps = { SCRIPT ("other", 10), { STEP_LINK, "b/prog", 0 }, RUN (10), SCRIPT ("other", 20),
               RUN (20), REMOVE ("other"), FAIL (NOENT), SCRIPT ("c/prog", 13), RUN (13) } },
  /* This ends a search. */
  { .name = "loop",
    .steps = { { STEP_LOOP, "a/prog", 0 }, SCRIPT ("b/prog", 12), FAIL (LOOP), FAIL (LOOP),
               REMOVE ("a/prog"), RUN (12) } },
  { .name = "not-a-directory",
    .steps = { SCRIPT ("a", 1), SCRIPT ("b/prog", 12), RUN (12), RUN (12) } },

  /* What is found is kept: a new file in an earlier directory is seen when the one that was found
   * changes, in whatever way. */
  { .name = "kept-until-touched",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), SCRIPT ("a/prog", 11), RUN (12),
               { STEP_TOUCH, "b/prog", 0 }, RUN (11) } },
  { .name = "kept-until-mode-changes",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), SCRIPT ("a/prog", 11), RUN (12),
               { STEP_MODE, "b/prog", 0700 }, RUN (11) } },
  { .name = "kept-until-written",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), SCRIPT ("a/prog", 11), RUN (12),
               { STEP_WRITE, "b/prog", 12 }, RUN (11) } },
  { .name = "kept-until-replaced",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), SCRIPT ("a/prog", 11), RUN (12),
               SCRIPT ("b/prog", 12), RUN (11) } },
  { .name = "kept-until-removed",
    .steps = { SCRIPT ("b/prog", 12), RUN (12), SCRIPT ("a/prog", 11), RUN (12),
               REMOVE ("b/prog"), RUN (11) } },

  /* An element that is not absolute is a matter of the directory that the child is in. */
  { .name = "relative",
    .steps = { SCRIPT ("sub/prog", 11), SCRIPT ("there/sub/prog", 12), RUN (12), RUN (12),
               REMOVE ("there/sub/prog"), FAIL (NOENT) },
    .path = "sub", .directory = "there" },
  { .name = "relative-first",
    .steps = { SCRIPT ("a/prog", 11), RUN (11), SCRIPT ("there/sub/prog", 12), RUN (12),
               REMOVE ("there/sub/prog"), RUN (11) },
    .path = "sub:/a", .directory = "there" },
  { .name = "relative-later",
    .steps = { SCRIPT ("there/sub/prog", 12), RUN (12), SCRIPT ("a/prog", 11), RUN (11),
               REMOVE ("a/prog"), RUN (12) },
    .path = "/a:sub", .directory = "there" },
  { .name = "relative-by-fd",
    .steps = { SCRIPT ("sub/prog", 11), SCRIPT ("there/sub/prog", 12), RUN (12), RUN (12) },
    .path = "sub", .directory = "there", .directory_by_fd = TRUE },
  { .name = "empty-element",
    .steps = { SCRIPT ("prog", 11), SCRIPT ("there/prog", 12), RUN (12),
               REMOVE ("there/prog"), SCRIPT ("a/prog", 13), RUN (13) },
    .path = ":/a", .directory = "there" },
  { .name = "empty-path",
    .steps = { SCRIPT ("prog", 11), SCRIPT ("there/prog", 12), RUN (12) },
    .path = "", .directory = "there" },
  { .name = "empty-element-of-caller",
    .steps = { SCRIPT ("prog", 11), RUN (11), SCRIPT ("a/prog", 13), RUN (13) },
    .path = "/a:" },
};

/* Each row has a directory of its own, where it starts. */
static char *
name_in_row (const SearchRow *row,
             const char      *name)
{
  return g_build_filename (row->name, name, NULL);
}

static char *
path_in_row (const SearchRow *row,
             const char      *name)
{
  g_autofree char *name_of_scene = name_in_row (row, name);

  return scene_path (name_of_scene);
}

static char *
script_text (int         value,
             const char *interpreter)
{
  return g_strdup_printf ("%sexit %d\n", interpreter, value);
}

static void
put_script (const char *name,
            int         value,
            const char *interpreter)
{
  g_autofree char *text = script_text (value, interpreter);

  scene_write (name, 0755, text);
}

/* The same file, and as long as it was. */
static void
write_again (const char *path,
             int         value)
{
  g_autofree char *text = script_text (value, "#!/bin/sh\n");
  FILE *file = fopen (path, "we");

  g_assert_nonnull (file);
  fputs (text, file);
  fclose (file);
}

static void
put_link (const char *path,
          const char *target)
{
  g_autofree char *parent = g_path_get_dirname (path);

  g_mkdir_with_parents (parent, 0755);
  g_assert_no_errno (symlink (target, path));
}

static void
change_scene (const SearchRow *row,
              const Step      *step)
{
  g_autofree char *name = name_in_row (row, step->name);
  g_autofree char *path = scene_path (name);
  g_autofree char *other = path_in_row (row, "other");

  switch (step->kind)
    {
    case STEP_SCRIPT:
      put_script (name, step->value, "#!/bin/sh\n");
      break;
    case STEP_PLAIN:
      put_script (name, step->value, "");
      break;
    case STEP_BROKEN:
      put_script (name, step->value, "#!/nonexistent/interpreter\n");
      break;
    case STEP_PROBE:
      unlink (path);
      scene_link_probe (name);
      break;
    case STEP_EMPTY:
      scene_write (name, 0755, "");
      break;
    case STEP_WRITE:
      write_again (path, step->value);
      break;
    case STEP_REMOVE:
      g_assert_no_errno (unlink (path));
      break;
    case STEP_MODE:
      g_assert_no_errno (chmod (path, (mode_t) step->value));
      break;
    case STEP_TOUCH:
      g_assert_no_errno (utimensat (AT_FDCWD, path,
                                    (struct timespec[]) { { 1, 2 }, { 3, 4 } }, 0));
      break;
    case STEP_DIRECTORY:
      g_assert_no_errno (g_mkdir_with_parents (path, 0755));
      break;
    case STEP_LINK:
      put_link (path, other);
      break;
    case STEP_LOOP:
      put_link (path, path);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* Each element that begins with a slash is in the row's directory. */
static char *
make_path (const SearchRow *row)
{
  g_auto (GStrv) elements = g_strsplit (row->path != NULL ? row->path : "/a:/b:/c", ":", -1);

  for (char **element = elements; *element != NULL; element++)
    if (**element == '/')
      {
        char *path = path_in_row (row, *element + 1);

        g_free (*element);
        *element = path;
      }

  return g_strjoinv (":", elements);
}

static void
set_directory (GSpawnTemplate  *tmpl,
               const SearchRow *row)
{
  g_autofree char *path = path_in_row (row, row->directory);
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  int fd;

  g_assert_no_errno (g_mkdir_with_parents (path, 0755));
  if (!row->directory_by_fd)
    {
      g_assert_true (gspawn_template_set_working_directory (tmpl, path, NULL));
      return;
    }

  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_true (gspawn_attributes_set_working_directory_fd (attributes, fd, NULL));
  g_assert_true (gspawn_template_set_attributes (tmpl, attributes, NULL));
  close (fd);
}

static void
launch_step (GSpawnTemplate *tmpl,
             const Step     *step,
             GSpawnNeeds     needs)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnProcess) process = template_start (tmpl, NULL, "prog", needs, &error);

  if (step->kind == STEP_RUN)
    {
      g_assert_no_error (error);
      g_assert_cmpint (process != NULL ? template_exit_status (process) : -1, ==, step->value);
    }
  else
    {
      g_assert_error (error, G_SPAWN_ERROR, step->value);
      if (process != NULL)
        template_exit_status (process);
    }
}

static void
run_search_row (const SearchRow *row)
{
  g_autofree char *path = make_path (row);
  g_autofree char *entry = g_strconcat ("PATH=", path, NULL);
  const char *const envp[] = { entry, NULL };
  g_autoptr (GSpawnTemplate) tmpl = template_new (G_SPAWN_SEARCH_PATH_FROM_ENVP, "prog", NULL);

  g_test_message ("%s", row->name);
  g_assert_no_errno (mkdir (row->name, 0755));
  g_assert_no_errno (chdir (row->name));
  g_assert_true (gspawn_template_set_environment (tmpl, envp, NULL));
  if (row->directory != NULL)
    set_directory (tmpl, row);

  for (const Step *step = row->steps; step->kind != STEP_END; step++)
    if (step->kind == STEP_RUN || step->kind == STEP_FAIL)
      launch_step (tmpl, step, row->directory_by_fd ? GSPAWN_NEED_ATTRIBUTES : 0);
    else
      change_scene (row, step);
  g_assert_no_errno (chdir (case_get_directory ()));
}

static void
test_search (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (search_rows); i++)
    run_search_row (&search_rows[i]);
}

/* A name with a slash stands for one file, whatever that is at the moment. */
static void
test_no_search (void)
{
  g_autofree char *path = scene_path ("dir/prog");
  g_autoptr (GSpawnTemplate) tmpl = template_new (G_SPAWN_SEARCH_PATH, path, NULL);
  g_autoptr (GSpawnTemplate) relative = template_new (G_SPAWN_SEARCH_PATH, "./prog", NULL);
  g_autofree char *directory = scene_path ("dir");
  g_autoptr (GError) error = NULL;

  put_script ("dir/prog", 11, "#!/bin/sh\n");
  put_script ("prog", 12, "#!/bin/sh\n");
  g_assert_true (gspawn_template_set_working_directory (relative, directory, NULL));
  g_assert_cmpint (template_run (tmpl, NULL, path, NULL), ==, 11);
  g_assert_cmpint (template_run (relative, NULL, "./prog", NULL), ==, 11);
  put_script ("dir/prog", 21, "");
  g_assert_cmpint (template_run (tmpl, NULL, path, NULL), ==, 21);
  g_assert_cmpint (template_run (relative, NULL, "./prog", NULL), ==, 21);
  g_assert_no_errno (unlink (path));
  g_assert_cmpint (template_run (tmpl, NULL, path, &error), ==, -1);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
}

/* The caller's search path is that of the first launch. */
static void
test_callers_path (void)
{
  g_autofree char *a = scene_path ("a");
  g_autofree char *b = scene_path ("b");
  g_autofree char *file = scene_path ("a/prog");
  g_autofree char *saved = g_strdup (g_getenv ("PATH"));
  g_autoptr (GSpawnTemplate) tmpl = template_new (G_SPAWN_SEARCH_PATH, "prog", NULL);
  g_autoptr (GError) error = NULL;

  put_script ("a/prog", 11, "#!/bin/sh\n");
  put_script ("b/prog", 12, "#!/bin/sh\n");
  g_setenv ("PATH", a, TRUE);
  g_assert_cmpint (template_run (tmpl, NULL, "prog", NULL), ==, 11);
  g_setenv ("PATH", b, TRUE);
  g_assert_cmpint (template_run (tmpl, NULL, "prog", NULL), ==, 11);
  g_assert_no_errno (unlink (file));
  g_assert_cmpint (template_run (tmpl, NULL, "prog", &error), ==, -1);
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  g_setenv ("PATH", saved, TRUE);
}

/* A launch with a search path of its own, where it is the program's that counts. */
static void
test_path_of_launch (void)
{
  g_autofree char *a = scene_path ("a");
  g_autofree char *b = scene_path ("b");
  g_autofree char *entry = g_strconcat ("PATH=", a, NULL);
  const char *const envp[] = { entry, NULL };
  g_autofree char *saved = g_strdup (g_getenv ("PATH"));

  put_script ("a/prog", 11, "#!/bin/sh\n");
  put_script ("b/prog", 12, "#!/bin/sh\n");
  for (guint from_envp = 0; from_envp <= 1; from_envp++)
    {
      g_autoptr (GSpawnTemplate) tmpl = template_new (from_envp ? G_SPAWN_SEARCH_PATH_FROM_ENVP
                                                                : G_SPAWN_SEARCH_PATH,
                                                      "prog", NULL);
      g_autoptr (GSpawnLaunch) with_b = gspawn_launch_new (NULL);
      g_autoptr (GSpawnLaunch) with_other = gspawn_launch_new (NULL);

      g_setenv ("PATH", a, TRUE);
      g_assert_true (gspawn_template_set_environment (tmpl, envp, NULL));
      g_assert_true (gspawn_launch_set_variable (with_b, "PATH", b, NULL));
      g_assert_true (gspawn_launch_set_variable (with_other, "PATHS", b, NULL));
      g_assert_cmpint (template_run (tmpl, with_b, "prog", NULL), ==, from_envp ? 12 : 11);
      g_assert_cmpint (template_run (tmpl, NULL, "prog", NULL), ==, 11);
      /* It is too late for the caller's. */
      g_setenv ("PATH", b, TRUE);
      g_assert_cmpint (template_run (tmpl, with_other, "prog", NULL), ==, 11);
      g_assert_cmpint (template_run (tmpl, with_b, "prog", NULL), ==, from_envp ? 12 : 11);
      g_setenv ("PATH", saved, TRUE);
    }
}

/* Without one, and without any flag, the name is a file of the child's directory. */
static void
test_no_path (void)
{
  static const char *const envp[] = { NULL };
  g_autoptr (GSpawnTemplate) by_default = template_new (G_SPAWN_SEARCH_PATH_FROM_ENVP, "true",
                                                        NULL);
  g_autoptr (GSpawnTemplate) as_it_is = template_new (0, "prog", NULL);
  g_autofree char *directory = scene_path ("there");

  put_script ("there/prog", 12, "#!/bin/sh\n");
  g_assert_true (gspawn_template_set_environment (by_default, envp, NULL));
  g_assert_true (gspawn_template_set_working_directory (as_it_is, directory, NULL));
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (template_run (by_default, NULL, "true", NULL), ==, 0);
      g_assert_cmpint (template_run (as_it_is, NULL, "prog", NULL), ==, 12);
    }
}

const Case template_executable_cases[] = {
  { .name = "search", .run = test_search, .engines_only = TRUE,
    .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "no-search", .run = test_no_search, .engines_only = TRUE },
  { .name = "callers-path", .run = test_callers_path, .engines_only = TRUE },
  { .name = "path-of-launch", .run = test_path_of_launch, .engines_only = TRUE },
  { .name = "no-path", .run = test_no_path, .engines_only = TRUE },
  { .name = NULL },
};
