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
  MODEL_TYPE_Q5_0 = 6,
  MODEL_TYPE_Q5_1 = 7,
  MODEL_TYPE_Q8_0 = 8,
  MODEL_TYPE_Q2_K = 10,
  MODEL_TYPE_Q3_K = 11,
  MODEL_TYPE_Q4_K = 12,
  MODEL_TYPE_Q5_K = 13,
  MODEL_TYPE_Q6_K = 14,
  MODEL_TYPE_IQ2_XXS = 16,
  MODEL_TYPE_IQ2_XS = 17,
  MODEL_TYPE_IQ3_XXS = 18,
  MODEL_TYPE_IQ1_S = 19,
  MODEL_TYPE_IQ4_NL = 20,
  MODEL_TYPE_IQ3_S = 21,
  MODEL_TYPE_IQ2_S = 22,
  MODEL_TYPE_IQ4_XS = 23,
  MODEL_TYPE_IQ1_M = 29,
  MODEL_TYPE_BF16 = 30,
  MODEL_TYPE_TQ1_0 = 34,
  MODEL_TYPE_TQ2_0 = 35,
  MODEL_TYPE_MXFP4 = 39,
  MODEL_TYPE_NVFP4 = 40,
  MODEL_TYPE_Q1_0 = 41,
  MODEL_TYPE_Q2_0 = 42,
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
typedef struct {
  uint16_t d;     /* f16 scale */
  uint8_t qh[4];  /* bit j of the 32: the fifth bit of weight j */
  uint8_t qs[16]; /* as Q4_0; value = d * (q - 16) */
} ModelBlockQ5_0;
typedef struct {
  uint16_t d, m;  /* f16 scale and minimum */
  uint8_t qh[4];  /* as Q5_0 */
  uint8_t qs[16]; /* as Q5_0; value = d * q + m */
} ModelBlockQ5_1;
typedef struct {
  uint8_t scales[16]; /* one per 16 weights: scale in the low nibble, minimum in the high one */
  uint8_t qs[64];     /* 2 halves of 32 bytes: bits 2q of byte l are weight 32 q + l of the half */
  uint16_t d, dmin;   /* f16 super-scales */
} ModelBlockQ2_K;
typedef struct {
  uint8_t hmask[32];  /* bit j of byte l: clear takes 4 from weight 32 j + l */
  uint8_t qs[64];     /* as Q2_K */
  uint8_t scales[12]; /* 16 of 6 bits, minus 32: model_q3k_scale () */
  uint16_t d;         /* f16 super-scale */
} ModelBlockQ3_K;
typedef struct {
  uint16_t d, dmin;   /* as Q4_K */
  uint8_t scales[12]; /* as Q4_K */
  uint8_t qh[32];     /* bit j of byte l: the fifth bit of weight 32 j + l */
  uint8_t qs[128];    /* as Q4_K */
} ModelBlockQ5_K;
typedef struct {
  uint16_t d;     /* f16 scale */
  uint8_t qs[16]; /* as Q4_0; value = d * model_iq4_values[q] */
} ModelBlockIQ4_NL;
typedef struct {
  uint16_t d;          /* f16 super-scale */
  uint16_t scales_h;   /* high 2 bits of 8 scales */
  uint8_t scales_l[4]; /* low 4 bits; minus 32: model_iq4xs_scale () */
  uint8_t qs[128];     /* 8 sub-blocks as IQ4_NL */
} ModelBlockIQ4_XS;
typedef struct {
  uint8_t e;      /* exponent of the scale: model_e8m0_half () */
  uint8_t qs[16]; /* as Q4_0; value = scale * model_fp4_values[q] */
} ModelBlockMXFP4;
typedef struct {
  uint8_t d[4];   /* scales of 16 weights each: model_ue4m3_half () */
  uint8_t qs[32]; /* 8 bytes per 16: low nibbles the first 8; value = scale * model_fp4_values[q] */
} ModelBlockNVFP4;
/* The codebook formats: see quant-codebook.c for what their bits mean. */
typedef struct {
  uint16_t d;
  uint8_t qs[64];
} ModelBlockIQ2_XXS;
typedef struct {
  uint16_t d;
  uint16_t qs[32]; /* entry of 9 bits, 7 signs */
  uint8_t scales[8];
} ModelBlockIQ2_XS;
typedef struct {
  uint16_t d;
  uint8_t qs[32], signs[32], qh[8], scales[8];
} ModelBlockIQ2_S;
typedef struct {
  uint16_t d;
  uint8_t qs[64], signs[32];
} ModelBlockIQ3_XXS;
typedef struct {
  uint16_t d;
  uint8_t qs[64], qh[8], signs[32], scales[4];
} ModelBlockIQ3_S;
typedef struct {
  uint16_t d;
  uint8_t qs[32];
  uint16_t qh[8];
} ModelBlockIQ1_S;
typedef struct {
  uint8_t qs[32], qh[16];
  uint16_t scales[4];
} ModelBlockIQ1_M;
typedef struct {
  uint8_t qs[48]; /* 5 ternary digits a byte */
  uint8_t qh[4];  /* 4 */
  uint16_t d;
} ModelBlockTQ1_0;
typedef struct {
  uint8_t qs[64]; /* as Q2_K; value = d * (q - 1) */
  uint16_t d;
} ModelBlockTQ2_0;
typedef struct {
  uint16_t d;
  uint8_t qs[16]; /* a bit each: value = d where it is set, else -d */
} ModelBlockQ1_0;
typedef struct {
  uint16_t d;
  uint8_t qs[16]; /* two bits each, in order: value = d * (q - 1) */
} ModelBlockQ2_0;
G_STATIC_ASSERT (sizeof (ModelBlockQ4_0) == 18);
G_STATIC_ASSERT (sizeof (ModelBlockQ4_1) == 20);
G_STATIC_ASSERT (sizeof (ModelBlockQ5_0) == 22);
G_STATIC_ASSERT (sizeof (ModelBlockQ5_1) == 24);
G_STATIC_ASSERT (sizeof (ModelBlockQ8_0) == 34);
G_STATIC_ASSERT (sizeof (ModelBlockQ2_K) == 84);
G_STATIC_ASSERT (sizeof (ModelBlockQ3_K) == 110);
G_STATIC_ASSERT (sizeof (ModelBlockQ4_K) == 144);
G_STATIC_ASSERT (sizeof (ModelBlockQ5_K) == 176);
G_STATIC_ASSERT (sizeof (ModelBlockQ6_K) == 210);
G_STATIC_ASSERT (sizeof (ModelBlockIQ4_NL) == 18);
G_STATIC_ASSERT (sizeof (ModelBlockIQ4_XS) == 136);
G_STATIC_ASSERT (sizeof (ModelBlockMXFP4) == 17);
G_STATIC_ASSERT (sizeof (ModelBlockNVFP4) == 36);
G_STATIC_ASSERT (sizeof (ModelBlockIQ2_XXS) == 66);
G_STATIC_ASSERT (sizeof (ModelBlockIQ2_XS) == 74);
G_STATIC_ASSERT (sizeof (ModelBlockIQ2_S) == 82);
G_STATIC_ASSERT (sizeof (ModelBlockIQ3_XXS) == 98);
G_STATIC_ASSERT (sizeof (ModelBlockIQ3_S) == 110);
G_STATIC_ASSERT (sizeof (ModelBlockIQ1_S) == 50);
G_STATIC_ASSERT (sizeof (ModelBlockIQ1_M) == 56);
G_STATIC_ASSERT (sizeof (ModelBlockTQ1_0) == 54);
G_STATIC_ASSERT (sizeof (ModelBlockTQ2_0) == 66);
G_STATIC_ASSERT (sizeof (ModelBlockQ1_0) == 18);
G_STATIC_ASSERT (sizeof (ModelBlockQ2_0) == 18);

