/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of a model that are the same for all of its layers, from the metadata, each within
 * its limits. Must not know tensors' shapes but the embedding's.
 * Source of the keys and of their defaults: the GGUF specification. */
#include "engine/model/model-private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

char *
model_key (const ModelDesc *desc, const char *key)
{
  return g_strconcat (desc->architecture->name, ".", key, NULL);
}

/* A number, or the first of an array. *value keeps its default when the key is absent. */
static gboolean
read_first (const ModelDesc *desc, const char *full, uint64_t *value, gboolean *found,
            GError **error)
{
  ModelArray array;

  if (!model_gguf_get_array (desc->gguf, full, &array))
    return model_gguf_get_u64 (desc->gguf, full, value, found, error);
  if (array.data == NULL || array.n == 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” is a list without numbers", full);
  *value = (uint64_t) MAX (model_array_int (&array, 0), 0);
  *found = TRUE;
  return TRUE;
}

static gboolean
refuse_range (const ModelDesc *desc, const char *full, int64_t value, uint64_t least,
              uint64_t most, GError **error)
{
  return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                            "is damaged: “%s” is %" PRId64 ", not within %" PRIu64 " and %" PRIu64,
                            full, value, least, most);
}

gboolean
model_read_count (const ModelDesc *desc, const char *key, uint64_t fallback, uint64_t max,
                  uint32_t *result, GError **error)
{
  g_autofree char *full = model_key (desc, key);
  uint64_t value = fallback;
  gboolean found = FALSE;

  if (!read_first (desc, full, &value, &found, error))
    return FALSE;
  if (!found && fallback == 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error, "does not say “%s”", full);
  if (value < 1 || value > max)
    return refuse_range (desc, full, (int64_t) value, 1, max, error);
  *result = (uint32_t) value;
  return TRUE;
}

gboolean
model_read_count_or_0 (const ModelDesc *desc, const char *key, uint64_t max, uint32_t *result,
                       GError **error)
{
  g_autofree char *full = model_key (desc, key);
  uint64_t value = 0;
  gboolean found = FALSE;

  if (!read_first (desc, full, &value, &found, error))
    return FALSE;
  if (value > max)
    return refuse_range (desc, full, (int64_t) value, 0, max, error);
  *result = (uint32_t) value;
  return TRUE;
}

gboolean
model_read_per_layer (const ModelDesc *desc, const char *key, uint64_t fallback, uint64_t max,
                      uint32_t *values, GError **error)
{
  g_autofree char *full = model_key (desc, key);
  uint32_t n_layers = desc->h.n_layers, same = (uint32_t) fallback;
  ModelArray array;

  if (!model_gguf_get_array (desc->gguf, full, &array)) {
    if (!model_read_count (desc, key, fallback, max, &same, error))
      return FALSE;
    for (uint32_t i = 0; i < n_layers; i++)
      values[i] = same;
    return TRUE;
  }
  if (array.data == NULL || array.n < n_layers)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” does not have a number for each layer", full);
  for (uint32_t i = 0; i < n_layers; i++) {
    int64_t value = model_array_int (&array, i);

    if (value < 0 || (uint64_t) value > max)
      return refuse_range (desc, full, value, 0, max, error);
    values[i] = (uint32_t) value;
  }
  return TRUE;
}

gboolean
model_read_real (const ModelDesc *desc, const char *key, double fallback, double max,
                 float *result, GError **error)
{
  g_autofree char *full = model_key (desc, key);
  double value = fallback;
  gboolean found = FALSE;

  if (!model_gguf_get_f64 (desc->gguf, full, &value, &found, error))
    return FALSE;
  if (!found && fallback == 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error, "does not say “%s”", full);
  if (!(value > 0) || value > max || (float) value <= 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” is %g, not above 0 and at most %g", full, value,
                              max);
  *result = (float) value;
  return TRUE;
}

/* A model that the architecture's row takes for one that writes makes vectors when it says how they
 * are pooled, and sees all of a text when it says that attention is not causal. */
static gboolean
read_switches (ModelDesc *desc, GError **error)
{
  g_autofree char *causal_key = model_key (desc, "attention.causal");
  g_autofree char *pooling_key = model_key (desc, "pooling_type");
  gboolean expected = model_desc_has (desc, MODEL_CAUSAL), causal = expected;
  uint64_t pooling = 0;

  if (!model_gguf_get_bool (desc->gguf, causal_key, &causal, NULL, error) ||
      !model_gguf_get_u64 (desc->gguf, pooling_key, &pooling, NULL, error))
    return FALSE;
  if (pooling != 0)
    desc->features &= ~(ModelFeatures) MODEL_HEAD;
  if (!causal)
    desc->features &= ~(ModelFeatures) MODEL_CAUSAL;
  if (!causal && model_desc_has (desc, MODEL_HEAD))
    return model_gguf_refuse (
        desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
        "looks ahead in the text (attention is not causal), so it cannot write answers");
  if (!expected && causal)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "does not look ahead in the text (attention is causal), which this "
                              "version cannot run in a %s model",
                              desc->architecture->name);
  return TRUE;
}

