/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a GGUF file to a checked ModelDesc: which architecture, its numbers within their limits,
 * every tensor present with the shape that the numbers ask for, and none left over that would
 * change the result. It reads no tensor data and knows nothing of how a model is run.
 * Source of the keys and of their defaults: the GGUF specification. */
#include "engine/model/model.h"

#include "engine/error.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Far beyond any model, and small enough that products of two fit into 64 bits with room to
 * spare. */
#define MAX_LAYERS    1024
#define MAX_D_MODEL   (1 << 18)
#define MAX_D_FF      (1 << 20)
#define MAX_HEADS     4096
#define MAX_HEAD_SIZE 1024
#define MAX_CONTEXT   (1 << 28)
#define MAX_VOCAB     (1 << 24)

/* The sizes that shapes in roles.def are made of. */
typedef enum {
  DIM_ONE,
  DIM_VOCAB,
  DIM_MODEL,
  DIM_FF,
  DIM_CONTEXT,
  DIM_TYPES,
  DIM_HEADS_Q,
  DIM_HEADS_V,
  DIM_KV_K,
  DIM_KV_V,
  DIM_HALF_ROPE,
} Dim;

typedef struct {
  const char *name;
  gboolean per_layer;
  Dim rows, columns;
  ModelFeatures features;
  gboolean required;
} Role;

enum {
  OPTIONAL,
  REQUIRED
};

static const Role roles[] = {
#define MODEL_ROLE(id, name, per_layer, rows, columns, features, need) \
  { name, per_layer, DIM_##rows, DIM_##columns, MODEL_##features, need },
#include "engine/model/roles.def"
#undef MODEL_ROLE
};

static const ModelArchitecture architectures[] = {
#define MODEL_ARCHITECTURE(name, rope, activation, features) { name, rope, activation, features },
#include "engine/model/architectures.def"
#undef MODEL_ARCHITECTURE
};

/* Per-layer tensors of old converters that no forward pass reads. */
static const char *const unused_suffixes[] = {
  ".attn_rot_embd.weight",
  ".attn_rot_embd",
};

static uint64_t
dim_size (const ModelHparams *h, Dim dim)
{
  switch (dim) {
  case DIM_VOCAB:
    return h->n_vocab;
  case DIM_MODEL:
    return h->d_model;
  case DIM_FF:
    return h->d_ff;
  case DIM_CONTEXT:
    return h->context_tokens;
  case DIM_TYPES:
    return h->n_types;
  case DIM_HEADS_Q:
    return (uint64_t) h->n_heads * h->d_key;
  case DIM_HEADS_V:
    return (uint64_t) h->n_heads * h->d_value;
  case DIM_KV_K:
    return (uint64_t) h->n_heads_kv * h->d_key;
  case DIM_KV_V:
    return (uint64_t) h->n_heads_kv * h->d_value;
  case DIM_HALF_ROPE:
    return h->d_rope / 2;
  case DIM_ONE:
  default:
    return 1;
  }
}

/* "llama, qwen2": for the message. */
static char *
list_architectures (void)
{
  GString *list = g_string_new (NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (architectures); i++)
    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", architectures[i].name);
  return g_string_free (list, FALSE);
}

static gboolean
read_architecture (ModelDesc *desc, GError **error)
{
  const ModelGguf *gguf = desc->gguf;
  const char *name = model_gguf_get_string (gguf, "general.architecture");
  const char *kind = model_gguf_get_string (gguf, "general.type");
  g_autofree char *supported = NULL;
  uint64_t n_parts = 1;

  if (!model_gguf_get_u64 (gguf, "split.count", &n_parts, NULL, error))
    return FALSE;
  if (n_parts > 1)
    return model_gguf_refuse (gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "is one of %" PRIu64 " parts of a model; "
                              "join them into one file first (llama-gguf-split --merge does)",
                              n_parts);
  if (kind != NULL && strcmp (kind, "model") != 0)
    return model_gguf_refuse (gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "holds no language model but one of the kind “%.40s”", kind);
  if (name == NULL)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error, "does not say its architecture");
  for (size_t i = 0; i < G_N_ELEMENTS (architectures); i++)
    if (strcmp (architectures[i].name, name) == 0)
      desc->architecture = &architectures[i];
  if (desc->architecture != NULL)
    return TRUE;
  supported = list_architectures ();
  return model_gguf_refuse (
      gguf, ENGINE_ERROR_UNSUPPORTED, error,
      "is of the architecture “%.40s”, which this version cannot run (it runs: %s)", name,
      supported);
}

