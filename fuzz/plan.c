/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Fuzzes the making of plans: what the child is to execute, with what, where, and what that asks of
 * an engine. What becomes of descriptors is another target's business: see fdops.c. */

#include "fuzz-attributes.h"
#include "fuzz-request.h"
#include "gspawn-plan-private.h"

#include <string.h>
#include <unistd.h>

#define MAX_STRINGS 12

/* So many numbers lie between the standard streams and the highest target at most, where the rest
 * can be closed from a number up. */
#define MAX_GAPS 256

/* Everything of an input, and nothing else. */
typedef struct {
  FuzzFds fds;
  char **argv;
  char **envp;
  char *working_directory;
  char *caller_path;
  GSpawnChildSetupFunc child_setup;
  GSpawnAttributes *attributes;
  AttributesModel model;
  char **candidates;
} Case;

enum {
  WITH_ENVIRONMENT = 1 << 0,
  WITH_DIRECTORY   = 1 << 1,
  WITH_CALLER_PATH = 1 << 2,
  WITH_CHILD_SETUP = 1 << 3,
  WITH_ATTRIBUTES  = 1 << 4,
  WITH_CANDIDATES  = 1 << 5,
};

static void
child_setup (gpointer user_data G_GNUC_UNUSED)
{
}

static void
case_init (Case      *self,
           FuzzInput *input)
{
  guint8 with = fuzz_input_byte (input);
  char **more;

  fuzz_fds_init (&self->fds, input);
  self->child_setup = (with & WITH_CHILD_SETUP) != 0 ? child_setup : NULL;
  self->working_directory = (with & WITH_DIRECTORY) != 0 ? fuzz_input_string (input) : NULL;
  self->caller_path = (with & WITH_CALLER_PATH) != 0 ? fuzz_input_string (input) : NULL;
  self->envp = (with & WITH_ENVIRONMENT) != 0 ? fuzz_input_strings (input, MAX_STRINGS) : NULL;

  /* There is always a first element. */
  more = fuzz_input_strings (input, MAX_STRINGS);
  self->argv = g_new0 (char *, g_strv_length (more) + 2);
  self->argv[0] = fuzz_input_string (input);
  memcpy (self->argv + 1, more, (g_strv_length (more) + 1) * sizeof (char *));
  g_free (more);

  self->candidates = (with & WITH_CANDIDATES) != 0 ? fuzz_input_strings (input, MAX_STRINGS) : NULL;
  /* There is always a first one. */
  if (self->candidates != NULL && self->candidates[0] == NULL)
    g_clear_pointer (&self->candidates, g_strfreev);
  self->attributes = NULL;
  memset (&self->model, 0, sizeof self->model);
  if ((with & WITH_ATTRIBUTES) != 0)
    self->attributes = fuzz_attributes_new (input, &self->model);
}

static void
case_clear (Case *self)
{
  fuzz_fds_clear (&self->fds);
  g_strfreev (self->argv);
  g_strfreev (self->envp);
  g_free (self->working_directory);
  g_free (self->caller_path);
  g_strfreev (self->candidates);
  if (self->attributes != NULL)
    gspawn_attributes_unref (self->attributes);
}

/* The value of the first variable of that name. */
static const char *
find_path (const Case *self)
{
  for (char **variable = self->envp; variable != NULL && *variable != NULL; variable++)
    if (strncmp (*variable, "PATH=", 5) == 0)
      return *variable + 5;

  return NULL;
}

/* NULL where there is no search. Point 19 of the contract. */
static const char *
expect_path (const Case *self)
{
  GSpawnFlags flags = self->fds.flags;
  const char *path = NULL;

  if (strchr (self->argv[0], '/') != NULL || *self->argv[0] == '\0')
    return NULL;

  switch (flags & (G_SPAWN_SEARCH_PATH | G_SPAWN_SEARCH_PATH_FROM_ENVP))
    {
    case 0:
      return NULL;
    case G_SPAWN_SEARCH_PATH:
      path = self->caller_path;
      break;
    case G_SPAWN_SEARCH_PATH_FROM_ENVP:
      path = find_path (self);
      break;
    default:
      path = find_path (self) != NULL ? find_path (self) : self->caller_path;
      break;
    }

  return path != NULL ? path : "/bin:/usr/bin:.";
}

