/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Attributes as GObject and GIO know them: a boxed type, and a launcher's child setup. */
#include "gspawn-gio.h"

G_DEFINE_BOXED_TYPE (GSpawnAttributes, gspawn_attributes, gspawn_attributes_ref,
                     gspawn_attributes_unref)

/**
 * gspawn_attributes_attach:
 * @attributes: attributes
 * @launcher: a launcher
 *
 * Makes every subprocess of a launcher start with these attributes, in place of a child setup
 * function that it may have. The launcher holds a reference; attributes that are changed later
 * change what it starts later.
 *
 * What is said of gspawn_attributes_child_setup() holds here: where gspawn has taken over GLib's
 * functions nothing is forked.
 *
 * Since: 0.1
 */
void
gspawn_attributes_attach (GSpawnAttributes    *attributes,
                          GSubprocessLauncher *launcher)
{
  g_return_if_fail (attributes != NULL);
  g_return_if_fail (G_IS_SUBPROCESS_LAUNCHER (launcher));

  g_subprocess_launcher_set_child_setup (launcher, gspawn_attributes_child_setup,
                                         gspawn_attributes_ref (attributes),
                                         (GDestroyNotify) gspawn_attributes_unref);
}
