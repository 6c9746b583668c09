/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The searcher on a real index with the fakes: what is found, in which documents, how wide, and
 * that it follows the index. How good it is, tests/retrieval measures. */
#include "app/retrieval/bottega-search-private.h"
#include "tests/app/index-fixture.h"

#include <string.h>

typedef struct {
  IndexFixture index;
  FakeEmbedder *embedder;
  BottegaIndexer *indexer;
  BottegaSearcher *searcher;
} SearchFixture;

static void
refresh (SearchFixture *fixture)
{
  index_fixture_add (&fixture->index, fixture->indexer);
}

static void
set_up (SearchFixture *fixture, gboolean meaning)
{
  g_autoptr (GError) error = NULL;

  index_fixture_set_up (&fixture->index);
  fixture->embedder = fake_embedder_new ("fake:16");
  fixture->indexer = index_fixture_indexer (&fixture->index, fixture->embedder);
  fixture->searcher = bottega_searcher_new (
      fixture->index.path, meaning ? BOTTEGA_EMBEDDER (fixture->embedder) : NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (SearchFixture *fixture)
{
  bottega_searcher_free (fixture->searcher);
  bottega_indexer_shutdown (fixture->indexer);
  g_clear_object (&fixture->indexer);
  g_clear_object (&fixture->embedder);
  index_fixture_tear_down (&fixture->index);
}

static BottegaResults *
search (SearchFixture *fixture, const BottegaQuery *query)
{
  g_autoptr (GError) error = NULL;
  BottegaResults *results = bottega_searcher_search (fixture->searcher, query, NULL, &error);

  g_assert_no_error (error);

  return results;
}

static const BottegaFound *
at (BottegaResults *results, guint i)
{
  g_assert_cmpuint (i, <, results->passages->len);

  return g_ptr_array_index (results->passages, i);
}

static void
write_contract (SearchFixture *fixture)
{
  index_fixture_write (&fixture->index, "contratto.txt",
                       "# Canone\nIl canone di locazione è di settecento euro al mese.\n"
                       "# Aumenti\nL'affitto può aumentare ogni anno secondo l'indice ISTAT.");
  index_fixture_write (&fixture->index, "recipes.txt",
                       "# Risotto\nToast the rice, then add the broth.\n"
                       "# Bread\nKnead the dough and let it rise for an hour.");
  refresh (fixture);
}

/* Inflected, without accents, whatever the letters' case. */
static void
test_words (void)
{
  SearchFixture fixture;

  set_up (&fixture, FALSE);
  write_contract (&fixture);
  for (guint i = 0; i < 2; i++) {
    const BottegaQuery query = { .text = i == 0 ? "Di quanto possono AUMENTARE gli affitti?"
                                                : "kneading DOUGHS" };
    g_autoptr (BottegaResults) results = search (&fixture, &query);

    g_assert_cmpstr (at (results, 0)->title, ==,
                     i == 0 ? "contratto.txt" : "recipes.txt");
    g_assert_nonnull (strstr (at (results, 0)->text, i == 0 ? "ISTAT" : "Knead"));
    g_assert_false (results->meaning);
    g_assert_cmpuint (results->n_documents, ==, 2);
    g_assert_cmpfloat (at (results, 0)->lexical, >, 0);
    g_assert_cmpfloat (at (results, 0)->dense, ==, 0);
    g_assert_cmpfloat (results->relevance, >, 0);
    g_assert_cmpfloat (results->relevance, <=, 1);
  }
  tear_down (&fixture);
}

static void
test_strange_questions (void)
{
  static const char *const texts[] = {
    "",
    "  ?! ",
    "\"",
    "a OR b AND NOT c NEAR (d",
    "title: x*",
    "')--",
    "\xff\xfe",
    "il la the",
    "affitto affitto affitto",
    "zzzzqqqq",
  };
  SearchFixture fixture;

  set_up (&fixture, TRUE);
  for (guint round = 0; round < 2; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
      const BottegaQuery query = { .text = texts[i] };
      g_autoptr (BottegaResults) results = search (&fixture, &query);

      g_assert_cmpuint (results->passages->len, <=, round == 0 ? 0 : 4);
    }
    write_contract (&fixture);
  }
  tear_down (&fixture);
}

static void
test_scope (void)
{
  SearchFixture fixture;
  gint64 only;

  set_up (&fixture, TRUE);
  write_contract (&fixture);
  only = index_fixture_id (&fixture.index, "recipes.txt");
  for (guint half = 0; half < 3; half++) {
    const BottegaQuery query = { .text = "canone di locazione",
                                 .documents = &only,
                                 .n_documents = 1,
                                 .words = half == 1,
                                 .meaning = half == 2 };
    g_autoptr (BottegaResults) results = search (&fixture, &query);

    g_assert_cmpuint (results->n_documents, ==, 1);
    g_assert_cmpint (results->meaning, ==, half != 1);
    for (guint i = 0; i < results->passages->len; i++)
      g_assert_cmpint (at (results, i)->document, ==, only);
    if (half != 1)
      g_assert_cmpuint (results->passages->len, >, 0);
  }
  tear_down (&fixture);
}

/* What is indexed, changed and taken out meanwhile is seen by the next search. */
static void
test_follows_the_index (void)
{
  const BottegaQuery query = { .text = "parola speciale" };
  SearchFixture fixture;
  gint64 id;

  set_up (&fixture, TRUE);
  {
    g_autoptr (BottegaResults) nothing = search (&fixture, &query);

    g_assert_cmpuint (nothing->passages->len, ==, 0);
    g_assert_false (nothing->answerable);
  }
  write_contract (&fixture);
  index_fixture_write (&fixture.index, "nuovo.txt", "Qui sta una parola speciale.");
  refresh (&fixture);
  {
    g_autoptr (BottegaResults) results = search (&fixture, &query);

    g_assert_true (results->meaning);
    g_assert_cmpstr (at (results, 0)->title, ==, "nuovo.txt");
    g_assert_cmpfloat (at (results, 0)->dense, !=, 0);
  }
  id = index_fixture_id (&fixture.index, "nuovo.txt");
  bottega_indexer_remove (fixture.indexer, &id, 1);
  index_fixture_wait (fixture.indexer);
  {
    g_autoptr (BottegaResults) results = search (&fixture, &query);

    for (guint i = 0; i < results->passages->len; i++)
      g_assert_cmpint (at (results, i)->document, !=, id);
  }
  tear_down (&fixture);
}

/* A long section: windows are wider than chunks, whole, within their budget, and no passage lies in
 * another one's window. */
static void
test_windows (void)
{
  SearchFixture fixture;
  g_autoptr (GString) text = g_string_new ("# Uno\n");

  set_up (&fixture, TRUE);
  for (guint i = 0; i < 120; i++)
    g_string_append_printf (text,
                            "La frase numero %u parla di cose molto diverse tra loro, e poi di "
                            "altre ancora che nessuno ricorda.\n",
                            i);
  index_fixture_write (&fixture.index, "lungo.txt", text->str);
  refresh (&fixture);
  for (guint tokens = 0; tokens <= 1200; tokens += 400) {
    const BottegaQuery query = { .text = "frase 60",
                                 .window_tokens = MAX (tokens, 1),
                                 .total_tokens = tokens == 0 ? 0 : 2 * tokens };
    g_autoptr (BottegaResults) results = search (&fixture, &query);
    guint total = 0;

    g_assert_nonnull (strstr (at (results, 0)->text, "numero 60 "));
    for (guint i = 0; i < results->passages->len; i++) {
      const BottegaFound *found = at (results, i);

      total += found->window_tokens;
      g_assert_nonnull (strstr (found->window, found->text));
      g_assert_cmpuint (found->window_offset, <=, found->offset);
      g_assert_cmpuint (found->window_offset + found->window_length, >=,
                        found->offset + found->length);
      g_assert_cmpuint (strlen (found->window), ==, found->window_length);
      if (tokens == 0)
        g_assert_cmpstr (found->window, ==, found->text);
      for (guint j = 0; j < i; j++)
        g_assert_false (found->offset >= at (results, j)->window_offset &&
                        found->offset + found->length <=
                            at (results, j)->window_offset + at (results, j)->window_length);
    }
    if (tokens > 0)
      g_assert_cmpuint (total, <=, 2 * tokens);
    /* Two of its chunks fit. */
    if (tokens >= 800)
      g_assert_cmpuint (at (results, 0)->window_length, >, at (results, 0)->length);
  }
  tear_down (&fixture);
}

static void
test_errors (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  const BottegaQuery query = { .text = "affitto", .words = TRUE };
  SearchFixture fixture;

  g_assert_null (bottega_searcher_new ("/nonexistent/space.sqlite", NULL, &error));
  g_assert_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_OPEN);
  g_clear_error (&error);

  set_up (&fixture, TRUE);
  write_contract (&fixture);
  g_cancellable_cancel (cancellable);
  g_assert_null (bottega_searcher_search (fixture.searcher, &query, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  /* It goes on afterwards. */
  {
    g_autoptr (BottegaResults) results = search (&fixture, &query);

    g_assert_cmpstr (at (results, 0)->title, ==, "contratto.txt");
  }
  tear_down (&fixture);
}

/* What counts as a name, and when it is missing. */
static void
test_names (void)
{
  static const struct {
    const char *question, *names; /* joined by blanks */
    BottegaLanguage language;
  } cases[] = {
    { "How do I import my passwords from Google Chrome?", "google chrome",
      BOTTEGA_LANGUAGE_ENGLISH },
    { "Come configuro WireGuard sul server?", "wireguard", BOTTEGA_LANGUAGE_ITALIAN },
    { "Come collego il foglio all'Oracle di Maria?", "oracle maria", BOTTEGA_LANGUAGE_ITALIAN },
    { "Oracle o altro? Quale conviene", "", BOTTEGA_LANGUAGE_ITALIAN },
    { "Where does the file libfoo2 belong?", "libfoo2", BOTTEGA_LANGUAGE_ENGLISH },
    { "Is it due on Monday, in English, by the 3 of May?", "", BOTTEGA_LANGUAGE_ENGLISH },
    { "HOW DO I PRINT THE SHEET?", "", BOTTEGA_LANGUAGE_ENGLISH },
    { "Wie kündige ich den Vertrag mit dem Vermieter?", "", BOTTEGA_LANGUAGE_UNKNOWN },
    { "Quanto costa?", "", BOTTEGA_LANGUAGE_ITALIAN },
    { "", "", BOTTEGA_LANGUAGE_UNKNOWN },
  };
  static const char *const texts[] = { "La Germania e Google", NULL };
  g_autoptr (GPtrArray) names =
      bottega_names_new ("May I send it to Germany with Google Maps?", BOTTEGA_LANGUAGE_ENGLISH);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) found = bottega_names_new (cases[i].question, cases[i].language);
    g_autofree char *joined = NULL;

    g_ptr_array_add (found, NULL);
    joined = g_strjoinv (" ", (char **) found->pdata);
    g_assert_cmpstr (joined, ==, cases[i].names);
  }
  g_assert_cmpuint (names->len, ==, 3);
  g_assert_cmpfloat_with_epsilon (bottega_names_missing (names, texts, 2), 1 / 3., 1e-9);
  g_assert_cmpfloat (bottega_names_missing (names, NULL, 0), ==, 1);
}

