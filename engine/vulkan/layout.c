/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places the blocks of rows, once they are unpacked, in the planes that the kernels read: 256
 * weights at a time, by words of 64 bits and loops of known length, so that a core packs more than
 * a GB of a file a second. Knows no number format (unpack.c does) and nothing of Vulkan. */
#include "engine/vulkan/layout.h"

#include "engine/vulkan/unpack.h"

#include <string.h>

/* What the planes of a form hold, in kernels.def's words. */
typedef struct {
  uint32_t words, high_words; /* of a block */
  uint32_t scale_bytes, scale_blocks;
  uint32_t super_bytes;
} FormLayout;

static const FormLayout forms[SHADER_N_FORMS] = {
#define SHADER_FORM(id, families, words, high, scale_bytes, scale_blocks, super_bytes, defines) \
  [SHADER_FORM_##id] = { words, high, scale_bytes, scale_blocks, super_bytes },
#include "shaders/kernels.def"
#undef SHADER_FORM
};

gboolean
vulkan_layout_runs (const ModelTypeInfo *type)
{
  return vulkan_format (type->id) != NULL;
}

/* How a form lies in one plane. */
typedef struct {
  uint32_t bytes;   /* of a unit; 0: the plane does not exist */
  uint32_t a_chunk; /* units of VULKAN_UNITS blocks */
} PlaneLayout;

static PlaneLayout
plane_layout (const FormLayout *form, VulkanPlane plane)
{
  uint32_t words = MIN (form->words & -form->words, 4); /* 4, 2 or 1 */
  switch (plane) {
  case VULKAN_PLANE_CODES:
    return (PlaneLayout) { 4 * words, VULKAN_UNITS * form->words / words };
  case VULKAN_PLANE_HIGH:
    return (PlaneLayout) { 4 * form->high_words * form->scale_blocks,
                           VULKAN_UNITS / form->scale_blocks };
  case VULKAN_PLANE_SCALES:
    return (PlaneLayout) { form->scale_bytes, VULKAN_UNITS / form->scale_blocks };
  default:
    return (PlaneLayout) { form->super_bytes, 1 };
  }
}

/* Units that hold so many blocks. */
static uint32_t
units_of (const PlaneLayout *plane, uint32_t blocks)
{
  return (blocks * plane->a_chunk + VULKAN_UNITS - 1) / VULKAN_UNITS;
}

void
vulkan_layout_init (VulkanLayout *self, const ModelTypeInfo *type, uint32_t rows, uint32_t columns,
                    uint32_t group, uint32_t pad_rows, gboolean wide)
{
  const VulkanFormat *format = vulkan_format (type->id);
  uint32_t blocks = (columns + VULKAN_BLOCK - 1) / VULKAN_BLOCK;
  *self = (VulkanLayout) {
    .type = type,
    .form = wide ? format->wide_form : format->form,
    .padded_rows = (rows + pad_rows - 1) / pad_rows * pad_rows,
    .columns = columns,
    .blocks = blocks,
    .group = group,
  };
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++) {
    PlaneLayout plane = plane_layout (&forms[self->form], p);
    self->row_bytes[p] = units_of (&plane, blocks) * plane.bytes;
  }
}

uint64_t
vulkan_layout_plane_bytes (const VulkanLayout *self, VulkanPlane plane)
{
  return (uint64_t) self->row_bytes[plane] * self->padded_rows;
}

/* ---- a chunk of one row --------------------------------------------------------------------- */

/* What each plane holds of a chunk, unit after unit. */
typedef struct {
  uint32_t words[VULKAN_N_PLANES][VULKAN_CHUNK];
} Packed;

static inline uint64_t
load64 (const uint8_t *bytes)
{
  uint64_t x;
  memcpy (&x, bytes, sizeof x);
  return x;
}

/* Bytes 0, 2, 4 and 6. */
static inline uint32_t
even_bytes (uint64_t x)
{
  x &= 0x00ff00ff00ff00ff;
  x = (x | x >> 8) & 0x0000ffff0000ffff;
  return (uint32_t) (x | x >> 16);
}

