/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Which engine takes a plan. What the engines can do is one table; the choice is a mask operation
 * on it, made once per launch and before any side effect of the launch. */
#include "config.h"

#include "gspawn-route-private.h"

#include <stdlib.h>
#include <string.h>

#define EVERYTHING ((1 << GSPAWN_N_NEEDS) - 1)

#if GSPAWN_ENGINE_CLONE_BUILT
#define CLONE_FUNCTIONS _gspawn_clone_probe, _gspawn_clone_launch
#else
#define CLONE_FUNCTIONS NULL, NULL
#endif

#if GSPAWN_ENGINE_POSIX_SPAWN_BUILT
#define POSIX_SPAWN_FUNCTIONS _gspawn_posix_spawn_probe, _gspawn_posix_spawn_launch
#else
#define POSIX_SPAWN_FUNCTIONS NULL, NULL
#endif

#if GSPAWN_ENGINE_FORK_BUILT
#define FORK_FUNCTIONS _gspawn_fork_probe, _gspawn_fork_launch
#else
#define FORK_FUNCTIONS NULL, NULL
#endif

static const struct {
  const char *name;
  GSpawnNeeds can;
  GSpawnEngineProbe probe;
  GSpawnEngineLaunch launch;
} engines[GSPAWN_N_ENGINES] = {
  /* In the order of cost. */
  [GSPAWN_ENGINE_CLONE] = {
    /* A child that is traced stops for every signal before exec, too, and its tracer stands still
     * until then. */
    "clone", EVERYTHING & ~(GSPAWN_NEED_CHILD_SETUP | GSPAWN_NEED_TRACE_ME), CLONE_FUNCTIONS,
  },
  [GSPAWN_ENGINE_POSIX_SPAWN] = {
    "posix_spawn",
    GSPAWN_NEED_SEARCH_PATH | GSPAWN_NEED_WORKING_DIRECTORY | GSPAWN_NEED_STREAMS |
    GSPAWN_NEED_FD_MAP | GSPAWN_NEED_CLOSE | GSPAWN_NEED_SESSION | GSPAWN_NEED_PROCESS_GROUP |
    GSPAWN_NEED_SIGNALS,
    POSIX_SPAWN_FUNCTIONS,
  },
  [GSPAWN_ENGINE_FORK] = {
    "fork", EVERYTHING, FORK_FUNCTIONS,
  },
};

static const struct {
  const char *name;
  const char *description;
} needs_table[GSPAWN_N_NEEDS] = {
  { "search-path", "the program is searched for in PATH" },
  { "working-directory", "the child changes its directory" },
  { "streams", "a standard stream is redirected" },
  { "fd-map", "descriptors are mapped beside the standard streams" },
  { "close", "all other descriptors are closed" },
  { "sparse-close", "others are closed between targets that lie far apart" },
  { "reap", "the child is not the caller's, who need not wait for it" },
  { "child-setup", "a function of the caller runs in the child" },
  { "session", "the child leads a session" },
  { "process-group", "the child leads a process group" },
  { "signals", "the child's signal mask or dispositions are set" },
  { "attributes", "the child has other attributes" },
  { "trace-me", "the child is traced by its parent" },
  { "seccomp-filter", "the child has a filter of system calls" },
};

typedef struct {
  GSpawnEngine engines[GSPAWN_N_ENGINES];
  gboolean forced;
} Order;

const char *
_gspawn_getenv (const char *name)
{
  return secure_getenv (name);
}

static int
find_engine (const char *name)
{
  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    if (strcmp (engines[i].name, name) == 0)
      return i;

  return -1;
}

static void
order_append (Order        *order,
              guint        *length,
              GSpawnEngine  engine)
{
  for (guint i = 0; i < *length; i++)
    if (order->engines[i] == engine)
      return;

  order->engines[(*length)++] = engine;
}

/* The words of @setting first, then the others; an unknown word makes it as if there were none. */
static Order
order_parse (const char *setting)
{
  g_auto (GStrv) words = g_strsplit (setting != NULL ? setting : "", ",", -1);
  Order order = { .forced = FALSE };
  guint length = 0;

  for (char **word = words; *word != NULL; word++)
    {
      int engine = find_engine (*word);

      if (engine < 0)
        {
          g_warning ("GSPAWN_ENGINE: “%s” is not one of clone, posix_spawn, fork; it is ignored",
                     setting);
          length = 0;
          break;
        }
      order_append (&order, &length, engine);
    }

  order.forced = length > 0;
  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    order_append (&order, &length, i);

  return order;
}

static const Order *
get_order (void)
{
  static Order order;
  static gsize initialized = 0;

  if (g_once_init_enter (&initialized))
    {
      order = order_parse (_gspawn_getenv ("GSPAWN_ENGINE"));
      g_once_init_leave (&initialized, 1);
    }

  return &order;
}

static gboolean
is_available (GSpawnEngine   engine,
              const char   **detail,
              GSpawnNeeds   *lacks)
{
  *detail = "not in this build";
  *lacks = 0;

  return engines[engine].probe != NULL && engines[engine].probe (detail, lacks);
}

