/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page tables: pages come and go with tokens, prefixes are found and shared, what two timelines
 * hold is copied before one writes into it, the oldest gives way, a full pool changes nothing. */
#include "engine/session/kv.h"

#define CHUNK 100 /* tokens at a time */

typedef struct {
  SessionCache cache;
  SessionTimeline timeline;
  uint32_t n_copied;
  EngineBackendVtable vtable;
  EngineBackend backend;
  EngineBackendModel model;
} Fixture;

static gboolean
copy_page (EngineBackendModel *model, GraphKvGroup group, uint32_t src, uint32_t dst,
           GError **error)
{
  Fixture *f = (Fixture *) (void *) ((char *) model - offsetof (Fixture, model));

  g_assert_cmpuint (src, !=, dst);
  f->n_copied++;
  return TRUE;
}

static void
begin (Fixture *f, uint32_t n_full, uint32_t window, uint32_t n_states)
{
  const EngineKvSize size = {
    { n_full, window > 0 ? session_window_pages (window, CHUNK, 6400) : 0 }, n_states
  };

  f->vtable.copy_page = copy_page;
  f->backend.vtable = &f->vtable;
  f->model.backend = &f->backend;
  session_cache_init (&f->cache, &size, window, &f->model);
  session_timeline_init (&f->timeline, &f->cache);
}

static void
end (Fixture *f)
{
  session_timeline_finish (&f->timeline);
  session_cache_forget (&f->cache);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) /* all came back */
    g_assert_cmpuint (f->cache.pools[group].n_free, ==, f->cache.pools[group].n_pages);
  g_assert_cmpuint (f->cache.states.n_free, ==, f->cache.states.n_pages);
  session_cache_finish (&f->cache);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  uint32_t window = GPOINTER_TO_UINT (data);

  begin (f, window > 0 ? 100 : 4, window, 0);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  end (f);
}

