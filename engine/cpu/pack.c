/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights from the file into their layout (layout.h), and rows of them as floats. One function per
 * type takes 32 columns of a file's block apart; where their bits go is the same for all. Knows
 * bytes only; must not know threads or files. */
#include "engine/cpu/layout.h"

#include <string.h>

/* 32 columns of a row on their way. */
typedef struct {
  uint32_t group[8]; /* codes of columns 4g .. 4g+3, a byte each */
  uint32_t scale[2]; /* as many bits as the layout has */
} Unit;

typedef struct {
  CpuFormat format;
  /* Columns 32 b .. of a file's block. Quantised only. */
  void (*split) (const uint8_t *block, uint32_t b, Unit *unit);
  uint32_t head_at[2]; /* in the file's block, of what the layout has before 256 columns */
} Packing;

static inline uint32_t
load16 (const uint8_t *p)
{
  uint16_t x;

  memcpy (&x, p, sizeof x);
  return x;
}

static inline uint32_t
load32 (const uint8_t *p)
{
  uint32_t x;

  memcpy (&x, p, sizeof x);
  return x;
}

static inline void
store32 (uint8_t *p, uint32_t x)
{
  memcpy (p, &x, sizeof x);
}

/* ---- blocks of 32 --------------------------------------------------------------------------- */

/* Byte j holds column j below and j + 16 above. */
static inline void
split_nibbles (const uint8_t qs[16], uint32_t group[8])
{
  for (uint32_t g = 0; g < 4; g++) {
    group[g] = load32 (qs + 4 * g) & 0x0f0f0f0f;
    group[g + 4] = load32 (qs + 4 * g) >> 4 & 0x0f0f0f0f;
  }
}

/* Bit j of 32 is the fifth of column j: the product puts four bits into the lowest of four
 * bytes. */
static inline void
add_fifth_bits (const uint8_t qh[4], uint32_t group[8])
{
  uint32_t bits = load32 (qh);

  for (uint32_t g = 0; g < 8; g++)
    group[g] |= ((bits >> (4 * g) & 15) * 0x00204081 & 0x01010101) << 4;
}

static void
split_q4_0 (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_nibbles (block + 2, unit->group);
  unit->scale[0] = load16 (block);
}

static void
split_q4_1 (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_nibbles (block + 4, unit->group);
  unit->scale[0] = load16 (block);
  unit->scale[1] = load16 (block + 2);
}

static void
split_q5_0 (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_nibbles (block + 6, unit->group);
  add_fifth_bits (block + 2, unit->group);
  unit->scale[0] = load16 (block);
}

static void
split_q5_1 (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_nibbles (block + 8, unit->group);
  add_fifth_bits (block + 4, unit->group);
  unit->scale[0] = load16 (block);
  unit->scale[1] = load16 (block + 2);
}

static void
split_q8_0 (const uint8_t *block, uint32_t b, Unit *unit)
{
  for (uint32_t g = 0; g < 8; g++)
    unit->group[g] = load32 (block + 2 + 4 * g) ^ 0x80808080;
  unit->scale[0] = load16 (block);
}

static void
split_mxfp4 (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_nibbles (block + 1, unit->group);
  unit->scale[0] = block[0];
}

/* ---- blocks of 256 -------------------------------------------------------------------------- */

/* Halves of 128 columns; quarter q of a half has bits 2q of its 32 bytes. */
static inline void
split_two_bits (const uint8_t qs[64], uint32_t b, uint32_t group[8])
{
  for (uint32_t g = 0; g < 8; g++)
    group[g] = load32 (qs + 32 * (b / 4) + 4 * g) >> (2 * (b % 4)) & 0x03030303;
}

static void
split_q2_k (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_two_bits (block + offsetof (ModelBlockQ2_K, qs), b, unit->group);
  unit->scale[0] = block[2 * b];
  unit->scale[1] = block[2 * b + 1];
}

static void
split_q3_k (const uint8_t *block, uint32_t b, Unit *unit)
{
  const uint8_t *scales = block + offsetof (ModelBlockQ3_K, scales);

  split_two_bits (block + offsetof (ModelBlockQ3_K, qs), b, unit->group);
  for (uint32_t g = 0; g < 8; g++)
    unit->group[g] |= (load32 (block + 4 * g) >> b & 0x01010101) << 2;
  unit->scale[0] = (uint8_t) model_q3k_scale (scales, 2 * b);
  unit->scale[1] = (uint8_t) model_q3k_scale (scales, 2 * b + 1);
}

