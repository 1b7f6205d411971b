/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A child that the caller traces, who waits for it at the same time. */

#include "attribute-cases.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

/* As a debugger does it: the program is at its first instruction, and goes on when it is told. */
static void
test_traced (void)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_auto (Launch) launch;
  int status;

  gspawn_attributes_set_trace_me (attributes, TRUE);
  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, NULL, "exit", "5", NULL);
  launch_declare (&launch, attributes, GSPAWN_NEED_TRACE_ME);
  g_assert_true (launch_start (&launch, NULL));
  status = wait_for (launch.pid);
  g_assert_true (WIFSTOPPED (status));
  g_assert_cmpint (WSTOPSIG (status), ==, SIGTRAP);
  g_assert_no_errno (ptrace (PTRACE_DETACH, launch.pid, NULL, NULL));
  g_assert_cmpint (launch_wait (&launch), ==, 5 << 8);
}

typedef struct {
  GSpawnAttributes *attributes;
  const char *program;
} Traced;

static gpointer
launch_traced (gpointer data)
{
  const Traced *traced = data;
  g_auto (Launch) launch;
  int status;

  launch_init (&launch, G_SPAWN_DO_NOT_REAP_CHILD, traced->program, "exit", "5", NULL);
  launch_declare (&launch, traced->attributes, GSPAWN_NEED_TRACE_ME);
  g_assert_true (launch_start (&launch, NULL));
  status = wait_for (launch.pid);
  g_assert_true (WIFSTOPPED (status));
  g_assert_cmpint (WSTOPSIG (status), ==, SIGTRAP);
  g_assert_no_errno (ptrace (PTRACE_DETACH, launch.pid, NULL, NULL));
  g_assert_cmpint (launch_wait (&launch), ==, 5 << 8);

  return NULL;
}

/* Returns when @pid has taken the signal, before it does anything else. */
static void
send_signal (pid_t pid,
             int   number)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", pid);
  guint64 pending;

  g_assert_no_errno (kill (pid, number));
  do
    {
      g_autofree char *status = NULL;

      sched_yield ();
      g_assert_true (g_file_get_contents (path, &status, NULL, NULL));
      pending = g_ascii_strtoull (strstr (status, "\nShdPnd:") + strlen ("\nShdPnd:"), NULL, 16);
    }
  while ((pending & G_GUINT64_CONSTANT (1) << (number - 1)) != 0);
}

/* A signal that comes before exec stops the child, whose tracer is the caller that waits for it. */
static void
check_signalled (int number)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autofree char *program = scene_copy_probe ("held-up");
  g_autoptr (GArray) children = NULL;
  SceneStall *stall = scene_stall_new (program);
  Traced traced = { attributes, program };
  GThread *thread;

  if (stall == NULL)
    {
      case_skip ("There are no leases on files here");
      return;
    }
  gspawn_attributes_set_trace_me (attributes, TRUE);
  thread = g_thread_new ("launcher", launch_traced, &traced);
  scene_stall_await (stall);
  children = scene_list_children ();
  g_assert_cmpuint (children->len, ==, 1);
  send_signal (g_array_index (children, pid_t, 0), number);
  scene_stall_release (stall);
  g_thread_join (thread);
  scene_stall_free (stall);
  g_assert_no_errno (unlink (program));
}

static void
test_traced_and_signalled (void)
{
  check_signalled (SIGWINCH);
  check_signalled (SIGTSTP);
}

const Case attribute_traced_cases[] = {
  { .name = "traced", .run = test_traced, .needs = GSPAWN_NEED_TRACE_ME },
  { .name = "traced-and-signalled", .run = test_traced_and_signalled,
    .needs = GSPAWN_NEED_TRACE_ME, .engines_only = TRUE },
  { .name = NULL }
};
