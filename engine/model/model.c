/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a GGUF file to a checked ModelDesc: which architecture, its numbers within their limits,
 * every tensor present with the shape that the numbers ask for, and none left over that would
 * change the result. It reads no tensor data and knows nothing of how a model is run.
 * Source of the keys and of their defaults: the GGUF specification. */
#include "engine/model/model-private.h"

#include <inttypes.h>
#include <string.h>

/* The sizes that shapes in roles.def are made of. */
typedef enum {
  DIM_ONE,
  DIM_ANY,
  DIM_VOCAB,
  DIM_MODEL,
  DIM_FF,
  DIM_UP,
  DIM_CONTEXT,
  DIM_TYPES,
  DIM_HEADS,
  DIM_KEY,
  DIM_HEADS_Q,
  DIM_HEADS_V,
  DIM_KV_K,
  DIM_KV_V,
  DIM_QKV,
  DIM_HALF_ROPE,
  DIM_EXPERTS,
  DIM_FF_EXPERT,
  DIM_GATE_UP_EXPERT,
  DIM_FF_SHARED,
  DIM_MODEL_3,
  DIM_TAPS,
  DIM_CHANNELS,
  DIM_STATE,
  DIM_STATE_HEADS,
  DIM_STATE_VALUES,
  DIM_STATE_KEYS,
  DIM_KEY_VALUES,
  DIM_SSM_IN,
  DIM_QUERIES,
  DIM_LAYER_INPUT,
  DIM_LAYER_INPUTS,
} Dim;

typedef enum {
  SCOPE_FILE,
  SCOPE_LAYER,
  SCOPE_EXPERT,
} Scope;

typedef enum {
  NEED_OPTIONAL,
  NEED_REQUIRED,
  NEED_UNLESS_FUSED,
  NEED_UNLESS_K,
  NEED_UNLESS_EXPERTS,
  NEED_IF_EXPERTS,
  NEED_UNLESS_HALVES,
} Need;

typedef struct {
  const char *name;
  Scope scope;
  Dim rows, columns;
  ModelFeatures features;
  Need need;
} Role;

