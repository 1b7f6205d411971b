/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* A child makes exactly the system calls that its plan implies, in their order, and nothing else;
 * and where it shares its caller's memory it runs nothing but the library's own code, on the stack
 * that it was given. Shapes of a request are one table, ways of making the child another. */

#include "config.h"

#include "child-trace.h"
#include "gspawn-engines.h"
#include "gspawn-attributes.h"
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/bin/true"
#define MISSING "/missing/program"

/* Open in the job, beside its standard streams. The next to be opened is 3. */
#define FIRST_SOURCE 10
#define N_SOURCES 3

/* The stack of a child that has the least. */
#define STACK_SIZE (4 * 1024)

#define WAITED G_SPAWN_DO_NOT_REAP_CHILD
#define BARE (G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_CHILD_INHERITS_STDIN)

typedef struct {
  const char *name;
  GSpawnFlags flags;
  const char *program;      /* or PROGRAM */
  const char *directory;
  int streams[3];           /* 0 where it is not given */
  int n_mapped;
  int sources[2];
  int targets[2];
  unsigned int forbidden;   /* a system call */
  gboolean fails;
  GSpawnAttributes *(*make_attributes) (void);
  int open_report;          /* 1: only for a child that reports over a descriptor, −1: for others */
  const char *seal;         /* what comes after the signals' mask */
  const char *mask;         /* or the way's own */
  const char *calls[30];    /* between the signals' dispositions and the end */
} Shape;

/* In an order that is not that of their application. */
static GSpawnAttributes *
make_most (void)
{
  static const guint64 allow = G_GUINT64_CONSTANT (0x7fff000000000006);
  const guint cpus[] = { 0 };
  const guint groups[] = { 7, 8 };
  const int ignored[] = { SIGPIPE };
  const int blocked[] = { SIGHUP };
  int root = open ("/", O_RDONLY | O_DIRECTORY);
  g_autoptr (GBytes) filter = g_bytes_new_static (&allow, sizeof allow);
  GSpawnAttributes *attributes = gspawn_attributes_new ();

  gspawn_attributes_set_seccomp_filter (attributes, filter, NULL);
  gspawn_attributes_set_signal_mask (attributes, blocked, G_N_ELEMENTS (blocked), NULL);
  gspawn_attributes_set_pid_variable (attributes, "LISTEN_PID", NULL);
  gspawn_attributes_set_landlock_ruleset_fd (attributes, root, NULL);
  gspawn_attributes_set_no_new_privileges (attributes, TRUE);
  gspawn_attributes_set_groups (attributes, groups, G_N_ELEMENTS (groups), NULL);
  gspawn_attributes_set_cpu_affinity (attributes, cpus, G_N_ELEMENTS (cpus), NULL);
  gspawn_attributes_set_io_priority (attributes, 2, 7, NULL);
  gspawn_attributes_set_scheduler (attributes, SCHED_BATCH, 0, NULL);
  gspawn_attributes_set_nice (attributes, 5, NULL);
  gspawn_attributes_set_limit (attributes, RLIMIT_CORE, 0, 0, NULL);
  gspawn_attributes_set_personality (attributes, 0x40000, NULL);
  gspawn_attributes_set_oom_score_adjustment (attributes, 300, NULL);
  gspawn_attributes_set_controlling_terminal (attributes, 0, NULL);
  gspawn_attributes_set_umask (attributes, 027, NULL);
  gspawn_attributes_set_working_directory_fd (attributes, root, NULL);
  gspawn_attributes_set_process_group (attributes, 0, NULL);
  gspawn_attributes_set_new_session (attributes, TRUE);
  gspawn_attributes_set_ignored_signals (attributes, ignored, G_N_ELEMENTS (ignored), NULL);
  close (root);
  for (int attribute = 0; attribute < GSPAWN_N_ATTRIBUTES; attribute++)
    gspawn_attributes_set_optional (attributes, attribute, TRUE);

  return attributes;
}

/* The first that fails is the last that is tried. */
static GSpawnAttributes *
make_failing (void)
{
  GSpawnAttributes *attributes = gspawn_attributes_new ();

  gspawn_attributes_set_umask (attributes, 027, NULL);
  gspawn_attributes_set_process_group (attributes, G_MAXINT, NULL);

  return attributes;
}

