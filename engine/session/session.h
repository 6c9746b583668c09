/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What engine.c and the session folder share: the loaded model and its executables.
 * Thread: the engine thread, except where engine.h says "any thread". */
#pragma once

#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/session/kv.h"
#include "engine/session/sampler.h"
#include "engine/text/chat.h"

/* Batch classes: one plan and one executable each. */
typedef enum {
  SESSION_CLASS_DECODE, /* 1 token, 1 output */
  SESSION_CLASS_SMALL,  /* up to 16 tokens, each may be an output */
  SESSION_CLASS_CHUNK,  /* a prefill chunk, 1 output; of a model that embeds the only one: texts */
  SESSION_N_CLASSES,
} SessionClass;

#define SESSION_SMALL_TOKENS 16

/* While nobody writes, a prompt is read in pieces that take about so long. */
#define SESSION_PIECE_US 500000

/* Tokens of such a piece, where a token takes so long: whole pages, of which the last may end late.
 * Less than one takes little less time, and how many there are shall not hang by a millisecond. */
static inline uint32_t
session_piece_most (double token_us, uint32_t chunk_tokens)
{
  double pages = SESSION_PIECE_US / token_us / ENGINE_PAGE_TOKENS;

  if (pages >= chunk_tokens)
    return chunk_tokens;
  return MIN (((uint32_t) pages + 1) * ENGINE_PAGE_TOKENS, chunk_tokens);
}

/* Tokens of the next piece of those that are unread, of at most so many: about even ones, in whole
 * pages, for the weights are read for a small rest as for all. */
static inline uint32_t
session_piece (uint32_t unread, uint32_t most)
{
  uint32_t n_pieces = (unread + most - 1) / most, even = (unread + n_pieces - 1) / n_pieces;

  even = (even + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS * ENGINE_PAGE_TOKENS;
  return MIN (MIN (even, most), unread);
}

typedef struct _SessionDrafter SessionDrafter; /* drafter.h */

/* What came of a model's last batch of answers: a row for each token that may be sampled from. */
typedef struct {
  uint32_t n_rows;             /* that there is room for, at most SESSION_SMALL_TOKENS */
  uint32_t n_candidates;       /* of a row of this batch */
  EngineCandidate *candidates; /* [n_rows][n_candidates] */
  float lse[SESSION_SMALL_TOKENS];
  float *logits; /* [n_rows][n_vocab] or NULL until a sampler wants whole rows */
} SessionRows;

struct _EngineModel {
  EngineModelInfo *info;
  ModelGguf *gguf;
  ModelDesc *desc;
  TextTokenizer *tokenizer;
  TextChat *chat;

  /* NULL and 0 for a model opened for its text only. */
  EngineBackend *backend;
  gboolean split;   /* the backend is one of engine/split */
  EnginePlan *plan; /* what was foreseen for it */
  /* Of a draft model that will be there first, while both are foreseen; NULL: none. Borrowed. */
  const EnginePlan *draft_plan;
  EngineBackendModel *weights;
  EngineKvSize kv;
  const char *kv_note; /* why kv.type is not what was asked for, or NULL */
  GraphPlan *plans[SESSION_N_CLASSES];
  EngineBackendExecutable *executables[SESSION_N_CLASSES];
  SessionCache cache;
  SessionRows rows;
  double read_us; /* that a token of a prompt takes, by the last chunks; 0: not known yet */
  char *device;
  SessionDrafter *drafter; /* guesses what this one writes; NULL: none */
  uint32_t context_tokens, chunk_tokens;
  double load_s;
  uint8_t kept_id[32]; /* of its timelines on disk: see snapshot.c */
  gboolean has_kept_id;
};

struct _EngineSession {
  EngineModel *model;
  SessionTimeline timeline;
  gint cancel;           /* atomic */
  const gint *cancelled; /* what gives up its batches: cancel, or that of whom it guesses for */
};

/* Whether a model makes vectors and not answers. */
static inline gboolean
session_model_embeds (const EngineModel *model)
{
  return !model_desc_has (model->desc, MODEL_HEAD);
}

/* The sliding window that some layers keep the keys and values of; 0: none. */
static inline uint32_t
session_model_window_tokens (const EngineModel *model)
{
  return model_desc_has (model->desc, MODEL_CAUSAL) ? model_desc_window_tokens (model->desc) : 0;
}

/* Builds the plans, and says what timelines need, in keys and values of the type wanted where model
 * and backend have them so. */
void session_model_plan (EngineModel *model, ModelKvType wanted);
/* Loads the weights on model->backend, and compiles what the first answer needs. */
gboolean session_model_load (EngineModel *model, const EngineModelOptions *options, GError **error);
/* Frees executables, weights, plans and pages; the backend stays. */
void session_model_unload (EngineModel *model);

/* The smallest class that takes n tokens with n_outputs outputs. */
SessionClass session_model_class (const EngineModel *model, uint32_t n_tokens, uint32_t n_outputs);
/* Compiled on first use. NULL with error. */
EngineBackendExecutable *
session_model_executable (EngineModel *model, SessionClass class, GError **error);

/* ENGINE_ERROR_INVALID or _LIMIT where tokens[n] cannot be answered. */
gboolean session_check_prompt (const EngineSession *session, const gint32 *tokens, uint32_t n,
                               GError **error);
/* The first tokens of a prompt that may be there already: the last one makes logits. */
uint32_t session_prompt_reusable (const GArray *prompt);

/* ---- batches ---- */

/* The next tokens of one timeline. */
typedef struct {
  SessionTimeline *timeline;
  const gint32 *tokens;
  uint32_t n_tokens;
  uint32_t state;         /* a slot for what comes after them */
  const EnginePick *next; /* of one token alone: how the next will be picked; NULL: not known */
} SessionRun;

/* Makes room for a run's tokens: pages, and a slot. ENGINE_ERROR_NO_MEMORY: the timeline is as it
 * was. */
gboolean session_run_reserve (SessionRun *run, GError **error);
/* Evaluates runs that room was made for, in one batch; on success their tokens belong to the
 * timelines, else these are as they were. Several runs: at most SESSION_SMALL_TOKENS together.
 * outputs: [n_outputs] indices of tokens of the batch that result gets a row for; cancel and cost
 * may be NULL. */
gboolean session_batch_run (EngineModel *model, SessionRun *runs, uint32_t n_runs,
                            const uint32_t *outputs, uint32_t n_outputs, uint32_t n_candidates,
                            EngineResult *result, const gint *cancel, EngineRunCost *cost,
                            GError **error);
/* The same of one session's next tokens[n], given up by session->cancelled. */
gboolean session_evaluate (EngineSession *session, const gint32 *tokens, uint32_t n,
                           const uint32_t *outputs, uint32_t n_outputs, uint32_t n_candidates,
                           EngineResult *result, EngineRunCost *cost, GError **error);

/* KV pages that a batch of texts may need. */
uint32_t session_embed_pages (const EngineModel *model);
