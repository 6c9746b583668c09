/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device that fails at every step: the whole app but its windows, our engine on a tiny model, a
 * loader that fails on command. Whatever fails, the conversation is kept, the reason is said, the
 * question is answered, what was written of that stays, and nothing of the driver's is left. */
#include "app/assistant/bottega-local-source.h"
#include "tests/app/fixture.h"
#include "tests/engine/split/models.h"
#include "tests/engine/vulkan/faults.h"

#include <glib/gstdio.h>
#include <string.h>

#define ANSWER_TOKENS 24
#define QUESTION      "Where does the carpenter keep the long saw, and who asked for it?"
#define MARK          "\xef\xbf\xbd" /* for bytes that are no character */

/* What the model answers to QUESTION: cards round otherwise. */
static char *by_processor, *by_card;
static char *folder; /* of the data, with the model in it */

typedef struct {
  BottegaAssistant *assistant;
  BottegaConversation *conversation;
} World;

/* As it is when it goes on elsewhere. */
static void
on_note (BottegaMessage *answer)
{
  g_object_set_data_full (G_OBJECT (answer), "kept", g_strdup (bottega_message_get_text (answer)),
                          g_free);
}

static void
on_items (GListModel *conversation, guint position, guint n_removed, guint n_added)
{
  for (guint i = position; i < position + n_added; i++) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (conversation, i);

    g_signal_connect (message, "notify::note", G_CALLBACK (on_note), NULL);
  }
}

/* One that is empty, instead of the last one. */
static void
world_new_conversation (World *world)
{
  g_clear_object (&world->conversation);
  world->conversation = fixture_create (world->assistant);
  g_signal_connect (world->conversation, "items-changed", G_CALLBACK (on_items), NULL);
}

/* The assistant with its model loaded, on that device or where it fell back to. */
static World
world_begin (const char *device)
{
  g_autofree char *cache = g_build_filename (folder, "cache", NULL);
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (cache);
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  World world = { 0 };

  /* What measures the computer takes memory too, and its time. */
  BOTTEGA_ENGINE_SOURCE_GET_IFACE (source)->limits = NULL;
  g_object_set (settings, "device", device, "context-length", 512, "temperature", 0.0,
                "max-answer-tokens", ANSWER_TOKENS, NULL);
  world.assistant = bottega_assistant_new (folder, source, settings);
  g_assert_cmpstr (bottega_assistant_get_storage_error (world.assistant), ==, NULL);
  bottega_assistant_start (world.assistant);
  fixture_wait (fixture_is_settled, bottega_assistant_get_engine (world.assistant));
  fixture_wait (fixture_is_listed, world.assistant);
  world_new_conversation (&world);
  return world;
}

static void
world_end (World *world)
{
  g_clear_object (&world->conversation);
  bottega_assistant_shutdown (world->assistant);
  g_assert_finalize_object (world->assistant);
  g_assert_cmpuint (faults_live_objects (), ==, 0);
  g_assert_cmpuint (faults_live_bytes (), ==, 0);
}

static BottegaMessage *
ask (World *world)
{
  return fixture_ask (world->conversation, QUESTION);
}

static const char *
device_of (World *world)
{
  return bottega_engine_thread_get_device (bottega_assistant_get_engine (world->assistant));
}

/* The whole answer of the device that the model is on by now. */
static void
assert_answer (World *world, BottegaMessage *answer)
{
  g_assert_cmpstr (bottega_message_get_error (answer), ==, NULL);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_COMPLETE);
  g_assert_cmpstr (bottega_message_get_text (answer), ==,
                   strcmp (device_of (world), "cpu") == 0 ? by_processor : by_card);
}

static void
assert_answers (World *world)
{
  assert_answer (world, ask (world));
}

/* On the processor by now, with the reason and what became of it. */
static void
assert_fell_back (World *world, const char *reason)
{
  const char *note =
      bottega_engine_thread_get_note (bottega_assistant_get_engine (world->assistant));

  g_assert_cmpstr (device_of (world), ==, "cpu");
  g_assert_nonnull (note);
  g_test_message ("%s", note);
  g_assert_nonnull (strstr (note, reason));
  g_assert_nonnull (strstr (note, "Answers are now computed on the processor."));
}

typedef enum {
  NOT_REACHED,  /* the failure was not */
  DONE_WITHOUT, /* answers stay on the card */
  FELL_BACK,
  WENT_ON, /* after the first word: the answer did, on the processor */
  N_OUTCOMES,
} Outcome;

