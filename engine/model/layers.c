/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs from layer to layer: heads and their sizes, feed-forward width, sliding windows, and
 * which rotation a layer has. Must not know tensors but the factors of rotations. */
#include "engine/model/rotation.h"

#include <inttypes.h>
#include <math.h>

/* The rotation of most layers, and that of layers with a window where it is another. */
enum {
  ROTATION_FULL,
  ROTATION_WINDOW,
  N_ROTATIONS
};

static gboolean
check_heads (const ModelDesc *desc, uint32_t i, GError **error)
{
  const ModelLayer *layer = &desc->layers[i];

  if ((layer->features & MODEL_ATTENTION) == 0)
    return TRUE;
  if (layer->n_heads == 0 || layer->n_heads_kv == 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "has no attention heads in layer %u, which this version cannot run "
                              "in a %s model",
                              i, desc->architecture->name);
  if (layer->n_heads % layer->n_heads_kv != 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: its %u attention heads cannot share %u key heads evenly",
                              layer->n_heads, layer->n_heads_kv);
  return TRUE;
}

/* Which layers keep a state instead of keys and values: what the file lists, all but each
 * so-many-th, or those without key heads. */
static gboolean
read_mixers (ModelDesc *desc, const uint32_t *heads_kv, GError **error)
{
  ModelFeatures other = desc->features & (MODEL_MIXERS & ~(unsigned) MODEL_ATTENTION);
  g_autofree char *key = model_key (desc, "attention.recurrent_layers");
  uint32_t period = desc->architecture->attention_period;
  ModelArray array = { 0 };

  if (period > 0 && !model_read_count (desc, "full_attention_interval", period, MODEL_MAX_LAYERS,
                                       &period, error))
    return FALSE;
  model_gguf_get_array (desc->gguf, key, &array);
  for (uint32_t i = 0; i < desc->h.n_layers; i++) {
    gboolean keeps = other != 0 && heads_kv[i] == 0;

    if (period > 0)
      keeps = (i + 1) % period != 0;
    if (period > 0 && i < array.n && array.data != NULL)
      keeps = model_array_int (&array, i) != 0;
    desc->layers[i].features = desc->features & ~(ModelFeatures) MODEL_MIXERS;
    desc->layers[i].features |= keeps ? other : MODEL_ATTENTION;
  }
  return TRUE;
}

static gboolean
read_states (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  uint32_t inner = 0;

  if (model_desc_has (desc, MODEL_SHORT_CONV))
    return model_read_count (desc, "shortconv.l_cache", 0, 64, &h->n_taps, error);
  if (!model_desc_has (desc, MODEL_DELTA_NET) && !model_desc_has (desc, MODEL_SSM))
    return TRUE;
  if (!model_read_count (desc, "ssm.conv_kernel", 0, 64, &h->n_taps, error) ||
      !model_read_count (desc, "ssm.state_size", 0, MODEL_MAX_HEAD_SIZE, &h->d_state, error) ||
      !model_read_count (desc, "ssm.group_count", 0, MODEL_MAX_HEADS, &h->n_state_keys, error) ||
      !model_read_count (desc, "ssm.time_step_rank", 0, MODEL_MAX_HEADS, &h->n_state_heads,
                         error) ||
      !model_read_count (desc, "ssm.inner_size", (uint64_t) h->n_state_heads * h->d_state,
                         MODEL_MAX_D_FF, &inner, error))
    return FALSE;
  h->d_state_value = inner / h->n_state_heads;
  if (h->d_state_value * h->n_state_heads != inner || h->n_state_heads % h->n_state_keys != 0 ||
      h->d_state_value > MODEL_MAX_HEAD_SIZE ||
      (model_desc_has (desc, MODEL_DELTA_NET) && h->d_state_value != h->d_state))
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: %u states of %u numbers do not make up %u, or cannot "
                              "share %u keys evenly",
                              h->n_state_heads, h->d_state, inner, h->n_state_keys);
  return TRUE;
}

uint32_t
model_layer_channels (const ModelDesc *desc, const ModelLayer *layer)
{
  const ModelHparams *h = &desc->h;

  if ((layer->features & MODEL_SHORT_CONV) != 0)
    return h->d_model;
  if ((layer->features & (MODEL_DELTA_NET | MODEL_SSM)) != 0)
    return 2 * h->n_state_keys * h->d_state + h->n_state_heads * h->d_state_value;
  return 0;
}

