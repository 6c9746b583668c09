/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the model leaves the memory and comes back: left alone, with little memory, with monitors of
 * our own instead of the computer's. A minute takes 150 ms. */
#include "app/assistant/bottega-engine-rest.h"
#include "tests/app/fixture.h"

#define MINUTE_MS 150

/* ---- both monitors in one object ---- */

#define TYPE_MONITOR (monitor_get_type ())
G_DECLARE_FINAL_TYPE (Monitor, monitor, TEST, MONITOR, GObject)
struct _Monitor {
  GObject parent_instance;
  gboolean saver;
};

static gboolean
monitor_init_now (GInitable *initable, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
initable_init (GInitableIface *iface)
{
  iface->init = monitor_init_now;
}

static void
memory_init (GMemoryMonitorInterface *iface)
{
}

static void
power_init (GPowerProfileMonitorInterface *iface)
{
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Monitor, monitor, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, initable_init)
                                   G_IMPLEMENT_INTERFACE (G_TYPE_MEMORY_MONITOR, memory_init)
                                       G_IMPLEMENT_INTERFACE (G_TYPE_POWER_PROFILE_MONITOR,
                                                              power_init))

static void
monitor_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, TEST_MONITOR (object)->saver);
}

static void
monitor_class_init (MonitorClass *klass)
{
  G_OBJECT_CLASS (klass)->get_property = monitor_get_property;
  g_object_class_override_property (G_OBJECT_CLASS (klass), 1, "power-saver-enabled");
}

static void
monitor_init (Monitor *self)
{
}

static void
warn (Monitor *self, GMemoryMonitorWarningLevel level)
{
  g_signal_emit_by_name (self, "low-memory-warning", level);
}

static void
set_saver (Monitor *self, gboolean saver)
{
  self->saver = saver;
  g_object_notify (G_OBJECT (self), "power-saver-enabled");
}

/* ---- an assistant, and a rest beside its own that has short minutes ---- */

typedef struct {
  Fixture fixture;
  BottegaEngineThread *engine; /* borrowed */
  BottegaSettings *settings;   /* the same */
  Monitor *monitor;
  BottegaEngineRest *rest;
} Rest;

static void
set_up (Rest *test, const BottegaReplayOptions *options, guint minutes)
{
  fixture_set_up (&test->fixture, options);
  test->engine = bottega_assistant_get_engine (test->fixture.assistant);
  test->settings = bottega_assistant_get_settings (test->fixture.assistant);
  g_object_set (test->settings, "unload-minutes", minutes, NULL);
  test->monitor = g_object_new (TYPE_MONITOR, NULL);
  test->rest = bottega_engine_rest_new (test->engine, test->settings, MINUTE_MS);
  bottega_engine_rest_watch (test->rest, G_MEMORY_MONITOR (test->monitor),
                             G_POWER_PROFILE_MONITOR (test->monitor));
}

static void
tear_down (Rest *test)
{
  g_assert_finalize_object (test->rest);
  g_assert_finalize_object (test->monitor);
  fixture_tear_down (&test->fixture);
}

static gboolean
is_resting (gpointer engine)
{
  return bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_RESTING;
}

static BottegaConversation *
ask (Rest *test, const char *question)
{
  BottegaConversation *conversation = fixture_create (test->fixture.assistant);

  fixture_send (conversation, question);

  return conversation;
}

static void
remember_state (GObject *conversation, GParamSpec *pspec, gboolean *was_loading)
{
  *was_loading |= bottega_conversation_get_state (BOTTEGA_CONVERSATION (conversation)) ==
                  BOTTEGA_CONVERSATION_LOADING;
}

/* Left alone it rests; a question wakes it, waits, says that it waits, and is answered. */
static void
test_idle (void)
{
  const BottegaReplayOptions slow = { .text = "A short answer.", .load_s = 0.1 };
  g_autoptr (BottegaConversation) conversation = NULL;
  gboolean was_loading = FALSE;
  Rest test;

  set_up (&test, &slow, 1);
  g_assert_cmpint (bottega_engine_thread_get_state (test.engine), ==, BOTTEGA_ENGINE_READY);
  fixture_wait (is_resting, test.engine);
  /* All that the window shows of the model stays. */
  g_assert_cmpstr (bottega_engine_thread_get_model_name (test.engine), ==, "recorded.gguf");
  g_assert_cmpuint (bottega_engine_thread_get_context_size (test.engine), >, 0);
  g_assert_true (bottega_assistant_get_has_model (test.fixture.assistant));
  g_assert_cmpuint (bottega_replay_source_get_loads (test.fixture.source, NULL), ==, 1);
  /* Loading it again is no use until somebody asks. */
  bottega_assistant_reload_model (test.fixture.assistant);
  g_assert_true (is_resting (test.engine));

  conversation = ask (&test, "Are you there?");
  g_signal_connect (conversation, "notify::state", G_CALLBACK (remember_state), &was_loading);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_true (was_loading);
  g_assert_cmpstr (bottega_message_get_text (fixture_message (conversation, 1)), ==,
                   "A short answer.");
  g_assert_cmpuint (bottega_replay_source_get_loads (test.fixture.source, NULL), ==, 2);
  fixture_wait (is_resting, test.engine);
  tear_down (&test);
}

