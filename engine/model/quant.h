/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number formats of GGUF tensors: one table, the block structs, and the exact conversion of
 * a row to f32. This is the reference that every faster kernel is tested against.
 * Source of the formats: the GGUF specification and the block definitions of ggml (facts only). */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Ids as they stand in a file. Ids that are not listed are refused by name or number. */
typedef enum {
  MODEL_TYPE_F32 = 0,
  MODEL_TYPE_F16 = 1,
  MODEL_TYPE_Q4_0 = 2,
  MODEL_TYPE_Q4_1 = 3,
  MODEL_TYPE_Q8_0 = 8,
  MODEL_TYPE_Q4_K = 12,
  MODEL_TYPE_Q6_K = 14,
  MODEL_TYPE_BF16 = 30,
} ModelType;

/* A block of each type as it lies in the file, little endian. Sizes are statically asserted. */
typedef struct {
  uint16_t d;     /* f16 scale */
  uint8_t qs[16]; /* low nibbles: weights 0..15; high nibbles: 16..31; value = d * (q - 8) */
} ModelBlockQ4_0;
typedef struct {
  uint16_t d, m;  /* f16 scale and minimum */
  uint8_t qs[16]; /* as Q4_0; value = d * q + m */
} ModelBlockQ4_1;
typedef struct {
  uint16_t d;    /* f16 scale */
  int8_t qs[32]; /* value = d * q */
} ModelBlockQ8_0;
typedef struct {
  uint16_t d, dmin;   /* f16 super-scales of the scales and of the minimums */
  uint8_t scales[12]; /* 8 pairs of 6-bit (scale, min), packed */
  uint8_t qs[128];    /* 4 groups of 32 bytes: low nibbles sub-block 2g, high nibbles 2g+1 */
} ModelBlockQ4_K;
typedef struct {
  uint8_t ql[128];   /* low 4 bits */
  uint8_t qh[64];    /* high 2 bits */
  int8_t scales[16]; /* one per 16 weights */
  uint16_t d;        /* f16 super-scale; comes last: blocks are only 2-byte aligned */
} ModelBlockQ6_K;
G_STATIC_ASSERT (sizeof (ModelBlockQ4_0) == 18);
G_STATIC_ASSERT (sizeof (ModelBlockQ4_1) == 20);
G_STATIC_ASSERT (sizeof (ModelBlockQ8_0) == 34);
G_STATIC_ASSERT (sizeof (ModelBlockQ4_K) == 144);
G_STATIC_ASSERT (sizeof (ModelBlockQ6_K) == 210);

typedef struct {
  uint32_t id;            /* ModelType, the id in the file */
  const char *name;       /* "Q4_K" */
  uint32_t block_weights; /* weights per block: a row's length is a multiple of it */
  uint32_t block_bytes;
  /* Converts n weights (a multiple of block_weights) exactly as the format defines them.
   * src: n / block_weights blocks, any alignment; dst: n floats. */
  void (*to_f32) (const void *src, float *dst, size_t n);
} ModelTypeInfo;

/* NULL for an id that this version does not run. Thread: any. */
const ModelTypeInfo *model_type_info (uint32_t id);
/* The sizes of any type known to GGUF, runnable (to_f32 set) or not; NULL for an unknown id. */
const ModelTypeInfo *model_type_known (uint32_t id);
/* The name of any type known to GGUF, runnable or not ("IQ2_XS"); NULL for an unknown id. */
const char *model_type_name (uint32_t id);
/* Bytes of a row of n weights. n must be a multiple of the block. */
size_t model_type_row_bytes (const ModelTypeInfo *info, uint64_t n);

/* f16 and bf16 in plain C; exact, with subnormals, infinities and round-to-nearest-even. */
float model_f16_to_f32 (uint16_t h);
uint16_t model_f32_to_f16 (float f);
float model_bf16_to_f32 (uint16_t h);

/* The 6-bit (scale, min) pair j (0..7) of a Q4_K (and Q5_K) block. */
void model_q4k_scale_min (const uint8_t scales[12], unsigned j, uint8_t *scale, uint8_t *min);