static double
nearest_in (SearchFixture *fixture, const float *question, const char *text)
{
  g_autoptr (GError) error = NULL;
  double nearest = -1;

  g_assert_true (bottega_closer_look (BOTTEGA_EMBEDDER (fixture->embedder), question, &text, 1,
                                      &nearest, NULL, &error));
  g_assert_no_error (error);

  return nearest;
}

/* A sentence that says what is asked is seen among others that do not. */
static void
test_closer_look (void)
{
  static const char *const question = "the notice is three months";
  static const char *const around =
      "Whoever leaves must paint every wall white before their last day, then give back all keys"
      " that they got, cellar and letter box included, and show both meters to whoever comes.\n";
  g_autofree char *with = g_strconcat (around, question, ".\n", NULL);
  SearchFixture fixture;
  g_autofree float *vector = NULL;

  set_up (&fixture, TRUE);
  vector = g_new (float, bottega_embedder_get_dimensions (BOTTEGA_EMBEDDER (fixture.embedder)));
  g_assert_true (bottega_embedder_embed (BOTTEGA_EMBEDDER (fixture.embedder), BOTTEGA_EMBED_QUERY,
                                         &question, 1, vector, NULL, NULL));
  g_assert_cmpfloat (nearest_in (&fixture, vector, with), >,
                     nearest_in (&fixture, vector, around));
  g_assert_cmpfloat (nearest_in (&fixture, vector, question), >, 0.999);
  g_assert_cmpfloat (nearest_in (&fixture, vector, ""), ==, 0);
  tear_down (&fixture);
}

