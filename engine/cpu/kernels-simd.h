/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernels that are the same on every instruction set, written over a vector V of V_WIDTH
 * floats. A kernels-*.c file defines V and its few operations (v_load, v_fma …), then includes
 * this file. Every sum runs in an order that depends on the width alone: never on how work was
 * split. Must not know threads, plans or weights. */

#include "engine/cpu/simd-math.h"

#include <math.h>
#include <string.h>

/* ---- rows ----------------------------------------------------------------------------------- */

static void
kernel_norm (const float *src, const float *weight, float epsilon, uint32_t n, float *dst)
{
  V sums[4] = { v_set1 (0), v_set1 (0), v_set1 (0), v_set1 (0) };
  uint32_t i = 0;
  float sum, inverse;

  for (; i + 4 * V_WIDTH <= n; i += 4 * V_WIDTH)
    for (unsigned j = 0; j < 4; j++) {
      V x = v_load (src + i + j * V_WIDTH);

      sums[j] = v_fma (x, x, sums[j]);
    }
  sum = v_sum (v_add (v_add (sums[0], sums[1]), v_add (sums[2], sums[3])));
  for (; i < n; i++)
    sum += src[i] * src[i];
  inverse = 1.0f / sqrtf (sum / (float) n + epsilon);
  for (i = 0; i + V_WIDTH <= n; i += V_WIDTH)
    v_store (dst + i,
             v_mul (v_mul (v_load (src + i), v_set1 (inverse)), v_load (weight + i)));
  for (; i < n; i++)
    dst[i] = src[i] * inverse * weight[i];
}

/* Sum of (x - from)^power over x[n], power 1 or 2. */
INLINE float
sum_powers (const unsigned power, const float *x, float from, uint32_t n)
{
  V sums[4] = { v_set1 (0), v_set1 (0), v_set1 (0), v_set1 (0) };
  uint32_t i = 0;
  float sum;

  for (; i + 4 * V_WIDTH <= n; i += 4 * V_WIDTH)
    for (unsigned j = 0; j < 4; j++) {
      V d = v_sub (v_load (x + i + j * V_WIDTH), v_set1 (from));

      sums[j] = power == 1 ? v_add (sums[j], d) : v_fma (d, d, sums[j]);
    }
  sum = v_sum (v_add (v_add (sums[0], sums[1]), v_add (sums[2], sums[3])));
  for (; i < n; i++)
    sum += power == 1 ? x[i] - from : (x[i] - from) * (x[i] - from);
  return sum;
}

static void
kernel_layer_norm (const float *src, const float *weight, const float *bias, float epsilon,
                   uint32_t n, float *dst)
{
  float mean = sum_powers (1, src, 0, n) / (float) n;
  float inverse = 1.0f / sqrtf (sum_powers (2, src, mean, n) / (float) n + epsilon);
  uint32_t i = 0;

  for (; i + V_WIDTH <= n; i += V_WIDTH) {
    V x = v_mul (v_sub (v_load (src + i), v_set1 (mean)), v_set1 (inverse));

    v_store (dst + i, v_fma (x, v_load (weight + i),
                             bias != NULL ? v_load (bias + i) : v_set1 (0)));
  }
  for (; i < n; i++)
    dst[i] = (src[i] - mean) * inverse * weight[i] + (bias != NULL ? bias[i] : 0);
}

static void
kernel_gate (ModelActivation activation, const float *gate, const float *up, uint32_t n, float *dst)
{
  float tail[2][V_WIDTH] = { { 0 } };
  uint32_t i = 0;

  for (; i + V_WIDTH <= n; i += V_WIDTH)
    v_store (dst + i, v_gate (activation, v_load (gate + i), v_load (up + i)));
  memcpy (tail[0], gate + i, (n - i) * sizeof *gate);
  memcpy (tail[1], up + i, (n - i) * sizeof *up);
  v_store (tail[0], v_gate (activation, v_load (tail[0]), v_load (tail[1])));
  memcpy (dst + i, tail[0], (n - i) * sizeof *dst);
}

