/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attention.comp for many tokens, on matrix units (KHR_cooperative_matrix, f16 in, f32 out): a
 * workgroup is ROWS rows, which are TOKENS consecutive tokens with HEADS query heads each that
 * share a KV head. A page's keys, and then its values, lie in memory that the workgroup shares, so
 * that each is read once for all rows; what is needed next is on its way while this multiplies.
 * Rows that see less of a page than others are masked. A subgroup multiplies M rows, and where a
 * head is too wide for its registers, one of PARTS of a page's keys and of the values'
 * dimensions. */
#version 460
#include "refs.glsl"
#include "kv.glsl"
#include "activation.glsl"
#include "attention.glsl"
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

layout (constant_id = 2) const uint HEADS = 1;
layout (constant_id = 3) const uint D_KEY = 64;
layout (constant_id = 4) const uint D_VALUE = 64;
layout (constant_id = 5) const uint PARTS = 1;
/* What the device multiplies at once. */
layout (constant_id = 8) const uint M = 16;
layout (constant_id = 9) const uint N = 16;
layout (constant_id = 10) const uint K = 16;
layout (constant_id = 11) const uint ROWS = 16;

const uint THREADS = gl_WorkGroupSize.x;
const uint TOKENS = ROWS / HEADS;
const uint ABOVE = ROWS / M; /* subgroups above each other */

/* A page by fours of its keys, and with what keeps rows apart. */
#define FOURS   (SHADER_PAGE / 4)
#define SCORES  (FOURS + 1)
#define WEIGHTS (FOURS + 2)

/* Units of a page's keys or values that a lane brings; few enough wait in registers. */
const uint K_UNITS = D_KEY / KV_UNIT;
const uint V_UNITS = D_VALUE / KV_UNIT;
const uint K_EACH = (SHADER_PAGE * K_UNITS + THREADS - 1) / THREADS;
const uint V_EACH = 4 * ((FOURS * V_UNITS + THREADS - 1) / THREADS);
const uint EACH = K_EACH > V_EACH ? K_EACH : V_EACH;
const bool AHEAD = EACH <= 8;

/* In memory that is shared, keys lie by tokens and values by dimensions, so that what a matrix
 * takes of a column lies side by side; rows end so that what is read at once lies in banks of its
 * own. Queries pass through the tile at first. Behind scores come what rows shrink by, and results;
 * the weights of values are probabilities against the maximum. */
const uint STRIDE = D_KEY / 4 + 2;
const uint TILE_KEYS = SHADER_PAGE * STRIDE;
const uint TILE_VALUES = D_VALUE * WEIGHTS;

shared f16vec4 tile[TILE_KEYS > TILE_VALUES ? TILE_KEYS : TILE_VALUES];
shared vec4 scores[ROWS * SCORES];
shared f16vec4 weights[ROWS * WEIGHTS];
shared float shares[THREADS];
shared float row_scale[ROWS];

/* LANES lanes soften a row, or a lane ROWS_EACH rows; a row's lanes are of one subgroup. */
const uint LANES = THREADS > ROWS ? THREADS / ROWS : 1;
const uint ROWS_EACH = ROWS > THREADS ? ROWS / THREADS : 1;
float largest[ROWS_EACH], sum[ROWS_EACH];
uvec2 seen[ROWS_EACH]; /* keys of the row's token */

const uint PART_KEYS = SHADER_PAGE / PARTS;
const uint PART_VALUES = D_VALUE / PARTS;
coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> queries[D_KEY / K];
coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> acc[PART_VALUES / N];

uvec4 unit_ahead[AHEAD ? EACH : 1];
float scale_ahead[AHEAD ? EACH : 1];

/* The same numbers on all devices: row r of a lane's, and its place among the row's lanes. */
uint
lane_index ()
{
  return gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
}

uint
row_of (uint r)
{
  return r * THREADS + lane_index () / LANES;
}

uint
token_of (uint row)
{
  return gl_WorkGroupID.x * TOKENS + row / HEADS;
}

bool
is_used (uint row)
{
  return row < TOKENS * HEADS && token_of (row) < BatchIn (p.batch).v.n_tokens;
}

