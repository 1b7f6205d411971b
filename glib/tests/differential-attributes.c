/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The attributes of a request, by the public functions. The same ones go to GLib, where their child
 * setup function runs in the child, and to an engine, which applies them. Some values are refused by
 * the kernel, always or from a caller without rights. */

#include "differential-attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOBODY 65534
#define SOME_GROUP 70001

static void
set_signals (GSpawnAttributes *attributes,
             const Request    *request)
{
  static const int ignored[] = { SIGHUP, SIGUSR1, SIGCHLD, 34 };
  static const int blocked[] = { SIGTERM, SIGUSR2, 64 };
  int dispositions = request_get (request, ASPECT_ATTR_SIGNALS);
  int mask = request_get (request, ASPECT_ATTR_MASK);

  if (dispositions & 1)
    gspawn_attributes_set_default_signals (attributes, TRUE);
  if (dispositions & 2)
    gspawn_attributes_set_ignored_signals (attributes, ignored, G_N_ELEMENTS (ignored), NULL);
  if (mask > 0)
    gspawn_attributes_set_signal_mask (attributes, blocked,
                                       mask > 1 ? G_N_ELEMENTS (blocked) : 0, NULL);
}

static void
set_directory (GSpawnAttributes *attributes,
               const Request    *request,
               const char       *scene)
{
  static const char *const names[] = { NULL, "sub", "locked", "unlisted" };
  const char *name = names[request_get (request, ASPECT_ATTR_DIRECTORY)];
  g_autofree char *path = g_strdup_printf ("%s/%s", scene, name);
  int fd;

  if (name == NULL)
    return;
  fd = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || !gspawn_attributes_set_working_directory_fd (attributes, fd, NULL))
    g_error ("%s: %s", path, g_strerror (errno));
  close (fd);
}

static void
set_place (GSpawnAttributes *attributes,
           const Request    *request)
{
  gspawn_attributes_set_new_session (attributes, request_get (request, ASPECT_ATTR_SESSION));
  switch (request_get (request, ASPECT_ATTR_GROUP))
    {
    case 1:
      gspawn_attributes_set_process_group (attributes, 0, NULL);
      break;
    case 2:
      gspawn_attributes_set_process_group (attributes, G_MAXINT, NULL);
      break;
    default:
      break;
    }
  if (request_get (request, ASPECT_ATTR_TERMINAL))
    gspawn_attributes_set_controlling_terminal (attributes, 0, NULL);
  if (request_get (request, ASPECT_ATTR_UMASK))
    gspawn_attributes_set_umask (attributes, 0137, NULL);
}

static void
set_limits (GSpawnAttributes *attributes,
            const Request    *request)
{
  int kind = request_get (request, ASPECT_ATTR_LIMITS);

  if (kind & 1)
    gspawn_attributes_set_limit (attributes, RLIMIT_CORE, 0, 0, NULL);
  if (kind & 2)
    gspawn_attributes_set_limit (attributes, RLIMIT_NOFILE, 200, 300, NULL);
  if (kind & 4)
    gspawn_attributes_set_limit (attributes, RLIMIT_NOFILE, 1, G_MAXUINT64 - 1, NULL);
}

static void
set_share (GSpawnAttributes *attributes,
           const Request    *request)
{
  int nice = request_get (request, ASPECT_ATTR_NICE);
  int policy = request_get (request, ASPECT_ATTR_SCHEDULER);
  int io_class = request_get (request, ASPECT_ATTR_IO);
  int oom_score = request_get (request, ASPECT_ATTR_OOM);

  if (nice != 0)
    gspawn_attributes_set_nice (attributes, nice, NULL);
  if (policy >= 0)
    gspawn_attributes_set_scheduler (attributes, policy, policy == SCHED_FIFO ? 1 : 0, NULL);
  if (io_class > 0)
    gspawn_attributes_set_io_priority (attributes, io_class, 6, NULL);
  if (oom_score != 0)
    gspawn_attributes_set_oom_score_adjustment (attributes, oom_score, NULL);
}

static void
set_rights (GSpawnAttributes *attributes,
            const Request    *request)
{
  static const struct sock_filter instructions[] = {
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const guint group = SOME_GROUP;
  int credentials = request_get (request, ASPECT_ATTR_CREDENTIALS);

  if (credentials & 1)
    gspawn_attributes_set_groups (attributes, &group, 1, NULL);
  if (credentials & 2)
    gspawn_attributes_set_group (attributes, SOME_GROUP, NULL);
  if (credentials & 4)
    gspawn_attributes_set_user (attributes, NOBODY, NULL);
  gspawn_attributes_set_no_new_privileges (attributes,
                                           request_get (request, ASPECT_ATTR_PRIVILEGES));
  if (request_get (request, ASPECT_ATTR_FILTER))
    {
      g_autoptr (GBytes) filter = g_bytes_new_static (instructions, sizeof instructions);

      gspawn_attributes_set_seccomp_filter (attributes, filter, NULL);
    }
}

static void
set_others (GSpawnAttributes *attributes,
            const Request    *request)
{
  if (request_get (request, ASPECT_ATTR_DEATH))
    gspawn_attributes_set_death_signal (attributes, SIGTERM, NULL);
  if (request_get (request, ASPECT_ATTR_PERSONALITY))
    gspawn_attributes_set_personality (attributes, ADDR_NO_RANDOMIZE, NULL);
  if (request_get (request, ASPECT_ATTR_PID))
    gspawn_attributes_set_pid_variable (attributes, ATTRIBUTES_PID_VARIABLE, NULL);
}

/*
 * attributes_make: (skip)
 * @request: a request
 * @scene: the directory of its files
 *
 * Returns: (transfer full) (nullable): its attributes, or %NULL if it has none
 */
GSpawnAttributes *
attributes_make (const Request *request,
                 const char    *scene)
{
  GSpawnAttributes *attributes;

  if (!request_get (request, ASPECT_ATTRIBUTES))
    return NULL;

  attributes = gspawn_attributes_new ();
  set_signals (attributes, request);
  set_directory (attributes, request, scene);
  set_place (attributes, request);
  set_limits (attributes, request);
  set_share (attributes, request);
  set_rights (attributes, request);
  set_others (attributes, request);
  for (int i = 0; i < GSPAWN_N_ATTRIBUTES && request_get (request, ASPECT_ATTR_OPTIONAL); i++)
    gspawn_attributes_set_optional (attributes, i, TRUE);

  return attributes;
}