/* Pairs (i, i + half), as many as fill vectors; returns how many. */
INLINE uint32_t
turn_halves (float *x, const float *cosine, const float *sine, uint32_t half)
{
  uint32_t i = 0;

  for (; i + V_WIDTH <= half; i += V_WIDTH) {
    V a = v_load (x + i), b = v_load (x + half + i);
    V c = v_load (cosine + i), s = v_load (sine + i);

    v_store (x + i, v_sub (v_mul (a, c), v_mul (b, s)));
    v_store (x + half + i, v_add (v_mul (a, s), v_mul (b, c)));
  }
  return i;
}

/* Pairs (2i, 2i + 1), likewise. */
INLINE uint32_t
turn_neighbours (float *x, const float *cosine, const float *sine, uint32_t half)
{
  static const float minus_plus[16] = { -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1 };
  const V signs = v_load (minus_plus);
  uint32_t i = 0;

  for (; i + V_WIDTH / 2 <= half; i += V_WIDTH / 2) {
    V pairs = v_load (x + 2 * i), s = v_mul (v_load_twice (sine + i), signs);

    v_store (x + 2 * i, v_add (v_mul (pairs, v_load_twice (cosine + i)),
                               v_mul (v_swap_neighbours (pairs), s)));
  }
  return i;
}

static void
kernel_rope (float *x, const float *cosine, const float *sine, uint32_t n, gboolean halves)
{
  uint32_t half = n / 2, step = halves ? half : 1, stride = halves ? 1 : 2;
  uint32_t i = halves ? turn_halves (x, cosine, sine, half)
                      : turn_neighbours (x, cosine, sine, half);

  for (; i < half; i++) {
    float *pair = x + i * stride;
    float a = pair[0], b = pair[step];

    pair[0] = a * cosine[i] - b * sine[i];
    pair[step] = a * sine[i] + b * cosine[i];
  }
}

/* f32 to f16, clamped to what is finite, so that a masked key never turns into NaN. */
static void
kernel_narrow (const float *src, uint32_t n, uint16_t *dst)
{
  const V limit = v_set1 (65504.0f), negative = v_set1 (-65504.0f);
  uint32_t i = 0;

  for (; i + V_WIDTH <= n; i += V_WIDTH)
    v_store_f16 (dst + i, v_min (v_max (v_load (src + i), negative), limit));
  for (; i < n; i++)
    dst[i] = model_f32_to_f16 (CLAMP (src[i], -65504.0f, 65504.0f));
}

static void
kernel_max_sum_exp (const float *x, uint32_t n, float *max, float *sum)
{
  V m = v_set1 (-INFINITY), s = v_set1 (0);
  uint32_t i;
  float top, total;

  for (i = 0; i + V_WIDTH <= n; i += V_WIDTH)
    m = v_max (v_load (x + i), m);
  top = v_maximum (m);
  for (; i < n; i++)
    top = x[i] > top ? x[i] : top;
  for (i = 0; i + V_WIDTH <= n; i += V_WIDTH)
    s = v_add (s, v_exp (v_sub (v_load (x + i), v_set1 (top))));
  total = v_sum (s);
  for (; i < n; i++)
    total += exp_1 (x[i] - top);
  *max = top;
  *sum = top == -INFINITY ? 0 : total;
}

/* ---- attention ------------------------------------------------------------------------------ */

/* What is read after a product: with every k so many bytes of it are asked for, so that memory is
 * at work while the product is. All at once, before it, they would hold up its own loads. */
typedef struct {
  const uint8_t *data; /* NULL: nothing */
  size_t bytes;
} Ahead;

#define NOTHING_AHEAD ((Ahead) { NULL, 0 })

/* c[rows][n_vectors * V_WIDTH] = a[rows][n_k] x b[n_k][…]; every element sums over k upwards. b
 * holds f16 or f32, strides are in elements. */
