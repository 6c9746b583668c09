/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number formats whose codes are looked up: IQ4 and the 4-bit floats in a table of 16 values,
 * IQ1, IQ2 and IQ3 in codebooks of whole groups of weights. Knows nothing of the table of
 * formats. */
#include "engine/model/quant-grids.h"
#include "engine/model/quant-private.h"

const int8_t model_iq4_values[16] = { -127, -104, -83, -65, -49, -35, -22, -10,
                                      1, 13, 25, 38, 53, 69, 89, 113 };
const int8_t model_fp4_values[16] = { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 };

/* n bytes: low nibbles are weights 0 .. n - 1, high ones the next n. */
static void
look_up (const int8_t values[16], const uint8_t *qs, unsigned n, int8_t *codes)
{
  for (unsigned j = 0; j < n; j++) {
    codes[j] = values[qs[j] & 15];
    codes[j + n] = values[qs[j] >> 4];
  }
}

void
model_iq4_nl_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockIQ4_NL, block, src, b);

    look_up (model_iq4_values, block.qs, 16, out->codes + 32 * b);
    out->scale[2 * b] = out->scale[2 * b + 1] = model_f16_to_f32 (block.d);
  }
}

void
model_iq4_xs_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ4_XS, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned j = 0; j < 8; j++) {
    look_up (model_iq4_values, block.qs + 16 * j, 16, out->codes + 32 * j);
    out->scale[2 * j] = out->scale[2 * j + 1] = d * (float) model_iq4xs_scale (&block, j);
  }
}

float
model_e8m0_half (uint8_t e)
{
  uint32_t bits = e < 2 ? 0x00200000u << e : (uint32_t) (e - 1) << 23;
  float f;

  memcpy (&f, &bits, sizeof f);
  return f;
}

void
model_mxfp4_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockMXFP4, block, src, b);

    look_up (model_fp4_values, block.qs, 16, out->codes + 32 * b);
    out->scale[2 * b] = out->scale[2 * b + 1] = model_e8m0_half (block.e);
  }
}

float
model_ue4m3_half (uint8_t e)
{
  unsigned exponent = e >> 3 & 15, mantissa = e & 7;
  uint32_t bits = (exponent + 127 - 7 - 1) << 23 | mantissa << 20;
  float f;

  if (e == 0x7f)
    return 0;
  if (exponent == 0)
    return (float) mantissa * 0x1p-10f;
  memcpy (&f, &bits, sizeof f);
  return f;
}

void
model_nvfp4_expand (const void *src, unsigned n, ModelCodes *out)
{
  for (unsigned b = 0; b < n; b++) {
    COPY_NTH (ModelBlockNVFP4, block, src, b);

    for (unsigned j = 0; j < 4; j++) {
      look_up (model_fp4_values, block.qs + 8 * j, 8, out->codes + 64 * b + 16 * j);
      out->scale[4 * b + j] = model_ue4m3_half (block.d[j]);
    }
  }
}

/* ---- codebooks ------------------------------------------------------------------------------ */

static const int8_t iq2_values[4] = { 8, 25, 43, 0 };
static const int8_t iq3_xxs_values[8] = { 4, 12, 20, 28, 36, 44, 52, 62 };
static const int8_t iq3_s_values[8] = { 1, 3, 5, 7, 9, 11, 13, 15 };

/* n weights of a codebook's entry; bit i of signs turns weight i. */
static void
put_group (unsigned entry, unsigned bits, unsigned n, const int8_t *values, unsigned signs,
           int8_t *codes)
{
  for (unsigned i = 0; i < n; i++) {
    int8_t value = values[entry >> (bits * i) & ((1u << bits) - 1)];

    codes[i] = signs >> i & 1 ? (int8_t) -value : value;
  }
}

/* Seven signs are stored: the number of all eight is even. */
static unsigned
eight_signs (unsigned seven)
{
  return seven | (unsigned) (__builtin_popcount (seven) & 1) << 7;
}

/* Nibble j of packed scales. */
static unsigned
nibble (const uint8_t *scales, unsigned j)
{
  return scales[j / 2] >> (j % 2 * 4) & 15;
}

static uint32_t
load32 (const void *p)
{
  uint32_t x;

  memcpy (&x, p, sizeof x);
  return x;
}