static const Shape shapes[] = {
  { .name = "bare", .flags = BARE, .calls = { "execve /bin/true" } },
  { .name = "default", .flags = G_SPAWN_DEFAULT,
    .calls = { "openat /dev/null 0", "dup3 3 0 0", "close 3", "close_range 3 0xffffffff 4",
               "execve /bin/true" } },
  { .name = "null", .flags = G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_STDOUT_TO_DEV_NULL |
                             G_SPAWN_STDERR_TO_DEV_NULL,
    .calls = { "openat /dev/null 0", "dup3 3 0 0", "close 3",
               "openat /dev/null 0x1", "dup3 3 1 0", "close 3",
               "openat /dev/null 0x1", "dup3 3 2 0", "close 3", "execve /bin/true" } },
  { .name = "directory", .flags = BARE, .directory = "/",
    .calls = { "chdir /", "execve /bin/true" } },
  { .name = "missing-directory", .flags = BARE, .directory = "/missing", .fails = TRUE,
    .calls = { "chdir /missing" } },
  { .name = "streams", .flags = BARE, .streams = { 10, 11, 12 },
    .calls = { "dup3 10 0 0", "dup3 11 1 0", "dup3 12 2 0", "fcntl 10 F_SETFD 1",
               "fcntl 11 F_SETFD 1", "fcntl 12 F_SETFD 1", "execve /bin/true" } },
  { .name = "merged", .flags = BARE, .streams = { 0, 11, 1 },
    .calls = { "dup3 11 1 0", "dup3 1 2 0", "fcntl 11 F_SETFD 1", "execve /bin/true" } },
  { .name = "map", .flags = G_SPAWN_CHILD_INHERITS_STDIN, .n_mapped = 2, .sources = { 10, 11 },
    .targets = { 7, 11 },
    .calls = { "close_range 3 0xffffffff 4", "fcntl 10 F_DUPFD_CLOEXEC 12",
               "dup3 13 7 0", "fcntl 11 F_SETFD 0", "execve /bin/true" } },
  { .name = "closed-source", .flags = BARE, .n_mapped = 1, .sources = { 20 }, .targets = { 7 },
    .fails = TRUE, .calls = { "fcntl 20 F_DUPFD_CLOEXEC 8" } },
  { .name = "search", .flags = BARE | G_SPAWN_SEARCH_PATH_FROM_ENVP, .program = "true",
    .calls = { "execve /missing/true", "execve true", "execve /bin/true" } },
  { .name = "missing", .flags = BARE, .program = MISSING, .fails = TRUE,
    .calls = { "execve /missing/program" } },
  { .name = "no-close-range", .flags = G_SPAWN_CHILD_INHERITS_STDIN,
    .forbidden = SYS_close_range, .open_report = -1,
    .calls = { "close_range 3 0xffffffff 4", "openat /proc/self/fd 0x90000", "getdents64 3",
               "fcntl 3 F_SETFD 1", "fcntl 10 F_SETFD 1", "fcntl 11 F_SETFD 1",
               "fcntl 12 F_SETFD 1", "getdents64 3", "close 3", "execve /bin/true" } },
  { .name = "no-close-range-report", .flags = G_SPAWN_CHILD_INHERITS_STDIN,
    .forbidden = SYS_close_range, .open_report = 1,
    .calls = { "close_range 3 0xffffffff 4", "openat /proc/self/fd 0x90000", "getdents64 3",
               "fcntl 3 F_SETFD 1", "fcntl 4 F_SETFD 1", "fcntl 10 F_SETFD 1",
               "fcntl 11 F_SETFD 1", "fcntl 12 F_SETFD 1", "getdents64 3", "close 3",
               "execve /bin/true" } },
  { .name = "attributes", .flags = BARE, .make_attributes = make_most,
    .mask = "sigprocmask 2 1", .seal = "seccomp 1 0",
    .calls = { "sigaction 13 ignored", "setsid", "setpgid 0 0", "fchdir 65", "umask 0x17",
               "ioctl 0 0x540e", "openat /proc/self/oom_score_adj 0x80001", "write 3", "close 3",
               "personality 0x40000", "prlimit64 0 4", "setpriority 0 0 5",
               "sched_setscheduler 0 3", "ioprio_set 1 0 0x4007", "sched_setaffinity 0 8",
               "setgroups 2", "prctl 38 1", "landlock_restrict_self 64 0", "getpid",
               "execve /bin/true" } },
  { .name = "attribute-fails", .flags = BARE, .make_attributes = make_failing, .fails = TRUE,
    .calls = { "setpgid 0 2147483647" } },
  { .name = "report-in-the-way", .flags = BARE, .open_report = 1, .n_mapped = 1,
    .sources = { 10 }, .targets = { 4 },
    .calls = { "fcntl 10 F_DUPFD_CLOEXEC 5", "fcntl 4 F_DUPFD_CLOEXEC 5", "close 4",
               "dup3 5 4 0", "execve /bin/true" } },
};