/* What @engine cannot do of @needs. It is probed only if the table alone does not say no. */
static GSpawnNeeds
get_missing (GSpawnEngine  engine,
             GSpawnNeeds   needs,
             gboolean     *available)
{
  GSpawnNeeds missing = needs & ~engines[engine].can;
  GSpawnNeeds lacks;
  const char *detail;

  *available = TRUE;
  if (missing != 0)
    return missing;

  *available = is_available (engine, &detail, &lacks);
  return *available ? needs & lacks : 0;
}

GSpawnRoute
_gspawn_route_choose (GSpawnNeeds needs)
{
  const Order *order = get_order ();
  GSpawnRoute route = { .forced = order->forced };

  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    {
      GSpawnEngine engine = order->engines[i];
      gboolean available;
      GSpawnNeeds missing = get_missing (engine, needs, &available);

      if (!available)
        route.unavailable |= 1u << engine;
      else if (missing == 0)
        {
          route.engine = engine;
          route.launch = engines[engine].launch;
          break;
        }
      else if (route.missing == 0)
        route.missing = missing;
    }

  return route;
}

/* Words from @begin on are set apart by commas. */
static void
append_word (GString    *string,
             gsize       begin,
             const char *word)
{
  if (string->len > begin)
    g_string_append_c (string, ',');
  g_string_append (string, word);
}

/* Why it is this engine, in the words of the trace: what the better ones lack, or who made it the
 * first. */
void
_gspawn_route_append_reason (const GSpawnRoute *route,
                             GString           *string)
{
  gsize begin = string->len;

  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    if ((route->unavailable & 1u << i) != 0)
      {
        append_word (string, begin, engines[i].name);
        g_string_append (string, "-unavailable");
      }
  for (int i = 0; i < GSPAWN_N_NEEDS; i++)
    if ((route->missing & 1u << i) != 0)
      append_word (string, begin, needs_table[i].name);

  if (string->len == begin)
    append_word (string, begin, route->forced ? "forced" : "first-choice");
}

/**
 * gspawn_engine_get_name:
 * @engine: an engine
 *
 * Gets the name by which the trace, the variable `GSPAWN_ENGINE` and the documentation call an
 * engine.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer none): `clone`, `posix_spawn` or `fork`
 *
 * Since: 0.1
 */
const char *
gspawn_engine_get_name (GSpawnEngine engine)
{
  g_return_val_if_fail ((guint) engine < GSPAWN_N_ENGINES, NULL);

  return engines[engine].name;
}

/**
 * gspawn_engine_is_available:
 * @engine: an engine
 * @detail: (out) (optional) (transfer none): how the engine works here, or why it does not, in
 *     English, for people
 *
 * Finds out whether an engine works in this process: whether it was built, and whether the kernel,
 * a sandbox or an emulator lets it do what it has to.
 *
 * The first call may make a process that does nothing and is waited for. It raises no `SIGCHLD`.
 *
 * This function may be called from any thread.
 *
 * Returns: %TRUE if requests can be given to @engine
 *
 * Since: 0.1
 */
gboolean
gspawn_engine_is_available (GSpawnEngine   engine,
                            const char   **detail)
{
  const char *local_detail;
  GSpawnNeeds lacks;

  g_return_val_if_fail ((guint) engine < GSPAWN_N_ENGINES, FALSE);

  return is_available (engine, detail != NULL ? detail : &local_detail, &lacks);
}

/**
 * gspawn_engine_get_capabilities:
 * @engine: an engine
 *
 * Gets the needs that an engine can meet in this process, or could if it were available. A request
 * goes to the first available engine that meets all its needs, in the order of #GSpawnEngine.
 *
 * Like gspawn_engine_is_available() this may make a process. It may be called from any thread.
 *
 * Returns: a mask of needs
 *
 * Since: 0.1
 */
GSpawnNeeds
gspawn_engine_get_capabilities (GSpawnEngine engine)
{
  GSpawnNeeds lacks;
  const char *detail;

  g_return_val_if_fail ((guint) engine < GSPAWN_N_ENGINES, 0);

  is_available (engine, &detail, &lacks);
  return engines[engine].can & ~lacks;
}

static int
need_index (GSpawnNeeds need)
{
  for (int i = 0; i < GSPAWN_N_NEEDS; i++)
    if (need == 1u << i)
      return i;

  return -1;
}

/**
 * gspawn_need_get_name:
 * @need: exactly one need
 *
 * Gets the name by which the trace and the documentation call a need.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer none): the name, such as `fd-map`
 *
 * Since: 0.1
 */
const char *
gspawn_need_get_name (GSpawnNeeds need)
{
  g_return_val_if_fail (need_index (need) >= 0, NULL);

  return needs_table[need_index (need)].name;
}

/**
 * gspawn_need_get_description:
 * @need: exactly one need
 *
 * Gets a description of a need, in English, for people.
 *
 * This function may be called from any thread.
 *
 * Returns: (transfer none): half a sentence
 *
 * Since: 0.1
 */
const char *
gspawn_need_get_description (GSpawnNeeds need)
{
  g_return_val_if_fail (need_index (need) >= 0, NULL);

  return needs_table[need_index (need)].description;
}