void
model_iq2_xxs_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ2_XXS, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned j = 0; j < 8; j++) { /* four entries, then 4 x 7 signs and a scale of 4 bits */
    const uint8_t *qs = block.qs + 8 * j;
    uint32_t word = load32 (qs + 4);

    for (unsigned g = 0; g < 4; g++)
      put_group (model_grid_iq2_xxs[qs[g]], 2, 8, iq2_values, eight_signs (word >> (7 * g) & 127),
                 out->codes + 32 * j + 8 * g);
    out->scale[2 * j] = out->scale[2 * j + 1] = d * (0.5f + (float) (word >> 28)) * 0.25f;
  }
}

void
model_iq2_xs_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ2_XS, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned g = 0; g < 32; g++)
    put_group (model_grid_iq2_xs[block.qs[g] & 511], 2, 8, iq2_values,
               eight_signs (block.qs[g] >> 9), out->codes + 8 * g);
  for (unsigned j = 0; j < 16; j++)
    out->scale[j] = d * (0.5f + (float) nibble (block.scales, j)) * 0.25f;
}

void
model_iq2_s_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ2_S, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned g = 0; g < 32; g++) {
    unsigned high = block.qh[g / 4] >> (g % 4 * 2) & 3;

    put_group (model_grid_iq2_s[block.qs[g] | high << 8], 2, 8, iq2_values, block.signs[g],
               out->codes + 8 * g);
  }
  for (unsigned j = 0; j < 16; j++)
    out->scale[j] = d * (0.5f + (float) nibble (block.scales, j)) * 0.25f;
}

void
model_iq3_xxs_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ3_XXS, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned j = 0; j < 8; j++) {
    uint32_t word = load32 (block.signs + 4 * j); /* as in IQ2_XXS */

    for (unsigned g = 0; g < 8; g++)
      put_group (model_grid_iq3_xxs[block.qs[8 * j + g]], 3, 4, iq3_xxs_values,
                 eight_signs (word >> (7 * (g / 2)) & 127) >> (4 * (g % 2)),
                 out->codes + 32 * j + 4 * g);
    out->scale[2 * j] = out->scale[2 * j + 1] = d * (0.5f + (float) (word >> 28)) * 0.5f;
  }
}

void
model_iq3_s_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ3_S, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned g = 0; g < 64; g++) {
    unsigned high = block.qh[g / 8] >> (g % 8) & 1;

    put_group (model_grid_iq3_s[block.qs[g] | high << 8], 3, 4, iq3_s_values,
               block.signs[g / 2] >> (4 * (g % 2)), out->codes + 4 * g);
  }
  for (unsigned j = 0; j < 8; j++)
    out->scale[2 * j] = out->scale[2 * j + 1] =
        d * (float) (1 + 2 * nibble (block.scales, j));
}

/* Eight weights (v ± 1/8) with v = -1, 0, 1, as integers: 8 v ± 1. */
static void
put_shifted (unsigned entry, gboolean down, int8_t *codes)
{
  for (unsigned i = 0; i < 8; i++)
    codes[i] = (int8_t) (8 * ((int) (entry >> (2 * i) & 3) - 1) + (down ? -1 : 1));
}

void
model_iq1_s_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ1_S, block, src);
  float d = model_f16_to_f32 (block.d);

  for (unsigned j = 0; j < 8; j++) { /* 4 x 3 high bits, a scale of 3 bits, the shift's sign */
    unsigned qh = block.qh[j];

    for (unsigned g = 0; g < 4; g++)
      put_shifted (model_grid_iq1[block.qs[4 * j + g] | (qh >> (3 * g) & 7) << 8], qh >> 15,
                   out->codes + 32 * j + 8 * g);
    out->scale[2 * j] = out->scale[2 * j + 1] = d * (float) (2 * (qh >> 12 & 7) + 1) * 0.125f;
  }
}

/* The f16 scale of the block lies in the top nibbles of the four words of scales. */
void
model_iq1_m_expand (const void *src, unsigned n, ModelCodes *out)
{
  COPY_BLOCK (ModelBlockIQ1_M, block, src);
  const uint16_t *s = block.scales;
  float d = model_f16_to_f32 ((uint16_t) (s[0] >> 12 | (s[1] >> 12) << 4 | (s[2] >> 12) << 8 |
                                          (s[3] >> 12) << 12));

  for (unsigned g = 0; g < 32; g++) {
    unsigned qh = block.qh[g / 2] >> (g % 2 * 4) & 15;

    put_shifted (model_grid_iq1[block.qs[g] | (qh & 7) << 8], qh >> 3, out->codes + 8 * g);
  }
  for (unsigned j = 0; j < 16; j++)
    out->scale[j] = d * (float) (2 * (s[j / 4] >> (j % 4 * 3) & 7) + 1) * 0.125f;
}
