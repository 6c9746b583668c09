/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of keys and values as q8_0: 32 numbers of a head are bytes times one f16. They lie as this
 * tier's products read weights, a lane for each of KV_LANES rows (layout.h; 1 in the portable
 * tier). Keys are CPU_FORMAT_Q8_0: a row is a token, a column a number of the head. Values are
 * CPU_FORMAT_CODES: a row is a number of the head, a column a token; what their scales belong to
 * are columns, so that these stand behind all codes, [d_value / 32][64], and are multiplied into
 * the probabilities. Included by a tier's file after kernels-simd.h; KV_KERNELS is its rows of
 * the table of kernels. Must not know threads or plans. */

#define KV_BLOCK_CODES ((size_t) KV_LANES * CPU_BLOCK)
#define KV_BLOCK_BYTES (KV_BLOCK_CODES + KV_LANES * sizeof (uint16_t))
#define KV_BIAS        0x80 /* turns a signed byte into how products have it stored */

/* Where a lane's code for a column lies in a block. */
static inline size_t
code_at (uint32_t lane, uint32_t column)
{
  return (size_t) column / 4 * 4 * KV_LANES + 4 * lane + column % 4;
}

static inline uint8_t *
key_block (uint8_t *keys, uint32_t d_key, uint32_t slot, uint32_t block)
{
  return keys + (size_t) slot / KV_LANES * (d_key / CPU_BLOCK * KV_BLOCK_BYTES) +
         block * KV_BLOCK_BYTES;
}

static inline uint8_t *
key_scale (uint8_t *block, uint32_t slot)
{
  return block + KV_BLOCK_CODES + slot % KV_LANES * sizeof (uint16_t);
}

/* Of the number d of a head. */
static inline uint8_t *
value_code (uint8_t *values, uint32_t slot, uint32_t d)
{
  return values + (size_t) d / KV_LANES * KV_LANES * ENGINE_PAGE_TOKENS +
         slot / CPU_BLOCK * KV_BLOCK_CODES + code_at (d % KV_LANES, slot % CPU_BLOCK);
}

static inline uint8_t *
value_scale (uint8_t *values, uint32_t d_value, uint32_t slot, uint32_t block)
{
  return values + (size_t) ENGINE_PAGE_TOKENS * d_value +
         (block * ENGINE_PAGE_TOKENS + slot) * sizeof (uint16_t);
}

/* 32 numbers as codes, for the scale as it is stored: an f16. Rounded to nearest even by adding
 * 1.5 * 2^23, which leaves the integer in the lowest bits. */
static uint16_t
round_block (const float *x, uint8_t codes[CPU_BLOCK])
{
  float most = 0, scale, inverse;
  uint16_t stored;

  for (uint32_t i = 0; i < CPU_BLOCK; i++)
    most = MAX (most, fabsf (x[i]));
  stored = model_f32_to_f16 (MIN (most / 127, 65504.0f));
  scale = model_f16_to_f32 (stored);
  inverse = scale > 0 ? 1 / scale : 0;
  for (uint32_t i = 0; i < CPU_BLOCK; i++) {
    float y = CLAMP (x[i] * inverse, -127.0f, 127.0f) + 12582912.0f;
    uint32_t bits;

    memcpy (&bits, &y, sizeof bits);
    codes[i] = (uint8_t) (bits ^ KV_BIAS);
  }
  return stored;
}

static void
store_key_q8_0 (const float *k, uint32_t d_key, uint32_t slot, uint8_t *to)
{
  for (uint32_t b = 0; b < d_key / CPU_BLOCK; b++) {
    uint8_t codes[CPU_BLOCK], *block = key_block (to, d_key, slot, b);
    uint16_t scale = round_block (k + b * CPU_BLOCK, codes);

    for (uint32_t i = 0; i < CPU_BLOCK; i += 4)
      memcpy (block + code_at (slot % KV_LANES, i), codes + i, 4);
    memcpy (key_scale (block, slot), &scale, sizeof scale);
  }
}

static void
store_value_q8_0 (const float *v, uint32_t d_value, uint32_t slot, uint8_t *to)
{
  for (uint32_t b = 0; b < d_value / CPU_BLOCK; b++) {
    uint8_t codes[CPU_BLOCK];
    uint16_t scale = round_block (v + b * CPU_BLOCK, codes);

    for (uint32_t i = 0; i < CPU_BLOCK; i++)
      *value_code (to, slot, b * CPU_BLOCK + i) = codes[i];
    memcpy (value_scale (to, d_value, slot, b), &scale, sizeof scale);
  }
}

#if KV_LANES == 1

static float
value_of (uint8_t code, const uint8_t *scale)
{
  uint16_t half;

  memcpy (&half, scale, sizeof half);
  return model_f16_to_f32 (half) * (float) (int8_t) (code ^ KV_BIAS);
}

