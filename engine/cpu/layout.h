/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layouts of quantised weights in memory, one row of a table each: pack.c writes by it and
 * products.h is compiled by it. Must not know files or instruction sets.
 *
 * With L lanes (16 on AVX-512, 8 on AVX2), a block of 32 columns of a strip is, one after another,
 *   codes of 4 bits   4 vectors of 4L bytes. Byte 4r+t of vector i: low nibble column 8i+t of row
 *                     r, high nibble column 8i+4+t: a lane holds 4 columns, one step of a
 *                     dot product.
 *   codes of 8 bits   8 vectors of 4L bytes; byte 4r+t of vector g is column 4g+t of row r.
 *   codes of 2 bits   2 vectors of 4L bytes; bits 2p of byte 4r+t of vector j: column 16j+4p+t.
 *   high bits         above codes of 2 bits: a vector of 4L bytes, bit p of byte 4r+t is of column
 *                     4p+t.
 *   rest              of codes of 4 + h bits. A high nibble is an odd code's upper four bits: the
 *                     code times 2^(4-h), once its h low bits stand below it. Its even neighbour
 *                     wants its h high bits above. These 2h bits lie side by side, bits 2hi .. of
 *                     byte 4r+t (8 to a byte, then the next vector of 4L), the odd code's below:
 *                     one shift puts both where they belong.
 *   scales            one or two vectors of L numbers.
 * Where scales are small integers, each 256 columns have before them what these are times: one or
 * two vectors of L f16. */
#pragma once

#include "engine/cpu/internal.h"

/* value = code * scale, and + min or - min. "Halves": two scales, of 16 columns each. */
typedef enum {
  CPU_SCALES_NONE,     /* 1 */
  CPU_SCALES_F16,      /* f16 */
  CPU_SCALES_F16_MIN,  /* f16, f16 + */
  CPU_SCALES_E8,       /* model_e8m0_half () of a byte */
  CPU_SCALES_U8_MIN,   /* u8 × f16 before, u8 × f16 before - */
  CPU_SCALES_S8,       /* s8 × f16 before */
  CPU_SCALES_S8_HALF,  /* halves; s8 × f16 before */
  CPU_SCALES_U4_HALF,  /* halves; low nibble × f16 before, high nibble × f16 before - */
  CPU_SCALES_F32_HALF, /* halves; f32 */
} CpuScales;

typedef enum {
  CPU_VALUES_CODES, /* what is multiplied is the code minus the bias */
  CPU_VALUES_IQ4,   /* model_iq4_values[code] */
  CPU_VALUES_FP4,   /* model_fp4_values[code] */
} CpuValues;

typedef struct {
  unsigned code_bits, high_bits;
  unsigned bits; /* of what is multiplied: at most 15, 63, or a signed byte */
  int bias;
  CpuValues values;
  CpuScales scales;
} CpuLayout;

/* Not of floats, nor of rows as in the file. */
static const CpuLayout cpu_layouts[CPU_N_FORMATS] = {
  [CPU_FORMAT_Q4_0] = { 4, 0, 4, 8, CPU_VALUES_CODES, CPU_SCALES_F16 },
  [CPU_FORMAT_Q4_1] = { 4, 0, 4, 0, CPU_VALUES_CODES, CPU_SCALES_F16_MIN },
  [CPU_FORMAT_Q5_0] = { 4, 1, 6, 16, CPU_VALUES_CODES, CPU_SCALES_F16 },
  [CPU_FORMAT_Q5_1] = { 4, 1, 6, 0, CPU_VALUES_CODES, CPU_SCALES_F16_MIN },
  [CPU_FORMAT_Q8_0] = { 8, 0, 8, 128, CPU_VALUES_CODES, CPU_SCALES_F16 },
  [CPU_FORMAT_Q2_K] = { 2, 0, 4, 0, CPU_VALUES_CODES, CPU_SCALES_U4_HALF },
  [CPU_FORMAT_Q3_K] = { 2, 1, 4, 4, CPU_VALUES_CODES, CPU_SCALES_S8_HALF },
  [CPU_FORMAT_Q4_K] = { 4, 0, 4, 0, CPU_VALUES_CODES, CPU_SCALES_U8_MIN },
  [CPU_FORMAT_Q5_K] = { 4, 1, 6, 0, CPU_VALUES_CODES, CPU_SCALES_U8_MIN },
  [CPU_FORMAT_Q6_K] = { 4, 2, 6, 32, CPU_VALUES_CODES, CPU_SCALES_S8_HALF },
  [CPU_FORMAT_IQ4_NL] = { 4, 0, 8, 128, CPU_VALUES_IQ4, CPU_SCALES_F16 },
  [CPU_FORMAT_IQ4_XS] = { 4, 0, 8, 128, CPU_VALUES_IQ4, CPU_SCALES_S8 },
  [CPU_FORMAT_MXFP4] = { 4, 0, 6, 12, CPU_VALUES_FP4, CPU_SCALES_E8 },
  [CPU_FORMAT_EXPANDED] = { 8, 0, 8, 128, CPU_VALUES_CODES, CPU_SCALES_F32_HALF },
  [CPU_FORMAT_CODES] = { 8, 0, 8, 128, CPU_VALUES_CODES, CPU_SCALES_NONE },
};

/* Bytes of one lane. */
typedef struct {
  unsigned n, bytes; /* scales of a block: how many, and of how many bytes each */
  unsigned heads;    /* f16 before 256 columns */
} CpuScaleSize;

static const CpuScaleSize cpu_scale_sizes[] = {
  [CPU_SCALES_NONE] = { 0, 0, 0 },
  [CPU_SCALES_F16] = { 1, 2, 0 },
  [CPU_SCALES_F16_MIN] = { 2, 2, 0 },
  [CPU_SCALES_E8] = { 1, 1, 0 },
  [CPU_SCALES_U8_MIN] = { 2, 1, 2 },
  [CPU_SCALES_S8] = { 1, 1, 1 },
  [CPU_SCALES_S8_HALF] = { 2, 1, 1 },
  [CPU_SCALES_U4_HALF] = { 2, 1, 2 },
  [CPU_SCALES_F32_HALF] = { 2, 4, 0 },
};

#define CPU_HEAD_BLOCKS 8 /* of 32 columns, after a head */

static inline __attribute__ ((always_inline)) unsigned
cpu_layout_planes_bytes (const CpuLayout *layout)
{
  return CPU_BLOCK / 8 * (layout->code_bits + layout->high_bits);
}

static inline __attribute__ ((always_inline)) unsigned
cpu_layout_block_bytes (const CpuLayout *layout)
{
  const CpuScaleSize *size = &cpu_scale_sizes[layout->scales];

  return cpu_layout_planes_bytes (layout) + size->n * size->bytes;
}

static inline __attribute__ ((always_inline)) unsigned
cpu_layout_head_bytes (const CpuLayout *layout)
{
  return 2 * cpu_scale_sizes[layout->scales].heads;
}

/* Of a row of some columns. */
static inline __attribute__ ((always_inline)) size_t
cpu_layout_lane_bytes (const CpuLayout *layout, uint32_t columns)
{
  return (size_t) columns / CPU_BLOCK * cpu_layout_block_bytes (layout) +
         (size_t) columns / (CPU_BLOCK * CPU_HEAD_BLOCKS) * cpu_layout_head_bytes (layout);
}
