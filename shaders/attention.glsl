/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both attention kernels share: which keys a token sees, and what makes a score out of a dot
 * product. What a model does not have costs it nothing: WINDOW and FEATURES are constants. */

layout (constant_id = 6) const uint WINDOW = SHADER_WINDOW_NONE;
layout (constant_id = 7) const uint FEATURES = 0;

layout (push_constant) uniform Push
{
  ShaderAttentionPush p;
};

/* STORES: the kernel also writes what it reads. */
#ifdef STORES
POINTER (16)
coherent buffer KvPages
{
  uvec4 v[];
};
#else
#define KvPages Uvec4sIn
#endif

/* Read before all loops: where a split has no page, llvmpipe runs a loop's body with all lanes off,
 * and then a pointer read in it is whatever was there before. */
KvPages kv;
UintsIn page_table;

void
take_pointers ()
{
  kv = KvPages (p.kv);
  page_table = p.pages;
}

/* Keys [first, end) that a token sees: what comes before it, of that its window, or as much to each
 * side of it. */
uvec2
visible_keys (uint token)
{
  uint position = p.tokens.v[token].position, n_keys = p.tokens.v[token].n_keys;
  uint before = WINDOW == SHADER_WINDOW_SIDES ? p.window / 2 : p.window - 1;
  if (WINDOW == SHADER_WINDOW_NONE)
    return uvec2 (0, n_keys);
  return uvec2 (position - min (position, before),
                WINDOW == SHADER_WINDOW_SIDES ? min (n_keys, position + before + 1) : n_keys);
}

/* Pages [x, y) of this workgroup's split of them. */
uvec2
split_pages (uvec2 keys)
{
  uint pages = BatchIn (p.batch).v.pages_a_split[WINDOW == SHADER_WINDOW_NONE ? 0 : 1];
  uint page = keys.x / SHADER_PAGE + gl_WorkGroupID.z * pages;
  return uvec2 (page, min (page + pages, (keys.y + SHADER_PAGE - 1) / SHADER_PAGE));
}

uint
number_of_splits ()
{
  return BatchIn (p.batch).v.n_splits[WINDOW == SHADER_WINDOW_NONE ? 0 : 1];
}

/* Of the keys in a page those that the token sees. */
uvec2
keys_in_page (uvec2 keys, uint page)
{
  uint start = page * SHADER_PAGE;
  uint first = WINDOW != SHADER_WINDOW_NONE && keys.x > start ? keys.x - start : 0;
  return uvec2 (first, min (keys.y - start, SHADER_PAGE));
}

/* What queries are multiplied by. */
float
query_scale (uint token)
{
  float scale = p.scale;
  if ((FEATURES & SHADER_TEMPERED) != 0)
    scale *= 1.0 + p.temperature *
                       log (1.0 + float (p.tokens.v[token].position / p.temperature_floor));
  return scale;
}

float
score_of (float dot_product, bool visible)
{
  float x = dot_product;
  if ((FEATURES & SHADER_CAPPED) != 0)
    x = cap_softly (x, p.cap);
  return visible ? x : -1e30;
}

/* A sink is a key without a value: softmax begins with it, in the first split. */
float
first_largest (uint head)
{
  return (FEATURES & SHADER_SINKS) != 0 && gl_WorkGroupID.z == 0 ? p.sinks.v[head] : -1e30;
}

/* The part of lane 0; other lanes begin with 0. */
float
first_sum ()
{
  return (FEATURES & SHADER_SINKS) != 0 && gl_WorkGroupID.z == 0 ? 1.0 : 0.0;
}
