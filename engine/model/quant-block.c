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

/* Eight bits as bytes of 0 or 1. The product puts four bits into the lowest of four bytes. */
static void
spread_bits (uint8_t bits, uint8_t dst[8])
{
  const uint32_t ones = 0x01010101;
  uint32_t low = (bits & 15) * 0x00204081u & ones, high = (bits >> 4) * 0x00204081u & ones;

  memcpy (dst, &low, sizeof low);
  memcpy (dst + 4, &high, sizeof high);
}

/* Four codes of two bits as bytes. */
static void
spread_pairs (uint8_t pairs, uint8_t dst[4])
{
  uint32_t four = (pairs | (uint32_t) pairs << 12) & 0x000f000f;

  four = (four | four << 6) & 0x03030303;
  memcpy (dst, &four, sizeof four);
}

/* Bit j of 32 adds 16 to weight j. */
static void
fifth_bits (const uint8_t qh[4], int8_t codes[32])
{
  uint8_t bits[32];

  for (unsigned j = 0; j < 4; j++)
    spread_bits (qh[j], bits + 8 * j);
  for (unsigned j = 0; j < 32; j++)
    codes[j] = (int8_t) (codes[j] + 16 * bits[j]);
}

void
model_q4_0_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockQ4_0, block, src, b);

    nibbles (block.qs, -8, out->codes + 32 * b);
    fill (out->scale + 2 * b, 2, model_f16_to_f32 (block.d));
  }
}

void
model_q4_1_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockQ4_1, block, src, b);

    nibbles (block.qs, 0, out->codes + 32 * b);
    fill (out->scale + 2 * b, 2, model_f16_to_f32 (block.d));
    fill (out->min + 2 * b, 2, model_f16_to_f32 (block.m));
  }
}

void
model_q5_0_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockQ5_0, block, src, b);

    nibbles (block.qs, -16, out->codes + 32 * b);
    fifth_bits (block.qh, out->codes + 32 * b);
    fill (out->scale + 2 * b, 2, model_f16_to_f32 (block.d));
  }
}

void
model_q5_1_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockQ5_1, block, src, b);

    nibbles (block.qs, 0, out->codes + 32 * b);
    fifth_bits (block.qh, out->codes + 32 * b);
    fill (out->scale + 2 * b, 2, model_f16_to_f32 (block.d));
    fill (out->min + 2 * b, 2, model_f16_to_f32 (block.m));
  }
}

void
model_q8_0_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockQ8_0, block, src, b);

    memcpy (out->codes + 32 * b, block.qs, sizeof block.qs);
    fill (out->scale + 2 * b, 2, model_f16_to_f32 (block.d));
  }
}

void
model_q1_0_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockQ1_0, block, src, b);
    uint8_t bits[128];

    for (unsigned j = 0; j < 16; j++)
      spread_bits (block.qs[j], bits + 8 * j);
    for (unsigned i = 0; i < 128; i++)
      out->codes[128 * b + i] = (int8_t) (2 * bits[i] - 1);
    fill (out->scale + 8 * b, 8, model_f16_to_f32 (block.d));
  }
}

void
model_q2_0_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockQ2_0, block, src, b);
    uint8_t pairs[64];

    for (unsigned j = 0; j < 16; j++)
      spread_pairs (block.qs[j], pairs + 4 * j);
    for (unsigned i = 0; i < 64; i++)
      out->codes[64 * b + i] = (int8_t) (pairs[i] - 1);
    fill (out->scale + 4 * b, 4, model_f16_to_f32 (block.d));
  }
}

void
model_tq2_0_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockTQ2_0, block, src);

  for (unsigned j = 0; j < 8; j++)
    for (unsigned l = 0; l < 32; l++)
      out->codes[32 * j + l] = (int8_t) ((block.qs[j / 4 * 32 + l] >> (j % 4 * 2) & 3) - 1);
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
model_tq1_0_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockTQ1_0, block, src);
  int8_t *codes = ternary (block.qs, 32, 5, out->codes);

  codes = ternary (block.qs + 32, 16, 5, codes);
  ternary (block.qh, 4, 4, codes);
  fill (out->scale, 16, model_f16_to_f32 (block.d));
}
