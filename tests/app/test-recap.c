/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recaps of conversations that outgrow the context, on a recorded text, which every recap is too:
 * made before turns leave, of those that do, read in their place, kept, and dropped with what they
 * are about; one that is cut or empty is none, and no question waits for one. */
#include "tests/app/fixture.h"

#include <string.h>

#define TEXT    "An answer of thirty-two letters."
#define REQUEST "Summarise our conversation so far"
#define READ    "user: A summary of what we said before."

/* 384 tokens for the prompt; a turn makes 4 + 50 and 4 + 8. */
static const BottegaReplayOptions plain = { .text = TEXT, .context_tokens = 512 };

typedef struct {
  Fixture fixture;
  BottegaConversation *conversation;
  guint n_asked;
} World;

static void
begin (World *world, const BottegaReplayOptions *options)
{
  *world = (World) { 0 };
  fixture_set_up (&world->fixture, options);
  world->conversation = fixture_create (world->fixture.assistant);
}

static void
end (World *world)
{
  g_object_unref (world->conversation);
  fixture_tear_down (&world->fixture);
}

static gboolean
is_at_rest (gpointer engine)
{
  return !bottega_engine_thread_get_answering (engine);
}

/* Recaps included. */
static void
wait_for_rest (World *world)
{
  fixture_wait (is_at_rest, bottega_assistant_get_engine (world->fixture.assistant));
}

static char *
make_question (World *world)
{
  g_autofree char *filling = g_strnfill (192, 'q');

  return g_strdup_printf ("%06u: %s", world->n_asked++, filling);
}

static void
ask (World *world, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_autofree char *question = make_question (world);

    fixture_ask (world->conversation, question);
    wait_for_rest (world);
  }
}

static char *
dup_prompt (World *world)
{
  return bottega_replay_source_dup_last_prompt (world->fixture.source);
}

static const guint *
kinds (World *world)
{
  return bottega_conversation_get_context_of (world->conversation, NULL);
}

static void
set_summarise (World *world, gboolean summarise)
{
  g_object_set (bottega_assistant_get_settings (world->fixture.assistant), "summarise-turns",
                summarise, NULL);
}

/* Made after the fifth answer, of the three turns that the seventh question has no room for. */
static void
test_ahead (void)
{
  g_autofree char *request = NULL, *first = NULL, *second = NULL;
  World world;
  guint left_out, sum = 0;

  begin (&world, &plain);
  ask (&world, 4);
  request = dup_prompt (&world);
  g_assert_null (strstr (request, REQUEST));
  g_free (request);
  ask (&world, 1);
  request = dup_prompt (&world);
  g_assert_nonnull (strstr (request, REQUEST));
  g_assert_nonnull (strstr (request, "000002: "));
  g_assert_null (strstr (request, "000003: "));
  g_assert_null (bottega_conversation_get_recap (world.conversation, &left_out));
  g_assert_cmpuint (left_out, ==, 0);

  ask (&world, 1);
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), ==, 0);
  ask (&world, 1);
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), ==, 3);
  g_assert_cmpstr (bottega_conversation_get_recap (world.conversation, &left_out), ==, TEXT);
  g_assert_cmpuint (left_out, ==, 0);
  first = dup_prompt (&world);
  g_assert_true (g_str_has_prefix (first, READ));
  g_assert_nonnull (strstr (first, TEXT "\n"));
  g_assert_nonnull (strstr (first, "\n\n000003: "));
  g_assert_cmpuint (kinds (&world)[BOTTEGA_PROMPT_RECAP], >, 10);
  g_assert_cmpuint (kinds (&world)[BOTTEGA_PROMPT_EARLIER], ==, 3 * 66);
  for (guint i = 0; i < BOTTEGA_PROMPT_N_KINDS; i++)
    sum += kinds (&world)[i];
  g_assert_cmpuint (sum + 8, ==, bottega_conversation_get_context_used (world.conversation));

  /* Nothing changes until more turns leave. */
  ask (&world, 1);
  second = dup_prompt (&world);
  g_assert_true (g_str_has_prefix (second, first) || strstr (second, REQUEST) != NULL);
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), ==, 3);
  end (&world);
}

