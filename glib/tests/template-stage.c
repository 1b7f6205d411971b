/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Launches of templates, noted for the trace, and what their programs have to say. */

#include "template-stage.h"

#include <string.h>
#include <sys/wait.h>

#include "trace.h"

/*
 * template_new: (skip)
 * @flags: the flags
 * @program: the first argument
 * @...: the others
 *
 * Returns: (transfer full): a template that must be good
 */
GSpawnTemplate *
template_new (GSpawnFlags  flags,
              const char  *program,
              ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;
  const char *argument;
  GSpawnTemplate *tmpl;
  va_list rest;

  g_strv_builder_add (builder, program);
  va_start (rest, program);
  while ((argument = va_arg (rest, const char *)) != NULL)
    g_strv_builder_add (builder, argument);
  va_end (rest);
  argv = g_strv_builder_end (builder);
  tmpl = gspawn_template_new ((const char *const *) argv, flags, &error);
  if (tmpl == NULL)
    g_error ("%s", error->message);

  return tmpl;
}

GSpawnLaunch *
template_launch_new (const char *first,
                     ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) arguments = NULL;
  const char *argument;
  va_list rest;

  g_strv_builder_add (builder, first);
  va_start (rest, first);
  while ((argument = va_arg (rest, const char *)) != NULL)
    g_strv_builder_add (builder, argument);
  va_end (rest);
  arguments = g_strv_builder_end (builder);

  return gspawn_launch_new ((const char *const *) arguments);
}

/*
 * template_start: (skip)
 * @tmpl: a template
 * @launch: (nullable): what to add
 * @command: its program
 * @needs: what it needs of an engine
 * @error: return location
 *
 * Returns: (transfer full) (nullable): what the launch returned
 */
GSpawnProcess *
template_start (GSpawnTemplate  *tmpl,
                GSpawnLaunch    *launch,
                const char      *command,
                GSpawnNeeds      needs,
                GError         **error)
{
  GError *local_error = NULL;
  GSpawnProcess *process = launch != NULL ? gspawn_template_launch_with (tmpl, launch, &local_error)
                                          : gspawn_template_launch (tmpl, NULL, &local_error);

  trace_expect (&(TraceExpectation) {
    .function = launch != NULL ? "gspawn_template_launch_with" : "gspawn_template_launch",
    .command = command,
    .needs = needs | GSPAWN_NEED_STREAMS,
    .child = process != NULL ? gspawn_process_get_pid (process) : 0,
    .error = local_error,
  });
  g_assert_cmpint (process != NULL, ==, local_error == NULL);
  if (process != NULL)
    g_assert_cmpint (gspawn_process_get_launch_kind (process), ==, GSPAWN_LAUNCH_WAITING);
  if (local_error != NULL)
    g_propagate_error (error, local_error);

  return process;
}

/* Returns the status by which the process exited, or a negative number. */
int
template_exit_status (GSpawnProcess *process)
{
  g_autoptr (GError) error = NULL;
  int status = -1;

  gspawn_process_wait (process, &status, &error);
  g_assert_no_error (error);

  return WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}

/*
 * template_run: (skip)
 *
 * Returns: the exit status of what was launched, or −1 with an error
 */
int
template_run (GSpawnTemplate  *tmpl,
              GSpawnLaunch    *launch,
              const char      *command,
              GError         **error)
{
  g_autoptr (GSpawnProcess) process = template_start (tmpl, launch, command, 0, error);

  return process != NULL ? template_exit_status (process) : -1;
}

/* Makes the probe report, and nothing else. */
GSpawnLaunch *
template_new_report (ReportSink *sink)
{
  return template_launch_new ("report", report_sink_get_path (sink), NULL);
}

/*
 * template_read_report: (skip)
 * @sink: where it reports to
 * @process: (nullable): the probe
 *
 * Returns: (transfer full) (nullable): the report of a probe that has ended well by now
 */
GKeyFile *
template_read_report (ReportSink    *sink,
                      GSpawnProcess *process)
{
  GKeyFile *report;

  if (process == NULL)
    return NULL;

  report = report_sink_read (sink, gspawn_process_get_pid (process));
  g_assert_cmpint (template_exit_status (process), ==, 0);

  return report;
}

/* What the probe finds that is launched without anything more. */
GKeyFile *
template_report (GSpawnTemplate *tmpl)
{
  g_autoptr (ReportSink) sink = report_sink_new ();
  g_autoptr (GSpawnLaunch) launch = template_new_report (sink);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnProcess) process = template_start (tmpl, launch, probe_get_path (), 0, &error);

  g_assert_no_error (error);

  return template_read_report (sink, process);
}
