/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The context meter: a ring that fills as the conversation fills the model's context. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CONTEXT_RING (bottega_context_ring_get_type ())
G_DECLARE_FINAL_TYPE (BottegaContextRing, bottega_context_ring, BOTTEGA, CONTEXT_RING, GtkWidget)

/* fraction: 0 empty, 1 full; clamped. */
void bottega_context_ring_set_fraction (BottegaContextRing *self, double fraction);
double bottega_context_ring_get_fraction (BottegaContextRing *self);

G_END_DECLS
