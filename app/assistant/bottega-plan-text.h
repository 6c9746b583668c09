/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan in words: what it takes of which memory, how long a question waits, why it cannot be. All
 * texts are in the person's language and freed with g_free. Any thread. */
#pragma once

#include "app/assistant/bottega-engine-source.h"

G_BEGIN_DECLS

/* What a memory is taken up with, in the order in which it is shown. */
typedef enum {
  BOTTEGA_PLAN_WEIGHTS,
  BOTTEGA_PLAN_CONVERSATION,
  BOTTEGA_PLAN_WORK,
  BOTTEGA_PLAN_DRAFT,
  BOTTEGA_PLAN_OTHERS,
  BOTTEGA_PLAN_FREE,
  BOTTEGA_PLAN_N_PARTS,
} BottegaPlanPart;

/* "weights"; borrowed. */
const char *bottega_plan_part_get_name (BottegaPlanPart part);
/* Whether a part of so many bytes is worth a word: most models have no draft model. */
gboolean bottega_plan_part_shows (BottegaPlanPart part, guint64 bytes);
guint64 bottega_plan_heap_get_bytes (const BottegaPlanHeap *heap, BottegaPlanPart part);
/* All that is taken, by the model and by others: more than there is where it does not fit. */
guint64 bottega_plan_heap_get_used (const BottegaPlanHeap *heap);

/* "Graphics memory", "Memory"; borrowed. */
const char *bottega_plan_heap_get_title (const BottegaPlanHeap *heap);
/* "5.1 GB of 8.0 GB". */
char *bottega_plan_text_used (const BottegaPlanHeap *heap);
/* All parts with their sizes, to be heard: "Memory: weights 96 MB, conversation 189 MB, …". */
char *bottega_plan_text_heap (const BottegaPlanHeap *heap);

/* "First word of a 1,000-token question: about 1.3 s, then about 38 tokens per second"; NULL: its
 * devices are not measured. */
char *bottega_plan_text_times (const BottegaPlan *plan);
/* "About 1.3 s for a question of 1,000 tokens, as foreseen"; NULL likewise. */
char *bottega_plan_text_first_word (const BottegaPlan *plan);
/* Why it does not fit, and what could be changed; NULL: it does. */
char *bottega_plan_text_refusal (const BottegaPlan *plan);

G_END_DECLS