/* Never is never, and a shorter time holds at once for what was idle already. */
static void
test_never (void)
{
  Rest test;

  set_up (&test, NULL, 0);
  fixture_turn (3.0 * MINUTE_MS / 1000);
  g_assert_false (is_resting (test.engine));
  g_object_set (test.settings, "unload-minutes", 2, NULL);
  fixture_turn (0.3 * MINUTE_MS / 1000);
  g_assert_true (is_resting (test.engine));
  tear_down (&test);
}

/* A slight shortage spares what was used just now; a greater one does not, but lets answers end. */
static void
test_low_memory (void)
{
  const BottegaReplayOptions slow = { .text = "One two three four five six seven eight nine ten.",
                                      .tokens_per_s = 40 };
  g_autoptr (BottegaConversation) conversation = NULL;
  Rest test;

  set_up (&test, &slow, 0);
  warn (test.monitor, G_MEMORY_MONITOR_WARNING_LEVEL_LOW);
  fixture_turn (0.01);
  g_assert_false (is_resting (test.engine));
  fixture_turn (1.5 * MINUTE_MS / 1000);
  warn (test.monitor, G_MEMORY_MONITOR_WARNING_LEVEL_LOW);
  fixture_wait (is_resting, test.engine);

  conversation = ask (&test, "Count.");
  fixture_wait (fixture_is_writing, conversation);
  warn (test.monitor, G_MEMORY_MONITOR_WARNING_LEVEL_CRITICAL);
  fixture_wait (fixture_is_idle, conversation);
  g_assert_cmpstr (bottega_message_get_text (fixture_message (conversation, 1)), ==, slow.text);
  fixture_wait (is_resting, test.engine);
  g_assert_cmpuint (bottega_replay_source_get_loads (test.fixture.source, NULL), ==, 2);
  tear_down (&test);
}

/* With power saver, what is loaded from then on takes half of the processor. */
static void
test_power (void)
{
  g_autoptr (BottegaConversation) first = NULL;
  g_autoptr (BottegaConversation) second = NULL;
  guint n_threads;
  Rest test;

  set_up (&test, NULL, 0);
  set_saver (test.monitor, TRUE);
  g_assert_true (bottega_settings_get_saves_power (test.settings));
  warn (test.monitor, G_MEMORY_MONITOR_WARNING_LEVEL_MEDIUM);
  fixture_wait (is_resting, test.engine);
  first = ask (&test, "Quietly?");
  fixture_wait (fixture_is_idle, first);
  bottega_replay_source_get_loads (test.fixture.source, &n_threads);
  g_assert_cmpuint (n_threads, ==, bottega_settings_get_saving_threads ());

  set_saver (test.monitor, FALSE);
  warn (test.monitor, G_MEMORY_MONITOR_WARNING_LEVEL_MEDIUM);
  fixture_wait (is_resting, test.engine);
  second = ask (&test, "And now?");
  fixture_wait (fixture_is_idle, second);
  bottega_replay_source_get_loads (test.fixture.source, &n_threads);
  g_assert_cmpuint (n_threads, ==, 0);
  tear_down (&test);
}

/* No service at all, as in a container: only time counts. */
static void
test_no_monitors (void)
{
  g_autoptr (BottegaEngineRest) rest = NULL;
  Rest test;

  set_up (&test, NULL, 0);
  rest = bottega_engine_rest_new (test.engine, test.settings, MINUTE_MS);
  bottega_engine_rest_watch (rest, NULL, NULL);
  g_assert_false (bottega_settings_get_saves_power (test.settings));
  g_object_set (test.settings, "unload-minutes", 1, NULL);
  fixture_wait (is_resting, test.engine);
  g_clear_object (&rest);
  tear_down (&test);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/engine-rest/idle", test_idle);
  g_test_add_func ("/app/engine-rest/never", test_never);
  g_test_add_func ("/app/engine-rest/low-memory", test_low_memory);
  g_test_add_func ("/app/engine-rest/power", test_power);
  g_test_add_func ("/app/engine-rest/no-monitors", test_no_monitors);

  return g_test_run ();
}
