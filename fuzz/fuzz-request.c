/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The descriptors of a request, read from an input. */

#include "fuzz-request.h"

/* Each vector is a block of its own and no longer than it must be. */
void
fuzz_fds_init (FuzzFds   *fds,
               FuzzInput *input)
{
  guint8 pipes;

  fds->flags = fuzz_input_byte (input);
  fds->flags |= fuzz_input_byte (input) << 8;
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    fds->stream_fds[i] = fuzz_input_fd (input);

  pipes = fuzz_input_byte (input);
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    fds->pipe_fds[i] = (pipes >> i & 1) != 0 ? 3 + fuzz_input_byte (input) % 29 : -1;

  fds->n_fds = fuzz_input_byte (input) % (FUZZ_MAX_FDS + 1);
  fds->source_fds = g_new (int, fds->n_fds);
  fds->target_fds = g_new (int, fds->n_fds);
  for (gsize i = 0; i < fds->n_fds; i++)
    {
      fds->source_fds[i] = fuzz_input_fd (input);
      fds->target_fds[i] = fuzz_input_fd (input);
    }
}

void
fuzz_fds_clear (FuzzFds *fds)
{
  g_free (fds->source_fds);
  g_free (fds->target_fds);
}

void
fuzz_fds_apply (const FuzzFds *fds,
                GSpawnRequest *request)
{
  request->flags = fds->flags;
  for (int i = 0; i < GSPAWN_N_STREAMS; i++)
    {
      request->stream_fds[i] = fds->stream_fds[i];
      request->stream_pipes[i] = fds->pipe_fds[i] >= 0;
    }
  request->source_fds = fds->source_fds;
  request->target_fds = fds->target_fds;
  request->n_fds = fds->n_fds;
}