/* 32 bytes for two blocks, the first in the low nibbles. */
static inline void
split_q4_k_part (const uint8_t qs[128], const uint8_t scales[12], uint32_t b, Unit *unit)
{
  uint8_t scale, min;

  for (uint32_t g = 0; g < 8; g++)
    unit->group[g] = load32 (qs + 32 * (b / 2) + 4 * g) >> (4 * (b % 2)) & 0x0f0f0f0f;
  model_q4k_scale_min (scales, b, &scale, &min);
  unit->scale[0] = scale;
  unit->scale[1] = min;
}

static void
split_q4_k (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_q4_k_part (block + offsetof (ModelBlockQ4_K, qs), block + 4, b, unit);
}

static void
split_q5_k (const uint8_t *block, uint32_t b, Unit *unit)
{
  split_q4_k_part (block + offsetof (ModelBlockQ5_K, qs), block + 4, b, unit);
  for (uint32_t g = 0; g < 8; g++)
    unit->group[g] |=
        (load32 (block + offsetof (ModelBlockQ5_K, qh) + 4 * g) >> b & 0x01010101) << 4;
}

/* Half h of 128 columns; quarter q of it takes nibble q / 2 of ql[64h + 32 (q % 2) ..] and bits 2q
 * of qh[32h ..]. */
static void
split_q6_k (const uint8_t *block, uint32_t b, Unit *unit)
{
  const uint8_t *ql = block + 64 * (b / 4) + 32 * (b % 2);
  const uint8_t *qh = block + offsetof (ModelBlockQ6_K, qh) + 32 * (b / 4);
  const uint8_t *scales = block + offsetof (ModelBlockQ6_K, scales);

  for (uint32_t g = 0; g < 8; g++)
    unit->group[g] = (load32 (ql + 4 * g) >> (4 * (b % 4 / 2)) & 0x0f0f0f0f) |
                     (load32 (qh + 4 * g) >> (2 * (b % 4)) & 0x03030303) << 4;
  unit->scale[0] = scales[2 * b];
  unit->scale[1] = scales[2 * b + 1];
}

static void
split_iq4_xs (const uint8_t *bytes, uint32_t b, Unit *unit)
{
  ModelBlockIQ4_XS block;

  memcpy (&block, bytes, offsetof (ModelBlockIQ4_XS, qs));
  split_nibbles (bytes + offsetof (ModelBlockIQ4_XS, qs) + 16 * b, unit->group);
  unit->scale[0] = (uint8_t) model_iq4xs_scale (&block, b);
}

/* Types without a row are kept as they lie in the file. */
static const Packing packings[] = {
  [MODEL_TYPE_F32] = { CPU_FORMAT_F32, NULL, { 0 } },
  [MODEL_TYPE_F16] = { CPU_FORMAT_F16, NULL, { 0 } },
  [MODEL_TYPE_BF16] = { CPU_FORMAT_BF16, NULL, { 0 } },
  [MODEL_TYPE_Q4_0] = { CPU_FORMAT_Q4_0, split_q4_0, { 0 } },
  [MODEL_TYPE_Q4_1] = { CPU_FORMAT_Q4_1, split_q4_1, { 0 } },
  [MODEL_TYPE_Q5_0] = { CPU_FORMAT_Q5_0, split_q5_0, { 0 } },
  [MODEL_TYPE_Q5_1] = { CPU_FORMAT_Q5_1, split_q5_1, { 0 } },
  [MODEL_TYPE_Q8_0] = { CPU_FORMAT_Q8_0, split_q8_0, { 0 } },
  [MODEL_TYPE_Q2_K] = { CPU_FORMAT_Q2_K, split_q2_k, { 80, 82 } },
  [MODEL_TYPE_Q3_K] = { CPU_FORMAT_Q3_K, split_q3_k, { 108 } },
  [MODEL_TYPE_Q4_K] = { CPU_FORMAT_Q4_K, split_q4_k, { 0, 2 } },
  [MODEL_TYPE_Q5_K] = { CPU_FORMAT_Q5_K, split_q5_k, { 0, 2 } },
  [MODEL_TYPE_Q6_K] = { CPU_FORMAT_Q6_K, split_q6_k, { 208 } },
  [MODEL_TYPE_IQ4_NL] = { CPU_FORMAT_IQ4_NL, split_q4_0, { 0 } },
  [MODEL_TYPE_IQ4_XS] = { CPU_FORMAT_IQ4_XS, split_iq4_xs, { 0 } },
  [MODEL_TYPE_MXFP4] = { CPU_FORMAT_MXFP4, split_mxfp4, { 0 } },
};