static char *
full_key (const ModelDesc *desc, const char *key)
{
  return g_strconcat (desc->architecture->name, ".", key, NULL);
}

/* A number, or an array with the same number for each layer. *value keeps its default when the key
 * is absent; without_default refuses that. */
static gboolean
read_per_layer (const ModelDesc *desc,
                const char *full,
                uint64_t *value,
                gboolean *found,
                GError **error)
{
  ModelArray array;

  if (!model_gguf_get_array (desc->gguf, full, &array))
    return model_gguf_get_u64 (desc->gguf, full, value, found, error);
  if (array.data == NULL || array.n == 0 || array.n < desc->h.n_layers)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” does not have a number for each layer", full);
  for (uint64_t i = 1; i < array.n; i++)
    if (model_array_int (&array, i) != model_array_int (&array, 0))
      return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                                "has layers that differ in “%s”, which this version cannot run",
                                full);
  if (model_array_int (&array, 0) < 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” has a negative number", full);
  *value = (uint64_t) model_array_int (&array, 0);
  *found = TRUE;
  return TRUE;
}

/* A whole number in 1..max. fallback 0: the key must be there. */
static gboolean
read_count (const ModelDesc *desc,
            const char *key,
            uint64_t fallback,
            uint64_t max,
            uint32_t *result,
            GError **error)
{
  g_autofree char *full = full_key (desc, key);
  uint64_t value = fallback;
  gboolean found = FALSE;

  if (!read_per_layer (desc, full, &value, &found, error))
    return FALSE;
  if (!found && fallback == 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error, "does not say “%s”", full);
  if (value < 1 || value > max)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” is %" PRIu64 ", not within 1 and %" PRIu64, full,
                              value, max);
  *result = (uint32_t) value;
  return TRUE;
}

