/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The program that the tests start: it reports what it was given, or behaves as it was told.
 *
 * Its arguments are steps, each a word of the table below and that step's own arguments, done
 * from left to right; after the last it exits with 0. Without arguments the steps come from the
 * environment's PROBE_STEPS, separated by spaces, so that an empty argument vector can be tested
 * as well.
 *
 * It is linked statically and knows nothing of GLib, so nothing preloaded into its caller has a
 * say in what it sees. */

#include "probe-report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_TROUBLE 125
/* What comes after this word are arguments and no steps. */
#define REST "rest"

static char **saved_argv;

void
die (const char *what)
{
  int saved_errno = errno;

  dprintf (STDERR_FILENO, "probe: %s: %s\n", what, strerror (saved_errno));
  _exit (EXIT_TROUBLE);
}

static void
write_all (int         fd,
           const char *data,
           size_t      length)
{
  while (length > 0)
    {
      ssize_t n = write (fd, data, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        die ("write");
      data += n;
      length -= (size_t) n;
    }
}

static long
parse_number (const char *text)
{
  char *end;
  long value;

  errno = 0;
  value = strtol (text, &end, 10);
  if (errno == 0 && (end == text || *end != '\0'))
    errno = EINVAL;
  if (errno != 0)
    die (text);

  return value;
}

static void
do_nothing (char **arguments)
{
  (void) arguments;
}

static void
do_report (char **arguments)
{
  size_t length;
  char *text = probe_report_new (saved_argv, &length);
  int fd = open (arguments[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

  if (fd < 0)
    die (arguments[0]);
  write_all (fd, text, length);
  close (fd);
  free (text);
}

static void
do_report_fd (char **arguments)
{
  size_t length;
  char *text = probe_report_new (saved_argv, &length);

  write_all ((int) parse_number (arguments[0]), text, length);
  free (text);
}

static void
do_try_directory (char **arguments)
{
  probe_report_try_directory (arguments[0]);
}

/* The bytes cycle through the alphabet, so a lost or doubled block shows. */
static void
fill (int  fd,
      long n_bytes)
{
  char block[4096];
  long written = 0;

  while (written < n_bytes)
    {
      long n = n_bytes - written;

      if (n > (long) sizeof block)
        n = (long) sizeof block;
      for (long i = 0; i < n; i++)
        block[i] = (char) ('a' + (written + i) % 26);
      write_all (fd, block, (size_t) n);
      written += n;
    }
}

static void
do_out (char **arguments)
{
  fill (STDOUT_FILENO, parse_number (arguments[0]));
}

static void
do_err (char **arguments)
{
  fill (STDERR_FILENO, parse_number (arguments[0]));
}

static void
do_print (char **arguments)
{
  write_all ((int) parse_number (arguments[0]), arguments[1], strlen (arguments[1]));
}

static void
do_copy (char **arguments)
{
  char block[4096];
  int source = (int) parse_number (arguments[0]);
  int target = (int) parse_number (arguments[1]);
  ssize_t n;

  while ((n = read (source, block, sizeof block)) != 0)
    {
      if (n < 0 && errno != EINTR)
        die ("read");
      if (n > 0)
        write_all (target, block, (size_t) n);
    }
}

static void
do_close (char **arguments)
{
  if (close ((int) parse_number (arguments[0])) < 0)
    die ("close");
}

static void
read_to_end (int fd)
{
  char block[4096];
  ssize_t n;

  do
    n = read (fd, block, sizeof block);
  while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0)
    die ("read");
}

static void
do_wait_fd (char **arguments)
{
  read_to_end ((int) parse_number (arguments[0]));
}

static void
do_wait_fifo (char **arguments)
{
  int fd = open (arguments[0], O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    die (arguments[0]);
  read_to_end (fd);
  close (fd);
}

/* For as long as this process lives a reader of the fifo sees no end of file. */
static void
do_hold_fifo (char **arguments)
{
  if (open (arguments[0], O_WRONLY | O_CLOEXEC) < 0)
    die (arguments[0]);
}

static void
do_exit (char **arguments)
{
  _exit ((int) parse_number (arguments[0]));
}

static void
do_kill (char **arguments)
{
  struct rlimit no_core = { 0, 0 };

  setrlimit (RLIMIT_CORE, &no_core);
  if (kill (getpid (), (int) parse_number (arguments[0])) < 0)
    die ("kill");
}

/* The process that was started exits; the remaining steps are its child's. */
static void
do_background (char **arguments)
{
  pid_t pid = fork ();

  (void) arguments;
  if (pid < 0)
    die ("fork");
  if (pid > 0)
    _exit (0);
}

static const struct {
  const char *name;
  int n_arguments;
  void (*run) (char **arguments);
} steps[] = {
  { "nothing", 0, do_nothing },
  { "report", 1, do_report },           /* PATH: append a report to it */
  { "report-fd", 1, do_report_fd },     /* FD: write a report to it */
  { "try-directory", 1, do_try_directory }, /* PATH: what comes of making it goes into reports */
  { "out", 1, do_out },                 /* N: write N bytes to standard output */
  { "err", 1, do_err },                 /* N: write N bytes to standard error */
  { "print", 2, do_print },             /* FD TEXT */
  { "copy", 2, do_copy },               /* SOURCE-FD TARGET-FD: until the end of the source */
  { "close", 1, do_close },             /* FD */
  { "wait-fd", 1, do_wait_fd },         /* FD: read it to its end */
  { "wait-fifo", 1, do_wait_fifo },     /* PATH: open it and read it to its end */
  { "hold-fifo", 1, do_hold_fifo },     /* PATH: open it for writing and keep it */
  { "exit", 1, do_exit },               /* CODE */
  { "kill", 1, do_kill },               /* SIGNAL: send it to oneself */
  { "background", 0, do_background },   /* go on in a child, exit in the parent */
};

static void
run_steps (int    n_words,
           char **words)
{
  int i = 0;

  while (i < n_words && strcmp (words[i], REST) != 0)
    {
      size_t s = 0;

      while (s < sizeof steps / sizeof steps[0] && strcmp (steps[s].name, words[i]) != 0)
        s++;
      errno = EINVAL;
      if (s == sizeof steps / sizeof steps[0] || n_words - i - 1 < steps[s].n_arguments)
        die (words[i]);
      steps[s].run (words + i + 1);
      i += 1 + steps[s].n_arguments;
    }
}

static void
run_steps_from_environment (void)
{
  char *words[64];
  int n_words = 0;
  char *text = getenv ("PROBE_STEPS");

  if (text == NULL)
    return;

  text = strdup (text);
  if (text == NULL)
    die ("strdup");
  for (char *word = strtok (text, " "); word != NULL && n_words < 64; word = strtok (NULL, " "))
    words[n_words++] = word;
  run_steps (n_words, words);
}

int
main (int    argc,
      char **argv)
{
  saved_argv = argv;

  if (argc > 1)
    run_steps (argc - 1, argv + 1);
  else
    run_steps_from_environment ();

  return 0;
}
