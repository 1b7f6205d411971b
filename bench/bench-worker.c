/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * A worker: one process in which some ways are measured.
 *
 * It takes up the memory and the descriptors that its setting asks for, then serves batches: a
 * command comes in by what was its standard input, samples go out by its standard output.  Only
 * the launch itself is timed.  A child that did not end as the program does makes the worker stop:
 * a figure of a launch that failed must never get out.
 */
#include "bench-worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  int            command_fd;
  int            reply_fd;
  BenchRequest   request;
  char          *memory;
  gsize          length;
  BenchSample   *samples;
} Worker;

static guint64
now (clockid_t clock)
{
  struct timespec time;

  clock_gettime (clock, &time);

  return (guint64) time.tv_sec * G_GUINT64_CONSTANT (1000000000) + (guint64) time.tv_nsec;
}

static guint64
count_faults (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);

  return (guint64) usage.ru_minflt;
}

/* A figure in KiB of a file in /proc/self; 0 where there is none. */
static guint64
read_proc (const char *file,
           const char *key)
{
  g_autofree char *contents = NULL;
  const char *line;

  if (!g_file_get_contents (file, &contents, NULL, NULL))
    return 0;

  line = strstr (contents, key);

  return line != NULL ? g_ascii_strtoull (line + strlen (key), NULL, 10) : 0;
}

static void
touch (Worker *worker)
{
  const gsize page = (gsize) sysconf (_SC_PAGESIZE);
  gsize offset;

  for (offset = 0; offset < worker->length; offset += page)
    ((volatile char *) worker->memory)[offset]++;
}

static void
take_memory (Worker             *worker,
             const BenchSetting *setting)
{
  worker->length = (gsize) setting->resident_mib << 20;
  if (worker->length == 0)
    return;

  worker->memory = mmap (NULL, worker->length, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (worker->memory == MAP_FAILED)
    g_error ("%u MiB: %s", setting->resident_mib, g_strerror (errno));

  if (setting->pages == BENCH_PAGES_SMALL)
    madvise (worker->memory, worker->length, MADV_NOHUGEPAGE);
  else if (setting->pages == BENCH_PAGES_HUGE)
    madvise (worker->memory, worker->length, MADV_HUGEPAGE);

  touch (worker);
}

static guint
open_descriptors (guint count)
{
  struct rlimit limit;
  guint opened = 0;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);

  while (opened < count && dup (STDERR_FILENO) >= 0)
    opened++;

  return opened;
}

static void
init_request (BenchRequest       *request,
              const BenchSetting *setting)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new ();
  g_autoptr(GPtrArray) candidates = g_ptr_array_new ();
  g_autofree char *directory = g_path_get_dirname (setting->child);
  g_autofree char *name = g_path_get_basename (setting->child);
  g_autoptr(GString) path = g_string_new (NULL);
  guint i;

  for (i = 1; i < setting->directories; i++)
    {
      g_string_append_printf (path, "%s/no-such-directory-%u:", directory, i);
      g_ptr_array_add (candidates,
                       g_strdup_printf ("%s/no-such-directory-%u/%s", directory, i, name));
    }
  g_string_append (path, directory);
  g_ptr_array_add (candidates, g_strdup (setting->child));
  g_ptr_array_add (candidates, NULL);

  request->search = setting->directories > 0;
  if (request->search)
    g_setenv ("PATH", path->str, TRUE);

  g_ptr_array_add (argv, g_strdup (request->search ? name : setting->child));
  if (setting->busy > 0)
    g_ptr_array_add (argv, g_strdup_printf ("%u", setting->busy));
  g_ptr_array_add (argv, NULL);

  for (i = 0; i < setting->variables; i++)
    {
      g_autofree char *variable = g_strdup_printf ("BENCH_VARIABLE_%u", i);

      request->envp = g_environ_setenv (request->envp, variable, "a value of some length", TRUE);
      request->working_directory = "/";
    }

  request->argv = (char **) g_ptr_array_steal (argv, NULL);
  request->candidates = (char **) g_ptr_array_steal (candidates, NULL);
}

/* A session's leader cannot be put into a group: the child tries, and goes on. */
static GSpawnAttributes *
make_attributes (gboolean session)
{
  GSpawnAttributes *attributes = gspawn_attributes_new ();
  g_autoptr(GError) error = NULL;

  gspawn_attributes_set_new_session (attributes, session);
  gspawn_attributes_set_optional (attributes, GSPAWN_ATTRIBUTE_PROCESS_GROUP, TRUE);
  if (!gspawn_attributes_set_process_group (attributes, 0, &error)
      || !gspawn_attributes_set_limit (attributes, RLIMIT_NOFILE, BENCH_CHILD_DESCRIPTORS,
                                       BENCH_CHILD_DESCRIPTORS, &error)
      || !gspawn_attributes_set_death_signal (attributes, SIGTERM, &error))
    g_error ("%s", error->message);

  return attributes;
}

/* Launches the last of a crowd and says what that took. */
static void
launch_timed (Worker         *worker,
              const BenchWay *way,
              BenchChild     *child,
              BenchSample    *sample)
{
  guint64 cpu;
  guint64 begin;
  guint64 end;
  gboolean launched;

  cpu = now (CLOCK_THREAD_CPUTIME_ID);
  begin = now (CLOCK_MONOTONIC);
  launched = way->launch (&worker->request, child);
  end = now (CLOCK_MONOTONIC);
  sample->cpu_nanoseconds = now (CLOCK_THREAD_CPUTIME_ID) - cpu;
  sample->nanoseconds = end - begin;

  if (!launched)
    g_error ("%s: the program was not launched", way->name);
}