/* `bits` of each code from `shift` on, in the order that weights.glsl says: two weights side by
 * side in a byte, then 4, 2 or 1 words of a block in one. */
static inline __attribute__ ((always_inline)) void
put_bits (uint32_t *dst, const uint8_t *codes, uint32_t bits, uint32_t shift)
{
  const uint64_t mask = ((1u << bits) - 1) * 0x0101010101010101u;
  for (uint32_t b = 0; b < VULKAN_UNITS; b++, codes += VULKAN_BLOCK, dst += bits) {
    for (uint32_t w = 0; w < bits; w++)
      dst[w] = 0;
    for (uint32_t i = 0; i < 4; i++) {
      uint64_t eight = load64 (codes + 8 * i) >> shift & mask;
      dst[i * bits / 4] |= even_bytes (eight | eight >> (8 - bits)) << (2 * bits * i % 8);
    }
  }
}

/* The same of codes of 8 bits. */
static void
put_bytes (uint32_t *dst, const uint8_t *codes)
{
  for (uint32_t i = 0; i < VULKAN_CHUNK / 8; i++) {
    uint64_t eight = load64 (codes + 8 * i);
    dst[2 * i] = even_bytes (eight);
    dst[2 * i + 1] = even_bytes (eight >> 8);
  }
}

/* And of codes of 8 bits + 128 (LIFTED). */
static void
put_lifted (uint32_t *dst, const uint8_t *codes)
{
  put_bytes (dst, codes);
  for (uint32_t i = 0; i < VULKAN_CHUNK / 4; i++)
    dst[i] ^= 0x80808080;
}

static void
put_codes (uint32_t *dst, const uint8_t *codes, uint32_t bits, uint32_t shift)
{
  switch (bits) {
  case 1:
    put_bits (dst, codes, 1, shift);
    return;
  case 2:
    put_bits (dst, codes, 2, shift);
    return;
  case 4:
    put_bits (dst, codes, 4, shift);
    return;
  case 8:
    put_bytes (dst, codes);
    return;
  }
}

/* Codes of 5 bits, six to a word and the other two of eight in words of their own (weights.glsl,
 * FIVES). */
static void
put_fives (uint32_t *codes_dst, uint32_t *high_dst, const uint8_t *codes)
{
  for (uint32_t j = 0; j < VULKAN_CHUNK / 8; j++, codes += 8) {
    uint32_t six = 0, two = codes[6] | (uint32_t) codes[7] << 5;
    for (uint32_t i = 0; i < 6; i++)
      six |= (uint32_t) codes[i] << (5 * i);
    codes_dst[j] = six;
    high_dst[j / 2] = j % 2 == 0 ? two : high_dst[j / 2] | two << 10;
  }
}

/* n pieces of `bytes`, from places in one distance to places in another: a loop for each size that
 * there is. */
#define MOVE(size)                                               \
  case size:                                                     \
    for (uint32_t i = 0; i < n; i++)                             \
      memcpy (dst + i * dst_stride, src + i * src_stride, size); \
    return;

static void
move (uint8_t *dst, size_t dst_stride, const uint8_t *src, size_t src_stride, uint32_t n,
      uint32_t bytes)
{
  switch (bytes) {
    MOVE (1)
    MOVE (2)
    MOVE (4)
    MOVE (8)
    MOVE (12)
    MOVE (16)
  }
}

/* One behind the other, the first `bytes` that begin at `first` and in as many units after it. */
static void
put_units (uint32_t *dst, const void *first, size_t unit_bytes, uint32_t bytes)
{
  move ((uint8_t *) dst, bytes, first, unit_bytes, VULKAN_UNITS, bytes);
}

