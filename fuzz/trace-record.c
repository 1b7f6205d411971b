/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Fuzzes the writer of traces: whatever a program, a command or a message is called, one line comes
 * out that says so, as gspawn(1) has it, to any reader of JSON and to our own. */

#include "fuzz-input.h"
#include "gspawn-trace-private.h"
#include "gspawn-trace-reader-private.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_MEMBERS 10

/* A reader takes no more brackets than some thousands; no input has that many. */
#define MAX_USED 4000

typedef struct {
  char *program;
  char *function;
  char *command;
  GSpawnRoute route;
  gboolean has_route;
  GError *error;
  GPid pid;
  gint64 begin;
} Case;

static const char *const domains[] = {
  "g-exec-error-quark", "g-unix-error-quark", "quoted \"\\\"", "not UTF-8: \xff\xc3",
};

static const char *const engine_names[] = { "clone", "posix_spawn", "fork" };

static const char *const need_names[] = {
  "search-path", "working-directory", "streams", "fd-map", "close", "sparse-close", "reap",
  "child-setup",
};

/* A file that is nowhere, and is opened by its name in /proc each time. */
static int
open_trace (void)
{
  static int fd = -1;
  g_autofree char *path = NULL;

  if (fd >= 0)
    return fd;

  fd = memfd_create ("trace", MFD_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_assert_true (g_setenv ("GSPAWN_TRACE", path, TRUE));

  return fd;
}

/* A route is to an engine if it has a function; nobody calls it here. */
static gboolean
launch_never (const GSpawnPlan *plan G_GNUC_UNUSED,
              GSpawnLaunched   *launched G_GNUC_UNUSED,
              GSpawnFailure    *failure G_GNUC_UNUSED)
{
  g_assert_not_reached ();
}

static void
case_init (Case      *self,
           FuzzInput *input)
{
  guint8 with = fuzz_input_byte (input);

  *self = (Case) { .has_route = (with & 1) != 0 };
  self->route.engine = (with >> 1) % GSPAWN_N_ENGINES;
  self->route.launch = (with & 8) != 0 ? launch_never : NULL;
  self->route.forced = (with & 16) != 0;
  self->route.unavailable = fuzz_input_byte (input) % (1 << GSPAWN_N_ENGINES);
  self->route.missing = fuzz_input_byte (input);
  self->pid = (GPid) fuzz_input_word (input) & G_MAXINT;
  self->begin = (gint64) 1 + fuzz_input_word (input);
  if ((with & 32) != 0)
    self->error = g_error_new_literal (g_quark_from_static_string (domains[with >> 6]),
                                       (int) fuzz_input_word (input), "");
  self->program = fuzz_input_string (input);
  self->function = fuzz_input_string (input);
  self->command = fuzz_input_string (input);
  if (self->error != NULL)
    {
      g_free (self->error->message);
      self->error->message = fuzz_input_string (input);
    }
}

static void
case_clear (Case *self)
{
  g_clear_error (&self->error);
  g_free (self->program);
  g_free (self->function);
  g_free (self->command);
}

static char *
write_trace (const Case *self)
{
  int fd = open_trace ();
  const char *argv[] = { self->command, NULL };
  GSpawnRequest request = { .function = self->function, .argv = argv };
  char *saved_name = program_invocation_short_name;
  off_t length;
  char *trace;

  g_assert_cmpint (ftruncate (fd, 0), ==, 0);
  g_assert_cmpint (_gspawn_trace_begin (), >, 0);

  program_invocation_short_name = self->program;
  _gspawn_trace_end (self->begin, &request, self->has_route ? &self->route : NULL, self->pid,
                     self->error);
  program_invocation_short_name = saved_name;

  length = lseek (fd, 0, SEEK_END);
  trace = g_malloc0 ((gsize) length + 1);
  g_assert_cmpint (pread (fd, trace, (gsize) length, 0), ==, length);

  return trace;
}

/* What is no character of UTF-8 appears as U+FFFD, byte by byte. */
static char *
expect_string (const char *string)
{
  GString *text = g_string_new (NULL);

  while (*string != '\0')
    {
      gunichar c = g_utf8_get_char_validated (string, -1);
      gboolean valid = c != (gunichar) -1 && c != (gunichar) -2;

      g_string_append_unichar (text, valid ? c : 0xfffd);
      string = valid ? g_utf8_next_char (string) : string + 1;
    }

  return g_string_free (text, FALSE);
}

static char *
expect_reason (const GSpawnRoute *route)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  for (int i = 0; i < GSPAWN_N_ENGINES; i++)
    if ((route->unavailable >> i & 1) != 0)
      g_ptr_array_add (words, g_strconcat (engine_names[i], "-unavailable", NULL));
  for (int i = 0; i < GSPAWN_N_NEEDS; i++)
    if ((route->missing >> i & 1) != 0)
      g_ptr_array_add (words, g_strdup (need_names[i]));
  if (words->len == 0)
    g_ptr_array_add (words, g_strdup (route->forced ? "forced" : "first-choice"));
  g_ptr_array_add (words, NULL);

  return g_strjoinv (",", (char **) words->pdata);
}

