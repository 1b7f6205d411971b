/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* The machine's overcommit settings: who may rely on them or change them, a spell of strict
 * accounting, and the way back. Must never leave the machine with other settings than it found,
 * so everything is written back by a custodian, in the ordinary case as well. */

#include "overcommit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "custodian.h"
#include "kernel-file.h"

#define MODE_FILE   "/proc/sys/vm/overcommit_memory"
#define RATIO_FILE  "/proc/sys/vm/overcommit_ratio"
#define KBYTES_FILE "/proc/sys/vm/overcommit_kbytes"

struct _StrictAccounting {
  OvercommitSettings before;
  Custodian *custodian;
  int lock;
};

/* Waits for the right to rely on the settings, or, if @exclusive, to change them. Two runs of the
 * tests at once would otherwise each take the other's settings for the machine's. Closing the
 * returned descriptor gives the right up. */
int
overcommit_lock (gboolean exclusive)
{
  int fd = open (KBYTES_FILE, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    g_error (KBYTES_FILE ": %s", g_strerror (errno));
  while (flock (fd, exclusive ? LOCK_EX : LOCK_SH) < 0)
    {
      if (errno != EINTR)
        g_error (KBYTES_FILE ": cannot lock: %s", g_strerror (errno));
    }

  return fd;
}

gboolean
overcommit_read (OvercommitSettings  *settings,
                 GError             **error)
{
  return kernel_file_read_number (MODE_FILE, &settings->mode, error) &&
         kernel_file_read_number (RATIO_FILE, &settings->ratio, error) &&
         kernel_file_read_number (KBYTES_FILE, &settings->kbytes, error);
}

static gboolean
restore (gpointer data)
{
  const OvercommitSettings *before = data;
  gboolean ok;

  /* The mode goes first: until then others are held to the limit. Writing either form of the
   * limit sets the other one to 0. */
  ok = kernel_file_write_number (MODE_FILE, before->mode, NULL);
  if (before->kbytes != 0)
    ok &= kernel_file_write_number (KBYTES_FILE, before->kbytes, NULL);
  else
    ok &= kernel_file_write_number (RATIO_FILE, before->ratio, NULL);

  return ok;
}

/* Begins strict accounting with a limit of what is committed now and @room bytes. */
StrictAccounting *
strict_accounting_begin (gint64    room,
                         GError  **error)
{
  StrictAccounting *strict = g_new0 (StrictAccounting, 1);
  gint64 committed_kb;

  strict->lock = overcommit_lock (TRUE);
  if (!overcommit_read (&strict->before, error) ||
      !kernel_file_read_field ("/proc/meminfo", "Committed_AS", &committed_kb, error))
    {
      close (strict->lock);
      g_free (strict);
      return NULL;
    }

  strict->custodian = custodian_new (restore, &strict->before, strict->lock, error);
  if (strict->custodian == NULL)
    {
      close (strict->lock);
      g_free (strict);
      return NULL;
    }

  if (!kernel_file_write_number (KBYTES_FILE, committed_kb + room / 1024, error) ||
      !kernel_file_write_number (MODE_FILE, OVERCOMMIT_STRICT, error))
    {
      strict_accounting_end (strict);
      return NULL;
    }

  return strict;
}

/* Returns whether the machine has the settings that it had before. */
gboolean
strict_accounting_end (StrictAccounting *strict)
{
  OvercommitSettings now;
  gboolean ok;

  ok = custodian_dismiss (strict->custodian) && overcommit_read (&now, NULL) &&
       now.mode == strict->before.mode && now.ratio == strict->before.ratio &&
       now.kbytes == strict->before.kbytes;
  close (strict->lock);
  g_free (strict);

  return ok;
}
