/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Each attribute by itself: how it is set, and what the child must find. Those that confine it are
 * in attribute-confinement.c. */

#include "attribute-cases.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

#define ATTRIBUTES GSPAWN_NEED_ATTRIBUTES

static guint64
signal_bit (int number)
{
  return G_GUINT64_CONSTANT (1) << (number - 1);
}

static void
expect_signals (Stage      *stage,
                const char *key,
                guint64     signals)
{
  g_autofree char *path = g_strconcat ("signals/", key, NULL);

  stage_expect (stage, path, "%016" G_GINT64_MODIFIER "x", signals);
}

/* What the caller ignores for the length of a case. */
static const int ignored_by_caller[] = { SIGUSR1, SIGTTOU, 32, 40 };

static void
restore_signals (gpointer data G_GNUC_UNUSED)
{
  sigset_t set;

  for (guint i = 0; i < G_N_ELEMENTS (ignored_by_caller); i++)
    scene_default_signal (ignored_by_caller[i]);
  sigemptyset (&set);
  sigprocmask (SIG_SETMASK, &set, NULL);
}

static void
ignore_signals (Stage *stage)
{
  for (guint i = 0; i < G_N_ELEMENTS (ignored_by_caller); i++)
    scene_ignore_signal (ignored_by_caller[i]);
  stage->clean_up = restore_signals;
}

static void
block_signals (Stage *stage)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGRTMAX);
  sigprocmask (SIG_SETMASK, &set, NULL);
  stage->clean_up = restore_signals;
}

static void
default_signals (Stage *stage)
{
  ignore_signals (stage);
  gspawn_attributes_set_default_signals (stage->attributes, TRUE);
  expect_signals (stage, "ignored", 0);
}

static void
ignored_signals (Stage *stage)
{
  const int signals[] = { SIGHUP, SIGPIPE, SIGUSR2, 32, SIGRTMAX };

  gspawn_attributes_set_ignored_signals (stage->attributes, signals, G_N_ELEMENTS (signals),
                                         &stage->error);
  expect_signals (stage, "ignored", signal_bit (SIGHUP) | signal_bit (SIGPIPE) |
                                    signal_bit (SIGUSR2) | signal_bit (32) |
                                    signal_bit (SIGRTMAX));
}

/* First all have their default action, and then some are ignored. */
static void
ignored_after_default (Stage *stage)
{
  ignored_signals (stage);
  ignore_signals (stage);
  gspawn_attributes_set_default_signals (stage->attributes, TRUE);
}

static void
signal_mask (Stage *stage)
{
  const int signals[] = { SIGUSR1, SIGKILL, SIGSTOP, SIGRTMIN + 3 };

  block_signals (stage);
  gspawn_attributes_set_signal_mask (stage->attributes, signals, G_N_ELEMENTS (signals),
                                     &stage->error);
  expect_signals (stage, "mask", signal_bit (SIGUSR1) | signal_bit (SIGRTMIN + 3));
}

static void
empty_signal_mask (Stage *stage)
{
  block_signals (stage);
  gspawn_attributes_set_signal_mask (stage->attributes, NULL, 0, &stage->error);
  expect_signals (stage, "mask", 0);
}

static void
new_session (Stage *stage)
{
  gspawn_attributes_set_new_session (stage->attributes, TRUE);
  stage_expect (stage, "process/sid", "@pid");
  stage_expect (stage, "process/pgid", "@pid");
  stage_expect (stage, "process/terminal", "0:0");
}

static void
process_group (Stage *stage)
{
  gspawn_attributes_set_process_group (stage->attributes, 0, &stage->error);
  stage_expect (stage, "process/pgid", "@pid");
}

static void
end_leader (gpointer data)
{
  pid_t pid = GPOINTER_TO_INT (data);

  kill (pid, SIGKILL);
  wait_for (pid);
}

