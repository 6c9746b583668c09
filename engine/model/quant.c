/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of GGUF number formats and the exact conversion of each to f32. It knows nothing of
 * files or tensors, and nothing here is fast: kernels are elsewhere and are tested against this. */
#include "engine/model/quant.h"

#include <string.h>

/* Bits of a float without breaking aliasing rules. */
static float
float_of_bits (uint32_t bits)
{
  float f;

  memcpy (&f, &bits, sizeof f);
  return f;
}

float
model_f16_to_f32 (uint16_t h)
{
  uint32_t sign = (uint32_t) (h & 0x8000) << 16;
  uint32_t exponent = (h >> 10) & 0x1f;
  uint32_t mantissa = h & 0x3ff;

  if (exponent == 31) /* infinity, or a NaN that keeps its payload */
    return float_of_bits (sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0) {
    /* Zero or subnormal: mantissa * 2^-24 is a normal float, so that the product is exact. */
    float value = (float) mantissa * 0x1p-24f;

    return sign ? -value : value;
  }
  return float_of_bits (sign | (exponent + 112) << 23 | mantissa << 13);
}

/* Shifts right by n (1..24) and rounds to nearest, ties to even. */
static uint32_t
shift_round_even (uint32_t value, unsigned n)
{
  uint32_t half = 1u << (n - 1);
  uint32_t rest = value & ((1u << n) - 1);
  uint32_t result = value >> n;

  if (rest > half || (rest == half && (result & 1)))
    result++;
  return result;
}

uint16_t
model_f32_to_f16 (float f)
{
  uint32_t bits, magnitude;
  uint16_t sign;

  memcpy (&bits, &f, sizeof bits);
  sign = (uint16_t) (bits >> 16 & 0x8000);
  magnitude = bits & 0x7fffffff;

  if (magnitude > 0x7f800000) /* NaN: stays one, made quiet */
    return (uint16_t) (sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) /* 2^16 and more, and infinity */
    return sign | 0x7c00;
  if (magnitude >=
      0x38800000) /* normal in f16; a carry of the rounding grows the exponent, up to infinity */
    return (uint16_t) (sign | (shift_round_even (magnitude, 13) - (112u << 10)));
  if (magnitude < 0x33000000) /* below half of the smallest subnormal */
    return sign;
  {
    uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    unsigned exponent = magnitude >> 23; /* 102..112 */

    return (uint16_t) (sign | shift_round_even (mantissa, 126 - exponent));
  }
}

float
model_bf16_to_f32 (uint16_t h)
{
  return float_of_bits ((uint32_t) h << 16);
}

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

/* Rows in files may begin at any byte: blocks are copied out before their fields are read. */
#define COPY_BLOCK(type, block, src, i) \
  type block;                           \
  memcpy (&block, (const char *) (src) + (i) * sizeof (type), sizeof (type))

static void
f32_to_f32 (const void *src, float *dst, size_t n)
{
  memcpy (dst, src, n * sizeof *dst);
}

static void
f16_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    COPY_BLOCK (uint16_t, h, src, i);
    dst[i] = model_f16_to_f32 (h);
  }
}

static void
bf16_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    COPY_BLOCK (uint16_t, h, src, i);
    dst[i] = model_bf16_to_f32 (h);
  }
}

static void
q4_0_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n / 32; i++, dst += 32) {
    COPY_BLOCK (ModelBlockQ4_0, block, src, i);
    float d = model_f16_to_f32 (block.d);

    for (int j = 0; j < 16; j++) {
      dst[j] = (float) ((block.qs[j] & 15) - 8) * d;
      dst[j + 16] = (float) ((block.qs[j] >> 4) - 8) * d;
    }
  }
}

static void
q4_1_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n / 32; i++, dst += 32) {
    COPY_BLOCK (ModelBlockQ4_1, block, src, i);
    float d = model_f16_to_f32 (block.d), m = model_f16_to_f32 (block.m);

    for (int j = 0; j < 16; j++) {
      dst[j] = (float) (block.qs[j] & 15) * d + m;
      dst[j + 16] = (float) (block.qs[j] >> 4) * d + m;
    }
  }
}

static void
q8_0_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n / 32; i++, dst += 32) {
    COPY_BLOCK (ModelBlockQ8_0, block, src, i);
    float d = model_f16_to_f32 (block.d);

    for (int j = 0; j < 32; j++)
      dst[j] = (float) block.qs[j] * d;
  }
}

