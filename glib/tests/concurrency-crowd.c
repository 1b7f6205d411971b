/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The threads that launch, and those that disturb them. Owns their life, and looks at what must not
 * grow while they go on; knows neither what is launched nor what the disturbances do.
 *
 * A disturbance stands still while the process is looked at. That it did happen is checked too: it
 * has to have had rounds while the launches went on. */

#include "concurrency.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace.h"

#define N_LAUNCHERS 4
#define PROGRESS_STEP 500

/* What launches may leave behind once, because libc keeps it: stacks and heaps of as many threads as
 * there were at once, and caches. */
#if TESTS_ARE_SANITIZED
/* What is freed is kept, to find who uses it all the same. */
#define MAX_NEW_MAPPINGS 256
#define MAX_NEW_KB (1024 * 1024)
#else
#define MAX_NEW_MAPPINGS 64
#define MAX_NEW_KB 4096
#endif

typedef struct {
  guint n_descriptors;
  guint n_mappings;
  gint64 resident_kb;
} Size;

typedef struct {
  const Disturber *disturber;
  GThread *thread;
  guint n_rounds;
} Disturbance;

typedef struct {
  const Crowd *crowd;
  Traits excludes;
  guint n_launches;         /* of each thread */

  GMutex lock;
  GCond changed;
  guint n_waiting;          /* threads that launch, at one of the two halts */
  guint n_halts_passed;
  gboolean paused;          /* the disturbances */
  gboolean stopped;
  guint n_disturbing;
} Running;

typedef struct {
  Running *running;
  guint number;
} Launcher;

static int n_broken;
static int n_launched;
static int progress_fd = -1;

/*
 * crowd_expect: (skip)
 * @holds: what must be true
 * @format: what is wrong where it is not
 *
 * Fails the case. The first few say what it was: with many threads the rest would bury it.
 */
void
crowd_expect (gboolean    holds,
              const char *format,
              ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (holds || g_atomic_int_add (&n_broken, 1) >= 5)
    return;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_test_message ("%s", text);
}

gboolean
crowd_engine_is (const char *engine)
{
  return g_strcmp0 (g_getenv ("GSPAWN_ENGINE"), engine) == 0;
}

static guint
count_entries (const char *path)
{
  DIR *dir = opendir (path);
  guint n = 0;

  g_assert_nonnull (dir);
  while (readdir (dir) != NULL)
    n++;
  closedir (dir);

  return n;
}

static guint
count_mappings (void)
{
  g_autofree char *maps = NULL;
  guint n = 0;

  g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL);
  g_assert_nonnull (maps);
  for (const char *p = maps; *p != '\0'; p++)
    n += *p == '\n';

  return n;
}

static Size
measure (void)
{
  Size size = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *status = NULL;

  size.n_descriptors = count_entries ("/proc/self/fd");
  size.n_mappings = count_mappings ();
  g_file_get_contents ("/proc/self/status", &status, NULL, &error);
  g_assert_no_error (error);
  size.resident_kb = g_ascii_strtoll (strstr (status, "VmRSS:") + strlen ("VmRSS:"), NULL, 10);

  return size;
}

static void
check_growth (const Size *before,
              const Size *after)
{
  crowd_expect (after->n_descriptors == before->n_descriptors, "%u descriptors became %u",
                before->n_descriptors, after->n_descriptors);
#if !defined(__SANITIZE_THREAD__)
  /* The sanitizer keeps memory of its own for threads that have ended. */
  crowd_expect (after->n_mappings <= before->n_mappings + MAX_NEW_MAPPINGS,
                "%u mappings became %u", before->n_mappings, after->n_mappings);
#endif
  crowd_expect (after->resident_kb <= before->resident_kb + MAX_NEW_KB,
                "%" G_GINT64_FORMAT " kB of memory became %" G_GINT64_FORMAT,
                before->resident_kb, after->resident_kb);
}

/* Threads that launch come here when they have had their first launches, and after the last. */
static void
halt (Running *running)
{
  guint halt_number;

  g_mutex_lock (&running->lock);
  halt_number = running->n_halts_passed;
  running->n_waiting++;
  g_cond_broadcast (&running->changed);
  while (running->n_halts_passed == halt_number)
    g_cond_wait (&running->changed, &running->lock);
  g_mutex_unlock (&running->lock);
}

/* Measures while all stand still, and lets the launchers pass. */
static Size
measure_at_halt (Running *running)
{
  Size size;

  g_mutex_lock (&running->lock);
  while (running->n_waiting < N_LAUNCHERS)
    g_cond_wait (&running->changed, &running->lock);
  running->paused = TRUE;
  while (running->n_disturbing > 0)
    g_cond_wait (&running->changed, &running->lock);

  size = measure ();

  running->n_waiting = 0;
  running->paused = FALSE;
  running->n_halts_passed++;
  g_cond_broadcast (&running->changed);
  g_mutex_unlock (&running->lock);

  return size;
}

