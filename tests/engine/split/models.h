/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiny models of six layers and random weights, one of each kind that plans differ by: dense,
 * mixtures, sliding windows, shared experts, states of three manners, shared keys. Everything is a
 * function of the seed. What cannot be set up aborts the test. */
#pragma once

#include "engine/model/model.h"

typedef enum {
  TINY_LLAMA,
  TINY_QWEN3MOE,
  TINY_GPT_OSS,       /* a mixture with biases; a window in every other layer */
  TINY_GEMMA3,        /* norms around blocks; a window in all but the last */
  TINY_QWEN35MOE,     /* delta nets in every other layer; an expert for all tokens */
  TINY_GEMMA4,        /* the last two layers share keys; an input of its own for each */
  TINY_QWEN35,        /* delta nets in every other layer */
  TINY_LFM2,          /* convolutions in every other layer */
  TINY_GRANITEHYBRID, /* state spaces in every other layer */
  TINY_N_KINDS,
} TinyKind;

#define TINY_LAYERS 6

extern const char *const tiny_names[TINY_N_KINDS]; /* of the architectures */

/* Writes one that engine_model_open takes. */
void tiny_write (const char *path, TinyKind kind, uint64_t seed);
/* The same model, but surer: most of its tokens are likelier than all others together. */
void tiny_write_sure (const char *path, TinyKind kind, uint64_t seed);
/* With the files in it. */
void tiny_remove_folder (const char *path);