/* The next one is made of it and what came after; both come back with the conversation. */
static void
test_kept (void)
{
  g_autofree char *request = NULL, *prompt = NULL;
  World world;
  guint n_left, n_asked;

  begin (&world, &plain);
  ask (&world, 7);
  while (request == NULL || strstr (request, REQUEST) == NULL) {
    g_free (request);
    ask (&world, 1);
    request = dup_prompt (&world);
    g_assert_cmpuint (world.n_asked, <, 12);
  }
  g_assert_true (g_str_has_prefix (request, READ));
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), ==, 3);
  n_asked = world.n_asked;
  g_clear_object (&world.conversation);
  fixture_reopen (&world.fixture, &plain);
  world.conversation = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (world.fixture.assistant)), 0);
  bottega_conversation_load_messages (world.conversation);
  fixture_wait (fixture_is_loaded, world.conversation);
  g_assert_cmpstr (bottega_conversation_get_recap (world.conversation, NULL), ==, TEXT);

  while (bottega_conversation_get_dropped_turns (world.conversation) == 3) {
    ask (&world, 1);
    g_assert_cmpuint (world.n_asked, <, n_asked + 3);
  }
  n_left = bottega_conversation_get_dropped_turns (world.conversation);
  g_test_message ("%u of %u left", n_left, world.n_asked);
  g_assert_cmpuint (n_left, >, 4);
  g_assert_cmpstr (bottega_conversation_get_recap (world.conversation, &n_left), ==, TEXT);
  g_assert_cmpuint (n_left, ==, 0);
  prompt = dup_prompt (&world);
  g_assert_true (g_str_has_prefix (prompt, READ));
  end (&world);
}

/* A question that it is about is asked otherwise: it goes. One after the turns that it is about: it
 * stays for when they leave again. */
static void
test_edited (void)
{
  static const guint questions[] = { 2, 4 };

  for (guint i = 0; i < G_N_ELEMENTS (questions); i++) {
    g_autoptr (GError) error = NULL;
    World world;

    begin (&world, &plain);
    ask (&world, 7);
    g_assert_nonnull (bottega_conversation_get_recap (world.conversation, NULL));
    bottega_conversation_edit_and_resend (
        world.conversation, fixture_message (world.conversation, 2 * questions[i]), "So?", &error);
    g_assert_no_error (error);
    fixture_wait (fixture_is_idle, world.conversation);
    if (questions[i] < 3) {
      g_assert_null (bottega_conversation_get_recap (world.conversation, NULL));
      g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), ==, 0);
      g_assert_cmpuint (kinds (&world)[BOTTEGA_PROMPT_RECAP], ==, 0);
    } else {
      g_assert_cmpstr (bottega_conversation_get_recap (world.conversation, NULL), ==, TEXT);
      g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), ==, 3);
    }
    end (&world);
  }
}

/* One that was cut, and one that says nothing. */
static void
test_bad (void)
{
  g_autofree char *endless = g_strnfill (300, 'a');
  const char *const texts[] = { endless, "Well." };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    const BottegaReplayOptions options = { .text = texts[i], .context_tokens = 512 };
    World world;
    guint left_out, n;

    begin (&world, &options);
    while (bottega_conversation_get_dropped_turns (world.conversation) == 0) {
      ask (&world, 1);
      g_assert_cmpuint (world.n_asked, <, 12);
    }
    n = bottega_conversation_get_dropped_turns (world.conversation);
    g_assert_null (bottega_conversation_get_recap (world.conversation, &left_out));
    g_assert_cmpuint (left_out, ==, n);
    g_assert_cmpuint (kinds (&world)[BOTTEGA_PROMPT_RECAP], ==, 0);
    g_assert_cmpstr (bottega_conversation_get_error (world.conversation), ==, NULL);
    end (&world);
  }
}

/* A model that cannot is asked three times, not at every answer. */
static void
test_gives_up (void)
{
  g_autofree char *endless = g_strnfill (900, 'a');
  const BottegaReplayOptions options = { .text = endless, .context_tokens = 1024 };
  World world;
  guint n = 0, last = 0;

  begin (&world, &options);
  while (world.n_asked < 24) {
    g_autofree char *prompt = NULL;

    ask (&world, 1);
    prompt = dup_prompt (&world);
    if (strstr (prompt, REQUEST) != NULL) {
      n++;
      last = world.n_asked;
    }
  }
  g_test_message ("asked %u times, last after %u questions", n, last);
  g_assert_cmpuint (n, ==, 3);
  g_assert_cmpuint (last, <, 16);
  end (&world);
}

/* Turns that have left without one get it once it is wanted: it is read from the next question on,
 * and what was read before stays as it is; when it is wanted no longer it goes. */
