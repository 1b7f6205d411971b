/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */

/* Templates, on every engine: values that are refused, what a launch adds, and which file is
 * executed. */

#include "runner.h"
#include "template-stage.h"

int
main (int    argc,
      char **argv)
{
  static const Case *const tables[] = {
    template_value_cases,
    template_merge_cases,
    template_executable_cases,
    NULL,
  };
  static const CaseList templates = {
    .noun = "templates",
    .tables = tables,
  };

  return runner_main (argc, argv, &templates);
}
