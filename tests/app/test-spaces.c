/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Spaces: one file each, listed, opened instead of another, remembered and deleted. */
#include "app/assistant/bottega-spaces.h"
#include "tests/app/fixture.h"

#include <string.h>

static void
assert_spaces (Fixture *fixture, const char *expected)
{
  g_auto (GStrv) names = bottega_spaces_list (fixture->folder);
  g_autofree char *joined = g_strjoinv ("|", names);

  g_assert_cmpstr (joined, ==, expected);
}

static void
open_space (Fixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;

  bottega_assistant_open_space (fixture->assistant, name, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (bottega_assistant_get_space (fixture->assistant), ==, name);
  fixture_wait (fixture_is_listed, fixture->assistant);
}

static guint
n_conversations (Fixture *fixture)
{
  return g_list_model_get_n_items (
      G_LIST_MODEL (bottega_assistant_get_conversations (fixture->assistant)));
}

static void
count (guint *n)
{
  (*n)++;
}

/* A conversation in progress ends as interrupted, also for whoever still holds it, and is found
 * again in its own space alone. */
static void
test_switch (void)
{
  Fixture fixture;
  const BottegaReplayOptions options = { .text = "one two three four five six seven eight",
                                         .tokens_per_s = 20 };
  BottegaConversation *conversation;
  BottegaConversation *again;
  guint n_told = 0;

  fixture_set_up (&fixture, &options);
  g_signal_connect_swapped (fixture.assistant, "notify::conversations", G_CALLBACK (count),
                            &n_told);
  g_signal_connect_swapped (fixture.assistant, "notify::library", G_CALLBACK (count), &n_told);
  conversation = fixture_create (fixture.assistant);
  fixture_send (conversation, "Count.");
  fixture_wait (fixture_is_writing, conversation);

  open_space (&fixture, "Lavoro è qui");
  g_assert_cmpuint (n_told, ==, 2);
  g_assert_cmpuint (n_conversations (&fixture), ==, 0);
  g_assert_false (bottega_conversation_get_busy (conversation));
  g_assert_cmpint (bottega_message_get_state (fixture_message (conversation, 1)), ==,
                   BOTTEGA_MESSAGE_STATE_INTERRUPTED);
  fixture_turn (0.2);
  assert_spaces (&fixture, "personal|Lavoro è qui");

  open_space (&fixture, "personal");
  g_assert_cmpuint (n_conversations (&fixture), ==, 1);
  again = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (fixture.assistant)), 0);
  bottega_conversation_load_messages (again);
  fixture_wait (fixture_is_loaded, again);
  g_assert_cmpint (bottega_message_get_state (fixture_message (again, 1)), ==,
                   BOTTEGA_MESSAGE_STATE_INTERRUPTED);
  g_object_unref (again);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

static void
test_delete (void)
{
  Fixture fixture;
  g_autoptr (GError) error = NULL;

  fixture_set_up (&fixture, NULL);
  open_space (&fixture, "Casa");
  g_assert_false (bottega_assistant_delete_space (fixture.assistant, "Casa", &error));
  g_assert_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_LOCKED);
  g_clear_error (&error);
  open_space (&fixture, "personal");
  g_assert_false (bottega_assistant_delete_space (fixture.assistant, "personal", NULL));
  fixture_turn (0.1);
  bottega_assistant_delete_space (fixture.assistant, "Casa", &error);
  g_assert_no_error (error);
  assert_spaces (&fixture, "personal");
  g_assert_false (bottega_spaces_exists (fixture.folder, "Casa"));
  fixture_tear_down (&fixture);
}

static void
test_names (void)
{
  static const char *const bad[] = { "", "../x", ".hidden", "a/b", "a\nb", "\xff" };
  Fixture fixture;

  fixture_set_up (&fixture, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (bottega_assistant_open_space (fixture.assistant, bad[i], &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  }
  g_assert_cmpstr (bottega_assistant_get_space (fixture.assistant), ==, "personal");
  fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/spaces/switch", test_switch);
  g_test_add_func ("/app/spaces/delete", test_delete);
  g_test_add_func ("/app/spaces/names", test_names);

  return g_test_run ();
}