/* n blocks of 32 from src on. What a chunk at the end of a row lacks is zero. */
static void
pack_chunk (const VulkanLayout *self, const VulkanFormat *format, const uint8_t *src, uint32_t n,
            Packed *packed)
{
  const FormLayout *form = &forms[self->form];
  uint32_t scale_bytes = form->scale_bytes / form->scale_blocks;
  VulkanChunk chunk;
  if (n < VULKAN_UNITS)
    memset (&chunk, 0, sizeof chunk);
  vulkan_format_unpack (format, self->type, src, n, self->form != format->form, &chunk);
  if (format->as_words) {
    put_units (packed->words[VULKAN_PLANE_CODES], chunk.units[0].words, sizeof chunk.units[0],
               4 * form->words);
  } else if (self->form == SHADER_FORM_WIDE_5) {
    put_fives (packed->words[VULKAN_PLANE_CODES], packed->words[VULKAN_PLANE_HIGH], chunk.codes);
  } else if (self->form == SHADER_FORM_WIDE_8) {
    put_lifted (packed->words[VULKAN_PLANE_CODES], chunk.codes);
  } else {
    put_codes (packed->words[VULKAN_PLANE_CODES], chunk.codes, form->words, 0);
    put_codes (packed->words[VULKAN_PLANE_HIGH], chunk.codes, form->high_words, form->words);
  }
  if (self->form == format->form)
    put_units (packed->words[VULKAN_PLANE_SCALES], &chunk.units[0].packed, sizeof chunk.units[0],
               scale_bytes);
  else
    put_units (packed->words[VULKAN_PLANE_SCALES], chunk.wide[0], sizeof chunk.wide[0],
               scale_bytes);
  memcpy (packed->words[VULKAN_PLANE_SUPERS], chunk.units[0].super, form->super_bytes);
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* Blocks b .. b + n of row r of a group, which begins at each of planes. */
static void
place (const PlaneLayout layouts[VULKAN_N_PLANES], uint32_t group, uint32_t r, uint32_t b,
       uint32_t n, const Packed *packed, uint8_t *const planes[VULKAN_N_PLANES])
{
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++) {
    const PlaneLayout *plane = &layouts[p];
    size_t unit = (size_t) units_of (plane, b) * group + r;
    move (planes[p] + unit * plane->bytes, (size_t) plane->bytes * group,
          (const uint8_t *) packed->words[p], plane->bytes, units_of (plane, n), plane->bytes);
  }
}

/* n rows of a group, and zeros for those that it lacks. Chunk by chunk of all of them, so that what
 * is written lies side by side. */
static void
pack_group (const VulkanLayout *self, const VulkanFormat *format, const uint8_t *src, uint32_t n,
            uint8_t *const planes[VULKAN_N_PLANES])
{
  size_t row_bytes = model_type_row_bytes (self->type, self->columns);
  size_t chunk_bytes = model_type_row_bytes (self->type, VULKAN_CHUNK), at = 0;
  PlaneLayout layouts[VULKAN_N_PLANES];
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    layouts[p] = plane_layout (&forms[self->form], p);
  for (uint32_t b = 0; b < self->blocks; b += VULKAN_UNITS, at += chunk_bytes) {
    uint32_t blocks = MIN (VULKAN_UNITS, self->blocks - b);
    Packed packed;
    memset (&packed, 0, sizeof packed); /* a row of floats need not end where a block does */
    for (uint32_t r = 0; r < n; r++) {
      const uint8_t *from = src + r * row_bytes + at;
      if (format->unpack == NULL)
        memcpy (packed.words[VULKAN_PLANE_CODES], from, MIN (chunk_bytes, row_bytes - at));
      else
        pack_chunk (self, format, from, blocks, &packed);
      place (layouts, self->group, r, b, blocks, &packed, planes);
    }
    if (n < self->group)
      memset (&packed, 0, sizeof packed);
    for (uint32_t r = n; r < self->group; r++)
      place (layouts, self->group, r, b, blocks, &packed, planes);
  }
}

void
vulkan_layout_pack (const VulkanLayout *self, const uint8_t *src, uint32_t n,
                    uint8_t *const planes[VULKAN_N_PLANES])
{
  const VulkanFormat *format = vulkan_format (self->type->id);
  size_t row_bytes = model_type_row_bytes (self->type, self->columns);
  for (uint32_t first = 0; first < n; first += self->group) {
    uint8_t *group[VULKAN_N_PLANES];
    for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
      group[p] = planes[p] + (size_t) first * self->row_bytes[p];
    pack_group (self, format, src + first * row_bytes, MIN (self->group, n - first), group);
  }
}
