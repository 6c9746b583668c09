/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One timer from the moment that the model has nothing to do, and two monitors. Must not know how a
 * model is unloaded, nor how it is loaded again. */
#define G_LOG_DOMAIN "bottega-engine-rest"
#include "config.h"

#include "app/assistant/bottega-engine-rest.h"

#define MINUTE_MS 60000

struct _BottegaEngineRest {
  GObject parent_instance;

  BottegaEngineThread *engine;
  BottegaSettings *settings;
  GMemoryMonitor *memory;      /* NULL: none */
  GPowerProfileMonitor *power; /* the same */
  guint minute_ms;
  guint timer;        /* source */
  gint64 idle_us;     /* since when there is nothing to do; 0: there is something, or no model */
  gboolean is_wanted; /* memory is short: after the answer */
};

G_DEFINE_FINAL_TYPE (BottegaEngineRest, bottega_engine_rest, G_TYPE_OBJECT)

static void start_timer (BottegaEngineRest *self);

static gboolean
on_time (gpointer user_data)
{
  BottegaEngineRest *self = user_data;

  self->timer = 0;
  self->is_wanted = FALSE;
  if (!bottega_engine_thread_rest (self->engine)) { /* it is asked something that is no answer */
    self->idle_us = g_get_monotonic_time ();
    start_timer (self);
  }

  return G_SOURCE_REMOVE;
}

/* Counted from when it was idle: more time, or less, may be chosen meanwhile. A shortage takes a
 * turn of the main loop, so that the next of several questions is not made to load it again. */
static void
start_timer (BottegaEngineRest *self)
{
  guint minutes = bottega_settings_get_unload_minutes (self->settings);
  gint64 left_ms;

  g_clear_handle_id (&self->timer, g_source_remove);
  if (self->idle_us == 0 || (minutes == 0 && !self->is_wanted))
    return;
  left_ms = (gint64) minutes * self->minute_ms - (g_get_monotonic_time () - self->idle_us) / 1000;
  self->timer = g_timeout_add (self->is_wanted ? 0 : (guint) MAX (left_ms, 0), on_time, self);
  g_source_set_name_by_id (self->timer, "[bottega] engine rests");
}

/* The engine has begun to do something, or has ended it. */
static void
on_engine (BottegaEngineRest *self)
{
  gboolean idle = bottega_engine_thread_get_state (self->engine) == BOTTEGA_ENGINE_READY &&
                  !bottega_engine_thread_get_answering (self->engine);

  if (idle == (self->idle_us != 0))
    return;
  self->idle_us = idle ? g_get_monotonic_time () : 0;
  start_timer (self);
}

static void
on_low_memory (BottegaEngineRest *self, GMemoryMonitorWarningLevel level)
{
  gint64 minute_ago_us = g_get_monotonic_time () - (gint64) self->minute_ms * 1000;

  if (level < G_MEMORY_MONITOR_WARNING_LEVEL_MEDIUM &&
      (self->idle_us == 0 || self->idle_us > minute_ago_us))
    return;
  g_debug ("Memory is short (%d)", level);
  /* What is being loaded is asked for. */
  if (bottega_engine_thread_get_state (self->engine) != BOTTEGA_ENGINE_READY)
    return;
  self->is_wanted = TRUE;
  start_timer (self);
}

static void
on_power (BottegaEngineRest *self)
{
  bottega_settings_set_saving_power (
      self->settings, g_power_profile_monitor_get_power_saver_enabled (self->power));
}

static void
bottega_engine_rest_dispose (GObject *object)
{
  BottegaEngineRest *self = BOTTEGA_ENGINE_REST (object);

  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_object (&self->memory);
  g_clear_object (&self->power);
  g_clear_object (&self->engine);
  g_clear_object (&self->settings);

  G_OBJECT_CLASS (bottega_engine_rest_parent_class)->dispose (object);
}

static void
bottega_engine_rest_class_init (BottegaEngineRestClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bottega_engine_rest_dispose;
}

static void
bottega_engine_rest_init (BottegaEngineRest *self)
{
}

BottegaEngineRest *
bottega_engine_rest_new (BottegaEngineThread *engine, BottegaSettings *settings, guint minute_ms)
{
  BottegaEngineRest *self = g_object_new (BOTTEGA_TYPE_ENGINE_REST, NULL);

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_THREAD (engine), self);
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (settings), self);

  self->engine = g_object_ref (engine);
  self->settings = g_object_ref (settings);
  self->minute_ms = minute_ms > 0 ? minute_ms : MINUTE_MS;
  g_signal_connect_object (engine, "notify::state", G_CALLBACK (on_engine), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (engine, "notify::answering", G_CALLBACK (on_engine), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "notify::unload-minutes", G_CALLBACK (start_timer), self,
                           G_CONNECT_SWAPPED);
  on_engine (self);

  return self;
}

void
bottega_engine_rest_watch (BottegaEngineRest *self,
                           GMemoryMonitor *memory,
                           GPowerProfileMonitor *power)
{
  g_return_if_fail (BOTTEGA_IS_ENGINE_REST (self));
  g_return_if_fail (self->memory == NULL && self->power == NULL);

  if (memory != NULL) {
    self->memory = g_object_ref (memory);
    g_signal_connect_object (memory, "low-memory-warning", G_CALLBACK (on_low_memory), self,
                             G_CONNECT_SWAPPED);
  }
  if (power != NULL) {
    self->power = g_object_ref (power);
    g_signal_connect_object (power, "notify::power-saver-enabled", G_CALLBACK (on_power), self,
                             G_CONNECT_SWAPPED);
    on_power (self);
  }
}
