/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Reads what the probe reports: the way from it to the test, and the words in it.
 *
 * A report comes through a fifo, which the probe opens by its name. So it reaches the test
 * whatever descriptors the child was left with, and its end can be waited for even where the
 * child is not the test's to wait for. */

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "case.h"

#define DEADLINE_MS 15000

struct _ReportSink {
  char *path;
  int fd;
};

/*
 * probe_get_path: (skip)
 *
 * Returns: the absolute path of the probe
 */
const char *
probe_get_path (void)
{
  static char *path;
  static gsize initialized;

  if (g_once_init_enter (&initialized))
    {
      path = g_test_build_filename (G_TEST_BUILT, "probe", NULL);
      g_once_init_leave (&initialized, 1);
    }

  return path;
}

static int
move_up (int fd)
{
  int moved = fcntl (fd, F_DUPFD_CLOEXEC, CASE_FIRST_OWN_FD);

  if (fd < 0 || moved < 0)
    g_error ("No descriptor for the test itself: %s", g_strerror (errno));
  close (fd);

  return moved;
}

static void
open_fifo (ReportSink *sink)
{
  sink->fd = move_up (open (sink->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

/*
 * report_sink_new: (skip)
 *
 * Makes a fifo in the current directory.
 *
 * Returns: (transfer full): the sink
 */
ReportSink *
report_sink_new (void)
{
  static int n_sinks = 0;
  ReportSink *sink = g_new0 (ReportSink, 1);
  g_autofree char *directory = g_get_current_dir ();

  sink->path = g_strdup_printf ("%s/report-%d", directory, g_atomic_int_add (&n_sinks, 1));
  if (mkfifo (sink->path, 0600) < 0)
    g_error ("%s: %s", sink->path, g_strerror (errno));
  open_fifo (sink);

  return sink;
}

const char *
report_sink_get_path (ReportSink *sink)
{
  return sink->path;
}

static gboolean
drain (int      fd,
       GString *text)
{
  char block[4096];
  ssize_t n;

  while ((n = read (fd, block, sizeof block)) > 0)
    g_string_append_len (text, block, n);

  return n == 0;
}

/* What is left in the fifo when its writer has gone is all there will be. */
static void
read_text (ReportSink *sink,
           int         pidfd,
           GString    *text)
{
  struct pollfd fds[] = {
    { .fd = sink->fd, .events = POLLIN },
    { .fd = pidfd, .events = POLLIN },
  };
  gint64 deadline = g_get_monotonic_time () + DEADLINE_MS * G_TIME_SPAN_MILLISECOND;

  while (g_get_monotonic_time () < deadline)
    {
      int n = poll (fds, G_N_ELEMENTS (fds), DEADLINE_MS);

      if (n < 0 && errno != EINTR)
        g_error ("poll: %s", g_strerror (errno));
      if (n > 0 && fds[0].revents != 0 && drain (sink->fd, text))
        return;
      if (n > 0 && fds[0].revents == 0 && fds[1].revents != 0)
        return;
    }
}

/*
 * report_sink_read: (skip)
 * @sink: a sink
 * @writer: the child that reports if it is the caller's, or 0
 *
 * Waits for one report. The sink can then be used for another.
 *
 * Returns: (transfer full) (nullable): the report; if none came the test has failed
 */
GKeyFile *
report_sink_read (ReportSink *sink,
                  pid_t       writer)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GKeyFile) report = g_key_file_new ();
  int pidfd = -1;

  if (writer > 0)
    pidfd = move_up ((int) syscall (SYS_pidfd_open, writer, 0));
  read_text (sink, pidfd, text);
  if (pidfd >= 0)
    close (pidfd);

  /* Until it is opened anew, poll() would see that a writer has been there. */
  close (sink->fd);
  open_fifo (sink);

  if (!g_key_file_load_from_data (report, text->str, text->len, G_KEY_FILE_NONE, NULL) ||
      !g_key_file_has_group (report, "descriptors"))
    {
      g_test_message ("The child did not report; what came is: \"%s\"", text->str);
      g_test_fail ();
      return NULL;
    }

  return g_steal_pointer (&report);
}

void
report_sink_free (ReportSink *sink)
{
  close (sink->fd);
  unlink (sink->path);
  g_free (sink->path);
  g_free (sink);
}

/*
 * report_get_int: (skip)
 * @report: (nullable): a report; it may be missing, so that a test goes on to its end
 *
 * Returns: the number, or %G_MININT64 if there is none
 */
gint64
report_get_int (GKeyFile   *report,
                const char *group,
                const char *key)
{
  g_autoptr (GError) error = NULL;
  gint64 value;

  if (report == NULL)
    return G_MININT64;
  value = g_key_file_get_int64 (report, group, key, &error);

  return error == NULL ? value : G_MININT64;
}

/*
 * report_get_signals: (skip)
 * @report: (nullable): a report
 * @key: a key of the group of signals
 *
 * Returns: the set; signal n is bit n - 1
 */
guint64
report_get_signals (GKeyFile   *report,
                    const char *key)
{
  g_autofree char *text = report_get_text (report, "signals", key);

  return text != NULL ? g_ascii_strtoull (text, NULL, 16) : G_MAXUINT64;
}

char *
report_get_text (GKeyFile   *report,
                 const char *group,
                 const char *key)
{
  g_autofree char *encoded = NULL;

  if (report == NULL)
    return NULL;
  encoded = g_key_file_get_value (report, group, key, NULL);

  return encoded != NULL ? g_uri_unescape_string (encoded, NULL) : NULL;
}

/*
 * report_get_texts: (skip)
 * @report: (nullable): a report
 * @group: a group that lists numbered texts
 *
 * Returns: (transfer full): the texts in their order
 */
GStrv
report_get_texts (GKeyFile   *report,
                  const char *group)
{
  gint64 count = report_get_int (report, group, "count");
  GStrv texts = g_new0 (char *, (gsize) MAX (count, 0) + 1);

  for (gint64 i = 0; i < count; i++)
    {
      g_autofree char *key = g_strdup_printf ("%" G_GINT64_FORMAT, i);

      texts[i] = report_get_text (report, group, key);
    }

  return texts;
}

/*
 * report_get_open: (skip)
 * @report: (nullable): a report
 *
 * Returns: (transfer full): the child's open descriptors, as "0;1;2"
 */
char *
report_get_open (GKeyFile *report)
{
  char *open_fds = report_get_text (report, "descriptors", "open");

  return open_fds != NULL ? open_fds : g_strdup ("no report");
}

static char *
describe (gboolean    is_character,
          guint64     rdev,
          guint64     device,
          guint64     inode,
          const char *access)
{
  if (is_character && rdev == makedev (1, 3))
    return g_strdup_printf ("null %s", access);

  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT " %s",
                          device, inode, access);
}

