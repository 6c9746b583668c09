/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page tables of timelines. Must not know layers, types or devices, nor which
 * timelines there are (cache.c). */
#include "engine/session/kv.h"

void
session_pages_init (SessionPages *pages, uint32_t n_pages)
{
  pages->n_pages = pages->n_free = n_pages;
  pages->n_holders = g_new0 (uint32_t, n_pages);
  pages->free_pages = g_new (uint32_t, n_pages);
  for (uint32_t i = 0; i < n_pages; i++) /* handed out from the end: low numbers first */
    pages->free_pages[i] = n_pages - 1 - i;
}

void
session_pages_finish (SessionPages *pages)
{
  g_clear_pointer (&pages->free_pages, g_free);
  g_clear_pointer (&pages->n_holders, g_free);
  pages->n_pages = pages->n_free = 0;
}

/* One that nobody holds; there must be one. */
static uint32_t
take (SessionPages *pool)
{
  uint32_t page = pool->free_pages[--pool->n_free];

  pool->n_holders[page] = 1;
  return page;
}

static uint32_t
hold (SessionPages *pool, uint32_t page)
{
  pool->n_holders[page]++;
  return page;
}

static void
let_go (SessionPages *pool, uint32_t page)
{
  if (--pool->n_holders[page] == 0)
    pool->free_pages[pool->n_free++] = page;
}

