/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of GGUF number formats and the exact conversion of each to f32. It knows nothing of
 * files or tensors, and nothing here is fast: kernels are elsewhere and are tested against this. */
#include "engine/model/quant-private.h"

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

static void
f32_to_f32 (const void *src, float *dst, size_t n)
{
  memcpy (dst, src, n * sizeof *dst);
}

static void
f16_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    COPY_BLOCK (uint16_t, h, (const char *) src + 2 * i);
    dst[i] = model_f16_to_f32 (h);
  }
}

static void
bf16_to_f32 (const void *src, float *dst, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    COPY_BLOCK (uint16_t, h, (const char *) src + 2 * i);
    dst[i] = model_bf16_to_f32 (h);
  }
}

/* Blocks by way of their integers. */
static void
convert (void (*expand) (const void *, unsigned, ModelCodes *), gboolean has_min, size_t weights,
         size_t bytes, const void *src, float *dst, size_t n)
{
  const char *blocks = src;
  ModelCodes codes;

  for (size_t step; n > 0; n -= step, blocks += step / weights * bytes, dst += step) {
    step = MIN (n, sizeof codes.codes);
    expand (blocks, (unsigned) (step / weights), &codes);
    for (size_t i = 0; i < step; i++)
      dst[i] = (float) codes.codes[i] * codes.scale[i / 16];
    for (size_t i = 0; has_min && i < step; i++)
      dst[i] += codes.min[i / 16];
  }
}

#define CONVERT(name, Block, weights, has_min)                                      \
  static void name##_to_f32 (const void *src, float *dst, size_t n)                 \
  {                                                                                 \
    convert (model_##name##_expand, has_min, weights, sizeof (Block), src, dst, n); \
  }

CONVERT (q4_0, ModelBlockQ4_0, 32, FALSE)
CONVERT (q4_1, ModelBlockQ4_1, 32, TRUE)
CONVERT (q5_0, ModelBlockQ5_0, 32, FALSE)
CONVERT (q5_1, ModelBlockQ5_1, 32, TRUE)
CONVERT (q8_0, ModelBlockQ8_0, 32, FALSE)
CONVERT (q2_k, ModelBlockQ2_K, 256, TRUE)
CONVERT (q3_k, ModelBlockQ3_K, 256, FALSE)
CONVERT (q4_k, ModelBlockQ4_K, 256, TRUE)
CONVERT (q5_k, ModelBlockQ5_K, 256, TRUE)
CONVERT (q6_k, ModelBlockQ6_K, 256, FALSE)
CONVERT (iq4_nl, ModelBlockIQ4_NL, 32, FALSE)
CONVERT (iq4_xs, ModelBlockIQ4_XS, 256, FALSE)
CONVERT (mxfp4, ModelBlockMXFP4, 32, FALSE)
CONVERT (nvfp4, ModelBlockNVFP4, 64, FALSE)
CONVERT (iq2_xxs, ModelBlockIQ2_XXS, 256, FALSE)
CONVERT (iq2_xs, ModelBlockIQ2_XS, 256, FALSE)
CONVERT (iq2_s, ModelBlockIQ2_S, 256, FALSE)
CONVERT (iq3_xxs, ModelBlockIQ3_XXS, 256, FALSE)
CONVERT (iq3_s, ModelBlockIQ3_S, 256, FALSE)
CONVERT (iq1_s, ModelBlockIQ1_S, 256, FALSE)
CONVERT (iq1_m, ModelBlockIQ1_M, 256, FALSE)
CONVERT (tq1_0, ModelBlockTQ1_0, 256, FALSE)
CONVERT (tq2_0, ModelBlockTQ2_0, 256, FALSE)
CONVERT (q1_0, ModelBlockQ1_0, 128, FALSE)
CONVERT (q2_0, ModelBlockQ2_0, 64, FALSE)

#define ROW(TYPE, name, weights, has_min)                                        \
  {                                                                              \
    MODEL_TYPE_##TYPE, #TYPE, weights, sizeof (ModelBlock##TYPE), name##_to_f32, \
    model_##name##_expand, has_min                                               \
  }

/* Every type that GGUF has or had a name for. A row with a conversion is one that this version
 * runs; the others have their names here so that a refusal can say them. Ids without a row were
 * withdrawn. */
static const ModelTypeInfo types[] = {
  { MODEL_TYPE_F32, "F32", 1, 4, f32_to_f32, NULL, FALSE },
  { MODEL_TYPE_F16, "F16", 1, 2, f16_to_f32, NULL, FALSE },
  ROW (Q4_0, q4_0, 32, FALSE),
  ROW (Q4_1, q4_1, 32, TRUE),
  ROW (Q5_0, q5_0, 32, FALSE),
  ROW (Q5_1, q5_1, 32, TRUE),
  ROW (Q8_0, q8_0, 32, FALSE),
  { 9, "Q8_1", 32, 36, NULL, NULL, FALSE },
  ROW (Q2_K, q2_k, 256, TRUE),
  ROW (Q3_K, q3_k, 256, FALSE),
  ROW (Q4_K, q4_k, 256, TRUE),
  ROW (Q5_K, q5_k, 256, TRUE),
  ROW (Q6_K, q6_k, 256, FALSE),
  { 15, "Q8_K", 256, 292, NULL, NULL, FALSE },
  ROW (IQ2_XXS, iq2_xxs, 256, FALSE),
  ROW (IQ2_XS, iq2_xs, 256, FALSE),
  ROW (IQ3_XXS, iq3_xxs, 256, FALSE),
  ROW (IQ1_S, iq1_s, 256, FALSE),
  ROW (IQ4_NL, iq4_nl, 32, FALSE),
  ROW (IQ3_S, iq3_s, 256, FALSE),
  ROW (IQ2_S, iq2_s, 256, FALSE),
  ROW (IQ4_XS, iq4_xs, 256, FALSE),
  { 24, "I8", 1, 1, NULL, NULL, FALSE },
  { 25, "I16", 1, 2, NULL, NULL, FALSE },
  { 26, "I32", 1, 4, NULL, NULL, FALSE },
  { 27, "I64", 1, 8, NULL, NULL, FALSE },
  { 28, "F64", 1, 8, NULL, NULL, FALSE },
  ROW (IQ1_M, iq1_m, 256, FALSE),
  { MODEL_TYPE_BF16, "BF16", 1, 2, bf16_to_f32, NULL, FALSE },
  ROW (TQ1_0, tq1_0, 256, FALSE),
  ROW (TQ2_0, tq2_0, 256, FALSE),
  ROW (MXFP4, mxfp4, 32, FALSE),
  ROW (NVFP4, nvfp4, 64, FALSE),
  ROW (Q1_0, q1_0, 128, FALSE),
  ROW (Q2_0, q2_0, 64, FALSE),
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
