/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "attribute-stage.h"
#include "case.h"

/* The tables of attributes, each in the file of its name; the rows end with a nameless one. */
extern const AttributeRow attribute_rows[];
extern const AttributeRow attribute_confinement[];
extern const AttributeRow attribute_combinations[];
extern const AttributeRow attribute_failures[];

extern const Case attribute_object_cases[];
extern const Case attribute_life_cases[];
extern const Case attribute_credentials_cases[];
extern const Case attribute_memory_cases[];
extern const Case attribute_traced_cases[];

/* What more than one table needs. */
void scene_take_landlock (Stage *stage);
void scene_take_filter   (Stage *stage);
