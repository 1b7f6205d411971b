/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Makes a process one that fork() cannot copy, and looks at what is left of its children. Part of
 * the C driver, and a library for the drivers in other languages. Must not start a process other
 * than by plain fork(), and must not touch the memory that it maps: the machine is shared. */

#include "memory-pressure.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#define PAGE_TABLES_SIZE (G_GUINT64_CONSTANT (128) << 20)
#define N_STEPS 8
#define PATIENCE (10 * G_USEC_PER_SEC)

static int n_descriptors;

static void
set_errno_error (GError     **error,
                 const char  *what)
{
  int saved_errno = errno;

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (saved_errno),
               "%s: %s", what, g_strerror (saved_errno));
}

/* Twice the machine's memory and swap in one writable mapping, which the kernel accounts for as
 * a whole when it copies it, though every step was small enough to be granted. */
static gboolean
map_twice_the_memory (GError **error)
{
  struct sysinfo machine;
  gsize page = sysconf (_SC_PAGESIZE);
  gsize step;
  char *start;

  if (sysinfo (&machine) < 0)
    {
      set_errno_error (error, "sysinfo");
      return FALSE;
    }

  step = ((gsize) machine.totalram + machine.totalswap) * machine.mem_unit / (N_STEPS / 2);
  step = (step + page) / page * page;
  start = mmap (NULL, N_STEPS * step, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED)
    {
      set_errno_error (error, "mmap");
      return FALSE;
    }

  for (gsize i = 0; i < N_STEPS; i++)
    {
      if (mprotect (start + i * step, step, PROT_READ | PROT_WRITE) < 0)
        {
          set_errno_error (error, "mprotect");
          return FALSE;
        }
    }

  return TRUE;
}

/* One read in the range of each page table makes the kernel set the table up, with an entry for
 * its page of zeros. It copies such tables in fork() once anything in the mapping was written. */
static gboolean
fill_page_tables (GError **error)
{
  gsize page = sysconf (_SC_PAGESIZE);
  gsize range = page / sizeof (gpointer) * page;
  gsize n_tables = PAGE_TABLES_SIZE / page;
  volatile char *start;
  int sum = 0;

  start = mmap (NULL, n_tables * range, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED)
    {
      set_errno_error (error, "mmap");
      return FALSE;
    }

  /* A huge page would need no table. Kernels without huge pages know no such advice. */
  if (madvise ((void *) start, n_tables * range, MADV_NOHUGEPAGE) < 0 && errno != EINVAL)
    {
      set_errno_error (error, "madvise");
      return FALSE;
    }

  *start = 1;
  for (gsize i = 0; i < n_tables; i++)
    sum += start[i * range];

  return sum == 1;
}

static int
count_descriptors (void)
{
  DIR *directory = opendir ("/proc/self/fd");
  struct dirent *entry;
  int n = 0;

  if (directory == NULL)
    g_error ("/proc/self/fd: %s", g_strerror (errno));
  while ((entry = readdir (directory)) != NULL)
    {
      if (entry->d_name[0] != '.')
        n++;
    }
  closedir (directory);

  return n;
}

/* What GLib opens with the first child and keeps is no leak. A source for a signal brings the
 * same thread about as one for a child does. */
static void
note_descriptors (void)
{
  g_source_unref (g_unix_signal_source_new (SIGHUP));
  g_main_context_default ();
  n_descriptors = count_descriptors ();
}

/* Tells who watches over us how far we are, and waits for the word to go on. */
static gboolean
announce (const char  *state,
          GError     **error)
{
  char answer;

  if (printf ("%s\n", state) < 0 || fflush (stdout) != 0 || read (STDIN_FILENO, &answer, 1) != 1)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_PIPE, "nobody is listening");
      return FALSE;
    }

  return TRUE;
}

/**
 * memory_pressure_enter:
 * @kind: "mapping" for one mapping bigger than the machine's memory, none of it touched;
 *     "page-tables" for page tables of 128 MiB over next to no memory
 * @error: return location for an error
 *
 * Makes this process expensive to copy. Writes "ready" to the standard output before and "tight"
 * after that, and waits for a byte on the standard input each time, so that limits can be set.
 *
 * Returns: %TRUE on success
 */
gboolean
memory_pressure_enter (const char  *kind,
                       GError     **error)
{
  gboolean ok;

  if (!announce ("ready", error))
    return FALSE;

  if (g_str_equal (kind, "mapping"))
    {
      ok = map_twice_the_memory (error);
    }
  else if (g_str_equal (kind, "page-tables"))
    {
      ok = fill_page_tables (error);
    }
  else
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "no such kind of pressure: %s", kind);
      ok = FALSE;
    }

  if (!ok || !announce ("tight", error))
    return FALSE;

  note_descriptors ();
  return TRUE;
}

/**
 * memory_pressure_try_fork:
 *
 * Calls fork() and ends the child at once.
 *
 * Returns: 0 if there was a child, else the `errno`
 */
int
memory_pressure_try_fork (void)
{
  pid_t pid = fork ();

  if (pid < 0)
    return errno;
  if (pid == 0)
    _exit (0);
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    ;

  return 0;
}

/**
 * memory_pressure_count_leaks:
 *
 * Counts the descriptors that were opened since memory_pressure_enter() and not closed again. A
 * #GSubprocess belongs for a while to a thread of GIO that says nothing when it lets go of it, so
 * this gives the descriptors some time to go away.
 *
 * Returns: how many more there are
 */
int
memory_pressure_count_leaks (void)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE;
  int n_leaked;

  do
    {
      g_thread_yield ();
      n_leaked = count_descriptors () - n_descriptors;
    }
  while (n_leaked != 0 && g_get_monotonic_time () < deadline);

  return n_leaked;
}

/**
 * memory_pressure_has_children:
 *
 * Looks for children of this process, zombies and those without an exit signal included.
 *
 * Returns: %TRUE if there is one
 */
gboolean
memory_pressure_has_children (void)
{
  siginfo_t info;

  return waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}
