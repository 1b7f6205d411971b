/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * `gspawn engines`: prints the table of needs and engines with what the probes found on this
 * machine. Knows nothing about engines but what gspawn-engines.h says. */

#include "gspawn-command-private.h"

#include "gspawn-engines.h"

#include <json-glib/json-glib.h>
#include <stdlib.h>

static void
print_engine_row (const char *label,
                  guint       width)
{
  g_print ("%-*s", width, label);
  for (int engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    g_print ("  %-11s", gspawn_engine_get_name (engine));
  g_print ("\n");
}

/* On this machine. */
static gboolean
can_serve (GSpawnEngine engine,
          GSpawnNeeds  need)
{
  const char *detail = NULL;

  return (gspawn_engine_get_capabilities (engine) & need) != 0 &&
         gspawn_engine_is_available (engine, &detail);
}

static void
print_table (void)
{
  const guint width = 20;

  print_engine_row ("need", width);
  for (int i = 0; i < GSPAWN_N_NEEDS; i++)
    {
      GSpawnNeeds need = 1 << i;

      g_print ("%-*s", width, gspawn_need_get_name (need));
      for (int engine = 0; engine < GSPAWN_N_ENGINES; engine++)
        g_print ("  %-11s", can_serve (engine, need) ? "yes" : "-");
      g_print (" %s\n", gspawn_need_get_description (need));
    }

  g_print ("\n%-*s  available  detail\n", width, "engine");
  for (int engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    {
      const char *detail = NULL;
      gboolean available = gspawn_engine_is_available (engine, &detail);

      g_print ("%-*s  %-9s  %s\n", width, gspawn_engine_get_name (engine),
               available ? "yes" : "no", detail != NULL ? detail : "-");
    }
}

static void
add_engine (JsonBuilder  *builder,
            GSpawnEngine  engine)
{
  const char *detail = NULL;
  gboolean available = gspawn_engine_is_available (engine, &detail);
  GSpawnNeeds capabilities = gspawn_engine_get_capabilities (engine);

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "name");
  json_builder_add_string_value (builder, gspawn_engine_get_name (engine));
  json_builder_set_member_name (builder, "available");
  json_builder_add_boolean_value (builder, available);
  json_builder_set_member_name (builder, "detail");
  json_builder_add_string_value (builder, detail);
  json_builder_set_member_name (builder, "capabilities");
  json_builder_begin_array (builder);
  for (int i = 0; i < GSPAWN_N_NEEDS; i++)
    if (capabilities & (1 << i))
      json_builder_add_string_value (builder, gspawn_need_get_name (1 << i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
add_need (JsonBuilder *builder,
          GSpawnNeeds  need)
{
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "name");
  json_builder_add_string_value (builder, gspawn_need_get_name (need));
  json_builder_set_member_name (builder, "description");
  json_builder_add_string_value (builder, gspawn_need_get_description (need));
  json_builder_end_object (builder);
}

static void
print_json (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "needs");
  json_builder_begin_array (builder);
  for (int i = 0; i < GSPAWN_N_NEEDS; i++)
    add_need (builder, 1 << i);
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "engines");
  json_builder_begin_array (builder);
  for (int engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    add_engine (builder, engine);
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
}

int
_gspawn_engines_command (int      argc,
                         char   **argv,
                         GError **error)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
    G_OPTION_ENTRY_NULL
  };
  int first;

  first = _gspawn_command_parse ("gspawn engines", entries, NULL,
                                 "Shows which ways of making a process this machine has, and what "
                                 "each can do.", NULL, argc, argv, error);
  if (first < 0)
    return -1;

  if (first < argc)
    {
      g_set_error (error, GSPAWN_COMMAND_ERROR, GSPAWN_COMMAND_ERROR_USAGE,
                   "unexpected argument '%s' (see gspawn engines --help)", argv[first]);
      return -1;
    }

  if (json)
    print_json ();
  else
    print_table ();
  return _gspawn_command_flush (error) ? EXIT_SUCCESS : -1;
}
