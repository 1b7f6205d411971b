/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Finds a template's program once, and finds out before each launch whether it is still the same
 * file. It only ever says where the search shall begin: what is executed is decided by exec, in the
 * child, which is given the candidates from there on. So a mistake that a race causes here costs a
 * failing exec and nothing else. */
#include "config.h"

#include "gspawn-template-executable-private.h"

#include "gspawn-candidates-private.h"

#include <errno.h>

/*< private >
 * _gspawn_executable_init:
 * @executable: what to initialise
 * @name: what the template calls its program; kept
 * @flags: where to search
 * @envp: (nullable): the environment whose `PATH` it may be
 */
void
_gspawn_executable_init (GSpawnExecutable   *executable,
                         const char         *name,
                         GSpawnFlags         flags,
                         const char *const  *envp)
{
  executable->candidates = _gspawn_candidates_new (name, flags, envp, &executable->searches);
  executable->resolution = (GSpawnResolution) { .found = -1 };
  g_mutex_init (&executable->mutex);
}

void
_gspawn_executable_clear (GSpawnExecutable *executable)
{
  g_free ((gpointer) executable->candidates);
  g_mutex_clear (&executable->mutex);
}

/* Whether the path means the same file to the child. It changes its directory before exec, and what
 * these directories show is a matter of who looks. */
static gboolean
is_fixed (const char *path)
{
  return path[0] == '/' && !g_str_has_prefix (path, "/proc/") &&
         !g_str_has_prefix (path, "/dev/fd/");
}

static gboolean
is_same_time (const struct timespec *a,
              const struct timespec *b)
{
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static gboolean
is_current (const GSpawnExecutable *executable,
            const GSpawnResolution *resolution)
{
  const struct stat *before = &resolution->status;
  struct stat now;

  return resolution->found >= 0 &&
         stat (executable->candidates[resolution->found], &now) == 0 &&
         now.st_ino == before->st_ino && now.st_dev == before->st_dev &&
         now.st_size == before->st_size &&
         is_same_time (&now.st_mtim, &before->st_mtim) &&
         is_same_time (&now.st_ctim, &before->st_ctim);
}

static gboolean
is_absent (int error_number)
{
  return error_number == ENOENT || error_number == ENOTDIR;
}

/* A candidate that is there is left to the child whether we could execute it or not: the child may
 * have other credentials, and if nothing else is found the error has to be about it. The rest of the
 * search is the child's, too, once it depends on the directory. */
static void
search (const GSpawnExecutable *executable,
        GSpawnResolution       *resolution)
{
  const char *const *candidates = executable->candidates;
  int first = -1;
  int i;

  resolution->generation++;
  resolution->found = -1;

  for (i = 0; candidates[i] != NULL && is_fixed (candidates[i]); i++)
    {
      gboolean exists = stat (candidates[i], &resolution->status) == 0;

      if (!exists && is_absent (errno))
        continue;
      if (first < 0)
        first = i;
      if (exists)
        {
          resolution->found = i;
          break;
        }
    }

  /* If all are absent the child finds the words for it. */
  if (first < 0)
    first = candidates[i] != NULL ? i : 0;
  resolution->first = first;
}

static void
read_resolution (GSpawnExecutable *executable,
                 GSpawnResolution *resolution)
{
  g_mutex_lock (&executable->mutex);
  *resolution = executable->resolution;
  g_mutex_unlock (&executable->mutex);
}

/* Unless another thread has done so since @resolution was read. */
static void
renew_resolution (GSpawnExecutable *executable,
                  GSpawnResolution *resolution)
{
  g_mutex_lock (&executable->mutex);
  if (executable->resolution.generation == resolution->generation)
    search (executable, &executable->resolution);
  *resolution = executable->resolution;
  g_mutex_unlock (&executable->mutex);
}

/*< private >
 * _gspawn_executable_resolve:
 * @executable: an executable
 *
 * Finds out where the search for the program may begin. If nothing has changed that costs one
 * system call, and none where there is nothing to search.
 *
 * Any number of threads may call this at once.
 *
 * Returns: (transfer none): the files to try, in order, up to %NULL and never none
 */
const char *const *
_gspawn_executable_resolve (GSpawnExecutable *executable)
{
  GSpawnResolution resolution;

  if (!executable->searches)
    return executable->candidates;

  read_resolution (executable, &resolution);
  if (!is_current (executable, &resolution))
    renew_resolution (executable, &resolution);

  return executable->candidates + resolution.first;
}