/* A group of another process than the caller. */
static void
join_process_group (Stage *stage)
{
  pid_t leader = fork ();

  g_assert_no_errno (leader);
  if (leader == 0)
    for (;;)
      pause ();
  g_assert_no_errno (setpgid (leader, leader));
  stage->clean_up = end_leader;
  stage->clean_up_data = GINT_TO_POINTER (leader);

  gspawn_attributes_set_process_group (stage->attributes, leader, &stage->error);
  stage_expect (stage, "process/pgid", "%d", leader);
}

static void
working_directory (Stage *stage)
{
  g_autofree char *path = scene_path ("inside");
  struct stat st;
  int fd;

  g_assert_no_errno (mkdir (path, 0755));
  fd = scene_open_private ("inside", O_RDONLY | O_DIRECTORY);
  g_assert_no_errno (fstat (fd, &st));
  gspawn_attributes_set_working_directory_fd (stage->attributes, fd, &stage->error);
  close (fd);

  stage_expect (stage, "directory/path", "%s", path);
  stage_expect (stage, "directory/inode", "%" G_GUINT64_FORMAT, (guint64) st.st_ino);
}

static void
stronger_working_directory (Stage *stage)
{
  struct stat st;

  working_directory (stage);
  g_assert_no_errno (stat (case_get_directory (), &st));
  stage->directory = "/";
  stage_expect (stage, "directory/device", "%" G_GUINT64_FORMAT, (guint64) st.st_dev);
}

static void
umask_attribute (Stage *stage)
{
  gspawn_attributes_set_umask (stage->attributes, 0137, &stage->error);
  stage_expect (stage, "process/umask", "0137");
}

static void
controlling_terminal (Stage *stage)
{
  new_session (stage);
  gspawn_attributes_set_controlling_terminal (stage->attributes, 0, &stage->error);
  stage_expect (stage, "process/terminal", "@terminal");
}

static void
oom_score (Stage *stage)
{
  gspawn_attributes_set_oom_score_adjustment (stage->attributes, 777, &stage->error);
  stage_expect (stage, "scheduling/oom-score", "777");
}

static void
lower_oom_score (Stage *stage)
{
  gspawn_attributes_set_oom_score_adjustment (stage->attributes, -1000, &stage->error);
  stage_expect (stage, "scheduling/oom-score", "-1000");
}

static void
personality_attribute (Stage *stage)
{
  gspawn_attributes_set_personality (stage->attributes, ADDR_NO_RANDOMIZE, &stage->error);
  stage_expect (stage, "process/personality", "%#x", ADDR_NO_RANDOMIZE);
}

static void
limits (Stage *stage)
{
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_NOFILE, 100, 200, &stage->error);
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_CORE, 0, 4096, &stage->error);
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_CPU, 1000, G_MAXUINT32, &stage->error);
  stage_expect (stage, "limits/nofile", "100;200");
  stage_expect (stage, "limits/core", "0;4096");
  stage_expect (stage, "limits/cpu", "1000;%u", G_MAXUINT32);
}

/* A map that makes descriptors beyond the limit that the program gets. */
static void
limit_after_map (Stage *stage)
{
  static const int sources[] = { 2 };
  static const int targets[] = { 150 };

  stage->sources = sources;
  stage->targets = targets;
  stage->n_mapped = 1;
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_NOFILE, 100, 100, &stage->error);
  stage_expect (stage, "limits/nofile", "100;100");
}

static void
raised_limit (Stage *stage)
{
  struct rlimit limit;

  g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &limit));
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_NOFILE, limit.rlim_max + 1,
                               limit.rlim_max + 2, &stage->error);
  stage_expect (stage, "limits/nofile", "%" G_GUINT64_FORMAT ";%" G_GUINT64_FORMAT,
                (guint64) limit.rlim_max + 1, (guint64) limit.rlim_max + 2);
}

