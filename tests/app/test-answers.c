/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers from documents: real files, index and search below a recorded text. What is shown before
 * the first word, what the model reads, what becomes of its markers, and what is kept. */
#include "tests/app/fixture.h"
#include "tests/app/index-fixture.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

static const char lease[] =
    "Lease of the flat in Via Roma\n\n"
    "The tenant pays a rent of 1,200 euro each month, due on the fifth day of the month.\n\n"
    "The notice period is three months; notice must be given by registered letter.\n";
static const char boiler[] =
    "Manuale della caldaia\n\n"
    "La caldaia va controllata ogni due anni da un tecnico abilitato, e il libretto aggiornato.\n\n"
    "La pressione dell’acqua deve restare fra 1 e 1,5 bar: sotto questo valore la caldaia si "
    "ferma.\n";

typedef struct {
  Fixture fixture;
  FakeEmbedder *embedder;
  BottegaLibrary *library;
} Documents;

static void
write_file (Documents *self, const char *name, const char *text)
{
  g_autofree char *folder = g_build_filename (self->fixture.folder, "documents", NULL);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_mkdir_with_parents (folder, 0700);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static gboolean
is_indexed (gpointer data)
{
  BottegaLibrary *library = data;
  guint n = g_list_model_get_n_items (G_LIST_MODEL (library));

  for (guint i = 0; i < n; i++) {
    g_autoptr (BottegaDocumentItem) item = g_list_model_get_item (G_LIST_MODEL (library), i);

    if (bottega_document_item_get_state (item) != BOTTEGA_DOCUMENT_READY)
      return FALSE;
  }

  return n > 0 && !bottega_library_get_busy (library);
}

/* Two documents, indexed; the model says answer. */
static void
set_up (Documents *self, const BottegaReplayOptions *options)
{
  g_autofree char *folder = NULL;
  g_autoptr (GFile) file = NULL;
  GSList files = { 0 };

  self->embedder = fake_embedder_new ("fake");
  fixture_use_embedder (BOTTEGA_EMBEDDER (self->embedder));
  fixture_set_up (&self->fixture, options);
  self->library = bottega_assistant_get_library (self->fixture.assistant);
  write_file (self, "lease.txt", lease);
  write_file (self, "caldaia.txt", boiler);
  folder = g_build_filename (self->fixture.folder, "documents", NULL);
  file = g_file_new_for_path (folder);
  files.data = file;
  g_assert_cmpuint (bottega_library_add (self->library, &files), ==, 0);
  fixture_wait (is_indexed, self->library);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (self->library)), ==, 2);
  g_assert_cmpuint (bottega_library_get_n_ready (self->library), ==, 2);
}

static void
tear_down (Documents *self)
{
  fixture_tear_down (&self->fixture);
  fixture_use_embedder (NULL);
  g_clear_object (&self->embedder);
}

static guint
n_passages (BottegaMessage *message)
{
  return g_list_model_get_n_items (bottega_message_get_passages (message));
}

static BottegaPassage *
passage_of (BottegaMessage *message, guint position)
{
  g_autoptr (BottegaPassage) passage =
      g_list_model_get_item (bottega_message_get_passages (message), position);

  g_assert_nonnull (passage);

  return passage;
}

/* ---- the library ---- */

static void
test_library (void)
{
  Documents documents;
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GFile) odd = g_file_new_for_path ("/x/picture.jpeg");
  GSList files = { odd };
  BottegaDocumentItem *item;

  set_up (&documents, NULL);
  g_assert_true (bottega_library_get_available (documents.library));
  g_assert_true (bottega_library_get_has_meaning (documents.library));
  g_assert_null (bottega_library_get_progress_text (documents.library));
  g_assert_false (bottega_library_accepts (odd));
  g_assert_cmpuint (bottega_library_add (documents.library, &files), ==, 1);

  found = bottega_library_complete (documents.library, "LEA", 9);
  g_assert_cmpuint (found->len, ==, 1);
  item = g_ptr_array_index (found, 0);
  g_assert_cmpstr (bottega_document_item_get_name (item), ==, "lease.txt");
  g_assert_cmpint (bottega_document_item_get_state (item), ==, BOTTEGA_DOCUMENT_READY);
  g_assert_true (bottega_document_item_get_fraction (item) == 1);
  g_assert_true (bottega_library_find (documents.library, bottega_document_item_get_id (item)) ==
                 item);

  bottega_library_remove (documents.library, item);
  while (g_list_model_get_n_items (G_LIST_MODEL (documents.library)) > 1)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (bottega_library_get_n_ready (documents.library), ==, 1);
  g_clear_pointer (&found, g_ptr_array_unref);
  tear_down (&documents);
}