/* ---- what comes from memory ----------------------------------------------------------------- */

/* By rows of the tile; f16 that are too large for it are its largest. */
void
load_queries (uint head0)
{
  for (uint at = lane_index (); at < ROWS * (D_KEY / 4); at += THREADS) {
    uint row = at / (D_KEY / 4), d = at % (D_KEY / 4) * 4;
    vec4 q = vec4 (0.0);
    if (is_used (row)) {
      uint token = token_of (row);
      uint first = token * p.src_stride + (head0 + row % HEADS) * D_KEY + d;
      q = vec4 (p.qkv.v[first], p.qkv.v[first + 1], p.qkv.v[first + 2], p.qkv.v[first + 3]);
      q = clamp (q * query_scale (token), -65504.0, 65504.0);
    }
    tile[row * STRIDE + d / 4] = f16vec4 (q);
  }
  barrier ();
  [[unroll]] for (uint k = 0; k < D_KEY / K; k++)
    coopMatLoad (queries[k], tile, gl_SubgroupID % ABOVE * M * STRIDE + k * (K / 4), STRIDE,
                 gl_CooperativeMatrixLayoutRowMajor);
  barrier ();
}

/* Values are brought by fours of keys, in pairs of units where there are such. */
const uint BESIDE = V_UNITS % 2 == 0 ? 2 : 1;

uint
four_of (uint at)
{
  return at / BESIDE % FOURS;
}

uint
unit_of (uint at)
{
  return at % BESIDE + at / (BESIDE * FOURS) * BESIDE;
}

/* What the numbers of a unit are times; scales: where those of a page's keys or values begin. */
float
scale_of (uint scales, uint u, uint key)
{
  return kv_scale (Uvec4sIn (kv), scales, u * KV_UNIT / KV_BLOCK, key);
}

/* Four numbers, or of f16 all eight in pairs: the i'th of a unit's words. */
#ifdef KV_Q8_0
#define NUMBERS 4
f16vec4
word_of (uvec4 unit, float scale, uint i)
{
  float x[KV_WORD];
  kv_unpack (unit[i], x);
  return f16vec4 (vec4 (x[0], x[1], x[2], x[3]) * scale);
}
#else
#define NUMBERS 2
f16vec4
word_of (uvec4 unit, float scale, uint i)
{
  return f16vec4 (unpackFloat2x16 (unit[i]), 0.0hf, 0.0hf);
}
#endif

void
put_key (uint at, uvec4 unit, float scale)
{
  uint first = at % SHADER_PAGE * STRIDE + at / SHADER_PAGE * (KV_UNIT / 4);
#ifdef KV_Q8_0
  [[unroll]] for (uint i = 0; i < 4; i++)
    tile[first + i] = word_of (unit, scale, i);
#else
  tile[first] = f16vec4 (unpackFloat2x16 (unit.x), unpackFloat2x16 (unit.y));
  tile[first + 1] = f16vec4 (unpackFloat2x16 (unit.z), unpackFloat2x16 (unit.w));
#endif
}

/* Units of four keys. Values that no row sees may be anything, and times 0 something else
 * than 0. */
void
put_values (uint at, uvec2 keys, uvec4 units[4], float unit_scales[4])
{
  uint first = unit_of (at) * KV_UNIT * WEIGHTS + four_of (at);
  [[unroll]] for (uint j = 0; j < 4; j++) {
    uint key = 4 * four_of (at) + j;
    bool inside = key >= keys.x && key < keys.y;
    units[j] = inside ? units[j] : uvec4 (0);
    unit_scales[j] = inside ? unit_scales[j] : 0.0;
  }
  [[unroll]] for (uint i = 0; i < 4; i++) {
    f16vec4 words[4];
    [[unroll]] for (uint j = 0; j < 4; j++)
      words[j] = word_of (units[j], unit_scales[j], i);
    [[unroll]] for (uint n = 0; n < NUMBERS; n++)
      tile[first + (NUMBERS * i + n) * WEIGHTS] =
          f16vec4 (words[0][n], words[1][n], words[2][n], words[3][n]);
  }
}

