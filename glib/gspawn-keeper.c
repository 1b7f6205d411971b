/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Waits for children that were abandoned while they ran, so that no zombie stays: each by itself,
 * never for just any child, and without a signal handler.
 *
 * There is a thread for that as long as there is such a child, and nothing otherwise: the last one
 * takes the thread and its descriptor with it. The list is of this process alone: its children are
 * not those of a copy that fork() makes. */
#include "config.h"

#include "gspawn-keeper-private.h"

#include "gspawn-fd-private.h"
#include "gspawn-wait-private.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the thread does takes less than a page; the rest is for libc's storage of each thread. */
#define STACK_SIZE (128 * 1024)

/* Between two looks at children that cannot be polled. */
#define MIN_DELAY_MS 1
#define MAX_DELAY_MS 100

/**
 * Kept:
 * @pid: a child
 * @pidfd: a descriptor of it, or −1
 * @timed: whether it is looked at from time to time, for want of a descriptor that says enough
 */
typedef struct {
  pid_t pid;
  int pidfd;
  gboolean timed;
} Kept;

static GMutex keeper_lock;

/* Under the lock. */
static GArray *children;
static gboolean is_running;
static int wake_fd = -1;
static pid_t owner;

/* Waits for one child if it has ended. */
static gboolean
reap (Kept *kept)
{
  GSpawnEnd end;

  if (_gspawn_wait (kept->pid, kept->pidfd, WNOHANG, &end) == GSPAWN_WAIT_RUNS)
    return FALSE;

  _gspawn_fd_clear (&kept->pidfd);
  return TRUE;
}

/* With @events, of which the first is the thread's own, only children of which something is known.
 * From the last to the first: what takes a gap was looked at, or is new. */
static void
reap_ended (const struct pollfd *events,
            guint                n_children)
{
  for (guint i = n_children; i > 0; i--)
    {
      Kept *kept = &g_array_index (children, Kept, i - 1);

      if (events != NULL && !kept->timed && events[i].revents == 0)
        continue;
      if (reap (kept))
        g_array_remove_index_fast (children, i - 1);
      else if (events != NULL)
        /* Somebody traces it, and must see its end first. */
        kept->timed = TRUE;
    }
}

/* Fills @events in, and returns whether some child is in none of them. */
static gboolean
list_events (GArray *events)
{
  gboolean timed = wake_fd < 0;

  g_array_set_size (events, 0);
  g_array_append_val (events, ((struct pollfd) { .fd = wake_fd, .events = POLLIN }));
  for (guint i = 0; i < children->len; i++)
    {
      const Kept *kept = &g_array_index (children, Kept, i);
      struct pollfd event = { .fd = kept->timed ? -1 : kept->pidfd, .events = POLLIN };

      g_array_append_val (events, event);
      timed |= kept->timed;
    }

  return timed;
}

static void *
keep (void *data)
{
  g_autoptr (GArray) events = g_array_new (FALSE, FALSE, sizeof (struct pollfd));
  int delay = MIN_DELAY_MS;
  eventfd_t count;

  pthread_setname_np (pthread_self (), "gspawn-keeper");
  g_mutex_lock (&keeper_lock);
  while (children->len > 0)
    {
      struct pollfd *first;
      gboolean timed = list_events (events);
      int n;

      g_mutex_unlock (&keeper_lock);
      first = &g_array_index (events, struct pollfd, 0);
      n = poll (first, events->len, timed ? delay : -1);
      g_mutex_lock (&keeper_lock);

      delay = n == 0 ? MIN (2 * delay, MAX_DELAY_MS) : MIN_DELAY_MS;
      /* A program may close what it does not know. */
      if ((first->revents & POLLNVAL) != 0)
        wake_fd = -1;
      else if (first->revents != 0)
        eventfd_read (wake_fd, &count);
      reap_ended (first, events->len - 1);
    }
  is_running = FALSE;
  _gspawn_fd_clear (&wake_fd);
  g_mutex_unlock (&keeper_lock);

  return data;
}

static gboolean
create_thread (size_t stack_size)
{
  pthread_attr_t attributes;
  pthread_t thread;
  int error_number;

  if (pthread_attr_init (&attributes) != 0)
    return FALSE;

  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  if (stack_size > 0)
    pthread_attr_setstacksize (&attributes, stack_size);
  error_number = pthread_create (&thread, &attributes, keep, NULL);
  pthread_attr_destroy (&attributes);

  return error_number == 0;
}

/* The thread can do without a descriptor to be woken by. Storage of each thread may be too much for
 * the stack. */
static void
start (void)
{
  wake_fd = _gspawn_fd_move_up (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK), STDERR_FILENO + 1);
  is_running = create_thread (STACK_SIZE) || create_thread (0);
  if (!is_running)
    _gspawn_fd_clear (&wake_fd);
}

static void
lock_before_fork (void)
{
  g_mutex_lock (&keeper_lock);
}

static void
unlock_in_parent (void)
{
  g_mutex_unlock (&keeper_lock);
}

/* The copy has neither the thread nor the children, only the descriptors. */
static void
forget_in_copy (void)
{
  for (guint i = 0; i < children->len; i++)
    _gspawn_fd_clear (&g_array_index (children, Kept, i).pidfd);
  _gspawn_fd_clear (&wake_fd);
  g_array_set_size (children, 0);
  is_running = FALSE;
  owner = getpid ();
  g_mutex_unlock (&keeper_lock);
}

/* A copy that was not made by libc's fork() has not come by the function above. It may have closed
 * the descriptors, and opened others. */
static void
settle (void)
{
  if (children == NULL)
    {
      children = g_array_new (FALSE, FALSE, sizeof (Kept));
      pthread_atfork (lock_before_fork, unlock_in_parent, forget_in_copy);
    }
  else if (owner != getpid ())
    {
      g_array_set_size (children, 0);
      is_running = FALSE;
      wake_fd = -1;
    }
  owner = getpid ();
}

/*< private >
 * _gspawn_keeper_take:
 * @pid: a child of this process
 * @pidfd: (transfer full): a descriptor of it, or −1
 *
 * If no thread can be started, the child is looked at when the next one is handed over.
 */
void
_gspawn_keeper_take (pid_t pid,
                     int   pidfd)
{
  const Kept kept = { .pid = pid, .pidfd = pidfd, .timed = pidfd < 0 };
  sigset_t all, old;

  /* The thread inherits it, and no handler can fork() while the lock is held. The signals that libc
   * needs to reach every thread stay as they are. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  g_mutex_lock (&keeper_lock);

  settle ();
  g_array_append_val (children, kept);
  if (!is_running)
    start ();
  else if (wake_fd >= 0)
    eventfd_write (wake_fd, 1);
  if (!is_running)
    reap_ended (NULL, children->len);

  g_mutex_unlock (&keeper_lock);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
}
