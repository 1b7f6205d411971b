/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The child's side without GLib: what an entry gives to a child, and what becomes of a plan that is
 * run behind it.
 *
 * It is linked statically and calls nothing of GLib's, so that it runs wherever there is a compiler
 * for a processor or another libc, natively or emulated. An emulator that copies the memory that a
 * child should share changes nothing here: what a child has to say is in a mapping that is shared
 * anyhow. */

#include "config.h"

#include "gspawn-clone-private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define STACK_SIZE (64 * 1024)
#define TARGET_FD 5

typedef struct {
  GSpawnChild child;
  int slots[1];
  const char *shell_argv[4];
  char text[4 + GSPAWN_PID_SIZE];
  int word;
  uintptr_t frame;
  uintptr_t thread;
} Shared;

typedef enum {
  BY_CLONE,
  BY_CLONE3,
} Way;

static Shared *shared;
static char *stack;
static int private_word;
static int n_complaints;

static void
check (int         holds,
       const char *what)
{
  if (holds)
    return;

  printf ("# not so: %s\n", what);
  n_complaints++;
}

/* The register that thread-local variables are found by. */
static uintptr_t
get_thread_pointer (void)
{
  return (uintptr_t) __builtin_thread_pointer ();
}

/* Returns the wait status, or −errno if there was no child. */
static int
enter (Way    way,
       int (*function) (void *data),
       void  *data)
{
  GSpawnCloneCall call = {
    .function = function,
    .data = data,
    .clone_args = { .flags = CLONE_VM | CLONE_VFORK,
                    .exit_signal = SIGCHLD,
                    .stack = (uintptr_t) stack,
                    .stack_size = STACK_SIZE },
  };
  struct clone_args *args = &call.clone_args;
  int status;
  long pid;

  if (way == BY_CLONE3)
    {
      call.number = SYS_clone3;
      call.arguments[0] = (unsigned long) args;
      call.arguments[1] = sizeof *args;
    }
  else
    {
      call.number = SYS_clone;
      call.arguments[0] = args->flags | args->exit_signal;
      call.arguments[1] = args->stack + args->stack_size;
    }

  pid = _gspawn_clone_enter (&call);
  if (pid < 0)
    return (int) pid;
  /* An entry may leave the exit signal out. */
  if (waitpid ((pid_t) pid, &status, __WALL) != pid)
    return -ECHILD;

  return status;
}

static int
child_look_around (void *data)
{
  Shared *seen = data;

  seen->word++;
  seen->frame = (uintptr_t) __builtin_frame_address (0);
  seen->thread = get_thread_pointer ();
  private_word = 1;

  return 42;
}

static int
child_wants_alignment (void *data)
{
  _Alignas (16) volatile char frame[16] = { 0 };
  uintptr_t address = (uintptr_t) frame;

  (void) data;
  /* The compiler takes it for granted, and must not know what is asked. */
  __asm__ volatile ("" : "+r" (address));

  return address % 16 == 0 ? frame[0] : 1;
}

/* What the caller has in registers across the call must be there afterwards. */
static void
test_entry (Way way)
{
  volatile int origin = 1;
  int a = origin + 1, b = origin + 2, c = origin + 3, d = origin + 4, e = origin + 5;
  int f = origin + 6, g = origin + 7, h = origin + 8, i = origin + 9, j = origin + 10;
  int status = enter (way, child_look_around, shared);

  check (a == 2 && b == 3 && c == 4 && d == 5 && e == 6 && f == 7 && g == 8 && h == 9 && i == 10 &&
         j == 11, "the caller keeps its registers");
  check (WIFEXITED (status) && WEXITSTATUS (status) == 42, "the result is the exit status");
  check (shared->word == 1, "the function runs once");
  check (shared->frame > (uintptr_t) stack && shared->frame <= (uintptr_t) stack + STACK_SIZE,
         "it runs on its own stack");
  check (shared->thread == get_thread_pointer (), "it has the caller's thread pointer");
  printf ("# the child has %s of the caller's memory\n",
          private_word == 1 ? "all" : "a copy");

  check (enter (way, child_wants_alignment, NULL) == 0, "the stack is aligned");
}

static void
init_child (const GSpawnPlan *plan)
{
  memset (shared, 0, sizeof *shared);
  shared->child.plan = plan;
  shared->child.envp = plan->envp;
  shared->child.report_fd = -1;
  shared->child.caller_fd = -1;
  shared->child.slots = shared->slots;
  shared->child.shell_argv = shared->shell_argv;
}

