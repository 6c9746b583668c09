/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page tables of timelines. Must not know layers, types or devices. */
#include "engine/session/kv.h"

void
session_pages_init (SessionPages *pages, uint32_t n_pages)
{
  pages->n_pages = pages->n_free = n_pages;
  pages->free_pages = g_new (uint32_t, n_pages);
  for (uint32_t i = 0; i < n_pages; i++) /* handed out from the end: low numbers first */
    pages->free_pages[i] = n_pages - 1 - i;
}

void
session_pages_finish (SessionPages *pages)
{
  g_clear_pointer (&pages->free_pages, g_free);
  pages->n_pages = pages->n_free = 0;
}

static uint32_t
pages_for (uint32_t n_tokens)
{
  return (n_tokens + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS;
}

uint32_t
session_window_pages (uint32_t window_tokens, uint32_t chunk_tokens, uint32_t context_tokens)
{
  /* The window before the mark, the window before the next token, and what is being read; each may
   * begin and end inside a page. */
  uint32_t most = 2 * (pages_for (window_tokens) + 1) + pages_for (chunk_tokens) + 1;

  return MIN (most, pages_for (context_tokens));
}

void
session_timeline_init (SessionTimeline *timeline, SessionPages *pools, SessionPages *states,
                       uint32_t window_tokens)
{
  *timeline = (SessionTimeline) { .pools = pools,
                                  .states = states,
                                  .window_tokens = window_tokens,
                                  .state = SESSION_NO_STATE,
                                  .mark_state = SESSION_NO_STATE };
  timeline->tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    timeline->table[group] = g_array_new (FALSE, FALSE, sizeof (guint32));
  timeline->held = g_byte_array_new ();
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
  return n < timeline->window_tokens ? 0 : (n - timeline->window_tokens + 1) / ENGINE_PAGE_TOKENS;
}

static gboolean
can_resume (const SessionTimeline *timeline, uint32_t n)
{
  if (n > 0 && timeline->states->n_pages > 0 && n != timeline->tokens->len &&
      (n != timeline->mark || timeline->mark_state == SESSION_NO_STATE))
    return FALSE;
  if (timeline->window_tokens == 0)
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

static void
give_back (SessionPages *pool, uint32_t page)
{
  pool->free_pages[pool->n_free++] = page;
}

/* ---- states --------------------------------------------------------------------------------- */

void
session_timeline_drop_state (SessionTimeline *timeline, uint32_t state)
{
  if (state != SESSION_NO_STATE && state != timeline->state && state != timeline->mark_state)
    give_back (timeline->states, state);
}

uint32_t
session_timeline_next_state (SessionTimeline *timeline)
{
  SessionPages *states = timeline->states;

  return states->n_free > 0 ? states->free_pages[--states->n_free] : SESSION_NO_STATE;
}

/* The state becomes another: the one before goes, unless the mark has it. */
static void
take_state (SessionTimeline *timeline, uint32_t state)
{
  uint32_t before = timeline->state;

  timeline->state = state;
  session_timeline_drop_state (timeline, before);
}

void
session_timeline_set_mark (SessionTimeline *timeline, uint32_t n)
{
  uint32_t before = timeline->mark_state;

  timeline->mark = n;
  timeline->mark_state = n == timeline->tokens->len ? timeline->state : SESSION_NO_STATE;
  session_timeline_drop_state (timeline, before);
}

/* And the mark, which goes with the tokens that it stands after. */
static void
truncate_states (SessionTimeline *timeline, uint32_t n)
{
  if (n == timeline->tokens->len)
    return;
  take_state (timeline, n > 0 && n == timeline->mark ? timeline->mark_state : SESSION_NO_STATE);
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
      give_back (&timeline->pools[group], g_array_index (table, guint32, page));
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
session_timeline_finish (SessionTimeline *timeline)
{
  session_timeline_set_mark (timeline, 0);
  session_timeline_truncate (timeline, 0);
  take_state (timeline, SESSION_NO_STATE);
  g_clear_pointer (&timeline->tokens, g_array_unref);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    g_clear_pointer (&timeline->table[group], g_array_unref);
  g_clear_pointer (&timeline->held, g_byte_array_unref);
}

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
    give_back (&timeline->pools[GRAPH_KV_WINDOW],
               g_array_index (timeline->table[GRAPH_KV_WINDOW], guint32, page));
  }
}

static gboolean
check_room (const SessionTimeline *timeline, GraphKvGroup group, uint32_t n, uint32_t more,
            GError **error)
{
  const SessionPages *pool = &timeline->pools[group];

  if (more <= pool->n_free)
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
               "The conversation memory is full: %u more tokens need %u pages of %d tokens and %u "
               "of %u are free. Choose a longer context or close another conversation.",
               n, more, ENGINE_PAGE_TOKENS, pool->n_free, pool->n_pages);
  return FALSE;
}

static void
lengthen (SessionTimeline *timeline, GraphKvGroup group, uint32_t more)
{
  SessionPages *pool = &timeline->pools[group];
  const guint8 held = 1;

  while (more-- > 0) {
    g_array_append_val (timeline->table[group], pool->free_pages[--pool->n_free]);
    if (group == GRAPH_KV_WINDOW)
      g_byte_array_append (timeline->held, &held, 1);
  }
}

gboolean
session_timeline_reserve (SessionTimeline *timeline, uint32_t n, GError **error)
{
  uint32_t need = pages_for (timeline->tokens->len + n), more[GRAPH_N_KV_GROUPS] = { 0 };

  if (timeline->window_tokens > 0)
    release_unseen (timeline);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    uint32_t have = timeline->table[group]->len;

    if (group == GRAPH_KV_FULL || timeline->window_tokens > 0)
      more[group] = need > have ? need - have : 0;
    if (!check_room (timeline, group, n, more[group], error))
      return FALSE;
  }
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    lengthen (timeline, group, more[group]);
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

gboolean
session_timeline_refill (SessionTimeline *timeline, const gint32 *tokens, uint32_t n,
                         const guint8 *held, uint32_t mark, gboolean has_state,
                         gboolean has_mark_state, GError **error)
{
  uint32_t n_pages = pages_for (n), n_held = 0;

  session_timeline_set_mark (timeline, 0);
  session_timeline_truncate (timeline, 0);
  for (uint32_t page = 0; timeline->window_tokens > 0 && page < n_pages; page++)
    n_held += held[page];
  if (!check_room (timeline, GRAPH_KV_FULL, n, n_pages, error) ||
      !check_room (timeline, GRAPH_KV_WINDOW, n, n_held, error))
    return FALSE;
  if ((has_state || has_mark_state) && timeline->states->n_free < 2) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                         "The conversation memory is full. Close another conversation.");
    return FALSE;
  }
  refill_table (timeline, GRAPH_KV_FULL, n_pages, held);
  if (timeline->window_tokens > 0)
    refill_table (timeline, GRAPH_KV_WINDOW, n_pages, held);
  g_array_append_vals (timeline->tokens, tokens, n);
  timeline->mark = mark;
  if (has_state)
    timeline->state = session_timeline_next_state (timeline);
  if (has_mark_state)
    timeline->mark_state = session_timeline_next_state (timeline);
  return TRUE;
}