/* ---- answers ---- */

typedef struct {
  GString *states; /* a letter each */
  guint n_before;  /* passages when the model had not yet begun */
} Watch;

static void
on_answer_state (BottegaMessage *answer, GParamSpec *pspec, Watch *watch)
{
  BottegaMessageState state = bottega_message_get_state (answer);

  g_string_append_c (watch->states, "QDLRWCSIF"[state]);
  if (state == BOTTEGA_MESSAGE_STATE_SEARCHING)
    g_assert_cmpstr (bottega_message_get_phase_text (answer), ==, "Searching 2 documents");
  if (state == BOTTEGA_MESSAGE_STATE_READING) {
    watch->n_before = n_passages (answer);
    g_assert_cmpuint (bottega_message_get_text_bytes (answer), ==, 0);
  }
}

static void
on_items (GListModel *model, guint position, guint n_removed, guint n_added, Watch *watch)
{
  for (guint i = position; i < position + n_added; i++) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (model, i);

    if (bottega_message_get_role (message) == BOTTEGA_MESSAGE_ROLE_ASSISTANT)
      g_signal_connect (message, "notify::state", G_CALLBACK (on_answer_state), watch);
  }
}

static void
test_passages_before_text (void)
{
  Documents documents;
  const BottegaReplayOptions options = {
    .text = "The notice period is three months [1] and [9] nothing else [7, 8]."
  };
  BottegaConversation *conversation;
  Watch watch = { g_string_new (NULL), 0 };
  BottegaMessage *answer;
  g_autofree char *prompt = NULL;

  set_up (&documents, &options);
  conversation = fixture_create (documents.fixture.assistant);
  g_signal_connect (conversation, "items-changed", G_CALLBACK (on_items), &watch);
  answer = fixture_ask (conversation, "What is the notice period of the lease?");
  g_assert_cmpstr (watch.states->str, ==, "DQRWC");
  g_assert_cmpuint (watch.n_before, >=, 1);
  g_assert_cmpstr (bottega_message_get_text (answer), ==,
                   "The notice period is three months [1] and nothing else.");
  g_assert_true (bottega_passage_get_used (passage_of (answer, 0)));
  g_assert_nonnull (strstr (bottega_passage_get_text (passage_of (answer, 0)), "three months"));
  g_assert_true (g_str_has_suffix (bottega_passage_get_path (passage_of (answer, 0)),
                                   "lease.txt"));

  prompt = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  g_assert_nonnull (strstr (prompt, "registered letter"));
  g_assert_nonnull (strstr (prompt, "[1] "));
  g_string_free (watch.states, TRUE);
  g_object_unref (conversation);
  tear_down (&documents);
}

/* A model that sets no marker: the sentence that a passage clearly supports gets its own. */
static void
test_attributed (void)
{
  Documents documents;
  const BottegaReplayOptions options = {
    .text = "The notice period is three months. I like cats very much indeed."
  };
  BottegaConversation *conversation;
  BottegaMessage *answer;

  set_up (&documents, &options);
  conversation = fixture_create (documents.fixture.assistant);
  answer = fixture_ask (conversation, "What is the notice period of the lease?");
  g_assert_cmpstr (bottega_message_get_text (answer), ==,
                   "The notice period is three months [1]. I like cats very much indeed.");
  g_assert_true (bottega_passage_get_used (passage_of (answer, 0)));
  g_object_unref (conversation);
  tear_down (&documents);
}