uint32_t
model_layer_state_floats (const ModelDesc *desc, const ModelLayer *layer)
{
  const ModelHparams *h = &desc->h;
  uint32_t floats = (h->n_taps - 1) * model_layer_channels (desc, layer);

  if ((layer->features & (MODEL_DELTA_NET | MODEL_SSM)) != 0)
    floats += h->n_state_heads * h->d_state * h->d_state_value;
  return (layer->features & MODEL_ATTENTION) != 0 ? 0 : floats;
}

/* Heads of layers with a window may have a size of their own. fallback: 0: the file must say. */
static gboolean
read_head_sizes (ModelDesc *desc, uint64_t fallback, GError **error)
{
  uint32_t d_key[2], d_value[2]; /* without a window, with one */

  if (!model_read_count (desc, "attention.key_length", fallback, MODEL_MAX_HEAD_SIZE, &d_key[0],
                         error) ||
      !model_read_count (desc, "attention.value_length", fallback, MODEL_MAX_HEAD_SIZE,
                         &d_value[0], error) ||
      !model_read_count (desc, "attention.key_length_swa", d_key[0], MODEL_MAX_HEAD_SIZE, &d_key[1],
                         error) ||
      !model_read_count (desc, "attention.value_length_swa", d_value[0], MODEL_MAX_HEAD_SIZE,
                         &d_value[1], error))
    return FALSE;
  for (uint32_t i = 0; i < desc->h.n_layers; i++) {
    ModelLayer *layer = &desc->layers[i];

    layer->d_key = d_key[layer->window_tokens > 0];
    layer->d_value = d_value[layer->window_tokens > 0];
  }
  return TRUE;
}

static gboolean
read_heads (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  g_autofree uint32_t *heads = g_new (uint32_t, h->n_layers);
  g_autofree uint32_t *heads_kv = g_new (uint32_t, h->n_layers);
  uint32_t any = 0;

  if (!model_read_per_layer (desc, "attention.head_count", 0, MODEL_MAX_HEADS, heads, error) ||
      !model_read_per_layer (desc, "attention.head_count_kv", heads[0], MODEL_MAX_HEADS, heads_kv,
                             error) ||
      !read_mixers (desc, heads_kv, error))
    return FALSE;
  for (uint32_t i = 0; i < h->n_layers; i++) {
    any = MAX (any, heads[i]);
    desc->layers[i].n_heads = heads[i];
    desc->layers[i].n_heads_kv = heads_kv[i];
    if (!check_heads (desc, i, error))
      return FALSE;
  }
  /* Where the heads do not divide the width, the size must be given. */
  return read_head_sizes (desc, any > 0 && h->d_model % any == 0 ? h->d_model / any : 0, error);
}

/* The last layers may have no keys and values of their own: they see those of the last layer before
 * them that does and has the same kind of window. */
static gboolean
read_sharing (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  const ModelLayer *last[2] = { NULL }; /* without a window, with one */
  uint32_t n_sharing;

  if (!model_read_count_or_0 (desc, "attention.shared_kv_layers", h->n_layers, &n_sharing, error))
    return FALSE;
  if (n_sharing > 0 && !model_desc_has (desc, MODEL_WRITER))
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "makes vectors with layers that share keys, which this version "
                              "cannot run");
  for (uint32_t i = 0; i < h->n_layers; i++) {
    ModelLayer *layer = &desc->layers[i];
    const ModelLayer **own = &last[layer->window_tokens > 0];

    if ((layer->features & MODEL_ATTENTION) == 0 || i < h->n_layers - n_sharing) {
      if ((layer->features & MODEL_ATTENTION) != 0)
        *own = layer;
      continue;
    }
    layer->features &= ~(ModelFeatures) MODEL_OWN_KV;
    if (*own == NULL || (*own)->n_heads_kv != layer->n_heads_kv)
      return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged: layer %u shares keys, and no layer before it has any "
                                "that fit it",
                                i);
  }
  return TRUE;
}