static const Role roles[] = {
#define MODEL_ROLE(id, name, scope, rows, columns, features, need) \
  { name, SCOPE_##scope, DIM_##rows, DIM_##columns, MODEL_##features, NEED_##need },
#include "engine/model/roles.def"
#undef MODEL_ROLE
};

static const ModelArchitecture architectures[] = {
#define MODEL_ARCHITECTURE(name, rope, activation, features, ...) \
  { name, rope, activation, features, __VA_ARGS__ },
#include "engine/model/architectures.def"
#undef MODEL_ARCHITECTURE
};

/* Per-layer tensors of old converters that no forward pass reads. */
static const char *const unused_suffixes[] = {
  ".attn_rot_embd.weight",
  ".attn_rot_embd",
};

static uint64_t
dim_size (const ModelDesc *desc, const ModelLayer *layer, Dim dim)
{
  const ModelHparams *h = &desc->h;
  uint64_t q = (uint64_t) layer->n_heads * layer->d_key;
  uint64_t k = (uint64_t) layer->n_heads_kv * layer->d_key;
  uint64_t v = (uint64_t) layer->n_heads_kv * layer->d_value;
  uint64_t channels = model_layer_channels (desc, layer);
  uint64_t values = (uint64_t) h->n_state_heads * h->d_state_value;
  const uint64_t sizes[] = {
    [DIM_ONE] = 1,
    [DIM_VOCAB] = h->n_vocab,
    [DIM_MODEL] = h->d_model,
    [DIM_FF] = layer->d_ff,
    [DIM_UP] = (uint64_t) layer->d_ff * (model_desc_has (desc, MODEL_FUSED_GATE) ? 2 : 1),
    [DIM_CONTEXT] = h->context_tokens,
    [DIM_TYPES] = h->n_types,
    [DIM_HEADS] = layer->n_heads,
    [DIM_KEY] = layer->d_key,
    [DIM_HEADS_Q] = q,
    [DIM_HEADS_V] = (uint64_t) layer->n_heads * layer->d_value,
    [DIM_KV_K] = k,
    [DIM_KV_V] = v,
    [DIM_QKV] = q + k + v,
    [DIM_HALF_ROPE] = h->d_rope / 2,
    [DIM_EXPERTS] = h->n_experts,
    [DIM_FF_EXPERT] = h->d_ff_expert,
    [DIM_GATE_UP_EXPERT] = 2 * (uint64_t) h->d_ff_expert,
    [DIM_FF_SHARED] = h->d_ff_shared,
    [DIM_MODEL_3] = 3 * (uint64_t) h->d_model,
    [DIM_TAPS] = h->n_taps,
    [DIM_CHANNELS] = channels,
    [DIM_STATE] = h->d_state,
    [DIM_STATE_HEADS] = h->n_state_heads,
    [DIM_STATE_VALUES] = values,
    [DIM_STATE_KEYS] = h->n_state_keys,
    [DIM_KEY_VALUES] = values / MAX (h->n_state_keys, 1),
    [DIM_SSM_IN] = values + channels + h->n_state_heads,
    [DIM_QUERIES] = q * (model_desc_has (desc, MODEL_GATED_QUERY) ? 2 : 1),
    [DIM_LAYER_INPUT] = h->d_layer_input,
    [DIM_LAYER_INPUTS] = (uint64_t) h->n_layers * h->d_layer_input,
  };

  return sizes[dim];
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

/* Norms and the like are used as they are, so only plain floats will do. */
static gboolean
is_vector (const Role *role)
{
  return role->rows == DIM_ONE || role->columns == DIM_ONE || role->columns == DIM_TAPS ||
         role->rows == DIM_STATE_KEYS;
}

static gboolean
type_suits_vector (const ModelTypeInfo *type)
{
  return type->id == MODEL_TYPE_F32 || type->id == MODEL_TYPE_F16 || type->id == MODEL_TYPE_BF16;
}

static gboolean
check_tensor (const ModelDesc *desc, const Role *role, const ModelLayer *layer,
              const ModelTensor *tensor, GError **error)
{
  uint64_t columns = role->columns == DIM_ANY ? tensor->ne[0]
                                              : dim_size (desc, layer, role->columns);
  uint64_t rows = role->rows == DIM_ANY ? tensor->ne[1] : dim_size (desc, layer, role->rows);
  uint64_t depth = role->scope == SCOPE_EXPERT ? desc->h.n_experts : 1;

  if (tensor->ne[0] != columns || tensor->ne[1] != rows || tensor->ne[2] != depth ||
      tensor->ne[3] != 1)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: the tensor “%s” is %" PRIu64 "×%" PRIu64 "×%" PRIu64
                              " where its settings ask for %" PRIu64 "×%" PRIu64 "×%" PRIu64,
                              tensor->name, tensor->ne[0], tensor->ne[1], tensor->ne[2], columns,
                              rows, depth);
  if (tensor->type == NULL)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "stores the tensor “%s” as %s, which this version cannot run",
                              tensor->name, model_type_name (tensor->type_id));
  if (is_vector (role) && !type_suits_vector (tensor->type))
    return model_gguf_refuse (
        desc->gguf, ENGINE_ERROR_BAD_FILE, error,
        "is damaged: the vector “%s” is stored as %s, not as F32, F16 or BF16", tensor->name,
        tensor->type->name);
  return TRUE;
}

static void
account_tensor (ModelDesc *desc, ModelRole id, const ModelTensor *tensor)
{
  uint64_t row_bytes = model_type_row_bytes (tensor->type, tensor->ne[0]);
  gboolean is_table = id == MODEL_ROLE_TOKEN_EMBD || id == MODEL_ROLE_POSITION_EMBD ||
                      id == MODEL_ROLE_TOKEN_TYPES || id == MODEL_ROLE_LAYER_EMBD;
  uint64_t decode_bytes = is_table ? row_bytes : tensor->bytes;
  uint64_t n = tensor->ne[0] * tensor->ne[1] * tensor->ne[2];
  uint64_t prompt_weights = is_table || id == MODEL_ROLE_OUTPUT ? 0 : n;

  if (roles[id].scope == SCOPE_EXPERT) {
    decode_bytes = tensor->bytes / desc->h.n_experts * desc->h.n_experts_used;
    prompt_weights = n / desc->h.n_experts * desc->h.n_experts_used;
  }
  desc->n_parameters += n;
  desc->prompt_weights += prompt_weights;
  desc->weight_bytes += tensor->bytes;
  if (id == MODEL_ROLE_LAYER_EMBD)
    desc->file_only_bytes += tensor->bytes;
  desc->decode_bytes += decode_bytes;
}

