/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The codebooks of the IQ1, IQ2 and IQ3 formats. An entry holds the indices of 8 weights of 2 bits
 * (IQ2: magnitudes 8, 25, 43; IQ1: -1, 0, 1) or of 4 weights of 3 bits (IQ3_XXS: 4, 12, 20, 28, 36,
 * 44, 52, 62; IQ3_S: 1, 3, … 15), the first in the lowest bits. */
#pragma once

#include <stdint.h>

extern const uint16_t model_grid_iq2_xxs[256];
extern const uint16_t model_grid_iq2_xs[512];
extern const uint16_t model_grid_iq2_s[1024];
extern const uint16_t model_grid_iq1[2048]; /* of IQ1_S and IQ1_M */
extern const uint16_t model_grid_iq3_xxs[256];
extern const uint16_t model_grid_iq3_s[512];