static void
check_candidates (const Case       *self,
                  const GSpawnPlan *plan)
{
  const char *path = expect_path (self);
  g_auto (GStrv) elements = NULL;
  gsize n = 0;

  if (self->candidates != NULL)
    {
      g_assert_true (plan->candidates == (const char *const *) self->candidates);
      return;
    }
  if (path == NULL)
    {
      g_assert_cmpstr (plan->candidates[0], ==, self->argv[0]);
      g_assert_null (plan->candidates[1]);
      return;
    }

  elements = g_strsplit (path, ":", -1);
  /* GLib gives no element for an empty string, which means the current directory as well. */
  if (*path == '\0')
    g_assert_cmpstr (plan->candidates[n++], ==, self->argv[0]);

  for (char **element = elements; *element != NULL; element++)
    {
      g_autofree char *file = g_strconcat (*element, **element != '\0' ? "/" : "", self->argv[0],
                                           NULL);

      g_assert_cmpstr (plan->candidates[n++], ==, file);
    }
  g_assert_null (plan->candidates[n]);
}

/* A gap is what lies between the standard streams and the highest target. */
static gboolean
is_sparse (const FuzzFds *fds)
{
  for (gsize i = 0; i < fds->n_fds; i++)
    if (fds->target_fds[i] > STDERR_FILENO + MAX_GAPS)
      return TRUE;

  return FALSE;
}

static gboolean
redirects (const FuzzFds *fds,
           int            stream)
{
  if (fds->pipe_fds[stream] >= 0 || fds->stream_fds[stream] > 0)
    return TRUE;
  if (stream == STDIN_FILENO)
    return (fds->flags & G_SPAWN_CHILD_INHERITS_STDIN) == 0;

  return fds->stream_fds[stream] == 0 ||
         (fds->flags & (stream == STDOUT_FILENO ? G_SPAWN_STDOUT_TO_DEV_NULL
                                                : G_SPAWN_STDERR_TO_DEV_NULL)) != 0;
}

/* Of nobody's child, what would mean a parent is left out. */
static gboolean
gets (const Case      *self,
      GSpawnAttribute  attribute)
{
  gboolean reaped = (self->fds.flags & G_SPAWN_DO_NOT_REAP_CHILD) == 0;

  return self->model.set[attribute] &&
         !(reaped && (attribute == GSPAWN_ATTRIBUTE_DEATH_SIGNAL ||
                      attribute == GSPAWN_ATTRIBUTE_TRACE_ME));
}

/* Those that have no need of their own. To join a group, and to be in one that cannot be left, can
 * fail, and so needs somebody who tells which attribute it was. */
static gboolean
has_other_attributes (const Case *self)
{
  for (int attribute = 0; attribute < GSPAWN_N_ATTRIBUTES; attribute++)
    switch (attribute)
      {
      case GSPAWN_ATTRIBUTE_NEW_SESSION:
      case GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS:
      case GSPAWN_ATTRIBUTE_SIGNAL_MASK:
      case GSPAWN_ATTRIBUTE_TRACE_ME:
      case GSPAWN_ATTRIBUTE_SECCOMP_FILTER:
        break;
      case GSPAWN_ATTRIBUTE_PROCESS_GROUP:
        if (gets (self, attribute) &&
            (self->model.process_group != 0 || gets (self, GSPAWN_ATTRIBUTE_NEW_SESSION)))
          return TRUE;
        break;
      default:
        if (gets (self, attribute))
          return TRUE;
        break;
      }

  return FALSE;
}

static gboolean
searches (const Case *self)
{
  return self->candidates != NULL ? self->candidates[1] != NULL : expect_path (self) != NULL;
}

static void
check_needs (const Case       *self,
             const GSpawnPlan *plan)
{
  const FuzzFds *fds = &self->fds;
  gboolean closes = (fds->flags & G_SPAWN_LEAVE_DESCRIPTORS_OPEN) == 0;
  gboolean has_streams = redirects (fds, 0) || redirects (fds, 1) || redirects (fds, 2);
  const struct {
    GSpawnNeeds need;
    gboolean expected;
  } needs[] = {
    { GSPAWN_NEED_SEARCH_PATH, searches (self) },
    { GSPAWN_NEED_WORKING_DIRECTORY, self->working_directory != NULL },
    { GSPAWN_NEED_STREAMS, has_streams },
    { GSPAWN_NEED_FD_MAP, fds->n_fds > 0 },
    { GSPAWN_NEED_CLOSE, closes },
    { GSPAWN_NEED_SPARSE_CLOSE, closes && is_sparse (fds) },
    { GSPAWN_NEED_REAP, (fds->flags & G_SPAWN_DO_NOT_REAP_CHILD) == 0 },
    { GSPAWN_NEED_CHILD_SETUP, self->child_setup != NULL },
    { GSPAWN_NEED_SESSION, gets (self, GSPAWN_ATTRIBUTE_NEW_SESSION) },
    { GSPAWN_NEED_PROCESS_GROUP, gets (self, GSPAWN_ATTRIBUTE_PROCESS_GROUP) },
    { GSPAWN_NEED_SIGNALS, gets (self, GSPAWN_ATTRIBUTE_DEFAULT_SIGNALS) ||
                           gets (self, GSPAWN_ATTRIBUTE_SIGNAL_MASK) },
    { GSPAWN_NEED_ATTRIBUTES, has_other_attributes (self) },
    { GSPAWN_NEED_TRACE_ME, gets (self, GSPAWN_ATTRIBUTE_TRACE_ME) },
    { GSPAWN_NEED_SECCOMP_FILTER, gets (self, GSPAWN_ATTRIBUTE_SECCOMP_FILTER) },
  };
  guint expected = 0;

  G_STATIC_ASSERT (G_N_ELEMENTS (needs) == GSPAWN_N_NEEDS);
  for (gsize i = 0; i < G_N_ELEMENTS (needs); i++)
    expected |= needs[i].expected ? needs[i].need : 0;
  g_assert_cmphex (plan->needs, ==, expected);
}

