/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the planes of scales and supers hold in each form, and what a block's scales and minimums
 * are. A form names one of these; a number format of new codes with old scales needs nothing here.
 *
 *   WIDE_SCALE   a float a block
 *   WIDE         two floats: (scale, minimum)
 *   WIDE_HALVES  two floats: the scales of weights 0..15 and 16..31
 *   WIDE_BOTH    four floats: the scales of weights 0..15 and 16..31, and their minimums
 *   SCALE_F16    f16
 *   SCALE_PAIR   two f16 in a word: (scale, minimum)
 *   SCALE_K      two bytes (scale, minimum), supers: two f16 (d, dmin), the minimum is subtracted
 *   SCALE_BYTES  two signed bytes, of weights 0..15 and 16..31; supers: f16
 *   SCALE_BYTE   one signed byte; supers: f16
 *   SCALE_FOURS  four times 4 bits: two scales, two minimums; supers as SCALE_K
 *   SCALE_E8M0   a byte: the exponent of twice the scale (the codes of MXFP4 are twice its values)
 *   SCALE_UE4M3  two bytes, of weights 0..15 and 16..31: floats of 4 bits of exponent and 3 of
 *                mantissa, twice the scale; 0x7f is 0
 *   SCALE_SUPER  nothing; supers: f16
 *   GRID_*       see grids.glsl */
#if defined WIDE || defined WIDE_BOTH || defined SCALE_PAIR || defined SCALE_K || \
    defined SCALE_FOURS
#define HAS_MINIMUM
#endif
#if defined WIDE_HALVES || defined WIDE_BOTH || defined SCALE_BYTES || defined SCALE_FOURS || \
    defined SCALE_UE4M3 || defined GRID_IQ2 && !defined GRID_XXS || defined GRID_M
#define HALVES /* differ in their scales */
#endif

/* What a unit of the plane of scales says of its block i, in the low bits. */
uint
bits_at (UintsIn plane, uint at, uint i)
{
#if SCALE_UNIT == 4
  return SCALE_BLOCKS == 2 ? bitfieldExtract (plane.v[at], int (16 * i), 16) : plane.v[at];
#else
  return uint (Uint16sIn (plane).v[at]) >> (SCALE_BLOCKS == 2 ? i * 8 : 0);
#endif
}

float
half_of_ue4m3 (uint e)
{
  float small = float (e & 7u) * 0.0009765625; /* 2^-10 */
  float normal = uintBitsToFloat ((e >> 3) + 119u << 23 | (e & 7u) << 20);
  return e == 0x7fu ? 0.0 : e < 8u ? small
                                   : normal;
}

#ifndef GRIDS
/* What the planes of scales (x, or more of a WIDE form) and supers (y) hold of block i of a unit,
 * as bits. */
uvec4
fetch_scales (ShaderWeights w, uint at, uint super_at, uint i)
{
#if defined WIDE_SCALE || defined SCALE_PAIR
  return uvec4 (w.scales.v[at], 0, 0, 0);
#elif defined WIDE || defined WIDE_HALVES
  return uvec4 (Uvec2sIn (w.scales).v[at], 0, 0);
#elif defined WIDE_BOTH
  return Uvec4sIn (w.scales).v[at];
#elif defined SCALE_K || defined SCALE_FOURS
  return uvec4 (bits_at (w.scales, at, i), w.supers.v[super_at], 0, 0);
#elif defined SCALE_BYTES || defined SCALE_BYTE
  return uvec4 (bits_at (w.scales, at, i), uint (Uint16sIn (w.supers).v[super_at]), 0, 0);
#elif defined SCALE_SUPER
  return uvec4 (0, uint (Uint16sIn (w.supers).v[super_at]), 0, 0);
#else
  return uvec4 (bits_at (w.scales, at, i), 0, 0, 0);
#endif
}

void
make_scales (uvec4 s, inout Block block)
{
  vec2 scale, minimum = vec2 (0.0);
#if defined WIDE_SCALE
  scale = vec2 (uintBitsToFloat (s.x));
#elif defined WIDE
  scale = vec2 (uintBitsToFloat (s.x));
  minimum = vec2 (uintBitsToFloat (s.y));
#elif defined WIDE_HALVES
  scale = uintBitsToFloat (s.xy);
#elif defined WIDE_BOTH
  scale = uintBitsToFloat (s.xy);
  minimum = uintBitsToFloat (s.zw);
#elif defined SCALE_F16
  scale = unpackHalf2x16 (s.x).xx;
#elif defined SCALE_PAIR
  vec2 both = unpackHalf2x16 (s.x);
  scale = both.xx;
  minimum = both.yy;
#elif defined SCALE_K
  vec2 d = unpackHalf2x16 (s.y);
  scale = vec2 (d.x * float (s.x & 255u));
  minimum = vec2 (-d.y * float (s.x >> 8));
#elif defined SCALE_BYTES
  int bytes = int (s.x);
  scale = unpackHalf2x16 (s.y).x *
          vec2 (float (bitfieldExtract (bytes, 0, 8)), float (bitfieldExtract (bytes, 8, 8)));
#elif defined SCALE_BYTE
  scale = vec2 (unpackHalf2x16 (s.y).x * float (bitfieldExtract (int (s.x), 0, 8)));
#elif defined SCALE_FOURS
  vec2 d = unpackHalf2x16 (s.y);
  scale = d.x * vec2 (uvec2 (s.x, s.x >> 4) & 15u);
  minimum = -d.y * vec2 (uvec2 (s.x >> 8, s.x >> 12) & 15u);
#elif defined SCALE_E8M0
  uint e = s.x & 255u;
  scale = vec2 (uintBitsToFloat (e > 1 ? (e - 1) << 23 : 0x200000u << e));
#elif defined SCALE_UE4M3
  scale = vec2 (half_of_ue4m3 (s.x & 255u), half_of_ue4m3 (s.x >> 8));
#elif defined SCALE_SUPER
  scale = unpackHalf2x16 (s.y).xx;
#endif
  block.scale[0] = scale.x;
  block.scale[1] = scale.y;
  block.minimum[0] = minimum.x;
  block.minimum[1] = minimum.y;
}
#endif