/* What an earlier turn was given stays byte for byte, and over a restart too. */
static void
test_prefix (void)
{
  Documents documents;
  const BottegaReplayOptions options = { .text = "Three months [1]." };
  BottegaConversation *conversation;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *third = NULL;

  set_up (&documents, &options);
  conversation = fixture_create (documents.fixture.assistant);
  fixture_ask (conversation, "What is the notice period of the lease?");
  first = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  fixture_ask (conversation, "Ogni quanto va controllata la caldaia?");
  second = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  g_assert_true (g_str_has_prefix (second, first));
  g_assert_true (g_str_has_prefix (second + strlen (first),
                                   "assistant: Three months [1].\nuser: "));
  g_object_unref (conversation);

  fixture_reopen (&documents.fixture, &options);
  conversation = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (documents.fixture.assistant)), 0);
  bottega_conversation_load_messages (conversation);
  fixture_wait (fixture_is_loaded, conversation);
  g_assert_true (bottega_passage_get_used (passage_of (fixture_message (conversation, 1), 0)));
  g_assert_nonnull (bottega_message_get_search_text (fixture_message (conversation, 3)));
  fixture_wait (is_indexed, bottega_assistant_get_library (documents.fixture.assistant));
  fixture_ask (conversation, "grazie");
  third = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  g_assert_true (g_str_has_prefix (third, second));
  g_object_unref (conversation);
  tear_down (&documents);
}

static void
test_not_in_documents (void)
{
  static const struct {
    const char *question, *sentence;
  } cases[] = {
    { "Chi vinse il campionato mondiale scacchi?",
      "Nei documenti non trovo una risposta a questa domanda." },
    { "Who discovered the planet Neptune?", "I do not find an answer to this in the documents." },
  };
  Documents documents;
  BottegaConversation *conversation;
  g_autofree char *prompt = NULL;
  BottegaMessage *answer;

  set_up (&documents, NULL);
  conversation = fixture_create (documents.fixture.assistant);
  bottega_conversation_set_only_documents (conversation, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    answer = fixture_ask (conversation, cases[i].question);
    g_assert_cmpstr (bottega_message_get_text (answer), ==, cases[i].sentence);
    g_assert_true (bottega_message_get_abstained (answer));
    g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_COMPLETE);
    for (guint n = 0; n < n_passages (answer); n++)
      g_assert_false (bottega_passage_get_used (passage_of (answer, n)));
  }
  prompt = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  g_assert_null (prompt);

  /* Otherwise the model answers by itself, and nothing is stuffed into its question. */
  bottega_conversation_set_only_documents (conversation, FALSE);
  answer = fixture_ask (conversation, cases[1].question);
  g_assert_cmpuint (n_passages (answer), ==, 0);
  g_assert_cmpstr (bottega_message_get_text (answer), ==, "A short answer.");
  g_free (prompt);
  prompt = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  g_assert_true (g_str_has_suffix (prompt, "\nuser: Who discovered the planet Neptune?\n"));
  g_assert_null (strstr (prompt, "caldaia"));
  g_object_unref (conversation);

  /* The choice is the conversation's and stays with it. */
  conversation = fixture_create (documents.fixture.assistant);
  bottega_conversation_set_only_documents (conversation, TRUE);
  fixture_ask (conversation, cases[0].question);
  g_object_unref (conversation);
  fixture_reopen (&documents.fixture, NULL);
  conversation = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (documents.fixture.assistant)), 0);
  g_assert_true (bottega_conversation_get_only_documents (conversation));
  g_object_unref (conversation);
  tear_down (&documents);
}

static void
test_follow_up (void)
{
  Documents documents;
  BottegaConversation *conversation;
  BottegaMessage *answer;

  set_up (&documents, NULL);
  conversation = fixture_create (documents.fixture.assistant);
  answer = fixture_ask (conversation, "Ogni quanto va controllata la caldaia?");
  g_assert_cmpstr (bottega_message_get_search_text (answer), ==,
                   "Ogni quanto va controllata la caldaia?");
  answer = fixture_ask (conversation, "E da chi?");
  g_assert_cmpstr (bottega_message_get_search_text (answer), ==,
                   "Ogni quanto va controllata la caldaia? E da chi?");
  g_assert_cmpuint (n_passages (answer), >=, 1);
  answer = fixture_ask (conversation, "What is the monthly rent of the lease of the flat?");
  g_assert_cmpstr (bottega_message_get_search_text (answer), ==,
                   "What is the monthly rent of the lease of the flat?");
  g_object_unref (conversation);
  tear_down (&documents);
}

static void
assert_only (BottegaMessage *answer, gint64 document)
{
  g_assert_cmpuint (n_passages (answer), >=, 1);
  for (guint i = 0; i < n_passages (answer); i++)
    g_assert_cmpint (bottega_passage_get_document (passage_of (answer, i)), ==, document);
}