/* A number above 0, at most max. fallback 0: the key must be there. */
static gboolean
read_real (const ModelDesc *desc,
           const char *key,
           double fallback,
           double max,
           float *result,
           GError **error)
{
  g_autofree char *full = full_key (desc, key);
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

/* Settings that change the result and that this version does not know how to follow. */
static gboolean
refuse_unsupported_switches (const ModelDesc *desc, GError **error)
{
  g_autofree char *experts_key = full_key (desc, "expert_count");
  g_autofree char *causal_key = full_key (desc, "attention.causal");
  uint64_t n_experts = 0;
  gboolean expected = model_desc_has (desc, MODEL_CAUSAL), causal = expected;

  if (!model_gguf_get_u64 (desc->gguf, experts_key, &n_experts, NULL, error) ||
      !model_gguf_get_bool (desc->gguf, causal_key, &causal, NULL, error))
    return FALSE;
  if (n_experts > 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "is a mixture of %" PRIu64 " experts, which this version cannot run",
                              n_experts);
  if (expected && !causal)
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
  g_autofree char *key = full_key (desc, "pooling_type");
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

/* Scaling of positions: none, linear, or in the tensor rope_freqs ("llama3"). */
static gboolean
read_rope_scaling (ModelDesc *desc, GError **error)
{
  g_autofree char *type_key = full_key (desc, "rope.scaling.type");
  g_autofree char *legacy_key = full_key (desc, "rope.scale_linear");
  const char *type = model_gguf_get_string (desc->gguf, type_key);
  double legacy = 1;
  float factor = 1, attention_factor = 1;

  if (type == NULL)
    type = "linear";
  if (strcmp (type, "llama3") == 0 &&
      model_gguf_find_tensor (desc->gguf, "rope_freqs.weight") != NULL)
    type = "none";
  if (strcmp (type, "none") != 0 && strcmp (type, "linear") != 0)
    return model_gguf_refuse (
        desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
        "scales positions by the method “%.40s”, which this version cannot run", type);
  if (!model_gguf_get_f64 (desc->gguf, legacy_key, &legacy, NULL, error) ||
      !read_real (desc, "rope.scaling.factor", legacy > 0 ? legacy : 1, 1e6, &factor, error) ||
      !read_real (desc, "rope.scaling.attn_factor", 1, 1e6, &attention_factor, error))
    return FALSE;
  if (attention_factor != 1)
    return model_gguf_refuse (
        desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
        "scales attention by %g with its positions, which this version cannot run",
        (double) attention_factor);
  desc->h.rope_scale = strcmp (type, "linear") == 0 ? 1 / factor : 1;
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
  if (embedding->ne[1] > MAX_VOCAB)
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
  if (n < 1 || n > MAX_VOCAB)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” is %" PRIu64 ", not within 1 and %d", key, n,
                              MAX_VOCAB);
  desc->h.n_types = (uint32_t) n;
  return TRUE;
}

static gboolean
read_heads (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  uint64_t default_head;

  if (!read_count (desc, "attention.head_count", 0, MAX_HEADS, &h->n_heads, error) ||
      !read_count (desc, "attention.head_count_kv", h->n_heads, MAX_HEADS, &h->n_heads_kv, error))
    return FALSE;
  if (h->n_heads % h->n_heads_kv != 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: its %u attention heads cannot share %u key heads evenly",
                              h->n_heads, h->n_heads_kv);
  /* Where the heads do not divide the width, the size must be given. */
  default_head = h->d_model % h->n_heads == 0 ? h->d_model / h->n_heads : 0;
  if (!read_count (desc, "attention.key_length", default_head, MAX_HEAD_SIZE, &h->d_key, error) ||
      !read_count (desc, "attention.value_length", default_head, MAX_HEAD_SIZE, &h->d_value,
                   error) ||
      !read_count (desc, "rope.dimension_count", h->d_key, h->d_key, &h->d_rope, error) ||
      !read_real (desc, "attention.scale", 1 / sqrt (h->d_key), 1e6, &h->attention_scale, error))
    return FALSE;
  if (desc->architecture->rope == MODEL_ROPE_NONE)
    h->d_rope = 0;
  if (h->d_rope % 2 != 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: an odd number (%u) of dimensions cannot rotate in pairs",
                              h->d_rope);
  return TRUE;
}

static gboolean
read_hparams (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  const char *epsilon = "attention.layer_norm_rms_epsilon";

  if (model_desc_has (desc, MODEL_LAYER_NORM))
    epsilon = "attention.layer_norm_epsilon";

  return refuse_unsupported_switches (desc, error) &&
         read_count (desc, "block_count", 0, MAX_LAYERS, &h->n_layers, error) &&
         read_count (desc, "embedding_length", 0, MAX_D_MODEL, &h->d_model, error) &&
         read_count (desc, "feed_forward_length", 0, MAX_D_FF, &h->d_ff, error) &&
         read_count (desc, "context_length", 0, MAX_CONTEXT, &h->context_tokens, error) &&
         read_heads (desc, error) &&
         read_real (desc, epsilon, 0, 1, &h->norm_epsilon, error) &&
         read_real (desc, "rope.freq_base", 10000, 1e12, &h->rope_base, error) &&
         read_rope_scaling (desc, error) && read_vocabulary (desc, error) &&
         read_token_types (desc, error) && read_pooling (desc, error);
}

/* Norms and the like are used as they are, so only plain floats will do. */
static gboolean
type_suits_vector (const ModelTypeInfo *type)
{
  return type->id == MODEL_TYPE_F32 || type->id == MODEL_TYPE_F16 || type->id == MODEL_TYPE_BF16;
}

static gboolean
check_tensor (const ModelDesc *desc, const Role *role, const ModelTensor *tensor, GError **error)
{
  uint64_t columns = dim_size (&desc->h, role->columns), rows = dim_size (&desc->h, role->rows);

  if (tensor->ne[0] != columns || tensor->ne[1] != rows || tensor->ne[2] != 1 || tensor->ne[3] != 1)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: the tensor “%s” is %" PRIu64 "×%" PRIu64
                              " where its settings ask for %" PRIu64 "×%" PRIu64,
                              tensor->name, tensor->ne[0], tensor->ne[1], columns, rows);
  if (tensor->type == NULL)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "stores the tensor “%s” as %s, which this version cannot run",
                              tensor->name, model_type_name (tensor->type_id));
  if (role->rows == DIM_ONE && !type_suits_vector (tensor->type))
    return model_gguf_refuse (
        desc->gguf, ENGINE_ERROR_BAD_FILE, error,
        "is damaged: the vector “%s” is stored as %s, not as F32, F16 or BF16", tensor->name,
        tensor->type->name);
  return TRUE;
}