#define RESET \
  "sigaction 17 default", "sigaction 2 default", "sigaction 15 default", "sigaction 1 default", \
  "sigaction 13 default"
/* Signal 10 is ignored in the job, and stays so. */
#define CLEAR \
  "sigaction 1-9 asked, default", "sigaction 10 asked", "sigaction 11-64 asked, default"
/* Signal 12 is blocked in the job. */
#define RESTORE "sigprocmask 2 800"

/* libc ends its child in another way. */
#if GSPAWN_CLONE_ENTRY_IS_LIBC
#define END "exit"
#else
#define END "exit_group"
#endif

typedef struct {
  const char *name;
  GSpawnEngine engine;
  GSpawnFlags flags;
  gboolean legacy;          /* clone3() is forbidden */
  gboolean sets_up;         /* the plan's own calls end with a function of the caller's */
  const char *middle[6];    /* of the process in the middle; none if there is none */
  const char *before[12];
  const char *restore[3];
  const char *failed[4];
} Way;

static const Way ways[] = {
  { .name = "clone-waited", .engine = GSPAWN_ENGINE_CLONE, .flags = WAITED,
    .before = { RESET }, .restore = { "sigpending", RESTORE }, .failed = { END " 127" } },
  { .name = "clone-reaped", .engine = GSPAWN_ENGINE_CLONE,
    .middle = { "getppid", "clone", END " 0" }, .before = { "sched_yield", RESET },
    .restore = { "sigpending", RESTORE }, .failed = { END " 127" } },
  { .name = "clone-waited-legacy", .engine = GSPAWN_ENGINE_CLONE, .flags = WAITED, .legacy = TRUE,
    .before = { CLEAR, RESET }, .restore = { "sigpending", RESTORE },
    .failed = { END " 127" } },
  { .name = "clone-reaped-legacy", .engine = GSPAWN_ENGINE_CLONE, .legacy = TRUE,
    .middle = { "getppid", "clone", END " 0" }, .before = { "sched_yield", CLEAR, RESET },
    .restore = { "sigpending", RESTORE }, .failed = { END " 127" } },
  { .name = "fork-waited", .engine = GSPAWN_ENGINE_FORK, .flags = WAITED,
    .before = { "close 3", "getpid", CLEAR, RESET }, .restore = { RESTORE },
    .failed = { "write 4", "exit_group 127" } },
  { .name = "fork-reaped", .engine = GSPAWN_ENGINE_FORK,
    .middle = { "close 3", "getppid", "clone", "exit_group 0" },
    .before = { "getpid", CLEAR, RESET }, .restore = { RESTORE }, .failed = { "write 4", "exit_group 127" } },
  { .name = "fork-set-up", .engine = GSPAWN_ENGINE_FORK, .flags = WAITED, .sets_up = TRUE,
    .before = { "close 3", "getpid", CLEAR, RESET }, .restore = { RESTORE, "getppid" },
    .failed = { "write 4", "exit_group 127" } },
};

typedef struct {
  const Way *way;
  const Shape *shape;
} Row;

static void
child_set_up (G_GNUC_UNUSED gpointer data)
{
  syscall (SYS_getppid);
}

static void
forbid (unsigned int number)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { G_N_ELEMENTS (filter), filter };

  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    g_error ("seccomp: %s", g_strerror (errno));
}

static gboolean
launch (const Row *row)
{
  const Shape *shape = row->shape;
  const char *argv[] = { shape->program != NULL ? shape->program : PROGRAM, NULL };
  const char *envp[] = { "PATH=/missing::/bin", NULL };
  g_autoptr (GSpawnAttributes) attributes = NULL;
  GSpawnChildSetupFunc setup = row->way->sets_up ? child_set_up : NULL;
  int streams[3];
  GPid pid;

  if (shape->make_attributes != NULL)
    {
      attributes = shape->make_attributes ();
      setup = gspawn_attributes_child_setup;
    }
  for (int i = 0; i < 3; i++)
    streams[i] = shape->streams[i] != 0 ? shape->streams[i] : -1;

  if (!g_spawn_async_with_pipes_and_fds (shape->directory, argv, envp,
                                         shape->flags | row->way->flags,
                                         setup, attributes,
                                         streams[0], streams[1], streams[2], shape->sources,
                                         shape->targets, (gsize) shape->n_mapped, &pid, NULL,
                                         NULL, NULL, NULL))
    return FALSE;
  if ((row->way->flags & WAITED) != 0)
    waitpid (pid, NULL, 0);

  return TRUE;
}