static uint32_t
pages_for (uint32_t n_tokens)
{
  return (n_tokens + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS;
}

uint32_t
session_window_least_pages (uint32_t window_tokens)
{
  return pages_for (window_tokens) + 1; /* it may begin and end inside a page */
}

uint32_t
session_window_pages (uint32_t window_tokens, uint32_t chunk_tokens, uint32_t context_tokens)
{
  /* The window before the mark, the window before the next token, and what is being read. */
  uint32_t most =
      2 * session_window_least_pages (window_tokens) + pages_for (chunk_tokens) + 1;

  return MIN (most, pages_for (context_tokens));
}

void
session_timeline_init (SessionTimeline *timeline, SessionCache *cache)
{
  *timeline = (SessionTimeline) { .cache = cache,
                                  .state = SESSION_NO_STATE,
                                  .mark_state = SESSION_NO_STATE };
  timeline->tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    timeline->table[group] = g_array_new (FALSE, FALSE, sizeof (guint32));
  timeline->held = g_byte_array_new ();
  g_ptr_array_add (cache->timelines, timeline);
}

uint32_t
session_timeline_common (const SessionTimeline *timeline, const gint32 *tokens, uint32_t n)
{
  uint32_t common = 0;

  n = MIN (n, timeline->tokens->len);
  while (common < n && g_array_index (timeline->tokens, gint32, common) == tokens[common])
    common++;
  return common;
}

/* The first page that a token at position n sees of layers with a window. */
static uint32_t
first_seen (const SessionTimeline *timeline, uint32_t n)
{
  uint32_t window = timeline->cache->window_tokens;

  return n < window ? 0 : (n - window + 1) / ENGINE_PAGE_TOKENS;
}

static gboolean
can_resume (const SessionTimeline *timeline, uint32_t n)
{
  if (n > 0 && timeline->cache->states.n_pages > 0 && n != timeline->tokens->len &&
      (n != timeline->mark || timeline->mark_state == SESSION_NO_STATE))
    return FALSE;
  if (timeline->cache->window_tokens == 0)
    return TRUE;
  for (uint32_t page = first_seen (timeline, n); page < pages_for (n); page++)
    if (page >= timeline->held->len || timeline->held->data[page] == 0)
      return FALSE;
  return TRUE;
}

uint32_t
session_timeline_resume (const SessionTimeline *timeline, uint32_t n)
{
  if (can_resume (timeline, n))
    return n;
  return timeline->mark <= n && can_resume (timeline, timeline->mark) ? timeline->mark : 0;
}

/* ---- states --------------------------------------------------------------------------------- */

void
session_timeline_drop_state (SessionTimeline *timeline, uint32_t state)
{
  if (state != SESSION_NO_STATE)
    let_go (&timeline->cache->states, state);
}

uint32_t
session_timeline_next_state (SessionTimeline *timeline)
{
  SessionPages *states = &timeline->cache->states;

  if (states->n_pages == 0)
    return SESSION_NO_STATE;
  while (states->n_free == 0 && session_cache_evict (timeline->cache, timeline))
    ;
  return states->n_free > 0 ? take (states) : SESSION_NO_STATE;
}

static uint32_t
hold_state (SessionTimeline *timeline, uint32_t state)
{
  return state != SESSION_NO_STATE ? hold (&timeline->cache->states, state) : SESSION_NO_STATE;
}

/* The state becomes another, which is given to the timeline. */
static void
take_state (SessionTimeline *timeline, uint32_t state)
{
  session_timeline_drop_state (timeline, timeline->state);
  timeline->state = state;
}

void
session_timeline_set_mark (SessionTimeline *timeline, uint32_t n)
{
  uint32_t before = timeline->mark_state;

  timeline->mark = n;
  timeline->mark_state = n == timeline->tokens->len ? hold_state (timeline, timeline->state)
                                                    : SESSION_NO_STATE;
  session_timeline_drop_state (timeline, before);
}

/* And the mark, which goes with the tokens that it stands after. */
static void
truncate_states (SessionTimeline *timeline, uint32_t n)
{
  if (n == timeline->tokens->len)
    return;
  take_state (timeline, n > 0 && n == timeline->mark ? hold_state (timeline, timeline->mark_state)
                                                     : SESSION_NO_STATE);
  if (n < timeline->mark)
    session_timeline_set_mark (timeline, 0);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void
shorten (SessionTimeline *timeline, GraphKvGroup group, uint32_t n_keep)
{
  GArray *table = timeline->table[group];

  for (uint32_t page = n_keep; page < table->len; page++)
    if (group == GRAPH_KV_FULL || timeline->held->data[page] != 0)
      let_go (&timeline->cache->pools[group], g_array_index (table, guint32, page));
  g_array_set_size (table, MIN (n_keep, table->len));
  if (group == GRAPH_KV_WINDOW)
    g_byte_array_set_size (timeline->held, table->len);
}

void
session_timeline_truncate (SessionTimeline *timeline, uint32_t n)
{
  n = MIN (n, timeline->tokens->len);
  truncate_states (timeline, n);
  if (n < timeline->tokens->len)
    g_array_set_size (timeline->tokens, n);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    shorten (timeline, group, pages_for (timeline->tokens->len));
}

void
session_timeline_clear (SessionTimeline *timeline)
{
  session_timeline_drop_state (timeline, timeline->mark_state);
  timeline->mark_state = SESSION_NO_STATE;
  timeline->mark = 0;
  take_state (timeline, SESSION_NO_STATE);
  g_array_set_size (timeline->tokens, 0);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    shorten (timeline, group, 0);
}

void
session_timeline_finish (SessionTimeline *timeline)
{
  session_cache_keep (timeline);
  session_timeline_clear (timeline);
  g_ptr_array_remove (timeline->cache->timelines, timeline);
  g_clear_pointer (&timeline->tokens, g_array_unref);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    g_clear_pointer (&timeline->table[group], g_array_unref);
  g_clear_pointer (&timeline->held, g_byte_array_unref);
}

/* ---- room ----------------------------------------------------------------------------------- */

/* Pages of the window that neither tokens to come nor those after the mark see. */
static void
release_unseen (SessionTimeline *timeline)
{
  uint32_t seen = first_seen (timeline, timeline->tokens->len);
  uint32_t mark_first = first_seen (timeline, timeline->mark);
  uint32_t mark_end = pages_for (timeline->mark);

  for (uint32_t page = 0; page < MIN (seen, timeline->held->len); page++) {
    if (timeline->held->data[page] == 0 || (page >= mark_first && page < mark_end))
      continue;
    timeline->held->data[page] = 0;
    let_go (&timeline->cache->pools[GRAPH_KV_WINDOW],
            g_array_index (timeline->table[GRAPH_KV_WINDOW], guint32, page));
  }
}

gboolean
session_timeline_drop_mark (SessionTimeline *timeline)
{
  const SessionCache *cache = timeline->cache;
  const SessionPages *windows = &cache->pools[GRAPH_KV_WINDOW], *states = &cache->states;
  uint32_t n_free = windows->n_free + states->n_free;

  if (cache->window_tokens > 0)
    release_unseen (timeline); /* no batch has come since they went out of sight */
  if (windows->n_free + states->n_free > n_free)
    return TRUE;
  session_timeline_set_mark (timeline, 0);
  if (cache->window_tokens > 0)
    release_unseen (timeline);
  return windows->n_free + states->n_free > n_free;
}

void
session_timeline_note_pages (const SessionTimeline *timeline, GraphKvGroup group, guint8 *noted)
{
  const GArray *table = timeline->table[group];
  guint first = group == GRAPH_KV_WINDOW ? first_seen (timeline, timeline->tokens->len) : 0;

  for (guint i = first; i < table->len; i++)
    if (group == GRAPH_KV_FULL || timeline->held->data[i] != 0)
      noted[g_array_index (table, guint32, i)] = 1;
}

static gboolean
has_group (const SessionTimeline *timeline, unsigned group)
{
  return group == GRAPH_KV_FULL || timeline->cache->window_tokens > 0;
}

gboolean
session_timeline_shares_last (const SessionTimeline *timeline, GraphKvGroup group)
{
  uint32_t n = timeline->tokens->len, page;

  if (n % ENGINE_PAGE_TOKENS == 0)
    return FALSE;
  page = g_array_index (timeline->table[group], guint32, n / ENGINE_PAGE_TOKENS);
  return timeline->cache->pools[group].n_holders[page] > 1;
}

/* Pages to be taken before n more tokens are read. */
static uint32_t
wants (const SessionTimeline *timeline, unsigned group, uint32_t n)
{
  uint32_t need = pages_for (timeline->tokens->len + n), have = timeline->table[group]->len;

  return (need > have ? need - have : 0) + session_timeline_shares_last (timeline, group);
}

static gboolean
check_room (const SessionTimeline *timeline, GraphKvGroup group, uint32_t n, uint32_t more,
            GError **error)
{
  const SessionPages *pool = &timeline->cache->pools[group];

  if (more <= pool->n_free)
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
               "The conversation memory is full: %u more tokens need %u pages of %d tokens and %u "
               "of %u are free. %s",
               n, more, ENGINE_PAGE_TOKENS, pool->n_free, pool->n_pages,
               session_cache_others_in_use (timeline->cache, timeline)
                   ? "Other answers that are being written hold the rest: ask again when they are "
                     "done, or choose a longer context."
                   : "Choose a longer context.");
  return FALSE;
}

static void
lengthen (SessionTimeline *timeline, GraphKvGroup group, uint32_t more)
{
  const guint8 held = 1;

  while (more-- > 0) {
    guint32 page = take (&timeline->cache->pools[group]);

    g_array_append_val (timeline->table[group], page);
    if (group == GRAPH_KV_WINDOW)
      g_byte_array_append (timeline->held, &held, 1);
  }
}

/* The last page becomes its own, with what the tokens so far have in it. */
static gboolean
own_last (SessionTimeline *timeline, GraphKvGroup group, GError **error)
{
  SessionPages *pool = &timeline->cache->pools[group];
  EngineBackendModel *model = timeline->cache->model;
  guint32 *page, copy;

  if (!session_timeline_shares_last (timeline, group))
    return TRUE;
  page = &g_array_index (timeline->table[group], guint32,
                         timeline->tokens->len / ENGINE_PAGE_TOKENS);
  copy = take (pool);
  if (!model->backend->vtable->copy_page (model, group, *page, copy, error)) {
    let_go (pool, copy);
    return FALSE;
  }
  let_go (pool, *page);
  *page = copy;
  return TRUE;
}

gboolean
session_timeline_reserve (SessionTimeline *timeline, uint32_t n, GError **error)
{
  if (timeline->cache->window_tokens > 0)
    release_unseen (timeline);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    if (!has_group (timeline, group))
      continue;
    /* Whoever shared the last page may be the one that goes: this wants less then. */
    while (wants (timeline, group, n) > timeline->cache->pools[group].n_free &&
           session_cache_evict (timeline->cache, timeline))
      ;
    if (!check_room (timeline, group, n, wants (timeline, group, n), error))
      return FALSE;
  }
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    if (!has_group (timeline, group))
      continue;
    if (!own_last (timeline, group, error))
      return FALSE;
    lengthen (timeline, group, wants (timeline, group, n));
  }
  return TRUE;
}

