/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes GGUF files for tests: any metadata and tensors, or a whole tiny llama model of random
 * weights. It shares nothing with the reader but the type ids and block sizes, so that both can
 * be wrong only apart. Everything is a function of its arguments: the same seed gives the same
 * bytes. */
#pragma once

#include "engine/model/gguf.h"

/* A sequence of random numbers (splitmix64). */
uint64_t test_random (uint64_t *state);
/* In [-1, 1). */
float test_random_real (uint64_t *state);

/* n weights (a multiple of the block) of a type, random codes and scales, of about the given
 * standard deviation, mean about 0. Every code of the format occurs. dst: n / block_weights
 * blocks. */
void test_random_weights (uint64_t *state, ModelType type, float deviation, void *dst, size_t n);

typedef struct _TestGguf TestGguf;

TestGguf *test_gguf_new (uint32_t version);
void test_gguf_free (TestGguf *gguf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestGguf, test_gguf_free)

void test_gguf_add_u32 (TestGguf *gguf, const char *key, uint32_t value);
void test_gguf_add_f32 (TestGguf *gguf, const char *key, float value);
void test_gguf_add_bool (TestGguf *gguf, const char *key, gboolean value);
void test_gguf_add_string (TestGguf *gguf, const char *key, const char *value);
/* Any value: type id of the file, and its bytes as they shall stand there. */
void
test_gguf_add_raw (TestGguf *gguf, const char *key, uint32_t type, const void *bytes, size_t n);
/* Elements of a type that is no string; n elements of element_bytes each. */
void test_gguf_add_array (TestGguf *gguf,
                          const char *key,
                          uint32_t type,
                          const void *elements,
                          size_t n,
                          size_t element_bytes);
void test_gguf_add_strings (TestGguf *gguf, const char *key, const char *const *strings, size_t n);
/* columns = ne[0], rows = ne[1]; 0 rows: a vector. The data is copied. */
void test_gguf_add_tensor (TestGguf *gguf,
                           const char *name,
                           uint32_t type,
                           uint64_t columns,
                           uint64_t rows,
                           const void *data,
                           size_t n_bytes);

/* n of them, one after another: [n][rows][columns]. */
void test_gguf_add_matrices (TestGguf *gguf, const char *name, uint32_t type, uint64_t columns,
                             uint64_t rows, uint64_t n, const void *data, size_t n_bytes);

/* The file as bytes, tensor data aligned to alignment (which is written as general.alignment
 * unless it is 32). header_bytes, if not NULL: where the data begins. */
GByteArray *test_gguf_bytes (const TestGguf *gguf, uint32_t alignment, size_t *header_bytes);
/* One of n_parts files that the tensors are cut into, as llama-gguf-split does it: the metadata is
 * in the first, all say which part they are. */
TestGguf *test_gguf_part (const TestGguf *gguf, uint32_t part, uint32_t n_parts);
/* Writes bytes to path; g_error on failure. */
void test_write_file (const char *path, const GByteArray *bytes);

/* A tiny model. Zero fields take the defaults in brackets. */
typedef struct {
  uint32_t n_layers;       /* [2] */
  uint32_t d_model;        /* [256] multiples of 256 suit every type, of 32 all but Q4_K and Q6_K */
  uint32_t d_ff;           /* [512] */
  uint32_t n_heads;        /* [4] */
  uint32_t n_heads_kv;     /* [2] */
  uint32_t d_head;         /* [64] n_heads * d_head must suit the type too */
  uint32_t n_vocab;        /* [320] at least 280; unused tokens fill it up */
  uint32_t context_tokens; /* [512] */
  float rope_base;         /* [10000] */
  gboolean untied;         /* with output.weight */
  gboolean rope_freqs;     /* with rope_freqs.weight, factors from 1 to 8 */
  gboolean mixed;          /* embedding, ffn_down, output in Q8_0, or Q6_K for K types */
  gboolean f16_norms;      /* norms in F16 instead of F32 */
  const char *pre;         /* [smollm] tokenizer.ggml.pre */
} TestLlama;

/* A tiny model that makes vectors, architecture bert, with the vocabulary of the tiny llama between
 * BOS and EOS. Zero fields take the defaults in brackets. */
typedef struct {
  uint32_t n_layers;       /* [2] */
  uint32_t d_model;        /* [256] a multiple of 32, or of 256 for K types, and of n_heads */
  uint32_t d_ff;           /* [512] */
  uint32_t n_heads;        /* [4] */
  uint32_t n_vocab;        /* [320] at least 280 */
  uint32_t context_tokens; /* [96] */
  uint32_t pooling;        /* [1] bert.pooling_type; 9: not said */
  const char *name;        /* [Tiny test model] general.name */
  /* bottega.embed.query_prefix and bottega.embed.passage_prefix; NULL: not said */
  const char *query_prefix, *passage_prefix;
} TestBert;

/* Everything of the model, for tests that spoil it. */
TestGguf *test_gguf_build_bert (const TestBert *bert, ModelType type, uint64_t seed);
void
test_gguf_write_bert (const char *path, const TestBert *bert, ModelType type, uint64_t seed);

/* Defaults filled in. */
TestLlama test_llama_complete (const TestLlama *llama);
/* Everything of the model, for tests that spoil it. */
TestGguf *test_gguf_build_llama (const TestLlama *llama, ModelType type, uint64_t seed);
/* The tokens, merges and template that the tiny llama has; n_vocab at least 280. */
void test_gguf_add_vocabulary (TestGguf *gguf, uint32_t n_vocab);
/* Only metadata and vocabulary, no tensors. */
TestGguf *test_gguf_build_vocabulary (const TestLlama *llama);
/* Writes a complete model that engine_model_open takes. llama NULL: all defaults. g_error on
 * failure. */
void
test_gguf_write_llama (const char *path, const TestLlama *llama, ModelType type, uint64_t seed);
