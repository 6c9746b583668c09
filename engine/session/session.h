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

typedef struct _SessionDrafter SessionDrafter; /* drafter.h */

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
  EngineBackendModel *weights;
  EngineKvSize kv;
  const char *kv_note; /* why kv.type is not what was asked for, or NULL */
  GraphPlan *plans[SESSION_N_CLASSES];
  EngineBackendExecutable *executables[SESSION_N_CLASSES];
  SessionCache cache;
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
  /* Of the last batch, a row for each token that may be sampled from: */
  uint32_t n_rows;             /* that there is room for, at most SESSION_SMALL_TOKENS */
  EngineCandidate *candidates; /* [n_rows][ENGINE_MAX_CANDIDATES] */
  float lse[SESSION_SMALL_TOKENS];
  float *logits;         /* [n_rows][n_vocab] or NULL until a sampler wants whole rows */
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

/* Evaluates tokens[n] after what the timeline holds; on success they belong to it. outputs:
 * [n_outputs] indices of tokens that result gets a row for; cost may be NULL. */
gboolean session_evaluate (EngineSession *session, const gint32 *tokens, uint32_t n,
                           const uint32_t *outputs, uint32_t n_outputs, uint32_t n_candidates,
                           EngineResult *result, EngineRunCost *cost, GError **error);

/* KV pages that a batch of texts may need. */
uint32_t session_embed_pages (const EngineModel *model);