/* Each kind of evidence moves the certainty to its side. */
static void
test_certainty (void)
{
  for (guint closer = 0; closer < 2; closer++) {
    const BottegaEvidence good = { 0, 0.9, 0.86, 0, closer ? 0.86 : 0 };
    BottegaEvidence worse[] = { good, good, good, good };
    double sure = bottega_certainty (&good);

    worse[0].absent = 0.8;
    worse[1].covered = 0.1;
    worse[2].cosine = 0.8;
    worse[3].missing = 1;
    g_assert_cmpfloat (sure, >, 0.9);
    g_assert_true (bottega_certainty_suffices (&good));
    for (guint i = 0; i < G_N_ELEMENTS (worse); i++)
      g_assert_cmpfloat (bottega_certainty (&worse[i]), <, sure);
    g_assert_false (bottega_certainty_suffices (&worse[3]));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/searcher/words", test_words);
  g_test_add_func ("/searcher/strange-questions", test_strange_questions);
  g_test_add_func ("/searcher/scope", test_scope);
  g_test_add_func ("/searcher/follows-the-index", test_follows_the_index);
  g_test_add_func ("/searcher/windows", test_windows);
  g_test_add_func ("/searcher/errors", test_errors);
  g_test_add_func ("/searcher/names", test_names);
  g_test_add_func ("/searcher/closer-look", test_closer_look);
  g_test_add_func ("/searcher/certainty", test_certainty);

  return g_test_run ();
}