/* What was written stays, with the sentence. Returns whether that was so. */
static gboolean
was_cut (BottegaMessage *answer, const char *reason)
{
  const char *written = bottega_message_get_text (answer);

  if (bottega_message_get_state (answer) != BOTTEGA_MESSAGE_STATE_FAILED)
    return FALSE;
  g_test_message ("“%s”: %s", written, bottega_message_get_error (answer));
  g_assert_nonnull (strstr (bottega_message_get_error (answer), reason));
  g_assert_cmpuint (strlen (written), <, strlen (by_card));
  g_assert_true (g_str_has_prefix (by_card, written));
  return TRUE;
}

typedef struct {
  GString *text;
  gboolean done;
} Continuation;

static void
on_text (const char *utf8, gsize bytes, guint n_tokens, gpointer data)
{
  g_string_append_len (((Continuation *) data)->text, utf8, (gssize) bytes);
}

static void
on_finished (const EngineStats *stats, const GError *error, gpointer data)
{
  g_assert_no_error (error);
  ((Continuation *) data)->done = TRUE;
}

/* How the model, where it is now, goes on with an answer to QUESTION. */
static char *
dup_continuation (World *world, const char *kept)
{
  static const BottegaGenerateEvents events = { .text = on_text, .finished = on_finished };
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  Continuation continuation = { g_string_new (NULL), FALSE };
  BottegaPrompt *prompt = bottega_prompt_new (NULL);

  options.temperature = 0;
  options.max_tokens = ANSWER_TOKENS;
  bottega_prompt_add (prompt, "user", NULL, QUESTION);
  bottega_prompt_set_answer_prefix (prompt, kept);
  bottega_engine_thread_generate (bottega_assistant_get_engine (world->assistant), NULL,
                                  BOTTEGA_ANSWER_CHAT, prompt, ANSWER_TOKENS, &options, &events,
                                  &continuation);
  fixture_wait_flag (&continuation.done);
  return g_string_free (continuation.text, FALSE);
}

/* Whether it is the beginning of the longer one. Where the tokens ran out within a character, that
 * ends in marks, and the longer one has the character. */
static gboolean
begins (const char *longer, const char *text)
{
  gsize bytes = strlen (text);

  while (bytes >= strlen (MARK) && memcmp (text + bytes - strlen (MARK), MARK, strlen (MARK)) == 0)
    bytes -= strlen (MARK);
  return strncmp (longer, text, bytes) == 0;
}

/* What was written stays, and after it comes what the processor writes when it is given that. */
static gboolean
went_on (World *world, BottegaMessage *answer, const char *reason)
{
  const char *kept = g_object_get_data (G_OBJECT (answer), "kept");
  const char *text = bottega_message_get_text (answer);
  g_autofree char *tail = NULL;

  if (kept == NULL)
    return FALSE;
  g_test_message ("“%s” went on as “%s”", kept, text);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_COMPLETE);
  g_assert_nonnull (strstr (bottega_message_get_note (answer), reason));
  g_assert_cmpuint (strlen (kept), >, 0);
  g_assert_true (g_str_has_prefix (by_card, kept));
  g_assert_true (g_str_has_prefix (text, kept));
  g_assert_cmpuint (bottega_message_get_stats (answer)->written_tokens, <=, ANSWER_TOKENS);
  assert_fell_back (world, reason);
  tail = dup_continuation (world, kept);
  g_assert_true (begins (tail, text + strlen (kept)));
  g_assert_true (strlen (text) > strlen (kept) || *tail == '\0' ||
                 bottega_message_get_stats (answer)->written_tokens == ANSWER_TOKENS);
  return TRUE;
}

/* A failure costs a wait and no answer. */
static Outcome
run_failure (Fault fault, guint nth, const char *reason)
{
  Outcome outcome = NOT_REACHED;
  BottegaMessage *answer;
  World world;

  faults_arm (fault, nth);
  world = world_begin ("vulkan");
  answer = ask (&world);
  if (went_on (&world, answer, reason)) {
    world_new_conversation (&world);
    assert_answers (&world);
    faults_arm (fault, 0);
    world_end (&world);
    return WENT_ON;
  }
  assert_answer (&world, answer);
  if (faults_struck ())
    outcome = strcmp (device_of (&world), "cpu") == 0 ? FELL_BACK : DONE_WITHOUT;
  if (outcome == FELL_BACK)
    assert_fell_back (&world, reason);
  else
    g_assert_true (g_str_has_prefix (device_of (&world), "vulkan"));
  faults_arm (fault, 0);
  world_end (&world);
  return outcome;
}

/* Every allocation of the device, from the first of the load to the last of the answer. Only what
 * checks guesses and what queues tokens can be done without. */
static void
test_memory (void)
{
  guint n_of[N_OUTCOMES] = { 0 }, nth = 0;

  do
    n_of[run_failure (FAULT_MEMORY, ++nth, "ran out of memory")]++;
  while (n_of[NOT_REACHED] == 0);
  g_test_message ("%u allocations, %u done without", nth - 1, n_of[DONE_WITHOUT]);
  g_assert_cmpuint (n_of[FELL_BACK], >=, 5);
  g_assert_cmpuint (n_of[DONE_WITHOUT], <, n_of[FELL_BACK]);
  g_assert_cmpuint (n_of[WENT_ON], ==, 0);
}

