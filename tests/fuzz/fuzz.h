/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every fuzz target offers: libFuzzer's entry, and inputs to begin with. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* libFuzzer's name for it. Aborts when something that must hold does not; 0 otherwise. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Inputs to begin with, small and sound: number i, or NULL after the last. */
GBytes *fuzz_seed (unsigned i);