void
session_timeline_append (SessionTimeline *timeline, const gint32 *tokens, uint32_t n,
                         uint32_t state)
{
  g_array_append_vals (timeline->tokens, tokens, n);
  take_state (timeline, state);
}

/* Pages for all tokens; of the window's those alone that held says. */
static void
refill_table (SessionTimeline *timeline, GraphKvGroup group, uint32_t n_pages, const guint8 *held)
{
  const guint32 none = 0;
  const guint8 gone = 0;

  for (uint32_t page = 0; page < n_pages; page++) {
    if (group == GRAPH_KV_FULL || held[page] != 0) {
      lengthen (timeline, group, 1);
    } else {
      g_array_append_val (timeline->table[group], none);
      g_byte_array_append (timeline->held, &gone, 1);
    }
  }
}

/* Room for so many pages of each group and states, which others give. */
static gboolean
make_room (SessionTimeline *timeline, uint32_t n, const uint32_t n_pages[GRAPH_N_KV_GROUPS],
           uint32_t n_states, GError **error)
{
  SessionCache *cache = timeline->cache;

  while ((n_pages[GRAPH_KV_FULL] > cache->pools[GRAPH_KV_FULL].n_free ||
          n_pages[GRAPH_KV_WINDOW] > cache->pools[GRAPH_KV_WINDOW].n_free ||
          n_states > cache->states.n_free) &&
         session_cache_evict (cache, timeline))
    ;
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    if (!check_room (timeline, group, n, n_pages[group], error))
      return FALSE;
  if (n_states <= cache->states.n_free)
    return TRUE;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                       "The conversation memory is full.");
  return FALSE;
}

