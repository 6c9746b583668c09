/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Repacks rows of GGUF blocks into the planes that the kernels read. One function per type turns 32
 * weights into a Unit; placing units is the same for all. Knows nothing of Vulkan. */
#include "engine/vulkan/layout.h"

#include <string.h>

#define BLOCK 32

/* 32 weights on their way from a file's block to the planes. */
typedef struct {
  uint32_t codes[32];
  uint32_t high[2];
  float wide[4];   /* the scales of a WIDE form */
  uint32_t packed; /* those of another, in its low bits */
  uint32_t super;  /* of the 8 blocks that this one is the first of */
} Unit;

typedef struct {
  ModelType type;
  ShaderForm form, wide_form;
  void (*take) (const uint8_t *src, uint32_t b, Unit *unit); /* block b of 32 of a row */
} TypeLayout;

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

/* Word j holds codes 8j .. 8j+7, the first in the lowest bits. */
static void
put_nibbles (Unit *unit, const uint8_t codes[BLOCK])
{
  for (uint32_t j = 0; j < 4; j++) {
    uint32_t word = 0;
    for (uint32_t n = 0; n < 8; n++)
      word |= (uint32_t) (codes[8 * j + n] & 15u) << (4 * n);
    unit->codes[j] = word;
  }
}

static void
split_halves (const uint8_t qs[16], uint8_t codes[BLOCK])
{
  for (uint32_t i = 0; i < 16; i++) {
    codes[i] = qs[i] & 15;
    codes[i + 16] = qs[i] >> 4;
  }
}

static void
take_q4_0 (const uint8_t *src, uint32_t b, Unit *unit)
{
  ModelBlockQ4_0 block;
  uint8_t codes[BLOCK];
  memcpy (&block, src + b * sizeof block, sizeof block);
  split_halves (block.qs, codes);
  put_nibbles (unit, codes);
  unit->packed = block.d;
  unit->wide[0] = model_f16_to_f32 (block.d);
  unit->wide[1] = -8 * unit->wide[0];
}

static void
take_q4_1 (const uint8_t *src, uint32_t b, Unit *unit)
{
  ModelBlockQ4_1 block;
  uint8_t codes[BLOCK];
  memcpy (&block, src + b * sizeof block, sizeof block);
  split_halves (block.qs, codes);
  put_nibbles (unit, codes);
  unit->packed = block.d | (uint32_t) block.m << 16;
  unit->wide[0] = model_f16_to_f32 (block.d);
  unit->wide[1] = model_f16_to_f32 (block.m);
}

static void
take_q8_0 (const uint8_t *src, uint32_t b, Unit *unit)
{
  ModelBlockQ8_0 block;
  memcpy (&block, src + b * sizeof block, sizeof block);
  for (uint32_t w = 0; w < 8; w++) {
    unit->codes[w] = 0;
    for (uint32_t t = 0; t < 4; t++)
      unit->codes[w] |= (uint32_t) (uint8_t) block.qs[w / 2 * 8 + 2 * t + w % 2] << (8 * t);
  }
  unit->packed = block.d;
  unit->wide[0] = model_f16_to_f32 (block.d);
  unit->wide[1] = 0;
}

static void
take_q4_k (const uint8_t *src, uint32_t b, Unit *unit)
{
  ModelBlockQ4_K block;
  uint8_t codes[BLOCK], scale, min;
  uint32_t sub = b % 8;
  memcpy (&block, src + b / 8 * sizeof block, sizeof block);
  for (uint32_t i = 0; i < BLOCK; i++) {
    uint8_t two = block.qs[sub / 2 * 32 + i];
    codes[i] = sub % 2 == 0 ? two & 15 : two >> 4;
  }
  put_nibbles (unit, codes);
  model_q4k_scale_min (block.scales, sub, &scale, &min);
  unit->packed = scale | (uint32_t) min << 8;
  unit->super = block.d | (uint32_t) block.dmin << 16;
  unit->wide[0] = model_f16_to_f32 (block.d) * scale;
  unit->wide[1] = -(model_f16_to_f32 (block.dmin) * min);
}

/* The format: two halves of 128 weights; in each, weight 32 g + i has its low bits in ql[32 (g %
 * 2) + i] (nibble g / 2) and its high bits in qh[i] (bits 2g). */
static void
take_q6_k (const uint8_t *src, uint32_t b, Unit *unit)
{
  ModelBlockQ6_K block;
  uint8_t codes[BLOCK];
  uint32_t half = b % 8 / 4, g = b % 4;
  memcpy (&block, src + b / 8 * sizeof block, sizeof block);
  unit->high[0] = unit->high[1] = 0;
  for (uint32_t i = 0; i < BLOCK; i++) {
    uint8_t low = block.ql[64 * half + 32 * (g % 2) + i];
    uint32_t high = (block.qh[32 * half + i] >> (2 * g)) & 3u;
    uint32_t w = 2 * (i / 8) + i % 2, t = i % 8 / 2;
    codes[i] = g < 2 ? low & 15 : low >> 4;
    unit->high[w / 4] |= high << (8 * t + 2 * (w % 4));
  }
  put_nibbles (unit, codes);
  const int8_t *scales = block.scales + 8 * half + 2 * g;
  unit->packed = (uint8_t) scales[0] | (uint32_t) (uint8_t) scales[1] << 8;
  unit->super = block.d;
  unit->wide[0] = model_f16_to_f32 (block.d) * scales[0];
  unit->wide[1] = model_f16_to_f32 (block.d) * scales[1];
}

