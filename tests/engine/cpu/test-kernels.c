/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layouts and kernels by themselves: packing keeps every bit, quantised activations are what
 * they say, and integer products are exact but for f32 rounding, at the extremes of every code
 * too. */
#include "tests/engine/cpu/stand-ins.h"
#include "tests/engine/make-gguf.h"

#include <math.h>
#include <string.h>

/* Every number format that there is. */
static ModelType types[64];
static size_t n_types;

/* A weight of random bytes, packed for some lanes, with the file's rows and their values. */
typedef struct {
  ModelTensor tensor;
  CpuWeight weight;
  uint8_t *file;
  float *values; /* [rows][columns] */
} Packed;

static void
packed_clear (Packed *p)
{
  g_free (p->file);
  g_free (p->values);
  g_aligned_free (p->weight.data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Packed, packed_clear)

#define ANY_BITS -2 /* random bits, scales too */

/* Where the codes of a block are, with the small scales, in bytes. */
static void
codes_of (const ModelTypeInfo *type, uint32_t *first, uint32_t *n)
{
  static const struct {
    ModelType type;
    uint32_t first, n;
  } others[] = {
    { MODEL_TYPE_Q4_1, 4, 16 },
    { MODEL_TYPE_Q5_1, 4, 20 },
    { MODEL_TYPE_Q4_K, 4, 140 },
    { MODEL_TYPE_Q5_K, 4, 172 },
    { MODEL_TYPE_Q2_K, 0, 80 },
    { MODEL_TYPE_Q3_K, 0, 108 },
    { MODEL_TYPE_Q6_K, 0, 208 },
    { MODEL_TYPE_MXFP4, 1, 16 },
    { MODEL_TYPE_NVFP4, 4, 32 },
    { MODEL_TYPE_IQ1_M, 0, 48 },
    { MODEL_TYPE_TQ1_0, 0, 52 },
    { MODEL_TYPE_TQ2_0, 0, 64 },
  };

  *first = 2;
  *n = type->block_bytes - 2;
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    if (others[i].type == type->id) {
      *first = others[i].first;
      *n = others[i].n;
    }
}

/* fill: a byte that all codes are made of, -1 for random weights, or ANY_BITS. */
static void
pack (Packed *p, uint64_t seed, ModelType id, uint32_t lanes, uint32_t rows, uint32_t columns,
      int fill)
{
  const ModelTypeInfo *type = model_type_info (id);
  size_t row_bytes = model_type_row_bytes (type, columns);
  CpuWeight *w = &p->weight;
  uint32_t first, n;

  p->tensor = (ModelTensor) { .type = type, .ne = { columns, rows, 1, 1 } };
  p->file = g_malloc (row_bytes * rows);
  p->values = g_new (float, (size_t) rows *columns);
  test_random_weights (&seed, id, 0.1f, p->file, (size_t) rows * columns);
  codes_of (type, &first, &n);
  for (size_t at = 0; fill >= 0 && type->block_weights > 1 && at < row_bytes * rows;
       at += type->block_bytes)
    memset (p->file + at + first, fill, n);
  for (size_t i = 0; fill == ANY_BITS && i < row_bytes * rows; i++)
    p->file[i] = (uint8_t) test_random (&seed);
  type->to_f32 (p->file, p->values, (size_t) rows * columns);
  *w = (CpuWeight) { .tensor = &p->tensor,
                     .format = cpu_pack_format (type, lanes),
                     .lanes = lanes,
                     .rows = rows,
                     .columns = columns,
                     .n_strips = (rows + lanes - 1) / lanes };
  w->strip_bytes = w->strip_stride = cpu_pack_strip_bytes (w->format, type, lanes, columns);
  w->data = g_aligned_alloc0 (w->n_strips, w->strip_bytes, 64);
  for (uint32_t s = 0; s < w->n_strips; s++)
    cpu_pack_strip (w->format, type, lanes, columns, p->file + s * lanes * row_bytes,
                    MIN (lanes, rows - s * lanes), w->data + s * w->strip_stride);
}

/* What comes back is the very number that the format says, whatever the bits. */
static void
check_rows (const Packed *p)
{
  g_autofree float *row = g_new (float, p->weight.columns);

  for (uint32_t r = 0; r < p->weight.rows; r++) {
    const float *want = p->values + (size_t) r * p->weight.columns;

    cpu_pack_row_to_f32 (&p->weight, r, row);
    for (uint32_t k = 0; k < p->weight.columns; k++)
      g_assert_true (memcmp (&row[k], &want[k], sizeof *row) == 0 ||
                     (isnan (row[k]) && isnan (want[k])));
  }
}

static void
test_pack (void)
{
  static const uint32_t lanes[] = { 1, 8, 16 };

  for (size_t t = 0; t < n_types; t++)
    for (size_t l = 0; l < G_N_ELEMENTS (lanes); l++) {
      g_auto (Packed) random = { 0 }, any = { 0 };

      pack (&random, t + 1, types[t], lanes[l], 35, 768, -1);
      check_rows (&random);
      pack (&any, t + 1, types[t], lanes[l], 17, 256, ANY_BITS);
      check_rows (&any);
    }
}

static int
value_of (const CpuActBlock *block, unsigned i)
{
  return CPU_ACT_BASE * block->q[0][i] + block->q[1][i];
}

static void
check_pairs (const CpuActBlock *block)
{
  int32_t pairs[2] = { 0 };

  for (unsigned i = 0; i < 32; i++)
    if (i % 8 >= 4)
      pairs[i / 16] += block->q[1][i] * block->q[1][i - 4] + CPU_PAIR_BIAS * value_of (block, i);
  g_assert_cmpint (block->pairs_low, ==, pairs[0]);
  g_assert_cmpint (block->pairs, ==, pairs[0] + pairs[1]);
}

#define MOST_BLOCKS 7 /* more than a tier takes at a time, and some left over */

static void
check_block (const CpuKernels *kernels, gboolean one_byte, const float *x, const CpuActBlock *block)
{
  const int largest = one_byte ? 127 * CPU_ACT_BASE : CPU_ACT_MAX;
  const float step = one_byte ? CPU_ACT_BASE : 1;
  int sum = 0, low = 0;
  float most = 0;

  for (unsigned i = 0; i < CPU_BLOCK; i++) {
    most = MAX (most, fabsf (x[i]));
    sum += value_of (block, i);
    low += i < 16 ? value_of (block, i) : 0;
    g_assert_cmpint (ABS (block->q[1][i]), <=, one_byte ? 0 : CPU_ACT_BASE / 2);
    g_assert_cmpfloat (fabsf (x[i] - block->scale * (float) value_of (block, i)), <=,
                       block->scale * step * 0.502f);
  }
  g_assert_cmpfloat (fabsf (block->scale - most / (float) largest), <=, most * 1e-7f);
  g_assert_cmpint (block->sum, ==, sum);
  g_assert_cmpint (block->sum_low, ==, low);
  if (kernels->lanes == 16)
    check_pairs (block);
  g_assert_cmpfloat (block->scaled_sum, ==, block->scale * (float) sum);
}

static void
check_quantise (const CpuKernels *kernels, gboolean one_byte)
{
  CpuActBlock blocks[MOST_BLOCKS + 1];
  float x[MOST_BLOCKS * CPU_BLOCK];
  uint64_t random = 3;

  for (unsigned round = 0; round < 200; round++) {
    const unsigned n = 1 + round % MOST_BLOCKS;

    for (unsigned i = 0; i < n * CPU_BLOCK; i++)
      x[i] = test_random_real (&random) *
             (i / CPU_BLOCK == 3 ? 0 : ldexpf (1, (int) ((round + i / CPU_BLOCK) % 40) - 20));
    blocks[n].scale = -1;
    kernels->quantise (x, n * CPU_BLOCK, one_byte, blocks);
    for (unsigned b = 0; b < n; b++)
      check_block (kernels, one_byte, x + b * CPU_BLOCK, &blocks[b]);
    g_assert_cmpfloat (blocks[n].scale, ==, -1);
  }
}

static void
test_quantise (const CpuKernels *kernels)
{
  check_quantise (kernels, FALSE);
  check_quantise (kernels, TRUE);
}

/* y = w x act in double, and the sum of magnitudes that its rounding errors grow with. */
static double
exact (const float *w, const CpuActBlock *act, uint32_t columns, double *magnitude)
{
  double y = 0;

  *magnitude = 0;
  for (uint32_t k = 0; k < columns; k++) {
    double x = (double) act[k / 32].scale * value_of (&act[k / 32], k % 32) * (double) w[k];

    y += x;
    *magnitude += fabs (x);
  }
  return y;
}

static void
check_product (const CpuKernels *kernels, ModelType type, uint32_t rows, uint32_t columns,
               uint32_t n_tokens, int fill, float extreme, gboolean one_byte, gboolean in_pairs)
{
  g_auto (Packed) p = { 0 };
  uint32_t n_blocks = columns / CPU_BLOCK;
  g_autofree CpuActBlock *act = g_new (CpuActBlock, (size_t) n_tokens * n_blocks);
  g_autofree float *x = g_new (float, (size_t) n_tokens *columns);
  g_autofree float *y = g_new0 (float, (size_t) n_tokens *rows);
  uint64_t random = rows + columns + n_tokens;
  g_autofree float *scratch = g_new (float, 2 * 16 * columns);
  CpuMatmulWork work = { .weight = &p.weight,
                         .scratch = scratch,
                         .act = act,
                         .act_stride = n_blocks * sizeof *act,
                         .n_tokens = n_tokens,
                         .scale = 1,
                         .one_byte = one_byte,
                         .in_pairs = in_pairs,
                         .dst = y,
                         .dst_stride = rows };

  pack (&p, rows + 1, type, kernels->lanes, rows, columns, fill);
  work.n_strips = p.weight.n_strips;
  for (size_t i = 0; i < (size_t) n_tokens * columns; i++)
    x[i] = extreme < 0 || extreme > 0 ? extreme : test_random_real (&random);
  kernels->quantise (x, n_tokens * columns, one_byte, act);
  for (uint32_t b = 0; one_byte && b < n_tokens * n_blocks; b++)
    memset (act[b].q[1], 0x55, CPU_BLOCK); /* nobody reads them */
  kernels->matmul[p.weight.format](&work);
  for (uint32_t b = 0; one_byte && b < n_tokens * n_blocks; b++)
    memset (act[b].q[1], 0, CPU_BLOCK);
  for (uint32_t t = 0; t < n_tokens; t++)
    for (uint32_t r = 0; r < rows; r++) {
      double magnitude, want = exact (p.values + (size_t) r * columns,
                                      act + (size_t) t * n_blocks, columns, &magnitude);

      /* The minimum of a block cancels against its codes: count that in. */
      g_assert_cmpfloat (fabs ((double) y[(size_t) t * rows + r] - want), <=,
                         2e-6 * magnitude + 1e-5 * fabs (want) + 1e-4);
    }
}

static void
test_products (const CpuKernels *kernels)
{
  static const int fills[] = { -1, 0x00, 0xff, 0x80, 0x7f, 0x55 };
  const uint32_t n_many = kernels->tier == CPU_TIER_AMX ? 16 : 7; /* tokens, for kernels of many */

  for (size_t t = 0; t < n_types; t++) {
    uint32_t block = model_type_info (types[t])->block_weights;

    if (!cpu_format_is_quantised (cpu_pack_format (model_type_info (types[t]), kernels->lanes)))
      continue;
    for (size_t f = 0; f < G_N_ELEMENTS (fills); f++)
      for (int i = -1; i <= 1; i++) {
        const float sign = (float) i;

        check_product (kernels, types[t], 33, block * 2, n_many, fills[f], sign, FALSE, FALSE);
        check_product (kernels, types[t], 33, block * 2, 7, fills[f], sign, FALSE, TRUE);
        check_product (kernels, types[t], 5, block, 1, fills[f], sign, FALSE, TRUE);
        check_product (kernels, types[t], 33, block * 2, n_many, fills[f], sign, TRUE, FALSE);
        check_product (kernels, types[t], 5, block, 1, fills[f], sign, TRUE, FALSE);
      }
  }
}

/* One token gets the same bits alone as among others, whatever the tile, and in pairs. */
static void
test_tiles (const CpuKernels *kernels)
{
  for (size_t t = 0; t < n_types; t++) {
    g_auto (Packed) p = { 0 };
    const uint32_t columns = 768, rows = 35, n_tokens = 23;
    CpuFormat format = cpu_pack_format (model_type_info (types[t]), kernels->lanes);
    gboolean quantised = cpu_format_is_quantised (format);
    g_autofree CpuActBlock *act = g_new (CpuActBlock, (size_t) n_tokens * columns / CPU_BLOCK);
    g_autofree float *x = g_new (float, (size_t) n_tokens *columns);
    g_autofree float *all = g_new0 (float, (size_t) n_tokens *rows);
    g_autofree float *some = g_new0 (float, (size_t) n_tokens *rows);
    g_autofree float *scratch = g_new (float, 2 * 16 * columns);
    uint64_t random = 11;
    CpuMatmulWork work = {
      .weight = &p.weight, .dst_stride = rows, .scale = 1, .scratch = scratch
    };

    pack (&p, 5, types[t], kernels->lanes, rows, columns, -1);
    for (size_t i = 0; i < (size_t) n_tokens * columns; i++)
      x[i] = test_random_real (&random);
    if (quantised)
      kernels->quantise (x, n_tokens * columns, FALSE, act);
    work.act_stride = quantised ? columns / CPU_BLOCK * sizeof *act : columns * sizeof *x;
    for (uint32_t step = 1; step <= n_tokens; step++)
      for (uint32_t first = 0; first < n_tokens; first += step)
        for (uint32_t s = 0; s < p.weight.n_strips; s += step % 3 + 1) {
          work.first_strip = s;
          work.n_strips = MIN (step % 3 + 1, p.weight.n_strips - s);
          work.n_tokens = MIN (step, n_tokens - first);
          work.in_pairs = step % 2 == 0;
          work.act = (quantised ? (const char *) act : (const char *) x) + first * work.act_stride;
          work.dst = (step == 1 ? all : some) + (size_t) first * rows;
          kernels->matmul[p.weight.format](&work);
          if (first + step >= n_tokens && s + work.n_strips == p.weight.n_strips && step > 1)
            g_assert_cmpmem (some, n_tokens * rows * 4, all, n_tokens * rows * 4);
        }
  }
}

/* What a product with many tokens is asked for. */
typedef struct {
  uint32_t rows, n_tokens;
  gboolean one_byte, gated;
  gboolean anywhere; /* tokens, and where their results go */
} Asked;

/* Results and what is behind them, which stays as it was. */
static float *
multiply_as_asked (const CpuKernels *kernels, const Asked *asked, CpuMatmulWork work)
{
  float *y = g_new (float, (size_t) asked->n_tokens *work.dst_stride);

  memset (y, 0x55, asked->n_tokens * work.dst_stride * sizeof *y);
  work.dst = y;
  kernels->matmul[work.weight->format](&work);
  return y;
}

/* codes: they are multiplied as values of KV pages are. */
static void
check_same_bits (const CpuKernels *kernels, const Asked *asked, ModelType type, gboolean codes)
{
  const CpuKernels *reference = cpu_kernels (CPU_TIER_AVX512);
  const uint32_t columns = MAX (2 * model_type_info (type)->block_weights, 96), n = asked->n_tokens;
  const size_t n_blocks = columns / CPU_BLOCK;
  g_auto (Packed) p = { 0 }, up = { 0 };
  g_autofree CpuActBlock *act = g_new (CpuActBlock, n * n_blocks);
  g_autofree float *x = g_new (float, (size_t) n *columns);
  g_autofree float *scratch = g_new (float, 2 * 16 * columns), *want = NULL, *got = NULL;
  g_autofree uint32_t *from = g_new (uint32_t, n), *to = g_new (uint32_t, n);
  uint64_t random = type + n;
  CpuMatmulWork work = {
    .weight = &p.weight,
    .up = asked->gated ? &up.weight : NULL,
    .activation = MODEL_ACTIVATION_SILU,
    .scale = 0.5f,
    .act = act,
    .act_stride = n_blocks * sizeof *act,
    .n_tokens = n,
    .dst_stride = asked->rows + 3,
    .act_rows = asked->anywhere ? from : NULL,
    .dst_rows = asked->anywhere ? to : NULL,
    .one_byte = asked->one_byte,
    .scratch = scratch,
  };

  pack (&p, type + 1, type, 16, asked->rows, columns, -1);
  pack (&up, type + 2, type, 16, asked->rows, columns, -1);
  if (codes)
    p.weight.format = up.weight.format = CPU_FORMAT_CODES;
  work.n_strips = p.weight.n_strips;
  for (uint32_t i = 0; i < n; i++) {
    from[i] = (uint32_t) (test_random (&random) % n);
    to[i] = n - 1 - i;
  }
  for (size_t i = 0; i < (size_t) n * columns; i++)
    x[i] = test_random_real (&random);
  kernels->quantise (x, n * columns, asked->one_byte, act);
  want = multiply_as_asked (reference, asked, work);
  got = multiply_as_asked (kernels, asked, work);
  g_assert_cmpmem (got, n * work.dst_stride * sizeof *got, want,
                   n * work.dst_stride * sizeof *want);
}

/* Tiles change nothing. */
static void
test_same_bits (const CpuKernels *kernels)
{
  static const Asked all[] = {
    { 33, 16, FALSE, FALSE, FALSE },
    { 16, 17, FALSE, FALSE, FALSE },
    { 35, 48, TRUE, FALSE, FALSE },
    { 32, 97, FALSE, FALSE, TRUE },
    { 20, 31, TRUE, TRUE, TRUE },
    { 33, 40, FALSE, TRUE, FALSE },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++) {
    for (size_t t = 0; t < n_types; t++)
      if (cpu_format_is_quantised (cpu_pack_format (model_type_info (types[t]), 16)))
        check_same_bits (kernels, &all[i], types[t], FALSE);
    check_same_bits (kernels, &all[i], MODEL_TYPE_Q8_0, TRUE);
  }
}

/* The exponential, through the sum of 1 and 15 times e^x. */
static void
test_exp (const CpuKernels *kernels)
{
  for (float x = 0; x > -100; x -= 0.0137f) {
    float pair[16], max, sum;

    for (unsigned i = 0; i < 16; i++)
      pair[i] = x;
    pair[3] = 0;
    kernels->max_sum_exp (pair, 16, &max, &sum);
    g_assert_cmpfloat (max, ==, 0);
    g_assert_cmpfloat (fabs ((double) sum - 1 - 15 * exp ((double) x)), <=,
                       1e-6 + 15 * 5e-7 * exp ((double) x));
  }
}

static const struct {
  const char *name;
  void (*test) (const CpuKernels *);
  gboolean portable_too;
} tests[] = {
  { "quantise", test_quantise, FALSE },
  { "products", test_products, FALSE },
  { "tiles", test_tiles, TRUE },
  { "exp", test_exp, TRUE },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (uint32_t id = 0; id < G_N_ELEMENTS (types); id++)
    if (model_type_info (id) != NULL)
      types[n_types++] = (ModelType) id;
  g_test_add_func ("/cpu/pack/there-and-back", test_pack);
  for (CpuTier tier = 0; tier < CPU_N_TIERS; tier++)
    for (size_t i = 0; i < G_N_ELEMENTS (tests); i++) {
      g_autofree char *path = g_strdup_printf ("/cpu/%s/%s", tests[i].name,
                                               cpu_tier_name (tier));

      if (stand_in_kernels (tier) != NULL && (tier != CPU_TIER_PORTABLE || tests[i].portable_too))
        g_test_add_data_func (path, stand_in_kernels (tier),
                              (GTestDataFunc) (void (*) (void)) tests[i].test);
    }
  if (stand_in_kernels (CPU_TIER_AMX) != NULL)
    g_test_add_data_func ("/cpu/same-bits/AMX", stand_in_kernels (CPU_TIER_AMX),
                          (GTestDataFunc) (void (*) (void)) test_same_bits);
  return g_test_run ();
}