static gboolean
read_feed_forward (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  g_autofree uint32_t *d_ff = g_new (uint32_t, h->n_layers);

  if (!model_read_per_layer (desc, "feed_forward_length", h->n_experts > 0 ? h->d_ff_expert : 0,
                             MODEL_MAX_D_FF, d_ff, error))
    return FALSE;
  for (uint32_t i = 0; i < h->n_layers; i++)
    desc->layers[i].d_ff = d_ff[i];
  return TRUE;
}

/* Which layers have a window: what the file lists, a period that it gives, or the
 * architecture's. */
static gboolean
read_windows (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  g_autofree char *key = model_key (desc, "attention.sliding_window_pattern");
  uint32_t window = 0, period = desc->architecture->window_period;
  ModelArray array = { 0 };

  if (!model_read_count_or_0 (desc, "attention.sliding_window", MODEL_MAX_CONTEXT, &window, error))
    return FALSE;
  if (!model_gguf_get_array (desc->gguf, key, &array) && period > 0 &&
      !model_read_count (desc, "attention.sliding_window_pattern", period, MODEL_MAX_LAYERS,
                         &period, error))
    return FALSE;
  if (array.n > 0 && (array.data == NULL || array.n < h->n_layers))
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” does not have a value for each layer", key);
  for (uint32_t i = 0; i < h->n_layers; i++) {
    gboolean has = array.n > 0 ? model_array_int (&array, i) != 0
                               : period > 0 && i % period < period - 1;

    desc->layers[i].window_tokens = has ? window : 0;
  }
  return TRUE;
}

/* [d_rope / 2] factors of the context in use, or NULL where there are none. Free with g_free. */
static gboolean
read_factors (const ModelDesc *desc, uint32_t d_rope, uint32_t context_tokens,
              const RotationScaling *scaling, float **factors, GError **error)
{
  gboolean is_long = context_tokens > scaling->original_tokens;
  const ModelTensor *tensor = model_gguf_find_tensor (desc->gguf, "rope_freqs.weight");

  *factors = NULL;
  if (tensor == NULL)
    tensor = model_gguf_find_tensor (desc->gguf, is_long ? "rope_factors_long.weight"
                                                         : "rope_factors_short.weight");
  if (tensor == NULL)
    return TRUE;
  if (tensor->type_id != MODEL_TYPE_F32 || tensor->ne[0] != d_rope / 2 || tensor->ne[1] != 1)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: the tensor “%s” does not hold %u numbers in F32",
                              tensor->name, d_rope / 2);
  *factors = g_new (float, d_rope / 2 + 1);
  if (!model_gguf_read (desc->gguf, tensor, 0, *factors, d_rope / 2 * sizeof (float), error)) {
    g_clear_pointer (factors, g_free);
    return FALSE;
  }
  for (uint32_t i = 0; i < d_rope / 2; i++)
    if (!((*factors)[i] > 0) || !isfinite ((*factors)[i])) {
      g_clear_pointer (factors, g_free);
      return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged: “%s” holds a number that is not above 0",
                                tensor->name);
    }
  return TRUE;
}

static void
clear_rotations (ModelDesc *desc)
{
  for (uint32_t i = 0; i < desc->n_rotations; i++)
    g_free (desc->rotations[i].frequency);
  g_clear_pointer (&desc->rotations, g_free);
  desc->n_rotations = 0;
}

/* The key size of layers with a window, or of those without one; of the others where there are
 * none of that kind. */
static uint32_t
key_size (const ModelDesc *desc, gboolean windowed)
{
  for (uint32_t i = 0; i < desc->h.n_layers; i++)
    if ((desc->layers[i].window_tokens > 0) == windowed)
      return desc->layers[i].d_key;
  return desc->layers[0].d_key;
}

