/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layouts of weights in memory, and the way there and back.
 *
 * With L lanes (16 on AVX-512, 8 on AVX2), a block of 32 columns of a strip is
 *   codes of 4 bits   4 vectors of 4L bytes. Byte 4r+t of vector i: low nibble column 8i+t of row
 *                     r, high nibble column 8i+4+t: a lane holds 4 columns, one step of a
 *                     dot product.
 *   codes of 8 bits   8 vectors of 4L bytes; byte 4r+t of vector g is column 4g+t of row r.
 *   high 2 bits       2 vectors of 4L bytes; bits 2p of byte 4r+t of vector j: column 16j+4p+t.
 *   F16, BF16, F32    [32][L], the last block as short as the row.
 * followed by its scales, one vector of L each:
 *   Q4_0  codes4, d f16          Q4_1  codes4, d f16, m f16          Q8_0  codes8 + 128, d f16
 *   Q4_K  8 × (codes4, scale u8, min u8) after d f16, dmin f16 of 256 columns
 *   Q6_K  8 × (codes4, high2, scale i8 of 16 columns, of the next 16) after d f16 of 256 columns
 * Knows bytes only; must not know threads or files. */
#include "engine/cpu/internal.h"

#include <string.h>

typedef struct {
  CpuFormat format;
  gboolean quantised;
  uint32_t columns; /* that lane_bytes covers */
  uint32_t lane_bytes;
  /* One file block (for floats: one weight) of row r to the strip's bytes for it, and back. */
  void (*pack) (const uint8_t *block, uint32_t lanes, uint32_t r, uint8_t *dst);
  void (*unpack) (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *block);
} Layout;

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

/* ---- 4-bit codes ---------------------------------------------------------------------------- */

/* group[g]: codes of columns 4g .. 4g+3, a byte each. */
static inline void
put_codes4 (const uint32_t group[8], uint32_t lanes, uint32_t r, uint8_t *dst)
{
  for (uint32_t i = 0; i < 4; i++)
    store32 (dst + (size_t) i * 4 * lanes + 4 * r, group[2 * i] | group[2 * i + 1] << 4);
}

static inline void
get_codes4 (const uint8_t *src, uint32_t lanes, uint32_t r, uint32_t group[8])
{
  for (uint32_t i = 0; i < 4; i++) {
    uint32_t word = load32 (src + (size_t) i * 4 * lanes + 4 * r);

    group[2 * i] = word & 0x0f0f0f0f;
    group[2 * i + 1] = word >> 4 & 0x0f0f0f0f;
  }
}

/* Q4_0 and Q4_1 files: byte j holds column j below and j + 16 above. */
static inline void
split_nibbles (const uint8_t qs[16], uint32_t group[8])
{
  for (uint32_t g = 0; g < 4; g++) {
    group[g] = load32 (qs + 4 * g) & 0x0f0f0f0f;
    group[g + 4] = load32 (qs + 4 * g) >> 4 & 0x0f0f0f0f;
  }
}

static inline void
join_nibbles (const uint32_t group[8], uint8_t qs[16])
{
  for (uint32_t g = 0; g < 4; g++)
    store32 (qs + 4 * g, group[g] | group[g + 4] << 4);
}

static void
pack_q4_0 (const uint8_t *block, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  uint32_t group[8];

  split_nibbles (block + 2, group);
  put_codes4 (group, lanes, r, dst);
  memcpy (dst + (size_t) 16 * lanes + 2 * r, block, 2);
}

static void
unpack_q4_0 (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *block)
{
  uint32_t group[8];

  get_codes4 (src, lanes, r, group);
  join_nibbles (group, block + 2);
  memcpy (block, src + (size_t) 16 * lanes + 2 * r, 2);
}

static void
pack_q4_1 (const uint8_t *block, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  uint32_t group[8];

  split_nibbles (block + 4, group);
  put_codes4 (group, lanes, r, dst);
  memcpy (dst + (size_t) 16 * lanes + 2 * r, block, 2);
  memcpy (dst + (size_t) 18 * lanes + 2 * r, block + 2, 2);
}

static void
unpack_q4_1 (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *block)
{
  uint32_t group[8];

  get_codes4 (src, lanes, r, group);
  join_nibbles (group, block + 4);
  memcpy (block, src + (size_t) 16 * lanes + 2 * r, 2);
  memcpy (block + 2, src + (size_t) 18 * lanes + 2 * r, 2);
}

/* ---- Q8_0 ----------------------------------------------------------------------------------- */

static void
pack_q8_0 (const uint8_t *block, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  for (uint32_t g = 0; g < 8; g++)
    store32 (dst + (size_t) g * 4 * lanes + 4 * r, load32 (block + 2 + 4 * g) ^ 0x80808080);
  memcpy (dst + (size_t) 32 * lanes + 2 * r, block, 2);
}

static void
unpack_q8_0 (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *block)
{
  for (uint32_t g = 0; g < 8; g++)
    store32 (block + 2 + 4 * g, load32 (src + (size_t) g * 4 * lanes + 4 * r) ^ 0x80808080);
  memcpy (block, src + (size_t) 32 * lanes + 2 * r, 2);
}