static size_t
read_all (int     fd,
          char   *text,
          size_t  size)
{
  size_t length = 0;
  ssize_t n;

  while (length + 1 < size && (n = read (fd, text + length, size - 1 - length)) > 0)
    length += (size_t) n;
  text[length] = '\0';

  return length;
}

/* Every kind of operation, a search, and a program that says what it finds. */
static void
test_program (Way way)
{
  static const char *const candidates[] = { "/missing/sh", "/bin/sh", NULL };
  const char *const argv[] = {
    "sh", "-c",
    "pwd >&5; read -r line || echo \"no input\" >&5; (echo leak >&9) 2>/dev/null; "
    "echo \"$WORD\" >&5; exit 7",
    NULL
  };
  const char *const envp[] = { "WORD=given", NULL };
  int ends[2] = { -1, -1 };
  char text[128];
  int status;

  check (pipe2 (ends, O_CLOEXEC) == 0, "there is a pipe");
  check (dup2 (ends[1], 9) == 9, "there is a descriptor to be closed");
  {
    const GSpawnOp ops[] = {
      { .kind = GSPAWN_OP_CHDIR, .path = "/" },
      { .kind = GSPAWN_OP_OPEN_NULL, .target = STDIN_FILENO, .flags = O_RDONLY },
      { .kind = GSPAWN_OP_CLOEXEC_REST, .target = 3 },
      { .kind = GSPAWN_OP_SAVE, .source = ends[1], .minimum = 10, .slot = 0 },
      { .kind = GSPAWN_OP_DUP_SAVED, .slot = 0, .target = TARGET_FD },
    };
    const GSpawnPlan plan = {
      .ops = ops, .n_ops = G_N_ELEMENTS (ops), .n_slots = 1, .first_free_fd = 10,
      .candidates = candidates, .argv = argv, .argc = 3, .envp = envp,
    };

    init_child (&plan);
    status = enter (way, _gspawn_clone_child_main, &shared->child);
  }
  close (9);
  close (ends[1]);
  read_all (ends[0], text, sizeof text);
  close (ends[0]);

  check (WIFEXITED (status) && WEXITSTATUS (status) == 7, "the program runs to its end");
  check (strcmp (text, "/\nno input\ngiven\n") == 0, "it finds what the plan gives it");
  if (n_complaints > 0)
    printf ("# it said: %s\n", text);
}

static void
check_failure (Way             way,
               const GSpawnOp *op,
               GSpawnStage     stage)
{
  static const char *const candidates[] = { "/missing/program", NULL };
  const char *const argv[] = { "program", NULL };
  const GSpawnPlan plan = {
    .ops = op, .n_ops = op != NULL ? 1 : 0, .n_slots = 1, .first_free_fd = 3,
    .candidates = candidates, .argv = argv, .argc = 1, .envp = argv + 1,
  };
  int status;

  init_child (&plan);
  status = enter (way, _gspawn_clone_child_main, &shared->child);
  check (WIFEXITED (status) && WEXITSTATUS (status) == 127, "the child says that it failed");
  check (shared->child.failure.stage == stage, "the stage is right");
  check (shared->child.failure.error_number == ENOENT, "the error number is right");
}

static void
test_failures (Way way)
{
  const GSpawnOp op = { .kind = GSPAWN_OP_CHDIR, .path = "/missing/directory" };

  check_failure (way, NULL, GSPAWN_STAGE_EXEC);
  check_failure (way, &op, GSPAWN_STAGE_CHDIR);
}

/* Attributes that need no rights. */
static void
init_attributes (GSpawnAttributes *attributes)
{
  memset (attributes, 0, sizeof *attributes);
  attributes->umask = 0123;
  attributes->limits_set = 1u << RLIMIT_CORE;
  attributes->set = 1u << GSPAWN_ATTRIBUTE_NEW_SESSION | 1u << GSPAWN_ATTRIBUTE_UMASK |
                    1u << GSPAWN_ATTRIBUTE_LIMITS | 1u << GSPAWN_ATTRIBUTE_PID_VARIABLE;
}

