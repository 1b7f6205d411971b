/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A place in a real program that starts another: what the survey noted of it, and what follows
 * from that. Must not start anything. */

#include "call-site.h"

#include <string.h>

#define N_COLUMNS 7
#define HEADING "repository,file,line,function,flags,working_directory,child_setup"

static const struct {
  const char *name;
  GSpawnFlags flag;
} flag_names[] = {
  { "DEFAULT", G_SPAWN_DEFAULT },
  { "LEAVE_DESCRIPTORS_OPEN", G_SPAWN_LEAVE_DESCRIPTORS_OPEN },
  { "DO_NOT_REAP_CHILD", G_SPAWN_DO_NOT_REAP_CHILD },
  { "SEARCH_PATH", G_SPAWN_SEARCH_PATH },
  { "STDOUT_TO_DEV_NULL", G_SPAWN_STDOUT_TO_DEV_NULL },
  { "STDERR_TO_DEV_NULL", G_SPAWN_STDERR_TO_DEV_NULL },
  { "CHILD_INHERITS_STDIN", G_SPAWN_CHILD_INHERITS_STDIN },
  { "FILE_AND_ARGV_ZERO", G_SPAWN_FILE_AND_ARGV_ZERO },
  { "SEARCH_PATH_FROM_ENVP", G_SPAWN_SEARCH_PATH_FROM_ENVP },
  { "CLOEXEC_PIPES", G_SPAWN_CLOEXEC_PIPES },
};

static void
call_site_free (gpointer data)
{
  CallSite *site = data;

  g_free (site->where);
  g_free (site->function);
  g_free (site);
}

static gboolean
parse_flag (const char   *name,
            GSpawnFlags  *flags,
            GError      **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (flag_names); i++)
    {
      if (g_str_equal (flag_names[i].name, name))
        {
          *flags |= flag_names[i].flag;
          return TRUE;
        }
    }

  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is no flag of g_spawn_*()", name);
  return FALSE;
}

static CallSite *
parse_line (const char  *line,
            GError     **error)
{
  g_auto(GStrv) columns = g_strsplit (line, ",", -1);
  g_auto(GStrv) flags = NULL;
  CallSite *site;

  if (g_strv_length (columns) != N_COLUMNS)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "Not %d columns: %s", N_COLUMNS, line);
      return NULL;
    }

  site = g_new0 (CallSite, 1);
  site->where = g_strdup_printf ("%s %s:%s", columns[0], columns[1], columns[2]);
  site->function = g_strdup (columns[3]);
  site->has_directory = g_str_equal (columns[5], "1");
  site->has_callback = g_str_equal (columns[6], "1");

  flags = g_strsplit (columns[4], "|", -1);
  for (guint i = 0; flags[i] != NULL; i++)
    {
      if (!parse_flag (flags[i], &site->flags, error))
        {
          call_site_free (site);
          return NULL;
        }
    }

  return site;
}

/*
 * call_site_load: (skip)
 * @file: the survey
 *
 * Returns: (transfer full) (element-type CallSite) (nullable): its rows
 */
GPtrArray *
call_site_load (const char  *file,
                GError     **error)
{
  g_autoptr(GPtrArray) sites = g_ptr_array_new_with_free_func (call_site_free);
  g_autofree char *contents = NULL;
  g_auto(GStrv) lines = NULL;
  CallSite *site;

  if (!g_file_get_contents (file, &contents, NULL, error))
    return NULL;

  lines = g_strsplit (contents, "\n", -1);
  g_assert_cmpstr (lines[0], ==, HEADING);
  for (guint i = 1; lines[i] != NULL && *lines[i] != '\0'; i++)
    {
      site = parse_line (lines[i], error);
      if (site == NULL)
        return NULL;
      g_ptr_array_add (sites, site);
    }

  return g_steal_pointer (&sites);
}

gboolean
call_site_is_async (const CallSite *site)
{
  return !g_str_has_suffix (site->function, "_sync");
}

static gboolean
maps_descriptors (const CallSite *site)
{
  return g_str_equal (site->function, "g_spawn_async_with_pipes_and_fds");
}

/*
 * call_site_get_needs: (skip)
 *
 * Returns: what the call asks of the engine that takes it, as replayed
 */
GSpawnNeeds
call_site_get_needs (const CallSite *site)
{
  GSpawnNeeds needs = GSPAWN_NEED_STREAMS;

  if (site->flags & (G_SPAWN_SEARCH_PATH | G_SPAWN_SEARCH_PATH_FROM_ENVP))
    needs |= GSPAWN_NEED_SEARCH_PATH;
  if (site->has_directory)
    needs |= GSPAWN_NEED_WORKING_DIRECTORY;
  if (maps_descriptors (site))
    needs |= GSPAWN_NEED_FD_MAP;
  if (!(site->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN))
    needs |= GSPAWN_NEED_CLOSE;
  if (call_site_is_async (site) && !(site->flags & G_SPAWN_DO_NOT_REAP_CHILD))
    needs |= GSPAWN_NEED_REAP;
  if (site->has_callback)
    needs |= GSPAWN_NEED_CHILD_SETUP;

  return needs;
}

/*
 * call_site_suits_glib: (skip)
 *
 * Returns: whether GLib's own code would use posix_spawn() for the call
 */
gboolean
call_site_suits_glib (const CallSite *site)
{
  return (!call_site_is_async (site) || (site->flags & G_SPAWN_DO_NOT_REAP_CHILD)) &&
         (site->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN) &&
         !(site->flags & G_SPAWN_SEARCH_PATH_FROM_ENVP) &&
         !site->has_directory &&
         !site->has_callback;
}