/* ---- planes --------------------------------------------------------------------------------- */

/* Codes that have high bits above nibbles: their odd groups are kept turned (layout.h), and come
 * first in the plane of the rest. */
static inline gboolean
is_turned (const CpuLayout *layout)
{
  return layout->code_bits == 4 && layout->high_bits > 0;
}

/* The n lowest bits of codes of so many bits are put on top. */
static inline void
turn_odd (uint32_t group[8], unsigned bits, unsigned n)
{
  const uint32_t low = 0x01010101u * ((1u << n) - 1), rest = 0x01010101u * ((1u << (bits - n)) - 1);

  for (uint32_t g = 1; g < 8; g += 2)
    group[g] = (group[g] >> n & rest) | (group[g] & low) << (bits - n);
}

/* The codes' bits from `shift` on, `bits` of each, to the vectors of one plane. odd: 1 where odd
 * groups come before their even neighbours, else 0. The strip is zero before. */
static inline void
put_plane (const uint32_t group[8], unsigned shift, unsigned bits, unsigned odd, uint32_t lanes,
           uint32_t r, uint8_t *dst)
{
  const uint32_t mask = 0x01010101u * ((1u << bits) - 1), per_word = 8 / bits;

  for (uint32_t v = 0; v < bits; v++) {
    uint32_t word = 0;

    for (uint32_t p = 0; p < per_word; p++)
      word |= (group[(v * per_word + p) ^ odd] >> shift & mask) << (bits * p);
    store32 (dst + (size_t) v * 4 * lanes + 4 * r, word);
  }
}

static inline void
get_plane (const uint8_t *src, unsigned shift, unsigned bits, unsigned odd, uint32_t lanes,
           uint32_t r, uint32_t group[8])
{
  const uint32_t mask = 0x01010101u * ((1u << bits) - 1), per_word = 8 / bits;

  for (uint32_t v = 0; v < bits; v++)
    for (uint32_t p = 0; p < per_word; p++)
      group[(v * per_word + p) ^ odd] |=
          (load32 (src + (size_t) v * 4 * lanes + 4 * r) >> (bits * p) & mask) << shift;
}

static inline void
put_unit (const CpuLayout *layout, Unit *unit, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  const CpuScaleSize *size = &cpu_scale_sizes[layout->scales];
  unsigned codes = layout->code_bits, high = layout->high_bits;

  if (is_turned (layout))
    turn_odd (unit->group, codes + high, high);
  put_plane (unit->group, 0, codes, 0, lanes, r, dst);
  if (high > 0)
    put_plane (unit->group, codes, high, is_turned (layout), lanes, r,
               dst + (size_t) CPU_BLOCK / 8 * codes * lanes);
  dst += (size_t) cpu_layout_planes_bytes (layout) * lanes;
  for (unsigned i = 0; i < size->n; i++)
    memcpy (dst + (i * lanes + r) * size->bytes, &unit->scale[i], size->bytes);
}