static void
take_sample (Worker         *worker,
             const BenchWay *way,
             guint           in_flight,
             gboolean        retouch,
             BenchSample    *sample)
{
  g_autofree BenchChild *children = g_new0 (BenchChild, in_flight + 1);
  guint64 faults[3];
  guint i;

  for (i = 0; i < in_flight; i++)
    if (!way->launch (&worker->request, &children[i]))
      g_error ("%s: the program was not launched", way->name);

  faults[0] = count_faults ();
  launch_timed (worker, way, &children[in_flight], sample);
  faults[1] = count_faults ();

  for (i = 0; i <= in_flight; i++)
    if (!way->finish (&children[i]))
      g_error ("%s: the program did not run", way->name);

  if (retouch)
    touch (worker);
  faults[2] = count_faults ();

  sample->faults_during = faults[1] - faults[0];
  sample->faults_after = retouch ? faults[2] - faults[1] : 0;
}

static void
write_fully (int           fd,
             gconstpointer data,
             gsize         length)
{
  const char *position = data;
  gssize written;

  while (length > 0)
    {
      written = write (fd, position, length);
      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        exit (1);
      position += written;
      length -= (gsize) written;
    }
}

static gboolean
read_command (int           fd,
              BenchCommand *command)
{
  char *position = (char *) command;
  gsize missing = sizeof *command;
  gssize length;

  while (missing > 0)
    {
      length = read (fd, position, missing);
      if (length < 0 && errno == EINTR)
        continue;
      if (length <= 0)
        return FALSE;
      position += length;
      missing -= (gsize) length;
    }

  return TRUE;
}

static void
serve (Worker             *worker,
       const BenchCommand *command)
{
  const BenchWay *way = &bench_ways[command->way];
  BenchReply reply = { 0, 0 };
  BenchSample discarded;
  guint64 peak;
  guint64 begin;

  peak = read_proc ("/proc/self/status", "VmPeak:");
  worker->samples = g_renew (BenchSample, worker->samples, command->samples);

  /* The first one pays for what another way or another worker has left cold. */
  take_sample (worker, way, command->in_flight, command->retouch != 0, &discarded);

  begin = now (CLOCK_MONOTONIC);
  while (reply.samples < command->samples
         && (reply.samples == 0 || now (CLOCK_MONOTONIC) - begin < command->budget))
    take_sample (worker, way, command->in_flight, command->retouch != 0,
                 &worker->samples[reply.samples++]);

  reply.peak_growth_kib = (guint32) (read_proc ("/proc/self/status", "VmPeak:") - peak);
  write_fully (worker->reply_fd, &reply, sizeof reply);
  write_fully (worker->reply_fd, worker->samples, reply.samples * sizeof *worker->samples);
}

/* For the ways of launching that a privileged process is refused. */
static void
give_up_privileges (void)
{
  const uid_t nobody = 65534;

  if (geteuid () != 0)
    return;

  if (setgroups (0, NULL) < 0 || setresgid (nobody, nobody, nobody) < 0
      || setresuid (nobody, nobody, nobody) < 0)
    g_error ("nobody: %s", g_strerror (errno));
}

static void
pin (int cpu)
{
  cpu_set_t set;

  if (cpu < 0)
    return;

  CPU_ZERO (&set);
  CPU_SET ((gsize) cpu, &set);
  if (sched_setaffinity (0, sizeof set, &set) < 0)
    g_error ("processor %d: %s", cpu, g_strerror (errno));
}

/* Puts /dev/null in its place, which most programs of a session or of a service manager have. */
static int
take_stream (int stream)
{
  int fd = fcntl (stream, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  if (fd < 0 || null_fd < 0 || dup2 (null_fd, stream) < 0)
    g_error ("stream %d: %s", stream, g_strerror (errno));
  close (null_fd);

  return fd;
}

int
bench_worker_run (const BenchSetting *setting)
{
  Worker worker = { .memory = NULL };
  BenchHello hello;
  BenchCommand command;

  /* Only so that all hosts hand their children the same environment. */
  g_unsetenv ("LD_PRELOAD");

  pin (setting->cpu);
  worker.command_fd = take_stream (STDIN_FILENO);
  worker.reply_fd = take_stream (STDOUT_FILENO);
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  init_request (&worker.request, setting);
  worker.request.attributes = make_attributes (TRUE);
  worker.request.group_attributes = make_attributes (FALSE);
  take_memory (&worker, setting);
  hello.descriptors = open_descriptors (setting->descriptors);
  hello.rss_kib = read_proc ("/proc/self/status", "VmRSS:");
  hello.huge_kib = read_proc ("/proc/self/smaps_rollup", "AnonHugePages:");
  if (setting->unprivileged)
    give_up_privileges ();
  write_fully (worker.reply_fd, &hello, sizeof hello);

  while (read_command (worker.command_fd, &command))
    serve (&worker, &command);

  g_strfreev (worker.request.argv);
  g_strfreev (worker.request.candidates);
  g_strfreev (worker.request.envp);
  gspawn_attributes_unref (worker.request.attributes);
  gspawn_attributes_unref (worker.request.group_attributes);
  g_free (worker.samples);

  return 0;
}