/* ---- K-quants: 256 columns ------------------------------------------------------------------ */

static void
pack_q4_k (const uint8_t *bytes, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  ModelBlockQ4_K block;

  memcpy (&block, bytes, sizeof block);
  memcpy (dst + 2 * r, &block.d, 2);
  memcpy (dst + (size_t) 2 * lanes + 2 * r, &block.dmin, 2);
  for (uint32_t s = 0; s < 8; s++) {
    uint8_t *sub = dst + (size_t) (4 + 18 * s) * lanes;
    uint32_t group[8];

    for (uint32_t g = 0; g < 8; g++)
      group[g] = load32 (block.qs + 32 * (s / 2) + 4 * g) >> (4 * (s % 2)) & 0x0f0f0f0f;
    put_codes4 (group, lanes, r, sub);
    model_q4k_scale_min (block.scales, s, sub + (size_t) 16 * lanes + r,
                         sub + (size_t) 17 * lanes + r);
  }
}

/* The 6-bit pairs back into 12 bytes: pairs 0..3 in the low 6 bits of bytes 0..3 and 4..7, whose
 * two high bits are those of pairs 4..7; the low nibbles of these are bytes 8..11. */
static void
join_scales (const uint8_t scale[8], const uint8_t min[8], uint8_t packed[12])
{
  for (uint32_t j = 0; j < 4; j++) {
    packed[j] = (uint8_t) (scale[j] | (scale[j + 4] >> 4) << 6);
    packed[j + 4] = (uint8_t) (min[j] | (min[j + 4] >> 4) << 6);
    packed[j + 8] = (uint8_t) ((scale[j + 4] & 15) | (min[j + 4] & 15) << 4);
  }
}

static void
unpack_q4_k (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *bytes)
{
  ModelBlockQ4_K block = { 0 };
  uint8_t scale[8], min[8];

  memcpy (&block.d, src + 2 * r, 2);
  memcpy (&block.dmin, src + (size_t) 2 * lanes + 2 * r, 2);
  for (uint32_t s = 0; s < 8; s++) {
    const uint8_t *sub = src + (size_t) (4 + 18 * s) * lanes;
    uint32_t group[8];

    get_codes4 (sub, lanes, r, group);
    for (uint32_t g = 0; g < 8; g++) {
      uint8_t *qs = block.qs + 32 * (s / 2) + 4 * g;

      store32 (qs, load32 (qs) | group[g] << (4 * (s % 2)));
    }
    scale[s] = sub[(size_t) 16 * lanes + r];
    min[s] = sub[(size_t) 17 * lanes + r];
  }
  join_scales (scale, min, block.scales);
  memcpy (bytes, &block, sizeof block);
}

/* Q6_K files: half h of 128 columns; quarter q of it takes nibble q / 2 of ql[64h + 32 (q % 2)
 * ..] and bits 2q of qh[32h ..]. */
static void
pack_q6_k (const uint8_t *bytes, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  ModelBlockQ6_K block;

  memcpy (&block, bytes, sizeof block);
  memcpy (dst + 2 * r, &block.d, 2);
  for (uint32_t s = 0; s < 8; s++) {
    uint8_t *sub = dst + (size_t) (2 + 26 * s) * lanes;
    uint32_t half = s / 4, quarter = s % 4, group[8], high[2] = { 0, 0 };

    for (uint32_t g = 0; g < 8; g++) {
      const uint8_t *ql = block.ql + 64 * half + 32 * (quarter % 2) + 4 * g;
      const uint8_t *qh = block.qh + 32 * half + 4 * g;

      group[g] = load32 (ql) >> (4 * (quarter / 2)) & 0x0f0f0f0f;
      high[g / 4] |= (load32 (qh) >> (2 * quarter) & 0x03030303) << (2 * (g % 4));
    }
    put_codes4 (group, lanes, r, sub);
    for (uint32_t j = 0; j < 2; j++) {
      store32 (sub + (size_t) (16 + 4 * j) * lanes + 4 * r, high[j]);
      sub[(size_t) (24 + j) * lanes + r] = (uint8_t) block.scales[2 * s + j];
    }
  }
}

static void
unpack_q6_k (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *bytes)
{
  ModelBlockQ6_K block = { 0 };

  memcpy (&block.d, src + 2 * r, 2);
  for (uint32_t s = 0; s < 8; s++) {
    const uint8_t *sub = src + (size_t) (2 + 26 * s) * lanes;
    uint32_t half = s / 4, quarter = s % 4, group[8];

    get_codes4 (sub, lanes, r, group);
    for (uint32_t g = 0; g < 8; g++) {
      uint32_t word = load32 (sub + (size_t) (16 + 4 * (g / 4)) * lanes + 4 * r);
      uint8_t *ql = block.ql + 64 * half + 32 * (quarter % 2) + 4 * g;
      uint8_t *qh = block.qh + 32 * half + 4 * g;

      store32 (ql, load32 (ql) | group[g] << (4 * (quarter / 2)));
      store32 (qh, load32 (qh) | (word >> (2 * (g % 4)) & 0x03030303) << (2 * quarter));
    }
    for (uint32_t j = 0; j < 2; j++)
      block.scales[2 * s + j] = (int8_t) sub[(size_t) (24 + j) * lanes + r];
  }
  memcpy (bytes, &block, sizeof block);
}

