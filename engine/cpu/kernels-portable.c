/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reference tier: plain C with GCC's own vectors of four floats, f32 activations, and
 * weights read from the file's own format. It runs on any processor; every other tier and the
 * GPU are tested against it. Must not use intrinsics. */
#include "engine/cpu/internal.h"

#include <string.h>

typedef float V __attribute__ ((vector_size (16)));
typedef int32_t VInt __attribute__ ((vector_size (16)));

#define V_WIDTH        4
#define V_TILE_ROWS    3
#define V_TILE_VECTORS 4

static inline V
v_set1 (float x)
{
  return (V) { x, x, x, x };
}

static inline V
v_load (const float *p)
{
  V x;

  memcpy (&x, p, sizeof x);
  return x;
}

static inline void
v_store (float *p, V x)
{
  memcpy (p, &x, sizeof x);
}

static inline V
v_load_f16 (const uint16_t *p)
{
  return (V) { model_f16_to_f32 (p[0]), model_f16_to_f32 (p[1]), model_f16_to_f32 (p[2]),
               model_f16_to_f32 (p[3]) };
}

static inline void
v_store_f16 (uint16_t *p, V x)
{
  for (unsigned i = 0; i < V_WIDTH; i++)
    p[i] = model_f32_to_f16 (x[i]);
}

static inline V
v_load_twice (const float *p)
{
  return (V) { p[0], p[0], p[1], p[1] };
}

static inline V
v_swap_neighbours (V x)
{
  return (V) { x[1], x[0], x[3], x[2] };
}

static inline V
v_add (V a, V b)
{
  return a + b;
}

static inline V
v_sub (V a, V b)
{
  return a - b;
}

static inline V
v_mul (V a, V b)
{
  return a * b;
}

static inline V
v_div (V a, V b)
{
  return a / b;
}

static inline V
v_fma (V a, V b, V c)
{
  return a * b + c;
}

static inline V
select_v (VInt mask, V a, V b)
{
  return (V) ((mask & (VInt) a) | (~mask & (VInt) b));
}

static inline V
v_max (V a, V b)
{
  return select_v (a > b, a, b);
}

static inline V
v_min (V a, V b)
{
  return select_v (a < b, a, b);
}

/* 0 where x < limit, else y. */
static inline V
v_zero_where_less (V y, V x, V limit)
{
  return (V) (~(x < limit) & (VInt) y);
}

/* p * 2^n, where t = n + 1.5 * 2^23. */
static inline V
v_scale2 (V p, V t)
{
  return (V) ((VInt) p + ((VInt) t << 23));
}

static inline float
v_sum (V x)
{
  return (x[0] + x[2]) + (x[1] + x[3]);
}

static inline float
v_maximum (V x)
{
  float a = x[0] > x[2] ? x[0] : x[2], b = x[1] > x[3] ? x[1] : x[3];

  return a > b ? a : b;
}

#include "engine/cpu/kernels-simd.h"

/* ---- products with rows in file format ------------------------------------------------------ */

static float
dot (const float *a, const float *b, uint32_t n)
{
  V sums[4] = { v_set1 (0), v_set1 (0), v_set1 (0), v_set1 (0) };
  uint32_t i = 0;
  float sum;

  for (; i + 16 <= n; i += 16)
    for (unsigned j = 0; j < 4; j++)
      sums[j] = v_fma (v_load (a + i + 4 * j), v_load (b + i + 4 * j), sums[j]);
  sum = v_sum (v_add (v_add (sums[0], sums[1]), v_add (sums[2], sums[3])));
  for (; i < n; i++)
    sum += a[i] * b[i];
  return sum;
}

static void
expand_row (const CpuWeight *weight, uint32_t strip, uint32_t lane, float *dst)
{
  const ModelTypeInfo *type = weight->tensor->type;
  const uint8_t *data = weight->data + strip * weight->strip_stride;

  type->to_f32 (data + lane * model_type_row_bytes (type, weight->columns), dst, weight->columns);
}

static void
multiply_row (const CpuMatmulWork *w, uint32_t row, const float *expanded)
{
  float bias = w->bias != NULL ? w->bias[row] : 0;

  for (uint32_t t = 0; t < w->n_tokens; t++) {
    float *y = cpu_work_dst (w, t) + row;

    float x = (dot (expanded, cpu_work_act (w, t), w->weight->columns) + bias) * w->scale;

    if (w->activate)
      x = v_activate (w->activation, v_set1 (x))[0];
    if (w->cap > 0)
      x = v_cap (v_set1 (x), w->cap)[0];
    *y = (w->accumulate ? *y : 0) + x;
  }
}

/* dst holds the gate's rows; multiplies them by the up rows. */
static void
gate_with_row (const CpuMatmulWork *w, uint32_t row, const float *expanded)
{
  float bias = w->up_bias != NULL ? w->up_bias[row] : 0;

  for (uint32_t t = 0; t < w->n_tokens; t++) {
    float *y = cpu_work_dst (w, t) + row;
    V up = v_set1 (dot (expanded, cpu_work_act (w, t), w->up->columns) + bias);

    *y = v_gate (w->activation, v_set1 (*y), up)[0];
  }
}

void
cpu_matmul_file (const CpuMatmulWork *w)
{
  uint32_t lanes = w->weight->lanes;

  for (uint32_t s = w->first_strip; s < w->first_strip + w->n_strips; s++)
    for (uint32_t lane = 0; lane < lanes && s * lanes + lane < w->weight->rows; lane++) {
      uint32_t row = s * lanes + lane;

      expand_row (w->weight, s, lane, w->scratch);
      multiply_row (w, row, w->scratch);
      if (w->up != NULL) {
        expand_row (w->up, s, lane, w->scratch);
        gate_with_row (w, row, w->scratch);
      }
    }
}

static const CpuMatmulFunc products[CPU_N_FORMATS] = { [CPU_FORMAT_FILE] = cpu_matmul_file };

static uint64_t
kernel_multiply_bytes (uint32_t rounds, int32_t *sum)
{
  int8_t a[64], b[64];
  int32_t chains[64] = { 0 };

  for (unsigned i = 0; i < 64; i++) {
    a[i] = (int8_t) i;
    b[i] = (int8_t) (i * i);
  }
  for (uint32_t round = 0; round < rounds; round++) {
    a[round % 64]++; /* else the sums are multiplied at once */
    for (unsigned i = 0; i < 64; i++)
      chains[i] += a[i] * b[i];
  }
  *sum = 0;
  for (unsigned i = 0; i < 64; i++)
    *sum ^= chains[i];
  return (uint64_t) rounds * 64;
}

/* ---- pages of q8_0 -------------------------------------------------------------------------- */

#define KV_LANES 1

#include "engine/cpu/pages-q8_0.h"

const CpuKernels cpu_kernels_portable = {
  .tier = CPU_TIER_PORTABLE,
  .lanes = 1,
  .matmul = products,
  .norm = kernel_norm,
  .layer_norm = kernel_layer_norm,
  .gate = kernel_gate,
  .rope = kernel_rope,
  .scale = kernel_scale,
  .sum_rows = kernel_sum_rows,
  .recur = kernel_recur,
  .convolve = kernel_convolve,
  .kv = KV_KERNELS,
  .merge = kernel_merge,
  .max_sum_exp = kernel_max_sum_exp,
  .multiply_bytes = kernel_multiply_bytes,
};