/* Where one of them is refused, those before and after it hold, as the kernel numbers them. */
static void
refused_limit (Stage *stage)
{
  const struct rlimit core = { 0, 4096 };

  g_assert_no_errno (setrlimit (RLIMIT_CORE, &core));
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_CPU, 1000, 2000, &stage->error);
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_CORE, 0, 4097, &stage->error);
  gspawn_attributes_set_limit (stage->attributes, RLIMIT_NOFILE, 77, 88, &stage->error);
  stage_expect (stage, "limits/cpu", "1000;2000");
  stage_expect (stage, "limits/nofile", "77;88");
}

static void
nice_attribute (Stage *stage)
{
  gspawn_attributes_set_nice (stage->attributes, 7, &stage->error);
  stage_expect (stage, "scheduling/nice", "7");
}

static void
favoured_nice (Stage *stage)
{
  gspawn_attributes_set_nice (stage->attributes, -20, &stage->error);
  stage_expect (stage, "scheduling/nice", "-20");
}

static void
scheduler (Stage *stage)
{
  gspawn_attributes_set_scheduler (stage->attributes, SCHED_BATCH, 0, &stage->error);
  stage_expect (stage, "scheduling/policy", "%d", SCHED_BATCH);
}

static void
real_time_scheduler (Stage *stage)
{
  gspawn_attributes_set_scheduler (stage->attributes, SCHED_RR | SCHED_RESET_ON_FORK, 3,
                                   &stage->error);
  stage_expect (stage, "scheduling/policy", "%d", SCHED_RR | SCHED_RESET_ON_FORK);
  stage_expect (stage, "scheduling/priority", "3");
}

static void
io_priority (Stage *stage)
{
  gspawn_attributes_set_io_priority (stage->attributes, 2, 6, &stage->error);
  stage_expect (stage, "scheduling/io-priority", "%d", 2 << 13 | 6);
}

static void
real_time_io_priority (Stage *stage)
{
  gspawn_attributes_set_io_priority (stage->attributes, 1, 7, &stage->error);
  stage_expect (stage, "scheduling/io-priority", "%d", 1 << 13 | 7);
}

/* The last processor that we may use; one that is not there does no harm beside it. */
static void
cpu_affinity (Stage *stage)
{
  cpu_set_t allowed;
  guint cpus[2] = { 0, 4000 };

  g_assert_no_errno (sched_getaffinity (0, sizeof allowed, &allowed));
  for (guint cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET (cpu, &allowed))
      cpus[0] = cpu;
  gspawn_attributes_set_cpu_affinity (stage->attributes, cpus, G_N_ELEMENTS (cpus),
                                      &stage->error);
  stage_expect (stage, "scheduling/cpus", "%u", cpus[0]);
}

static void
death_signal (Stage *stage)
{
  gspawn_attributes_set_death_signal (stage->attributes, SIGUSR2, &stage->error);
  stage_expect (stage, "process/death-signal", "%d", SIGUSR2);
}

static void
trace_me (Stage *stage)
{
  gspawn_attributes_set_trace_me (stage->attributes, TRUE);
  stage_expect (stage, "confinement/tracer", "%d", getpid ());
}

static void
expect_variable (Stage      *stage,
                 const char *name,
                 guint       n_variables)
{
  g_autofree char *key = g_strdup_printf ("environment/%u", n_variables);

  stage_expect (stage, key, "%s=@pid", name);
  stage_expect (stage, "environment/count", "%u", n_variables + 1);
}

static void
pid_variable (Stage *stage)
{
  g_auto (GStrv) variables = g_get_environ ();

  gspawn_attributes_set_pid_variable (stage->attributes, "LISTEN_PID", &stage->error);
  expect_variable (stage, "LISTEN_PID", g_strv_length (variables));
}

/* In an environment of its own, in place of another value and beside one that begins alike. */
static void
replaced_pid_variable (Stage *stage)
{
  static const char *const variables[] = {
    "LISTEN_FDS=1", "LISTEN_PID=17", "LISTEN_PID_FILE=x", NULL
  };

  stage->envp = g_strdupv ((char **) variables);
  gspawn_attributes_set_pid_variable (stage->attributes, "LISTEN_PID", &stage->error);
  stage_expect (stage, "environment/1", "LISTEN_PID_FILE=x");
  stage_expect (stage, "environment/2", "LISTEN_PID=@pid");
}

