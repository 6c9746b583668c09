/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the desktop's search finds in a space's file while the store has it open, and how long it
 * takes in one with years in it. */
#include "tests/app/index-fixture.h"

#include "app/retrieval/bottega-quick-search.h"
#include "app/retrieval/bottega-store-chats.h"

#include <string.h>

#define MANY 2000

static void
put (BottegaStore *store, const char *id, const char *title, const char *text, gint64 when)
{
  g_autofree char *message_id = g_strconcat ("m", id, NULL);
  const BottegaStoreConversation conversation = {
    .id = (char *) id, .title = (char *) title, .created_us = when, .updated_us = when
  };
  const BottegaStoreMessage message = {
    .id = message_id,
    .conversation = (char *) id,
    .role = (char *) "assistant",
    .state = (char *) "complete",
    .text = (char *) text,
    .created_us = when,
    .updated_us = when,
  };
  const BottegaStoreMessage *messages[] = { &message };

  bottega_store_put (store, &conversation, messages, 1, BOTTEGA_STORE_QUICK, NULL, NULL);
}

/* "c-id d-title …" */
static char *
find (IndexFixture *fixture, const char *query)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) hits = bottega_quick_search (fixture->path, query, 5, &error);
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < hits->len; i++) {
    const BottegaQuickHit *hit = g_ptr_array_index (hits, i);

    g_assert_true (hit->is_document == (hit->path != NULL));
    g_string_append_printf (text, "%s%c-%s", i > 0 ? " " : "", hit->is_document ? 'd' : 'c',
                            hit->is_document ? hit->title : hit->id);
  }
  return g_string_free (text, FALSE);
}

static void
assert_found (IndexFixture *fixture, const char *query, const char *expected)
{
  g_autofree char *found = find (fixture, query);

  g_assert_cmpstr (found, ==, expected);
}

static void
index_all (IndexFixture *fixture)
{
  g_autoptr (BottegaIndexer) indexer = index_fixture_indexer (fixture, NULL);

  index_fixture_add (fixture, indexer);
}

static void
test_finds (void)
{
  IndexFixture fixture;

  index_fixture_set_up (&fixture);
  put (fixture.store, "old", "Perché il formaggio fonde", "It melts.", 1);
  put (fixture.store, "new", "Ferries", "The cheese is on board.", 2);
  put (fixture.store, "gone", "Cheese that was deleted", "Cheese.", 3);
  bottega_store_set_deleted (fixture.store, "gone", TRUE);
  index_fixture_write (&fixture, "timetable.txt", "# Boats\nThe cheese boat leaves at nine.");
  index_fixture_write (&fixture, "cheese-list.txt", "Nothing but names.");
  index_all (&fixture);
  bottega_store_flush (fixture.store);

  /* Conversations, then documents: by name before by text. */
  assert_found (&fixture, "cheese", "c-new d-cheese-list.txt d-timetable.txt");
  assert_found (&fixture, "CHEE", "c-new d-cheese-list.txt d-timetable.txt");
  assert_found (&fixture, "perche formag", "c-old");
  assert_found (&fixture, "boat nine", "d-timetable.txt");
  assert_found (&fixture, "timetable", "d-timetable.txt");
  assert_found (&fixture, "cheese zebra", "");
  assert_found (&fixture, "", "");
  assert_found (&fixture, "\" OR *", "");
  /* A document that is taken out is not found any more. */
  index_fixture_delete (&fixture, "cheese-list.txt");
  index_all (&fixture);
  assert_found (&fixture, "cheese", "c-new d-timetable.txt");
  index_fixture_tear_down (&fixture);
}

static void
test_no_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bottega_quick_search ("/nowhere/personal.sqlite", "cheese", 5, &error));
  g_assert_nonnull (error);
}

/* At every key of a search, in one that opens the file anew: the beginning of every word there is
 * takes the longest. */
static void
test_quick (void)
{
  IndexFixture fixture;
  g_autoptr (GString) text = g_string_new (NULL);
  gint64 best_us = G_MAXINT64;

  index_fixture_set_up (&fixture);
  for (guint i = 0; i < MANY; i++) {
    g_autofree char *id = g_strdup_printf ("%u", i);
    g_autofree char *title = g_strdup_printf ("What about ferry number %u?", i);

    put (fixture.store, id, title, "All boats leave at night, and arrive at another harbour.", i);
    g_string_append_printf (text, "# Boat %u\nIt arrives at another harbour at night.\n", i);
  }
  index_fixture_write (&fixture, "boats.txt", text->str);
  index_all (&fixture);
  bottega_store_flush (fixture.store);
  for (guint i = 0; i < 5; i++) {
    gint64 before_us = g_get_monotonic_time ();
    g_autofree char *found = find (&fixture, "a");

    best_us = MIN (best_us, g_get_monotonic_time () - before_us);
    g_assert_cmpstr (found, ==, "c-1999 c-1998 c-1997 c-1996 c-1995 d-boats.txt");
  }
  g_test_message ("%u conversations and chunks: %.1f ms", MANY, (double) best_us / 1e3);
  g_assert_cmpint (best_us, <, 100000);
  index_fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quick-search/finds", test_finds);
  g_test_add_func ("/quick-search/no-file", test_no_file);
  g_test_add_func ("/quick-search/quick", test_quick);
  return g_test_run ();
}
