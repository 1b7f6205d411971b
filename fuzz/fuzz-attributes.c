/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Attributes read from an input, by the public functions alone, beside a model of what each of them
 * promises: it takes a value and remembers it, or refuses it with an error and nothing changes. */

#include "fuzz-attributes.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define MAX_STEPS 24
#define MAX_LIST 6
#define ALL_NAMESPACES \
  (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWTIME | \
   CLONE_NEWUSER | CLONE_NEWUTS)

/* Numbers below are processors, and from the second on nobody's machine has any. */
#define SURELY_CPUS 4096
#define NO_CPUS 65536

typedef struct {
  GSpawnAttributes *attributes;
  AttributesModel *model;
  FuzzInput *input;
} Builder;

/* What a setter came to. Returns whether the value is one. */
static gboolean
note (Builder         *self,
      GSpawnAttribute  attribute,
      gboolean         expected,
      gboolean         accepted,
      GError         **error)
{
  g_assert_cmpint (accepted, ==, expected);
  if (!expected)
    {
      g_assert_error (*error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL);
      g_assert_nonnull (strstr ((*error)->message, gspawn_attribute_get_name (attribute)));
      g_clear_error (error);
      return FALSE;
    }

  g_assert_no_error (*error);
  self->model->set[attribute] = TRUE;

  return TRUE;
}

/* Mostly small numbers, and all others as well. */
static int
read_number (FuzzInput *input)
{
  guint8 byte = fuzz_input_byte (input);

  return byte < 0xf0 ? (int) byte - 32 : (int) fuzz_input_word (input);
}

static guint
read_numbers (FuzzInput *input,
              int       *numbers)
{
  guint n = fuzz_input_byte (input) % (MAX_LIST + 1);

  for (guint i = 0; i < n; i++)
    numbers[i] = read_number (input);

  return n;
}

static gboolean
is_signal (int number)
{
  return number >= 1 && number <= FUZZ_N_SIGNALS;
}

static guint64
make_set (const int *signals,
          guint      n)
{
  guint64 set = 0;

  for (guint i = 0; i < n; i++)
    set |= G_GUINT64_CONSTANT (1) << (signals[i] - 1);

  return set;
}

static void
read_default_signals (Builder *self)
{
  gboolean value = fuzz_input_byte (self->input) & 1;

  gspawn_attributes_set_default_signals (self->attributes, value);
  self->model->set[GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS] = value;
}

static void
read_ignored_signals (Builder *self)
{
  int signals[MAX_LIST];
  guint n = read_numbers (self->input, signals);
  gboolean expected = TRUE;
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    expected &= is_signal (signals[i]) && signals[i] != SIGKILL && signals[i] != SIGSTOP;
  if (note (self, GSPAWN_ATTRIBUTE_IGNORED_SIGNALS, expected,
            gspawn_attributes_set_ignored_signals (self->attributes, signals, n, &error), &error))
    self->model->ignored_signals = make_set (signals, n);
}

static void
read_signal_mask (Builder *self)
{
  int signals[MAX_LIST];
  guint n = read_numbers (self->input, signals);
  gboolean expected = TRUE;
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    expected &= is_signal (signals[i]);
  if (note (self, GSPAWN_ATTRIBUTE_SIGNAL_MASK, expected,
            gspawn_attributes_set_signal_mask (self->attributes, signals, n, &error), &error))
    self->model->signal_mask = make_set (signals, n);
}

static void
read_new_session (Builder *self)
{
  gboolean value = fuzz_input_byte (self->input) & 1;

  gspawn_attributes_set_new_session (self->attributes, value);
  self->model->set[GSPAWN_ATTRIBUTE_NEW_SESSION] = value;
}

static void
read_process_group (Builder *self)
{
  int group = read_number (self->input);
  GError *error = NULL;

  if (note (self, GSPAWN_ATTRIBUTE_PROCESS_GROUP, group >= 0,
            gspawn_attributes_set_process_group (self->attributes, group, &error), &error))
    self->model->process_group = group;
}

