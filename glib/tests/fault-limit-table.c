/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The limits that a caller may live under, what it asks for there, and the errors that tell of it.
 * docs/faults.md is made of this. */
#include "fault-limit-table.h"

#include <errno.h>
#include <glib-unix.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory-cgroup.h"

/* A user who has no process but these. */
#define LONELY_USER 61847

#define MAX_FILLINGS 4096

static struct rlimit saved;
static int saved_resource;

/* Only the soft limit, so that the caller can look at itself afterwards. */
static void
impose_soft (int    resource,
             rlim_t value)
{
  struct rlimit limit;

  saved_resource = resource;
  if (getrlimit (resource, &saved) < 0)
    g_error ("getrlimit: %s", g_strerror (errno));
  limit = (struct rlimit) { MIN (value, saved.rlim_max), saved.rlim_max };
  if (setrlimit (resource, &limit) < 0)
    g_error ("setrlimit: %s", g_strerror (errno));
}

static void
lift_soft (void)
{
  if (setrlimit (saved_resource, &saved) < 0)
    g_error ("setrlimit: %s", g_strerror (errno));
}

static void
impose_descriptors (int value)
{
  impose_soft (RLIMIT_NOFILE, (rlim_t) value);
}

static gsize
get_mapped_size (void)
{
  FILE *file = fopen ("/proc/self/statm", "re");
  unsigned long pages = 0;

  if (file == NULL || fscanf (file, "%lu", &pages) != 1)
    g_error ("/proc/self/statm cannot be read");
  fclose (file);

  return pages * (gsize) sysconf (_SC_PAGESIZE);
}

/* So many pages more than there are. */
static void
impose_address_space (int value)
{
  impose_soft (RLIMIT_AS, get_mapped_size () + (gsize) value * (gsize) sysconf (_SC_PAGESIZE));
}

static struct {
  void *address;
  gsize size;
} fillings[MAX_FILLINGS];
static guint n_fillings;

/* Takes all but so many pages of the address space, in pieces that get smaller. It costs nothing,
 * for nobody can use them. */