/*
 * report_describe: (skip)
 * @report: (nullable): a report
 * @fd: a descriptor of the child
 *
 * Returns: (transfer full): "closed", or what is open there and how, in the words of
 *   descriptor_describe()
 */
char *
report_describe (GKeyFile *report,
                 int       fd)
{
  g_autofree char *group = g_strdup_printf ("descriptor %d", fd);
  g_autofree char *type = report_get_text (report, group, "type");
  g_autofree char *access = report_get_text (report, group, "access");

  if (report == NULL)
    return g_strdup ("no report");
  if (type == NULL)
    return g_strdup ("closed");

  return describe (g_str_equal (type, "character"),
                   (guint64) report_get_int (report, group, "rdev"),
                   (guint64) report_get_int (report, group, "device"),
                   (guint64) report_get_int (report, group, "inode"), access);
}

/*
 * descriptor_describe: (skip)
 * @fd: a descriptor of this process
 *
 * Returns: (transfer full): as report_describe()
 */
char *
descriptor_describe (int fd)
{
  static const char *const access_names[] = { "read", "write", "both", "both" };
  struct stat st;
  int status = fcntl (fd, F_GETFL);

  if (status < 0 || fstat (fd, &st) < 0)
    return g_strdup ("closed");

  return describe (S_ISCHR (st.st_mode), st.st_rdev, st.st_dev, st.st_ino,
                   access_names[status & O_ACCMODE]);
}