/* A directory, a file and a number that is not open. */
static int
open_something (Builder  *self,
                gboolean *is_directory,
                gboolean *is_open)
{
  static const char *const paths[] = { "/", "/dev/null", NULL };
  const char *path = paths[fuzz_input_byte (self->input) % G_N_ELEMENTS (paths)];
  int fd = path != NULL ? open (path, O_RDONLY | O_CLOEXEC) : -1;

  g_assert_true (path == NULL || fd >= 0);
  *is_open = fd >= 0;
  *is_directory = path != NULL && path[1] == '\0';

  return fd;
}

static void
read_held (Builder         *self,
           GSpawnAttribute  attribute,
           gboolean         wants_directory,
           gboolean       (*set) (GSpawnAttributes *, int, GError **))
{
  gboolean is_directory, is_open;
  int fd = open_something (self, &is_directory, &is_open);
  GError *error = NULL;

  note (self, attribute, wants_directory ? is_directory : is_open,
        set (self->attributes, fd, &error), &error);
  if (fd >= 0)
    close (fd);
}

static void
read_working_directory (Builder *self)
{
  read_held (self, GSPAWN_ATTRIBUTE_WORKING_DIRECTORY, TRUE,
             gspawn_attributes_set_working_directory_fd);
}

static void
read_cgroup (Builder *self)
{
  read_held (self, GSPAWN_ATTRIBUTE_CGROUP, TRUE, gspawn_attributes_set_cgroup_fd);
}

static void
read_landlock (Builder *self)
{
  read_held (self, GSPAWN_ATTRIBUTE_LANDLOCK, FALSE, gspawn_attributes_set_landlock_ruleset_fd);
}

static void
read_umask (Builder *self)
{
  guint mask = (guint) read_number (self->input);
  GError *error = NULL;

  if (note (self, GSPAWN_ATTRIBUTE_UMASK, mask <= 0777,
            gspawn_attributes_set_umask (self->attributes, mask, &error), &error))
    self->model->umask = mask;
}

static void
read_controlling_terminal (Builder *self)
{
  int fd = read_number (self->input);
  GError *error = NULL;

  note (self, GSPAWN_ATTRIBUTE_CONTROLLING_TERMINAL, fd >= 0,
        gspawn_attributes_set_controlling_terminal (self->attributes, fd, &error), &error);
}

static void
read_oom_score (Builder *self)
{
  int score = read_number (self->input);
  GError *error = NULL;

  if (note (self, GSPAWN_ATTRIBUTE_OOM_SCORE, score >= -1000 && score <= 1000,
            gspawn_attributes_set_oom_score_adjustment (self->attributes, score, &error), &error))
    self->model->oom_score = score;
}

static void
read_namespaces (Builder *self)
{
  guint flags = fuzz_input_word (self->input);
  GError *error = NULL;

  note (self, GSPAWN_ATTRIBUTE_NAMESPACES,
        flags != 0 && (flags & ~(guint) ALL_NAMESPACES) == 0,
        gspawn_attributes_set_namespaces (self->attributes, flags, &error), &error);
}

static void
read_personality (Builder *self)
{
  guint personality = (guint) read_number (self->input);
  GError *error = NULL;

  if (note (self, GSPAWN_ATTRIBUTE_PERSONALITY, personality != G_MAXUINT32,
            gspawn_attributes_set_personality (self->attributes, personality, &error), &error))
    self->model->personality = personality;
}

static guint64
read_limit (FuzzInput *input)
{
  guint8 byte = fuzz_input_byte (input);

  switch (byte)
    {
    case 0xff:
      return G_MAXUINT64;
    case 0xfe:
      return (guint64) fuzz_input_word (input) << 32 | fuzz_input_word (input);
    default:
      return byte;
    }
}

static void
read_limits (Builder *self)
{
  int resource = read_number (self->input);
  guint64 soft = read_limit (self->input);
  guint64 hard = read_limit (self->input);
  gboolean expected = resource >= 0 && resource < (int) RLIM_NLIMITS && soft <= hard;
  GError *error = NULL;

  if (!note (self, GSPAWN_ATTRIBUTE_LIMITS, expected,
             gspawn_attributes_set_limit (self->attributes, resource, soft, hard, &error), &error))
    return;

  self->model->limited[resource] = TRUE;
  self->model->soft[resource] = soft;
  self->model->hard[resource] = hard;
}

static void
read_nice (Builder *self)
{
  int nice = read_number (self->input);
  GError *error = NULL;

  if (note (self, GSPAWN_ATTRIBUTE_NICE, nice >= -20 && nice <= 19,
            gspawn_attributes_set_nice (self->attributes, nice, &error), &error))
    self->model->nice = nice;
}

