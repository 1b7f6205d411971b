/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors */
#pragma once

#include "gspawn-attributes.h"

typedef struct {
  GSpawnAttribute attribute;
  const char *note;             /* what is special about the value, for people */
  void (*set) (GSpawnAttributes *attributes);
} AttributeSample;

/* In the order of the attributes, up to one without a function. */
extern const AttributeSample attribute_samples[];
