/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes GGUF blocks apart for the planes of the device. What codes and scales are is told by the
 * formats themselves (engine/model/quant.h); here is how the scales of each are kept small, and the
 * bits of those whose codes are indices of a codebook. It knows nothing of rows, planes or Vulkan:
 * where units end up is layout.c's business. */
#include "engine/vulkan/unpack.h"

#include "engine/model/quant-grids.h"

#include <string.h>

/* ---- scales of formats whose codes are bits ------------------------------------------------- */

/* unpack_NAME of a format whose blocks hold `blocks` of 32; sub: which of them it is. */
#define UNPACK(NAME, blocks, ...)                                                              \
  static void unpack_##NAME (const uint8_t *src, uint32_t n, VulkanUnit *unit, uint8_t *codes) \
  {                                                                                            \
    for (uint32_t at = 0; at < n; at += (blocks), src += sizeof (ModelBlock##NAME)) {          \
      ModelBlock##NAME block; /* which may begin at any byte */                                \
      memcpy (&block, src, sizeof block);                                                      \
      for (uint32_t sub = 0; sub < (blocks); sub++, unit++, codes += VULKAN_BLOCK) {           \
        __VA_ARGS__                                                                            \
      }                                                                                        \
    }                                                                                          \
  }

/* Two signed bytes, of 16 weights each. */
static uint32_t
two_bytes (int first, int second)
{
  return (uint8_t) first | (uint32_t) (uint8_t) second << 8;
}

/* Two f16. */
static uint32_t
two_halves (uint16_t first, uint16_t second)
{
  return first | (uint32_t) second << 16;
}

static uint32_t
scale_and_minimum (const uint8_t scales[12], uint32_t j)
{
  uint8_t scale, minimum;
  model_q4k_scale_min (scales, j, &scale, &minimum);
  return two_bytes (scale, minimum);
}

/* n bytes of two indices: those of the low nibbles come first. */
static inline void
indices (const uint8_t *qs, uint32_t n, uint8_t *codes)
{
  for (uint32_t i = 0; i < n; i++) {
    codes[i] = qs[i] & 15;
    codes[i + n] = qs[i] >> 4;
  }
}

/* Low nibbles of two bytes, then high ones. */
static uint32_t
four_nibbles (const uint8_t two[2])
{
  return (two[0] & 15u) | (two[1] & 15u) << 4 | (two[0] & 240u) << 4 | (two[1] & 240u) << 8;
}

/* clang-format off */
UNPACK (Q4_0, 1, unit->packed = block.d;)
UNPACK (Q4_1, 1, unit->packed = two_halves (block.d, block.m);)
UNPACK (Q5_0, 1, unit->packed = block.d;)
UNPACK (Q5_1, 1, unit->packed = two_halves (block.d, block.m);)
UNPACK (Q8_0, 1, unit->packed = block.d;)
UNPACK (Q1_0, 4, unit->packed = block.d;)
UNPACK (Q2_0, 2, unit->packed = block.d;)
UNPACK (IQ4_NL, 1, unit->packed = block.d;
                   indices (block.qs, 16, codes);)
UNPACK (MXFP4, 1, unit->packed = block.e;
                  indices (block.qs, 16, codes);)
UNPACK (NVFP4, 2, unit->packed = two_bytes (block.d[2 * sub], block.d[2 * sub + 1]);
                  indices (block.qs + 16 * sub, 8, codes);
                  indices (block.qs + 16 * sub + 8, 8, codes + 16);)
UNPACK (TQ1_0, 8, unit->super[0] = block.d;)
UNPACK (TQ2_0, 8, unit->super[0] = block.d;)
UNPACK (Q2_K, 8, unit->packed = four_nibbles (block.scales + 2 * sub);
                 unit->super[0] = two_halves (block.d, block.dmin);)
UNPACK (Q3_K, 8, unit->packed = two_bytes (model_q3k_scale (block.scales, 2 * sub),
                                           model_q3k_scale (block.scales, 2 * sub + 1));
                 unit->super[0] = block.d;)
UNPACK (Q4_K, 8, unit->packed = scale_and_minimum (block.scales, sub);
                 unit->super[0] = two_halves (block.d, block.dmin);)
UNPACK (Q5_K, 8, unit->packed = scale_and_minimum (block.scales, sub);
                 unit->super[0] = two_halves (block.d, block.dmin);)
UNPACK (Q6_K, 8, unit->packed = two_bytes (block.scales[2 * sub], block.scales[2 * sub + 1]);
                 unit->super[0] = block.d;)
UNPACK (IQ4_XS, 8, unit->packed = (uint8_t) model_iq4xs_scale (&block, sub);
                   unit->super[0] = block.d;
                   indices (block.qs + 16 * sub, 16, codes);)
/* clang-format on */

/* ---- formats whose words are kept ----------------------------------------------------------- */

/* Eight signs of weights 8j .. 8j + 7, in the places of upper bits (weights.glsl): two a byte. */
static uint32_t
place_signs (uint32_t signs, uint32_t j)
{
  signs = (signs | signs << 12) & 0x000f000f;
  signs = (signs | signs << 6) & 0x03030303;
  return signs << (2 * j);
}

/* Four times 8 signs. */
static uint32_t
place_all_signs (const uint8_t signs[4])
{
  uint32_t word = 0;
  for (uint32_t j = 0; j < 4; j++)
    word |= place_signs (signs[j], j);
  return word;
}

/* Four times 7 signs, and four bits in the places of the eighth ones. */
static uint32_t
place_seven_signs (uint32_t signs, uint32_t guests)
{
  uint32_t word = 0;
  for (uint32_t j = 0; j < 4; j++)
    word |= place_signs ((signs >> (7 * j) & 127u) | (guests >> j & 1u) << 7, j);
  return word;
}

static uint32_t
load32 (const uint8_t *bytes)
{
  uint32_t x;
  memcpy (&x, bytes, sizeof x);
  return x;
}

/* clang-format off */
UNPACK (IQ2_XXS, 8, uint32_t signs = load32 (block.qs + 8 * sub + 4); /* and the scale */
                    unit->words[0] = place_seven_signs (signs, signs >> 28);
                    unit->words[1] = load32 (block.qs + 8 * sub);
                    unit->super[0] = block.d;)
UNPACK (IQ2_XS, 8, unit->words[0] = unit->words[1] = 0;
                   for (uint32_t j = 0; j < 4; j++) {
                     uint32_t q = block.qs[4 * sub + j]; /* 9 bits, 7 signs */
                     unit->words[0] |= place_signs (q >> 9 | (q >> 8 & 1u) << 7, j);
                     unit->words[1] |= (q & 255u) << (8 * j);
                   }
                   unit->packed = block.scales[sub];
                   unit->super[0] = block.d;)
UNPACK (IQ2_S, 8, unit->words[0] = place_all_signs (block.signs + 4 * sub);
                  unit->words[1] = load32 (block.qs + 4 * sub);
                  unit->packed = two_bytes (block.scales[sub], block.qh[sub]);
                  unit->super[0] = block.d;)
UNPACK (IQ3_XXS, 8, uint32_t signs = load32 (block.signs + 4 * sub); /* and the scale */
                    unit->words[0] = place_seven_signs (signs, signs >> 28);
                    memcpy (&unit->words[1], block.qs + 8 * sub, 8);
                    unit->super[0] = block.d;)
UNPACK (IQ3_S, 8, unit->words[0] = place_all_signs (block.signs + 4 * sub);
                  memcpy (&unit->words[1], block.qs + 8 * sub, 8);
                  unit->packed = two_bytes (block.scales[sub / 2] >> (sub % 2 * 4) & 15,
                                            block.qh[sub]);
                  unit->super[0] = block.d;)
UNPACK (IQ1_S, 8, unit->words[0] = load32 (block.qs + 4 * sub);
                  unit->packed = block.qh[sub];
                  unit->super[0] = block.d;)
UNPACK (IQ1_M, 8, unit->words[0] = load32 (block.qs + 4 * sub);
                  unit->packed = two_bytes (block.qh[2 * sub], block.qh[2 * sub + 1]);
                  memcpy (unit->super, block.scales, sizeof unit->super);)
/* clang-format on */

/* ---- the table ------------------------------------------------------------------------------ */

#define BITS(type, form, wide, offset) \
  { MODEL_TYPE_##type, SHADER_FORM_##form, SHADER_FORM_##wide, offset, NULL, FALSE, unpack_##type }
#define VALUES(type, wide, values) \
  { MODEL_TYPE_##type, SHADER_FORM_##type, SHADER_FORM_##wide, 0, values, FALSE, unpack_##type }
#define FLOATS(type) \
  { MODEL_TYPE_##type, SHADER_FORM_##type, SHADER_FORM_##type, 0, NULL, FALSE, NULL }
#define WORDS(type) \
  { MODEL_TYPE_##type, SHADER_FORM_##type, SHADER_FORM_##type, 0, NULL, TRUE, unpack_##type }

static const VulkanFormat formats[] = {
  FLOATS (F32),
  FLOATS (F16),
  FLOATS (BF16),
  BITS (Q4_0, Q4_0, WIDE_4, 8),
  BITS (Q4_1, Q4_1, WIDE_4, 0),
  BITS (Q5_0, Q5_0, WIDE_5, 16),
  BITS (Q5_1, Q5_1, WIDE_5, 0),
  BITS (Q8_0, Q8_0, WIDE_8, 0),
  BITS (Q2_K, Q2_K, WIDE_2, 0),
  BITS (Q3_K, Q3_K, WIDE_3, 4),
  BITS (Q4_K, Q4_K, WIDE_4, 0),
  BITS (Q5_K, Q5_K, WIDE_5, 0),
  BITS (Q6_K, Q6_K, WIDE_6, 32),
  BITS (TQ1_0, TERNARY, TERNARY, 1),
  BITS (TQ2_0, TERNARY, TERNARY, 1),
  BITS (Q1_0, Q2_0, Q2_0, 1),
  BITS (Q2_0, Q2_0, Q2_0, 1),
  VALUES (IQ4_NL, WIDE_TABLE, model_iq4_values),
  VALUES (IQ4_XS, WIDE_TABLE, model_iq4_values),
  VALUES (MXFP4, WIDE_TABLE, model_fp4_values),
  VALUES (NVFP4, NVFP4, model_fp4_values),
  WORDS (IQ2_XXS),
  WORDS (IQ2_XS),
  WORDS (IQ2_S),
  WORDS (IQ3_XXS),
  WORDS (IQ3_S),
  WORDS (IQ1_S),
  WORDS (IQ1_M),
};

const VulkanFormat *
vulkan_format (uint32_t type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].type == type)
      return &formats[i];
  return NULL;
}

/* ---- codes ---------------------------------------------------------------------------------- */

/* Scales of weights 0..15 and 16..31, minimums as if codes began from 0, as a WIDE form holds
 * them. */
static void
put_wide (ShaderForm form, const float scale[2], const float minimum[2], float wide[4])
{
  wide[0] = scale[0];
  switch (form) {
  case SHADER_FORM_WIDE_2:
    wide[1] = scale[1];
    wide[2] = minimum[0];
    wide[3] = minimum[1];
    break;
  case SHADER_FORM_WIDE_3:
  case SHADER_FORM_WIDE_6:
    wide[1] = scale[1]; /* the kernel knows the offset */
    break;
  default:
    wide[1] = minimum[0];
  }
}

void
vulkan_format_unpack (const VulkanFormat *format, const ModelTypeInfo *type, const uint8_t *src,
                      uint32_t n, gboolean wide, VulkanChunk *chunk)
{
  format->unpack (src, n, chunk->units, chunk->codes);
  if (format->as_words || (format->values != NULL && !wide))
    return;
  ModelCodes all;
  if (!type->has_min)
    memset (all.min, 0, sizeof all.min);
  type->expand (src, n * VULKAN_BLOCK / type->block_weights, &all);
  for (uint32_t i = 0; format->values == NULL && i < n * VULKAN_BLOCK; i++)
    chunk->codes[i] = (uint8_t) (all.codes[i] + format->offset);
  for (uint32_t u = 0; wide && u < n; u++) {
    const float *scale = all.scale + 2 * u, *min = all.min + 2 * u;
    float minimum[2] = { min[0] - (float) format->offset * scale[0],
                         min[1] - (float) format->offset * scale[1] };
    put_wide (format->wide_form, scale, minimum, chunk->wide[u]);
  }
}

/* ---- books ---------------------------------------------------------------------------------- */

/* A codebook of the file's formats: entries of 8 indices of 2 bits, or of 4 of 3 bits. */
typedef struct {
  ModelType type;
  const uint16_t *grid;
  uint32_t n, bits;
  uint8_t values[8]; /* of the indices */
} Grid;

static const Grid grids[] = {
  { MODEL_TYPE_IQ2_XXS, model_grid_iq2_xxs, 256, 2, { 8, 25, 43 } },
  { MODEL_TYPE_IQ2_XS, model_grid_iq2_xs, 512, 2, { 8, 25, 43 } },
  { MODEL_TYPE_IQ2_S, model_grid_iq2_s, 1024, 2, { 8, 25, 43 } },
  { MODEL_TYPE_IQ3_XXS, model_grid_iq3_xxs, 256, 3, { 4, 12, 20, 28, 36, 44, 52, 62 } },
  { MODEL_TYPE_IQ3_S, model_grid_iq3_s, 512, 3, { 1, 3, 5, 7, 9, 11, 13, 15 } },
};

/* Entries as grids.glsl has them: bytes in the order of codes. */
static uint32_t
grid_book (const Grid *grid, uint32_t *dst)
{
  uint32_t words = grid->bits == 2 ? 2 : 1; /* of an entry */
  for (uint32_t i = 0; dst != NULL && i < grid->n * words; i++) {
    dst[i] = 0;
    for (uint32_t t = 0; t < 4; t++) {
      uint32_t weight = words == 2 ? 2 * t + i % 2 : 2 * (t % 2) + t / 2;
      uint32_t index = grid->grid[i / words] >> (grid->bits * weight) & ((1u << grid->bits) - 1);
      dst[i] |= (uint32_t) grid->values[index] << (8 * t);
    }
  }
  return grid->n * words;
}

/* Eight digits 0, 1, 2 of 4 bits in a word. */
static uint32_t
ternary_book (uint32_t *dst)
{
  for (uint32_t i = 0; dst != NULL && i < G_N_ELEMENTS (model_grid_iq1); i++) {
    dst[i] = 0;
    for (uint32_t n = 0; n < 8; n++)
      dst[i] |= (uint32_t) (model_grid_iq1[i] >> (2 * n) & 3) << (4 * n);
  }
  return G_N_ELEMENTS (model_grid_iq1);
}

uint32_t
vulkan_format_book (const VulkanFormat *format, uint32_t *dst)
{
  if (format->type == MODEL_TYPE_IQ1_S || format->type == MODEL_TYPE_IQ1_M)
    return ternary_book (dst);
  for (size_t i = 0; i < G_N_ELEMENTS (grids); i++)
    if (grids[i].type == format->type)
      return grid_book (&grids[i], dst);
  for (uint32_t i = 0; format->values != NULL && dst != NULL && i < 16; i++)
    dst[i] = (uint8_t) format->values[i];
  return format->values != NULL ? 16 : 0;
}