static void
test_scope (void)
{
  Documents documents;
  BottegaConversation *conversation;
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GError) error = NULL;
  gint64 id;

  set_up (&documents, NULL);
  found = bottega_library_complete (documents.library, "caldaia", 1);
  id = bottega_document_item_get_id (g_ptr_array_index (found, 0));
  g_clear_pointer (&found, g_ptr_array_unref);
  conversation = fixture_create (documents.fixture.assistant);
  bottega_conversation_send_scoped (conversation, "What is the notice period of the lease?", &id, 1,
                                    &error);
  g_assert_no_error (error);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_nonnull (bottega_message_get_scope_text (fixture_message (conversation, 0)));
  assert_only (fixture_message (conversation, 1), id);
  bottega_conversation_regenerate (conversation, fixture_message (conversation, 1), &error);
  g_assert_no_error (error);
  fixture_wait (fixture_is_idle, conversation);
  assert_only (fixture_message (conversation, 1), id);
  bottega_conversation_edit_and_resend (conversation, fixture_message (conversation, 0),
                                        "How much is the rent?", &error);
  g_assert_no_error (error);
  fixture_wait (fixture_is_idle, conversation);
  assert_only (fixture_message (conversation, 1), id);
  g_object_unref (conversation);
  tear_down (&documents);
}

/* The index is damaged: the question is answered all the same, and the answer says so. */
static void
test_search_fails (void)
{
  Documents documents;
  g_autofree char *path = NULL;
  BottegaConversation *conversation;
  BottegaMessage *answer;
  sqlite3 *other = NULL;

  set_up (&documents, NULL);
  path = g_build_filename (documents.fixture.folder, "spaces", "personal.sqlite", NULL);
  g_assert_cmpint (sqlite3_open (path, &other), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (other, "DROP VIEW chunks_in_sight; DROP TABLE chunk_words", NULL,
                                 NULL, NULL),
                   ==, SQLITE_OK);
  sqlite3_close (other);
  conversation = fixture_create (documents.fixture.assistant);
  answer = fixture_ask (conversation, "What is the notice period of the lease?");
  g_assert_cmpstr (bottega_message_get_text (answer), ==, "A short answer.");
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_COMPLETE);
  g_assert_nonnull (bottega_message_get_note (answer));
  g_assert_cmpuint (n_passages (answer), ==, 0);
  g_object_unref (conversation);
  tear_down (&documents);
}

/* ---- summaries ---- */

static void
note_phase (BottegaMessage *answer, GParamSpec *pspec, GString *phases)
{
  g_string_append_printf (phases, "%s|", bottega_message_get_phase_text (answer));
}

static BottegaDocumentItem *
find_document (Documents *self, const char *beginning)
{
  g_autoptr (GPtrArray) found = bottega_library_complete (self->library, beginning, 1);

  g_assert_cmpuint (found->len, ==, 1);

  return g_ptr_array_index (found, 0);
}

static gboolean
has_summarised_two (gpointer phases)
{
  return strstr (((GString *) phases)->str, "part 2 of") != NULL;
}

static GString *
make_story (void)
{
  GString *text = g_string_new ("Storia della caldaia\n\n");

  for (guint i = 0; i < 60; i++)
    g_string_append_printf (text, "Il capitolo %u racconta la caldaia numero %u, che fu costruita "
                                  "a Torino e poi portata a Milano con molta fatica.\n\n",
                            i, i);

  return text;
}

