/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ties the folders up behind engine.h: opening a model (file, description, tokenizer, device,
 * weights) and its text functions. Must not know how a back end works. */
#include "engine/planner/planner.h"
#include "engine/session/drafter.h"
#include "engine/session/session.h"
#include "engine/split/split.h"

#include <string.h>

#define MAX_LANGUAGE_BYTES 12

void
engine_model_info_free (EngineModelInfo *info)
{
  if (info == NULL)
    return;
  g_free (info->path);
  g_free (info->name);
  g_free (info->title);
  g_free (info->license);
  g_free (info->languages);
  g_free (info->architecture);
  g_free (info->tokenizer);
  g_free (info->chat_template);
  g_free (info->warning);
  g_free (info);
}

static void
count_types (EngineModelInfo *info, const ModelGguf *gguf)
{
  for (uint64_t i = 0; i < model_gguf_n_tensors (gguf); i++) {
    const ModelTensor *tensor = model_gguf_tensor (gguf, i);
    const char *name = model_type_name (tensor->type_id);
    uint32_t t = 0;

    while (t < info->n_types && info->types[t].name != name)
      t++;
    if (t == G_N_ELEMENTS (info->types))
      continue;
    if (t == info->n_types) {
      info->n_types++;
      info->types[t].name = name;
    }
    info->types[t].n_tensors++;
    info->types[t].bytes += tensor->bytes;
  }
}

/* A text of the metadata that may be shown; NULL where there is none. */
static char *
dup_shown (const char *text)
{
  return text != NULL && *text != '\0' ? g_utf8_make_valid (text, -1) : NULL;
}

/* "en, it"; what is no code of a language (RFC 5646) is left out. */
static char *
join_languages (const ModelGguf *gguf)
{
  g_autoptr (GString) joined = g_string_new (NULL);
  ModelArray array;

  if (!model_gguf_get_array (gguf, "general.languages", &array) || array.strings == NULL)
    return NULL;
  for (uint64_t i = 0; i < array.n; i++) {
    const ModelString *code = &array.strings[i];
    uint32_t n = 0;

    while (n < code->length && (g_ascii_isalnum (code->data[n]) || code->data[n] == '-'))
      n++;
    if (n < code->length || n < 2 || n > MAX_LANGUAGE_BYTES)
      continue;
    if (joined->len > 0)
      g_string_append (joined, ", ");
    g_string_append_len (joined, code->data, n);
  }
  return joined->len > 0 ? g_strdup (joined->str) : NULL;
}

static gboolean
keeps_states (const ModelDesc *desc)
{
  for (uint32_t i = 0; i < desc->h.n_layers; i++)
    if (model_layer_state_floats (desc, &desc->layers[i]) > 0)
      return TRUE;
  return FALSE;
}

static EngineModelInfo *
describe (const EngineModel *model)
{
  EngineModelInfo *info = g_new0 (EngineModelInfo, 1);
  const char *tokenizer_warning = text_tokenizer_warning (model->tokenizer);
  const char *chat_warning = model->chat != NULL ? text_chat_warning (model->chat) : NULL;

  info->path = g_strdup (model_gguf_path (model->gguf));
  info->name = model_gguf_name (model->gguf);
  info->title = dup_shown (model_gguf_get_string (model->gguf, "general.name"));
  info->license = dup_shown (model_gguf_get_string (model->gguf, "general.license"));
  info->languages = join_languages (model->gguf);
  info->architecture = g_strdup (model->desc->architecture->name);
  info->tokenizer = g_strdup (text_tokenizer_description (model->tokenizer));
  info->chat_template = g_strdup (model->chat != NULL ? text_chat_name (model->chat) : "none");
  if (tokenizer_warning != NULL && chat_warning != NULL)
    info->warning = g_strjoin (" ", tokenizer_warning, chat_warning, NULL);
  else
    info->warning = g_strdup (tokenizer_warning != NULL ? tokenizer_warning : chat_warning);
  info->parameters = model->desc->n_parameters;
  info->file_bytes = model_gguf_file_bytes (model->gguf);
  info->file_only_bytes = model->desc->file_only_bytes;
  info->context_tokens = model->desc->h.context_tokens;
  info->n_layers = model->desc->h.n_layers;
  info->n_vocab = model->desc->h.n_vocab;
  info->vocabulary = text_tokenizer_vocabulary (model->tokenizer);
  info->takes_guesses = !session_model_embeds (model) && !keeps_states (model->desc);
  info->embedding_size = engine_model_embedding_size (model);
  info->kv_bytes_per_token_f16 = model_desc_kv_bytes (model->desc, MODEL_KV_F16);
  info->kv_bytes_per_token_q8_0 = model_desc_kv_bytes (model->desc, MODEL_KV_Q8_0);
  info->decode_bytes = model->desc->decode_bytes;
  info->prompt_weights = model->desc->prompt_weights;
  count_types (info, model->gguf);
  return info;
}