const AttributeRow attribute_rows[] = {
  { "default-signals", default_signals, GSPAWN_NEED_SIGNALS, 0, 0, 0, 0 },
  { "ignored-signals", ignored_signals, ATTRIBUTES, 0, 0, 0, 0 },
  { "ignored-after-default", ignored_after_default, ATTRIBUTES | GSPAWN_NEED_SIGNALS, 0, 0, 0, 0 },
  { "signal-mask", signal_mask, GSPAWN_NEED_SIGNALS, 0, 0, 0, 0 },
  { "signal-mask-empty", empty_signal_mask, GSPAWN_NEED_SIGNALS, 0, 0, 0, 0 },
  { "new-session", new_session, GSPAWN_NEED_SESSION, 0, 0, 0, 0 },
  { "process-group", process_group, GSPAWN_NEED_PROCESS_GROUP, 0, 0, 0, 0 },
  { "process-group-joined", join_process_group, GSPAWN_NEED_PROCESS_GROUP | ATTRIBUTES,
    0, 0, 0, 0 },
  { "working-directory", working_directory, ATTRIBUTES, 0, 0, 0, 0 },
  { "working-directory-is-stronger", stronger_working_directory, ATTRIBUTES, 0, 0, 0, 0 },
  { "umask", umask_attribute, ATTRIBUTES, 0, 0, 0, 0 },
  { "controlling-terminal", controlling_terminal, GSPAWN_NEED_SESSION | ATTRIBUTES,
    STAGE_TERMINAL, 0, 0, 0 },
  { "oom-score", oom_score, ATTRIBUTES, 0, 0, 0, 0 },
  { "oom-score-unprivileged", oom_score, ATTRIBUTES, STAGE_NOBODY, 0, 0, 0 },
  { "oom-score-lowered", lower_oom_score, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_RESOURCE), 0, 0 },
  { "personality", personality_attribute, ATTRIBUTES, 0, 0, 0, 0 },
  { "limits", limits, ATTRIBUTES, 0, 0, 0, 0 },
  { "limits-after-map", limit_after_map, ATTRIBUTES, 0, 0, 0, 0 },
  { "limits-raised", raised_limit, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_RESOURCE), 0, 0 },
  { "limits-refused-one", refused_limit, ATTRIBUTES, STAGE_NOBODY | STAGE_OPTIONAL, 0,
    GSPAWN_ATTRIBUTE_LIMITS, 0 },
  { "nice", nice_attribute, ATTRIBUTES, 0, 0, 0, 0 },
  { "nice-favoured", favoured_nice, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_NICE), 0, 0 },
  { "scheduler", scheduler, ATTRIBUTES, 0, 0, 0, 0 },
  { "scheduler-real-time", real_time_scheduler, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_NICE), 0, 0 },
  { "io-priority", io_priority, ATTRIBUTES, 0, 0, 0, 0 },
  { "io-priority-real-time", real_time_io_priority, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_ADMIN),
    0, 0 },
  { "cpu-affinity", cpu_affinity, ATTRIBUTES, 0, 0, 0, 0 },
  { "death-signal", death_signal, ATTRIBUTES, STAGE_OWN_CHILD, 0, 0, 0 },
  { "trace-me", trace_me, GSPAWN_NEED_TRACE_ME, STAGE_OWN_CHILD | STAGE_TRACED, 0, 0, 0 },
  { "pid-variable", pid_variable, ATTRIBUTES, STAGE_ENVIRONMENT, 0, 0, 0 },
  { "pid-variable-replaced", replaced_pid_variable, ATTRIBUTES, STAGE_NOT_GLIB, 0, 0, 0 },
  { .name = NULL }
};
