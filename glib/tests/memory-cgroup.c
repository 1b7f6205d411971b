/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A control group of our own whose memory, or number of processes, can be limited, below the one
 * that this process is in, in either version of the interface. Must never touch a process outside
 * of it, nor leave it behind: a custodian ends what still runs in it and removes it, in the ordinary
 * case as well. */

#include "memory-cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "custodian.h"
#include "kernel-file.h"

#define REMOVAL_TRIES 1000

/* What the two versions of the interface call the same things. */
typedef struct {
  const char *controller;
  const char *file_system;
  const char *mount_option;
  const char *own_line;
  const char *limit_file;
  const char *usage_file;
  const char *events_file;
  const char *swap_file;
} Interface;

#define N_VERSIONS 2

static const Interface memory_interfaces[N_VERSIONS] = {
  {
    .controller = "memory",
    .file_system = "cgroup",
    .mount_option = "memory",
    .own_line = "memory",
    .limit_file = "memory.limit_in_bytes",
    .usage_file = "memory.usage_in_bytes",
    .events_file = "memory.oom_control",
    .swap_file = "memory.swappiness",
  },
  {
    .controller = "memory",
    .file_system = "cgroup2",
    .mount_option = NULL,
    .own_line = "",
    .limit_file = "memory.max",
    .usage_file = "memory.current",
    .events_file = "memory.events",
    .swap_file = "memory.swap.max",
  },
};

static const Interface process_interfaces[N_VERSIONS] = {
  {
    .controller = "pids",
    .file_system = "cgroup",
    .mount_option = "pids",
    .own_line = "pids",
    .limit_file = "pids.max",
    .usage_file = "pids.current",
    .events_file = "pids.events",
  },
  {
    .controller = "pids",
    .file_system = "cgroup2",
    .mount_option = NULL,
    .own_line = "",
    .limit_file = "pids.max",
    .usage_file = "pids.current",
    .events_file = "pids.events",
  },
};

struct _MemoryCgroup {
  const Interface *interface;
  char *path;
  Custodian *custodian;
};

/* No list at all counts as one empty word. */
static gboolean
has_word (const char *list,
          const char *delimiters,
          const char *word)
{
  g_auto (GStrv) words = g_strsplit_set (list, delimiters, -1);

  return g_str_equal (list, word) || g_strv_contains ((const char *const *) words, word);
}

/* The path that /proc/self/cgroup gives for @interface, or NULL. */
static char *
find_own_path (const Interface *interface)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL))
    return NULL;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], ":", 3);

      if (g_strv_length (fields) == 3 && has_word (fields[1], ",", interface->own_line))
        return g_strdup (fields[2]);
    }

  return NULL;
}

/* The directory of this process's own group, given a line of /proc/self/mountinfo; NULL if the
 * line is not @interface's. */
static char *
parse_mount (const Interface *interface,
             const char      *line)
{
  const char *tail = strstr (line, " - ");
  g_auto (GStrv) head_fields = NULL;
  g_auto (GStrv) tail_fields = NULL;
  g_autofree char *own = NULL;
  g_autofree char *mount_point = NULL;
  const char *below;

  if (tail == NULL)
    return NULL;
  head_fields = g_strsplit (line, " ", 6);
  tail_fields = g_strsplit (tail + 3, " ", 3);
  if (g_strv_length (head_fields) < 6 || g_strv_length (tail_fields) < 3 ||
      !g_str_equal (tail_fields[0], interface->file_system) ||
      (interface->mount_option != NULL &&
       !has_word (tail_fields[2], ",", interface->mount_option)))
    return NULL;

  own = find_own_path (interface);
  if (own == NULL)
    return NULL;

  /* In a container the mount's root need not be the hierarchy's, and may even be below us. */
  mount_point = g_strcompress (head_fields[4]);
  below = g_str_has_prefix (own, head_fields[3]) ? own + strlen (head_fields[3]) : "";
  if (has_word (own, "/", ".."))
    below = "";

  return g_build_filename (mount_point, below, NULL);
}

/* In the second version only a group whose parent hands the controller down has limits, and a
 * parent that does so must not have processes; so a group beside us or further up is taken. */
static gboolean
find_delegating_ancestor (const Interface  *interface,
                          char            **path)
{
  for (;;)
    {
      g_autofree char *file = g_build_filename (*path, "cgroup.subtree_control", NULL);
      g_autofree char *text = NULL;
      char *parent;

      if (!g_file_get_contents (file, &text, NULL, NULL))
        return FALSE;
      if (has_word (g_strstrip (text), " ", interface->controller))
        return TRUE;

      parent = g_path_get_dirname (*path);
      g_free (*path);
      *path = parent;
    }
}

static const Interface *
find_parent (const Interface  *interfaces,
             char            **path)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL))
    return NULL;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; i < N_VERSIONS; i++)
    {
      for (guint j = 0; lines[j] != NULL; j++)
        {
          g_autofree char *own = parse_mount (&interfaces[i], lines[j]);

          if (own == NULL || (interfaces[i].own_line[0] == '\0' &&
                              !find_delegating_ancestor (&interfaces[i], &own)))
            continue;
          *path = g_steal_pointer (&own);
          return &interfaces[i];
        }
    }

  return NULL;
}

static gboolean
is_member (const char *path,
           const char *pid)
{
  g_autofree char *file = g_build_filename (path, "cgroup.procs", NULL);
  g_autofree char *text = NULL;

  return g_file_get_contents (file, &text, NULL, NULL) && has_word (text, "\n", pid);
}