static gboolean
read_pooling (ModelDesc *desc, GError **error)
{
  g_autofree char *key = model_key (desc, "pooling_type");
  uint64_t pooling = MODEL_POOLING_MEAN;

  if (model_desc_has (desc, MODEL_HEAD))
    return TRUE;
  if (!model_gguf_get_u64 (desc->gguf, key, &pooling, NULL, error))
    return FALSE;
  if (pooling < MODEL_POOLING_MEAN || pooling > MODEL_POOLING_LAST)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "makes no single vector of a text (“%s” is %" PRIu64
                              "), which this version cannot run",
                              key, pooling);
  desc->h.pooling = (ModelPooling) pooling;
  return TRUE;
}

/* The embedding's rows; the tokenizer's list must agree, for ids are rows. */
static gboolean
read_vocabulary (ModelDesc *desc, GError **error)
{
  const ModelTensor *embedding = model_gguf_find_tensor (desc->gguf, "token_embd.weight");
  ModelArray tokens;

  if (embedding == NULL)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "lacks the tensor “token_embd.weight”");
  if (embedding->ne[1] > MODEL_MAX_VOCAB)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: it has embeddings for %" PRIu64 " tokens",
                              embedding->ne[1]);
  if (model_gguf_get_array (desc->gguf, "tokenizer.ggml.tokens", &tokens) &&
      tokens.n != embedding->ne[1])
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: it has %" PRIu64 " tokens but embeddings for %" PRIu64,
                              tokens.n, embedding->ne[1]);
  desc->h.n_vocab = (uint32_t) embedding->ne[1];
  return TRUE;
}

/* As many as the file has rows of them, unless it says otherwise. */
static gboolean
read_token_types (ModelDesc *desc, GError **error)
{
  const char *key = "tokenizer.ggml.token_type_count";
  const ModelTensor *types = model_gguf_find_tensor (desc->gguf, "token_types.weight");
  uint64_t n = types != NULL ? types->ne[1] : 1;

  if (!model_gguf_get_u64 (desc->gguf, key, &n, NULL, error))
    return FALSE;
  if (n < 1 || n > MODEL_MAX_VOCAB)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” is %" PRIu64 ", not within 1 and %d", key, n,
                              MODEL_MAX_VOCAB);
  desc->h.n_types = (uint32_t) n;
  return TRUE;
}

/* Factors by which some architectures multiply what flows through them. */
static gboolean
read_scales (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  double embedding = model_desc_has (desc, MODEL_EMBD_SCALE) ? sqrt (h->d_model) : 1;
  float divisor = 1;

  if (!model_read_real (desc, "embedding_scale", embedding, 1e6, &h->embedding_scale, error) ||
      !model_read_real (desc, "residual_scale", 1, 1e6, &h->residual_scale, error) ||
      !model_read_real (desc, "logit_scale", 1, 1e6, &divisor, error))
    return FALSE;
  h->logit_scale = 1 / divisor;
  return TRUE;
}

/* A cap of 0 or none is none. */
static gboolean
read_cap (const ModelDesc *desc, const char *key, float *result, GError **error)
{
  g_autofree char *full = model_key (desc, key);
  double value = 0;

  if (!model_gguf_get_f64 (desc->gguf, full, &value, NULL, error))
    return FALSE;
  if (value < 0 || value > 1e6)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” is %g, not within 0 and a million", full, value);
  *result = (float) value;
  return TRUE;
}

static gboolean
read_temperature (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;

  return read_cap (desc, "attention.temperature_scale", &h->temperature, error) &&
         model_read_count (desc, "rope.scaling.original_context_length", h->context_tokens,
                           MODEL_MAX_CONTEXT, &h->temperature_floor_tokens, error) &&
         model_read_count (desc, "attention.temperature_length", h->temperature_floor_tokens,
                           MODEL_MAX_CONTEXT, &h->temperature_floor_tokens, error);
}

/* Models with gated shared experts are older than the keys of experts' widths, and once said that
 * of a dense layer instead. */