/* One signal is ignored, one blocked, all others are as they were at the start. */
static void
set_signals (void)
{
  const guint64 blocked = 1 << (SIGUSR2 - 1);

  for (int number = 1; number < _NSIG; number++)
    {
      gsize action[8] = { 0 };

      syscall (SYS_rt_sigaction, number, action, NULL, sizeof (guint64));
    }
  signal (SIGUSR1, SIG_IGN);
  syscall (SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, sizeof blocked);
}

/* The job launches twice: what is found out but once is none of the test's business. */
static G_GNUC_NORETURN void
job_main (const Row *row)
{
  int null = open ("/dev/null", O_RDWR);

  g_setenv ("GSPAWN_ENGINE", gspawn_engine_get_name (row->way->engine), TRUE);
  for (int fd = 0; fd < 3; fd++)
    dup2 (null, fd);
  for (int i = 0; i < N_SOURCES; i++)
    dup2 (null, FIRST_SOURCE + i);
  close_range (3, FIRST_SOURCE - 1, 0);
  close_range (FIRST_SOURCE + N_SOURCES, ~0u, 0);
  set_signals ();

  if (row->way->legacy)
    forbid (SYS_clone3);
  if (row->shape->forbidden != 0)
    forbid (row->shape->forbidden);
  launch (row);

  if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) < 0)
    _exit (2);
  raise (SIGSTOP);
  _exit (launch (row) ? 0 : 1);
}

static pid_t
start_job (const Row *row)
{
  int status;
  pid_t pid = fork ();

  g_assert_no_errno (pid);
  if (pid == 0)
    job_main (row);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));

  return pid;
}

static void
append_all (GPtrArray         *lines,
            const char *const *words)
{
  for (; *words != NULL; words++)
    g_ptr_array_add (lines, (gpointer) *words);
}

/* What libc's fork() does in its child before it returns there; and what a sanitizer does in a copy
 * of the caller, before a function that does not return. */
static void
drop_foreign (const Way           *way,
              const TracedProcess *process)
{
  GPtrArray *calls = process->calls;

  while (calls->len > 0 && (g_str_equal (g_ptr_array_index (calls, 0), "set_robust_list") ||
                            g_str_equal (g_ptr_array_index (calls, 0), "rseq")))
    g_ptr_array_remove_index (calls, 0);

  for (guint i = calls->len; TESTS_ARE_SANITIZED && way->engine == GSPAWN_ENGINE_FORK && i > 0; i--)
    if (g_str_equal (g_ptr_array_index (calls, i - 1), "sigaltstack"))
      g_ptr_array_remove_index (calls, i - 1);
}

static void
compare (const char          *who,
         const Way           *way,
         const TracedProcess *process,
         GPtrArray           *expected)
{
  guint n;

  drop_foreign (way, process);
  n = MAX (process->calls->len, expected->len);
  for (guint i = 0; i < n; i++)
    {
      const char *found = i < process->calls->len ? g_ptr_array_index (process->calls, i)
                                                  : "nothing more";
      const char *wanted = i < expected->len ? g_ptr_array_index (expected, i) : "nothing more";

      if (!g_str_equal (found, wanted))
        {
          g_test_fail_printf ("%s: call %u is \"%s\" instead of \"%s\"", who, i, found, wanted);
          return;
        }
    }
}

static gboolean
skip_way (const Way *way)
{
  const char *detail;

  if (THREADS_ARE_SANITIZED && way->engine == GSPAWN_ENGINE_FORK)
    detail = "the sanitizer does much of its own in a copy";
  else if (gspawn_engine_is_available (way->engine, &detail))
    return FALSE;

  g_test_skip (detail);
  return TRUE;
}

/* What the table says of the child: a plan that fails half-way is not gone on with. */
static GPtrArray *
expect_child (const Row *row)
{
  GPtrArray *expected = g_ptr_array_new ();
  const char *const *call = row->shape->calls;

  append_all (expected, row->way->before);
  for (; *call != NULL && !g_str_has_prefix (*call, "execve"); call++)
    g_ptr_array_add (expected, (gpointer) *call);
  if (*call != NULL)
    {
      append_all (expected, row->way->restore);
      if (row->shape->mask != NULL)
        expected->pdata[expected->len - 1] = (gpointer) row->shape->mask;
      if (row->shape->seal != NULL)
        g_ptr_array_add (expected, (gpointer) row->shape->seal);
    }
  append_all (expected, call);
  if (row->shape->fails)
    append_all (expected, row->way->failed);

  return expected;
}