static void
say_progress (guint n)
{
  g_autofree char *line = NULL;

  if (progress_fd < 0 || n % PROGRESS_STEP != 0)
    return;

  line = g_strdup_printf ("# %s: %u launches\n", g_test_get_path (), n);
  if (write (progress_fd, line, strlen (line)) < 0)
    progress_fd = -1;
}

static void
launch_some (const Launcher *launcher,
             guint           first,
             guint           end)
{
  const Running *running = launcher->running;

  for (guint i = first; i < end; i++)
    {
      crowd_launch (launcher->number, i, running->excludes, running->crowd);
      say_progress ((guint) g_atomic_int_add (&n_launched, 1) + 1);
    }
}

static guint
first_launches (Traits excludes)
{
  return (crowd_n_shapes (excludes) + N_LAUNCHERS - 1) / N_LAUNCHERS;
}

/* A signal that is blocked in this thread alone. */
static void
set_mask (guint launcher)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGRTMIN + 1 + (int) launcher);
  g_assert_cmpint (pthread_sigmask (SIG_BLOCK, &set, NULL), ==, 0);
}

static gpointer
launcher_main (gpointer data)
{
  const Launcher *launcher = data;
  Running *running = launcher->running;
  guint first_end = first_launches (running->excludes);

  set_mask (launcher->number);
  for (gsize i = 0; (*running->crowd)[i] != NULL; i++)
    if ((*running->crowd)[i]->enter != NULL)
      (*running->crowd)[i]->enter ();

  launch_some (launcher, 0, first_end);
  halt (running);
  launch_some (launcher, first_end, running->n_launches);
  halt (running);

  for (gsize i = 0; (*running->crowd)[i] != NULL; i++)
    if ((*running->crowd)[i]->leave != NULL)
      (*running->crowd)[i]->leave ();

  return NULL;
}

static gboolean
begin_round (Running *running)
{
  gboolean goes_on;

  g_mutex_lock (&running->lock);
  while (running->paused && !running->stopped)
    g_cond_wait (&running->changed, &running->lock);
  goes_on = !running->stopped;
  running->n_disturbing += goes_on;
  g_mutex_unlock (&running->lock);

  return goes_on;
}

static void
end_round (Running *running)
{
  g_mutex_lock (&running->lock);
  running->n_disturbing--;
  g_cond_broadcast (&running->changed);
  g_mutex_unlock (&running->lock);
}

typedef struct {
  Running *running;
  Disturbance *disturbance;
} DisturberData;

static gpointer
disturber_main (gpointer data)
{
  g_autofree DisturberData *self = data;
  const Disturber *disturber = self->disturbance->disturber;

  while (begin_round (self->running))
    {
      crowd_expect (disturber->round (), "a round of %s failed", disturber->name);
      self->disturbance->n_rounds++;
      end_round (self->running);
      sched_yield ();
    }

  return NULL;
}

static void
start_disturbances (Running     *running,
                    Disturbance *disturbances)
{
  for (gsize i = 0; (*running->crowd)[i] != NULL; i++)
    {
      disturbances[i] = (Disturbance) { .disturber = (*running->crowd)[i] };
      if (disturbances[i].disturber->begin != NULL)
        disturbances[i].disturber->begin ();
    }

  for (gsize i = 0; (*running->crowd)[i] != NULL; i++)
    if (disturbances[i].disturber->round != NULL)
      {
        DisturberData *data = g_new (DisturberData, 1);

        *data = (DisturberData) { running, &disturbances[i] };
        disturbances[i].thread = g_thread_new (disturbances[i].disturber->name, disturber_main,
                                               data);
      }
}

static void
join_disturbance (const Disturbance *disturbance)
{
  if (disturbance->thread == NULL)
    return;

  g_thread_join (disturbance->thread);
  crowd_expect (disturbance->n_rounds > 0, "%s did not happen", disturbance->disturber->name);
  g_test_message ("%u rounds of %s", disturbance->n_rounds, disturbance->disturber->name);
}

