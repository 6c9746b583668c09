/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the settings about memory and speed mean for one model, one sentence each: with its price,
 * where the planner knows it. All texts are in the person's language and freed with g_free. Main
 * thread. */
#pragma once

#include "app/assistant/bottega-settings.h"

#include "app/assistant/bottega-engine-source.h"

G_BEGIN_DECLS

typedef struct {
  BottegaSettings *settings;
  const BottegaPlan *plan;         /* with them; NULL: not known yet */
  const BottegaModelDefaults *own; /* what was set for the model alone */
  guint64 kv_bytes[2];             /* of a conversation kept precise, and compact; 0: not known */
  guint trained_tokens;            /* 0: not known */
} BottegaMemoryOptions;

/* It has memory of its own, which can be shared out. */
gboolean bottega_memory_words_has_card (const BottegaMemoryOptions *options);

char *bottega_memory_words_context (const BottegaMemoryOptions *options);
char *bottega_memory_words_precision (const BottegaMemoryOptions *options);
char *bottega_memory_words_gpu (const BottegaMemoryOptions *options);
char *bottega_memory_words_threads (const BottegaMemoryOptions *options);
char *bottega_memory_words_saver (const BottegaMemoryOptions *options);
char *bottega_memory_words_chunk (const BottegaMemoryOptions *options);
char *bottega_memory_words_unload (const BottegaMemoryOptions *options);
/* What holds for this model alone instead of these settings; NULL: nothing does. */
char *bottega_memory_words_own (const BottegaMemoryOptions *options, const char *model);

/* Values of settings: "Automatic", "8,192 tokens"; "At most 75 %"; "4 threads"; "Never", "After 15
 * minutes". */
char *bottega_memory_words_tokens (guint tokens);
char *bottega_memory_words_percent (guint percent);
char *bottega_memory_words_n_threads (guint n);
char *bottega_memory_words_minutes (guint minutes);

G_END_DECLS
