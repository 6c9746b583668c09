/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a row that chooses a device offers: the automatic choice, the processor, the cards. */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/* Fills row, and ids (GPtrArray of char *, freed with g_free) in the same order; selects chosen.
 * unset: the name of a first choice whose id is NULL, or NULL for none; chosen may be NULL then.
 * devices: GPtrArray of EngineDevice, or NULL while they are not known. A card that is chosen and
 * not among them stays to be seen. Emits notify::selected. */
void bottega_device_row_fill (AdwComboRow *row,
                              GPtrArray *ids,
                              const char *unset,
                              GPtrArray *devices,
                              const char *chosen);

G_END_DECLS
