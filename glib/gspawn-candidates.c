/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The files that a name may stand for, in the order of the search path. It reads the caller's
 * environment, and looks at no file. */
#include "config.h"

#include "gspawn-candidates-private.h"

#include <string.h>

/* What execvp() of most systems uses without PATH, and what GLib does. */
#define DEFAULT_SEARCH_PATH "/bin:/usr/bin:."

/* NULL where the name is executed as it stands. */
static const char *
get_search_path (const char        *name,
                 GSpawnFlags        flags,
                 const char *const *envp)
{
  const GSpawnFlags search = G_SPAWN_SEARCH_PATH | G_SPAWN_SEARCH_PATH_FROM_ENVP;
  const char *path = NULL;

  if ((flags & search) == 0 || name[0] == '\0' || strchr (name, '/') != NULL)
    return NULL;

  if ((flags & G_SPAWN_SEARCH_PATH_FROM_ENVP) != 0 && envp != NULL)
    path = g_environ_getenv ((char **) envp, "PATH");
  if (path == NULL && (flags & G_SPAWN_SEARCH_PATH) != 0)
    path = g_getenv ("PATH");

  return path != NULL ? path : DEFAULT_SEARCH_PATH;
}

/* One block: the vector, then the strings it points to. An empty element is the directory that the
 * child is in, which is the bare name. */
static const char *const *
expand (const char *name,
        const char *path)
{
  gsize name_size = strlen (name) + 1;
  gsize n_elements = 1;
  const char **candidates;
  const char *element;
  char *string;

  for (const char *p = path; *p != '\0'; p++)
    n_elements += *p == ':';

  candidates = g_malloc ((n_elements + 1) * sizeof (char *) +
                         strlen (path) + 1 + n_elements * (name_size + 1));
  string = (char *) (candidates + n_elements + 1);

  element = path;
  for (gsize i = 0; i < n_elements; i++)
    {
      gsize length = strcspn (element, ":");

      candidates[i] = string;
      string = mempcpy (string, element, length);
      if (length > 0)
        *string++ = '/';
      string = mempcpy (string, name, name_size);
      element += length + 1;
    }
  candidates[n_elements] = NULL;

  return candidates;
}

/*< private >
 * _gspawn_candidates_new:
 * @name: what the caller calls the program; it may have to outlive the candidates
 * @flags: where to search
 * @envp: (nullable): the environment whose `PATH` it may be
 * @searches: (out): whether there is a search at all
 *
 * Returns: (transfer full): the files to try, in order, up to %NULL and never none, to be freed
 *   with g_free()
 */
const char *const *
_gspawn_candidates_new (const char         *name,
                        GSpawnFlags         flags,
                        const char *const  *envp,
                        gboolean           *searches)
{
  const char *path = get_search_path (name, flags, envp);
  const char **single;

  *searches = path != NULL;
  if (path != NULL)
    return expand (name, path);

  single = g_new (const char *, 2);
  single[0] = name;
  single[1] = NULL;

  return single;
}
