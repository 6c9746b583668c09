/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page tables: pages come and go with tokens, prefixes are found, a full pool changes nothing. */
#include "engine/session/kv.h"

#define CHUNK 100 /* tokens at a time */

typedef struct {
  SessionPages pools[GRAPH_N_KV_GROUPS], states;
  SessionTimeline timeline;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  uint32_t window = GPOINTER_TO_UINT (data);

  session_pages_init (&f->pools[GRAPH_KV_FULL], window > 0 ? 100 : 4);
  session_pages_init (&f->pools[GRAPH_KV_WINDOW],
                      window > 0 ? session_window_pages (window, CHUNK, 6400) : 0);
  session_pages_init (&f->states, 0);
  session_timeline_init (&f->timeline, f->pools, &f->states, window);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  session_timeline_finish (&f->timeline);
  session_pages_finish (&f->states);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    g_assert_cmpuint (f->pools[group].n_free, ==, f->pools[group].n_pages); /* all came back */
    session_pages_finish (&f->pools[group]);
  }
}

static void
fill (Fixture *f, uint32_t n)
{
  g_autofree gint32 *tokens = g_new (gint32, n);
  g_autoptr (GError) error = NULL;

  for (uint32_t i = 0; i < n; i++)
    tokens[i] = (gint32) i;
  g_assert_true (session_timeline_reserve (&f->timeline, n, &error));
  g_assert_no_error (error);
  session_timeline_append (&f->timeline, tokens, n, SESSION_NO_STATE);
}

static void
test_reserve (Fixture *f, gconstpointer data)
{
  fill (f, 64);
  g_assert_cmpuint (f->timeline.table[GRAPH_KV_FULL]->len, ==, 1);
  fill (f, 1);
  g_assert_cmpuint (f->timeline.table[GRAPH_KV_FULL]->len, ==, 2);
  g_assert_cmpuint (f->pools[GRAPH_KV_FULL].n_free, ==, 2);
  /* no page is handed out twice */
  g_assert_cmpuint (g_array_index (f->timeline.table[GRAPH_KV_FULL], guint32, 0), !=,
                    g_array_index (f->timeline.table[GRAPH_KV_FULL], guint32, 1));
}

static void
test_truncate (Fixture *f, gconstpointer data)
{
  fill (f, 200);
  session_timeline_truncate (&f->timeline, 65);
  g_assert_cmpuint (f->timeline.table[GRAPH_KV_FULL]->len, ==, 2);
  session_timeline_truncate (&f->timeline, 64);
  g_assert_cmpuint (f->timeline.table[GRAPH_KV_FULL]->len, ==, 1);
  session_timeline_truncate (&f->timeline, 100); /* longer than it is: nothing */
  g_assert_cmpuint (f->timeline.tokens->len, ==, 64);
}

