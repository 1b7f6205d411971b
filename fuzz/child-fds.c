/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Fuzzes what a child does to its descriptors: gspawn-child.c carries the operations of a plan out
 * on real ones, which must come to just what fd-operations.c makes of a table of numbers, errors
 * included. So the model that the fast target trusts is known to be true.
 *
 * The child shares the fuzzer's memory but not its descriptors, as a child of the clone engine
 * does. Its code can thus be instrumented, and it is made in a few microseconds. */

#include "fd-model.h"
#include "gspawn-child-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define STACK_SIZE ((gsize) 512 * 1024)

/* The fuzzer's own copies of the files lie above the numbers that the child is given. */
#define FIRST_POOL_FD 256
G_STATIC_ASSERT (FIRST_POOL_FD > FD_TABLE_SIZE);

#define N_POOL_FILES (FD_REPORT + 1)

/* Where a filter of system calls finds the half of the third argument that flags are in. */
#define FLAGS_OFFSET (offsetof (struct seccomp_data, args[2]) + \
                      (G_BYTE_ORDER == G_BIG_ENDIAN ? sizeof (guint32) : 0))

/* What the child gets and gives. It is mapped as shared memory, for an emulator may make it a copy
 * that is not ours. */
typedef struct {
  GSpawnChild child;
  FdTable table;
  GSpawnFailure failure;
  gboolean ready;
  gboolean done;
} Exchange;

static Exchange *exchange;
static char *stack;
static int pool[N_POOL_FILES];
static ino_t pool_inodes[N_POOL_FILES];

static void
open_pool (void)
{
  for (int file = FD_FIRST_CALLER_FILE; file < N_POOL_FILES; file++)
    {
      int fd = memfd_create ("fuzz", MFD_CLOEXEC);
      struct stat status;

      g_assert_cmpint (fd, >=, 0);
      pool[file] = fcntl (fd, F_DUPFD_CLOEXEC, FIRST_POOL_FD);
      g_assert_cmpint (pool[file], >=, FIRST_POOL_FD);
      close (fd);
      g_assert_cmpint (fstat (pool[file], &status), ==, 0);
      pool_inodes[file] = status.st_ino;
    }
}

