/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the blocks of each number format say, 32 weights at a time, in a form's terms (kernels.def):
 * one row a format. */
#pragma once

#include "engine/model/quant.h"
#include "shaders/shaders.h"

#define VULKAN_BLOCK 32
#define VULKAN_CHUNK 256 /* weights taken apart at once: whole blocks of every format */
#define VULKAN_UNITS (VULKAN_CHUNK / VULKAN_BLOCK)

/* What a block of 32 says besides its codes. */
typedef struct {
  uint32_t words[3]; /* the words of the plane of codes as they are */
  uint32_t packed;   /* scales of a form that is not WIDE, in the low bits */
  uint32_t super[2]; /* of the 8 blocks that this one is the first of */
} VulkanUnit;

/* Weights on their way from a file's blocks to the planes. */
typedef struct {
  uint8_t codes[VULKAN_CHUNK]; /* whole codes, lower and upper bits */
  VulkanUnit units[VULKAN_UNITS];
  float wide[VULKAN_UNITS][4]; /* scales of a WIDE form */
} VulkanChunk;

typedef struct {
  ModelType type;
  ShaderForm form, wide_form; /* the same where there is no WIDE one */
  int offset;                 /* what makes codes as the format counts them start from 0 */
  const int8_t *values;       /* [16] or NULL: codes are indices of these */
  gboolean as_words;          /* unpack writes words: they say all that the codes are */
  /* packed, super, words, and codes that are indices, of n blocks of 32 that begin where a block of
   * the file does. NULL: floats, which lie in the planes as in the file. */
  void (*unpack) (const uint8_t *src, uint32_t n, VulkanUnit *units, uint8_t *codes);
} VulkanFormat;

const VulkanFormat *vulkan_format (uint32_t type);
/* n blocks of 32, VULKAN_UNITS at most, from blocks of the file at src. Not of floats. */
void vulkan_format_unpack (const VulkanFormat *format, const ModelTypeInfo *type,
                           const uint8_t *src, uint32_t n, gboolean wide, VulkanChunk *chunk);

/* The words that the codes of a format are indices into (BOOK of its forms), and how many they are;
 * 0: none. dst: NULL, or room for as many. */
uint32_t vulkan_format_book (const VulkanFormat *format, uint32_t *dst);