static void
q4_k_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n / 256; i++, dst += 256) {
    COPY_BLOCK (ModelBlockQ4_K, block, src, i);
    float d = model_f16_to_f32 (block.d), dmin = model_f16_to_f32 (block.dmin);

    for (unsigned j = 0; j < 8; j++) { /* sub-blocks of 32 */
      const uint8_t *qs = block.qs + j / 2 * 32;
      unsigned shift = j % 2 * 4;
      uint8_t scale, min;
      float d_sub, m_sub;

      model_q4k_scale_min (block.scales, j, &scale, &min);
      d_sub = d * (float) scale;
      m_sub = dmin * (float) min;
      for (unsigned l = 0; l < 32; l++)
        dst[j * 32 + l] = d_sub * (float) (qs[l] >> shift & 15) - m_sub;
    }
  }
}

static void
q6_k_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n / 256; i++, dst += 256) {
    COPY_BLOCK (ModelBlockQ6_K, block, src, i);
    float d = model_f16_to_f32 (block.d);

    for (unsigned j = 0; j < 256; j++) {
      /* Halves of 128 weights; in a half, quarters q of 32: low bits in 64 bytes of ql (quarters 0
       * and 1 the low nibbles, 2 and 3 the high ones), high bits in 32 bytes of qh, two for each
       * quarter. */
      unsigned half = j / 128, quarter = j % 128 / 32, l = j % 32;
      unsigned low = block.ql[half * 64 + (quarter & 1) * 32 + l] >> (quarter / 2 * 4) & 15;
      unsigned high = block.qh[half * 32 + l] >> (quarter * 2) & 3;
      int q = (int) (low | high << 4) - 32;

      dst[j] = d * (float) block.scales[j / 16] * (float) q;
    }
  }
}

/* Every type that GGUF has or had a name for. A row with a conversion is one that this version
 * runs; the others have their names here so that a refusal can say them. Ids without a row were
 * withdrawn. */
static const ModelTypeInfo types[] = {
  { MODEL_TYPE_F32, "F32", 1, 4, f32_to_f32 },
  { MODEL_TYPE_F16, "F16", 1, 2, f16_to_f32 },
  { MODEL_TYPE_Q4_0, "Q4_0", 32, 18, q4_0_to_f32 },
  { MODEL_TYPE_Q4_1, "Q4_1", 32, 20, q4_1_to_f32 },
  { 6, "Q5_0", 32, 22, NULL },
  { 7, "Q5_1", 32, 24, NULL },
  { MODEL_TYPE_Q8_0, "Q8_0", 32, 34, q8_0_to_f32 },
  { 9, "Q8_1", 32, 36, NULL },
  { 10, "Q2_K", 256, 84, NULL },
  { 11, "Q3_K", 256, 110, NULL },
  { MODEL_TYPE_Q4_K, "Q4_K", 256, 144, q4_k_to_f32 },
  { 13, "Q5_K", 256, 176, NULL },
  { MODEL_TYPE_Q6_K, "Q6_K", 256, 210, q6_k_to_f32 },
  { 15, "Q8_K", 256, 292, NULL },
  { 16, "IQ2_XXS", 256, 66, NULL },
  { 17, "IQ2_XS", 256, 74, NULL },
  { 18, "IQ3_XXS", 256, 98, NULL },
  { 19, "IQ1_S", 256, 50, NULL },
  { 20, "IQ4_NL", 32, 18, NULL },
  { 21, "IQ3_S", 256, 110, NULL },
  { 22, "IQ2_S", 256, 82, NULL },
  { 23, "IQ4_XS", 256, 136, NULL },
  { 24, "I8", 1, 1, NULL },
  { 25, "I16", 1, 2, NULL },
  { 26, "I32", 1, 4, NULL },
  { 27, "I64", 1, 8, NULL },
  { 28, "F64", 1, 8, NULL },
  { 29, "IQ1_M", 256, 56, NULL },
  { MODEL_TYPE_BF16, "BF16", 1, 2, bf16_to_f32 },
  { 34, "TQ1_0", 256, 54, NULL },
  { 35, "TQ2_0", 256, 66, NULL },
  { 39, "MXFP4", 32, 17, NULL },
  { 40, "NVFP4", 64, 36, NULL },
  { 41, "Q1_0", 128, 18, NULL },
  { 42, "Q2_0", 64, 18, NULL },
};

const ModelTypeInfo *
model_type_known (uint32_t id)
{
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].id == id)
      return &types[i];
  return NULL;
}

const ModelTypeInfo *
model_type_info (uint32_t id)
{
  const ModelTypeInfo *info = model_type_known (id);

  return info != NULL && info->to_f32 != NULL ? info : NULL;
}

const char *
model_type_name (uint32_t id)
{
  const ModelTypeInfo *info = model_type_known (id);

  return info != NULL ? info->name : NULL;
}

size_t
model_type_row_bytes (const ModelTypeInfo *info, uint64_t n)
{
  return (size_t) (n / info->block_weights * info->block_bytes);
}
