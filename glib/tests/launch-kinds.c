/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Which kind a launch is that the caller does not wait for. With --table, prints what the
 * documentation says of it. */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attribute-samples.h"
#include "gspawn-template.h"
#include "isolation.h"

#define N_IN_FLIGHT 64

static void
become_nobody (void)
{
  const uid_t nobody = 65534;

  if (geteuid () == 0 &&
      (setgroups (0, NULL) < 0 || setresgid (nobody, nobody, nobody) < 0 ||
       setresuid (nobody, nobody, nobody) < 0))
    g_error ("nobody: %s", g_strerror (errno));
}

static GSpawnTemplate *
make_template (GSpawnAttributes *attributes)
{
  const char *argv[] = { "/bin/true", NULL };
  g_autoptr (GError) error = NULL;
  GSpawnTemplate *tmpl = gspawn_template_new (argv, G_SPAWN_DEFAULT, &error);

  g_assert_no_error (error);
  gspawn_template_set_attributes (tmpl, attributes, &error);
  g_assert_no_error (error);

  return tmpl;
}

static GSpawnPending *
begin (GSpawnTemplate *tmpl)
{
  g_autoptr (GError) error = NULL;
  GSpawnPending *pending = gspawn_template_begin (tmpl, NULL, &error);

  g_assert_no_error (error);

  return pending;
}

/* A traced program would be waited for in vain. */
static GSpawnLaunchKind
end (GSpawnPending *pending)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSpawnProcess) process = gspawn_pending_complete (pending, &error);
  GSpawnLaunchKind kind;

  g_assert_no_error (error);
  kind = gspawn_process_get_launch_kind (process);
  gspawn_process_send_signal (process, SIGKILL, NULL);
  gspawn_process_wait (process, NULL, NULL);
  gspawn_pending_free (pending);

  return kind;
}

/* Whether the kernel takes the value does not matter. */
static GSpawnLaunchKind
launch_sample (const AttributeSample *sample)
{
  g_autoptr (GSpawnAttributes) attributes = gspawn_attributes_new ();
  g_autoptr (GSpawnTemplate) tmpl = NULL;

  sample->set (attributes);
  for (guint i = 0; i < GSPAWN_N_ATTRIBUTES; i++)
    gspawn_attributes_set_optional (attributes, i, TRUE);
  tmpl = make_template (attributes);

  return end (begin (tmpl));
}

/* A second sample of an attribute is the same to both kinds. */
static gboolean
is_another (const AttributeSample *sample)
{
  return sample > attribute_samples && sample[-1].attribute == sample->attribute;
}

static void
print_kind (const char       *title,
            GSpawnLaunchKind  kind)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (const AttributeSample *sample = attribute_samples; sample->set != NULL; sample++)
    if (!is_another (sample) && launch_sample (sample) == kind)
      g_string_append_printf (names, "%s`%s`", names->len > 0 ? ", " : "",
                              gspawn_attribute_get_name (sample->attribute));
  g_print ("| %s | %s |\n", title, names->str);
}

static void
print_table (void)
{
  become_nobody ();
  g_print ("| of an unprivileged caller | attributes |\n|---|---|\n");
  print_kind ("asynchronous", GSPAWN_LAUNCH_ASYNCHRONOUS);
  print_kind ("a thread waits", GSPAWN_LAUNCH_WORKER);
}

/* Where the clone engine has to do with less, all are left to threads. */
static gboolean
can_be_asynchronous (void)
{
  const char *detail;

  if (gspawn_engine_is_available (GSPAWN_ENGINE_CLONE, &detail) &&
      g_str_has_prefix (detail, "clone3()"))
    return TRUE;

  g_test_skip ("clone3() cannot be used");
  return FALSE;
}

static void
test_unprivileged (void)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;

  if (!can_be_asynchronous () || !in_subprocess ())
    return;

  become_nobody ();
  tmpl = make_template (NULL);
  g_assert_cmpint (end (begin (tmpl)), ==, GSPAWN_LAUNCH_ASYNCHRONOUS);
}

static void
test_root (void)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;

  if (geteuid () != 0)
    {
      skip_unless_required ("only for root");
      return;
    }
  if (!in_subprocess ())
    return;

  tmpl = make_template (NULL);
  g_assert_cmpint (end (begin (tmpl)), ==, GSPAWN_LAUNCH_WORKER);
}

/* What is decided but not completed still has its place. */
static void
test_in_flight (void)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  GSpawnPending *pending[N_IN_FLIGHT + 1];

  if (!can_be_asynchronous () || !in_subprocess ())
    return;

  become_nobody ();
  tmpl = make_template (NULL);
  for (guint i = 0; i <= N_IN_FLIGHT; i++)
    pending[i] = begin (tmpl);
  for (guint i = 0; i < N_IN_FLIGHT; i++)
    g_assert_cmpint (end (pending[i]), ==, GSPAWN_LAUNCH_ASYNCHRONOUS);
  g_assert_cmpint (end (pending[N_IN_FLIGHT]), ==, GSPAWN_LAUNCH_WORKER);

  g_assert_cmpint (end (begin (tmpl)), ==, GSPAWN_LAUNCH_ASYNCHRONOUS);
}

static void
test_waiting (void)
{
  g_autoptr (GSpawnTemplate) tmpl = NULL;
  g_autoptr (GSpawnProcess) process = NULL;
  g_autoptr (GError) error = NULL;

  if (!in_subprocess ())
    return;

  become_nobody ();
  tmpl = make_template (NULL);
  process = gspawn_template_launch (tmpl, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gspawn_process_get_launch_kind (process), ==, GSPAWN_LAUNCH_WAITING);
  gspawn_process_wait_check (process, &error);
  g_assert_no_error (error);
}

int
main (int    argc,
      char **argv)
{
  if (argc > 1 && g_str_equal (argv[1], "--table"))
    {
      print_table ();
      return 0;
    }

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/launch-kinds/unprivileged", test_unprivileged);
  g_test_add_func ("/launch-kinds/root", test_root);
  g_test_add_func ("/launch-kinds/in-flight", test_in_flight);
  g_test_add_func ("/launch-kinds/waiting", test_waiting);

  return g_test_run ();
}
