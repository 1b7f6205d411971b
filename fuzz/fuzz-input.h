/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <glib.h>

/* What a target is: the fuzzer, or driver.c in its place, calls this with its inputs. */
int LLVMFuzzerTestOneInput (const guint8 *bytes,
                            gsize         length);

/* What is left of an input. Past its end there are only zeros, so every input means something. */
typedef struct {
  const guint8 *bytes;
  gsize length;
} FuzzInput;

guint8    fuzz_input_byte    (FuzzInput *input);
guint32   fuzz_input_word    (FuzzInput *input);
char     *fuzz_input_string  (FuzzInput *input);
char    **fuzz_input_strings (FuzzInput *input,
                              guint      max);
int       fuzz_input_fd      (FuzzInput *input);

void      fuzz_init          (void);