/* base: where a page's keys of the KV head begin. Behind the last unit it comes again. */
void
fetch_keys (uint base)
{
  if (AHEAD)
      [[unroll]]
    for (uint i = 0; i < K_EACH; i++) {
      uint at = min (i * THREADS + lane_index (), SHADER_PAGE * K_UNITS - 1);
      unit_ahead[i] = kv.v[base + at];
      scale_ahead[i] =
          scale_of (base + kv_scales_at (D_KEY), at / SHADER_PAGE, at % SHADER_PAGE);
    }
}

void
bring_keys (uint base)
{
  if (AHEAD) {
    [[unroll]] for (uint i = 0; i < K_EACH; i++)
      if (i * THREADS + lane_index () < SHADER_PAGE * K_UNITS)
        put_key (i * THREADS + lane_index (), unit_ahead[i], scale_ahead[i]);
  } else {
    for (uint at = lane_index (); at < SHADER_PAGE * K_UNITS; at += THREADS)
      put_key (at, kv.v[base + at],
               scale_of (base + kv_scales_at (D_KEY), at / SHADER_PAGE, at % SHADER_PAGE));
  }
}

/* One of the four units of an item; base: where the page's values begin. */
void
fetch_value (uint base, uint at, uint j, out uvec4 unit, out float scale)
{
  uint key = 4 * four_of (at) + j;
  unit = kv.v[base + key * V_UNITS + unit_of (at)];
  scale = scale_of (base + kv_scales_at (D_VALUE), unit_of (at), key);
}

void
fetch_values (uint base)
{
  if (AHEAD)
      [[unroll]]
    for (uint i = 0; i < V_EACH; i++) {
      uint at = min (i / 4 * THREADS + lane_index (), FOURS * V_UNITS - 1);
      fetch_value (base, at, i % 4, unit_ahead[i], scale_ahead[i]);
    }
}

void
bring_values (uint base, uvec2 keys)
{
  uvec4 units[4];
  float unit_scales[4];
  if (AHEAD) {
    [[unroll]] for (uint i = 0; i < V_EACH; i += 4) {
      [[unroll]] for (uint j = 0; j < 4; j++) {
        units[j] = unit_ahead[i + j];
        unit_scales[j] = scale_ahead[i + j];
      }
      if (i / 4 * THREADS + lane_index () < FOURS * V_UNITS)
        put_values (i / 4 * THREADS + lane_index (), keys, units, unit_scales);
    }
  } else {
    for (uint at = lane_index (); at < FOURS * V_UNITS; at += THREADS) {
      [[unroll]] for (uint j = 0; j < 4; j++)
        fetch_value (base, at, j, units[j], unit_scales[j]);
      put_values (at, keys, units, unit_scales);
    }
  }
}

/* ---- a page --------------------------------------------------------------------------------- */

void
multiply_keys ()
{
  uint part = gl_SubgroupID / ABOVE, row0 = gl_SubgroupID % ABOVE * M;
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> dots[PART_KEYS / N];
  [[unroll]] for (uint j = 0; j < PART_KEYS / N; j++)
    dots[j] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> (0.0);
  [[unroll]] for (uint k = 0; k < D_KEY / K; k++)
      [[unroll]]
    for (uint j = 0; j < PART_KEYS / N; j++) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> keys;
      coopMatLoad (keys, tile, (part * PART_KEYS + j * N) * STRIDE + k * (K / 4), STRIDE,
                   gl_CooperativeMatrixLayoutColumnMajor);
      dots[j] = coopMatMulAdd (queries[k], keys, dots[j]);
    }
  [[unroll]] for (uint j = 0; j < PART_KEYS / N; j++)
    coopMatStore (dots[j], scores, row0 * SCORES + (part * PART_KEYS + j * N) / 4, SCORES,
                  gl_CooperativeMatrixLayoutRowMajor);
}

/* The largest of what a row's lanes found. */
float
most_of_row (float most)
{
  if (LANES == 1)
    return most;
  uint lane = lane_index ();
  shares[lane] = most;
  subgroupBarrier ();
  [[unroll]] for (uint i = 0; i < LANES; i++)
    most = max (most, shares[lane - lane % LANES + i]);
  subgroupBarrier ();
  return most;
}

