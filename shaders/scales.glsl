/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the planes of scales and supers hold in each form, and what a block's scales and minimums
 * are. A form names one of these; a number format of new codes with old scales needs nothing here.
 *
 *   WIDE_SCALE   a float a block
 *   WIDE         two floats: (scale, minimum)
 *   WIDE_HALVES  two floats: the scales of weights 0..15 and 16..31
 *   SCALE_F16    f16
 *   SCALE_PAIR   two f16 in a word: (scale, minimum)
 *   SCALE_K      two bytes (scale, minimum), supers: two f16 (d, dmin), the minimum is subtracted
 *   SCALE_BYTES  two signed bytes, of weights 0..15 and 16..31; supers: f16 */
#if defined WIDE || defined SCALE_PAIR || defined SCALE_K
#define HAS_MINIMUM
#endif
#if defined WIDE_HALVES || defined SCALE_BYTES
#define HALVES /* differ in their scales */
#endif

float
half_at (UintsIn plane, uint at)
{
  return unpackHalf2x16 (uint (Uint16sIn (plane).v[at])).x;
}

void
load_scales (ShaderWeights w, uint row, uint b, uint blocks, uint group, inout Block block)
{
  uint units = (blocks + SCALE_BLOCKS - 1) / SCALE_BLOCKS;
  uint at = row_start (row, units, group) + b / SCALE_BLOCKS * group;
  uint super_at = row_start (row, (blocks + 7) / 8, group) + b / 8 * group;
  vec2 scale, minimum = vec2 (0.0);
#if defined WIDE_SCALE
  scale = vec2 (uintBitsToFloat (w.scales.v[at]));
#elif defined WIDE
  vec2 s = Vec2sIn (w.scales).v[at];
  scale = s.xx;
  minimum = s.yy;
#elif defined WIDE_HALVES
  scale = Vec2sIn (w.scales).v[at];
#elif defined SCALE_F16
  scale = vec2 (half_at (w.scales, at));
#elif defined SCALE_PAIR
  vec2 s = unpackHalf2x16 (w.scales.v[at]);
  scale = s.xx;
  minimum = s.yy;
#elif defined SCALE_K
  uint s = uint (Uint16sIn (w.scales).v[at]);
  vec2 d = unpackHalf2x16 (w.supers.v[super_at]);
  scale = vec2 (d.x * float (s & 255u));
  minimum = vec2 (-d.y * float (s >> 8));
#elif defined SCALE_BYTES
  int s = int (Uint16sIn (w.scales).v[at]);
  scale = half_at (w.supers, super_at) *
          vec2 (float (bitfieldExtract (s, 0, 8)), float (bitfieldExtract (s, 8, 8)));
#endif
  block.scale[0] = scale.x;
  block.scale[1] = scale.y;
  block.minimum[0] = minimum.x;
  block.minimum[1] = minimum.y;
}
