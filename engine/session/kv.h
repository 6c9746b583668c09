/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which page of KV memory holds which 64 tokens of which timeline. Knows page numbers and token ids
 * only; the bytes are the back end's.
 * Thread: the engine thread. */
#pragma once

#include "engine/backend.h"

/* Pages of one kind. A page belongs to all who hold it, and is free when nobody does. */
typedef struct {
  uint32_t n_pages, n_free;
  uint32_t *free_pages; /* [n_pages], the first n_free are free */
  uint32_t *n_holders;  /* [n_pages] */
} SessionPages;

void session_pages_init (SessionPages *pages, uint32_t n_pages);
void session_pages_finish (SessionPages *pages);

/* All that one loaded model keeps: the pages, and the timelines that they are of. These are the
 * timelines of its sessions, and kept ones, which no session needs now but a prompt to come may
 * begin with. Whoever needs pages takes them from timelines in which no answer goes on, those first
 * that were used longest ago; then from marks. */
typedef struct {
  SessionPages pools[GRAPH_N_KV_GROUPS];
  SessionPages states;       /* what recurrent layers keep; n_pages 0: none */
  uint32_t window_tokens;    /* 0: no layer has a window */
  EngineBackendModel *model; /* borrowed: it copies pages */
  GPtrArray *timelines;      /* of SessionTimeline */
  uint64_t clock;
} SessionCache;

/* One timeline: the tokens whose keys and values are in the cache, and the pages that hold them. It
 * may share these with others: before it writes into a page that another holds too, it copies that.
 * Layers with a sliding window have pages of their own (GRAPH_KV_WINDOW), of which a timeline holds
 * only those that tokens to come see, and those that lie before its mark: a place to which it can
 * go back. */
typedef struct {
  SessionCache *cache; /* borrowed */
  gboolean kept;       /* no session's */
  gboolean in_use;     /* an answer goes on in it: it gives no pages to others */
  uint64_t used;       /* the cache's clock at the last use */
  uint32_t mark;
  uint32_t state, mark_state; /* of all tokens, and at the mark; SESSION_NO_STATE */
  GArray *tokens;             /* gint32 [n] in the cache */
  /* guint32 physical page of tokens 64 i .. 64 i + 63; meaningless where held says that it went */
  GArray *table[GRAPH_N_KV_GROUPS];
  GByteArray *held; /* of the window's table: 0 or 1 */
} SessionTimeline;

#define SESSION_NO_STATE UINT32_MAX
/* Slots: of two timelines in use, as they are, as they will be, and at their marks. Where one is
 * alone, a short job in between does not cost another conversation its own. */
#define SESSION_STATES      6
#define SESSION_MOST_STATES 32

/* Pages that a timeline of a model with a window needs at most of the window's pool, when it is fed
 * chunks of so many tokens and holds context_tokens in all. */
uint32_t session_window_pages (uint32_t window_tokens, uint32_t chunk_tokens,
                               uint32_t context_tokens);
/* That it needs to write the next token. */
uint32_t session_window_least_pages (uint32_t window_tokens);

void session_timeline_init (SessionTimeline *timeline, SessionCache *cache);
/* What it holds is kept for others. */
void session_timeline_finish (SessionTimeline *timeline);
/* Forgets all; what nobody else holds is free. */
void session_timeline_clear (SessionTimeline *timeline);

/* Length of the longest prefix of tokens[n] that the timeline already holds. */
uint32_t
session_timeline_common (const SessionTimeline *timeline, const gint32 *tokens, uint32_t n);
/* The most of its first n tokens after which it can go on: what the next one needs of them is still
 * there. */
uint32_t session_timeline_resume (const SessionTimeline *timeline, uint32_t n);
/* Becomes one of the first n tokens of another, which can go on after them; shares its pages. */
void session_timeline_fork (SessionTimeline *timeline, const SessionTimeline *from, uint32_t n);
/* Forgets all but the first n tokens; pages that hold none of them go back to the pool. */
void session_timeline_truncate (SessionTimeline *timeline, uint32_t n);
/* Keeps what is needed to go back to this length for as long as the mark stays. */
void session_timeline_set_mark (SessionTimeline *timeline, uint32_t n);
/* Lets go of what the next token does not need, at last of the mark; FALSE: there was nothing. */
gboolean session_timeline_drop_mark (SessionTimeline *timeline);
/* noted[page] = 1 for each page of a group that its next token needs. */
void session_timeline_note_pages (const SessionTimeline *timeline, GraphKvGroup group,
                                  guint8 *noted);
/* The page that the next token goes to is there already, and another timeline reads it. */
gboolean session_timeline_shares_last (const SessionTimeline *timeline, GraphKvGroup group);
/* Makes sure that pages exist for n more tokens, and are its own. ENGINE_ERROR_NO_MEMORY when the
 * pool is used up: nothing of this timeline has changed then. */
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

/* ---- cache.c: what timelines have of each other ---- */

void session_cache_init (SessionCache *cache, const EngineKvSize *kv, uint32_t window_tokens,
                         EngineBackendModel *model);
/* All sessions must be gone. */
void session_cache_finish (SessionCache *cache);
/* No timeline holds anything any more, but those in use. */
void session_cache_forget (SessionCache *cache);
/* Takes pages or a state from the timeline that was used longest ago, but not from this one nor
 * from one in use; where there is none, from a mark, which no answer needs to go on. FALSE: there
 * is nothing that could be given. */
gboolean session_cache_evict (SessionCache *cache, const SessionTimeline *except);
/* An answer goes on in another timeline than this one. */
gboolean session_cache_others_in_use (const SessionCache *cache, const SessionTimeline *except);
/* Tokens that could be added to these n timelines and one more, however they share them out: what
 * others hold is given for them. */
uint32_t session_cache_room (const SessionCache *cache, SessionTimeline *const *timelines,
                             uint32_t n);
/* What the timeline holds becomes that of a kept one, which is returned; the timeline is empty
 * then. NULL where it is not worth it: nothing has changed. */
SessionTimeline *session_cache_keep (SessionTimeline *timeline);

/* How many of these first tokens are held by the timeline, or by another that it can take them
 * from. */
uint32_t
session_timeline_reusable (const SessionTimeline *timeline, const gint32 *tokens, uint32_t n);
/* Makes it hold these and no others; what it held beyond is kept. Returns their number. */
uint32_t session_timeline_adopt (SessionTimeline *timeline, const gint32 *tokens, uint32_t n);