INLINE void
small_product (const unsigned rows, const unsigned n_vectors, const gboolean half, const float *a,
               size_t a_stride, const void *b, size_t b_stride, uint32_t n_k, float *c,
               size_t c_stride, Ahead ahead)
{
  V sum[V_TILE_ROWS][V_TILE_VECTORS];

#pragma GCC unroll 8
  for (unsigned r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (unsigned j = 0; j < n_vectors; j++)
      sum[r][j] = v_set1 (0);
  for (uint32_t k = 0; k < n_k; k++) {
    V right[V_TILE_VECTORS];

    for (size_t at = 0; at < ahead.bytes; at += 64)
      __builtin_prefetch (ahead.data + k * ahead.bytes + at, 0, 2);
#pragma GCC unroll 8
    for (unsigned j = 0; j < n_vectors; j++)
      right[j] = half ? v_load_f16 ((const uint16_t *) b + k * b_stride + j * V_WIDTH)
                      : v_load ((const float *) b + k * b_stride + j * V_WIDTH);
#pragma GCC unroll 8
    for (unsigned r = 0; r < rows; r++) {
      V left = v_set1 (a[r * a_stride + k]);

#pragma GCC unroll 8
      for (unsigned j = 0; j < n_vectors; j++)
        sum[r][j] = v_fma (left, right[j], sum[r][j]);
    }
  }
#pragma GCC unroll 8
  for (unsigned r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (unsigned j = 0; j < n_vectors; j++)
      v_store (c + r * c_stride + j * V_WIDTH, sum[r][j]);
}

/* One tile of up to V_TILE_ROWS rows over all n columns of b. */
INLINE void
product_rows (const unsigned rows, const gboolean half, const float *a, size_t a_stride,
              const void *b, size_t b_stride, uint32_t n_k, float *c, size_t c_stride, uint32_t n,
              Ahead ahead)
{
  const size_t element = half ? sizeof (uint16_t) : sizeof (float);
  uint32_t j = 0;

  for (; j + V_TILE_VECTORS * V_WIDTH <= n; j += V_TILE_VECTORS * V_WIDTH) {
    small_product (rows, V_TILE_VECTORS, half, a, a_stride, (const char *) b + j * element,
                   b_stride, n_k, c + j, c_stride, ahead);
    ahead = NOTHING_AHEAD;
  }
  for (; j + 2 * V_WIDTH <= n; j += 2 * V_WIDTH) /* heads of 32 */
    small_product (rows, 2, half, a, a_stride, (const char *) b + j * element, b_stride, n_k,
                   c + j, c_stride, NOTHING_AHEAD);
  for (; j + V_WIDTH <= n; j += V_WIDTH)
    small_product (rows, 1, half, a, a_stride, (const char *) b + j * element, b_stride, n_k,
                   c + j, c_stride, NOTHING_AHEAD);
  for (; j < n; j++)
    for (unsigned r = 0; r < rows; r++) {
      float sum = 0;

      for (uint32_t k = 0; k < n_k; k++)
        sum += a[r * a_stride + k] *
               (half ? model_f16_to_f32 (((const uint16_t *) b)[k * b_stride + j])
                     : ((const float *) b)[k * b_stride + j]);
      c[r * c_stride + j] = sum;
    }
}

/* c[n_rows][n] = a[n_rows][n_k] x b[n_k][n] */
INLINE void
product (const gboolean half, uint32_t n_rows, const float *a, size_t a_stride, const void *b,
         size_t b_stride, uint32_t n_k, float *c, size_t c_stride, uint32_t n, Ahead ahead)
{
  uint32_t r = 0;

  for (; r + V_TILE_ROWS <= n_rows; r += V_TILE_ROWS) {
    product_rows (V_TILE_ROWS, half, a + r * a_stride, a_stride, b, b_stride, n_k,
                  c + r * c_stride, c_stride, n, ahead);
    ahead = NOTHING_AHEAD;
  }
  for (; r + 3 <= n_rows; r += 3) {
    product_rows (3, half, a + r * a_stride, a_stride, b, b_stride, n_k, c + r * c_stride,
                  c_stride, n, ahead);
    ahead = NOTHING_AHEAD;
  }
  for (; r < n_rows; r++) {
    product_rows (1, half, a + r * a_stride, a_stride, b, b_stride, n_k, c + r * c_stride,
                  c_stride, n, ahead);
    ahead = NOTHING_AHEAD;
  }
}

static void
product_f32 (uint32_t n_rows, const float *a, size_t a_stride, const float *b, size_t b_stride,
             uint32_t n_k, float *c, size_t c_stride, uint32_t n)
{
  product (FALSE, n_rows, a, a_stride, b, b_stride, n_k, c, c_stride, n, NOTHING_AHEAD);
}

#define SOFTMAX_ROWS 2

static void
widen (const uint16_t *src, size_t n, float *dst)
{
  size_t i = 0;

  for (; i + V_WIDTH <= n; i += V_WIDTH)
    v_store (dst + i, v_load_f16 (src + i));
  for (; i < n; i++)
    dst[i] = model_f16_to_f32 (src[i]);
}

/* Of each of some rows scores[64] the first n, vectors full, become e^(score - max): 0 outside of
 * from .. to, whatever they were. Rows side by side, since each waits for its own maximum. */
INLINE void
softmax_rows (const unsigned rows, float *scores, const uint32_t n, float cap,
              const uint32_t *from, const uint32_t *to, float *max, float *sum)
{
  V m[SOFTMAX_ROWS], s[SOFTMAX_ROWS];

#pragma GCC unroll 4
  for (unsigned r = 0; r < rows; r++) {
    float *row = scores + r * ENGINE_PAGE_TOKENS;

    for (uint32_t j = 0; cap > 0 && j < n; j += V_WIDTH)
      v_store (row + j, v_cap (v_load (row + j), cap));
    for (uint32_t j = 0; j < from[r]; j++)
      row[j] = -INFINITY;
    for (uint32_t j = to[r]; j < n; j++)
      row[j] = -INFINITY;
    m[r] = v_set1 (-INFINITY);
    s[r] = v_set1 (0);
  }
#pragma GCC unroll 4
  for (uint32_t j = 0; j < n; j += V_WIDTH)
#pragma GCC unroll 4
    for (unsigned r = 0; r < rows; r++)
      m[r] = v_max (v_load (scores + r * ENGINE_PAGE_TOKENS + j), m[r]);
#pragma GCC unroll 4
  for (unsigned r = 0; r < rows; r++) {
    max[r] = v_maximum (m[r]);
    m[r] = v_set1 (max[r]);
  }
#pragma GCC unroll 4
  for (uint32_t j = 0; j < n; j += V_WIDTH)
#pragma GCC unroll 4
    for (unsigned r = 0; r < rows; r++) {
      float *at = scores + r * ENGINE_PAGE_TOKENS + j;
      V p = v_exp (v_sub (v_load (at), m[r]));

      s[r] = v_add (s[r], p);
      v_store (at, p);
    }
#pragma GCC unroll 4
  for (unsigned r = 0; r < rows; r++)
    sum[r] = v_sum (s[r]);
}

static void
kernel_scale (const float *src, float factor, uint32_t n, float *dst)
{
  uint32_t i = 0;

  for (; i + V_WIDTH <= n; i += V_WIDTH)
    v_store (dst + i, v_mul (v_load (src + i), v_set1 (factor)));
  for (; i < n; i++)
    dst[i] = src[i] * factor;
}

/* ---- recurrences ---------------------------------------------------------------------------- */

static void
kernel_sum_rows (const float *weights, const float *rows, uint32_t n_rows, uint32_t n, float *dst)
{
  product_f32 (1, weights, n_rows, rows, n, n_rows, dst, n, n);
}

INLINE void
recur_columns (const unsigned n_vectors, const CpuRecurWork *w, uint32_t first)
{
  const V decay = v_set1 (w->decay);
  V v[V_TILE_VECTORS], out[V_TILE_VECTORS];

#pragma GCC unroll 8
  for (unsigned j = 0; j < n_vectors; j++) {
    v[j] = v_load (w->v + first + j * V_WIDTH);
    out[j] = v_set1 (0);
  }
  for (uint32_t i = 0; i < w->n_rows; i++) {
    const float *before = w->before + (size_t) i * w->n + first;
    float *after = w->after + (size_t) i * w->n + first;
    V k = v_set1 (w->k[i]), q = v_set1 (w->q[i]);

#pragma GCC unroll 8
    for (unsigned j = 0; j < n_vectors; j++) {
      V state = v_fma (k, v[j], v_mul (decay, v_load (before + j * V_WIDTH)));

      v_store (after + j * V_WIDTH, state);
      out[j] = v_fma (q, state, out[j]);
    }
  }
#pragma GCC unroll 8
  for (unsigned j = 0; j < n_vectors; j++)
    v_store (w->out + first + j * V_WIDTH, out[j]);
}

static void
kernel_recur (const CpuRecurWork *w)
{
  uint32_t j = 0;

  for (; j + V_TILE_VECTORS * V_WIDTH <= w->n; j += V_TILE_VECTORS * V_WIDTH)
    recur_columns (V_TILE_VECTORS, w, j);
  for (; j + V_WIDTH <= w->n; j += V_WIDTH)
    recur_columns (1, w, j);
  for (; j < w->n; j++) {
    float sum = 0;

    for (uint32_t i = 0; i < w->n_rows; i++) {
      float state = w->decay * w->before[(size_t) i * w->n + j] + w->k[i] * w->v[j];

      w->after[(size_t) i * w->n + j] = state;
      sum += w->q[i] * state;
    }
    w->out[j] = sum;
  }
}

static void
kernel_convolve (const CpuConvolveWork *w)
{
  uint32_t i = 0;

  for (; i + V_WIDTH <= w->n; i += V_WIDTH) {
    V sum = w->bias != NULL ? v_load (w->bias + i) : v_set1 (0);

    for (uint32_t t = 0; t < w->n_taps; t++)
      sum = v_fma (v_load (w->taps + (size_t) t * w->n + i), v_load (w->rows[t] + i), sum);
    v_store (w->dst + i, w->activate ? v_silu (sum) : sum);
  }
  for (; i < w->n; i++) {
    float sum = w->bias != NULL ? w->bias[i] : 0;

    for (uint32_t t = 0; t < w->n_taps; t++)
      sum += w->taps[(size_t) t * w->n + i] * w->rows[t][i];
    w->dst[i] = w->activate ? sum / (1 + exp_1 (-sum)) : sum;
  }
}

/* ---- attention over a page ------------------------------------------------------------------ */

/* out = out * mine + other * theirs */
INLINE void
mix (float *out, float mine, const float *other, float theirs, uint32_t n)
{
  uint32_t i = 0;

  for (; i + V_WIDTH <= n; i += V_WIDTH)
    v_store (out + i,
             v_fma (v_load (other + i), v_set1 (theirs), v_mul (v_load (out + i), v_set1 (mine))));
  for (; i < n; i++)
    out[i] = out[i] * mine + other[i] * theirs;
}

static void
kernel_merge (float *max, float *sum, float *out, float other_max, float other_sum,
              const float *other_out, uint32_t d_value)
{
  float top = other_max > *max ? other_max : *max;
  float mine = top > *max ? exp_1 (*max - top) : 1;
  float theirs = top > other_max ? exp_1 (other_max - top) : 1;

  mix (out, mine, other_out, theirs, d_value);
  *sum = *sum * mine + other_sum * theirs;
  *max = top;
}

/* What a page by itself comes to, in the work's scratch. */
typedef struct {
  float *scores;    /* [n_rows][64], which become e^(score - max) */
  float *out;       /* [n_rows][d_value] */
  float *max, *sum; /* [n_rows] */
  float *rest;      /* of the scratch */
} PageResult;

static PageResult
begin_page (const CpuAttendWork *w)
{
  PageResult page = { .scores = w->scratch };

  page.out = page.scores + (size_t) w->n_rows * ENGINE_PAGE_TOKENS;
  page.max = page.out + (size_t) w->n_rows * w->d_value;
  page.sum = page.max + w->n_rows;
  page.rest = page.sum + w->n_rows;
  return page;
}

/* n: columns of scores, vectors full. */
INLINE void
soften_columns (const CpuAttendWork *w, const PageResult *page, const uint32_t n)
{
  uint32_t r = 0;

  for (; r + SOFTMAX_ROWS <= w->n_rows; r += SOFTMAX_ROWS)
    softmax_rows (SOFTMAX_ROWS, page->scores + (size_t) r * ENGINE_PAGE_TOKENS, n, w->cap,
                  w->from + r, w->to + r, page->max + r, page->sum + r);
  for (; r < w->n_rows; r++)
    softmax_rows (1, page->scores + (size_t) r * ENGINE_PAGE_TOKENS, n, w->cap, w->from + r,
                  w->to + r, page->max + r, page->sum + r);
}

/* Compiled apart for whole pages, whose loops have no ends to look for. */
static void
soften_page (const CpuAttendWork *w, const PageResult *page, uint32_t n)
{
  if (n == ENGINE_PAGE_TOKENS)
    soften_columns (w, page, ENGINE_PAGE_TOKENS);
  else
    soften_columns (w, page, n);
}

INLINE void
merge_row (const CpuAttendWork *w, const PageResult *page, uint32_t r, float top, float mine,
           float theirs)
{
  const size_t n = w->d_value;

  mix (w->out + r * n, mine, page->out + r * n, theirs, w->d_value);
  w->sum[r] = w->sum[r] * mine + page->sum[r] * theirs;
  w->max[r] = top;
}

/* kernel_merge () of all rows, whose exponentials are made together. */
static void
merge_page (const CpuAttendWork *w, const PageResult *page)
{
  for (uint32_t first = 0; first < w->n_rows; first += V_WIDTH) {
    const uint32_t n = MIN (w->n_rows - first, V_WIDTH);
    float tops[V_WIDTH], mine[V_WIDTH] = { 0 }, theirs[V_WIDTH] = { 0 };
    V top;

    memcpy (mine, w->max + first, n * sizeof *mine);
    memcpy (theirs, page->max + first, n * sizeof *theirs);
    top = v_max (v_load (mine), v_load (theirs));
    v_store (tops, top);
    v_store (mine, v_exp (v_sub (v_load (mine), top)));
    v_store (theirs, v_exp (v_sub (v_load (theirs), top)));
    for (uint32_t i = 0; i < n; i++)
      if (w->from[first + i] < w->to[first + i])
        merge_row (w, page, first + i, tops[i], mine[i], theirs[i]);
  }
}

/* Tokens of the page up to the last that a row sees. */
static uint32_t
n_seen (const CpuAttendWork *w)
{
  uint32_t most = 0;

  for (uint32_t r = 0; r < w->n_rows; r++)
    most = MAX (most, w->to[r]);
  return most;
}

/* k: [d_key][64], v: [n_seen][d_value], both f16 or f32. Scores of tokens that nobody sees are not
 * made, but for those of a vector that somebody does. */
INLINE void
attend_floats (const gboolean half, const CpuAttendWork *w, const PageResult *page, const void *k,
               const void *v)
{
  const size_t n = ENGINE_PAGE_TOKENS;
  const uint32_t seen = n_seen (w), scored = (seen + V_WIDTH - 1) / V_WIDTH * V_WIDTH;
  Ahead keys = NOTHING_AHEAD, values = NOTHING_AHEAD;

  if (w->next_k != NULL) {
    keys = (Ahead) { w->next_k, (size_t) (w->v - w->k) / w->d_key };
    values = (Ahead) { w->next_k + (w->v - w->k), keys.bytes / n * w->d_value };
  }
  product (half, w->n_rows, w->q, w->d_key, k, n, w->d_key, page->scores, n, scored, keys);
  soften_page (w, page, scored);
  product (half, w->n_rows, page->scores, n, v, w->d_value, seen, page->out, w->d_value,
           w->d_value, values);
  merge_page (w, page);
}

static void
attend_wide (const CpuAttendWork *w, const PageResult *page, const float *k, const float *v)
{
  attend_floats (FALSE, w, page, k, v);
}

static void
attend_f32 (const CpuAttendWork *w)
{
  const float *k = (const float *) (const void *) w->k;
  PageResult page = begin_page (w);

  attend_wide (w, &page, k, (const float *) (const void *) w->v);
}

static void
attend_f16 (const CpuAttendWork *w)
{
  const uint16_t *k = (const uint16_t *) (const void *) w->k;
  const uint16_t *v = (const uint16_t *) (const void *) w->v;
  PageResult page = begin_page (w);
  float *wide_k = page.rest, *wide_v = wide_k + (size_t) w->d_key * ENGINE_PAGE_TOKENS;

  if (w->n_rows <= V_TILE_ROWS) {
    attend_floats (TRUE, w, &page, k, v);
    return;
  }
  /* With more rows the conversion pays. */
  widen (k, (size_t) w->d_key * ENGINE_PAGE_TOKENS, wide_k);
  widen (v, (size_t) n_seen (w) * w->d_value, wide_v);
  attend_wide (w, &page, wide_k, wide_v);
}

/* Keys in f16 and f32 lie as [d_key][64], values as [64][d_value]. */
static void
store_key_f16 (const float *k, uint32_t d_key, uint32_t slot, uint8_t *to)
{
  uint16_t *keys = (uint16_t *) (void *) to, narrow[ENGINE_PAGE_TOKENS];

  for (uint32_t first = 0, n; first < d_key; first += n) {
    n = MIN (d_key - first, G_N_ELEMENTS (narrow));
    kernel_narrow (k + first, n, narrow);
    for (uint32_t i = 0; i < n; i++)
      keys[(size_t) (first + i) * ENGINE_PAGE_TOKENS + slot] = narrow[i];
  }
}

static void
store_value_f16 (const float *v, uint32_t d_value, uint32_t slot, uint8_t *to)
{
  kernel_narrow (v, d_value, (uint16_t *) (void *) to + (size_t) slot * d_value);
}

static void
store_key_f32 (const float *k, uint32_t d_key, uint32_t slot, uint8_t *to)
{
  float *keys = (float *) (void *) to;

  for (uint32_t i = 0; i < d_key; i++)
    keys[(size_t) i * ENGINE_PAGE_TOKENS + slot] = k[i];
}

static void
store_value_f32 (const float *v, uint32_t d_value, uint32_t slot, uint8_t *to)
{
  memcpy (to + (size_t) slot * d_value * sizeof *v, v, d_value * sizeof *v);
}

/* What stands in the tables of all tiers that include this, each with a kernel_quantise () and a
 * pages-q8_0.h of its own. */
#define KERNELS .lanes = V_WIDTH,                \
                .norm = kernel_norm,             \
                .layer_norm = kernel_layer_norm, \
                .gate = kernel_gate,             \
                .quantise = kernel_quantise,     \
                .rope = kernel_rope,             \
                .scale = kernel_scale,           \
                .sum_rows = kernel_sum_rows,     \
                .recur = kernel_recur,           \
                .convolve = kernel_convolve,     \
                .kv = KV_KERNELS,                \
                .merge = kernel_merge,           \
                .max_sum_exp = kernel_max_sum_exp