/* The same of the processor's, where there is nothing to fall back to: a load that fails says why
 * and is tried again, and so is an answer. */
static void
test_processor_memory (void)
{
  guint n_loads = 0, n_answers = 0, nth = 0;
  gboolean struck;

  do {
    BottegaEngineThread *engine;
    BottegaMessage *answer;
    World world;

    faults_arm (FAULT_MAP, ++nth);
    world = world_begin ("cpu");
    engine = bottega_assistant_get_engine (world.assistant);
    if (bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_FAILED) {
      g_test_message ("%s", bottega_engine_thread_get_error (engine));
      g_assert_nonnull (strstr (bottega_engine_thread_get_error (engine), "memory"));
      bottega_assistant_reload_model (world.assistant);
      fixture_wait (fixture_is_settled, engine);
      n_loads++;
    }
    answer = ask (&world);
    if (was_cut (answer, "memory")) {
      n_answers++;
      world_new_conversation (&world);
      answer = ask (&world);
    }
    assert_answer (&world, answer);
    struck = faults_struck ();
    faults_arm (FAULT_MAP, 0);
    world_end (&world);
  } while (struck);
  g_test_message ("%u loads and %u answers failed", n_loads, n_answers);
  g_assert_cmpuint (n_loads, >, 1);
}

/* Some of the objects that the driver makes, closer together at first. */
static void
test_objects (void)
{
  guint n_of[N_OUTCOMES] = { 0 };

  for (guint nth = 1; n_of[NOT_REACHED] == 0; nth += 1 + nth / 2)
    n_of[run_failure (FAULT_OBJECT, nth, ".")]++;
  g_test_message ("%u fell back, %u went on, %u done without", n_of[FELL_BACK], n_of[WENT_ON],
                  n_of[DONE_WITHOUT]);
  g_assert_cmpuint (n_of[FELL_BACK], >=, 8);
}

/* How often the queue is used for loading, until the first word, and for the whole answer. */
static void
count_queue_calls (guint *loading, guint *reading, guint *all)
{
  World world;

  faults_arm (FAULT_LOST, 0);
  world = world_begin ("vulkan");
  *loading = faults_calls (FAULT_LOST);
  g_object_set (bottega_assistant_get_settings (world.assistant), "max-answer-tokens", 1, NULL);
  g_assert_cmpstr (bottega_message_get_error (ask (&world)), ==, NULL);
  *reading = faults_calls (FAULT_LOST);
  world_end (&world);

  faults_arm (FAULT_LOST, 0);
  world = world_begin ("vulkan");
  assert_answers (&world);
  *all = faults_calls (FAULT_LOST);
  world_end (&world);
  g_assert_cmpuint (*reading, >, *loading);
  g_assert_cmpuint (*all, >, *reading + 4);
}

/* How much goes into a submit is measured, so that the last call may be one of the first word's. */
static void
test_lost_before_the_first_word (void)
{
  guint loading, reading, all, n_of[N_OUTCOMES] = { 0 };

  count_queue_calls (&loading, &reading, &all);
  for (guint nth = MAX (loading, 1); nth <= reading; nth += MAX (1, (reading - loading) / 3))
    n_of[run_failure (FAULT_LOST, nth, "gave up on the device")]++;
  g_assert_cmpuint (n_of[FELL_BACK], >, 0);
  g_assert_cmpuint (n_of[WENT_ON], <=, 1);
  g_assert_cmpuint (n_of[DONE_WITHOUT], ==, 0);
}

/* What was written stays, and goes on; the next question is answered; and all of it is on the disk,
 * with the sentence. */
static void
test_lost_while_writing (void)
{
  guint loading, reading, all;
  g_autofree char *written = NULL;
  g_autofree char *id = NULL;
  g_autoptr (BottegaConversation) again = NULL;
  BottegaMessage *answer;
  World world;

  count_queue_calls (&loading, &reading, &all);
  faults_arm (FAULT_LOST, (reading + all) / 2);
  world = world_begin ("vulkan");
  answer = ask (&world);
  g_assert_true (faults_struck ());
  written = g_strdup (bottega_message_get_text (answer));
  g_assert_true (went_on (&world, answer, "gave up on the device"));

  answer = ask (&world);
  g_assert_cmpstr (bottega_message_get_error (answer), ==, NULL);
  g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_COMPLETE);
  id = g_strdup (bottega_conversation_get_id (world.conversation));
  world_end (&world);

  world = world_begin ("cpu");
  again = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (world.assistant)), 0);
  g_assert_cmpstr (bottega_conversation_get_id (again), ==, id);
  bottega_conversation_load_messages (again);
  fixture_wait (fixture_is_loaded, again);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (again)), ==, 4);
  g_assert_cmpstr (bottega_message_get_text (fixture_message (again, 1)), ==, written);
  g_assert_nonnull (strstr (bottega_message_get_note (fixture_message (again, 1)),
                            "gave up on the device"));
  g_clear_object (&again);
  world_end (&world);
}

