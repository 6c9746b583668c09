/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a model thinks before its answer: kept apart from it, on the disk too, and not read again as
 * a part of it. */
#include "app/assistant/bottega-conversation-list.h"
#include "tests/app/fixture.h"

#define THOUGHT "Hm, two and two:"

static void
assert_answer (BottegaConversation *conversation)
{
  BottegaMessage *question = fixture_message (conversation, 0),
                 *answer = fixture_message (conversation, 1);

  g_assert_null (bottega_message_get_thought (question));
  g_assert_cmpstr (bottega_message_get_thought (answer), ==, THOUGHT);
  g_assert_cmpfloat (bottega_message_get_thought_s (answer), >, 0.02);
  g_assert_cmpstr (bottega_message_get_text (answer), ==, " four.");
}

static void
note_phase (BottegaMessage *message, GParamSpec *pspec, GString *phases)
{
  g_string_append_printf (phases, "%s|", bottega_message_get_phase_text (message));
}

static void
on_items (GListModel *model, guint position, guint n_removed, guint n_added, GString *phases)
{
  for (guint i = position; i < position + n_added; i++) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (model, i);

    g_signal_connect (message, "notify::phase-text", G_CALLBACK (note_phase), phases);
  }
}

static void
test_apart (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = THOUGHT " four.",
                                         .thought_bytes = sizeof THOUGHT - 1,
                                         .tokens_per_s = 50 };
  g_autoptr (GString) phases = g_string_new (NULL);
  g_autofree char *prompt = NULL;
  BottegaConversation *conversation;
  BottegaConversationList *list;

  fixture_set_up (&fixture, &options);
  list = bottega_assistant_get_conversations (fixture.assistant);
  conversation = bottega_conversation_list_create (list);
  g_signal_connect (conversation, "items-changed", G_CALLBACK (on_items), phases);
  fixture_ask (conversation, "2 + 2?");
  assert_answer (conversation);
  g_assert_nonnull (strstr (phases->str, "Thinking|"));
  fixture_ask (conversation, "Sure?");
  prompt = bottega_replay_source_dup_last_prompt (fixture.source);
  g_assert_cmpstr (prompt, ==, "user: 2 + 2?\nassistant:  four.\nuser: Sure?\n");
  g_object_unref (conversation);

  fixture_reopen (&fixture, NULL);
  list = bottega_assistant_get_conversations (fixture.assistant);
  conversation = g_list_model_get_item (G_LIST_MODEL (list), 0);
  bottega_conversation_load_messages (conversation);
  fixture_wait (fixture_is_loaded, conversation);
  assert_answer (conversation);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/thought/apart", test_apart);
  return g_test_run ();
}
