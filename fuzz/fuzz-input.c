/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What a target makes of the bytes that it is given: numbers, strings and descriptors. The way they
 * are read is the format of the corpora, which have to be made again where it changes. */

#include "fuzz-input.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Bytes from here up are the descriptors that somebody might have reckoned wrongly with. The others
 * are small numbers, several times over, so that sources and targets often meet. */
#define FIRST_SPECIAL_FD 0xe0

/* Not G_MAXINT, which the launch lets no target be. */
static const int special_fds[] = {
  -1, -5, G_MININT, 255, 256, 257, 258, 259, 260, 1023, 1024, 1 << 20, G_MAXINT - 1, 63, 127, 128,
};

guint8
fuzz_input_byte (FuzzInput *input)
{
  if (input->length == 0)
    return 0;

  input->length--;
  return *input->bytes++;
}

guint32
fuzz_input_word (FuzzInput *input)
{
  guint32 word = 0;

  for (int i = 0; i < 4; i++)
    word |= (guint32) fuzz_input_byte (input) << 8 * i;

  return word;
}

/* Up to a zero byte or the end. It is a block of its own, so that reading past it is noticed. */
char *
fuzz_input_string (FuzzInput *input)
{
  gsize length = input->length > 0 ? strnlen ((const char *) input->bytes, input->length) : 0;
  char *string = g_strndup ((const char *) input->bytes, length);

  length = MIN (length + 1, input->length);
  input->bytes += length;
  input->length -= length;

  return string;
}

char **
fuzz_input_strings (FuzzInput *input,
                    guint      max)
{
  guint n = fuzz_input_byte (input) % (max + 1);
  char **strings = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    strings[i] = fuzz_input_string (input);

  return strings;
}

int
fuzz_input_fd (FuzzInput *input)
{
  guint8 byte = fuzz_input_byte (input);

  if (byte < FIRST_SPECIAL_FD)
    return byte % 32;

  return special_fds[(byte - FIRST_SPECIAL_FD) % G_N_ELEMENTS (special_fds)];
}

/* GLib ends a program by a breakpoint, which the fuzzer does not know. */
static void
on_breakpoint (int number G_GNUC_UNUSED)
{
  abort ();
}

/* A message that says that a caller is wrong is as good a finding as a crash. */
void
fuzz_init (void)
{
  static gboolean initialized = FALSE;

  if (initialized)
    return;

  initialized = TRUE;
  signal (SIGTRAP, on_breakpoint);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
}