/* Scores of row r of the lane's become the weights of the page's values; keys: those that the row
 * sees of the page. What earlier pages came to is to be multiplied by what takes the place of the
 * first scores: a matrix, each row of one number. */
void
soften_row (uint r, uvec2 keys)
{
  uint share = lane_index () % LANES, first = row_of (r) * SCORES;
  vec4 x[FOURS / LANES];
  float most = largest[r];
  [[unroll]] for (uint i = 0; i < FOURS / LANES; i++) {
    uint four = share + i * LANES;
    x[i] = scores[first + four];
    [[unroll]] for (uint j = 0; j < 4; j++) {
      uint key = 4 * four + j;
      x[i][j] = score_of (x[i][j], key >= keys.x && key < keys.y);
      most = max (most, x[i][j]);
    }
  }
  most = most_of_row (most);
  float shrink = exp (largest[r] - most);
  largest[r] = most;
  sum[r] *= shrink;
  [[unroll]] for (uint i = 0; i < FOURS / LANES; i++) {
    uint four = share + i * LANES;
    f16vec4 e = f16vec4 (exp (x[i] - most));
    sum[r] += float (e.x) + float (e.y) + float (e.z) + float (e.w);
    weights[row_of (r) * WEIGHTS + four] = e;
    if (four < N / 4)
      scores[first + four] = vec4 (shrink);
  }
}

void
multiply_values ()
{
  uint part = gl_SubgroupID / ABOVE, row0 = gl_SubgroupID % ABOVE * M;
  coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> shrink;
  coopMatLoad (shrink, scores, row0 * SCORES, SCORES, gl_CooperativeMatrixLayoutRowMajor);
  [[unroll]] for (uint j = 0; j < PART_VALUES / N; j++)
    acc[j] = acc[j] * shrink;
  [[unroll]] for (uint k = 0; k < SHADER_PAGE; k += K) {
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> e;
    coopMatLoad (e, weights, row0 * WEIGHTS + k / 4, WEIGHTS, gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0; j < PART_VALUES / N; j++) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> values;
      coopMatLoad (values, tile, (part * PART_VALUES + j * N) * WEIGHTS + k / 4, WEIGHTS,
                   gl_CooperativeMatrixLayoutColumnMajor);
      acc[j] = coopMatMulAdd (e, values, acc[j]);
    }
  }
}

/* ---- the workgroup -------------------------------------------------------------------------- */

uint
base_of (uint page, uint first_page, uint kv_head)
{
  return page_table.v[first_page + page] * p.page_units +
         kv_head * (kv_page_units (D_KEY) + kv_page_units (D_VALUE));
}

/* Tokens [first, last], which are of one timeline; this workgroup's split of the pages that they
 * see. Rows of other timelines see nothing of them: what those make of it before they have seen a
 * key of their own shrinks to 0, later ones weigh 0. */
void
attend (uint first, uint last, uint kv_head)
{
  uint first_page = p.tokens.v[first].first_page;
  uvec2 keys = uvec2 (visible_keys (first).x, visible_keys (last).y);
  uint page0 = keys.x / SHADER_PAGE, end = (keys.y + SHADER_PAGE - 1) / SHADER_PAGE;
  uint each = (end - page0 + number_of_splits () - 1) / number_of_splits ();
  uint page = page0 + gl_WorkGroupID.z * each, values = kv_page_units (D_KEY);
  end = min (end, page + each);
  if (page < end)
    fetch_keys (base_of (page, first_page, kv_head));
  for (; page < end; page++) {
    uint base = base_of (page, first_page, kv_head);
    bring_keys (base);
    barrier ();
    fetch_values (base + values);
    multiply_keys ();
    barrier ();
    [[unroll]] for (uint r = 0; r < ROWS_EACH; r++) {
      uint token = token_of (row_of (r));
      bool own = is_used (row_of (r)) && token >= first && token <= last;
      bool some = own && seen[r].x < (page + 1) * SHADER_PAGE && seen[r].y > page * SHADER_PAGE;
      soften_row (r, some ? keys_in_page (seen[r], page) : uvec2 (0));
    }
    bring_values (base + values, keys_in_page (keys, page));
    barrier ();
    fetch_keys (base_of (min (page + 1, end - 1), first_page, kv_head));
    multiply_values ();
    barrier ();
  }
}