/* ---- floats: a "block" is one weight -------------------------------------------------------- */

static void
pack_16 (const uint8_t *weight, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  memcpy (dst + 2 * r, weight, 2);
}

static void
unpack_16 (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *weight)
{
  memcpy (weight, src + 2 * r, 2);
}

static void
pack_32 (const uint8_t *weight, uint32_t lanes, uint32_t r, uint8_t *dst)
{
  memcpy (dst + 4 * r, weight, 4);
}

static void
unpack_32 (const uint8_t *src, uint32_t lanes, uint32_t r, uint8_t *weight)
{
  memcpy (weight, src + 4 * r, 4);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const Layout layouts[] = {
  [MODEL_TYPE_F32] = { CPU_FORMAT_F32, FALSE, 1, 4, pack_32, unpack_32 },
  [MODEL_TYPE_F16] = { CPU_FORMAT_F16, FALSE, 1, 2, pack_16, unpack_16 },
  [MODEL_TYPE_BF16] = { CPU_FORMAT_BF16, FALSE, 1, 2, pack_16, unpack_16 },
  [MODEL_TYPE_Q4_0] = { CPU_FORMAT_Q4_0, TRUE, 32, 18, pack_q4_0, unpack_q4_0 },
  [MODEL_TYPE_Q4_1] = { CPU_FORMAT_Q4_1, TRUE, 32, 20, pack_q4_1, unpack_q4_1 },
  [MODEL_TYPE_Q8_0] = { CPU_FORMAT_Q8_0, TRUE, 32, 34, pack_q8_0, unpack_q8_0 },
  [MODEL_TYPE_Q4_K] = { CPU_FORMAT_Q4_K, TRUE, 256, 148, pack_q4_k, unpack_q4_k },
  [MODEL_TYPE_Q6_K] = { CPU_FORMAT_Q6_K, TRUE, 256, 210, pack_q6_k, unpack_q6_k },
};

/* NULL for a type without a layout of its own: rows then stay as in the file. */
static const Layout *
find_layout (uint32_t type_id)
{
  if (type_id >= G_N_ELEMENTS (layouts) || layouts[type_id].pack == NULL)
    return NULL;
  return &layouts[type_id];
}

CpuFormat
cpu_pack_format (uint32_t type_id, uint32_t lanes)
{
  const Layout *layout = find_layout (type_id);

  return lanes == 1 || layout == NULL ? CPU_FORMAT_FILE : layout->format;
}

gboolean
cpu_format_is_quantised (CpuFormat format)
{
  for (size_t i = 0; i < G_N_ELEMENTS (layouts); i++)
    if (layouts[i].pack != NULL && layouts[i].format == format)
      return layouts[i].quantised;
  return FALSE;
}

size_t
cpu_pack_strip_bytes (CpuFormat format, const ModelTypeInfo *type, uint32_t lanes, uint32_t columns)
{
  const Layout *layout = find_layout (type->id);

  if (format == CPU_FORMAT_FILE)
    return model_type_row_bytes (type, columns) * lanes;
  return (size_t) (columns / layout->columns) * layout->lane_bytes * lanes;
}

void
cpu_pack_strip (CpuFormat format, const ModelTypeInfo *type, uint32_t lanes, uint32_t columns,
                const uint8_t *rows, uint32_t n_rows, uint8_t *strip)
{
  size_t row_bytes = model_type_row_bytes (type, columns), step;
  const Layout *layout = find_layout (type->id);

  memset (strip, 0, cpu_pack_strip_bytes (format, type, lanes, columns));
  if (format == CPU_FORMAT_FILE) {
    memcpy (strip, rows, row_bytes * n_rows);
    return;
  }
  step = (size_t) layout->lane_bytes * lanes;
  for (uint32_t b = 0; b < columns / layout->columns; b++)
    for (uint32_t r = 0; r < n_rows; r++)
      layout->pack (rows + r * row_bytes + (size_t) b * type->block_bytes, lanes, r,
                    strip + b * step);
}

void
cpu_pack_unpack_row (const CpuWeight *weight, uint32_t row, uint8_t *file_row)
{
  const ModelTypeInfo *type = weight->tensor->type;
  const Layout *layout = find_layout (type->id);
  uint32_t lanes = weight->lanes, r = row % lanes;
  const uint8_t *strip = weight->data + (row / lanes) * weight->strip_stride;
  size_t row_bytes = model_type_row_bytes (type, weight->columns), step;

  if (weight->format == CPU_FORMAT_FILE) {
    memcpy (file_row, strip + r * row_bytes, row_bytes);
    return;
  }
  step = (size_t) layout->lane_bytes * lanes;
  for (uint32_t b = 0; b < weight->columns / layout->columns; b++)
    layout->unpack (strip + b * step, lanes, r, file_row + (size_t) b * type->block_bytes);
}
