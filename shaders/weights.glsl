/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How weights of each type lie in their planes, and how a block of 32 becomes floats or bytes. The
 * writer of this layout is engine/vulkan/layout.c; both say the same thing.
 *
 * Rows are interleaved by `group`: unit u of row r, of `units` in a row, lies at
 * (r / group * units + u) * group + r % group. A unit of codes is 16 bytes:
 *   Q4_0, Q4_1, Q4_K, Q6_K  1 a block: word j holds the low 4 bits of weights 8j .. 8j+7, low first
 *   Q8_0                    2 a block: word 2j+h holds weights 8j+h, 8j+2+h, 8j+4+h, 8j+6+h
 *   F16, BF16               4 a block, two weights a word;  F32  8 a block
 * high (Q6_K): 2 words a block; weight 8j+2t+h (w = 2j+h): word w / 4, bits 8t + 2 (w % 4).
 * scales, WIDE: 2 floats a block: (scale, minimum); Q6_K: one scale for each 16 weights.
 * scales, packed: Q4_0, Q8_0: f16; Q4_1: word of f16 (d, m); Q4_K: 16 bits (scale, minimum);
 *   Q6_K: 16 bits of two int8.
 * supers, packed: a word for 8 blocks: Q4_K: f16 (d, dmin); Q6_K: f16 d. */
#extension GL_EXT_shader_16bit_storage : require

POINTER (4)
readonly restrict buffer Vec2sIn
{
  vec2 v[];
};
POINTER (4)
readonly restrict buffer Uvec2sIn
{
  uvec2 v[];
};
POINTER (2)
readonly restrict buffer Uint16sIn
{
  uint16_t v[];
};

#if defined TYPE_F32
#define UNITS 8
#elif defined TYPE_F16 || defined TYPE_BF16
#define UNITS 4
#elif defined TYPE_Q8_0
#define UNITS 2
#else
#define UNITS 1
#endif
#if defined TYPE_F32 || defined TYPE_F16 || defined TYPE_BF16
#define TYPE_FLOAT
#endif

struct Block {
  uvec4 q[UNITS];
  uvec2 high;
  float scale[2]; /* of weights 0..15 and 16..31 */
  float minimum;
};

/* Where row r begins, in units of a plane with `units` units a row. */
uint
row_start (uint row, uint units, uint group)
{
  return row / group * units * group + row % group;
}

void
load_scales (ShaderWeights w, uint row, uint b, uint blocks, uint group, inout Block block)
{
  uint at = row_start (row, blocks, group) + b * group;
#ifdef WIDE
  vec2 s = Vec2sIn (w.scales).v[at];
#ifdef TYPE_Q6_K
  block.scale[0] = s.x;
  block.scale[1] = s.y;
  block.minimum = 0.0;
#else
  block.scale[0] = block.scale[1] = s.x;
  block.minimum = s.y;
#endif
#elif defined TYPE_Q4_1
  vec2 s = unpackHalf2x16 (w.scales.v[at]);
  block.scale[0] = block.scale[1] = s.x;
  block.minimum = s.y;
#elif defined TYPE_Q4_0 || defined TYPE_Q8_0
  float d = unpackHalf2x16 (uint (Uint16sIn (w.scales).v[at])).x;
  block.scale[0] = block.scale[1] = d;
#ifdef TYPE_Q4_0
  block.minimum = -8.0 * d;
#else
  block.minimum = 0.0;
#endif
#elif !defined TYPE_FLOAT
  uint s = uint (Uint16sIn (w.scales).v[at]);
  vec2 d = unpackHalf2x16 (w.supers.v[row_start (row, (blocks + 7) / 8, group) + b / 8 * group]);
#ifdef TYPE_Q4_K
  block.scale[0] = block.scale[1] = d.x * float (s & 255u);
  block.minimum = -d.y * float (s >> 8);
#else
  block.scale[0] = d.x * float (bitfieldExtract (int (s), 0, 8));
  block.scale[1] = d.x * float (bitfieldExtract (int (s), 8, 8));
  block.minimum = 0.0;
#endif
#endif
}

Block
load_block (ShaderWeights w, uint row, uint b, uint blocks, uint group)
{
  Block block;
  uint at = row_start (row, blocks * UNITS, group) + b * UNITS * group;
  [[unroll]] for (uint u = 0; u < UNITS; u++)
    block.q[u] = w.codes.v[at + u * group];
#ifdef TYPE_Q6_K
  block.high = Uvec2sIn (w.high).v[row_start (row, blocks, group) + b * group];
#endif
#ifdef TYPE_FLOAT
  block.scale[0] = block.scale[1] = 1.0;
  block.minimum = 0.0;
#else
  load_scales (w, row, b, blocks, group, block);
#endif
  return block;
}

/* Weight i of a block, exactly as the format defines it; i is a constant after unrolling. */
float
weight (Block block, uint i)
{
#if defined TYPE_F32
  return uintBitsToFloat (block.q[i / 4][i % 4]);
#elif defined TYPE_F16
  vec2 two = unpackHalf2x16 (block.q[i / 8][i / 2 % 4]);
  return i % 2 == 0 ? two.x : two.y;
#elif defined TYPE_BF16
  uint two = block.q[i / 8][i / 2 % 4];
  return uintBitsToFloat (i % 2 == 0 ? two << 16 : two & 0xffff0000u);
#elif defined TYPE_Q8_0
  uint j = i / 8, t = i % 8 / 2, h = i % 2, word = 2 * j + h;
  int four = int (block.q[word / 4][word % 4]);
  return block.scale[0] * float (bitfieldExtract (four, int (8 * t), 8));
#else
  uint j = i / 8, n = i % 8;
  uint code = (block.q[0][j] >> (4 * n)) & 15u;
#ifdef TYPE_Q6_K
  uint word = 2 * j + n % 2;
  code |= ((block.high[word / 4] >> (8 * (n / 2) + 2 * (word % 4))) & 3u) << 4;
  return block.scale[i / 16] * float (int (code) - 32);
#else
  return block.scale[0] * float (code) + block.minimum;
#endif
#endif
}

#if !defined TYPE_FLOAT && defined DOT_INT
/* Four codes as bytes: word (0..7) holds weights 8j+h, 8j+2+h, 8j+4+h, 8j+6+h with word = 2j+h. */
int
four_codes (Block block, uint word)
{
#if defined TYPE_Q8_0
  return int (block.q[word / 4][word % 4]);
#else
  uint low = (block.q[0][word / 2] >> (4 * (word % 2))) & 0x0f0f0f0fu;
#ifdef TYPE_Q6_K
  low |= ((block.high[word / 4] >> (2 * (word % 4))) & 0x03030303u) << 4;
#endif
  return int (low);
#endif
}
/* What is subtracted from every code. */
#ifdef TYPE_Q6_K
#define CODE_OFFSET 32.0
#else
#define CODE_OFFSET 0.0
#endif
#endif