static void
get_unit (const CpuLayout *layout, const uint8_t *src, uint32_t lanes, uint32_t r, Unit *unit)
{
  const CpuScaleSize *size = &cpu_scale_sizes[layout->scales];
  unsigned codes = layout->code_bits, high = layout->high_bits;

  *unit = (Unit) { 0 };
  get_plane (src, 0, codes, 0, lanes, r, unit->group);
  if (high > 0)
    get_plane (src + (size_t) CPU_BLOCK / 8 * codes * lanes, codes, high, is_turned (layout), lanes,
               r, unit->group);
  if (is_turned (layout))
    turn_odd (unit->group, codes + high, codes);
  src += (size_t) cpu_layout_planes_bytes (layout) * lanes;
  for (unsigned i = 0; i < size->n; i++)
    memcpy (&unit->scale[i], src + (i * lanes + r) * size->bytes, size->bytes);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const Packing *
find_packing (uint32_t type_id)
{
  if (type_id >= G_N_ELEMENTS (packings) || packings[type_id].format == CPU_FORMAT_FILE)
    return NULL;
  return &packings[type_id];
}

CpuFormat
cpu_pack_format (const ModelTypeInfo *type, uint32_t lanes)
{
  const Packing *packing = find_packing (type->id);

  if (lanes == 1)
    return CPU_FORMAT_FILE;
  return packing != NULL ? packing->format : CPU_FORMAT_EXPANDED;
}

gboolean
cpu_format_is_quantised (CpuFormat format)
{
  return cpu_layouts[format].code_bits > 0;
}

size_t
cpu_pack_strip_bytes (CpuFormat format, const ModelTypeInfo *type, uint32_t lanes, uint32_t columns)
{
  if (format == CPU_FORMAT_FILE || format == CPU_FORMAT_EXPANDED || type->block_weights == 1)
    return model_type_row_bytes (type, columns) * lanes;
  return cpu_layout_lane_bytes (&cpu_layouts[format], columns) * lanes;
}

static void
pack_row (const Packing *packing, const ModelTypeInfo *type, uint32_t lanes, uint32_t columns,
          const uint8_t *row, uint32_t r, uint8_t *dst)
{
  const CpuLayout *layout = &cpu_layouts[packing->format];
  const unsigned heads = cpu_scale_sizes[layout->scales].heads;
  const size_t block_bytes = (size_t) cpu_layout_block_bytes (layout) * lanes;

  for (uint32_t at = 0; at < columns; at += type->block_weights, row += type->block_bytes) {
    for (unsigned i = 0; i < heads; i++, dst += (size_t) 2 * lanes)
      memcpy (dst + 2 * r, row + packing->head_at[i], 2);
    for (uint32_t b = 0; b < type->block_weights / CPU_BLOCK; b++, dst += block_bytes) {
      Unit unit;

      packing->split (row, b, &unit);
      put_unit (layout, &unit, lanes, r, dst);
    }
  }
}

/* Floats: column by column, of all rows, so that what is written lies side by side. */
static inline __attribute__ ((always_inline)) void
pack_floats (uint32_t bytes, uint32_t lanes, uint32_t columns, const uint8_t *rows, uint32_t n_rows,
             uint8_t *dst)
{
  for (uint32_t i = 0; i < columns; i++)
    for (uint32_t r = 0; r < n_rows; r++)
      memcpy (dst + ((size_t) i * lanes + r) * bytes, rows + ((size_t) r * columns + i) * bytes,
              bytes);
}

void
cpu_pack_strip (CpuFormat format, const ModelTypeInfo *type, uint32_t lanes, uint32_t columns,
                const uint8_t *rows, uint32_t n_rows, uint8_t *strip)
{
  size_t row_bytes = model_type_row_bytes (type, columns);

  memset (strip, 0, cpu_pack_strip_bytes (format, type, lanes, columns));
  if (format == CPU_FORMAT_FILE || format == CPU_FORMAT_EXPANDED) {
    memcpy (strip, rows, row_bytes * n_rows);
    return;
  }
  if (type->block_weights > 1)
    for (uint32_t r = 0; r < n_rows; r++)
      pack_row (find_packing (type->id), type, lanes, columns, rows + r * row_bytes, r, strip);
  else if (type->block_bytes == 2)
    pack_floats (2, lanes, columns, rows, n_rows, strip);
  else
    pack_floats (4, lanes, columns, rows, n_rows, strip);
}

void
cpu_pack_expand (const CpuWeight *weight, const uint8_t *strip, uint8_t *dst)
{
  const ModelTypeInfo *type = weight->tensor->type;
  const CpuLayout *layout = &cpu_layouts[CPU_FORMAT_EXPANDED];
  const size_t step = (size_t) cpu_layout_block_bytes (layout) * weight->lanes;

  for (uint32_t r = 0; r < weight->lanes; r++) {
    uint8_t *to = dst;

    for (uint32_t at = 0; at < weight->columns; at += type->block_weights) {
      ModelCodes codes;

      type->expand (strip, 1, &codes);
      strip += type->block_bytes;
      for (uint32_t b = 0; b < type->block_weights / CPU_BLOCK; b++, to += step) {
        Unit unit;

        for (uint32_t g = 0; g < 8; g++)
          unit.group[g] =
              load32 ((const uint8_t *) codes.codes + CPU_BLOCK * b + 4 * g) ^ 0x80808080;
        memcpy (unit.scale, codes.scale + 2 * b, sizeof unit.scale);
        put_unit (layout, &unit, weight->lanes, r, to);
      }
    }
  }
}

/* ---- back to floats ------------------------------------------------------------------------- */

/* Scale and minimum of half i of a block, rounded as the format says. */
static void
scale_of (CpuScales kind, const uint32_t scale[2], const float head[2], unsigned i, float *d,
          float *min)
{
  *min = -0.0f; /* adds nothing, not even a sign */
  switch (kind) {
  case CPU_SCALES_NONE:
    *d = 1;
    return;
  case CPU_SCALES_F16_MIN:
    *min = model_f16_to_f32 ((uint16_t) scale[1]);
    *d = model_f16_to_f32 ((uint16_t) scale[0]);
    return;
  case CPU_SCALES_F16:
    *d = model_f16_to_f32 ((uint16_t) scale[0]);
    return;
  case CPU_SCALES_E8:
    *d = model_e8m0_half ((uint8_t) scale[0]);
    return;
  case CPU_SCALES_U8_MIN:
    *d = head[0] * (float) scale[0];
    *min = -(head[1] * (float) scale[1]);
    return;
  case CPU_SCALES_S8:
    *d = head[0] * (float) (int8_t) scale[0];
    return;
  case CPU_SCALES_S8_HALF:
    *d = head[0] * (float) (int8_t) scale[i];
    return;
  case CPU_SCALES_U4_HALF:
    *d = head[0] * (float) (scale[i] & 15);
    *min = -(head[1] * (float) (scale[i] >> 4));
    return;
  case CPU_SCALES_F32_HALF:
    memcpy (d, &scale[i], sizeof *d);
    return;
  }
}

static void
unit_to_f32 (const CpuLayout *layout, const Unit *unit, const float head[2], float dst[CPU_BLOCK])
{
  float d = 0, min = 0;

  for (uint32_t k = 0; k < CPU_BLOCK; k++) {
    uint8_t code = (uint8_t) (unit->group[k / 4] >> (8 * (k % 4)));
    int value = layout->values == CPU_VALUES_IQ4   ? model_iq4_values[code]
                : layout->values == CPU_VALUES_FP4 ? model_fp4_values[code]
                                                   : code - layout->bias;

    if (k % 16 == 0)
      scale_of (layout->scales, unit->scale, head, k / 16, &d, &min);
    dst[k] = (float) value * d + min;
  }
}

static void
floats_to_f32 (const CpuWeight *weight, const uint8_t *strip, uint32_t r, float *dst)
{
  const ModelTypeInfo *type = weight->tensor->type;
  uint32_t bytes = type->block_bytes;

  for (uint32_t i = 0; i < weight->columns; i++)
    type->to_f32 (strip + ((size_t) i * weight->lanes + r) * bytes, dst + i, 1);
}

void
cpu_pack_row_to_f32 (const CpuWeight *weight, uint32_t row, float *dst)
{
  const ModelTypeInfo *type = weight->tensor->type;
  const CpuLayout *layout = &cpu_layouts[weight->format];
  uint32_t lanes = weight->lanes, r = row % lanes;
  const uint8_t *src = weight->data + (row / lanes) * weight->strip_stride;
  const unsigned heads = cpu_scale_sizes[layout->scales].heads;
  const size_t block_bytes = (size_t) cpu_layout_block_bytes (layout) * lanes;
  float head[2] = { 0, 0 };

  if (weight->format == CPU_FORMAT_FILE || weight->format == CPU_FORMAT_EXPANDED) {
    type->to_f32 (src + r * model_type_row_bytes (type, weight->columns), dst, weight->columns);
    return;
  }
  if (type->block_weights == 1) {
    floats_to_f32 (weight, src, r, dst);
    return;
  }
  for (uint32_t b = 0; b < weight->columns / CPU_BLOCK; b++, src += block_bytes) {
    Unit unit;

    for (unsigned i = 0; b % CPU_HEAD_BLOCKS == 0 && i < heads; i++, src += (size_t) 2 * lanes)
      head[i] = model_f16_to_f32 ((uint16_t) load16 (src + 2 * r));
    get_unit (layout, src, lanes, r, &unit);
    unit_to_f32 (layout, &unit, head, dst + CPU_BLOCK * b);
  }
}