static void
test_late (void)
{
  g_autofree char *before = NULL, *after = NULL;
  World world;
  guint left_out;

  begin (&world, &plain);
  set_summarise (&world, FALSE);
  ask (&world, 7);
  before = dup_prompt (&world);
  g_assert_null (strstr (before, REQUEST));
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), >, 0);
  g_assert_null (bottega_conversation_get_recap (world.conversation, &left_out));
  g_assert_cmpuint (left_out, ==,
                    bottega_conversation_get_dropped_turns (world.conversation));

  set_summarise (&world, TRUE);
  ask (&world, 1);
  g_free (before);
  before = dup_prompt (&world);
  g_assert_nonnull (strstr (before, REQUEST));
  g_assert_nonnull (strstr (before, "000000: "));
  ask (&world, 1);
  after = dup_prompt (&world);
  g_assert_cmpstr (bottega_conversation_get_recap (world.conversation, NULL), ==, TEXT);
  g_assert_nonnull (strstr (after, READ));
  while (bottega_conversation_get_recap (world.conversation, &left_out) == NULL || left_out > 0) {
    ask (&world, 1);
    g_assert_cmpuint (world.n_asked, <, 16);
  }

  set_summarise (&world, FALSE);
  ask (&world, 1);
  g_assert_null (bottega_conversation_get_recap (world.conversation, NULL));
  end (&world);
}

/* A turn that left and is too long to be summed up is left out of those that follow. */
static void
test_too_long (void)
{
  g_autofree char *question = g_strnfill (1000, 'q');
  World world;
  guint left_out;

  begin (&world, &plain);
  set_summarise (&world, FALSE);
  fixture_ask (world.conversation, question);
  while (bottega_conversation_get_dropped_turns (world.conversation) == 0) {
    ask (&world, 1);
    g_assert_cmpuint (world.n_asked, <, 6);
  }
  set_summarise (&world, TRUE);
  while (bottega_conversation_get_recap (world.conversation, &left_out) == NULL) {
    ask (&world, 1);
    g_assert_cmpuint (world.n_asked, <, 16);
  }
  g_assert_cmpuint (left_out, ==, 1);
  g_assert_cmpuint (bottega_conversation_get_dropped_turns (world.conversation), >, 1);
  end (&world);
}

static gboolean
is_asked_for (gpointer world)
{
  g_autofree char *prompt = dup_prompt (world);

  return prompt != NULL && strstr (prompt, REQUEST) != NULL;
}

/* No question waits for one: it is written again afterwards. A load does not wait either, and one
 * that the conversation takes with it leaves nothing behind. */
static void
test_gives_way (void)
{
  const BottegaReplayOptions slow = { .text = TEXT, .context_tokens = 512, .tokens_per_s = 40 };
  g_autoptr (BottegaConversation) other = NULL;
  g_autofree char *question = NULL;
  World world;

  begin (&world, &slow);
  ask (&world, 4);
  question = make_question (&world);
  fixture_ask (world.conversation, question);
  fixture_wait (is_asked_for, &world);
  other = fixture_create (world.fixture.assistant);
  fixture_ask (other, "And here?");
  g_assert_cmpuint (bottega_message_get_stats (fixture_message (other, 1))->shared_tokens, ==, 0);
  fixture_wait (is_asked_for, &world);
  wait_for_rest (&world);
  ask (&world, 2);
  g_assert_cmpstr (bottega_conversation_get_recap (world.conversation, NULL), ==, TEXT);
  end (&world);

  begin (&world, &slow);
  ask (&world, 4);
  g_free (question);
  question = make_question (&world);
  fixture_ask (world.conversation, question);
  fixture_wait (is_asked_for, &world);
  g_assert_false (is_at_rest (bottega_assistant_get_engine (world.fixture.assistant)));
  bottega_assistant_reload_model (world.fixture.assistant);
  wait_for_rest (&world);
  fixture_wait (fixture_is_settled, bottega_assistant_get_engine (world.fixture.assistant));
  ask (&world, 1);
  end (&world);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/recap/ahead", test_ahead);
  g_test_add_func ("/app/recap/kept", test_kept);
  g_test_add_func ("/app/recap/edited", test_edited);
  g_test_add_func ("/app/recap/bad", test_bad);
  g_test_add_func ("/app/recap/gives-up", test_gives_up);
  g_test_add_func ("/app/recap/late", test_late);
  g_test_add_func ("/app/recap/too-long", test_too_long);
  g_test_add_func ("/app/recap/gives-way", test_gives_way);

  return g_test_run ();
}
