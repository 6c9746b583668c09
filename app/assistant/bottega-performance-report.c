/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts the report together. It must not add what is text of a conversation. */
#define G_LOG_DOMAIN "bottega-performance-report"
#include "config.h"

#include "app/assistant/bottega-performance-report.h"

#include "app/assistant/bottega-stats-text.h"

static JsonNode *
parse_stats (const BottegaDiagnosis *diagnosis)
{
  g_autofree char *text = bottega_stats_to_json (&diagnosis->stats, &diagnosis->facts);

  return json_from_string (text, NULL);
}

static JsonArray *
make_answers (GListModel *answers)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < g_list_model_get_n_items (answers); i++) {
    g_autoptr (BottegaMessage) answer = g_list_model_get_item (answers, i);
    g_autofree BottegaDiagnosis *diagnosis = g_new (BottegaDiagnosis, 1);
    gint64 seconds = bottega_message_get_started_us (answer) / G_USEC_PER_SEC;
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);
    g_autofree char *when = g_date_time_format_iso8601 (time);
    JsonObject *object;

    if (!bottega_message_diagnose (answer, diagnosis))
      continue;
    object = json_object_new ();
    json_object_set_string_member (object, "time", when);
    json_object_set_string_member (object, "model", bottega_message_get_model_name (answer));
    json_object_set_string_member (object, "device", bottega_message_get_device (answer));
    json_object_set_object_member (object, "diagnosis", bottega_diagnosis_to_json (diagnosis));
    json_object_set_member (object, "stats", parse_stats (diagnosis));
    json_array_add_object_element (array, object);
  }

  return array;
}

static JsonArray *
make_memory (BottegaPerformance *performance)
{
  const GArray *samples = bottega_performance_get_samples (performance);
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < samples->len; i++) {
    const BottegaMemorySample *sample = &g_array_index (samples, BottegaMemorySample, i);
    JsonObject *object = json_object_new ();

    json_object_set_double_member (
        object, "s",
        (double) (sample->at_us - g_array_index (samples, BottegaMemorySample, 0).at_us) / 1e6);
    json_object_set_int_member (object, "ram_bytes", (gint64) sample->ram_bytes);
    json_object_set_int_member (object, "card_bytes", (gint64) sample->card_bytes);
    json_object_set_int_member (object, "others_bytes", (gint64) sample->ram_others_bytes);
    json_array_add_object_element (array, object);
  }

  return array;
}

static JsonArray *
make_devices (GPtrArray *devices)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; devices != NULL && i < devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "id", device->id);
    json_object_set_string_member (object, "name", device->name);
    json_object_set_string_member (object, "driver", device->driver);
    json_object_set_string_member (object, "features", device->features);
    json_object_set_int_member (object, "memory_bytes", (gint64) device->memory_bytes);
    json_array_add_object_element (array, object);
  }

  return array;
}

char *
bottega_performance_report (GListModel *answers, BottegaPerformance *performance,
                            GPtrArray *devices)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  guint scope = bottega_performance_get_energy_scope (performance);
  BottegaLimits limits;

  bottega_performance_get_limits (performance, &limits);
  json_object_set_string_member (object, "program", "Bottega " PACKAGE_VERSION);
  json_object_set_double_member (object, "read_bytes_s", limits.read_bytes_s);
  json_object_set_double_member (object, "model_read_bytes_s", limits.set_bytes_s);
  json_object_set_double_member (object, "int8_s", limits.int8_s);
  json_object_set_string_member (object, "energy", bottega_energy_scope_text (scope));
  json_object_set_array_member (object, "devices", make_devices (devices));
  json_object_set_array_member (object, "answers", make_answers (answers));
  json_object_set_array_member (object, "memory", make_memory (performance));
  json_node_set_object (node, object);

  return json_to_string (node, TRUE);
}
