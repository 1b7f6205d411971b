/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A child that becomes somebody else while it may share the caller's memory. The new user must not
 * get at that memory through it, at no moment, and the caller can be dumped afterwards as before.
 *
 * The moment is held by a program that nobody can open: its exec waits, as whom it is to be. */

#include "attribute-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scene.h"

#define NOBODY 65534
#define N_THREADS 6
#define N_LAUNCHES 60
#define SECRET "what only the caller knows"

static const char secret[] = SECRET;

static GSpawnAttributes *
new_user (void)
{
  GSpawnAttributes *attributes = gspawn_attributes_new ();

  g_assert_true (gspawn_attributes_set_group (attributes, NOBODY, NULL));
  g_assert_true (gspawn_attributes_set_user (attributes, NOBODY, NULL));

  return attributes;
}

static gboolean
skip_without_privileges (void)
{
  const guint64 capabilities = CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID) |
                               CAPABILITY (CAP_DAC_OVERRIDE);

  if (!stage_has_capabilities (capabilities))
    return case_skip ("The user cannot be changed");

  /* Whoever the child becomes, it finds its way. */
  g_assert_no_errno (chmod (case_get_directory (), 0777));

  return FALSE;
}

/* Whether a child of the subject that has these attributes is in our memory until exec. */
static gboolean
shares_memory (void)
{
  const char *engine = g_getenv ("GSPAWN_ENGINE");

  return case_has_engine () && !g_str_has_prefix (engine, "fork") &&
         gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, NULL);
}

static void
check_dumpable (GSpawnAttributes *attributes)
{
  for (int dumpable = 1; dumpable >= 0; dumpable--)
    for (GSpawnFlags flags = 0; flags <= G_SPAWN_DO_NOT_REAP_CHILD;
         flags += G_SPAWN_DO_NOT_REAP_CHILD)
      {
        g_auto (Launch) launch;

        g_assert_no_errno (prctl (PR_SET_DUMPABLE, dumpable));
        launch_init (&launch, flags, "/bin/true", NULL);
        launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
        g_assert_true (launch_start (&launch, NULL));
        g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, dumpable);
      }
  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1));
}

/* The child shares the caller's memory when it changes its user, which makes that private. */
static void
test_dumpable (void)
{
  g_autoptr (GSpawnAttributes) user = gspawn_attributes_new ();
  g_autoptr (GSpawnAttributes) group = gspawn_attributes_new ();

  if (skip_without_privileges ())
    return;

  g_assert_true (gspawn_attributes_set_user (user, NOBODY, NULL));
  g_assert_true (gspawn_attributes_set_group (group, NOBODY, NULL));
  check_dumpable (user);
  check_dumpable (group);
}

/* And where the program is not executed. */
static void
test_dumpable_without_program (void)
{
  g_autoptr (GSpawnAttributes) attributes = NULL;

  if (skip_without_privileges () || !case_has_engine ())
    return;

  attributes = new_user ();
  for (GSpawnFlags flags = 0; flags <= G_SPAWN_DO_NOT_REAP_CHILD;
       flags += G_SPAWN_DO_NOT_REAP_CHILD)
    {
      g_auto (Launch) launch;

      launch_init (&launch, flags, "/nonexistent", NULL);
      launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
      g_assert_false (launch_start (&launch, NULL));
      g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, 1);
    }
}

/* What is opened for the proof is not there for a source that the caller does not have. */
static void
test_closed_source (void)
{
  static const int target = 20;
  g_autoptr (GSpawnAttributes) attributes = NULL;
  int first_free;

  if (skip_without_privileges ())
    return;

  attributes = new_user ();
  first_free = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_no_errno (close (first_free));
  for (int source = first_free; source < first_free + 4 && fcntl (source, F_GETFD) < 0; source++)
    for (GSpawnFlags flags = 0; flags <= G_SPAWN_DO_NOT_REAP_CHILD;
         flags += G_SPAWN_DO_NOT_REAP_CHILD)
      {
        g_auto (Launch) launch;

        launch_init (&launch, flags, "/bin/true", NULL);
        launch_map (&launch, &source, &target, 1);
        launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
        g_assert_false (launch_start (&launch, NULL));
        g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, 1);
      }
}