static gboolean
make_rotations (ModelDesc *desc, uint32_t context_tokens, GError **error)
{
  const ModelArchitecture *architecture = desc->architecture;
  RotationScaling scaling, none = { .factor = 1, .magnitude = 1 };
  uint32_t d_key = key_size (desc, FALSE), d_rope = d_key;
  uint32_t window_key = key_size (desc, TRUE), window_rope;
  float base, window_base;
  g_autofree float *factors = NULL;

  if (!model_read_count (desc, "rope.dimension_count", d_key, d_key, &d_rope, error) ||
      !model_read_count (desc, "rope.dimension_count_swa", MIN (d_rope, window_key), window_key,
                         &window_rope, error) ||
      !model_read_real (desc, "rope.freq_base", 10000, 1e12, &base, error) ||
      !model_read_real (desc, "rope.freq_base_swa",
                        architecture->window_rope_base > 0 ? (double) architecture->window_rope_base
                                                           : (double) base,
                        1e12, &window_base, error) ||
      !rotation_read_scaling (desc, &scaling, error))
    return FALSE;
  if (d_rope % 2 != 0 || window_rope % 2 != 0)
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: an odd number (%u) of dimensions cannot rotate in pairs",
                              d_rope % 2 != 0 ? d_rope : window_rope);
  if (!read_factors (desc, d_rope, context_tokens, &scaling, &factors, error))
    return FALSE;
  clear_rotations (desc);
  desc->h.d_rope = d_rope;
  desc->n_rotations = N_ROTATIONS;
  desc->rotations = g_new0 (ModelRotation, N_ROTATIONS);
  desc->rotations[ROTATION_FULL] = rotation_new (d_rope, (double) base, &scaling, factors);
  desc->rotations[ROTATION_WINDOW] =
      rotation_new (window_rope, (double) window_base,
                    architecture->window_rope_base > 0 ? &none : &scaling,
                    architecture->window_rope_base > 0 ? NULL : factors);
  return TRUE;
}

static gboolean
assign_rotations (ModelDesc *desc, GError **error)
{
  g_autofree char *key = model_key (desc, "rope.scaling.finetuned");
  uint32_t period = desc->architecture->rope_period;
  gboolean rotates = TRUE;

  if (desc->architecture->rope_switch &&
      !model_gguf_get_bool (desc->gguf, key, &rotates, NULL, error))
    return FALSE;

  for (uint32_t i = 0; i < desc->h.n_layers; i++) {
    ModelLayer *layer = &desc->layers[i];

    layer->rotation = layer->window_tokens > 0 ? ROTATION_WINDOW : ROTATION_FULL;
    if (desc->architecture->rope == MODEL_ROPE_NONE || !rotates ||
        (period > 0 && (i + 1) % period == 0))
      layer->rotation = MODEL_NO_ROTATION;
  }
  return TRUE;
}

static void
find_largest (ModelDesc *desc)
{
  ModelHparams *h = &desc->h;

  for (uint32_t i = 0; i < h->n_layers; i++) {
    const ModelLayer *layer = &desc->layers[i];

    h->d_ff = MAX (h->d_ff, layer->d_ff);
    if ((layer->features & MODEL_ATTENTION) == 0)
      continue;
    h->n_heads = MAX (h->n_heads, layer->n_heads);
    h->n_heads_kv = MAX (h->n_heads_kv, layer->n_heads_kv);
    h->d_key = MAX (h->d_key, layer->d_key);
    h->d_value = MAX (h->d_value, layer->d_value);
  }
}

gboolean
model_read_layers (ModelDesc *desc, GError **error)
{
  ModelHparams *h = &desc->h;
  double width, scale;

  desc->layers = g_new0 (ModelLayer, h->n_layers);
  if (!read_windows (desc, error) || !read_heads (desc, error) || !read_sharing (desc, error) ||
      !read_states (desc, error) || !read_feed_forward (desc, error) ||
      (desc->architecture->rope != MODEL_ROPE_NONE &&
       !make_rotations (desc, h->context_tokens, error)) ||
      !assign_rotations (desc, error))
    return FALSE;
  find_largest (desc);
  width = h->d_key;
  if (h->n_layers == desc->architecture->width_scale_layers)
    width = h->d_model / h->n_heads;
  scale = (double) desc->architecture->attention_scale;
  return model_read_real (desc, "attention.scale", scale > 0 ? scale : 1 / sqrt (width), 1e6,
                          &h->attention_scale, error);
}

gboolean
model_desc_set_context (ModelDesc *desc, uint32_t context_tokens, GError **error)
{
  return desc->architecture->rope == MODEL_ROPE_NONE ||
         make_rotations (desc, context_tokens, error);
}

uint32_t
model_desc_window_tokens (const ModelDesc *desc)
{
  uint32_t window = 0;

  for (uint32_t i = 0; i < desc->h.n_layers; i++)
    window = MAX (window, desc->layers[i].window_tokens);
  return window;
}