static void
take_f32 (const uint8_t *src, uint32_t b, Unit *unit)
{
  memcpy (unit->codes, src + b * 128, 128);
}

static void
take_f16 (const uint8_t *src, uint32_t b, Unit *unit)
{
  memcpy (unit->codes, src + b * 64, 64);
}

static const TypeLayout types[] = {
  { MODEL_TYPE_F32, SHADER_FORM_F32, SHADER_FORM_F32, take_f32 },
  { MODEL_TYPE_F16, SHADER_FORM_F16, SHADER_FORM_F16, take_f16 },
  { MODEL_TYPE_BF16, SHADER_FORM_BF16, SHADER_FORM_BF16, take_f16 },
  { MODEL_TYPE_Q4_0, SHADER_FORM_Q4_0, SHADER_FORM_WIDE_4, take_q4_0 },
  { MODEL_TYPE_Q4_1, SHADER_FORM_Q4_1, SHADER_FORM_WIDE_4, take_q4_1 },
  { MODEL_TYPE_Q8_0, SHADER_FORM_Q8_0, SHADER_FORM_WIDE_8, take_q8_0 },
  { MODEL_TYPE_Q4_K, SHADER_FORM_Q4_K, SHADER_FORM_WIDE_4, take_q4_k },
  { MODEL_TYPE_Q6_K, SHADER_FORM_Q6_K, SHADER_FORM_WIDE_6, take_q6_k },
};

static const TypeLayout *
find (const ModelTypeInfo *type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == type->id)
      return &types[i];
  return NULL;
}

gboolean
vulkan_layout_runs (const ModelTypeInfo *type)
{
  return find (type) != NULL;
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
  const TypeLayout *layout = find (type);
  uint32_t blocks = (columns + BLOCK - 1) / BLOCK;
  *self = (VulkanLayout) {
    .type = type,
    .form = wide ? layout->wide_form : layout->form,
    .rows = rows,
    .padded_rows = (rows + pad_rows - 1) / pad_rows * pad_rows,
    .columns = columns,
    .blocks = blocks,
    .group = group,
  };
  const FormLayout *form = &forms[self->form];
  self->row_bytes[VULKAN_PLANE_CODES] = blocks * form->words * 4;
  self->row_bytes[VULKAN_PLANE_HIGH] = blocks * form->high_words * 4;
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

static void
put (const VulkanLayout *self, const FormLayout *form, uint32_t r, uint32_t b, const Unit *unit,
     const void *scales, uint8_t *const planes[VULKAN_N_PLANES])
{
  uint32_t words = form->words % 4 == 0 ? 4 : form->words % 2 == 0 ? 2
                                                                   : 1; /* of a unit */
  for (uint32_t w = 0; w < form->words; w += words)
    memcpy (place (self, planes[VULKAN_PLANE_CODES], r, self->blocks * form->words / words,
                   (b * form->words + w) / words, 4 * words),
            unit->codes + w, 4 * words);
  memcpy (place (self, planes[VULKAN_PLANE_HIGH], r, self->blocks, b, 4 * form->high_words),
          unit->high, 4 * form->high_words);
  uint32_t span = form->scale_blocks, bytes = form->scale_bytes / span;
  memcpy (place (self, planes[VULKAN_PLANE_SCALES], r, units_a_row (self->blocks, span), b / span,
                 form->scale_bytes) +
              b % span * bytes,
          scales, bytes);
  if (b % 8 == 0)
    memcpy (place (self, planes[VULKAN_PLANE_SUPERS], r, units_a_row (self->blocks, 8), b / 8,
                   form->super_bytes),
            &unit->super, form->super_bytes);
}

void
vulkan_layout_pack (const VulkanLayout *self, const uint8_t *src, uint32_t n,
                    uint8_t *const planes[VULKAN_N_PLANES])
{
  const TypeLayout *layout = find (self->type);
  const FormLayout *form = &forms[self->form];
  size_t src_bytes = model_type_row_bytes (self->type, self->columns);
  uint32_t whole = (n + self->group - 1) / self->group * self->group;
  gboolean ragged = self->columns % BLOCK != 0; /* float types only: the file has no whole block */
  for (uint32_t r = 0; r < whole; r++) {
    for (uint32_t b = 0; b < self->blocks; b++) {
      Unit unit = { 0 };
      if (r < n && ragged && b + 1 == self->blocks) {
        size_t done = (size_t) b * form->words * 4;
        memcpy (unit.codes, src + r * src_bytes + done, src_bytes - done);
      } else if (r < n) {
        layout->take (src + r * src_bytes, b, &unit);
      }
      put (self, form, r, b, &unit,
           self->form == layout->form ? (const void *) &unit.packed : (const void *) unit.wide,
           planes);
    }
  }
}