static gboolean
read_expert_widths (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  gboolean gated = model_desc_has (desc, MODEL_GATED_SHARED_EXPERT);

  if (!model_read_count (desc, "expert_feed_forward_length",
                         gated ? h->d_ff / h->n_experts_used : h->d_ff, MODEL_MAX_D_FF,
                         &h->d_ff_expert, error))
    return FALSE;
  if (!model_desc_has (desc, MODEL_SHARED_EXPERT))
    return TRUE;
  if (!model_read_count_or_0 (desc, "expert_shared_feed_forward_length", MODEL_MAX_D_FF,
                              &h->d_ff_shared, error))
    return FALSE;
  if (h->d_ff_shared == 0 && gated)
    h->d_ff_shared = h->d_ff;
  if (h->d_ff_shared == 0)
    desc->features &= ~(ModelFeatures) MODEL_SHARED_EXPERT;
  return TRUE;
}

static gboolean
read_experts (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  g_autofree char *gating_key = model_key (desc, "expert_gating_func");
  g_autofree char *norm_key = model_key (desc, "expert_weights_norm");
  uint64_t gating = desc->architecture->gating;

  h->norm_used = desc->architecture->norm_used;
  h->expert_scale = 1;
  if (!model_read_count_or_0 (desc, "expert_count", MODEL_MAX_EXPERTS, &h->n_experts, error))
    return FALSE;
  if (h->n_experts == 0)
    return TRUE;
  if (!model_desc_has (desc, MODEL_EXPERTS))
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "is a mixture of %u experts, which this version cannot run in a %s "
                              "model",
                              h->n_experts, desc->architecture->name);
  if (!model_gguf_get_u64 (desc->gguf, gating_key, &gating, NULL, error) ||
      !model_gguf_get_bool (desc->gguf, norm_key, &h->norm_used, NULL, error) ||
      !model_read_count (desc, "expert_used_count", 0, h->n_experts, &h->n_experts_used, error) ||
      !read_expert_widths (desc, error) ||
      !model_read_real (desc, "expert_weights_scale", 1, 1e6, &h->expert_scale, error))
    return FALSE;
  if (gating < MODEL_GATING_SOFTMAX || gating > MODEL_GATING_SOFTMAX_OF_USED)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "chooses experts by the method %" PRIu64
                              ", which this version does not know",
                              gating);
  h->gating = (ModelGating) gating;
  return TRUE;
}

/* Larger models of a family may do without. */
static gboolean
read_layer_input (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;

  if (!model_desc_has (desc, MODEL_LAYER_INPUT))
    return TRUE;
  if (!model_read_count_or_0 (desc, "embedding_length_per_layer_input", MODEL_MAX_D_MODEL,
                              &h->d_layer_input, error))
    return FALSE;
  if (h->d_layer_input == 0)
    desc->features &= ~(ModelFeatures) MODEL_LAYER_INPUT;
  return TRUE;
}

/* Layers at the end that guess further tokens are left out: an answer does not need them. */
static gboolean
read_layer_count (ModelDesc *desc, GError **error)
{
  uint32_t n_guessing = 0;

  if (!model_read_count (desc, "block_count", 0, MODEL_MAX_LAYERS, &desc->h.n_layers, error) ||
      !model_read_count_or_0 (desc, "nextn_predict_layers", desc->h.n_layers - 1, &n_guessing,
                              error))
    return FALSE;
  desc->h.n_layers -= n_guessing;
  desc->h.n_unused_layers = n_guessing;
  return TRUE;
}

gboolean
model_read_hparams (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  const char *epsilon = "attention.layer_norm_rms_epsilon";

  desc->features = desc->architecture->features | MODEL_ATTENTION | MODEL_OWN_KV;
  if (model_desc_has (desc, MODEL_LAYER_NORM))
    epsilon = "attention.layer_norm_epsilon";
  return read_switches (desc, error) &&
         read_layer_count (desc, error) &&
         model_read_count (desc, "embedding_length", 0, MODEL_MAX_D_MODEL, &h->d_model, error) &&
         model_read_count (desc, "context_length", 0, MODEL_MAX_CONTEXT, &h->context_tokens,
                           error) &&
         model_read_count_or_0 (desc, "feed_forward_length", MODEL_MAX_D_FF, &h->d_ff, error) &&
         model_read_real (desc, epsilon, 0, 1, &h->norm_epsilon, error) &&
         read_scales (desc, error) && read_layer_input (desc, error) &&
         read_cap (desc, "attn_logit_softcapping", &h->attention_cap, error) &&
         read_cap (desc, "final_logit_softcapping", &h->logit_cap, error) &&
         read_temperature (desc, error) && read_experts (desc, error) &&
         read_vocabulary (desc, error) && read_token_types (desc, error) &&
         read_pooling (desc, error);
}