/* Roles come in the order of roles.def, so that what a need asks for is bound already. */
static gboolean
is_needed (const ModelDesc *desc, Need need, uint32_t layer)
{
  const ModelTensor *const *bound = (const ModelTensor *const *) desc->layer[layer];

  switch (need) {
  case NEED_REQUIRED:
    return TRUE;
  case NEED_UNLESS_FUSED:
    return bound[MODEL_ROLE_ATTN_QKV] == NULL;
  case NEED_UNLESS_K:
    return bound[MODEL_ROLE_ATTN_QKV] == NULL &&
           !(model_desc_has (desc, MODEL_VALUE_NORM) &&
             desc->layers[layer].d_key == desc->layers[layer].d_value);
  case NEED_UNLESS_EXPERTS:
    return bound[MODEL_ROLE_FFN_ROUTER] == NULL || model_desc_has (desc, MODEL_TWO_BRANCHES);
  case NEED_IF_EXPERTS:
    return bound[MODEL_ROLE_FFN_ROUTER] != NULL;
  case NEED_UNLESS_HALVES:
    return bound[MODEL_ROLE_FFN_ROUTER] != NULL && bound[MODEL_ROLE_FFN_GATE_UP_EXPS] == NULL;
  case NEED_OPTIONAL:
  default:
    return FALSE;
  }
}

/* The name that some architectures have for a tensor. */
static const struct {
  ModelRole id;
  ModelFeatures features;
  const char *name;
} aliases[] = {
  { MODEL_ROLE_OUTPUT_NORM, MODEL_SHORT_CONV, "token_embd_norm.weight" },
};

static const ModelTensor *
find_alias (const ModelDesc *desc, ModelRole id)
{
  for (size_t i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (aliases[i].id == id && model_desc_has (desc, aliases[i].features))
      return model_gguf_find_tensor (desc->gguf, aliases[i].name);
  return NULL;
}

/* Finds and checks the tensor of a role. used[i]: tensor i of the file has a role. */
static gboolean
bind_role (ModelDesc *desc, ModelRole id, uint32_t layer, gboolean *used, GError **error)
{
  const Role *role = &roles[id];
  gboolean in_layer = role->scope != SCOPE_FILE;
  g_autofree char *name =
      in_layer ? g_strdup_printf ("blk.%u.%s", layer, role->name) : g_strdup (role->name);
  const ModelTensor *tensor = model_gguf_find_tensor (desc->gguf, name);
  ModelFeatures missing = in_layer ? role->features & ~desc->layers[layer].features : 0;

  /* Some files have keys and values even for layers that share those of others. */
  if (missing == MODEL_OWN_KV && tensor != NULL)
    used[tensor - model_gguf_tensor (desc->gguf, 0)] = TRUE;
  if (missing != 0)
    return TRUE;
  if (tensor == NULL)
    tensor = find_alias (desc, id);
  if (tensor == NULL)
    return !is_needed (desc, role->need, layer) ||
           model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error, "lacks the tensor “%s”",
                              name);
  if (!check_tensor (desc, role, &desc->layers[layer], tensor, error))
    return FALSE;
  used[tensor - model_gguf_tensor (desc->gguf, 0)] = TRUE;
  account_tensor (desc, id, tensor);
  if (in_layer)
    desc->layer[layer][id] = tensor;
  else
    desc->global[id] = tensor;
  return TRUE;
}

/* Whether a tensor belongs to a layer that is not run. */
static gboolean
is_of_unused_layer (const ModelDesc *desc, const char *name)
{
  return desc->h.n_unused_layers > 0 && g_str_has_prefix (name, "blk.") &&
         g_ascii_strtoull (name + strlen ("blk."), NULL, 10) >= desc->h.n_layers;
}

