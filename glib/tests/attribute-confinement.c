/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Attributes that say who the child is and what it may do, each by itself: credentials, namespaces,
 * control groups, Landlock and filters. */

#include "attribute-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scene.h"

#define ATTRIBUTES GSPAWN_NEED_ATTRIBUTES
/* No group of this number has a name. */
#define SOME_GROUP 70001
#define NOBODY 65534
#define FILTER_ERRNO EOPNOTSUPP

static void
groups (Stage *stage)
{
  const guint numbers[] = { SOME_GROUP, 5 };

  gspawn_attributes_set_groups (stage->attributes, numbers, G_N_ELEMENTS (numbers),
                                &stage->error);
  stage_expect (stage, "credentials/groups", "5;%d", SOME_GROUP);
}

static void
no_groups (Stage *stage)
{
  gspawn_attributes_set_groups (stage->attributes, NULL, 0, &stage->error);
  stage_expect (stage, "credentials/groups", "%s", "");
}

static void
group (Stage *stage)
{
  gspawn_attributes_set_group (stage->attributes, SOME_GROUP, &stage->error);
  stage_expect (stage, "credentials/gids", "%d;%d;%d", SOME_GROUP, SOME_GROUP, SOME_GROUP);
}

static void
expect_user (Stage *stage,
             guint  user)
{
  stage_expect (stage, "credentials/uids", "%u;%u;%u", user, user, user);
  stage_expect (stage, "confinement/capabilities", "%016x", 0);
}

static void
user (Stage *stage)
{
  gspawn_attributes_set_user (stage->attributes, NOBODY, &stage->error);
  expect_user (stage, NOBODY);
}

static void
user_by_name (Stage *stage)
{
  const struct passwd *entry = getpwnam ("nobody");
  g_autoptr (GString) text = g_string_new (NULL);
  gid_t numbers[64];
  int n = G_N_ELEMENTS (numbers);

  gspawn_attributes_set_user_by_name (stage->attributes, "nobody", &stage->error);

  getgrouplist ("nobody", entry->pw_gid, numbers, &n);
  for (int i = 0; i < n; i++)
    g_string_append_printf (text, "%s%u", i > 0 ? ";" : "", numbers[i]);
  expect_user (stage, entry->pw_uid);
  stage_expect (stage, "credentials/gids", "%u;%u;%u", entry->pw_gid, entry->pw_gid,
                entry->pw_gid);
  stage_expect (stage, "credentials/groups", "%s", text->str);
}

static void
namespaces (Stage *stage)
{
  gspawn_attributes_set_namespaces (stage->attributes,
                                    CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS,
                                    &stage->error);
  stage_expect_other (stage, "namespaces/uts");
  stage_expect_other (stage, "namespaces/ipc");
  stage_expect_other (stage, "namespaces/net");
  stage_expect_other (stage, "namespaces/mnt");
}

static void
pid_namespace (Stage *stage)
{
  gspawn_attributes_set_namespaces (stage->attributes, CLONE_NEWPID, &stage->error);
  stage_expect_absent (stage, "namespaces/pid_for_children");
}

static void
user_namespace (Stage *stage)
{
  gspawn_attributes_set_namespaces (stage->attributes, CLONE_NEWUSER, &stage->error);
  stage_expect_other (stage, "namespaces/user");
  stage_expect (stage, "credentials/uids", "65534;65534;65534");
  stage_expect (stage, "credentials/gids", "65534;65534;65534");
  stage_expect (stage, "confinement/capabilities", "%016x", 0);
}

static void
no_new_privileges (Stage *stage)
{
  gspawn_attributes_set_no_new_privileges (stage->attributes, TRUE);
  stage_expect (stage, "confinement/no-new-privileges", "1");
}

/* A ruleset that forbids one thing, which the probe tries: to make a directory. */
void
scene_take_landlock (Stage *stage)
{
  const struct landlock_ruleset_attr attr = {
    .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_DIR,
  };
  int fd = (int) syscall (SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

  if (fd < 0)
    {
      stage->skipped = case_skip ("The kernel has no Landlock");
      return;
    }
  gspawn_attributes_set_landlock_ruleset_fd (stage->attributes, fd, &stage->error);
  close (fd);
  stage_expect (stage, "confinement/directory-errno", "%d", EACCES);
}

static void
landlock (Stage *stage)
{
  no_new_privileges (stage);
  scene_take_landlock (stage);
}

/* A filter that refuses mkdirat(), by an errno that it never has otherwise. */
void
scene_take_filter (Stage *stage)
{
  const struct sock_filter instructions[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | FILTER_ERRNO),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  g_autoptr (GBytes) filter = g_bytes_new (instructions, sizeof instructions);

  gspawn_attributes_set_seccomp_filter (stage->attributes, filter, &stage->error);
  stage_expect (stage, "confinement/seccomp", "2");
  stage_expect_more (stage, "confinement/seccomp-filters");
  stage_expect (stage, "confinement/directory-errno", "%d", FILTER_ERRNO);
}

static void
seccomp_filter (Stage *stage)
{
  no_new_privileges (stage);
  scene_take_filter (stage);
}

static void
remove_cgroup (gpointer data)
{
  g_autofree char *path = data;

  g_assert_no_errno (rmdir (path));
}

static void
take_cgroup (Stage *stage,
             char  *path)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  g_assert_no_errno (fd);
  gspawn_attributes_set_cgroup_fd (stage->attributes, fd, &stage->error);
  close (fd);
  stage_expect_other (stage, "confinement/cgroup");
  stage->clean_up = remove_cgroup;
  stage->clean_up_data = path;
}

