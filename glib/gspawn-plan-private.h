/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The plan of a child: what it shall do before it executes the program, and which files may be
 * that program. Engines read a plan and never change it. */
#pragma once

#include <glib.h>

#include "gspawn-attributes-private.h"
#include "gspawn-engines.h"
#include "gspawn-request-private.h"

/* What was being done when a launch failed: it decides the code and the message of the error. */
typedef enum {
  GSPAWN_STAGE_NONE,
  GSPAWN_STAGE_PIPE,            /* a pipe of the caller's side */
  GSPAWN_STAGE_SOURCE,          /* a source descriptor that cannot be the caller's */
  GSPAWN_STAGE_PROCESS,         /* making a process */
  GSPAWN_STAGE_SECOND_PROCESS,  /* making the program's process below the one in the middle */
  GSPAWN_STAGE_REPORT,          /* the process in the middle died without a word */
  GSPAWN_STAGE_CHDIR,
  GSPAWN_STAGE_OPEN,            /* /dev/null */
  GSPAWN_STAGE_DUP,
  GSPAWN_STAGE_PARENTHOOD,      /* an attribute of a child that is not to be the caller's */
  GSPAWN_STAGE_ATTRIBUTE,
  GSPAWN_STAGE_EXEC,
} GSpawnStage;

/* The attribute counts in the two stages that are about one. */
typedef struct {
  GSpawnStage stage;
  int error_number;
  GSpawnAttribute attribute;
} GSpawnFailure;

/* What a child does between its birth and exec, in the terms of the system calls. */
typedef enum {
  GSPAWN_OP_CHDIR,          /* to path */
  GSPAWN_OP_OPEN_NULL,      /* at target, with flags */
  GSPAWN_OP_DUP,            /* source to target; where they are equal, keep it open across exec */
  GSPAWN_OP_SAVE,           /* source to a free descriptor above minimum, remembered as slot */
  GSPAWN_OP_DUP_SAVED,      /* slot to target */
  GSPAWN_OP_SET_CLOEXEC,    /* on target */
  GSPAWN_OP_CLEAR_CLOEXEC,  /* on target, which may be closed */
  GSPAWN_OP_CLOEXEC_REST,   /* on every descriptor from target up */
} GSpawnOpKind;

typedef struct {
  GSpawnOpKind kind;
  int source;
  int target;
  int flags;
  int minimum;
  guint slot;
  const char *path;
} GSpawnOp;

/* What a failure of the operation is called. */
static inline GSpawnStage
gspawn_op_stage (const GSpawnOp *op)
{
  switch (op->kind)
    {
    case GSPAWN_OP_CHDIR:
      return GSPAWN_STAGE_CHDIR;
    case GSPAWN_OP_OPEN_NULL:
      return GSPAWN_STAGE_OPEN;
    default:
      return GSPAWN_STAGE_DUP;
    }
}

typedef struct {
  GSpawnNeeds needs;

  const char *working_directory;
  const GSpawnOp *ops;
  guint n_ops;
  guint n_slots;
  /* Above every descriptor that an operation writes to. */
  int first_free_fd;

  /* The files to try, in order, up to NULL: never empty. Ours, or the request's. */
  const char *const *candidates;
  const char *const *own_candidates;
  const char *name;
  const char *const *argv;
  guint argc;
  const char *const *envp;

  GSpawnChildSetupFunc child_setup;
  gpointer user_data;
  gboolean wants_pidfd;
  GSpawnMade *made;
  const sigset_t *signal_mask;

  /* NULL if there are none; those that the child gets, as bits. Held descriptors that a target might
   * destroy are saved as a slot. */
  const GSpawnAttributes *attributes;
  guint attribute_set;
  int held_slots[GSPAWN_N_HELD];
} GSpawnPlan;

GSpawnPlan *_gspawn_plan_new  (const GSpawnRequest *request,
                               const int           *pipe_fds);
void        _gspawn_plan_free (GSpawnPlan          *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GSpawnPlan, _gspawn_plan_free)