gboolean
session_timeline_refill (SessionTimeline *timeline, const gint32 *tokens, uint32_t n,
                         const guint8 *held, uint32_t mark, gboolean has_state,
                         gboolean has_mark_state, GError **error)
{
  uint32_t n_pages[GRAPH_N_KV_GROUPS] = { [GRAPH_KV_FULL] = pages_for (n) };

  session_cache_keep (timeline);
  session_timeline_clear (timeline);
  for (uint32_t page = 0; timeline->cache->window_tokens > 0 && page < pages_for (n); page++)
    n_pages[GRAPH_KV_WINDOW] += held[page];
  if (!make_room (timeline, n, n_pages, (has_state != 0) + (has_mark_state != 0), error))
    return FALSE;
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    if (has_group (timeline, group))
      refill_table (timeline, group, pages_for (n), held);
  g_array_append_vals (timeline->tokens, tokens, n);
  timeline->mark = mark;
  if (has_state)
    timeline->state = take (&timeline->cache->states);
  if (has_mark_state)
    timeline->mark_state = take (&timeline->cache->states);
  return TRUE;
}

void
session_timeline_fork (SessionTimeline *timeline, const SessionTimeline *from, uint32_t n)
{
  uint32_t state = n == from->tokens->len ? from->state : from->mark_state;
  const guint32 none = 0;

  session_timeline_clear (timeline);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    /* Of the window only what the next token sees. */
    uint32_t first = group == GRAPH_KV_WINDOW ? first_seen (from, n) : 0;

    for (uint32_t page = 0; has_group (from, group) && page < pages_for (n); page++) {
      const guint8 held = page >= first;
      guint32 shared = g_array_index (from->table[group], guint32, page);

      if (held != 0)
        hold (&timeline->cache->pools[group], shared);
      g_array_append_val (timeline->table[group], *(held != 0 ? &shared : &none));
      if (group == GRAPH_KV_WINDOW)
        g_byte_array_append (timeline->held, &held, 1);
    }
  }
  g_array_append_vals (timeline->tokens, from->tokens->data, n);
  take_state (timeline, n > 0 ? hold_state (timeline, state) : SESSION_NO_STATE);
  session_timeline_set_mark (timeline, n);
}