static uint32_t
n_free (const Fixture *f)
{
  return f->cache.pools[GRAPH_KV_FULL].n_free;
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
  g_assert_cmpuint (n_free (f), ==, 2);
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
  g_autofree guint8 *used = g_new0 (guint8, f->cache.pools[GRAPH_KV_WINDOW].n_pages);

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
  uint32_t n_window = f->cache.pools[GRAPH_KV_WINDOW].n_free;
  uint32_t mark = t->mark, n_pages = t->held->len;
  gboolean state = t->state != SESSION_NO_STATE, mark_state = t->mark_state != SESSION_NO_STATE;
  g_autoptr (GError) error = NULL;

  g_assert_true (session_timeline_refill (t, (const gint32 *) tokens->data, tokens->len, held, mark,
                                          state, mark_state, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (t->held->data, t->held->len, held, n_pages);
  for (guint i = f->cache.timelines->len; i > 0; i--) /* what it was is kept beside */
    if (g_ptr_array_index (f->cache.timelines, i - 1) != t) {
      SessionTimeline *kept = g_ptr_array_index (f->cache.timelines, i - 1);

      g_assert_true (kept->kept);
      session_timeline_finish (kept);
      g_free (kept);
    }
  g_assert_cmpuint (f->cache.pools[GRAPH_KV_WINDOW].n_free, ==, n_window);
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

  end (f);
  begin (f, 100, 0, SESSION_STATES);
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
  g_assert_cmpuint (f->cache.states.n_free, ==, SESSION_STATES);
  step (f, 2);
}

/* ---- several timelines ---- */

static uint32_t
page_at (const SessionTimeline *timeline, uint32_t page)
{
  return g_array_index (timeline->table[GRAPH_KV_FULL], guint32, page);
}

/* The prompt 0, 1, 2 … of n tokens, but for the last n_other, is asked of a timeline; what it does
 * not have is read. Returns what it had. */
static uint32_t
ask (SessionTimeline *timeline, uint32_t n, uint32_t n_other)
{
  g_autofree gint32 *tokens = g_new (gint32, n);
  g_autoptr (GError) error = NULL;
  uint32_t had, reusable;

  for (uint32_t i = 0; i < n; i++)
    tokens[i] = (gint32) (i < n - n_other ? i : 1000 * n_other + i);
  reusable = session_timeline_reusable (timeline, tokens, n);
  had = session_timeline_adopt (timeline, tokens, n);
  g_assert_cmpuint (had, ==, reusable);
  g_assert_cmpuint (timeline->tokens->len, ==, had);
  for (uint32_t at = had; at < n; at += CHUNK) {
    uint32_t count = MIN (CHUNK, n - at);

    session_timeline_reserve (timeline, count, &error);
    g_assert_no_error (error);
    session_timeline_append (timeline, tokens + at, count, session_timeline_next_state (timeline));
  }
  g_assert_cmpuint (session_timeline_common (timeline, tokens, n), ==, n);
  return had;
}

/* Whole pages are one for both; the one that they part in is copied by who writes first. */
static void
test_share (Fixture *f, gconstpointer data)
{
  SessionTimeline second;

  end (f);
  begin (f, 20, 0, 0);
  session_timeline_init (&second, &f->cache);
  fill (f, 200);
  g_assert_cmpuint (ask (&second, 250, 80), ==, 170);
  g_assert_cmpuint (f->n_copied, ==, 1);
  g_assert_cmpuint (n_free (f), ==, 20 - 4 - 2); /* 0 and 1 are shared, 2 and 3 its own */
  for (uint32_t page = 0; page < 4; page++)
    g_assert_cmpint (page_at (&second, page) == page_at (&f->timeline, page), ==, page < 2);
  fill (f, 10); /* nobody else is in its last page: nothing is copied */
  g_assert_cmpuint (f->n_copied, ==, 1);
  session_timeline_truncate (&f->timeline, 100); /* into a page that both have */
  fill (f, 1);
  g_assert_cmpuint (f->n_copied, ==, 2);
  g_assert_cmpuint (page_at (&second, 0), ==, page_at (&f->timeline, 0));
  g_assert_cmpuint (page_at (&second, 1), !=, page_at (&f->timeline, 1));
  session_timeline_clear (&second);
  g_assert_cmpuint (n_free (f), ==, 20 - 2);
  g_assert_cmpuint (ask (&second, 64, 0), ==, 64); /* at the edge of a page nothing is copied */
  g_assert_cmpuint (ask (&second, 70, 6), ==, 64);
  g_assert_cmpuint (f->n_copied, ==, 2);
  session_timeline_finish (&second);
}

/* What a session leaves, or had when it ended, is there when it is asked for again; little is not
 * worth it, and nothing is kept twice. */
static void
test_keep (Fixture *f, gconstpointer data)
{
  SessionTimeline second;

  end (f);
  begin (f, 20, 0, 0);
  g_assert_cmpuint (ask (&f->timeline, 300, 0), ==, 0);
  g_assert_cmpuint (ask (&f->timeline, 320, 300), ==, 20);
  g_assert_cmpuint (f->cache.timelines->len, ==, 2);
  g_assert_cmpuint (ask (&f->timeline, 310, 0), ==, 300);
  g_assert_cmpuint (ask (&f->timeline, 310, 20), ==, 290);
  g_assert_cmpuint (f->cache.timelines->len, ==, 3);
  session_timeline_init (&second, &f->cache);
  ask (&second, 300, 0);
  session_timeline_finish (&second); /* the kept one has all of it */
  g_assert_cmpuint (f->cache.timelines->len, ==, 3);
  session_timeline_init (&second, &f->cache);
  ask (&second, 200, 200);
  session_timeline_finish (&second);
  g_assert_cmpuint (f->cache.timelines->len, ==, 4);
  session_timeline_init (&second, &f->cache);
  g_assert_cmpuint (ask (&second, 200, 200), ==, 200);
  session_timeline_finish (&second);
  session_cache_forget (&f->cache);
  g_assert_cmpuint (n_free (f), ==, 20);
  g_assert_cmpuint (ask (&f->timeline, 300, 0), ==, 0);
}

/* A full pool takes from those that were used longest ago, page by page from their ends; all of it
 * is the running one's if it needs it, pages that it had shared too. */
static void
test_evict (Fixture *f, gconstpointer data)
{
  SessionTimeline second, third;

  end (f);
  begin (f, 10, 0, 0);
  session_timeline_init (&second, &f->cache);
  session_timeline_init (&third, &f->cache);
  ask (&f->timeline, 4 * 64, 0);
  ask (&second, 4 * 64, 4 * 64);
  ask (&third, 3 * 64, 3 * 64); /* one page is missing */
  g_assert_cmpuint (f->timeline.tokens->len, ==, 3 * 64);
  g_assert_cmpuint (second.tokens->len, ==, 4 * 64);
  g_assert_cmpuint (n_free (f), ==, 0);
  g_assert_cmpuint (ask (&f->timeline, 4 * 64, 0), ==, 3 * 64); /* it is the youngest now */
  g_assert_cmpuint (second.tokens->len, ==, 3 * 64);
  g_assert_cmpuint (third.tokens->len, ==, 3 * 64);
  g_assert_cmpuint (ask (&third, 10 * 64, 0), ==, 4 * 64);
  g_assert_cmpuint (second.tokens->len, ==, 0);
  g_assert_cmpuint (n_free (f), ==, 0);
  g_assert_cmpuint (f->timeline.tokens->len, ==, 4 * 64); /* shares them: giving would not help */
  g_assert_cmpuint (ask (&second, 10 * 64 - 1, 5), ==, 10 * 64 - 6);
  g_assert_cmpuint (f->n_copied, ==, 0); /* whoever had the last page beside it went instead */
  session_timeline_finish (&third);
  session_timeline_finish (&second);
}

/* More kept timelines than are of use: the oldest go, however few pages they have. */
static void
test_many (Fixture *f, gconstpointer data)
{
  end (f);
  begin (f, 6400, 0, 0);
  for (uint32_t i = 0; i < 300; i++)
    ask (&f->timeline, 100 + i, 100);
  g_assert_cmpuint (f->cache.timelines->len, <, 50);
  g_assert_cmpuint (f->cache.timelines->len, >, 10);
}

/* States are shared where they stand still: at an end and at a mark. */
static void
test_share_states (Fixture *f, gconstpointer data)
{
  SessionTimeline second;

  end (f);
  begin (f, 20, 0, SESSION_STATES);
  session_timeline_init (&second, &f->cache);
  ask (&f->timeline, 100, 0);
  session_timeline_set_mark (&f->timeline, 100);
  ask (&f->timeline, 130, 0);
  g_assert_cmpuint (f->cache.states.n_free, ==, SESSION_STATES - 2);
  g_assert_cmpuint (ask (&second, 140, 20), ==, 100);
  g_assert_cmpuint (ask (&second, 140, 0), ==, 130);
  g_assert_cmpuint (second.state, !=, f->timeline.state);
  g_assert_cmpuint (second.mark_state, ==, f->timeline.state);
  session_timeline_clear (&second);
  g_assert_cmpuint (ask (&second, 99, 0), ==, 0); /* a page further, no state: all is read */
  for (uint32_t i = 0; i < 20; i++) {             /* a state is always to be had */
    ask (&second, 200 + i, 100 + i);
    session_timeline_set_mark (&second, 200 + i);
  }
  session_timeline_finish (&second);
}

/* Of a timeline with a window another takes what the next token sees, or nothing. */
static void
test_share_window (Fixture *f, gconstpointer data)
{
  uint32_t window = GPOINTER_TO_UINT (data);
  SessionTimeline second;

  session_timeline_init (&second, &f->cache);
  ask (&f->timeline, 3000, 0);
  g_assert_cmpuint (ask (&second, 3050, 50), ==, 3000);
  session_timeline_clear (&second);
  check_window (f);
  /* A window further back its pages are gone. */
  g_assert_cmpuint (ask (&second, 3000 - window - 200, 0), ==, 0);
  session_timeline_finish (&second);
  for (uint32_t n = 0; n < 2000; n += CHUNK) {
    fill (f, CHUNK);
    check_window (f);
  }
}

/* ---- several in use ---- */

/* n more tokens, in batches of at most so many. */
static void
add (SessionTimeline *timeline, uint32_t n, uint32_t most)
{
  const gint32 tokens[CHUNK] = { 0 };

  for (uint32_t done = 0; done < n;) {
    uint32_t count = MIN (n - done, most);
    g_autoptr (GError) error = NULL;

    session_timeline_reserve (timeline, count, &error);
    g_assert_no_error (error);
    session_timeline_append (timeline, tokens, count, SESSION_NO_STATE);
    done += count;
  }
}

/* The pages of windows are enough for two that read and write by turns, whatever their length. */
static void
test_together (Fixture *f, gconstpointer data)
{
  SessionTimeline second;

  session_timeline_init (&second, &f->cache);
  f->timeline.in_use = second.in_use = TRUE;
  add (&f->timeline, 1500, CHUNK);
  session_timeline_set_mark (&f->timeline, 1490);
  add (&second, 1500, CHUNK);
  session_timeline_set_mark (&second, 1490);
  for (uint32_t i = 0; i < 700; i++) {
    add (&f->timeline, 1, 1);
    add (&second, 1, 1);
  }
  add (&f->timeline, 500, CHUNK);
  f->timeline.in_use = second.in_use = FALSE;
  session_timeline_finish (&second);
}

/* There is the room that was told of, however it is shared out; what others hold is given for it,
 * what those in use hold is not. */
static void
test_room (Fixture *f, gconstpointer data)
{
  static const uint32_t shares[][3] = { { 1, 1, 1 }, { 0, 0, 1 }, { 1, 0, 0 }, { 3, 1, 2 } };

  for (size_t s = 0; s < G_N_ELEMENTS (shares); s++) {
    uint32_t sum = shares[s][0] + shares[s][1] + shares[s][2], room, n = 0;
    SessionTimeline timelines[3];

    ask (&f->timeline, 200, 0);
    for (int i = 0; i < 3; i++) {
      session_timeline_init (&timelines[i], &f->cache);
      timelines[i].in_use = TRUE;
    }
    add (&timelines[0], 230, CHUNK);
    add (&timelines[1], 77, CHUNK);
    room = session_cache_room (&f->cache, (SessionTimeline *[]) { &timelines[0], &timelines[1] },
                               2);
    g_assert_cmpuint (room, >, 64);
    for (int i = 0; i < 3; i++) {
      n += timelines[i].tokens->len;
      add (&timelines[i], room * shares[s][i] / sum, 16);
    }
    if (GPOINTER_TO_UINT (data) == 0)
      g_assert_cmpuint (room + n + 4 * ENGINE_PAGE_TOKENS, >, 20 * ENGINE_PAGE_TOKENS);
    for (int i = 0; i < 3; i++)
      session_timeline_finish (&timelines[i]);
    session_cache_forget (&f->cache);
  }
}

static void
test_room_full (Fixture *f, gconstpointer data)
{
  end (f);
  begin (f, 20, 0, 0);
  test_room (f, data);
}

static void
add_window (const char *name, uint32_t window, void (*function) (Fixture *, gconstpointer))
{
  g_autofree char *path = g_strdup_printf ("/engine/session/kv/%s-%u", name, window);

  g_test_add (path, Fixture, GUINT_TO_POINTER (window), set_up, function, tear_down);
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
  ADD ("share", test_share);
  ADD ("share-states", test_share_states);
  ADD ("keep", test_keep);
  ADD ("evict", test_evict);
  ADD ("many", test_many);
  ADD ("room", test_room_full);
  for (size_t i = 0; i < G_N_ELEMENTS (windows); i++) {
    add_window ("window", windows[i], test_window);
    add_window ("together-window", windows[i], test_together);
    add_window ("room-window", windows[i], test_room);
    if (windows[i] <= 500)
      add_window ("share-window", windows[i], test_share_window);
  }
  return g_test_run ();
}