static void
set_up (void)
{
  if (exchange != NULL)
    return;

  exchange = mmap (NULL, sizeof *exchange, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                   -1, 0);
  g_assert_true (exchange != MAP_FAILED);
  stack = mmap (NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  g_assert_true (stack != MAP_FAILED);
  open_pool ();
}

/* Refuses close_range(), and on request to open the directory that lists the descriptors. Where no
 * filter can be had the child has an easier life. */
static void
child_enter_sandbox (FdSandbox sandbox)
{
  const guint32 list = sandbox == FD_SANDBOX_NO_LIST ? SYS_openat : SYS_close_range;
  struct sock_filter code[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 4, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, list, 0, 2),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, FLAGS_OFFSET),
    BPF_JUMP (BPF_JMP | BPF_JSET | BPF_K, O_DIRECTORY, 1, 0),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  const struct sock_fprog program = { G_N_ELEMENTS (code), code };

  if (sandbox != FD_SANDBOX_NONE && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* Makes the child's descriptors those of the table. */
static gboolean
child_arrange (const FdTable *table)
{
  /* The second is where a child stops that has to go through all numbers. */
  struct rlimit limit = { (rlim_t) table->limit, (rlim_t) MAX (table->limit, FD_N_CALLER_FILES) };

  if (syscall (SYS_close_range, 0, FIRST_POOL_FD - 1, 0) < 0)
    return FALSE;

  for (int fd = 0; fd < FD_TABLE_SIZE; fd++)
    if (table->entries[fd].file != FD_CLOSED &&
        dup3 (pool[table->entries[fd].file], fd, table->entries[fd].cloexec ? O_CLOEXEC : 0) < 0)
      return FALSE;

  if (syscall (SYS_close_range, FIRST_POOL_FD, ~0u, 0) < 0)
    return FALSE;

  child_enter_sandbox (table->sandbox);
  return setrlimit (RLIMIT_NOFILE, &limit) == 0;
}

/* −1 for what is none of the model's files. */
static int
child_identify (int fd)
{
  struct stat status;
  int mode = fcntl (fd, F_GETFL);

  if (mode < 0 || fstat (fd, &status) < 0)
    return FD_CLOSED;

  for (int file = FD_FIRST_CALLER_FILE; file < N_POOL_FILES; file++)
    if (S_ISREG (status.st_mode) && status.st_ino == pool_inodes[file])
      return file;

  if (S_ISCHR (status.st_mode) && status.st_rdev == makedev (1, 3))
    return (mode & O_ACCMODE) == O_RDONLY ? FD_NULL_READ
                                          : (mode & O_ACCMODE) == O_WRONLY ? FD_NULL_WRITE : -1;
  return -1;
}

static void
child_inspect (FdTable *table)
{
  for (int fd = 0; fd < FD_TABLE_SIZE; fd++)
    {
      table->entries[fd].file = child_identify (fd);
      table->entries[fd].cloexec = (fcntl (fd, F_GETFD) & FD_CLOEXEC) != 0;
    }
}

/* Returns where the program could not be executed, which there is none of. */
static int
child_main (void *data)
{
  Exchange *self = data;

  self->ready = child_arrange (&self->table);
  if (!self->ready)
    return 0;

  _gspawn_child_run (&self->child);
  self->failure = self->child.failure;
  child_inspect (&self->table);
  self->table.report_fd = self->child.report_fd;
  self->done = TRUE;

  return 0;
}

/* All signals are blocked in the child until its handlers are cleared. */
static void
run_child (const GSpawnPlan *plan,
           FdTable          *table)
{
  SysSignalSet mask;
  int wait_status;
  pid_t pid;

  exchange->table = *table;
  exchange->ready = exchange->done = FALSE;
  _gspawn_child_init (&exchange->child, plan);
  exchange->child.report_fd = table->report_fd;

  sys_block_signals (&mask);
  exchange->child.signal_mask = mask;
  pid = clone (child_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, exchange);
  sys_set_signal_mask (&mask, NULL);
  if (pid < 0)
    g_error ("clone: %s", g_strerror (errno));
  if (waitpid (pid, &wait_status, 0) != pid || wait_status != 0)
    g_error ("The child ended with %x", (guint) wait_status);

  g_assert_true (exchange->ready);
  g_assert_true (exchange->done);
  _gspawn_child_clear (&exchange->child);
  *table = exchange->table;
}

static void
compare (const FdTable *expected,
         const FdTable *actual)
{
  for (int fd = 0; fd < FD_TABLE_SIZE; fd++)
    {
      const FdEntry *a = &actual->entries[fd], *b = &expected->entries[fd];

      if (a->file != b->file || (a->file != FD_CLOSED && a->cloexec != b->cloexec))
        g_error ("Descriptor %d is file %d%s; in the model it is %d%s", fd,
                 a->file, a->cloexec ? ", close-on-exec," : "",
                 b->file, b->cloexec ? ", close-on-exec" : "");
    }
  g_assert_cmpint (actual->report_fd, ==, expected->report_fd);
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         length)
{
  static const char *const argv[] = { "/dev/null/program", NULL };
  FuzzInput input = { bytes, length };
  GSpawnRequest request = { .argv = argv };
  g_autoptr (GSpawnPlan) plan = NULL;
  FdExpectation expectation;
  GSpawnFailure failure;
  FdTable table, model;
  FuzzFds fds;

  fuzz_init ();
  set_up ();
  fuzz_fds_init (&fds, &input);
  fuzz_fds_apply (&fds, &request);
  fd_table_init (&table, &input);
  request.working_directory = (request.flags & G_SPAWN_DO_NOT_REAP_CHILD) != 0 ? "/" : NULL;

  expectation = fd_contract_expect (&request, fds.pipe_fds, &table);
  plan = _gspawn_plan_new (&request, fds.pipe_fds);
  model = table;
  failure = fd_operations_run (plan, &model);
  /* A child that gets as far as that fails there. */
  if (failure.stage == GSPAWN_STAGE_NONE)
    failure = (GSpawnFailure) { .stage = GSPAWN_STAGE_EXEC, .error_number = ENOTDIR };

  run_child (plan, &table);
  g_assert_cmpint (exchange->failure.stage, ==, failure.stage);
  g_assert_cmpint (exchange->failure.error_number, ==, failure.error_number);
  compare (&model, &table);

  if (failure.stage == GSPAWN_STAGE_EXEC)
    failure = (GSpawnFailure) { .stage = GSPAWN_STAGE_NONE };
  fd_contract_check (&expectation, plan, &table, &failure);

  fuzz_fds_clear (&fds);
  return 0;
}