static void
account_tensor (ModelDesc *desc, ModelRole role, const ModelTensor *tensor)
{
  uint64_t row_bytes = model_type_row_bytes (tensor->type, tensor->ne[0]);
  gboolean is_table = role == MODEL_ROLE_TOKEN_EMBD || role == MODEL_ROLE_POSITION_EMBD ||
                      role == MODEL_ROLE_TOKEN_TYPES;

  desc->n_parameters += tensor->ne[0] * tensor->ne[1];
  desc->weight_bytes += tensor->bytes;
  desc->decode_bytes += is_table ? row_bytes : tensor->bytes;
}

/* Finds and checks the tensor of a role. used[i]: tensor i of the file has a role. */
static gboolean
bind_role (ModelDesc *desc, ModelRole id, uint32_t layer, gboolean *used, GError **error)
{
  const Role *role = &roles[id];
  g_autofree char *name = role->per_layer ? g_strdup_printf ("blk.%u.%s", layer, role->name)
                                          : g_strdup (role->name);
  const ModelTensor *tensor = model_gguf_find_tensor (desc->gguf, name);

  if (tensor == NULL)
    return !role->required || model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                                                 "lacks the tensor “%s”", name);
  if (!check_tensor (desc, role, tensor, error))
    return FALSE;
  used[tensor - model_gguf_tensor (desc->gguf, 0)] = TRUE;
  account_tensor (desc, id, tensor);
  if (role->per_layer)
    desc->layer[layer][id] = tensor;
  else
    desc->global[id] = tensor;
  return TRUE;
}

/* A bias or another tensor without a role would change the result if it were left out. */
static gboolean
refuse_left_over (const ModelDesc *desc, const gboolean *used, GError **error)
{
  for (uint64_t i = 0; i < model_gguf_n_tensors (desc->gguf); i++) {
    const char *name = model_gguf_tensor (desc->gguf, i)->name;
    gboolean ignored = used[i];

    for (size_t j = 0; j < G_N_ELEMENTS (unused_suffixes); j++)
      ignored |= g_str_has_suffix (name, unused_suffixes[j]);
    if (!ignored)
      return model_gguf_refuse (
          desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
          "has the tensor “%s”, which this version does not know how to use in a %s model", name,
          desc->architecture->name);
  }
  return TRUE;
}

static gboolean
bind_tensors (ModelDesc *desc, GError **error)
{
  g_autofree gboolean *used = g_new0 (gboolean, model_gguf_n_tensors (desc->gguf));

  desc->layer = g_malloc0_n (desc->h.n_layers, sizeof *desc->layer);
  for (int id = 0; id < MODEL_N_ROLES; id++) {
    uint32_t n = roles[id].per_layer ? desc->h.n_layers : 1;

    if (!model_desc_has (desc, roles[id].features))
      continue;
    for (uint32_t layer = 0; layer < n; layer++)
      if (!bind_role (desc, (ModelRole) id, layer, used, error))
        return FALSE;
  }
  if (!refuse_left_over (desc, used, error))
    return FALSE;
  if (model_desc_has (desc, MODEL_HEAD) && desc->global[MODEL_ROLE_OUTPUT] == NULL) {
    desc->tied_output = TRUE;
    desc->global[MODEL_ROLE_OUTPUT] = desc->global[MODEL_ROLE_TOKEN_EMBD];
    desc->decode_bytes += desc->global[MODEL_ROLE_OUTPUT]->bytes;
  }
  return TRUE;
}

ModelDesc *
model_desc_new (const ModelGguf *gguf, GError **error)
{
  g_autoptr (ModelDesc) desc = g_new0 (ModelDesc, 1);

  desc->gguf = gguf;
  if (!read_architecture (desc, error) || !read_hparams (desc, error) ||
      !bind_tensors (desc, error))
    return NULL;
  return g_steal_pointer (&desc);
}

void
model_desc_free (ModelDesc *desc)
{
  if (desc == NULL)
    return;
  g_free (desc->layer);
  g_free (desc);
}

uint64_t
model_desc_kv_elements (const ModelDesc *desc)
{
  const ModelHparams *h = &desc->h;

  if (!model_desc_has (desc, MODEL_HEAD))
    return 0;
  return (uint64_t) h->n_layers * h->n_heads_kv * (h->d_key + h->d_value);
}