/* A launch whose exec somebody holds up. */
typedef struct {
  GSpawnAttributes *attributes;
  GSpawnFlags flags;
  char *program;
  SceneStall *stall;
  GThread *thread;
} HeldUp;

static gpointer
launch_held_up (gpointer data)
{
  const HeldUp *held_up = data;
  g_auto (Launch) launch;

  launch_init (&launch, held_up->flags, held_up->program, "exit", "0", NULL);
  launch_declare (&launch, held_up->attributes, GSPAWN_NEED_ATTRIBUTES);
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (wait_for (launch.pid), ==, 0);
  launch.pid = 0;

  return NULL;
}

/* An orphan comes to us. */
static gboolean
held_up_begin (HeldUp           *self,
               GSpawnAttributes *attributes,
               GSpawnFlags       flags)
{
  *self = (HeldUp) { .attributes = attributes, .flags = flags,
                     .program = scene_copy_probe ("held-up") };
  self->stall = scene_stall_new (self->program);
  if (self->stall == NULL)
    {
      case_skip ("There are no leases on files here");
      g_free (self->program);
      return FALSE;
    }

  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 1));
  self->thread = g_thread_new ("launcher", launch_held_up, self);
  scene_stall_await (self->stall);

  return TRUE;
}

static void
held_up_end (HeldUp *self)
{
  scene_stall_release (self->stall);
  g_thread_join (self->thread);
  g_assert_no_errno (prctl (PR_SET_CHILD_SUBREAPER, 0));
  scene_stall_free (self->stall);
  g_assert_no_errno (unlink (self->program));
  g_free (self->program);
}

static void
become_nobody (void)
{
  if (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 ||
      setresuid (NOBODY, NOBODY, NOBODY) < 0)
    _exit (EXIT_FAILURE);
}

enum {
  MEMORY_IS_CLOSED = 10,
  MEMORY_IS_OPEN,
  COPY_IS_PRIVATE,
};

/* Asks in a copy of ours, which nobody else is in: it can be dumped as we could before. */
static int
try_memory (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/mem", pid);
  pid_t attacker = fork ();
  int status;

  g_assert_no_errno (attacker);
  if (attacker == 0)
    {
      if (prctl (PR_GET_DUMPABLE) != 1)
        _exit (COPY_IS_PRIVATE);
      become_nobody ();
      _exit (open (path, O_RDWR | O_CLOEXEC) >= 0 ? MEMORY_IS_OPEN : MEMORY_IS_CLOSED);
    }

  status = wait_for (attacker);
  g_assert_true (WIFEXITED (status));

  return WEXITSTATUS (status);
}

static void
check_is_closed (const GArray *children)
{
  /* Ours changes when the first child becomes another user, and stays until the last has left. */
  g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, shares_memory () ? 0 : 1);
  for (guint i = 0; i < children->len; i++)
    g_assert_cmpint (try_memory (g_array_index (children, pid_t, i)), ==, MEMORY_IS_CLOSED);
}

static void
launch_other (GSpawnAttributes *attributes)
{
  g_auto (Launch) launch;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, "/bin/true", NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (launch_wait (&launch), ==, 0);
}

/* What is tried in vain is not impossible: the program itself is the new user's. */
static void
check_is_open_to_user (GSpawnAttributes *attributes)
{
  g_autofree char *fifo = scene_make_fifo ("never");
  g_autofree char *program = scene_copy_probe ("program");
  g_auto (Launch) launch;

  g_assert_no_errno (chmod (fifo, 0666));
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, program, "wait-fifo", fifo, NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  g_assert_true (launch_start (&launch, NULL));
  g_assert_cmpint (try_memory (launch.pid), ==, MEMORY_IS_OPEN);
  g_assert_no_errno (kill (launch.pid, SIGKILL));
  g_assert_cmpint (launch_wait (&launch), ==, SIGKILL);
}