static void
test_summary (void)
{
  Documents documents;
  const BottegaReplayOptions options = { .text = "It is about a boiler [1].",
                                         .tokens_per_s = 60,
                                         .context_tokens = 1000 };
  g_autoptr (GString) text = make_story ();
  g_autoptr (GString) phases = g_string_new (NULL);
  BottegaConversation *conversation;
  BottegaMessage *answer;
  g_autofree char *prompt = NULL;

  set_up (&documents, &options);

  /* A short one has its text as passages. */
  conversation = bottega_assistant_summarise (documents.fixture.assistant,
                                              find_document (&documents, "lease"), NULL);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_true (g_str_has_prefix (bottega_conversation_get_title (conversation), "Summary of"));
  answer = fixture_message (conversation, 1);
  g_assert_cmpstr (bottega_message_get_text (answer), ==, options.text);
  g_assert_true (bottega_passage_get_used (passage_of (answer, 0)));
  prompt = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  g_assert_nonnull (strstr (prompt, "1,200 euro"));
  g_object_unref (conversation);

  /* A long one is read part by part. */
  write_file (&documents, "storia.txt", text->str);
  bottega_library_refresh (documents.library);
  while (bottega_library_get_n_ready (documents.library) < 3)
    g_main_context_iteration (NULL, TRUE);
  fixture_wait (is_indexed, documents.library);
  conversation = bottega_assistant_summarise (documents.fixture.assistant,
                                              find_document (&documents, "storia"), NULL);
  answer = fixture_message (conversation, 1);
  g_signal_connect (answer, "notify::phase-text", G_CALLBACK (note_phase), phases);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_true (has_summarised_two (phases));
  g_assert_cmpstr (bottega_message_get_text (answer), ==, options.text);
  g_assert_cmpuint (n_passages (answer), >=, 3);
  g_free (prompt);
  prompt = bottega_replay_source_dup_last_prompt (documents.fixture.source);
  g_assert_nonnull (strstr (prompt, "[3] "));

  /* It is done again, and can be stopped. */
  g_assert_true (bottega_conversation_regenerate (conversation, answer, NULL));
  g_string_truncate (phases, 0);
  answer = fixture_message (conversation, 1);
  g_signal_connect (answer, "notify::phase-text", G_CALLBACK (note_phase), phases);
  fixture_wait (has_summarised_two, phases);
  bottega_conversation_stop (conversation);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_STOPPED);
  g_object_unref (conversation);
  tear_down (&documents);
}

/* ---- indexing yields ---- */

static void
ask_only (BottegaConversation *conversation)
{
  g_autoptr (GError) error = NULL;

  bottega_conversation_send (conversation, "ciao", &error);
  g_assert_no_error (error);
  fixture_wait (fixture_is_writing, conversation);
}

/* Until the last of two answers has ended. */
static void
test_yields (void)
{
  Documents documents;
  const BottegaReplayOptions options = { .text = "one two three four five six seven eight nine ten "
                                                 "eleven twelve thirteen fourteen fifteen sixteen",
                                         .tokens_per_s = 12 };
  g_autoptr (BottegaConversation) first = NULL;
  g_autoptr (BottegaConversation) second = NULL;
  guint n_before;

  set_up (&documents, &options);
  first = fixture_create (documents.fixture.assistant);
  ask_only (first);
  second = fixture_create (documents.fixture.assistant);
  ask_only (second);
  write_file (&documents, "new.txt", lease);
  n_before = fake_embedder_get_n_texts (documents.embedder);
  bottega_library_refresh (documents.library);
  fixture_turn (0.2);
  g_assert_true (fixture_is_writing (first));
  g_assert_cmpuint (fake_embedder_get_n_texts (documents.embedder), ==, n_before);
  bottega_conversation_stop (first);
  fixture_wait (fixture_is_idle, first);
  fixture_turn (0.2);
  g_assert_true (fixture_is_writing (second));
  g_assert_cmpuint (fake_embedder_get_n_texts (documents.embedder), ==, n_before);
  fixture_wait (fixture_is_idle, second);
  while (bottega_library_get_n_ready (documents.library) < 3)
    g_main_context_iteration (NULL, TRUE);
  fixture_wait (is_indexed, documents.library);
  g_assert_cmpuint (fake_embedder_get_n_texts (documents.embedder), >, n_before);
  g_clear_object (&first);
  g_clear_object (&second);
  tear_down (&documents);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/answers/library", test_library);
  g_test_add_func ("/app/answers/passages-before-text", test_passages_before_text);
  g_test_add_func ("/app/answers/attributed", test_attributed);
  g_test_add_func ("/app/answers/prefix", test_prefix);
  g_test_add_func ("/app/answers/not-in-documents", test_not_in_documents);
  g_test_add_func ("/app/answers/follow-up", test_follow_up);
  g_test_add_func ("/app/answers/scope", test_scope);
  g_test_add_func ("/app/answers/search-fails", test_search_fails);
  g_test_add_func ("/app/answers/summary", test_summary);
  g_test_add_func ("/app/answers/yields", test_yields);

  return g_test_run ();
}
