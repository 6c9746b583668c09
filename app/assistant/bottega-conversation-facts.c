/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of the answer in progress beside the engine's numbers, put together at its end. It
 * must not know what follows from it. */
#define G_LOG_DOMAIN "bottega-conversation-facts"

#include "app/assistant/bottega-conversation-private.h"

void
bottega_conversation_begin_facts (BottegaConversation *self)
{
  BottegaPerformance *performance = bottega_engine_thread_get_performance (self->engine);

  self->n_before = self->turns_left = 0;
  self->gaps = (BottegaGaps) { 0 };
  if (performance == NULL || self->measuring)
    return;
  bottega_performance_begin (performance, &self->mark);
  self->measuring = TRUE;
}

void
bottega_conversation_end_facts (BottegaConversation *self, const EngineStats *stats)
{
  static const struct {
    BottegaMessageState state;
    gsize offset;
  } waits[] = {
    { BOTTEGA_MESSAGE_STATE_QUEUED, G_STRUCT_OFFSET (BottegaAnswerFacts, queue_s) },
    { BOTTEGA_MESSAGE_STATE_SEARCHING, G_STRUCT_OFFSET (BottegaAnswerFacts, search_s) },
    { BOTTEGA_MESSAGE_STATE_LOADING, G_STRUCT_OFFSET (BottegaAnswerFacts, load_s) },
    { BOTTEGA_MESSAGE_STATE_READING, G_STRUCT_OFFSET (BottegaAnswerFacts, read_s) },
    { BOTTEGA_MESSAGE_STATE_WRITING, G_STRUCT_OFFSET (BottegaAnswerFacts, write_s) },
  };
  BottegaAnswerFacts facts = { .n_before = self->n_before, .turns_left = self->turns_left };

  if (!self->measuring)
    return;
  self->measuring = FALSE;
  facts.gaps = self->gaps;
  for (guint i = 0; i < G_N_ELEMENTS (waits); i++)
    *(double *) G_STRUCT_MEMBER_P (&facts, waits[i].offset) =
        bottega_message_get_state_s (self->answer, waits[i].state);
  bottega_performance_end (bottega_engine_thread_get_performance (self->engine), &self->mark, stats,
                           stats != NULL ? &facts : NULL);
  if (stats != NULL)
    bottega_message_set_facts (self->answer, &facts);
}
