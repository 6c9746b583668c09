/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which timelines a model has, what a prompt takes over from them, and which gives its pages when
 * there are too few. Must not know how pages lie in tables (kv.c), nor who asks. */
#include "engine/session/kv.h"

/* Kept timelines: enough for the conversations of a day; their pages are the limit long before. */
#define MAX_KEPT 32
/* Tokens that a timeline must lose to be kept instead: less is read again as fast. */
#define MIN_KEPT_TOKENS ENGINE_PAGE_TOKENS

void
session_cache_init (SessionCache *cache, const EngineKvSize *kv, uint32_t window_tokens,
                    EngineBackendModel *model)
{
  *cache = (SessionCache) { .window_tokens = window_tokens, .model = model };
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    session_pages_init (&cache->pools[group], kv->n_pages[group]);
  session_pages_init (&cache->states, kv->n_states);
  cache->timelines = g_ptr_array_new ();
}

static SessionTimeline *
timeline_at (const SessionCache *cache, guint i)
{
  return g_ptr_array_index (cache->timelines, i);
}

/* A session's timeline stays, without tokens; a kept one goes. */
static void
discard (SessionTimeline *timeline)
{
  if (!timeline->kept) {
    session_timeline_clear (timeline);
    return;
  }
  session_timeline_finish (timeline);
  g_free (timeline);
}

void
session_cache_forget (SessionCache *cache)
{
  for (guint i = cache->timelines->len; i > 0; i--)
    if (!timeline_at (cache, i - 1)->in_use)
      discard (timeline_at (cache, i - 1));
}

void
session_cache_finish (SessionCache *cache)
{
  if (cache->timelines == NULL)
    return;
  session_cache_forget (cache);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    session_pages_finish (&cache->pools[group]);
  session_pages_finish (&cache->states);
  g_clear_pointer (&cache->timelines, g_ptr_array_unref);
}

/* One that somebody in use could go back to. */
static gboolean
drop_mark (SessionCache *cache)
{
  for (guint i = 0; i < cache->timelines->len; i++)
    if (timeline_at (cache, i)->in_use && session_timeline_drop_mark (timeline_at (cache, i)))
      return TRUE;
  return FALSE;
}

gboolean
session_cache_others_in_use (const SessionCache *cache, const SessionTimeline *except)
{
  for (guint i = 0; i < cache->timelines->len; i++)
    if (timeline_at (cache, i) != except && timeline_at (cache, i)->in_use)
      return TRUE;
  return FALSE;
}

gboolean
session_cache_evict (SessionCache *cache, const SessionTimeline *except)
{
  SessionTimeline *oldest = NULL;

  for (guint i = 0; i < cache->timelines->len; i++) {
    SessionTimeline *timeline = timeline_at (cache, i);

    if (timeline != except && !timeline->in_use && timeline->tokens->len > 0 &&
        (oldest == NULL || timeline->used < oldest->used))
      oldest = timeline;
  }
  if (oldest == NULL)
    return drop_mark (cache);
  /* From the end, so that a beginning that others may share stays longest. Windows and states are
   * of one place only: without that there is nothing to go on from. */
  if (cache->window_tokens == 0 && cache->states.n_pages == 0)
    session_timeline_truncate (oldest, (oldest->tokens->len - 1) / ENGINE_PAGE_TOKENS *
                                           ENGINE_PAGE_TOKENS);
  else
    session_timeline_clear (oldest);
  if (oldest->tokens->len == 0)
    discard (oldest);
  return TRUE;
}

/* Tokens that the pages of a group take beside what these n timelines need, shared out among them
 * and one more at the worst: each begins a page for its last token. */
static uint32_t
pages_room (const SessionCache *cache, GraphKvGroup group, SessionTimeline *const *timelines,
            uint32_t n)
{
  uint32_t n_pages = cache->pools[group].n_pages, n_needed = 0, n_free;
  g_autofree guint8 *noted = g_new0 (guint8, n_pages + 1);

  for (uint32_t i = 0; i < n; i++) {
    session_timeline_note_pages (timelines[i], group, noted);
    n_needed += session_timeline_shares_last (timelines[i], group);
  }
  for (uint32_t page = 0; page < n_pages; page++)
    n_needed += noted[page];
  n_free = n_pages - MIN (n_needed, n_pages);
  return n_free > n ? n_free * ENGINE_PAGE_TOKENS - n * (ENGINE_PAGE_TOKENS - 1) : 0;
}