EngineModel *
engine_model_open_text (const char *path, GError **error)
{
  g_autoptr (EngineModel) model = g_new0 (EngineModel, 1);

  model->gguf = model_gguf_open (path, error);
  if (model->gguf == NULL)
    return NULL;
  model->desc = model_desc_new (model->gguf, error);
  if (model->desc == NULL)
    return NULL;
  model->tokenizer = text_tokenizer_new (model->gguf, error);
  if (model->tokenizer == NULL)
    return NULL;
  if (!session_model_embeds (model))
    model->chat = text_chat_new (model->gguf, model->tokenizer);
  model->info = describe (model);
  return g_steal_pointer (&model);
}

EngineModelInfo *
engine_model_read_info (const char *path, GError **error)
{
  g_autoptr (EngineModel) model = engine_model_open_text (path, error);

  return model != NULL ? g_steal_pointer (&model->info) : NULL;
}

/* Before the model itself, which takes what memory is left. *its: the model's options then. */
static gboolean
load_draft (EngineModel *model, EngineModelOptions *its, GError **error)
{
  g_autoptr (EngineModel) draft = engine_model_open_text (its->draft_path, error);
  EngineModelOptions options;

  if (draft == NULL || !session_drafter_check (model, draft, error))
    return FALSE;
  options = planner_draft_options (model->desc, draft->desc, its);
  if (!planner_use_device (draft, &options, session_model_load, error))
    return FALSE;
  its->gpu_memory_bytes =
      planner_limit_left (its->gpu_memory_bytes, planner_card_bytes (draft->plan));
  model->drafter = session_drafter_new (model, g_steal_pointer (&draft), error);
  return model->drafter != NULL;
}

EngineModel *
engine_model_open (const char *path, const EngineModelOptions *options, GError **error)
{
  EngineModelOptions own = options != NULL ? *options : (EngineModelOptions) { 0 };
  gint64 start_us = g_get_monotonic_time ();
  g_autoptr (EngineModel) model = engine_model_open_text (path, error);

  if (model == NULL || (own.draft_path != NULL && !load_draft (model, &own, error)) ||
      !planner_use_device (model, &own, session_model_load, error))
    return NULL;
  if (model->drafter != NULL)
    planner_add_draft (model->plan, session_drafter_model (model->drafter)->plan);
  model->load_s = (g_get_monotonic_time () - start_us) / 1e6;
  return g_steal_pointer (&model);
}

void
engine_model_close (EngineModel *model)
{
  if (model == NULL)
    return;
  session_drafter_free (model->drafter);
  planner_leave_device (model);
  text_chat_free (model->chat);
  text_tokenizer_free (model->tokenizer);
  model_desc_free (model->desc);
  model_gguf_free (model->gguf);
  engine_model_info_free (model->info);
  g_free (model->device);
  g_free (model);
}

const EngineModelInfo *
engine_model_info (const EngineModel *model)
{
  return model->info;
}

const char *
engine_model_device (const EngineModel *model)
{
  return model->device != NULL ? model->device : "none";
}

const char *
engine_model_device_description (const EngineModel *model)
{
  return model->backend != NULL ? model->backend->vtable->caps (model->backend)->description : "";
}

uint32_t
engine_model_context_tokens (const EngineModel *model)
{
  return model->context_tokens;
}

double
engine_model_load_s (const EngineModel *model)
{
  return model->load_s;
}

const char *
engine_model_kv_type (const EngineModel *model)
{
  return model_kv_type_name (model->kv.type);
}

const char *
engine_model_kv_note (const EngineModel *model)
{
  return model->kv_note;
}

