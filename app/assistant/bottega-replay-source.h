/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaReplaySource: a BottegaEngineSource without a model. Every answer is the same recorded
 * text, cut into tokens of about four bytes and given out at a steady speed. A file "model" of any
 * content loads. */
#pragma once

#include "app/assistant/bottega-engine-source.h"

G_BEGIN_DECLS

typedef struct {
  const char *text;         /* UTF-8, the answer; copied */
  double tokens_per_s;      /* 0: as fast as it goes */
  double read_tokens_per_s; /* 0: at once */
  double load_s;            /* how long loading takes */
  guint64 model_bytes;      /* that are said to come into memory meanwhile */
  guint context_tokens;     /* 0: 8192 */
  guint token_bytes;        /* 0: 4 */
  guint thought_bytes;      /* of the text's beginning: what is thought before the answer */
  guint64 memory_bytes;     /* of the computer that it says it is on; 0: 16 GiB */
} BottegaReplayOptions;

#define BOTTEGA_TYPE_REPLAY_SOURCE (bottega_replay_source_get_type ())
G_DECLARE_FINAL_TYPE (BottegaReplaySource, bottega_replay_source, BOTTEGA, REPLAY_SOURCE, GObject)

BottegaEngineSource *bottega_replay_source_new (const BottegaReplayOptions *options);

/* The next call of that kind fails with this error of ENGINE_ERROR: for tests of failures. Any
 * thread. A generate fails after after_tokens tokens. code < 0: no failure. The error is injected
 * once. */
void bottega_replay_source_fail_load (BottegaReplaySource *self, int code);
void bottega_replay_source_fail_generate (BottegaReplaySource *self, int code, guint after_tokens);
/* How often a model was loaded, and in n_threads (or NULL) with how many threads the last time. Any
 * thread. */
guint bottega_replay_source_get_loads (BottegaReplaySource *self, guint *n_threads);
/* What the last generate was given: role and text of each message, one per line ("user: …"). Free
 * with g_free. Any thread. */
char *bottega_replay_source_dup_last_prompt (BottegaReplaySource *self);

G_END_DECLS