/* Kills a member and waits for its end. It is looked up again once there is a descriptor for it,
 * since its number may have gone to a stranger in between. */
static void
kill_member (const char *path,
             const char *pid)
{
  int fd = (int) syscall (SYS_pidfd_open, atoi (pid), 0);

  if (fd < 0)
    return;
  if (is_member (path, pid) && syscall (SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0)
    {
      struct pollfd end = { .fd = fd, .events = POLLIN };

      while (poll (&end, 1, -1) < 0 && errno == EINTR)
        ;
    }
  close (fd);
}

/* The custodian's duty. A member that is just leaving keeps the directory busy without being
 * listed, hence the tries. */
static gboolean
remove_group (gpointer data)
{
  const char *path = data;
  g_autofree char *file = g_build_filename (path, "cgroup.procs", NULL);

  for (guint i = 0; i < REMOVAL_TRIES; i++)
    {
      g_autofree char *text = NULL;
      g_auto (GStrv) pids = NULL;

      if (rmdir (path) == 0 || errno == ENOENT)
        return TRUE;
      if (errno != EBUSY || !g_file_get_contents (file, &text, NULL, NULL))
        return FALSE;

      pids = g_strsplit (text, "\n", -1);
      for (guint j = 0; pids[j] != NULL && pids[j][0] != '\0'; j++)
        kill_member (path, pids[j]);
      g_thread_yield ();
    }

  return FALSE;
}

static gboolean
write_number (MemoryCgroup  *cgroup,
              const char    *name,
              gint64         number,
              GError       **error)
{
  g_autofree char *path = g_build_filename (cgroup->path, name, NULL);

  return kernel_file_write_number (path, number, error);
}

static MemoryCgroup *
make_group (const Interface  *interfaces,
            int               kept_fd,
            GError          **error)
{
  g_autofree char *parent = NULL;
  const Interface *interface = find_parent (interfaces, &parent);
  MemoryCgroup *cgroup;

  if (interface == NULL)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOSYS,
                   "no control group for %s is mounted", interfaces[0].controller);
      return NULL;
    }

  cgroup = g_new0 (MemoryCgroup, 1);
  cgroup->interface = interface;
  cgroup->path = g_strdup_printf ("%s/gspawn-test-%08x", parent, g_random_int ());
  cgroup->custodian = custodian_new (remove_group, cgroup->path, kept_fd, error);
  if (cgroup->custodian == NULL)
    {
      g_free (cgroup->path);
      g_free (cgroup);
      return NULL;
    }

  if (mkdir (cgroup->path, 0755) < 0)
    {
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno),
                   "%s: %s", cgroup->path, g_strerror (errno));
      memory_cgroup_free (cgroup);
      return NULL;
    }

  return cgroup;
}

/* Makes an empty group; its custodian keeps @kept_fd open until the group is removed. */
MemoryCgroup *
memory_cgroup_new (int      kept_fd,
                   GError **error)
{
  return make_group (memory_interfaces, kept_fd, error);
}

/* The same, for a group that has so many processes, which memory_cgroup_limit() then counts. */
MemoryCgroup *
memory_cgroup_new_for_processes (int      kept_fd,
                                 GError **error)
{
  return make_group (process_interfaces, kept_fd, error);
}

/* Returns whether the group is gone. */
gboolean
memory_cgroup_free (MemoryCgroup *cgroup)
{
  gboolean ok = custodian_dismiss (cgroup->custodian) &&
                !g_file_test (cgroup->path, G_FILE_TEST_EXISTS);

  g_free (cgroup->path);
  g_free (cgroup);

  return ok;
}

/* Moves a process here. What it uses already stays charged to where it came from. */
gboolean
memory_cgroup_add (MemoryCgroup  *cgroup,
                   GPid           pid,
                   GError       **error)
{
  return write_number (cgroup, "cgroup.procs", pid, error);
}

/* Limits the group to what it uses now and @room bytes, without swap, or processes. */
gboolean
memory_cgroup_limit (MemoryCgroup  *cgroup,
                     gint64         room,
                     GError       **error)
{
  const char *swap_file = cgroup->interface->swap_file;
  g_autofree char *swap = swap_file != NULL ? g_build_filename (cgroup->path, swap_file, NULL)
                                            : NULL;

  if (swap != NULL && g_file_test (swap, G_FILE_TEST_EXISTS) &&
      !kernel_file_write_number (swap, 0, error))
    return FALSE;

  return write_number (cgroup, cgroup->interface->limit_file,
                       memory_cgroup_get_usage (cgroup) + room, error);
}

gint64
memory_cgroup_get_usage (MemoryCgroup *cgroup)
{
  g_autofree char *path = g_build_filename (cgroup->path, cgroup->interface->usage_file, NULL);
  gint64 usage = 0;

  return kernel_file_read_number (path, &usage, NULL) ? usage : 0;
}

/* How many processes of the group the kernel has killed for want of memory. */
gint64
memory_cgroup_count_kills (MemoryCgroup *cgroup)
{
  g_autofree char *path = g_build_filename (cgroup->path, cgroup->interface->events_file, NULL);
  gint64 kills = 0;

  return kernel_file_read_field (path, "oom_kill", &kills, NULL) ? kills : 0;
}

const char *
memory_cgroup_get_path (MemoryCgroup *cgroup)
{
  return cgroup->path;
}
