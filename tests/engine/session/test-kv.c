/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page tables: pages come and go with tokens, prefixes are found, a full pool changes nothing. */
#include "engine/session/kv.h"

typedef struct {
  SessionPages pool;
  SessionTimeline timeline;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  session_pages_init (&f->pool, 4);
  session_timeline_init (&f->timeline, &f->pool);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  session_timeline_finish (&f->timeline);
  g_assert_cmpuint (f->pool.n_free, ==, 4); /* every page came back */
  session_pages_finish (&f->pool);
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
  session_timeline_append (&f->timeline, tokens, n);
}

static void
test_reserve (Fixture *f, gconstpointer data)
{
  fill (f, 64);
  g_assert_cmpuint (f->timeline.table->len, ==, 1);
  fill (f, 1);
  g_assert_cmpuint (f->timeline.table->len, ==, 2);
  g_assert_cmpuint (f->pool.n_free, ==, 2);
  /* no page is handed out twice */
  g_assert_cmpuint (g_array_index (f->timeline.table, guint32, 0), !=,
                    g_array_index (f->timeline.table, guint32, 1));
}

static void
test_truncate (Fixture *f, gconstpointer data)
{
  fill (f, 200);
  session_timeline_truncate (&f->timeline, 65);
  g_assert_cmpuint (f->timeline.table->len, ==, 2);
  session_timeline_truncate (&f->timeline, 64);
  g_assert_cmpuint (f->timeline.table->len, ==, 1);
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
  g_assert_cmpuint (f->timeline.table->len, ==, 4);
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

#define ADD(name, function) \
  g_test_add ("/engine/session/kv/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("reserve", test_reserve);
  ADD ("truncate", test_truncate);
  ADD ("full", test_full);
  ADD ("common", test_common);
  return g_test_run ();
}
