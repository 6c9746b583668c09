/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEnergy: what the computer uses, as far as its sensors may be read: the battery's while it
 * discharges, which is of the whole computer; else the processor's counters (powercap) and the
 * graphics card's (hwmon). One thread at a time; reading a battery may take some milliseconds. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_ENERGY_NOWHERE = 0, /* not measurable here */
  BOTTEGA_ENERGY_PROCESSOR = 1 << 0,
  BOTTEGA_ENERGY_CARD = 1 << 1,
  BOTTEGA_ENERGY_COMPUTER = 1 << 2,
} BottegaEnergyScope;

typedef struct _BottegaEnergy BottegaEnergy;

/* root: where "sys" is, "/" but in tests. Looks for sensors. */
BottegaEnergy *bottega_energy_new (const char *root);
void bottega_energy_free (BottegaEnergy *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaEnergy, bottega_energy_free)

/* Reads the sensors at a moment of the monotonic clock: some times a second while it matters. */
void bottega_energy_sample (BottegaEnergy *self, gint64 now_us);
/* Used since the first sample, in joules; since the last one at the power before it, for at most a
 * second. */
double bottega_energy_get_joules (const BottegaEnergy *self, gint64 now_us);
/* What the last sample was of: flags of BottegaEnergyScope. */
guint bottega_energy_get_scope (const BottegaEnergy *self);

/* "of the processor and the graphics card"; "not measurable here". Static. */
const char *bottega_energy_scope_text (guint scope);

G_END_DECLS