static void
impose_full_space (int value)
{
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  gsize size = G_GUINT64_CONSTANT (1) << 46;
  void *kept = value > 0 ? mmap (NULL, (gsize) value * page, PROT_NONE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : NULL;

  while (size >= page && n_fillings < MAX_FILLINGS)
    {
      void *address = mmap (NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                            -1, 0);

      if (address == MAP_FAILED)
        {
          size /= 2;
          continue;
        }
      fillings[n_fillings].address = address;
      fillings[n_fillings++].size = size;
    }

  if (value > 0)
    munmap (kept, (gsize) value * page);
}

static void
lift_full_space (void)
{
  while (n_fillings > 0)
    {
      n_fillings--;
      munmap (fillings[n_fillings].address, fillings[n_fillings].size);
    }
}

/* Only a user without privileges is bound by it; as another user the caller may still look at
 * itself. */
static gboolean
enter_processes (int value)
{
  const struct rlimit limit = { (rlim_t) value, (rlim_t) value };

  return geteuid () == 0 && setgroups (0, NULL) == 0 &&
         setresgid (LONELY_USER, LONELY_USER, LONELY_USER) == 0 &&
         setresuid (LONELY_USER, LONELY_USER, LONELY_USER) == 0 &&
         prctl (PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && setrlimit (RLIMIT_NPROC, &limit) == 0;
}

static MemoryCgroup *group;

static gboolean
prepare_group (GError **error)
{
  group = memory_cgroup_new_for_processes (-1, error);

  return group != NULL;
}

static gboolean
finish_group (void)
{
  return memory_cgroup_free (g_steal_pointer (&group));
}

/* So many processes besides this one. */
static gboolean
enter_group (int value)
{
  g_autoptr (GError) error = NULL;

  if (!memory_cgroup_add (group, getpid (), &error) || !memory_cgroup_limit (group, value, &error))
    g_error ("%s", error->message);

  return TRUE;
}

static const char *const most_shapes[] = {
  "plain", "waited", "first", "first-waited", "directory", "pipes", "pipes-reaped", "streams",
  "streams-open", "null", "map", "map-reaped", "search", "sync", "setup", "setup-reaped", NULL
};

static const char *const memory_shapes[] = {
  "plain", "waited", "first", "first-waited", "sync", "setup", NULL
};

static const FaultLimitError descriptor_errors[] = {
  { "g-unix-error-quark", 0, EMFILE },
  { "g-unix-error-quark", 0, EINVAL },
  { "g-exec-error-quark", G_SPAWN_ERROR_CHDIR, EMFILE },
  { "g-exec-error-quark", G_SPAWN_ERROR_FAILED, EMFILE },
  { "g-exec-error-quark", G_SPAWN_ERROR_FAILED, EINVAL },
  { "g-exec-error-quark", G_SPAWN_ERROR_FAILED, EBADF },
  { NULL, 0, 0 },
};

static const FaultLimitError process_errors[] = {
  { "g-exec-error-quark", G_SPAWN_ERROR_FORK, EAGAIN },
  { NULL, 0, 0 },
};

static const FaultLimitError memory_errors[] = {
  { "g-exec-error-quark", G_SPAWN_ERROR_FORK, ENOMEM },
  { "g-exec-error-quark", G_SPAWN_ERROR_NOMEM, ENOMEM },
  { NULL, 0, 0 },
};

const FaultLimitRow fault_limit_rows[] = {
  { { "descriptors", NULL, impose_descriptors, lift_soft }, "`RLIMIT_NOFILE`",
    .first = 0, .last = 32, .step = 1, .binds_program = TRUE,
    .shapes = most_shapes, .errors = descriptor_errors },
  { { "processes", enter_processes, NULL, NULL },
    "`RLIMIT_NPROC`, for a user with no other process", .first = 0, .last = 4, .step = 1,
    .refusal = "to become a user without processes needs root",
    .shapes = most_shapes, .errors = process_errors },
  { { "control-group", enter_group, NULL, NULL },
    "processes of a control group, besides the caller", .first = 0, .last = 3, .step = 1,
    .prepare = prepare_group, .finish = finish_group,
    .shapes = most_shapes, .errors = process_errors },
  { { "address-space", NULL, impose_address_space, lift_soft },
    "`RLIMIT_AS`, in pages above what the caller has mapped", .first = 0, .last = 40, .step = 1,
    .binds_program = TRUE, .may_suffice = TRUE, .shapes = memory_shapes,
    .errors = memory_errors },
  { { "full-address-space", NULL, impose_full_space, lift_full_space },
    "pages of the address space that nothing is mapped to", .first = 0, .last = 40, .step = 4,
    .may_suffice = TRUE, .shapes = memory_shapes, .errors = memory_errors },
  { .limit.name = NULL },
};

static const char *
describe_code (const FaultLimitError *error)
{
  if (strcmp (error->domain, "g-unix-error-quark") == 0)
    return "`G_UNIX_ERROR` 0";

  switch (error->code)
    {
    case G_SPAWN_ERROR_FORK:
      return "`G_SPAWN_ERROR_FORK`";
    case G_SPAWN_ERROR_CHDIR:
      return "`G_SPAWN_ERROR_CHDIR`";
    case G_SPAWN_ERROR_NOMEM:
      return "`G_SPAWN_ERROR_NOMEM`";
    case G_SPAWN_ERROR_FAILED:
      return "`G_SPAWN_ERROR_FAILED`";
    default:
      g_assert_not_reached ();
    }
}

/* Writes to standard output. */
void
fault_limit_table_print (void)
{
  g_print ("| Little of | Steps | Errors |\n|---|---|---|\n");
  for (const FaultLimitRow *row = fault_limit_rows; row->limit.name != NULL; row++)
    {
      g_print ("| %s | %d to %d | ", row->summary, row->first, row->last);
      for (const FaultLimitError *error = row->errors; error->error_number != 0; error++)
        g_print ("%s%s (%s)", error == row->errors ? "" : ", ", describe_code (error),
                 strerrorname_np (error->error_number));
      g_print (" |\n");
    }
}