/* Another launch that comes and goes meanwhile does not open the memory. */
static void
test_memory_is_closed (void)
{
  g_autoptr (GSpawnAttributes) attributes = NULL;

  if (skip_without_privileges ())
    return;

  attributes = new_user ();
  for (GSpawnFlags flags = 0; flags <= G_SPAWN_DO_NOT_REAP_CHILD;
       flags += G_SPAWN_DO_NOT_REAP_CHILD)
    {
      g_autoptr (GArray) children = NULL;
      HeldUp held_up;

      if (!held_up_begin (&held_up, attributes, flags))
        return;
      children = scene_list_children ();
      g_assert_cmpuint (children->len, >, 0);
      check_is_closed (children);
      launch_other (attributes);
      check_is_closed (children);
      held_up_end (&held_up);
      g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, 1);
    }
  check_is_open_to_user (attributes);
}

/* The child is root in there, and nobody in particular out here. */
static void
test_user_namespace (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  HeldUp held_up;

  if (skip_without_privileges ())
    return;
  if (!g_file_test ("/proc/self/ns/user", G_FILE_TEST_EXISTS))
    {
      case_skip ("There are no user namespaces here");
      return;
    }

  g_assert_true (gspawn_attributes_set_namespaces (attributes, CLONE_NEWUSER, NULL));
  for (GSpawnFlags flags = 0; flags <= G_SPAWN_DO_NOT_REAP_CHILD;
       flags += G_SPAWN_DO_NOT_REAP_CHILD)
    {
      g_autoptr (GArray) children = NULL;

      if (!held_up_begin (&held_up, attributes, flags))
        return;
      children = scene_list_children ();
      launch_other (attributes);
      for (guint i = 0; i < children->len; i++)
        g_assert_cmpint (try_memory (g_array_index (children, pid_t, i)), ==, MEMORY_IS_CLOSED);
      held_up_end (&held_up);
      g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, 1);
    }
}

/* In memory that is shared with the attacker. */
typedef struct {
  int stop;
  guint n_refused;
  guint n_found;
} Attack;

static void
attack_memory (Attack *attack,
               int     pid)
{
  char path[40];
  char found[sizeof secret];
  int fd;

  g_snprintf (path, sizeof path, "/proc/%d/mem", pid);
  fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    {
      attack->n_refused += errno == EACCES;
      return;
    }

  if (pread (fd, found, sizeof found, (off_t) (gsize) secret) == sizeof found &&
      memcmp (found, secret, sizeof found) == 0)
    attack->n_found++;
  close (fd);
}

/* Goes for the newest processes, for as long as there are some. */
static G_GNUC_NORETURN void
attack_newest (Attack *attack)
{
  int fd = open ("/proc/loadavg", O_RDONLY | O_CLOEXEC);

  become_nobody ();
  while (!g_atomic_int_get (&attack->stop))
    {
      char text[128];
      ssize_t length = pread (fd, text, sizeof text - 1, 0);
      const char *last;

      if (length <= 0)
        _exit (EXIT_FAILURE);
      text[length] = '\0';
      last = strrchr (text, ' ');
      for (int pid = atoi (last + 1) - 3; pid <= atoi (last + 1) + 1; pid++)
        attack_memory (attack, pid);
    }

  _exit (EXIT_SUCCESS);
}

static gpointer
launch_users (gpointer data)
{
  for (guint i = 0; i < N_LAUNCHES; i++)
    {
      g_auto (Launch) launch;

      launch_init (&launch, i % 2 == 0 ? G_SPAWN_DO_NOT_REAP_CHILD : G_SPAWN_DEFAULT, "/bin/true",
                   NULL);
      launch_declare (&launch, data, GSPAWN_NEED_ATTRIBUTES);
      g_assert_true (launch_start (&launch, NULL));
    }

  return NULL;
}

/* While one child has made the memory private, another thread may look, and yet another attack. */
static void
test_threads (void)
{
  g_autoptr (GSpawnAttributes) attributes = NULL;
  Attack *attack;
  GThread *threads[N_THREADS];
  pid_t attacker;

  if (skip_without_privileges ())
    return;

  attributes = new_user ();
  attack = scene_share (sizeof *attack);
  attacker = fork ();
  g_assert_no_errno (attacker);
  if (attacker == 0)
    attack_newest (attack);

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("launcher", launch_users, attributes);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_atomic_int_set (&attack->stop, TRUE);
  g_assert_cmpint (wait_for (attacker), ==, 0);

  g_assert_cmpuint (attack->n_found, ==, 0);
  g_assert_cmpuint (attack->n_refused, >, 0);
  g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, 1);
  scene_unshare (attack, sizeof *attack);
}

