/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of types of keys and values: see kv-type.h. Must not know pages. */
#include "engine/model/kv-type.h"

#include "engine/error.h"

static const struct {
  const char *name;
  ModelType format;
  gboolean is_choice;
} rows[MODEL_N_KV_TYPES] = {
  [MODEL_KV_F16] = { "f16", MODEL_TYPE_F16, TRUE },
  [MODEL_KV_Q8_0] = { "q8_0", MODEL_TYPE_Q8_0, TRUE },
  [MODEL_KV_F32] = { "f32", MODEL_TYPE_F32, FALSE },
};

const char *
model_kv_type_name (ModelKvType type)
{
  return rows[type].name;
}

gboolean
model_kv_type_parse (const char *name, ModelKvType *type, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  *type = MODEL_KV_F16;
  if (name == NULL)
    return TRUE;
  for (ModelKvType t = 0; t < MODEL_N_KV_TYPES; t++) {
    if (!rows[t].is_choice)
      continue;
    if (g_str_equal (name, rows[t].name)) {
      *type = t;
      return TRUE;
    }
    g_string_append_printf (names, "%s%s", t > 0 ? ", " : "", rows[t].name);
  }
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
               "A conversation cannot be kept as “%s”; choose one of %s.", name, names->str);
  return FALSE;
}

size_t
model_kv_type_bytes (ModelKvType type, size_t n)
{
  return model_type_row_bytes (model_type_info (rows[type].format), n);
}

static gboolean
keeps_kv (const ModelLayer *layer)
{
  return (layer->features & MODEL_ATTENTION) != 0 && (layer->features & MODEL_OWN_KV) != 0;
}

static gboolean
has_whole_blocks (const ModelDesc *desc, ModelKvType type)
{
  uint32_t n = model_type_info (rows[type].format)->block_weights;

  for (uint32_t i = 0; i < desc->h.n_layers; i++)
    if (keeps_kv (&desc->layers[i]) &&
        (desc->layers[i].d_key % n != 0 || desc->layers[i].d_value % n != 0))
      return FALSE;
  return TRUE;
}

ModelKvType
model_desc_kv_type (const ModelDesc *desc, ModelKvType wanted, const char **why)
{
  const char *reason = NULL;

  if (wanted != MODEL_KV_F16 && desc->architecture->exact_kv)
    reason = "The memory of conversations stays precise (f16): with a more compact one the answers "
             "of this model become noticeably worse.";
  else if (!has_whole_blocks (desc, wanted))
    reason = "The memory of conversations stays precise (f16): the heads of this model cannot be "
             "cut into the blocks of a more compact one.";
  if (!model_desc_has (desc, MODEL_HEAD)) {
    wanted = MODEL_KV_F32;
    reason = NULL;
  }
  if (why != NULL)
    *why = reason;
  return reason != NULL ? MODEL_KV_F16 : wanted;
}

uint64_t
model_desc_kv_bytes (const ModelDesc *desc, ModelKvType wanted)
{
  ModelKvType type = model_desc_kv_type (desc, wanted, NULL);
  uint64_t bytes = 0;

  if (!model_desc_has (desc, MODEL_HEAD))
    return 0;
  for (uint32_t i = 0; i < desc->h.n_layers; i++) {
    const ModelLayer *layer = &desc->layers[i];

    if (layer->window_tokens == 0 && keeps_kv (layer))
      bytes += layer->n_heads_kv * (model_kv_type_bytes (type, layer->d_key) +
                                    model_kv_type_bytes (type, layer->d_value));
  }
  return bytes;
}