/* A bias or another tensor without a role would change the result if it were left out. */
static gboolean
refuse_left_over (const ModelDesc *desc, const gboolean *used, GError **error)
{
  for (uint64_t i = 0; i < model_gguf_n_tensors (desc->gguf); i++) {
    const char *name = model_gguf_tensor (desc->gguf, i)->name;
    gboolean ignored = used[i] || is_of_unused_layer (desc, name);

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

/* A file that makes vectors may still have what its architecture writes text with. */
static void
pass_over (const ModelDesc *desc, const Role *role, gboolean *used)
{
  const ModelTensor *tensor = NULL;

  if (role->scope == SCOPE_FILE &&
      (desc->architecture->features & role->features) == role->features)
    tensor = model_gguf_find_tensor (desc->gguf, role->name);
  if (tensor != NULL)
    used[tensor - model_gguf_tensor (desc->gguf, 0)] = TRUE;
}

/* Both matrices that a vector goes through, the second as wide as the first is high. */
static gboolean
check_dense_head (const ModelDesc *desc, GError **error)
{
  const ModelTensor *first = desc->global[MODEL_ROLE_DENSE_2];
  const ModelTensor *second = desc->global[MODEL_ROLE_DENSE_3];

  if ((first == NULL) != (second == NULL))
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error, "lacks the tensor “%s”",
                              roles[first == NULL ? MODEL_ROLE_DENSE_2 : MODEL_ROLE_DENSE_3].name);
  if (first != NULL && first->ne[1] != second->ne[0])
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” makes %" PRIu64
                              " numbers where “%s” takes %" PRIu64,
                              first->name, first->ne[1], second->name, second->ne[0]);
  return TRUE;
}

/* Gate and up of all experts in one tensor, gate first in each: two tensors to whoever runs
 * them. */
static void
halve_experts (ModelDesc *desc)
{
  desc->halves = g_new0 (ModelTensor, 2 * (size_t) desc->h.n_layers);
  for (uint32_t layer = 0; layer < desc->h.n_layers; layer++) {
    const ModelTensor *both = desc->layer[layer][MODEL_ROLE_FFN_GATE_UP_EXPS];
    ModelTensor *half = &desc->halves[2 * (size_t) layer];

    if (both == NULL)
      continue;
    for (unsigned i = 0; i < 2; i++) {
      half[i] = *both;
      half[i].ne[1] /= 2;
      half[i].bytes /= 2;
      half[i].matrix_bytes = both->bytes / both->ne[2];
      half[i].offset += i * half[i].matrix_bytes / 2;
    }
    desc->layer[layer][MODEL_ROLE_FFN_GATE_EXPS] = &half[0];
    desc->layer[layer][MODEL_ROLE_FFN_UP_EXPS] = &half[1];
  }
}

static gboolean
bind_tensors (ModelDesc *desc, GError **error)
{
  g_autofree gboolean *used = g_new0 (gboolean, model_gguf_n_tensors (desc->gguf));

  desc->layer = g_malloc0_n (desc->h.n_layers, sizeof *desc->layer);
  for (int id = 0; id < MODEL_N_ROLES; id++) {
    uint32_t n = roles[id].scope != SCOPE_FILE ? desc->h.n_layers : 1;

    if (!model_desc_has (desc, roles[id].features)) {
      pass_over (desc, &roles[id], used);
      continue;
    }
    for (uint32_t layer = 0; layer < n; layer++)
      if (!bind_role (desc, (ModelRole) id, layer, used, error))
        return FALSE;
  }
  if (!refuse_left_over (desc, used, error) || !check_dense_head (desc, error))
    return FALSE;
  halve_experts (desc);
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
  if (!read_architecture (desc, error) || !model_read_hparams (desc, error) ||
      !model_read_layers (desc, error) || !bind_tensors (desc, error))
    return NULL;
  return g_steal_pointer (&desc);
}

void
model_desc_free (ModelDesc *desc)
{
  if (desc == NULL)
    return;
  for (uint32_t i = 0; i < desc->n_rotations; i++)
    g_free (desc->rotations[i].frequency);
  g_free (desc->rotations);
  g_free (desc->halves);
  g_free (desc->layers);
  g_free (desc->layer);
  g_free (desc);
}