static gboolean
is_schedule (int policy,
             int priority)
{
  switch (policy & ~SCHED_RESET_ON_FORK)
    {
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
      return priority == 0;
    case SCHED_FIFO:
    case SCHED_RR:
      return priority >= 1 && priority <= 99;
    default:
      return FALSE;
    }
}

static void
read_scheduler (Builder *self)
{
  int policy = read_number (self->input);
  int priority = read_number (self->input);
  GError *error = NULL;

  if (!note (self, GSPAWN_ATTRIBUTE_SCHEDULER, is_schedule (policy, priority),
             gspawn_attributes_set_scheduler (self->attributes, policy, priority, &error), &error))
    return;

  self->model->policy = policy;
  self->model->priority = priority;
}

static void
read_io_priority (Builder *self)
{
  int io_class = read_number (self->input);
  int level = read_number (self->input);
  gboolean expected = io_class >= 1 && io_class <= 3 && level >= 0 && level <= 7;
  GError *error = NULL;

  if (note (self, GSPAWN_ATTRIBUTE_IO_PRIORITY, expected,
            gspawn_attributes_set_io_priority (self->attributes, io_class, level, &error), &error))
    self->model->io_priority = io_class << 13 | level;
}

static void
read_cpu_affinity (Builder *self)
{
  int numbers[MAX_LIST];
  guint cpus[MAX_LIST];
  guint n = read_numbers (self->input, numbers);
  gboolean expected = n > 0;
  gboolean accepted;
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    {
      cpus[i] = (guint) numbers[i];
      /* Between the two the documentation does not say. */
      if (cpus[i] >= SURELY_CPUS && cpus[i] < NO_CPUS)
        cpus[i] %= SURELY_CPUS;
      expected &= cpus[i] < SURELY_CPUS;
    }
  accepted = gspawn_attributes_set_cpu_affinity (self->attributes, cpus, n, &error);
  note (self, GSPAWN_ATTRIBUTE_CPU_AFFINITY, expected, accepted, &error);
}

static void
read_groups (Builder *self)
{
  int numbers[MAX_LIST];
  guint groups[MAX_LIST];
  guint n = read_numbers (self->input, numbers);
  GError *error = NULL;

  /* What means no group is not tried: no setter of a list has to look for it. */
  for (guint i = 0; i < n; i++)
    groups[i] = (guint) numbers[i] & G_MAXINT32;
  note (self, GSPAWN_ATTRIBUTE_GROUPS, TRUE,
        gspawn_attributes_set_groups (self->attributes, groups, n, &error), &error);
}

static void
read_group (Builder *self)
{
  guint group = (guint) read_number (self->input);
  GError *error = NULL;

  note (self, GSPAWN_ATTRIBUTE_GROUP, group != G_MAXUINT32,
        gspawn_attributes_set_group (self->attributes, group, &error), &error);
}

static void
read_user (Builder *self)
{
  guint user = (guint) read_number (self->input);
  GError *error = NULL;

  note (self, GSPAWN_ATTRIBUTE_USER, user != G_MAXUINT32,
        gspawn_attributes_set_user (self->attributes, user, &error), &error);
}

static void
read_death_signal (Builder *self)
{
  int number = read_number (self->input);
  GError *error = NULL;

  if (note (self, GSPAWN_ATTRIBUTE_DEATH_SIGNAL, is_signal (number),
            gspawn_attributes_set_death_signal (self->attributes, number, &error), &error))
    self->model->death_signal = number;
}

static void
read_no_new_privileges (Builder *self)
{
  gboolean value = fuzz_input_byte (self->input) & 1;

  gspawn_attributes_set_no_new_privileges (self->attributes, value);
  self->model->set[GSPAWN_ATTRIBUTE_NO_NEW_PRIVILEGES] = value;
}

static void
read_trace_me (Builder *self)
{
  gboolean value = fuzz_input_byte (self->input) & 1;

  gspawn_attributes_set_trace_me (self->attributes, value);
  self->model->set[GSPAWN_ATTRIBUTE_TRACE_ME] = value;
}

