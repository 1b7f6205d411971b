/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "differential-request.h"

/* The names of the files of a scene, in its directory. */
#define SCENE_REPORT "report"
#define SCENE_OUTCOME "outcome"
#define SCENE_TRACE "trace"
#define SCENE_LOOK "look"
#define SCENE_OUTPUT "standard-output"
#define SCENE_ERRORS "standard-error"
#define SCENE_PROGRAM_SUFFIX ".x"

#define FIRST_OWN_FD 2000

char     *stage_make_search_path   (const char    *scene,
                                    int            shape);
int       stage_move_up            (int            fd);

void      stage_set_up             (const Request *request,
                                    const char    *scene);
void      stage_limit_descriptors  (const Request *request);
void      stage_unlimit_descriptors (void);
char     *stage_describe_signal    (int            number);
gpointer  stage_run_in_thread      (const Request *request,
                                    GThreadFunc    func,
                                    gpointer       data);
