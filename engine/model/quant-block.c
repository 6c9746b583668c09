/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number formats whose codes count evenly and whose scale is one number a block: Q4_0 to Q8_0
 * (blocks of 32), Q1_0 and Q2_0, and the ternary TQ1_0 and TQ2_0. Knows nothing of the table. */
#include "engine/model/quant-private.h"

static void
fill (float *dst, unsigned n, float value)
{
  for (unsigned i = 0; i < n; i++)
    dst[i] = value;
}

/* 16 bytes: low nibbles are weights 0 .. 15, high ones 16 .. 31. */
static void
nibbles (const uint8_t qs[16], int offset, int8_t codes[32])
{
  for (unsigned j = 0; j < 16; j++) {
    codes[j] = (int8_t) ((qs[j] & 15) + offset);
    codes[j + 16] = (int8_t) ((qs[j] >> 4) + offset);
  }
}

/* Bit j of 32 adds 16 to weight j. */
static void
fifth_bits (const uint8_t qh[4], int8_t codes[32])
{
  for (unsigned j = 0; j < 32; j++)
    codes[j] = (int8_t) (codes[j] + 16 * (qh[j / 8] >> (j % 8) & 1));
}

void
model_q4_0_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ4_0, block, src);

  nibbles (block.qs, -8, out->codes);
  fill (out->scale, 2, model_f16_to_f32 (block.d));
}

void
model_q4_1_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ4_1, block, src);

  nibbles (block.qs, 0, out->codes);
  fill (out->scale, 2, model_f16_to_f32 (block.d));
  fill (out->min, 2, model_f16_to_f32 (block.m));
}

void
model_q5_0_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ5_0, block, src);

  nibbles (block.qs, -16, out->codes);
  fifth_bits (block.qh, out->codes);
  fill (out->scale, 2, model_f16_to_f32 (block.d));
}

void
model_q5_1_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ5_1, block, src);

  nibbles (block.qs, 0, out->codes);
  fifth_bits (block.qh, out->codes);
  fill (out->scale, 2, model_f16_to_f32 (block.d));
  fill (out->min, 2, model_f16_to_f32 (block.m));
}

void
model_q8_0_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ8_0, block, src);

  memcpy (out->codes, block.qs, sizeof block.qs);
  fill (out->scale, 2, model_f16_to_f32 (block.d));
}

void
model_q1_0_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ1_0, block, src);

  for (unsigned i = 0; i < 128; i++)
    out->codes[i] = block.qs[i / 8] >> (i % 8) & 1 ? 1 : -1;
  fill (out->scale, 8, model_f16_to_f32 (block.d));
}

void
model_q2_0_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockQ2_0, block, src);

  for (unsigned i = 0; i < 64; i++)
    out->codes[i] = (int8_t) ((block.qs[i / 4] >> (i % 4 * 2) & 3) - 1);
  fill (out->scale, 4, model_f16_to_f32 (block.d));
}

void
model_tq2_0_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockTQ2_0, block, src);

  for (unsigned i = 0; i < 256; i++)
    out->codes[i] = (int8_t) ((block.qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3) - 1);
  fill (out->scale, 16, model_f16_to_f32 (block.d));
}

/* A byte is a fraction of 256 whose first ternary digits are the codes: multiplied by 3 the next
 * digit is what carries over. n bytes, digits of each n weights apart. */
static int8_t *
ternary (const uint8_t *bytes, unsigned n, unsigned digits, int8_t *codes)
{
  static const uint8_t powers[] = { 1, 3, 9, 27, 81 };

  for (unsigned digit = 0; digit < digits; digit++)
    for (unsigned j = 0; j < n; j++)
      *codes++ = (int8_t) (((uint8_t) (bytes[j] * powers[digit]) * 3 >> 8) - 1);
  return codes;
}

void
model_tq1_0_expand (const void *src, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockTQ1_0, block, src);
  int8_t *codes = ternary (block.qs, 32, 5, out->codes);

  codes = ternary (block.qs + 32, 16, 5, codes);
  ternary (block.qh, 4, 4, codes);
  fill (out->scale, 16, model_f16_to_f32 (block.d));
}