static void
stop_disturbances (Running           *running,
                   const Disturbance *disturbances)
{
  for (gsize i = 0; (*running->crowd)[i] != NULL; i++)
    if ((*running->crowd)[i]->await_effect != NULL)
      (*running->crowd)[i]->await_effect ();

  g_mutex_lock (&running->lock);
  running->stopped = TRUE;
  g_cond_broadcast (&running->changed);
  g_mutex_unlock (&running->lock);

  for (gsize i = 0; (*running->crowd)[i] != NULL; i++)
    join_disturbance (&disturbances[i]);
  for (gsize i = 0; (*running->crowd)[i] != NULL; i++)
    if ((*running->crowd)[i]->end != NULL)
      (*running->crowd)[i]->end ();
}

static guint
get_n_launches (Traits excludes)
{
  const char *setting = g_getenv (LAUNCHES_VARIABLE);
  guint n = setting != NULL ? (guint) g_ascii_strtoull (setting, NULL, 10) : 0;

  /* All threads together launch each shape twice, the first time before the first look. */
  return MAX (n / N_LAUNCHERS, 2 * first_launches (excludes));
}

static gboolean
find_obstacle (const Crowd *crowd)
{
  for (gsize i = 0; (*crowd)[i] != NULL; i++)
    {
      const Disturber *disturber = (*crowd)[i];
      const char *obstacle = disturber->get_obstacle != NULL ? disturber->get_obstacle () : NULL;

      if (obstacle != NULL)
        return case_skip (obstacle);
    }

  return FALSE;
}

/* Asked of the library under test, as the launches are. */
static gboolean
is_available (GSpawnEngine   engine,
              const char   **detail)
{
  gboolean (*ask) (GSpawnEngine engine, const char **detail) =
    dlsym (RTLD_DEFAULT, "gspawn_engine_is_available");

  return ask (engine, detail);
}

gboolean
crowd_has_engine (GSpawnEngine engine)
{
  const char *detail;

  return is_available (engine, &detail);
}

/* A disturbance must not make an engine take itself for broken. */
static char *
describe_engines (void)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < GSPAWN_N_ENGINES; i++)
    {
      const char *detail;
      gboolean available = is_available (i, &detail);

      g_string_append_printf (text, "%d: %s; ", available, detail);
    }

  return g_string_free (text, FALSE);
}

static void
prepare (Running     *running,
         const Crowd *crowd)
{
  const char *progress = g_getenv (PROGRESS_VARIABLE);

  /* A record for each launch would be what grows most. */
  trace_begin ("trace", NULL);
  if (progress != NULL)
    progress_fd = open (progress, O_WRONLY | O_APPEND | O_CLOEXEC);

  for (gsize i = 0; (*crowd)[i] != NULL; i++)
    {
      running->excludes |= (*crowd)[i]->excludes;
      if ((*crowd)[i]->prepare != NULL)
        (*crowd)[i]->prepare ();
    }
  if (!crowd_has_engine (GSPAWN_ENGINE_FORK))
    running->excludes |= TRAIT_SET_UP;

  running->crowd = crowd;
  running->n_launches = get_n_launches (running->excludes);
}

/* Looks at the process after the first launches, and after the last. */
static void
run_launchers (Running *running,
               Size    *before,
               Size    *after)
{
  Launcher launchers[N_LAUNCHERS];
  GThread *threads[N_LAUNCHERS];

  for (guint i = 0; i < N_LAUNCHERS; i++)
    {
      launchers[i] = (Launcher) { running, i };
      threads[i] = g_thread_new ("launcher", launcher_main, &launchers[i]);
    }
  *before = measure_at_halt (running);
  *after = measure_at_halt (running);
  for (guint i = 0; i < N_LAUNCHERS; i++)
    g_thread_join (threads[i]);
}

/*
 * crowd_run: (skip)
 * @data: the disturbances, a #Crowd
 *
 * The whole of a case: threads launch what the table of shapes has, one after the other, while the
 * disturbances go on.
 */
void
crowd_run (gconstpointer data)
{
  const Crowd *crowd = data;
  Running running = { 0 };
  Disturbance disturbances[G_N_ELEMENTS (*crowd)];
  g_autofree char *engines = NULL;
  g_autofree char *engines_after = NULL;
  Size before, after;

  if (find_obstacle (crowd))
    return;

  prepare (&running, crowd);
  engines = describe_engines ();
  crowd_take_reference ();

  start_disturbances (&running, disturbances);
  run_launchers (&running, &before, &after);
  stop_disturbances (&running, disturbances);

  check_growth (&before, &after);
  engines_after = describe_engines ();
  crowd_expect (g_str_equal (engines, engines_after), "the engines became \"%s\"", engines_after);
  crowd_expect ((guint) n_launched == N_LAUNCHERS * running.n_launches, "%d launches of %u",
                n_launched, N_LAUNCHERS * running.n_launches);
  if (progress_fd >= 0)
    close (progress_fd);
  g_assert_cmpint (n_broken, ==, 0);
}
