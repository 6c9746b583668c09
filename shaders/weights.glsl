/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How weights of each form (kernels.def) lie in their planes, and how a block of 32 becomes floats
 * or bytes. The writer of this layout is engine/vulkan/layout.c; both say the same thing.
 *
 * Rows are interleaved by `group`: unit u of row r, of `units` in a row, lies at
 * (r / group * units + u) * group + r % group. A unit of codes is 16, 8 or 4 bytes, the largest
 * that divides a block's WORDS.
 *
 * Codes that are bits lie so that four at a time come out as the bytes of a word. Word w (0..7) of
 * a block, w = 2j + h, holds the weights 8j + 2t + h, t = 0..3, in byte t:
 *   WORDS 8  it is word w, bytes;  WORDS 4  in word w / 2, from bit 4 (w % 2) of each byte;
 *   WORDS 2  in word w / 4, from bit 2 (w % 4) of each byte
 *   HIGH 1   one more bit: bit w of each byte;  HIGH 2  two more, in word w / 4 as WORDS 2
 * FIVES: codes of 5 bits whole, for whoever masks them where they are: word j of a block's codes
 *   holds the weights 8j .. 8j+5, from bit 5 (i % 8) of each on; 8j+6 and 8j+7 are in word j / 2 of
 *   `high`, from bit 10 (j % 2) on.
 * LIFTED: bytes are codes + 128, for the same.
 * Upper bits and scales lie in units of SCALE_BLOCKS blocks, one behind the other, so that whoever
 * takes them together loads them at once.
 * TABLE: codes of 4 bits are indices of a book of 16 signed bytes, one a word, where `high` points.
 * Floats lie as they do in the file. Scales, and supers of 8 blocks: scales.glsl; formats with
 * larger books: grids.glsl. BOOK: words of the book. */
#extension GL_EXT_shader_16bit_storage : require

POINTER (8)
readonly restrict buffer Uvec2sIn
{
  uvec2 v[];
};
POINTER (2)
readonly restrict buffer Uint16sIn
{
  uint16_t v[];
};

#if defined FLOAT_32 || defined FLOAT_16 || defined FLOAT_BF16
#define FLOATS
#endif
#if defined GRID_IQ1 || defined GRID_IQ2 || defined GRID_IQ3
#define GRIDS
#endif
#if WORDS == 8 || defined TABLE || defined GRIDS
#define SIGNED_CODES
#endif
#ifndef OFFSET
#define OFFSET 0
#endif

struct Block {
#ifdef FLOATS
  uint q[WORDS];
#else
  int codes[8];     /* four bytes each, in the order above */
  float scale[2];   /* of weights 0..15 and 16..31 */
  float minimum[2]; /* weight = scale * (code - OFFSET) + minimum */
#endif
};

/* Where row r begins, in units of a plane with `units` units a row. */
uint
row_start (uint row, uint units, uint group)
{
  return row / group * units * group + row % group;
}

#if defined BOOK && (defined DOT_INT || defined MATRIX)
#define SHARED_BOOK
shared uint book[BOOK];
#endif

/* Of all lanes of a workgroup, before they load blocks. On graphics cards lanes that look up
 * different words do so in shared memory; a driver in software gathers either way. */
void
fill_book (ShaderWeights w)
{
#ifdef SHARED_BOOK
  uint lanes = gl_WorkGroupSize.x * gl_WorkGroupSize.y;
  for (uint i = gl_LocalInvocationIndex; i < BOOK; i += lanes)
    book[i] = w.high.v[i];
  barrier ();
#endif
}

#ifdef BOOK
uint
book_at (ShaderWeights w, uint i)
{
#ifdef SHARED_BOOK
  return book[i];
#else
  return w.high.v[i];
#endif
}
#endif

#ifndef FLOATS
#include "scales.glsl"
#endif
#ifdef GRIDS
#include "grids.glsl"
#endif

/* Units of codes in a block. */
#if WORDS % 4 == 0
#define CODE_UNITS (WORDS / 4)
#elif WORDS == 2
#define CODE_UNITS 1
#else
#define CODE_UNITS WORDS
#endif

/* Where a row begins in each plane, in units. */
struct Row {
  uint codes, scales, supers;
};

Row
find_row (uint row, uint blocks, uint group)
{
  return Row (row_start (row, blocks * CODE_UNITS, group),
              row_start (row, (blocks + SCALE_BLOCKS - 1) / SCALE_BLOCKS, group),
              row_start (row, (blocks + 7) / 8, group));
}

void
load_words (ShaderWeights w, Row row, uint b, uint group, out uint q[WORDS])
{
  uint at = row.codes + b * CODE_UNITS * group;
#if WORDS % 4 == 0
  [[unroll]] for (uint u = 0; u < CODE_UNITS; u++) {
    uvec4 four = w.codes.v[at + u * group];
    [[unroll]] for (uint i = 0; i < 4; i++)
      q[4 * u + i] = four[i];
  }
#elif WORDS == 2
  uvec2 two = Uvec2sIn (w.codes).v[at];
  q[0] = two.x;
  q[1] = two.y;
#else
  [[unroll]] for (uint u = 0; u < WORDS; u++)
    q[u] = UintsIn (w.codes).v[at + u * group];
#endif
}