static void
test_calls (gconstpointer data)
{
  const Row *row = data;
  gboolean has_middle = row->way->middle[0] != NULL;
  g_autoptr (GPtrArray) expected = NULL;
  g_autoptr (GPtrArray) processes = NULL;
  const TracedProcess *child;
  int status;

  if (skip_way (row->way))
    return;

  processes = child_trace_run (start_job (row), TRACE_CALLS, NULL, &status);
  g_assert_cmpint (status, ==, row->shape->fails ? 1 << 8 : 0);
  g_assert_cmpuint (processes->len, ==, has_middle ? 2 : 1);

  child = g_ptr_array_index (processes, processes->len - 1);
  expected = expect_child (row);
  g_assert_cmpint (child->executed, ==, !row->shape->fails);
  compare ("the child", row->way, child, expected);

  if (has_middle)
    {
      g_ptr_array_set_size (expected, 0);
      append_all (expected, row->way->middle);
      compare ("the one in the middle", row->way, g_ptr_array_index (processes, 0), expected);
    }
}

/* Where the library's code is, which is at the same place in the job. */
static CodeRange
find_code (void)
{
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;
  CodeRange code = { 0, 0 };

  g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL);
  lines = g_strsplit (maps, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (strstr (*line, "/libgspawn-1.0.so") != NULL && strstr (*line, " r-xp ") != NULL)
      {
        g_assert_cmpuint (code.start, ==, 0);
        code.start = g_ascii_strtoull (*line, NULL, 16);
        code.end = g_ascii_strtoull (strchr (*line, '-') + 1, NULL, 16);
      }
  g_assert_cmpuint (code.start, !=, 0);

  return code;
}

static void
test_steps (gconstpointer data)
{
  const Row *row = data;
  CodeRange code = find_code ();
  g_autoptr (GPtrArray) processes = NULL;
  int status;

  if (skip_way (row->way))
    return;
  processes = child_trace_run (start_job (row), TRACE_STEPS, &code, &status);
  g_assert_cmpint (status, ==, row->shape->fails ? 1 << 8 : 0);
  g_assert_cmpuint (processes->len, >, 0);

  for (guint i = 0; i < processes->len; i++)
    {
      const TracedProcess *process = g_ptr_array_index (processes, i);

      g_test_message ("process %u of %u: %u steps, %" G_GUINT64_FORMAT " bytes of its stack", i + 1,
                      processes->len, process->n_steps, process->stack_depth);
      g_assert_cmpuint (process->n_steps, >, 5);
      g_assert_cmpstr (process->strayed, ==, NULL);
      g_assert_cmpuint (process->stack_depth, >, 0);
      g_assert_cmpuint (process->stack_depth, <, STACK_SIZE);
    }
}

static void
add_row (const char    *what,
         const Way     *way,
         const Shape   *shape,
         GTestDataFunc  test)
{
  g_autofree char *path = g_strdup_printf ("/child-calls/%s/%s/%s", what, way->name, shape->name);
  Row *row = g_new (Row, 1);

  *row = (Row) { way, shape };
  guard_add_data_func (path, row, test);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();

  for (gsize w = 0; w < G_N_ELEMENTS (ways); w++)
    for (gsize s = 0; s < G_N_ELEMENTS (shapes); s++)
      {
        int open_report = ways[w].engine == GSPAWN_ENGINE_FORK ? 1 : -1;

        /* libc's entry knows the older call only. */
        if (GSPAWN_CLONE_ENTRY_IS_LIBC && open_report < 0 && !ways[w].legacy)
          continue;
        if (shapes[s].open_report != 0 && shapes[s].open_report != open_report)
          continue;
        /* There is room for one function. */
        if (shapes[s].make_attributes != NULL && ways[w].sets_up)
          continue;
        add_row ("calls", &ways[w], &shapes[s], test_calls);
        /* libc's entry is not the library's own code. */
        if (ways[w].engine == GSPAWN_ENGINE_CLONE && !GSPAWN_CLONE_ENTRY_IS_LIBC)
          add_row ("steps", &ways[w], &shapes[s], test_steps);
      }

  return g_test_run ();
}
