/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/*
 * The runner's end of a worker: starts it in its surroundings, sends commands, reads samples.
 */
#include "bench-client.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

struct _BenchClient
{
  GPid       pid;
  int        command_fd;
  int        reply_fd;
  BenchHost  host;
  BenchHello hello;
};

/* Everything up to the end of length, or an error: a worker that ends early has said why. */
static gboolean
transfer (BenchClient  *client,
          gssize      (*operation) (int fd, void *data, gsize length),
          int           fd,
          void         *data,
          gsize         length,
          GError      **error)
{
  char *position = data;
  gssize moved;

  while (length > 0)
    {
      moved = operation (fd, position, length);
      if (moved < 0 && errno == EINTR)
        continue;
      if (moved <= 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE,
                       "The worker %d ended before its time", client->pid);
          return FALSE;
        }
      position += moved;
      length -= (gsize) moved;
    }

  return TRUE;
}

static gssize
read_some (int    fd,
           void  *data,
           gsize  length)
{
  return read (fd, data, length);
}

static gssize
write_some (int    fd,
            void  *data,
            gsize  length)
{
  return write (fd, data, length);
}

static char **
make_environment (BenchHost   host,
                  const char *dropin,
                  const char *trace)
{
  const char *engine = bench_host_get_engine (host);
  char **environment = g_get_environ ();

  environment = g_environ_unsetenv (environment, "LD_PRELOAD");
  environment = g_environ_unsetenv (environment, "GSPAWN_ENGINE");
  environment = g_environ_unsetenv (environment, "GSPAWN_TRACE");

  if (engine != NULL)
    {
      environment = g_environ_setenv (environment, "LD_PRELOAD", dropin, TRUE);
      environment = g_environ_setenv (environment, "GSPAWN_ENGINE", engine, TRUE);
    }
  if (trace != NULL)
    environment = g_environ_setenv (environment, "GSPAWN_TRACE", trace, TRUE);

  return environment;
}

static char **
make_arguments (const char         *program,
                BenchHost           host,
                const BenchSetting *setting)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new ();

  g_ptr_array_add (argv, g_strdup (program));
  g_ptr_array_add (argv, g_strdup_printf ("--worker=%u,%u,%u,%u,%u,%u,%d,%d",
                                          setting->resident_mib, (guint) setting->pages,
                                          setting->descriptors, setting->directories,
                                          setting->variables, setting->busy,
                                          host == BENCH_HOST_UNPRIVILEGED, setting->cpu));
  g_ptr_array_add (argv, g_strdup_printf ("--child=%s", setting->child));
  g_ptr_array_add (argv, NULL);

  return (char **) g_ptr_array_steal (argv, NULL);
}

BenchClient *
bench_client_new (const char          *program,
                  BenchHost            host,
                  const BenchSetting  *setting,
                  const char          *dropin,
                  const char          *trace,
                  GError             **error)
{
  g_autoptr(BenchClient) client = g_new0 (BenchClient, 1);
  g_auto(GStrv) argv = make_arguments (program, host, setting);
  g_auto(GStrv) envp = make_environment (host, dropin, trace);

  client->host = host;
  client->command_fd = -1;
  client->reply_fd = -1;

  if (!g_spawn_async_with_pipes (NULL, argv, envp,
                                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL, NULL,
                                 &client->pid, &client->command_fd, &client->reply_fd, NULL,
                                 error))
    return NULL;

  if (!transfer (client, read_some, client->reply_fd, &client->hello, sizeof client->hello, error))
    return NULL;

  return g_steal_pointer (&client);
}

void
bench_client_free (BenchClient *client)
{
  if (client->command_fd >= 0)
    close (client->command_fd);
  if (client->reply_fd >= 0)
    close (client->reply_fd);

  /* It ends at the end of its input. */
  if (client->pid > 0)
    while (waitpid (client->pid, NULL, 0) < 0 && errno == EINTR)
      continue;

  g_free (client);
}

const BenchHello *
bench_client_get_hello (BenchClient *client)
{
  return &client->hello;
}

gboolean
bench_client_run (BenchClient         *client,
                  const BenchCommand  *command,
                  GArray              *samples,
                  guint               *peak_growth_kib,
                  GError             **error)
{
  BenchCommand copy = *command;
  BenchReply reply = { 0 };
  guint old_length = samples->len;

  if (!transfer (client, write_some, client->command_fd, &copy, sizeof copy, error)
      || !transfer (client, read_some, client->reply_fd, &reply, sizeof reply, error))
    return FALSE;

  g_array_set_size (samples, old_length + reply.samples);
  if (!transfer (client, read_some, client->reply_fd,
                 &g_array_index (samples, BenchSample, old_length),
                 reply.samples * sizeof (BenchSample), error))
    {
      g_array_set_size (samples, old_length);
      return FALSE;
    }

  *peak_growth_kib += reply.peak_growth_kib;

  return TRUE;
}