static void
read_pid_variable (Builder *self)
{
  g_autofree char *name = fuzz_input_string (self->input);
  gboolean expected;
  GError *error = NULL;

  if (strlen (name) >= sizeof self->model->pid_variable)
    name[sizeof self->model->pid_variable - 1] = '\0';
  expected = name[0] != '\0' && strchr (name, '=') == NULL;
  if (note (self, GSPAWN_ATTRIBUTE_PID_VARIABLE, expected,
            gspawn_attributes_set_pid_variable (self->attributes, name, &error), &error))
    g_strlcpy (self->model->pid_variable, name, sizeof self->model->pid_variable);
}

/* The kernel's check of the instructions is its own business. */
static void
read_seccomp_filter (Builder *self)
{
  gsize size = fuzz_input_byte (self->input);
  g_autofree guint8 *data = NULL;
  g_autoptr (GBytes) filter = NULL;
  gboolean expected;
  GError *error = NULL;

  if (size == 0xff)
    size = (BPF_MAXINSNS + 1) * sizeof (struct sock_filter);
  data = g_malloc0 (MAX (size, 1));
  for (gsize i = 0; i < size && self->input->length > 0; i++)
    data[i] = fuzz_input_byte (self->input);
  filter = g_bytes_new (data, size);
  expected = size > 0 && size % sizeof (struct sock_filter) == 0 &&
             size / sizeof (struct sock_filter) <= BPF_MAXINSNS;
  note (self, GSPAWN_ATTRIBUTE_SECCOMP_FILTER, expected,
        gspawn_attributes_set_seccomp_filter (self->attributes, filter, &error), &error);
}

static void
unset (Builder *self)
{
  GSpawnAttribute attribute = fuzz_input_byte (self->input) % GSPAWN_N_ATTRIBUTES;

  gspawn_attributes_unset (self->attributes, attribute);
  self->model->set[attribute] = FALSE;
  if (attribute == GSPAWN_ATTRIBUTE_LIMITS)
    memset (self->model->limited, 0, sizeof self->model->limited);
}

static void
set_optional (Builder *self)
{
  GSpawnAttribute attribute = fuzz_input_byte (self->input) % GSPAWN_N_ATTRIBUTES;
  gboolean optional = fuzz_input_byte (self->input) & 1;

  gspawn_attributes_set_optional (self->attributes, attribute, optional);
  self->model->optional[attribute] = optional;
}

/* The original is gone then. */
static void
copy (Builder *self)
{
  GError *error = NULL;
  GSpawnAttributes *attributes = gspawn_attributes_copy (self->attributes, &error);

  g_assert_no_error (error);
  gspawn_attributes_unref (self->attributes);
  self->attributes = attributes;
}

static void (*const steps[]) (Builder *self) = {
  read_default_signals, read_ignored_signals, read_signal_mask, read_new_session,
  read_process_group, read_working_directory, read_umask, read_controlling_terminal, read_cgroup,
  read_oom_score, read_namespaces, read_personality, read_limits, read_nice, read_scheduler,
  read_io_priority, read_cpu_affinity, read_groups, read_group, read_user, read_death_signal,
  read_no_new_privileges, read_landlock, read_trace_me, read_pid_variable, read_seccomp_filter,
  unset, set_optional, copy,
};

static void
check (const Builder *self)
{
  for (int attribute = 0; attribute < GSPAWN_N_ATTRIBUTES; attribute++)
    {
      g_assert_cmpint (gspawn_attributes_has (self->attributes, attribute), ==,
                       self->model->set[attribute]);
      g_assert_cmpint (gspawn_attributes_get_optional (self->attributes, attribute), ==,
                       self->model->optional[attribute]);
    }
}

/*
 * fuzz_attributes_new: (skip)
 * @input: what is left of an input
 * @model: (out caller-allocates): what the attributes are to be
 *
 * Returns: (transfer full): the attributes
 */
GSpawnAttributes *
fuzz_attributes_new (FuzzInput       *input,
                     AttributesModel *model)
{
  Builder self = { gspawn_attributes_new (), model, input };

  memset (model, 0, sizeof *model);
  for (guint i = 0; i < MAX_STEPS && input->length > 0; i++)
    {
      steps[fuzz_input_byte (input) % G_N_ELEMENTS (steps)] (&self);
      check (&self);
    }

  return self.attributes;
}
