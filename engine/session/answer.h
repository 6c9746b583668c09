/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One answer in progress: what it has read and written, who samples and guesses for it, its figures
 * and its end. Knows nothing of the batches that it is read and written in (step.c), nor of other
 * answers. Thread: the engine thread. */
#pragma once

#include "engine/session/draft.h"
#include "engine/session/flow.h"
#include "engine/session/lookup.h"
#include "engine/session/session.h"
#include "engine/session/teller.h"

struct _EngineAnswer {
  EngineSession *session;
  SessionSampler sampler;
  SessionTeller teller;
  SessionFlow flow;
  SessionDraft draft; /* its tokens are the prompt and what was written */
  SessionLookup lookup;
  uint32_t n_done;                    /* tokens of the prompt that are in the timeline */
  gint64 reading_us;                  /* when its first chunk began; 0: not yet */
  gint32 batch[SESSION_SMALL_TOKENS]; /* the token at hand, and guesses of those after it */
  uint32_t n_batch;
  gboolean is_queued;             /* the device has the batch of the token at hand already */
  gboolean holds_guesses;         /* which come a token later for that */
  uint64_t plain_us, plain_bytes; /* of batches of its own without a guess */
  EngineStats stats;
  gboolean ended;
  GError *error; /* that ended it */
};

/* Tokens of its prompt that are not in the timeline yet; 0: it writes. */
uint32_t session_answer_unread (const EngineAnswer *answer);
/* How many of these the next batch may hold at most: one ends where states are to be kept. Tells,
 * the first time, that it is being read. */
uint32_t session_answer_next_chunk (EngineAnswer *answer);
/* So many of them are in the timeline now, by a batch that took us. */
void session_answer_was_read (EngineAnswer *answer, uint32_t n, gint64 us);

/* Puts guesses beside the token at hand, where that is worth it. */
void session_answer_guess (EngineAnswer *answer);
/* How the token after the one at hand will be picked; FALSE: the next batch may be another. */
gboolean session_answer_foresee (const EngineAnswer *answer, EnginePick *pick);
/* Writes a token for each row from first_row on, for as long as the batch had guessed them, and
 * forgets what was read of wrong guesses. alone_us: what the batch took; 0: others were in it, or
 * it was of the prompt. */
void session_answer_write (EngineAnswer *answer, const SessionRows *rows, uint32_t first_row,
                           gint64 alone_us);
/* A batch of its token at hand, before that is written on: its part of the cost. alone_us: as
 * above. */
void session_answer_count (EngineAnswer *answer, const EngineRunCost *cost, gint64 alone_us);
/* It ends now, and tells what it held back. error: taken; NULL: it was cancelled. */
void session_answer_end (EngineAnswer *answer, GError *error);