/* The kernel can be asked whose memory is whose. */
static gboolean
can_compare (void)
{
  return stage_has_capabilities (CAPABILITY (CAP_SYS_PTRACE)) &&
         syscall (SYS_kcmp, getpid (), getpid (), KCMP_VM, 0, 0) == 0;
}

/* No descriptor is left that could prove that the child has gone: an own one can be asked for, and
 * after any other the memory stays private. */
static void
test_without_descriptors (void)
{
  g_autoptr (GSpawnAttributes) attributes = NULL;

  if (!shares_memory () || skip_without_privileges ())
    return;

  attributes = new_user ();
  for (GSpawnFlags flags = 0; flags <= G_SPAWN_DO_NOT_REAP_CHILD;
       flags += G_SPAWN_DO_NOT_REAP_CHILD)
    {
      const gboolean is_known = flags == G_SPAWN_DO_NOT_REAP_CHILD && can_compare ();
      struct rlimit old, limit;
      gboolean success;
      g_auto (Launch) launch;

      g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1));
      launch_init (&launch, flags | G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                   "/bin/true", NULL);
      launch.untraceable = TRUE;
      launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
      g_assert_no_errno (getrlimit (RLIMIT_NOFILE, &old));
      limit = (struct rlimit) { 3, old.rlim_max };
      g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &limit));
      success = launch_start (&launch, NULL);
      g_assert_no_errno (setrlimit (RLIMIT_NOFILE, &old));
      g_assert_true (success);
      g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, is_known ? 1 : 0);
    }
  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1));
}

/* Somebody who was copied meanwhile keeps all that was open, also what would tell of the exec. */
static void
check_with_copy (GSpawnAttributes *attributes,
                 GSpawnFlags       flags,
                 gboolean          is_known)
{
  HeldUp held_up;
  pid_t copy;

  if (!held_up_begin (&held_up, attributes, flags))
    return;
  copy = fork ();
  g_assert_no_errno (copy);
  if (copy == 0)
    for (;;)
      pause ();
  held_up_end (&held_up);
  g_assert_cmpint (prctl (PR_GET_DUMPABLE), ==, is_known ? 1 : 0);
  g_assert_no_errno (prctl (PR_SET_DUMPABLE, 1));
  g_assert_no_errno (kill (copy, SIGKILL));
  g_assert_cmpint (wait_for (copy), ==, SIGKILL);
}

static void
test_with_copy (void)
{
  g_autoptr (GSpawnAttributes) attributes = NULL;

  if (!shares_memory () || skip_without_privileges ())
    return;

  attributes = new_user ();
  check_with_copy (attributes, G_SPAWN_DO_NOT_REAP_CHILD, can_compare ());
  check_with_copy (attributes, G_SPAWN_DEFAULT, FALSE);
}

const Case attribute_credentials_cases[] = {
  { .name = "dumpable", .run = test_dumpable, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "dumpable-without-program", .run = test_dumpable_without_program,
    .needs = GSPAWN_NEED_ATTRIBUTES, .engines_only = TRUE },
  { .name = "dumpable-with-copy", .run = test_with_copy, .needs = GSPAWN_NEED_ATTRIBUTES,
    .engines_only = TRUE },
  { .name = "dumpable-without-descriptors", .run = test_without_descriptors,
    .needs = GSPAWN_NEED_ATTRIBUTES, .engines_only = TRUE },
  { .name = "closed-source", .run = test_closed_source, .needs = GSPAWN_NEED_ATTRIBUTES,
    .engines_only = TRUE },
  { .name = "memory-is-closed", .run = test_memory_is_closed, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "memory-is-closed-by-namespace", .run = test_user_namespace,
    .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = "memory-is-closed-to-threads", .run = test_threads, .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = NULL }
};
