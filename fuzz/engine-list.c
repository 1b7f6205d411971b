/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Fuzzes the list of engines in GSPAWN_ENGINE: the engines that it names come first, each once, in
 * its order, then the others in theirs; a list with a word that is none is one warning and as if it
 * were not there.
 *
 * The variable is read once in a process, so the function that reads it is called itself. */

/* NOLINTNEXTLINE(bugprone-suspicious-include): it is a static function. */
#include "gspawn-route.c"

#include "fuzz-input.h"

static guint n_warnings;

static GLogWriterOutput
count_warning (GLogLevelFlags   level,
               const GLogField *fields G_GNUC_UNUSED,
               gsize            n_fields G_GNUC_UNUSED,
               gpointer         user_data G_GNUC_UNUSED)
{
  g_assert_true ((level & G_LOG_LEVEL_WARNING) != 0);
  n_warnings++;

  return G_LOG_WRITER_HANDLED;
}

static gboolean
names (const char *word,
       gsize       length,
       int         engine)
{
  static const char *const engine_names[] = { "clone", "posix_spawn", "fork" };

  return length == strlen (engine_names[engine]) &&
         strncmp (word, engine_names[engine], length) == 0;
}

/* Fills in the engines that are named, in their order. Returns how many they are, or −1. */
static int
expect_named (const char *setting,
              int        *expected)
{
  gboolean seen[GSPAWN_N_ENGINES] = { FALSE };
  int n = 0;

  for (const char *word = setting; *setting != '\0' && word != NULL;)
    {
      const char *comma = strchr (word, ',');
      gsize length = comma != NULL ? (gsize) (comma - word) : strlen (word);
      int engine = 0;

      while (engine < GSPAWN_N_ENGINES && !names (word, length, engine))
        engine++;
      if (engine == GSPAWN_N_ENGINES)
        return -1;

      if (!seen[engine])
        expected[n++] = engine;
      seen[engine] = TRUE;
      word = comma != NULL ? comma + 1 : NULL;
    }

  return n;
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         length)
{
  static gboolean counting = FALSE;
  FuzzInput input = { bytes, length };
  g_autofree char *setting = fuzz_input_string (&input);
  int expected[GSPAWN_N_ENGINES];
  int n_named = expect_named (setting, expected);
  int n = MAX (n_named, 0);
  Order order;

  if (!counting)
    g_log_set_writer_func (count_warning, NULL, NULL);
  counting = TRUE;

  n_warnings = 0;
  order = order_parse (setting);
  g_assert_cmpuint (n_warnings, ==, n_named < 0);
  g_assert_cmpint (order.forced, ==, n_named > 0);

  for (int i = 0; i < n; i++)
    g_assert_cmpint ((int) order.engines[i], ==, expected[i]);
  for (int engine = 0; engine < GSPAWN_N_ENGINES; engine++)
    {
      gboolean named = FALSE;

      for (int i = 0; i < MAX (n_named, 0); i++)
        named |= expected[i] == engine;
      if (!named)
        g_assert_cmpint ((int) order.engines[n++], ==, engine);
    }
  g_assert_cmpint (n, ==, GSPAWN_N_ENGINES);

  return 0;
}