/* As the reference: everything becomes floats first. */
static void
attend_q8_0 (const CpuAttendWork *w)
{
  PageResult page = begin_page (w);
  float *k = page.rest, *v = k + (size_t) w->d_key * ENGINE_PAGE_TOKENS;

  for (uint32_t slot = 0; slot < ENGINE_PAGE_TOKENS; slot++) {
    for (uint32_t d = 0; d < w->d_key; d++) {
      uint8_t *block = key_block (w->k, w->d_key, slot, d / CPU_BLOCK);

      k[(size_t) d * ENGINE_PAGE_TOKENS + slot] =
          value_of (block[code_at (0, d % CPU_BLOCK)], key_scale (block, slot));
    }
    for (uint32_t d = 0; d < w->d_value; d++)
      v[(size_t) slot * w->d_value + d] = value_of (
          *value_code (w->v, slot, d), value_scale (w->v, w->d_value, slot, d / CPU_BLOCK));
  }
  attend_wide (w, &page, k, v);
}

#else

/* The probabilities times the scales of block b of the values, quantised: what its codes are
 * multiplied by. act: [n_rows][64 / 32]. */
static void
weigh_values (const CpuAttendWork *w, const float *probabilities, uint32_t b, float *scratch,
              CpuActBlock *act)
{
  const uint16_t *scales =
      (const uint16_t *) (const void *) value_scale (w->v, w->d_value, 0, b);

  for (uint32_t r = 0; r < w->n_rows; r++, probabilities += ENGINE_PAGE_TOKENS) {
#pragma GCC unroll 8
    for (uint32_t j = 0; j < ENGINE_PAGE_TOKENS; j += V_WIDTH)
      v_store (scratch + j, v_mul (v_load (probabilities + j), v_load_f16 (scales + j)));
    kernel_quantise (scratch, ENGINE_PAGE_TOKENS, FALSE,
                     act + r * (ENGINE_PAGE_TOKENS / CPU_BLOCK));
  }
}

/* scores = queries × keys, as one product of packed weights. */
static void
score_keys (const CpuAttendWork *w, float *scores)
{
  const size_t strip_bytes = w->d_key / CPU_BLOCK * KV_BLOCK_BYTES;
  const CpuWeight keys = {
    .format = CPU_FORMAT_Q8_0,
    .lanes = KV_LANES,
    .rows = ENGINE_PAGE_TOKENS,
    .columns = w->d_key,
    .n_strips = ENGINE_PAGE_TOKENS / KV_LANES,
    .strip_bytes = strip_bytes,
    .strip_stride = strip_bytes,
    .data = w->k,
  };

  w->products[CPU_FORMAT_Q8_0](&(CpuMatmulWork) {
      .weight = &keys,
      .scale = 1,
      .n_strips = keys.n_strips,
      .act = w->q_act,
      .act_stride = w->d_key / CPU_BLOCK * sizeof (CpuActBlock),
      .n_tokens = w->n_rows,
      .dst = scores,
      .dst_stride = ENGINE_PAGE_TOKENS,
  });
}

/* out = probabilities × values: a product for each 32 numbers of the head. */
static void
add_values (const CpuAttendWork *w, const PageResult *page)
{
  const size_t strip_bytes = (size_t) KV_LANES * ENGINE_PAGE_TOKENS;
  CpuActBlock *act = (CpuActBlock *) (void *) (page->rest + ENGINE_PAGE_TOKENS);
  CpuWeight values = {
    .format = CPU_FORMAT_CODES,
    .lanes = KV_LANES,
    .rows = CPU_BLOCK,
    .columns = ENGINE_PAGE_TOKENS,
    .n_strips = CPU_BLOCK / KV_LANES,
    .strip_bytes = strip_bytes,
    .strip_stride = strip_bytes,
  };

  for (uint32_t b = 0; b < w->d_value / CPU_BLOCK; b++) {
    weigh_values (w, page->scores, b, page->rest, act);
    values.data = value_code (w->v, 0, b * CPU_BLOCK);
    w->products[CPU_FORMAT_CODES](&(CpuMatmulWork) {
        .weight = &values,
        .scale = 1,
        .n_strips = values.n_strips,
        .act = act,
        .act_stride = ENGINE_PAGE_TOKENS / CPU_BLOCK * sizeof (CpuActBlock),
        .n_tokens = w->n_rows,
        .dst = page->out + b * CPU_BLOCK,
        .dst_stride = w->d_value,
    });
  }
}

/* Half of the next page: its keys, or its values. */
static void
ask_ahead (const CpuAttendWork *w, size_t from, size_t bytes)
{
  for (size_t at = 0; w->next_k != NULL && at < bytes; at += 64)
    __builtin_prefetch (w->next_k + from + at, 0, 2);
}

static void
attend_q8_0 (const CpuAttendWork *w)
{
  PageResult page = begin_page (w);
  const size_t key_bytes = (size_t) (w->v - w->k);

  ask_ahead (w, 0, key_bytes);
  score_keys (w, page.scores);
  soften_page (w, &page, ENGINE_PAGE_TOKENS);
  ask_ahead (w, key_bytes, key_bytes / w->d_key * w->d_value);
  add_values (w, &page);
  merge_page (w, &page);
}

#endif

/* What a tier has for each type. */
#define KV_KERNELS                                                                     \
  {                                                                                    \
    [MODEL_KV_F16] = { store_key_f16, store_value_f16, attend_f16, FALSE },            \
    [MODEL_KV_Q8_0] = { store_key_q8_0, store_value_q8_0, attend_q8_0, KV_LANES > 1 }, \
    [MODEL_KV_F32] = { store_key_f32, store_value_f32, attend_f32, FALSE },            \
  }