static void
test_full (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fill (f, 250);
  g_assert_false (session_timeline_reserve (&f->timeline, 7, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
  g_assert_cmpuint (f->timeline.table[GRAPH_KV_FULL]->len, ==, 4);
  g_assert_cmpuint (f->timeline.tokens->len, ==, 250);
  fill (f, 6); /* what fits still goes in */
}

static void
test_common (Fixture *f, gconstpointer data)
{
  const gint32 same[] = { 0, 1, 2 }, other[] = { 0, 1, 7, 3 };

  fill (f, 10);
  g_assert_cmpuint (session_timeline_common (&f->timeline, same, 3), ==, 3);
  g_assert_cmpuint (session_timeline_common (&f->timeline, other, 4), ==, 2);
  g_assert_cmpuint (session_timeline_common (&f->timeline, other, 0), ==, 0);
}

/* The pages in use are enough at every step, none is handed out twice, and what a token sees is
 * held. */
static void
check_window (const Fixture *f)
{
  const SessionTimeline *t = &f->timeline;
  g_autofree guint8 *used = g_new0 (guint8, f->pools[GRAPH_KV_WINDOW].n_pages);

  g_assert_cmpuint (session_timeline_resume (t, t->tokens->len), ==, t->tokens->len);
  for (uint32_t page = 0; page < t->held->len; page++) {
    guint32 physical = g_array_index (t->table[GRAPH_KV_WINDOW], guint32, page);

    if (t->held->data[page] == 0)
      continue;
    g_assert_cmpuint (used[physical]++, ==, 0);
  }
}

/* The same timeline made anew, as from a file. */
static void
refill (Fixture *f)
{
  SessionTimeline *t = &f->timeline;
  g_autoptr (GArray) tokens = g_array_copy (t->tokens);
  g_autofree guint8 *held = g_memdup2 (t->held->data, t->held->len);
  uint32_t mark = t->mark, n_pages = t->held->len, n_free = f->pools[GRAPH_KV_WINDOW].n_free;
  gboolean state = t->state != SESSION_NO_STATE, mark_state = t->mark_state != SESSION_NO_STATE;
  g_autoptr (GError) error = NULL;

  g_assert_true (session_timeline_refill (t, (const gint32 *) tokens->data, tokens->len, held, mark,
                                          state, mark_state, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (t->held->data, t->held->len, held, n_pages);
  g_assert_cmpuint (f->pools[GRAPH_KV_WINDOW].n_free, ==, n_free);
  g_assert_cmpuint (session_timeline_resume (t, tokens->len), ==, tokens->len);
  g_assert_cmpuint (session_timeline_resume (t, mark), ==, mark);
  g_assert_cmpuint (session_timeline_common (t, (const gint32 *) tokens->data, tokens->len), ==,
                    tokens->len);
}

static void
test_refill_full (Fixture *f, gconstpointer data)
{
  g_autofree gint32 *tokens = g_new0 (gint32, 300);
  g_autoptr (GError) error = NULL;

  fill (f, 200);
  refill (f);
  fill (f, 56);
  g_assert_false (
      session_timeline_refill (&f->timeline, tokens, 300, NULL, 0, FALSE, FALSE, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
  g_assert_cmpuint (f->timeline.tokens->len, ==, 0);
}

static void
test_window (Fixture *f, gconstpointer data)
{
  uint32_t window = GPOINTER_TO_UINT (data), before, after;

  for (uint32_t n = 0; n < 4000; n += CHUNK) {
    fill (f, CHUNK);
    check_window (f);
  }
  session_timeline_set_mark (&f->timeline, f->timeline.tokens->len - 16);
  for (uint32_t n = 0; n < 2000; n++) {
    fill (f, 1);
    check_window (f);
  }
  refill (f);
  check_window (f);
  /* far behind the window, but marked */
  g_assert_cmpuint (session_timeline_resume (&f->timeline, f->timeline.mark), ==, f->timeline.mark);
  before = f->timeline.mark - window - 128;
  after = f->timeline.mark + window + 128;
  g_assert_cmpuint (session_timeline_resume (&f->timeline, before), <, before);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, after), <, after);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, 0), ==, 0);
  session_timeline_truncate (&f->timeline, f->timeline.mark);
  for (uint32_t n = 0; n < 10; n++) {
    fill (f, CHUNK);
    check_window (f);
  }
}

/* One more batch, with the state that it leaves. */
static uint32_t
step (Fixture *f, uint32_t n)
{
  g_autofree gint32 *tokens = g_new0 (gint32, n);
  g_autoptr (GError) error = NULL;
  uint32_t state = session_timeline_next_state (&f->timeline);

  g_assert_cmpuint (state, !=, SESSION_NO_STATE);
  g_assert_cmpuint (state, !=, f->timeline.state);
  g_assert_cmpuint (state, !=, f->timeline.mark_state);
  session_timeline_reserve (&f->timeline, n, &error);
  g_assert_no_error (error);
  session_timeline_append (&f->timeline, tokens, n, state);
  return state;
}

/* A timeline with states goes on at its end, at its mark, or from the beginning. */
static void
test_states (Fixture *f, gconstpointer data)
{
  uint32_t at_mark, failed;

  session_pages_finish (&f->states);
  session_pages_init (&f->states, SESSION_STATES);
  for (uint32_t i = 0; i < 10; i++)
    step (f, 3);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, 30), ==, 30);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, 29), ==, 0);
  at_mark = step (f, 5);
  session_timeline_set_mark (&f->timeline, 35);
  for (uint32_t i = 0; i < 10; i++)
    step (f, 1);
  failed = session_timeline_next_state (&f->timeline); /* a batch that was cancelled */
  session_timeline_drop_state (&f->timeline, failed);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, 45), ==, 45);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, 44), ==, 35);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, 34), ==, 0);
  session_timeline_truncate (&f->timeline, 35);
  g_assert_cmpuint (f->timeline.state, ==, at_mark);
  refill (f);
  step (f, 2);
  g_assert_cmpuint (session_timeline_resume (&f->timeline, 36), ==, 35);
  session_timeline_truncate (&f->timeline, 0);
  g_assert_cmpuint (f->states.n_free, ==, SESSION_STATES);
  step (f, 2);
}

#define ADD(name, function) \
  g_test_add ("/engine/session/kv/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  static const uint32_t windows[] = { 1, 16, 63, 64, 65, 128, 500, 1024 };

  g_test_init (&argc, &argv, NULL);
  ADD ("reserve", test_reserve);
  ADD ("truncate", test_truncate);
  ADD ("refill", test_refill_full);
  ADD ("full", test_full);
  ADD ("common", test_common);
  ADD ("states", test_states);
  for (size_t i = 0; i < G_N_ELEMENTS (windows); i++) {
    g_autofree char *name = g_strdup_printf ("/engine/session/kv/window-%u", windows[i]);

    g_test_add (name, Fixture, GUINT_TO_POINTER (windows[i]), set_up, test_window, tear_down);
  }
  return g_test_run ();
}