/* The strings are the caller's own, not copies that would have to be freed. */
static void
check_program (const Case       *self,
               const GSpawnPlan *plan)
{
  guint skipped = (self->fds.flags & G_SPAWN_FILE_AND_ARGV_ZERO) != 0;

  g_assert_true (plan->name == self->argv[0]);
  g_assert_true (plan->argv == (const char *const *) self->argv + skipped);
  g_assert_cmpuint (plan->argc, ==, g_strv_length (self->argv) - skipped);
  g_assert_true (plan->envp == (const char *const *) self->envp);
  g_assert_true (plan->child_setup == self->child_setup);
  g_assert_true (plan->user_data == (self->child_setup != NULL ? self : NULL));
  g_assert_true (plan->attributes == self->attributes);
}

/* The directory comes first, and only once; its number of operations was reckoned beforehand. */
static void
check_directory (const Case       *self,
                 const GSpawnPlan *plan)
{
  guint n = 0;

  for (guint i = 0; i < plan->n_ops; i++)
    if (plan->ops[i].kind == GSPAWN_OP_CHDIR)
      {
        g_assert_cmpuint (i, ==, 0);
        g_assert_true (plan->ops[i].path == self->working_directory);
        n++;
      }

  g_assert_cmpuint (n, ==, self->working_directory != NULL);
  g_assert_true (plan->working_directory == self->working_directory);
}

/* A list of the strings, one after the other, for comparison. */
static char *
describe (const Case *self)
{
  g_autofree char *argv = g_strjoinv ("\n", self->argv);
  g_autofree char *envp = self->envp != NULL ? g_strjoinv ("\n", self->envp) : NULL;
  GString *text = g_string_new (argv);

  g_string_append_printf (text, "|%s|%s", envp, self->working_directory);
  for (gsize i = 0; i < self->fds.n_fds; i++)
    g_string_append_printf (text, " %d>%d", self->fds.source_fds[i], self->fds.target_fds[i]);

  return g_string_free (text, FALSE);
}

/* The caller's environment for the length of a call: setenv() would keep every value for ever. */
static GSpawnPlan *
make_plan (Case                *self,
           const GSpawnRequest *request)
{
  g_autofree char *variable = g_strconcat ("PATH=", self->caller_path, NULL);
  char *with_path[] = { variable, NULL };
  char *without_path[] = { NULL };
  char **saved = environ;
  GSpawnPlan *plan;

  environ = self->caller_path != NULL ? with_path : without_path;
  plan = _gspawn_plan_new (request, self->fds.pipe_fds);
  environ = saved;

  return plan;
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes,
                        gsize         length)
{
  FuzzInput input = { bytes, length };
  Case self;
  GSpawnRequest request = { .function = "fuzz" }, before;
  g_autofree char *text_before = NULL;
  g_autofree char *text_after = NULL;
  g_autoptr (GSpawnPlan) plan = NULL;

  fuzz_init ();
  case_init (&self, &input);
  fuzz_fds_apply (&self.fds, &request);
  request.argv = (const char *const *) self.argv;
  request.envp = (const char *const *) self.envp;
  request.working_directory = self.working_directory;
  request.child_setup = self.child_setup;
  request.user_data = self.child_setup != NULL ? &self : NULL;
  request.attributes = self.attributes;
  request.candidates = (const char *const *) self.candidates;

  before = request;
  text_before = describe (&self);
  plan = make_plan (&self, &request);
  text_after = describe (&self);
  g_assert_cmpmem (&before, sizeof before, &request, sizeof request);
  g_assert_cmpstr (text_before, ==, text_after);

  check_program (&self, plan);
  check_candidates (&self, plan);
  check_directory (&self, plan);
  check_needs (&self, plan);

  case_clear (&self);
  return 0;
}
