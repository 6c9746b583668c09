/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The K formats, Q2_K to Q6_K: blocks of 256 weights whose scales are small integers times a scale
 * of their own. Knows nothing of the table. */
#include "engine/model/quant-private.h"

/* Loops here run over 32 bytes at a time, so that compilers make vectors of them. */

/* Sub-block j of 32: halves of 128 weights, each 32 bytes, of which bits 2q belong to quarter q. */
static inline void
two_bits (const uint8_t qs[64], unsigned j, int8_t codes[32])
{
  for (unsigned l = 0; l < 32; l++)
    codes[l] = (int8_t) (qs[j / 4 * 32 + l] >> (j % 4 * 2) & 3);
}

/* Sub-block j: 32 bytes hold two, the first in the low nibbles. */
static inline void
nibbles (const uint8_t qs[128], unsigned j, int8_t codes[32])
{
  for (unsigned l = 0; l < 32; l++)
    codes[l] = (int8_t) (qs[j / 2 * 32 + l] >> (j % 2 * 4) & 15);
}

void
model_q2_k_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ2_K, block, src);
  float d = model_f16_to_f32 (block.d), dmin = model_f16_to_f32 (block.dmin);

  for (unsigned j = 0; j < 8; j++)
    two_bits (block.qs, j, out->codes + 32 * j);
  for (unsigned j = 0; j < 16; j++) {
    out->scale[j] = d * (float) (block.scales[j] & 15);
    out->min[j] = -(dmin * (float) (block.scales[j] >> 4));
  }
}

void
model_q3_k_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ3_K, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned j = 0; j < 8; j++) {
    int8_t *codes = out->codes + 32 * j;

    two_bits (block.qs, j, codes);
    for (unsigned l = 0; l < 32; l++)
      codes[l] = (int8_t) (codes[l] + (block.hmask[l] >> j & 1) * 4 - 4);
  }
  for (unsigned j = 0; j < 16; j++)
    out->scale[j] = d * (float) model_q3k_scale (block.scales, j);
}

/* Eight sub-blocks of 32 with a scale and a minimum each. */
static void
scales_and_mins (uint16_t d16, uint16_t dmin16, const uint8_t scales[12], ModelCodes *out)
{
  float d = model_f16_to_f32 (d16), dmin = model_f16_to_f32 (dmin16);

  for (unsigned j = 0; j < 8; j++) {
    uint8_t scale, min;

    model_q4k_scale_min (scales, j, &scale, &min);
    out->scale[2 * j] = out->scale[2 * j + 1] = d * (float) scale;
    out->min[2 * j] = out->min[2 * j + 1] = -(dmin * (float) min);
  }
}

void
model_q4_k_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ4_K, block, src);

  for (unsigned j = 0; j < 8; j++)
    nibbles (block.qs, j, out->codes + 32 * j);
  scales_and_mins (block.d, block.dmin, block.scales, out);
}

void
model_q5_k_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ5_K, block, src);

  for (unsigned j = 0; j < 8; j++) {
    int8_t *codes = out->codes + 32 * j;

    nibbles (block.qs, j, codes);
    for (unsigned l = 0; l < 32; l++)
      codes[l] = (int8_t) (codes[l] | (block.qh[l] >> j & 1) << 4);
  }
  scales_and_mins (block.d, block.dmin, block.scales, out);
}

void
model_q6_k_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ6_K, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned j = 0; j < 8; j++) {
    /* Halves of 128 weights; in a half, quarters q of 32: low bits in 64 bytes of ql (quarters 0
     * and 1 the low nibbles, 2 and 3 the high ones), high bits in 32 bytes of qh, two for each
     * quarter. */
    unsigned half = j / 4, quarter = j % 4;
    const uint8_t *ql = block.ql + half * 64 + (quarter & 1) * 32, *qh = block.qh + half * 32;

    for (unsigned l = 0; l < 32; l++)
      out->codes[32 * j + l] = (int8_t) ((ql[l] >> (quarter / 2 * 4) & 15) +
                                         (qh[l] >> (quarter * 2) & 3) * 16 - 32);
  }
  for (unsigned j = 0; j < 16; j++)
    out->scale[j] = d * (float) block.scales[j];
}
