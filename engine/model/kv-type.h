/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What keys and values may be kept as: a row of a table each, which names a number format of
 * quant.h; blocks of it run along a head. Which of them a model may have is decided here, how they
 * lie in a page is each back end's own. Thread: any. */
#pragma once

#include "engine/model/model.h"

typedef enum {
  MODEL_KV_F16,
  MODEL_KV_Q8_0,
  MODEL_KV_F32, /* nobody's choice: of models that make vectors, which keep nothing for long */
  MODEL_N_KV_TYPES,
} ModelKvType;

#define MODEL_KV_BIT(type) (1u << (type))

/* "f16", "q8_0" */
const char *model_kv_type_name (ModelKvType type);
/* NULL is F16. ENGINE_ERROR_INVALID with the names that there are. */
gboolean model_kv_type_parse (const char *name, ModelKvType *type, GError **error);
/* Bytes of n numbers, whole blocks. */
size_t model_kv_type_bytes (ModelKvType type, size_t n);

/* The type that a model's keys and values are kept as when wanted is asked for: F16 where its heads
 * are no whole blocks, or where rounding is known to do harm; *why (may be NULL) is then a sentence
 * that says so, else NULL. A model that makes vectors keeps nothing: F32, without a sentence. */
ModelKvType model_desc_kv_type (const ModelDesc *desc, ModelKvType wanted, const char **why);
/* Bytes that a token leaves in layers without a sliding window, in the type that wanted becomes. */
uint64_t model_desc_kv_bytes (const ModelDesc *desc, ModelKvType wanted);