/* The shell knows its pid, and the others by its own commands. */
static void
test_attributes (Way way)
{
  static const char *const candidates[] = { "/bin/sh", NULL };
  const char *const argv[] = {
    "sh", "-c",
    "umask; ulimit -c; test \"$PID\" = $$ && echo \"its pid\"; read -r _ _ _ _ _ session _ "
    "</proc/$$/stat; test \"$session\" = $$ && echo \"its session\"",
    NULL
  };
  const char *envp[] = { shared->text, NULL };
  GSpawnAttributes attributes;
  int ends[2] = { -1, -1 };
  char text[128];
  int status;

  check (pipe2 (ends, O_CLOEXEC) == 0, "there is a pipe");
  init_attributes (&attributes);
  {
    const GSpawnOp ops[] = {
      { .kind = GSPAWN_OP_DUP, .source = ends[1], .target = STDOUT_FILENO },
    };
    const GSpawnPlan plan = {
      .ops = ops, .n_ops = G_N_ELEMENTS (ops), .n_slots = 0, .first_free_fd = 10,
      .candidates = candidates, .argv = argv, .argc = 3, .envp = envp,
      .attributes = &attributes, .attribute_set = attributes.set, .held_slots = { -1, -1, -1 },
    };

    init_child (&plan);
    strcpy (shared->text, "PID=");
    shared->child.attributes = (GSpawnChildAttributes) {
      .attributes = &attributes, .set = attributes.set, .pid_text = shared->text + 4,
      .signal_mask = &shared->child.signal_mask,
    };
    status = enter (way, _gspawn_clone_child_main, &shared->child);
  }
  close (ends[1]);
  read_all (ends[0], text, sizeof text);
  close (ends[0]);

  check (WIFEXITED (status) && WEXITSTATUS (status) == 0, "the program runs to its end");
  check (strcmp (text, "0123\n0\nits pid\nits session\n") == 0, "it is what the attributes say");
  if (n_complaints > 0)
    printf ("# it said: %s\n", text);
}

/* A group that cannot be joined: said by its name, or done without. */
static void
test_attribute_failure (Way way)
{
  static const char *const candidates[] = { "/missing/program", NULL };
  const char *const argv[] = { "program", NULL };
  GSpawnAttributes attributes = { .process_group = INT_MAX,
                                  .set = 1u << GSPAWN_ATTRIBUTE_PROCESS_GROUP };
  const GSpawnPlan plan = {
    .first_free_fd = 3, .candidates = candidates, .argv = argv, .argc = 1, .envp = argv + 1,
    .attributes = &attributes, .attribute_set = attributes.set, .held_slots = { -1, -1, -1 },
  };

  for (int optional = 0; optional <= 1; optional++)
    {
      attributes.optional = optional ? attributes.set : 0;
      init_child (&plan);
      shared->child.attributes = (GSpawnChildAttributes) {
        .attributes = &attributes, .set = attributes.set,
        .signal_mask = &shared->child.signal_mask,
      };
      enter (way, _gspawn_clone_child_main, &shared->child);
      check (shared->child.failure.stage == (optional ? GSPAWN_STAGE_EXEC
                                                      : GSPAWN_STAGE_ATTRIBUTE),
             "the stage is right");
      check (shared->child.failure.error_number == (optional ? ENOENT : EPERM),
             "the error number is right");
      check (optional || shared->child.failure.attribute == GSPAWN_ATTRIBUTE_PROCESS_GROUP,
             "the attribute is right");
    }
}

static const struct {
  const char *name;
  void (*run) (Way way);
} tests[] = {
  { "entry", test_entry },
  { "program", test_program },
  { "failures", test_failures },
  { "attributes", test_attributes },
  { "attribute-failure", test_attribute_failure },
};

static const struct {
  const char *name;
  Way way;
} ways[] = {
  { "clone", BY_CLONE },
  { "clone3", BY_CLONE3 },
};

/* libc has no clone3(), nor has every emulator. */
static const char *
why_not (Way way)
{
  if (way == BY_CLONE)
    return NULL;
  if (GSPAWN_CLONE_ENTRY_IS_LIBC)
    return "libc enters by clone() only";

  return syscall (SYS_clone3, NULL, 0) < 0 && errno == ENOSYS ? "clone3() is not there" : NULL;
}

static int
run (void)
{
  int number = 0, n_failed = 0;

  for (size_t w = 0; w < G_N_ELEMENTS (ways); w++)
    for (size_t t = 0; t < G_N_ELEMENTS (tests); t++)
      {
        const char *reason = why_not (ways[w].way);

        n_complaints = 0;
        memset (shared, 0, sizeof *shared);
        if (reason == NULL)
          tests[t].run (ways[w].way);
        n_failed += n_complaints > 0;
        printf ("%sok %d /child-alone/%s/%s%s%s\n", n_complaints > 0 ? "not " : "", ++number,
                ways[w].name, tests[t].name, reason != NULL ? " # SKIP " : "",
                reason != NULL ? reason : "");
        fflush (stdout);
      }

  return n_failed > 0;
}

int
main (void)
{
  shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  stack = mmap (NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || stack == MAP_FAILED)
    return 2;

  printf ("1..%zu\n", G_N_ELEMENTS (ways) * G_N_ELEMENTS (tests));
  fflush (stdout);

  return run ();
}
