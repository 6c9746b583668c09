/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places the blocks of rows, once they are unpacked, in the planes that the kernels read. Knows no
 * number format (unpack.c does) and nothing of Vulkan. */
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

/* Units of `span` blocks in a row. */
static uint32_t
units_a_row (uint32_t blocks, uint32_t span)
{
  return (blocks + span - 1) / span;
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
    .rows = rows,
    .padded_rows = (rows + pad_rows - 1) / pad_rows * pad_rows,
    .columns = columns,
    .blocks = blocks,
    .group = group,
  };
  const FormLayout *form = &forms[self->form];
  self->row_bytes[VULKAN_PLANE_CODES] = blocks * form->words * 4;
  self->row_bytes[VULKAN_PLANE_HIGH] =
      units_a_row (blocks, form->scale_blocks) * form->scale_blocks * form->high_words * 4;
  self->row_bytes[VULKAN_PLANE_SCALES] =
      units_a_row (blocks, form->scale_blocks) * form->scale_bytes;
  self->row_bytes[VULKAN_PLANE_SUPERS] = units_a_row (blocks, 8) * form->super_bytes;
}

uint64_t
vulkan_layout_plane_bytes (const VulkanLayout *self, VulkanPlane plane)
{
  return (uint64_t) self->row_bytes[plane] * self->padded_rows;
}

/* Unit u (of bytes each) of row r, where a row has `units`. */
static uint8_t *
place (const VulkanLayout *self, uint8_t *plane, uint32_t r, uint32_t units, uint32_t u,
       uint32_t bytes)
{
  size_t at = ((size_t) (r / self->group) * units + u) * self->group + r % self->group;
  return plane + at * bytes;
}

/* `bits` of each code from `shift` on, in the order that weights.glsl says. */
static void
put_bits (uint32_t *dst, const uint8_t codes[VULKAN_BLOCK], uint32_t bits, uint32_t shift)
{
  uint32_t mask = ((1u << bits) - 1) * 0x01010101u;
  for (uint32_t w = 0; w < 8; w++) {
    const uint8_t *c = codes + w / 2 * 8 + w % 2;
    uint32_t four = c[0] | (uint32_t) c[2] << 8 | (uint32_t) c[4] << 16 | (uint32_t) c[6] << 24;
    dst[w * bits / 8] |= (four >> shift & mask) << (w * bits % 8);
  }
}

static void
put (const VulkanLayout *self, const VulkanFormat *format, uint32_t r, uint32_t b,
     const VulkanUnit *unit, uint8_t *const planes[VULKAN_N_PLANES])
{
  const FormLayout *form = &forms[self->form];
  const void *scales = self->form == format->form ? (const void *) &unit->packed : unit->wide;
  uint32_t bits[8] = { 0 }, high[2] = { 0 };
  const uint32_t *codes = format->as_words ? unit->words : bits;
  if (!format->as_words)
    put_bits (bits, unit->codes, form->words, 0); /* of 32 weights: a word for each of their bits */
  if (form->high_words > 0)
    put_bits (high, unit->codes, form->high_words, form->words);
  uint32_t words = MIN (form->words & -form->words, 4); /* of a unit: 4, 2 or 1 */
  for (uint32_t w = 0; w < form->words; w += words)
    memcpy (place (self, planes[VULKAN_PLANE_CODES], r, self->blocks * form->words / words,
                   (b * form->words + w) / words, 4 * words),
            codes + w, 4 * words);
  uint32_t span = form->scale_blocks, units = units_a_row (self->blocks, span);
  uint32_t bytes = form->scale_bytes / span, high_bytes = 4 * form->high_words;
  memcpy (place (self, planes[VULKAN_PLANE_HIGH], r, units, b / span, high_bytes * span) +
              b % span * high_bytes,
          high, high_bytes);
  memcpy (place (self, planes[VULKAN_PLANE_SCALES], r, units, b / span, form->scale_bytes) +
              b % span * bytes,
          scales, bytes);
  if (b % 8 == 0)
    memcpy (place (self, planes[VULKAN_PLANE_SUPERS], r, units_a_row (self->blocks, 8), b / 8,
                   form->super_bytes),
            unit->super, form->super_bytes);
}

void
vulkan_layout_pack (const VulkanLayout *self, const uint8_t *src, uint32_t n,
                    uint8_t *const planes[VULKAN_N_PLANES])
{
  const VulkanFormat *format = vulkan_format (self->type->id);
  const FormLayout *form = &forms[self->form];
  size_t src_bytes = model_type_row_bytes (self->type, self->columns);
  uint32_t whole = (n + self->group - 1) / self->group * self->group;
  uint32_t per_block = MAX (self->type->block_weights / VULKAN_BLOCK, 1);
  /* Float types only: the file has no whole block. */
  gboolean ragged = self->columns % VULKAN_BLOCK != 0;
  for (uint32_t r = 0; r < whole; r++) {
    for (uint32_t b = 0; b < self->blocks; b += per_block) {
      VulkanUnit units[256 / VULKAN_BLOCK] = { 0 };
      if (r < n && ragged && b + 1 == self->blocks) {
        size_t done = (size_t) b * form->words * 4;
        memcpy (units[0].words, src + r * src_bytes + done, src_bytes - done);
      } else if (r < n) {
        vulkan_format_unpack (format, self->type, src + r * src_bytes, b, units);
      }
      for (uint32_t u = 0; u < per_block; u++)
        put (self, format, r, b + u, &units[u], planes);
    }
  }
}
