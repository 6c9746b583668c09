/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which page of KV memory holds which 64 tokens of which timeline. Knows page numbers and token ids
 * only; the bytes are the back end's.
 * Thread: the engine thread. */
#pragma once

#include "engine/backend.h"

/* The free pages of one loaded model. */
typedef struct {
  uint32_t n_pages, n_free;
  uint32_t *free_pages; /* [n_pages], the first n_free are free */
} SessionPages;

void session_pages_init (SessionPages *pages, uint32_t n_pages);
void session_pages_finish (SessionPages *pages);

/* One timeline: the tokens whose keys and values are in the cache, and the pages that hold them.
 * Layers with a sliding window have pages of their own (GRAPH_KV_WINDOW), of which a timeline holds
 * only those that tokens to come see, and those that lie before its mark: a place to which it can
 * go back. */
typedef struct {
  SessionPages *pools;    /* [GRAPH_N_KV_GROUPS] borrowed */
  uint32_t window_tokens; /* 0: no layer has a window */
  uint32_t mark;
  SessionPages *states;       /* borrowed: what recurrent layers keep; n_pages 0: none */
  uint32_t state, mark_state; /* of all tokens, and at the mark; SESSION_NO_STATE */
  GArray *tokens;             /* gint32 [n] in the cache */
  /* guint32 physical page of tokens 64 i .. 64 i + 63; meaningless where held says that it went */
  GArray *table[GRAPH_N_KV_GROUPS];
  GByteArray *held; /* of the window's table: 0 or 1 */
} SessionTimeline;

#define SESSION_NO_STATE UINT32_MAX
/* Slots that a timeline needs: as it is, as it will be, at the mark. */
#define SESSION_STATES 3

/* Pages that a timeline of a model with a window needs at most of the window's pool, when it is fed
 * chunks of so many tokens and holds context_tokens in all. */
uint32_t session_window_pages (uint32_t window_tokens, uint32_t chunk_tokens,
                               uint32_t context_tokens);

/* pools: [GRAPH_N_KV_GROUPS]. */
void
session_timeline_init (SessionTimeline *timeline, SessionPages *pools, SessionPages *states,
                       uint32_t window_tokens);
/* Gives the pages back. */
void session_timeline_finish (SessionTimeline *timeline);

/* Length of the longest prefix of tokens[n] that the timeline already holds. */
uint32_t
session_timeline_common (const SessionTimeline *timeline, const gint32 *tokens, uint32_t n);
/* The most of its first n tokens after which it can go on: what the next one needs of them is still
 * there. */
uint32_t session_timeline_resume (const SessionTimeline *timeline, uint32_t n);
/* Forgets all but the first n tokens; pages that hold none of them go back to the pool. */
void session_timeline_truncate (SessionTimeline *timeline, uint32_t n);
/* Keeps what is needed to go back to this length for as long as the mark stays. */
void session_timeline_set_mark (SessionTimeline *timeline, uint32_t n);
/* Makes sure that pages exist for n more tokens. ENGINE_ERROR_NO_MEMORY when the pool is used up:
 * nothing has changed then. */
gboolean session_timeline_reserve (SessionTimeline *timeline, uint32_t n, GError **error);
/* Makes the timeline one of these tokens, whose pages (of the window's those that held[n_pages]
 * says) and states are then to be written: it forgets what it held. ENGINE_ERROR_NO_MEMORY when
 * they do not fit: it is empty then. */
gboolean session_timeline_refill (SessionTimeline *timeline, const gint32 *tokens, uint32_t n,
                                  const guint8 *held, uint32_t mark, gboolean has_state,
                                  gboolean has_mark_state, GError **error);
/* A slot for the state after the tokens that were reserved; append makes it the timeline's. */
uint32_t session_timeline_next_state (SessionTimeline *timeline);
void session_timeline_drop_state (SessionTimeline *timeline, uint32_t state);
/* Records that tokens[n] are now in the cache; they must have been reserved. state: what
 * next_state gave, or SESSION_NO_STATE. */
void session_timeline_append (SessionTimeline *timeline, const gint32 *tokens, uint32_t n,
                              uint32_t state);
