/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the blocks of each number format say, 32 weights at a time, in a form's terms (kernels.def):
 * one row a format. */
#pragma once

#include "engine/model/quant.h"
#include "shaders/shaders.h"

#define VULKAN_BLOCK 32

/* 32 weights on their way from a file's block to the planes. */
typedef struct {
  uint8_t codes[VULKAN_BLOCK]; /* whole codes, lower and upper bits */
  uint32_t words[32];          /* or the words of the plane of codes as they are */
  float wide[4];               /* scales of a WIDE form */
  uint32_t packed;             /* scales of another, in the low bits */
  uint32_t super[2];           /* of the 8 blocks that this one is the first of */
} VulkanUnit;

typedef struct {
  ModelType type;
  ShaderForm form, wide_form; /* the same where there is no WIDE one */
  int offset;                 /* what makes codes as the format counts them start from 0 */
  const int8_t *values;       /* [16] or NULL: codes are indices of these */
  gboolean as_words;          /* unpack writes words: they say all that the codes are */
  /* Block b of 32 of a row: packed, super and words. unit comes zeroed. */
  void (*unpack) (const uint8_t *row, uint32_t b, VulkanUnit *unit);
} VulkanFormat;

const VulkanFormat *vulkan_format (uint32_t type);
/* All of the weights [32 n] of one block of the file, which begins with block b of 32 of the row;
 * units[n] come zeroed. */
void vulkan_format_unpack (const VulkanFormat *format, const ModelTypeInfo *type,
                           const uint8_t *row, uint32_t b, VulkanUnit *units);

/* The words that the codes of a format are indices into (BOOK of its forms), and how many they are;
 * 0: none. dst: NULL, or room for as many. */
uint32_t vulkan_format_book (const VulkanFormat *format, uint32_t *dst);