/* Below our own, in whichever hierarchy lets us. */
static void
cgroup (Stage *stage)
{
  g_autofree char *lines = NULL;
  g_auto (GStrv) groups = NULL;

  g_file_get_contents ("/proc/self/cgroup", &lines, NULL, NULL);
  groups = g_strsplit (lines != NULL ? lines : "", "\n", -1);
  for (char **line = groups; *line != NULL; line++)
    {
      g_auto (GStrv) parts = g_strsplit (*line, ":", 3);
      char *path;

      if (g_strv_length (parts) != 3 || *parts[1] == '\0' || g_str_equal (parts[1], "cpuset"))
        continue;
      path = g_strdup_printf ("/sys/fs/cgroup/%s%s/gspawn-test-%d", parts[1], parts[2], getpid ());
      if (mkdir (path, 0755) == 0)
        {
          take_cgroup (stage, path);
          return;
        }
      g_free (path);
    }

  stage->skipped = case_skip_anywhere ("There is no control group of version 1 to make one in");
}

static void
unmount (gpointer data)
{
  g_autofree char *mount_point = scene_path ("groups");

  remove_cgroup (data);
  g_assert_no_errno (umount (mount_point));
}

/* In a mount namespace of our own, for not every machine has it mounted. */
static void
cgroup_2 (Stage *stage)
{
  g_autofree char *mount_point = scene_path ("groups");
  char *path;

  g_assert_no_errno (mkdir (mount_point, 0755));
  if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount ("cgroup2", mount_point, "cgroup2", 0, NULL) < 0)
    {
      stage->skipped = case_skip ("Control groups of version 2 cannot be mounted");
      return;
    }

  path = g_strdup_printf ("%s/gspawn-test-%d", mount_point, getpid ());
  g_assert_no_errno (mkdir (path, 0755));
  take_cgroup (stage, path);
  stage->clean_up = unmount;
}

static void
uncover (gpointer data)
{
  g_autofree char *file = g_build_filename (data, "cgroup.procs", NULL);

  g_assert_no_errno (umount (file));
  unmount (data);
}

/* Where the kernel can, the child is made there: it need not move, which is what cannot be done
 * while something else lies over the file for that. */
static void
cgroup_2_from_birth (Stage *stage)
{
  g_autofree char *file = NULL;
  const char *detail = NULL;

  cgroup_2 (stage);
  if (stage->skipped || !gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail) ||
      !g_str_has_prefix (detail, "clone3") || g_str_equal (g_getenv ("GSPAWN_ENGINE"), "fork"))
    return;

  file = g_build_filename (stage->clean_up_data, "cgroup.procs", NULL);
  g_assert_no_errno (mount ("/dev/null", file, NULL, MS_BIND, NULL));
  stage->clean_up = uncover;
}

const AttributeRow attribute_confinement[] = {
  { "cgroup", cgroup, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "cgroup-2", cgroup_2, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "cgroup-2-from-birth", cgroup_2_from_birth, ATTRIBUTES, STAGE_NOT_GLIB,
    CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "namespaces", namespaces, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "namespaces-pid", pid_namespace, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "namespaces-user", user_namespace, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "namespaces-user-unprivileged", user_namespace, ATTRIBUTES, STAGE_NOBODY, 0, 0, 0 },
  { "groups", groups, ATTRIBUTES, 0, CAPABILITY (CAP_SETGID), 0, 0 },
  { "groups-none", no_groups, ATTRIBUTES, 0, CAPABILITY (CAP_SETGID), 0, 0 },
  { "group", group, ATTRIBUTES, 0, CAPABILITY (CAP_SETGID), 0, 0 },
  { "user", user, ATTRIBUTES, 0, CAPABILITY (CAP_SETUID), 0, 0 },
  { "user-by-name", user_by_name, ATTRIBUTES, 0,
    CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID), 0, 0 },
  { "no-new-privileges", no_new_privileges, ATTRIBUTES, 0, 0, 0, 0 },
  { "landlock", landlock, ATTRIBUTES, 0, 0, 0, 0 },
  { "landlock-unprivileged", landlock, ATTRIBUTES, STAGE_NOBODY, 0, 0, 0 },
  { "landlock-privileged", scene_take_landlock, ATTRIBUTES, 0, CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { "seccomp-filter", seccomp_filter, ATTRIBUTES | GSPAWN_NEED_SECCOMP_FILTER, 0, 0, 0, 0 },
  { "seccomp-filter-unprivileged", seccomp_filter, ATTRIBUTES | GSPAWN_NEED_SECCOMP_FILTER,
    STAGE_NOBODY, 0, 0, 0 },
  { "seccomp-filter-privileged", scene_take_filter, GSPAWN_NEED_SECCOMP_FILTER, 0,
    CAPABILITY (CAP_SYS_ADMIN), 0, 0 },
  { .name = NULL }
};