static void
check_string (JsonObject *object,
              const char *name,
              const char *expected)
{
  JsonNode *node = json_object_get_member (object, name);
  g_autofree char *valid = expected != NULL ? expect_string (expected) : NULL;

  g_assert_nonnull (node);
  if (expected == NULL)
    g_assert_true (JSON_NODE_HOLDS_NULL (node));
  else
    g_assert_cmpstr (json_node_get_string (node), ==, valid);
}

static void
check_members (const Case *self,
               JsonObject *object)
{
  gboolean routed = self->has_route && self->route.launch != NULL;
  g_autofree char *reason = self->has_route ? expect_reason (&self->route) : NULL;
  gboolean no_child = json_object_get_null_member (object, "child");
  JsonObject *error;

  g_assert_cmpuint (json_object_get_size (object), ==, MAX_MEMBERS);
  g_assert_cmpint (json_object_get_int_member (object, "pid"), ==, getpid ());
  g_assert_cmpfloat (json_object_get_double_member (object, "time"), >, 0);
  g_assert_cmpfloat (json_object_get_double_member (object, "microseconds"), >=, 0);
  check_string (object, "program", self->program);
  check_string (object, "function", self->function);
  check_string (object, "command", self->command);
  check_string (object, "engine", routed ? engine_names[self->route.engine] : NULL);
  check_string (object, "reason", reason);

  g_assert_true (no_child == (self->error != NULL));
  if (self->error == NULL)
    {
      g_assert_cmpint (json_object_get_int_member (object, "child"), ==, self->pid);
      g_assert_true (json_object_get_null_member (object, "error"));
      return;
    }

  error = json_object_get_object_member (object, "error");
  g_assert_cmpuint (json_object_get_size (error), ==, 3);
  g_assert_cmpint (json_object_get_int_member (error, "code"), ==, self->error->code);
  check_string (error, "domain", g_quark_to_string (self->error->domain));
  check_string (error, "message", self->error->message);
}

static void
check_trace (const Case *self,
             const char *trace)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (g_str_has_suffix (trace, "}\n"));
  for (const char *p = trace; p[1] != '\0'; p++)
    g_assert_false (g_ascii_iscntrl (*p));

  json_parser_load_from_data (parser, trace, -1, &error);
  g_assert_no_error (error);
  check_members (self, json_node_get_object (json_parser_get_root (parser)));
}

static void
take_record (const GSpawnTraceRecord *record,
             gpointer                 user_data)
{
  const Case *self = user_data;
  g_autofree char *program = expect_string (self->program);
  g_autofree char *function = expect_string (self->function);
  g_autofree char *command = expect_string (self->command);

  g_assert_cmpstr (record->program, ==, program);
  g_assert_cmpstr (record->function, ==, function);
  g_assert_cmpstr (record->command, ==, command);
  g_assert_cmpint (record->child, ==, self->error == NULL ? self->pid : 0);
  g_assert_true ((record->error_message != NULL) == (self->error != NULL));
}

static void
check_reader (Case       *self,
              const char *trace)
{
  g_autoptr (GSpawnTraceReader) reader = _gspawn_trace_reader_new (take_record, self);

  _gspawn_trace_reader_push (reader, trace, strlen (trace));
  _gspawn_trace_reader_finish (reader);
  g_assert_cmpuint (_gspawn_trace_reader_get_n_rejected (reader), ==, 0);
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         length)
{
  FuzzInput input = { bytes, MIN (length, MAX_USED) };
  g_autofree char *trace = NULL;
  Case self;

  fuzz_init ();
  case_init (&self, &input);
  trace = write_trace (&self);
  check_trace (&self, trace);
  check_reader (&self, trace);
  case_clear (&self);

  return 0;
}
