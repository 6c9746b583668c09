/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a page keeps the keys, or the values, of one KV head, in units of 16 bytes: the numbers, f16,
 * (KV_F32) f32 or (KV_Q8_0) bytes, and behind those of all tokens the scales of bytes, f16, each of
 * 32 numbers of a token: [d / 32][64 tokens]. Which numbers share a unit is said in rope.comp; here
 * is what a unit and a scale come to. */
#ifdef KV_Q8_0
#define KV_WORD 4u /* numbers in 32 bits */
#elif defined(KV_F32)
#define KV_WORD 1u
#else
#define KV_WORD 2u
#endif
#define KV_UNIT  (4u * KV_WORD)
#define KV_BLOCK 32u

/* Units of d numbers of one token. */
uint
kv_units (uint d)
{
  return (d + KV_UNIT - 1) / KV_UNIT;
}

/* Units of d numbers of all tokens, before the scales, and with them. */
uint
kv_scales_at (uint d)
{
  return kv_units (d) * SHADER_PAGE;
}

uint
kv_page_units (uint d)
{
#ifdef KV_Q8_0
  return kv_scales_at (d) + d / KV_BLOCK * (SHADER_PAGE / 8);
#else
  return kv_scales_at (d);
#endif
}

void
kv_unpack (uint word, out float x[KV_WORD])
{
#ifdef KV_Q8_0
  [[unroll]] for (int i = 0; i < 4; i++)
    x[i] = float (bitfieldExtract (int (word), 8 * i, 8));
#elif defined(KV_F32)
  x[0] = uintBitsToFloat (word);
#else
  vec2 two = unpackHalf2x16 (word);
  x[0] = two.x;
  x[1] = two.y;
#endif
}

/* What numbers of a block are times; scales: the unit where a head's begin. */
float
kv_scale (Uvec4sIn kv, uint scales, uint block, uint token)
{
#ifdef KV_Q8_0
  uint at = block * SHADER_PAGE + token;
  vec2 two = unpackHalf2x16 (UintsIn (kv).v[4 * scales + at / 2]);
  return at % 2 == 0 ? two.x : two.y;
#else
  return 1.0;
#endif
}
