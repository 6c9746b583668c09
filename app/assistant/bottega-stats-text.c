/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EngineStats for people and as JSON. The pieces of the line are translated one by one and joined,
 * so that a language may order the words of each as it likes. */
#define G_LOG_DOMAIN "bottega-stats-text"
#include "config.h"

#include "app/assistant/bottega-stats-text.h"

#include "app/assistant/bottega-json-fields.h"

#include <glib/gi18n-lib.h>

#define FACTS "facts" /* the member that holds them */

#define FIELD(name, type) BOTTEGA_JSON_FIELD (EngineStats, name, BOTTEGA_JSON_##type)
static const BottegaJsonField fields[] = {
  FIELD (prompt_tokens, UINT),
  FIELD (reused_tokens, UINT),
  FIELD (read_tokens, UINT),
  FIELD (written_tokens, UINT),
  FIELD (ttft_s, DOUBLE),
  FIELD (prefill_s, DOUBLE),
  FIELD (decode_s, DOUBLE),
  FIELD (prefill_tok_s, DOUBLE),
  FIELD (decode_tok_s, DOUBLE),
  FIELD (gap_p50_ms, DOUBLE),
  FIELD (gap_p95_ms, DOUBLE),
  FIELD (gap_max_ms, DOUBLE),
  FIELD (stalls, UINT),
  FIELD (drafted_tokens, UINT),
  FIELD (accepted_tokens, UINT),
  FIELD (model_drafted_tokens, UINT),
  FIELD (model_accepted_tokens, UINT),
  FIELD (bytes_read, UINT64),
  FIELD (decode_gb_s, DOUBLE),
  FIELD (stop, UINT),
};
#undef FIELD
G_STATIC_ASSERT (sizeof (EngineStop) == sizeof (uint32_t));

char *
bottega_stats_text_seconds (double seconds)
{
  /* Translators: a duration in seconds, such as "0.42 s"; with U+00A0, which no line breaks at. */
  return g_strdup_printf (seconds < 1    ? _ ("%.2f\u00a0s")
                          : seconds < 10 ? _ ("%.1f\u00a0s")
                                         : _ ("%.0f\u00a0s"),
                          seconds);
}

static char *
format_speed (double tokens_per_s)
{
  /* Translators: tokens per second. */
  return g_strdup_printf (tokens_per_s < 10 ? _ ("%.1f tok/s") : _ ("%.0f tok/s"), tokens_per_s);
}

char *
bottega_stats_text_long (const EngineStats *stats)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);

  g_return_val_if_fail (stats != NULL, NULL);

  if (stats->written_tokens > 0) {
    g_autofree char *seconds = bottega_stats_text_seconds (stats->ttft_s);

    /* Translators: how long the person waited for the beginning of the answer; %s is "0.42 s". */
    g_ptr_array_add (parts, g_strdup_printf (_ ("%s to first word"), seconds));
  }
  if (stats->decode_tok_s > 0)
    g_ptr_array_add (parts, format_speed (stats->decode_tok_s));
  if (stats->reused_tokens > 0)
    /* Translators: of all the tokens of the prompt, so many did not have to be read again. */
    g_ptr_array_add (parts, g_strdup_printf (ngettext ("%'u of %'u token reused",
                                                       "%'u of %'u tokens reused",
                                                       stats->prompt_tokens),
                                             stats->reused_tokens, stats->prompt_tokens));
  else if (stats->read_tokens > 0)
    g_ptr_array_add (parts, g_strdup_printf (ngettext ("%'u token read", "%'u tokens read",
                                                       stats->read_tokens),
                                             stats->read_tokens));
  if (stats->accepted_tokens > 0)
    /* Translators: of the tokens that were guessed, so many were right. */
    g_ptr_array_add (parts, g_strdup_printf (ngettext ("%'u of %'u guess right",
                                                       "%'u of %'u guesses right",
                                                       stats->drafted_tokens),
                                             stats->accepted_tokens, stats->drafted_tokens));
  g_ptr_array_add (parts, NULL);

  return g_strjoinv (" · ", (char **) parts->pdata);
}

char *
bottega_stats_text_short (const EngineStats *stats)
{
  g_autofree char *seconds = NULL;
  g_autofree char *speed = NULL;

  g_return_val_if_fail (stats != NULL, NULL);

  if (stats->written_tokens == 0)
    return g_strdup ("");
  seconds = bottega_stats_text_seconds (stats->ttft_s);
  if (stats->decode_tok_s <= 0)
    return g_steal_pointer (&seconds);
  speed = format_speed (stats->decode_tok_s);

  return g_strdup_printf ("%s · %s", seconds, speed);
}

char *
bottega_stats_to_json (const EngineStats *stats, const BottegaAnswerFacts *facts)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  g_return_val_if_fail (stats != NULL, NULL);

  bottega_json_fields_write (fields, G_N_ELEMENTS (fields), stats, object);
  if (facts != NULL)
    json_object_set_object_member (object, FACTS, bottega_answer_facts_to_json (facts));
  json_node_set_object (node, object);

  return json_to_string (node, FALSE);
}

gboolean
bottega_stats_from_json (const char *text, EngineStats *stats, BottegaAnswerFacts **facts)
{
  g_autoptr (JsonNode) node = text != NULL ? json_from_string (text, NULL) : NULL;
  JsonNode *kept;
  JsonObject *object;

  g_return_val_if_fail (stats != NULL, FALSE);

  *stats = (EngineStats) { 0 };
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return FALSE;
  object = json_node_get_object (node);
  if (!json_object_has_member (object, "prompt_tokens"))
    return FALSE;
  bottega_json_fields_read (fields, G_N_ELEMENTS (fields), stats, object);
  kept = json_object_get_member (object, FACTS);
  if (facts != NULL && kept != NULL && JSON_NODE_HOLDS_OBJECT (kept)) {
    *facts = g_new (BottegaAnswerFacts, 1);
    bottega_answer_facts_from_json (json_node_get_object (kept), *facts);
  }

  return TRUE;
}
