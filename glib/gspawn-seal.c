/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * The seal of an object that can be changed until it is used: what is read behind a closed seal
 * needs no lock. */
#include "config.h"

#include "gspawn-seal-private.h"

void
_gspawn_seal_init (GSpawnSeal *seal)
{
  g_mutex_init (&seal->mutex);
  seal->closed = FALSE;
}

void
_gspawn_seal_clear (GSpawnSeal *seal)
{
  g_mutex_clear (&seal->mutex);
}

/*< private >
 * _gspawn_seal_lock:
 * @seal: the seal of what is to be changed
 * @object: what that is called
 * @error: (out) (optional): that it cannot be changed any more
 *
 * Returns: whether the seal is open, and locked
 */
gboolean
_gspawn_seal_lock (GSpawnSeal  *seal,
                   const char  *object,
                   GError     **error)
{
  g_mutex_lock (&seal->mutex);
  if (!seal->closed)
    return TRUE;
  g_mutex_unlock (&seal->mutex);

  g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_INVAL,
               "A %s cannot be changed once it was launched", object);
  return FALSE;
}

void
_gspawn_seal_unlock (GSpawnSeal *seal)
{
  g_mutex_unlock (&seal->mutex);
}

gboolean
_gspawn_seal_is_closed (GSpawnSeal *seal)
{
  return g_atomic_int_get (&seal->closed);
}

/* Costs a load where the seal is closed. */
gboolean
_gspawn_seal_begin_close (GSpawnSeal *seal)
{
  if (_gspawn_seal_is_closed (seal))
    return FALSE;

  g_mutex_lock (&seal->mutex);
  if (!seal->closed)
    return TRUE;
  g_mutex_unlock (&seal->mutex);

  return FALSE;
}

void
_gspawn_seal_end_close (GSpawnSeal *seal)
{
  g_atomic_int_set (&seal->closed, TRUE);
  g_mutex_unlock (&seal->mutex);
}