/* Two that are answered at once: what was written of each stays and goes on, and one without a word
 * comes from the processor. */
static void
test_lost_for_two (void)
{
  guint loading, reading, all, n_went_on = 0;

  count_queue_calls (&loading, &reading, &all);
  for (guint nth = reading + 1; nth < all; nth += MAX (1, (all - reading) / 3)) {
    g_autoptr (BottegaConversation) other = NULL;
    BottegaConversation *both[2];
    World world;

    faults_arm (FAULT_LOST, nth);
    world = world_begin ("vulkan");
    fixture_send (world.conversation, QUESTION);
    other = g_steal_pointer (&world.conversation);
    world_new_conversation (&world);
    fixture_send (world.conversation, QUESTION);
    both[0] = other;
    both[1] = world.conversation;
    for (guint i = 0; i < G_N_ELEMENTS (both); i++) {
      BottegaMessage *answer = fixture_message (both[i], 1);

      fixture_wait (fixture_is_idle, both[i]);
      g_assert_cmpint (bottega_message_get_state (answer), ==, BOTTEGA_MESSAGE_STATE_COMPLETE);
      n_went_on += went_on (&world, answer, "gave up on the device");
    }
    g_assert_true (faults_struck ());
    fixture_wait (fixture_is_settled, bottega_assistant_get_engine (world.assistant));
    assert_fell_back (&world, "gave up on the device");
    world_new_conversation (&world);
    assert_answers (&world);
    g_clear_object (&other);
    world_end (&world);
  }
  g_assert_cmpuint (n_went_on, >=, 2);
}

/* Another program takes the card's memory while the model is loaded: answers go on; and the next
 * load finds its place elsewhere and says so. */
static void
test_budget_shrinks (void)
{
  BottegaEngineThread *engine;
  World world;

  faults_arm (FAULT_MEMORY, 0);
  world = world_begin ("vulkan");
  engine = bottega_assistant_get_engine (world.assistant);
  assert_answers (&world);
  faults_set_budget (1 << 20);
  world_new_conversation (&world);
  assert_answers (&world);
  g_assert_true (g_str_has_prefix (device_of (&world), "vulkan"));

  bottega_assistant_reload_model (world.assistant);
  g_assert_cmpint (bottega_engine_thread_get_state (engine), ==, BOTTEGA_ENGINE_LOADING);
  fixture_wait (fixture_is_settled, engine);
  assert_fell_back (&world, "may take");
  world_new_conversation (&world);
  assert_answers (&world);
  faults_set_budget (0);
  world_end (&world);
}

static char *
dup_answer (const char *device)
{
  World world = world_begin (device);
  BottegaMessage *answer = ask (&world);
  char *text = g_strdup (bottega_message_get_text (answer));

  g_assert_cmpstr (bottega_message_get_error (answer), ==, NULL);
  g_test_message ("by %s: “%s”", device_of (&world), text);
  g_assert_true (g_str_has_prefix (device_of (&world), device));
  g_assert_cmpuint (strlen (text), >, 4);
  world_end (&world);
  return text;
}

/* The model, and what it answers. */
static void
set_up (void)
{
  g_autofree char *models = NULL;
  g_autofree char *model = NULL;

  folder = fixture_make_folder ();
  models = g_build_filename (folder, "models", NULL);
  model = g_build_filename (models, "tiny.gguf", NULL);
  g_assert_cmpint (g_mkdir (models, 0700), ==, 0);
  tiny_write_sure (model, TINY_LLAMA, 3);
  by_processor = dup_answer ("cpu");
  by_card = dup_answer ("vulkan");
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  set_up ();
  g_test_add_func ("/faults/memory", test_memory);
  g_test_add_func ("/faults/processor-memory", test_processor_memory);
  g_test_add_func ("/faults/objects", test_objects);
  g_test_add_func ("/faults/lost-before-the-first-word", test_lost_before_the_first_word);
  g_test_add_func ("/faults/lost-while-writing", test_lost_while_writing);
  g_test_add_func ("/faults/lost-for-two", test_lost_for_two);
  g_test_add_func ("/faults/budget-shrinks", test_budget_shrinks);
  status = g_test_run ();
  fixture_remove_folder (folder);
  g_free (by_processor);
  g_free (by_card);

  return status;
}
