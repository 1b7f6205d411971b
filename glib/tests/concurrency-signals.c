/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Real-time signals at 1 kHz, to the process and to each thread that launches, handled on small
 * stacks of their own; and a signal to the whole process group, that is to children as well. No
 * handler may ever run in a child, whose memory is ours. */

#include "concurrency.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "scene.h"

#define N_SIGNALS_WANTED 20
#define INTERVAL_NS (1000 * 1000)

/* Whoever does not handle it does not notice it. */
#define GROUP_SIGNAL SIGWINCH

/* For the handler, beyond the least that the kernel needs. */
#if TESTS_ARE_SANITIZED
#define STACK_ROOM (256 * 1024)
#else
#define STACK_ROOM 2048
#endif

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Seen by the copies that fork() makes, too. */
typedef struct {
  int n_elsewhere;
  int n_handled[3];
} Counts;

static Counts *counts;
static pid_t own_pid;
static timer_t process_timer;

static __thread timer_t thread_timer;
static __thread char *signal_stack;

static int
signal_number (int which)
{
  return which < 2 ? SIGRTMIN + 10 + which : GROUP_SIGNAL;
}

static void
handle (int number)
{
  if (syscall (SYS_getpid) != own_pid)
    g_atomic_int_inc (&counts->n_elsewhere);
  g_atomic_int_inc (&counts->n_handled[number == GROUP_SIGNAL ? 2 : number - signal_number (0)]);
}

static void
start_timer (timer_t *timer,
             int      which)
{
  struct sigevent event = { .sigev_signo = signal_number (which) };
  struct itimerspec setting = { .it_interval.tv_nsec = INTERVAL_NS,
                                .it_value.tv_nsec = INTERVAL_NS };

  event.sigev_notify = which == 0 ? SIGEV_SIGNAL : SIGEV_THREAD_ID;
  if (which != 0)
    event.sigev_notify_thread_id = (pid_t) syscall (SYS_gettid);
  if (timer_create (CLOCK_MONOTONIC, &event, timer) < 0 ||
      timer_settime (*timer, 0, &setting, NULL) < 0)
    g_error ("timer: %s", g_strerror (errno));
}

static void
signals_begin (void)
{
  counts = scene_share (sizeof *counts);
  own_pid = getpid ();
  for (int i = 0; i < 3; i++)
    {
      /* Calls are interrupted, not gone on with. */
      struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };

      /* The small stack has room for one of them. */
      sigfillset (&action.sa_mask);
      g_assert_no_errno (sigaction (signal_number (i), &action, NULL));
    }
  start_timer (&process_timer, 0);
}

static void
signals_enter (void)
{
  /* Two frames: the signals of libc's own cannot be blocked. */
  stack_t stack = { .ss_size = 2 * (gsize) sysconf (_SC_MINSIGSTKSZ) + STACK_ROOM };

  signal_stack = g_malloc (stack.ss_size);
  stack.ss_sp = signal_stack;
  g_assert_no_errno (sigaltstack (&stack, NULL));
  start_timer (&thread_timer, 1);
}

static void
signals_leave (void)
{
  stack_t none = { .ss_flags = SS_DISABLE };
  sigset_t set;

  timer_delete (thread_timer);
  /* One that is still on its way must find the stack. */
  sigfillset (&set);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
  g_assert_no_errno (sigaltstack (&none, NULL));
  g_free (signal_stack);
}

static gboolean
signals_round (void)
{
  return kill (0, GROUP_SIGNAL) == 0;
}

static void
signals_await (void)
{
  while (g_atomic_int_get (&counts->n_handled[0]) < N_SIGNALS_WANTED)
    sched_yield ();
}

static void
signals_end (void)
{
  timer_delete (process_timer);
  for (int i = 0; i < 3; i++)
    scene_default_signal (signal_number (i));

  crowd_expect (counts->n_handled[0] > 0, "the process got no signal");
  crowd_expect (counts->n_handled[1] > 0, "no thread got a signal of its own");
  crowd_expect (counts->n_handled[2] > 0, "the group got no signal");
  crowd_expect (counts->n_elsewhere == 0, "a handler ran in a child, %d times",
                counts->n_elsewhere);
  g_test_message ("%d signals to the process, %d to threads, %d to the group",
                  counts->n_handled[0], counts->n_handled[1], counts->n_handled[2]);
  scene_unshare (counts, sizeof *counts);
}

const Disturber disturb_signals = {
  .name = "signals", .begin = signals_begin, .enter = signals_enter, .round = signals_round,
  .leave = signals_leave, .await_effect = signals_await, .end = signals_end,
};
