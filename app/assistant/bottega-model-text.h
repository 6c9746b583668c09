/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a model needs and how fast it is on a computer, reckoned and said in the person's language.
 * All texts are freed with g_free. Any thread. */
#pragma once

#include "app/assistant/bottega-engine-source.h"
#include "app/assistant/bottega-model-records.h"

G_BEGIN_DECLS

/* What a model takes beside its weights and its conversation: working memory of the engine. */
#define BOTTEGA_MODEL_SCRATCH_BYTES (128 * 1024 * 1024)

typedef struct {
  guint64 weights_bytes, kv_bytes_per_token;
  guint64 decode_bytes; /* weights read for one token */
  guint context_tokens; /* that it is used with */
  /* What the engine's planner says; all 0: reckoned from what is above. */
  guint64 planned_kv_bytes, planned_work_bytes;
  double planned_tok_s;
} BottegaModelNeed;

/* What a context of "automatic" comes to; the engine decides the same way. */
guint bottega_model_automatic_context (guint trained_tokens);
/* And for a model that guesses, beside it. */
void bottega_model_need_add_draft (BottegaModelNeed *need, const BottegaModelFacts *draft);
/* Weights, conversation and working memory together. */
guint64 bottega_model_need_bytes (const BottegaModelNeed *need);
/* Would it fit when nothing else ran but the desktop? */
gboolean bottega_model_need_fits (const BottegaModelNeed *need, const BottegaMachine *machine);
/* Tokens per second: what answers were measured to have, else the machine's reading speed over the
 * bytes of a token; 0: not known. */
double bottega_model_decode_speed (const BottegaModelNeed *need, const BottegaModelFigures *figures,
                                   const BottegaMachine *machine);

/* "Fits: about 38 tok/s", "Needs 3.1 GB more memory than this computer has". */
char *bottega_model_text_here (const BottegaModelNeed *need, const BottegaModelFigures *figures,
                               const BottegaMachine *machine);
/* "About 2.9 GB of 16.4 GB: weights 2.5 GB, conversation of 8,192 tokens 302 MB, working memory 134
 * MB". */
char *bottega_model_text_need (const BottegaModelNeed *need, const BottegaMachine *machine);
/* Speed of writing and where it is known from; never NULL. */
char *bottega_model_text_speed (const BottegaModelNeed *need, const BottegaModelFigures *figures,
                                const BottegaMachine *machine);
/* How long a question of 500 tokens takes to be read; NULL: not measured. */
char *bottega_model_text_first_word (const BottegaModelFigures *figures);
/* "4.0 billion", "135 million". */
char *bottega_model_text_parameters (guint64 parameters);
/* "8,192 tokens, about 12 pages". */
char *bottega_model_text_context (guint tokens);
/* Codes parted by commas as names, "English, Italian and 98 more": n_shown are named (0: all), of
 * n_all (0: as many as there are codes). */
char *bottega_model_text_languages (const char *codes, guint n_shown, guint n_all);
/* "Apache 2.0" for "apache-2.0"; what is not known stays as it is. */
const char *bottega_model_text_license (const char *license);

G_END_DECLS