/* Blocks as integers: weight i is codes[i] * scale[i / 16], and + min[i / 16] where the type has
 * minimums, rounded to f32 after each of the two: exactly what the format defines. */
typedef struct {
  int8_t codes[256];
  float scale[16];
  float min[16];
} ModelCodes;

typedef struct {
  uint32_t id;            /* ModelType, the id in the file */
  const char *name;       /* "Q4_K" */
  uint32_t block_weights; /* weights per block: a row's length is a multiple of it */
  uint32_t block_bytes;
  /* Converts n weights (a multiple of block_weights) exactly as the format defines them.
   * src: n / block_weights blocks, any alignment; dst: n floats. */
  void (*to_f32) (const void *src, float *dst, size_t n);
  /* n blocks (any alignment) as integers, 256 weights at most; NULL for the floats. */
  void (*expand) (const void *blocks, unsigned n, ModelCodes *out);
  gboolean has_min;
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
static inline void
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

/* The scale j (0..15) of a Q3_K block, and j (0..7) of an IQ4_XS block: -32 .. 31. */
static inline int
model_q3k_scale (const uint8_t scales[12], unsigned j)
{
  unsigned low = scales[j % 8] >> (j / 8 * 4) & 15, high = scales[8 + j % 4] >> (j / 4 * 2) & 3;

  return (int) (low | high << 4) - 32;
}

static inline int
model_iq4xs_scale (const ModelBlockIQ4_XS *block, unsigned j)
{
  unsigned low = block->scales_l[j / 2] >> (j % 2 * 4) & 15, high = block->scales_h >> (2 * j) & 3;

  return (int) (low | high << 4) - 32;
}

/* What the 16 codes of IQ4_NL and IQ4_XS stand for, and twice what those of MXFP4 and NVFP4 (E2M1
 * of the OCP microscaling formats) do; so the scales of these are halved: 2^(e - 128), where e = 0
 * and 1 are subnormal, and an unsigned E4M3 (0x7f: 0, as ggml has it) over 2. */
extern const int8_t model_iq4_values[16], model_fp4_values[16];
float model_e8m0_half (uint8_t e);
float model_ue4m3_half (uint8_t e);