void
engine_model_memory (const EngineModel *model,
                     uint64_t *weights_bytes,
                     uint64_t *kv_bytes,
                     uint64_t *scratch_bytes)
{
  *weights_bytes = *kv_bytes = *scratch_bytes = 0;
  if (model->weights != NULL)
    model->backend->vtable->memory (model->weights, weights_bytes, kv_bytes, scratch_bytes);
  if (model->drafter != NULL) {
    EngineBytes its = { 0 };

    engine_model_memory (session_drafter_model (model->drafter), &its.weights, &its.kv,
                         &its.scratch);
    *weights_bytes += its.weights;
    *kv_bytes += its.kv;
    *scratch_bytes += its.scratch;
  }
}

uint64_t
engine_model_gpu_bytes (const EngineModel *model)
{
  EngineBytes bytes = { 0 };

  if (model->weights != NULL && model->split)
    bytes = split_model_bytes (model->weights, SPLIT_FIRST);
  else if (model->weights != NULL && strcmp (model->device, "cpu") != 0)
    model->backend->vtable->memory (model->weights, &bytes.weights, &bytes.kv, &bytes.scratch);
  return engine_bytes_sum (&bytes) +
         (model->drafter != NULL
              ? engine_model_gpu_bytes (session_drafter_model (model->drafter))
              : 0);
}

/* ---- text ---- */

GArray *
engine_model_encode (const EngineModel *model,
                     const char *text,
                     gboolean parse_special,
                     EngineEnds ends)
{
  GArray *tokens = g_array_new (FALSE, FALSE, sizeof (gint32));

  if (ends != ENGINE_ENDS_NONE && text_tokenizer_adds_bos (model->tokenizer)) {
    gint32 bos = text_tokenizer_bos (model->tokenizer);

    g_array_append_val (tokens, bos);
  }
  text_tokenizer_encode (model->tokenizer, text, -1, parse_special, tokens);
  if (ends == ENGINE_ENDS_BOTH && text_tokenizer_adds_eos (model->tokenizer)) {
    gint32 eos = text_tokenizer_eos (model->tokenizer);

    g_array_append_val (tokens, eos);
  }
  return tokens;
}

/* EngineMessage is the public face of TextMessage; the app must not see the text folder. */
G_STATIC_ASSERT (sizeof (EngineMessage) == sizeof (TextMessage));
G_STATIC_ASSERT (offsetof (EngineMessage, content) == offsetof (TextMessage, content));
G_STATIC_ASSERT (offsetof (EngineMessage, thought) == offsetof (TextMessage, thought));

static gboolean
check_chat (const EngineModel *model, GError **error)
{
  if (model->chat != NULL)
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
               "“%s” makes vectors of texts, for searching; it holds no conversation. Choose a "
               "language model.",
               model->info->name);
  return FALSE;
}

GArray *
engine_model_encode_chat (const EngineModel *model,
                          const EngineMessage *messages,
                          size_t n_messages,
                          gboolean add_generation,
                          GError **error)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));

  if (!check_chat (model, error) ||
      !text_chat_encode (model->chat, (const TextMessage *) messages, n_messages, add_generation,
                         tokens, error))
    return NULL;
  return g_steal_pointer (&tokens);
}

char *
engine_model_render_chat (const EngineModel *model,
                          const EngineMessage *messages,
                          size_t n_messages,
                          GError **error)
{
  if (!check_chat (model, error))
    return NULL;
  return text_chat_render (model->chat, (const TextMessage *) messages, n_messages, TRUE, error);
}

char *
engine_model_decode (const EngineModel *model,
                     const gint32 *tokens,
                     size_t n,
                     gboolean with_special)
{
  g_autoptr (GString) bytes = g_string_new (NULL);
  GString *text = g_string_new (NULL);
  TextUtf8Stream stream = { 0 };

  for (size_t i = 0; i < n; i++) {
    gboolean begins = !with_special && bytes->len == 0;

    text_tokenizer_decode (model->tokenizer, tokens[i], with_special, bytes);
    if (begins)
      text_tokenizer_drop_prefix (model->tokenizer, -1, bytes);
  }
  text_utf8_stream_push (&stream, bytes->str, bytes->len, text);
  text_utf8_stream_end (&stream, text);
  return g_string_free (text, FALSE);
}
