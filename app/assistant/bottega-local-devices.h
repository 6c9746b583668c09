/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of BottegaLocalSource that needs no model: functions of BottegaEngineSource, where they
 * are described. Any thread. */
#pragma once

#include "app/assistant/bottega-engine-source.h"

G_BEGIN_DECLS

/* The device of a setting: its id, or of "vulkan" the first that is a card; one of devices, or
 * NULL. */
const EngineDevice *bottega_local_find_device (GPtrArray *devices, const char *setting);

gboolean bottega_local_read_facts (BottegaEngineSource *source, const char *path,
                                   BottegaModelFacts *facts, GError **error);
char *bottega_local_describe_device (BottegaEngineSource *source);
gboolean bottega_local_measure (BottegaEngineSource *source, const char *setting,
                                BottegaMachine *machine);
gboolean bottega_local_limits (BottegaEngineSource *source, guint64 set_bytes,
                               BottegaLimits *limits);

G_END_DECLS
