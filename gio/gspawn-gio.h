/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include <gio/gio.h>

#include <gspawn-attributes.h>
#include <gspawn-launch.h>

#include "gspawn-gio-process.h"
#include "gspawn-gio-template.h"

G_BEGIN_DECLS

#define GSPAWN_TYPE_ATTRIBUTES (gspawn_attributes_get_type ())

GSPAWN_AVAILABLE_IN_0_1
GType gspawn_attributes_get_type (void);

GSPAWN_AVAILABLE_IN_0_1
void gspawn_attributes_attach (GSpawnAttributes    *attributes,
                               GSubprocessLauncher *launcher);

#define GSPAWN_TYPE_LAUNCH (gspawn_launch_get_type ())

GSPAWN_AVAILABLE_IN_0_1
GType gspawn_launch_get_type (void);

G_END_DECLS
