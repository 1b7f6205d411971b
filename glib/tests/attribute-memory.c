/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A child whose control group has no memory left for its exec: whom the kernel then kills must not
 * be the caller, whose memory the child may share. */

#include "attribute-cases.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "memory-cgroup.h"

#define N_ARGUMENTS 15
#define ARGUMENT_SIZE (100 * 1000)
/* Less than the arguments. */
#define ROOM (600 * 1000)

/* What becomes of the child is the kernel's affair. */
static void
launch_in_group (int         group_fd,
                 GSpawnFlags flags)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_auto (Launch) launch;

  g_assert_true (gspawn_attributes_set_cgroup_fd (attributes, group_fd, NULL));
  launch_init (&launch, flags, "/bin/true", NULL);
  launch.argv = g_renew (char *, launch.argv, 1 + N_ARGUMENTS + 1);
  for (int i = 1; i <= N_ARGUMENTS; i++)
    launch.argv[i] = g_strnfill (ARGUMENT_SIZE, 'x');
  launch.argv[1 + N_ARGUMENTS] = NULL;
  launch.untraceable = TRUE;
  launch_declare (&launch, attributes, GSPAWN_NEED_ATTRIBUTES);
  launch_start (&launch, NULL);
}

static void
test_group_without_memory (void)
{
  g_autoptr (GError) error = NULL;
  MemoryCgroup *group;
  int fd;

  if (!stage_has_capabilities (CAPABILITY (CAP_SYS_ADMIN)))
    {
      case_skip ("A control group cannot be made");
      return;
    }
  group = memory_cgroup_new (-1, &error);
  if (group == NULL)
    {
      g_test_message ("%s", error->message);
      case_skip_anywhere ("There is no controller of memory");
      return;
    }

  g_assert_true (memory_cgroup_limit (group, ROOM, &error));
  fd = open (memory_cgroup_get_path (group), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_no_errno (fd);
  launch_in_group (fd, G_SPAWN_DO_NOT_REAP_CHILD);
  launch_in_group (fd, G_SPAWN_DEFAULT);
  close (fd);
  g_assert_true (memory_cgroup_free (group));
}

const Case attribute_memory_cases[] = {
  { .name = "cgroup-without-memory", .run = test_group_without_memory,
    .needs = GSPAWN_NEED_ATTRIBUTES },
  { .name = NULL }
};