uint32_t
session_cache_room (const SessionCache *cache, SessionTimeline *const *timelines, uint32_t n)
{
  uint32_t room = pages_room (cache, GRAPH_KV_FULL, timelines, n);
  uint32_t windows = (n + 1) * session_window_least_pages (cache->window_tokens);

  /* A state for each, and one that a batch writes. */
  if (cache->states.n_pages > 0 && n + 2 > cache->states.n_pages)
    return 0;
  /* Where the windows of all fit, and two pages that a short batch goes to, the lengths do not
   * matter. */
  if (cache->window_tokens > 0 && windows + 2 > cache->pools[GRAPH_KV_WINDOW].n_pages)
    room = MIN (room, pages_room (cache, GRAPH_KV_WINDOW, timelines, n));
  return room;
}

/* Another timeline can go on after all tokens of this one. */
static gboolean
is_elsewhere (const SessionTimeline *timeline)
{
  const SessionCache *cache = timeline->cache;
  uint32_t n = timeline->tokens->len;

  for (guint i = 0; i < cache->timelines->len; i++) {
    const SessionTimeline *other = timeline_at (cache, i);

    if (other != timeline &&
        session_timeline_common (other, (const gint32 *) timeline->tokens->data, n) == n &&
        session_timeline_resume (other, n) == n)
      return TRUE;
  }
  return FALSE;
}

static void
drop_oldest_kept (SessionCache *cache)
{
  SessionTimeline *oldest = NULL;
  guint n_kept = 0;

  for (guint i = 0; i < cache->timelines->len; i++) {
    SessionTimeline *timeline = timeline_at (cache, i);

    n_kept += timeline->kept;
    if (timeline->kept && (oldest == NULL || timeline->used < oldest->used))
      oldest = timeline;
  }
  if (n_kept > MAX_KEPT)
    discard (oldest);
}

SessionTimeline *
session_cache_keep (SessionTimeline *timeline)
{
  SessionCache *cache = timeline->cache;
  SessionTimeline *kept, empty;

  if (timeline->kept || timeline->tokens->len < MIN_KEPT_TOKENS || is_elsewhere (timeline))
    return NULL;
  kept = g_new (SessionTimeline, 1);
  session_timeline_init (kept, cache);
  /* What each holds changes hands; who they are does not. */
  empty = *kept;
  *kept = *timeline;
  kept->kept = TRUE;
  kept->in_use = FALSE;
  empty.in_use = timeline->in_use;
  *timeline = empty;
  drop_oldest_kept (cache);
  return kept;
}

/* The timeline that has most of these tokens, itself where no other has more. */
static SessionTimeline *
find_best (const SessionTimeline *timeline, const gint32 *tokens, uint32_t n, uint32_t *n_best)
{
  const SessionCache *cache = timeline->cache;
  SessionTimeline *best = NULL;

  *n_best = 0;
  for (guint i = 0; i < cache->timelines->len; i++) {
    SessionTimeline *other = timeline_at (cache, i);
    uint32_t n_other =
        session_timeline_resume (other, session_timeline_common (other, tokens, n));

    if (n_other > *n_best || (n_other == *n_best && other == timeline)) {
      best = other;
      *n_best = n_other;
    }
  }
  return best;
}

uint32_t
session_timeline_reusable (const SessionTimeline *timeline, const gint32 *tokens, uint32_t n)
{
  uint32_t n_best;

  find_best (timeline, tokens, n, &n_best);
  return n_best;
}

uint32_t
session_timeline_adopt (SessionTimeline *timeline, const gint32 *tokens, uint32_t n)
{
  SessionTimeline *best, *kept = NULL;
  uint32_t n_best;

  best = find_best (timeline, tokens, n, &n_best);
  best->used = ++timeline->cache->clock;
  if (best != timeline || timeline->tokens->len >= n_best + MIN_KEPT_TOKENS)
    kept = session_cache_keep (timeline);
  if (best != timeline)
    session_timeline_fork (timeline, best, n_best);
  else if (kept != NULL)
    session_timeline_fork (timeline, kept, n_best);
  else
    session_timeline_truncate (timeline, n_best);
  timeline->used = ++timeline->cache->clock;
  return n_best;
}
