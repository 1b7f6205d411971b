/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The files that requests are about. A scene serves many requests, one after the other, so that two
 * processes that are compared find the very same files. Everything in it is open to every user but
 * what is meant not to be. */

#include "differential-scene.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "differential-stage.h"
#include "report.h"

/* Names of programs are values of the aspect of the same name. */
static const char *const programs[] = {
  "probe", "script", "plain-script", "empty", "not-executable", "bad-interpreter",
  "script-of-script", "busy", "garbage", "link",
};

static void
must (gboolean    success,
      const char *what)
{
  int saved_errno = errno;

  if (!success)
    g_error ("%s: %s", what, g_strerror (saved_errno));
}

static void
write_file (const char *scene,
            const char *name,
            int         mode,
            const char *text,
            gssize      length)
{
  g_autofree char *path = g_build_filename (scene, name, NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents (path, text, length, &error))
    g_error ("%s", error->message);
  must (chmod (path, (mode_t) mode) == 0, path);
}

static void
write_program (const char *scene,
               const char *directory,
               const char *word,
               int         mode,
               const char *text)
{
  g_autofree char *name = g_strdup_printf ("%s/%s" SCENE_PROGRAM_SUFFIX, directory, word);

  write_file (scene, name, mode, text, -1);
}

static void
make_directory (const char *scene,
                const char *name,
                int         mode)
{
  g_autofree char *path = g_build_filename (scene, name, NULL);

  must (mkdir (path, 0755) == 0 && chmod (path, (mode_t) mode) == 0, path);
}

static void
make_link (const char *scene,
           const char *name,
           const char *target)
{
  g_autofree char *path = g_build_filename (scene, name, NULL);

  must (symlink (target, path) == 0, path);
}

static void
copy_probe (const char *scene)
{
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  if (!g_file_get_contents (probe_get_path (), &contents, &length, &error))
    g_error ("%s", error->message);
  write_file (scene, "bin/probe" SCENE_PROGRAM_SUFFIX, 0755, contents, (gssize) length);
}

static void
make_programs (const char *scene)
{
  g_autofree char *plain = g_strdup_printf ("case \"$1\" in */*) shift ;; esac\n"
                                            "ZERO=\"$0\" exec %s/bin/probe" SCENE_PROGRAM_SUFFIX
                                            " \"$@\"\n", scene);
  g_autofree char *script = g_strdup_printf ("#!/bin/sh\n%s", plain);
  g_autofree char *nested = g_strdup_printf ("#!%s/bin/script" SCENE_PROGRAM_SUFFIX "\n", scene);

  copy_probe (scene);
  write_program (scene, "bin", "script", 0755, script);
  write_program (scene, "bin", "plain-script", 0755, plain);
  write_program (scene, "bin", "empty", 0755, "");
  write_program (scene, "bin", "not-executable", 0644, script);
  write_program (scene, "bin", "bad-interpreter", 0755, "#!/missing/interpreter\n");
  write_program (scene, "bin", "script-of-script", 0755, nested);
  write_program (scene, "bin", "busy", 0777, script);
  write_program (scene, "bin", "garbage", 0755, "exit 5\n\177ELF\n");
  make_directory (scene, "bin/directory" SCENE_PROGRAM_SUFFIX, 0755);
  make_link (scene, "bin/loop" SCENE_PROGRAM_SUFFIX, "loop" SCENE_PROGRAM_SUFFIX);
  make_link (scene, "bin/dangling" SCENE_PROGRAM_SUFFIX, "nothing");
  make_link (scene, "bin/link" SCENE_PROGRAM_SUFFIX, "probe" SCENE_PROGRAM_SUFFIX);

  for (guint i = 0; i < G_N_ELEMENTS (programs); i++)
    {
      write_program (scene, "denied", programs[i], 0644, script);
      write_program (scene, "scripts", programs[i], 0755, plain);
    }
}

static void
make_files (const char *scene)
{
  static const char *const names[] = {
    SCENE_OUTPUT, SCENE_ERRORS, SCENE_REPORT, SCENE_OUTCOME, SCENE_TRACE, SCENE_LOOK,
    "four", "five", "six", "seven", "more",
  };

  write_file (scene, "standard-input", 0666, "input of the caller\n", -1);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    write_file (scene, names[i], 0666, "", 0);
}

/*
 * scene_new: (skip)
 *
 * Returns: (transfer full): the absolute path of a new directory
 */
char *
scene_new (void)
{
  g_autoptr (GError) error = NULL;
  char *scene = g_dir_make_tmp ("gspawn-differential-XXXXXX", &error);

  if (scene == NULL)
    g_error ("%s", error->message);
  must (chmod (scene, 0777) == 0, scene);

  make_directory (scene, "bin", 0755);
  make_directory (scene, "denied", 0755);
  make_directory (scene, "scripts", 0755);
  make_directory (scene, "sub", 0755);
  make_directory (scene, "locked", 0);
  make_directory (scene, "unlisted", 0311);
  make_link (scene, "sub/bin", "../bin");
  make_link (scene, "link", "sub");
  make_programs (scene);
  make_files (scene);

  return scene;
}

/* Takes away what a process has written. */
void
scene_reset (const char *scene)
{
  static const char *const written[] = {
    SCENE_OUTPUT, SCENE_ERRORS, SCENE_REPORT, SCENE_OUTCOME, SCENE_TRACE, SCENE_LOOK,
    "four", "five", "six", "seven",
  };

  for (guint i = 0; i < G_N_ELEMENTS (written); i++)
    {
      g_autofree char *path = g_build_filename (scene, written[i], NULL);

      must (truncate (path, 0) == 0, path);
    }
}

static int
remove_entry (const char        *path,
              const struct stat *st G_GNUC_UNUSED,
              int                type G_GNUC_UNUSED,
              struct FTW        *ftw G_GNUC_UNUSED)
{
  return remove (path);
}

void
scene_remove (char *scene)
{
  nftw (scene, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  g_free (scene);
}
