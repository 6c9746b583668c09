/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The K formats, Q2_K to Q6_K: blocks of 256 weights whose scales are small integers times a scale
 * of their own. Knows nothing of the table. */
#include "engine/model/quant-private.h"

void
model_q4k_scale_min (const uint8_t scales[12], unsigned j, uint8_t *scale, uint8_t *min)
{
  if (j < 4) {
    *scale = scales[j] & 63;
    *min = scales[j + 4] & 63;
  } else { /* the low 4 bits are in bytes 8..11, the high 2 bits on top of the first eight bytes */
    *scale = (uint8_t) ((scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4);
    *min = (uint8_t) ((scales[j + 4] >> 4) | (scales[j] >> 6) << 4);
  }
}

int
model_q3k_scale (const uint8_t scales[12], unsigned j)
{
  unsigned low = scales[j % 8] >> (j / 8 * 4) & 15, high = scales[8 + j % 4] >> (j / 4 * 2) & 3;

  return (int) (low | high << 4) - 32;
}

/* 2-bit codes: halves of 128 weights, each 32 bytes, of which bits 2q belong to quarter q. */
static unsigned
two_bits (const uint8_t qs[64], unsigned i)
{
  return qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
}

void
model_q2_k_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ2_K, block, src);
  float d = model_f16_to_f32 (block.d), dmin = model_f16_to_f32 (block.dmin);

  for (unsigned i = 0; i < 256; i++)
    out->codes[i] = (int8_t) two_bits (block.qs, i);
  for (unsigned j = 0; j < 16; j++) {
    out->scale[j] = d * (float) (block.scales[j] & 15);
    out->min[j] = -(dmin * (float) (block.scales[j] >> 4));
  }
}

void
model_q3_k_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ3_K, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned i = 0; i < 256; i++)
    out->codes[i] =
        (int8_t) (two_bits (block.qs, i) + 4 * (block.hmask[i % 32] >> (i / 32) & 1u)) - 4;
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
model_q4_k_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ4_K, block, src);

  for (unsigned i = 0; i < 256; i++)
    out->codes[i] = (int8_t) (block.qs[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15);
  scales_and_mins (block.d, block.dmin, block.scales, out);
}

void
model_q5_k_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ5_K, block, src);

  for (unsigned i = 0; i < 256; i++)
    out->codes[i] = (int8_t) ((block.qs[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15) |
                              (block.qh[i % 32] >> (i / 32) & 1) << 4);
  scales_and_mins (block.d, block.dmin, block.scales, out);
}

void
model_q6_k_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ6_K, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned i = 0; i < 256; i++) {
    /* Halves of 128 weights; in a half, quarters q of 32: low bits in 64 bytes of ql (quarters 0
     * and 1 the low nibbles, 2 and 3 the high ones), high bits in 32 bytes of qh, two for each
     * quarter. */
    unsigned half = i / 128, quarter = i % 128 / 32, l = i % 32;
    unsigned low = block.ql[half * 64 + (quarter & 1) * 32 + l] >> (quarter / 2 * 4) & 15;
    unsigned high = block.qh[half * 32 + l] >> (quarter * 2) & 3;

    out->codes[i] = (int8_t) ((int) (low | high << 4) - 32);
  }
  for (unsigned j = 0; j < 16; j++)
    out->scale[j] = d * (float) block.scales[j];
}