/* The words of upper bits of block i of a unit. */
uvec2
load_high (ShaderWeights w, uint at, uint i)
{
#if HIGH * SCALE_BLOCKS == 4
  uvec4 all = Uvec4sIn (w.high).v[at];
  return i == 0 ? all.xy : all.zw;
#elif HIGH * SCALE_BLOCKS == 2
  uvec2 all = Uvec2sIn (w.high).v[at];
  return HIGH == 2 || i == 0 ? all : all.yy;
#elif HIGH == 1
  return uvec2 (w.high.v[at], 0);
#else
  return uvec2 (0);
#endif
}

#if !defined FLOATS && !defined GRIDS
/* Four codes as bytes. */
uint
four_codes (ShaderWeights weights, uint q[WORDS], uvec2 high, uint w)
{
#if defined FIVES
  uint first = 5 * (w % 2), six = q[w / 2], two = high[w / 4] >> (10 * (w / 2 % 2));
  uint four = ((six >> first) & 0x1fu) | ((six >> (first + 2)) & 0x1f00u) |
              ((six >> (first + 4)) & 0x1f0000u) | ((two >> first) & 0x1fu) << 24;
#elif defined LIFTED
  uint four = q[w] ^ 0x80808080u;
#elif WORDS == 8
  uint four = q[w];
#elif WORDS == 4
  uint four = (q[w / 2] >> (4 * (w % 2))) & 0x0f0f0f0fu;
#elif WORDS == 2
  uint four = (q[w / 4] >> (2 * (w % 4))) & 0x03030303u;
#endif
#if HIGH == 1
  four |= ((high.x >> w) & 0x01010101u) << WORDS;
#elif HIGH == 2 && !defined FIVES
  four |= ((high[w / 4] >> (2 * (w % 4))) & 0x03030303u) << WORDS;
#endif
#ifdef TABLE
  uvec4 at = uvec4 (four, four >> 8, four >> 16, four >> 24) & 15u;
  four = book_at (weights, at.x) | book_at (weights, at.y) << 8 | book_at (weights, at.z) << 16 |
         book_at (weights, at.w) << 24;
#endif
  return four;
}
#endif

/* What the planes hold of a block: fetched first and unpacked later, so that there is other work
 * while it is on its way. */
struct Packed {
  uint q[WORDS];
#ifndef FLOATS
  uvec2 high;
  uvec4 scales; /* and supers */
#endif
};

/* Block i of a unit of SCALE_BLOCKS of them: what is the same for all of a unit is loaded once when
 * they are fetched side by side. */
Packed
fetch_of_unit (ShaderWeights w, Row row, uint unit, uint i, uint group)
{
  Packed fetched;
  load_words (w, row, unit * SCALE_BLOCKS + i, group, fetched.q);
#ifndef FLOATS
  uint at = row.scales + unit * group, super_at = row.supers + unit * SCALE_BLOCKS / 8 * group;
  fetched.high = load_high (w, at, i);
#ifdef GRIDS
  fetched.scales = fetch_grid (w, at, super_at, i);
#else
  fetched.scales = fetch_scales (w, at, super_at, i);
#endif
#endif
  return fetched;
}

Packed
fetch_block (ShaderWeights w, uint row, uint b, uint blocks, uint group)
{
  return fetch_of_unit (w, find_row (row, blocks, group), b / SCALE_BLOCKS, b % SCALE_BLOCKS,
                        group);
}

Block
unpack_block (ShaderWeights w, Packed fetched, uint b)
{
  Block block;
#if defined FLOATS
  block.q = fetched.q;
#elif defined GRIDS
  make_grid (w, fetched.q, fetched.scales, b, block);
#else
  make_scales (fetched.scales, block);
  [[unroll]] for (uint word = 0; word < 8; word++)
    block.codes[word] = int (four_codes (w, fetched.q, fetched.high, word));
#endif
  return block;
}

Block
load_block (ShaderWeights w, uint row, uint b, uint blocks, uint group)
{
  return unpack_block (w, fetch_block (w, row, b, blocks, group), b);
}

/* Weight i of a block, exactly as the format defines it; i is a constant after unrolling. */
float
weight (Block block, uint i)
{
#if defined FLOAT_32
  return uintBitsToFloat (block.q[i]);
#elif defined FLOAT_16
  vec2 two = unpackHalf2x16 (block.q[i / 2]);
  return i % 2 == 0 ? two.x : two.y;
#elif defined FLOAT_BF16
  uint two = block.q[i / 2];
  return uintBitsToFloat (i % 2 == 0 ? two << 16 : two & 0xffff0000u);
#else
  int code = bitfieldExtract (block.codes[i / 8 * 2 + i % 2], int (i % 8 / 2 * 8), 8) - OFFSET;
#ifdef HAS_MINIMUM
  return block.scale[i / 16] * float (code) + block.minimum[i / 16];
#else
  return block.scale[i / 16] * float (code);
#endif
#endif
}
