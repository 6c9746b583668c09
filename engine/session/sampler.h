/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From logits to one token: repetition penalty, top-k, top-p, min-p, temperature, in this order,
 * then a draw from a seeded generator. Works on the candidates that a back end brings back, which
 * are few; session_sampler_needs () says how many it must bring so that the result is that of the
 * whole row. Thread: none of its own; one sampler belongs to one session. */
#pragma once

#include "engine/backend.h"
#include "engine/engine.h"

typedef struct {
  EngineGenerate options;
  uint64_t state[4];     /* xoshiro256** */
  EngineCandidate *work; /* [n_vocab] at most, grown as needed */
  uint32_t work_size;
} SessionSampler;

/* ENGINE_ERROR_INVALID for numbers out of range (negative temperature, top_p outside (0, 1], …). */
gboolean session_sampler_init (SessionSampler *sampler, const EngineGenerate *options,
                               GError **error);
void session_sampler_finish (SessionSampler *sampler);

/* Candidates to ask of the back end; *whole_row TRUE when only all logits will do. */
uint32_t session_sampler_needs (const SessionSampler *sampler, gboolean *whole_row);

/* How the next token will be picked, if few candidates are enough for that; nothing is drawn yet.
 * recent as below, borrowed. */
gboolean session_sampler_foresee (const SessionSampler *sampler, const int32_t *recent,
                                  uint32_t n_recent, EnginePick *pick);
/* Picks a token. candidates: [n] by falling logit; or logits [n_vocab] when not NULL. recent: the
 * last n_recent ids of the timeline, for the penalty. */
int32_t session_sampler_pick (SessionSampler *sampler, const EngineCandidate *candidates,
                              uint32_t n, const float *logits, uint32_t n_vocab,
                              const int32_t *recent, uint32_t n_recent);
