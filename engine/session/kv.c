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

void
session_timeline_init (SessionTimeline *timeline, SessionPages *pool)
{
  timeline->pool = pool;
  timeline->tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  timeline->table = g_array_new (FALSE, FALSE, sizeof (guint32));
}

void
session_timeline_finish (SessionTimeline *timeline)
{
  session_timeline_truncate (timeline, 0);
  g_clear_pointer (&timeline->tokens, g_array_unref);
  g_clear_pointer (&timeline->table, g_array_unref);
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

static uint32_t
pages_for (uint32_t n_tokens)
{
  return (n_tokens + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS;
}

static void
give_back (SessionTimeline *timeline, uint32_t n_keep)
{
  SessionPages *pool = timeline->pool;

  while (timeline->table->len > n_keep) {
    uint32_t last = timeline->table->len - 1;

    pool->free_pages[pool->n_free++] = g_array_index (timeline->table, guint32, last);
    g_array_set_size (timeline->table, last);
  }
}

void
session_timeline_truncate (SessionTimeline *timeline, uint32_t n)
{
  if (n < timeline->tokens->len)
    g_array_set_size (timeline->tokens, n);
  give_back (timeline, pages_for (timeline->tokens->len));
}

gboolean
session_timeline_reserve (SessionTimeline *timeline, uint32_t n, GError **error)
{
  SessionPages *pool = timeline->pool;
  uint32_t need = pages_for (timeline->tokens->len + n);
  uint32_t more = need > timeline->table->len ? need - timeline->table->len : 0;

  if (more > pool->n_free) {
    g_set_error (
        error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
        "The conversation memory is full: %u more tokens need %u pages of %d tokens and %u "
        "of %u are free. Choose a longer context or close another conversation.",
        n, more, ENGINE_PAGE_TOKENS, pool->n_free, pool->n_pages);
    return FALSE;
  }
  while (more-- > 0)
    g_array_append_val (timeline->table, pool->free_pages[--pool->n_free]);
  return TRUE;
}

void
session_timeline_append (SessionTimeline *timeline, const gint32 *tokens, uint32_t n)
{
  g_array_append_vals (timeline->tokens, tokens, n);
}
