/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * What one launch has of its own, as GObject knows it: a boxed type. */
#include "gspawn-gio.h"

G_DEFINE_BOXED_TYPE (GSpawnLaunch, gspawn_launch, gspawn_launch_ref, gspawn_launch_unref)