/* What a row is to be multiplied by, and of a split its maximum and sum. */
void
finish_row (uint r, uint head0)
{
  uint row = row_of (r), lane = lane_index (), token = token_of (row);
  shares[lane] = sum[r];
  subgroupBarrier ();
  float all = 0.0;
  [[unroll]] for (uint i = 0; i < LANES; i++)
    all += shares[lane - lane % LANES + i];
  subgroupBarrier ();
  bool whole = number_of_splits () == 1;
  if (lane % LANES != 0)
    return;
  row_scale[row] = whole ? 1.0 / all : 1.0;
  if (whole || !is_used (row))
    return;
  uint head = head0 + row % HEADS;
  uint part = ((token * p.n_heads + head) * number_of_splits () + gl_WorkGroupID.z) *
              (2 + D_VALUE);
  p.parts.v[part] = largest[r];
  p.parts.v[part + 1] = all;
}

/* Four results of a row from dimension d on. */
void
store_four (uint row, uint head0, uint d, vec4 y)
{
  uint token = token_of (row), head = head0 + row % HEADS;
  uint part = ((token * p.n_heads + head) * number_of_splits () + gl_WorkGroupID.z) *
              (2 + D_VALUE);
  bool whole = number_of_splits () == 1;
  y *= row_scale[row];
  [[unroll]] for (uint i = 0; i < 4; i++)
    if (whole)
      p.dst.v[token * p.dst_stride + head * D_VALUE + d + i] = y[i];
    else
      p.parts.v[part + 2 + d + i] = y[i];
}

/* By way of the memory of scores, as many matrices of each part at once as go into it. */
void
store (uint head0)
{
  const uint at_once = PART_KEYS / N, n = PART_VALUES / N;
  uint part = gl_SubgroupID / ABOVE, row0 = gl_SubgroupID % ABOVE * M;
  [[unroll]] for (uint r = 0; r < ROWS_EACH; r++)
    finish_row (r, head0);
  [[unroll]] for (uint j0 = 0; j0 < n; j0 += at_once) {
    [[unroll]] for (uint j = j0; j < min (j0 + at_once, n); j++)
      coopMatStore (acc[j], scores, row0 * SCORES + (part * PART_KEYS + (j - j0) * N) / 4, SCORES,
                    gl_CooperativeMatrixLayoutRowMajor);
    barrier ();
    for (uint at = lane_index (); at < ROWS * FOURS; at += THREADS) {
      uint row = at / FOURS, column = at % FOURS * 4, of = column / PART_KEYS;
      uint d = j0 * N + column % PART_KEYS; /* in its part */
      if (is_used (row) && d < PART_VALUES)
        store_four (row, head0, of * PART_VALUES + d, scores[row * SCORES + column / 4]);
    }
    barrier ();
  }
}

void
main ()
{
  uint head0 = gl_WorkGroupID.y * HEADS, kv_head = head0 / (p.n_heads / p.n_heads_kv);
  uint first = gl_WorkGroupID.x * TOKENS;
  uint end = min (first + TOKENS, BatchIn (p.batch).v.n_tokens);
  take_pointers ();
  [[unroll]] for (uint r = 0; r < ROWS_EACH; r++) {
    uint row = row_of (r);
    largest[r] = first_largest (head0 + row % HEADS);
    sum[r] = lane_index () % LANES == 0 ? first_sum () : 0.0;
    seen[r] = visible_keys (min (token_of (row), end - 1));
  }
  [[unroll]] for (uint j = 0; j < PART_VALUES / N; j++)
    acc[j] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> (0.0);
  load_queries (head0);
  while (first < end) {
    uint last = end - 1, first_page = p.tokens.v[first].first_page;
    if (p.tokens.v[last].first_page != first_page)
      for (last = first; p.tokens.v[last + 1].first_page == first_page;)
        last++;
    attend (first, last, kv_head);
    first = last + 1;
  }
  store (head0);
}
