/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts to vectors: token ids with the prefix that the model was trained with, windows where a text
 * is longer than the model takes, several windows a batch, and each text's mean of them, at length
 * 1. Must not know back ends or how a tokenizer works. */
#include "engine/session/session.h"

#include <math.h>
#include <string.h>

#define REPRESENT "Represent this sentence for searching relevant passages: "
#define INSTRUCT                                                                    \
  "Instruct: Given a web search query, retrieve relevant passages that answer the " \
  "query\n"

/* What models of a family were trained with, by their names; the first that fits. A file may say it
 * itself. Sources: the model cards of nomic-embed-text (v1, v1.5), mxbai-embed-large-v1,
 * bge-*-en-v1.5 (FlagEmbedding) and Qwen3-Embedding; the prompts in
 * config_sentence_transformers.json of embeddinggemma; for e5 its cards, and arXiv 2401.00368 for
 * those that follow instructions. */
static const struct {
  const char *name; /* part of general.basename or general.name, in lower case, “-” for a blank */
  const char *query, *passage;
} families[] = {
  { "nomic-embed-text", "search_query: ", "search_document: " },
  { "embeddinggemma", "task: search result | query: ", "title: none | text: " },
  { "qwen3-embedding", INSTRUCT "Query:", "" },
  { "bge-small-en", REPRESENT, "" },
  { "bge-base-en", REPRESENT, "" },
  { "bge-large-en", REPRESENT, "" },
  { "mxbai-embed", REPRESENT, "" },
  { "e5-large-instruct", INSTRUCT "Query: ", "" },
  { "e5-mistral", INSTRUCT "Query: ", "" },
  { "e5", "query: ", "passage: " },
};

/* Texts on their way through the model. */
typedef struct {
  EngineSession *session;
  GArray *tokens;                       /* gint32, of the windows that wait */
  EngineBatchRun runs[ENGINE_MAX_RUNS]; /* one a window */
  size_t texts[ENGINE_MAX_RUNS];        /* whose windows they are */
  uint32_t weights[ENGINE_MAX_RUNS];    /* their tokens without BOS and EOS, at least 1 */
  uint32_t outputs[ENGINE_MAX_RUNS], n_runs;
  uint32_t *pages; /* [session_embed_pages] 0, 1, 2 …: nothing outlives a batch */
  uint32_t n_pages;
  float *pooled;  /* [ENGINE_MAX_RUNS][d_model] */
  float *vectors; /* of the caller: sums of weighted vectors until the end */
  uint64_t n_tokens;
} Embedding;

uint32_t
engine_model_embedding_size (const EngineModel *model)
{
  return session_model_embeds (model) ? model->desc->h.d_model : 0;
}

uint32_t
session_embed_pages (const EngineModel *model)
{
  return model->chunk_tokens / ENGINE_PAGE_TOKENS + ENGINE_MAX_RUNS;
}

/* ---- prefixes ------------------------------------------------------------------------------- */

static gboolean
is_named (const ModelGguf *gguf, const char *key, const char *part)
{
  const char *value = model_gguf_get_string (gguf, key);
  g_autofree char *lower = value != NULL ? g_ascii_strdown (value, -1) : NULL;

  return lower != NULL && strstr (g_strdelimit (lower, " _", '-'), part) != NULL;
}

static const char *
prefix_of (const EngineModel *model, EngineEmbedKind kind)
{
  gboolean query = kind == ENGINE_EMBED_QUERY;
  const char *own = model_gguf_get_string (model->gguf, query ? "bottega.embed.query_prefix"
                                                              : "bottega.embed.passage_prefix");

  if (kind == ENGINE_EMBED_RAW || own != NULL)
    return kind == ENGINE_EMBED_RAW ? "" : own;
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++)
    if (is_named (model->gguf, "general.basename", families[i].name) ||
        is_named (model->gguf, "general.name", families[i].name))
      return query ? families[i].query : families[i].passage;
  return "";
}

/* ---- batches -------------------------------------------------------------------------------- */

/* Which of a run's rows stands for it; POOL takes any. */
static uint32_t
output_of (const EngineModel *model, const EngineBatchRun *run)
{
  return run->first + (model->desc->h.pooling == MODEL_POOLING_LAST ? run->n_tokens - 1 : 0);
}

/* Runs what waits and adds the windows' vectors to those of their texts. */
static gboolean
flush (Embedding *e, GError **error)
{
  EngineModel *model = e->session->model;
  const EngineBackendVtable *vtable = model->backend->vtable;
  EngineBackendExecutable *executable =
      session_model_executable (model, SESSION_CLASS_CHUNK, error);
  uint32_t size = model->desc->h.d_model;
  EngineResult result = { 0 };
  EngineBatch batch = {
    .tokens = (const int32_t *) (const void *) e->tokens->data,
    .n_tokens = e->tokens->len,
    .runs = e->runs,
    .n_runs = e->n_runs,
    .outputs = e->outputs,
    .n_outputs = e->n_runs,
  };

  if (executable == NULL)
    return FALSE;
  for (uint32_t i = 0; i < e->n_runs; i++)
    e->outputs[i] = output_of (model, &e->runs[i]);
  if (e->n_runs > 0 &&
      (!vtable->run (executable, &batch, &result, &e->session->cancel, NULL, error) ||
       !vtable->read_buffer (executable, GRAPH_BUFFER_OUT, e->pooled, (size_t) e->n_runs * size,
                             error)))
    return FALSE;
  for (uint32_t i = 0; i < e->n_runs; i++)
    for (uint32_t d = 0; d < size; d++)
      e->vectors[e->texts[i] * size + d] += (float) e->weights[i] * e->pooled[i * size + d];
  e->n_tokens += e->tokens->len;
  g_array_set_size (e->tokens, 0);
  e->n_runs = e->n_pages = 0;
  return TRUE;
}

/* What the model wants around a text; -1: nothing. */
static gint32
first_token (const EngineModel *model)
{
  return text_tokenizer_adds_bos (model->tokenizer) ? text_tokenizer_bos (model->tokenizer) : -1;
}

static gint32
last_token (const EngineModel *model)
{
  return text_tokenizer_adds_eos (model->tokenizer) ? text_tokenizer_eos (model->tokenizer) : -1;
}

static void
append_special (GArray *tokens, gint32 id)
{
  if (id >= 0)
    g_array_append_val (tokens, id);
}

/* content[n]: a window's tokens without BOS and EOS. */
static gboolean
add_window (Embedding *e, size_t text, const gint32 *content, uint32_t n, GError **error)
{
  EngineModel *model = e->session->model;
  gint32 bos = first_token (model), eos = last_token (model);
  uint32_t length = n + (bos >= 0) + (eos >= 0);
  EngineBatchRun *run;

  if (length == 0)
    return TRUE;
  if ((e->n_runs == ENGINE_MAX_RUNS || e->tokens->len + length > model->chunk_tokens) &&
      !flush (e, error))
    return FALSE;
  run = &e->runs[e->n_runs];
  *run = (EngineBatchRun) { .first = e->tokens->len, .n_tokens = length };
  run->n_pages = (length - 1) / ENGINE_PAGE_TOKENS + 1;
  run->pages[GRAPH_KV_FULL] = e->pages + e->n_pages;
  e->n_pages += run->n_pages;
  e->texts[e->n_runs] = text;
  e->weights[e->n_runs++] = MAX (n, 1);
  append_special (e->tokens, bos);
  g_array_append_vals (e->tokens, content, n);
  append_special (e->tokens, eos);
  return TRUE;
}

static gboolean
add_text (Embedding *e, size_t text, const char *prefix, const char *string, GError **error)
{
  EngineModel *model = e->session->model;
  g_autofree char *whole = g_strconcat (prefix, string, NULL);
  /* Not NULL even when there are none. */
  g_autoptr (GArray) tokens = g_array_sized_new (FALSE, FALSE, sizeof (gint32), 1);
  uint32_t specials = (first_token (model) >= 0) + (last_token (model) >= 0);
  uint32_t most = model->context_tokens - specials, done = 0;

  text_tokenizer_encode (model->tokenizer, whole, -1, FALSE, tokens);
  do {
    uint32_t n = MIN (most, tokens->len - done);

    if (!add_window (e, text, (const gint32 *) (const void *) tokens->data + done, n, error))
      return FALSE;
    done += n;
  } while (done < tokens->len);
  return TRUE;
}

static void
normalise (float *vector, uint32_t n)
{
  double square = 0;

  for (uint32_t i = 0; i < n; i++)
    square += (double) vector[i] * (double) vector[i];
  for (uint32_t i = 0; i < n && square > 0; i++)
    vector[i] = (float) ((double) vector[i] / sqrt (square));
}

gboolean
engine_session_embed (EngineSession *session, EngineEmbedKind kind, const char *const *texts,
                      size_t n_texts, float *vectors, uint64_t *n_tokens, GError **error)
{
  EngineModel *model = session->model;
  uint32_t size = engine_model_embedding_size (model);
  uint32_t n_pages = session_embed_pages (model);
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autofree uint32_t *pages = g_new (uint32_t, n_pages);
  g_autofree float *pooled = g_new (float, (size_t) ENGINE_MAX_RUNS *size + 1);
  Embedding e = { session, tokens, .pages = pages, .pooled = pooled, .vectors = vectors };
  gboolean ok = TRUE;

  if (size == 0) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "“%s” writes answers; it makes no vectors of texts. Choose an embedding model.",
                 model->info->name);
    return FALSE;
  }
  for (uint32_t i = 0; i < n_pages; i++)
    pages[i] = i;
  memset (vectors, 0, n_texts * size * sizeof *vectors);
  for (size_t i = 0; ok && i < n_texts; i++)
    ok = add_text (&e, i, prefix_of (model, kind), texts[i], error);
  if (!ok || !flush (&e, error))
    return FALSE;
  for (size_t i = 0; i < n_texts; i++)
    normalise (vectors + i * size, size);
  if (n_tokens != NULL)
    *n_tokens = e.n_tokens;
  return TRUE;
}
