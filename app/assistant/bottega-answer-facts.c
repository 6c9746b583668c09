/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The facts of an answer as JSON, and the times between its tokens. It must not know where they
 * come from nor what follows from them. */
#define G_LOG_DOMAIN "bottega-answer-facts"

#include "app/assistant/bottega-answer-facts.h"

#include "app/assistant/bottega-json-fields.h"

#include <math.h>

#define FIELD(name, type) BOTTEGA_JSON_FIELD (BottegaAnswerFacts, name, BOTTEGA_JSON_##type)
static const BottegaJsonField fields[] = {
  FIELD (queue_s, DOUBLE),
  FIELD (search_s, DOUBLE),
  FIELD (load_s, DOUBLE),
  FIELD (read_s, DOUBLE),
  FIELD (write_s, DOUBLE),
  FIELD (n_before, UINT),
  FIELD (context_tokens, UINT),
  FIELD (n_layers, UINT),
  FIELD (n_layers_apart, UINT),
  FIELD (decode_bytes, UINT64),
  FIELD (kv_token_bytes, UINT64),
  FIELD (load_bytes, UINT64),
  FIELD (load_file_s, DOUBLE),
  FIELD (load_busy_s, DOUBLE),
  FIELD (turns_left, UINT),
  FIELD (peak_bytes_s, DOUBLE),
  FIELD (usual_load_bytes_s, DOUBLE),
  FIELD (usual_tok_s, DOUBLE),
  FIELD (power_saver, BOOLEAN),
  FIELD (n_threads, UINT),
  FIELD (n_usual_threads, UINT),
  FIELD (stall_s, DOUBLE),
  FIELD (major_faults, UINT64),
  FIELD (ram_bytes, UINT64),
  FIELD (card_bytes, UINT64),
  FIELD (energy_j, DOUBLE),
};
#undef FIELD

/* ---- times between tokens ---- */

static void
halve (BottegaGaps *gaps)
{
  for (guint i = 0; i < BOTTEGA_MOST_GAPS / 2; i++)
    gaps->ms[i] = MAX (gaps->ms[2 * i], gaps->ms[2 * i + 1]);
  gaps->n = BOTTEGA_MOST_GAPS / 2;
  gaps->tokens_each *= 2;
}

void
bottega_gaps_add (BottegaGaps *gaps, gint64 now_us)
{
  float ms = (float) (now_us - gaps->last_us) / 1000;

  gaps->last_us = now_us;
  if (gaps->tokens_each == 0) {
    gaps->tokens_each = 1;
    return;
  }
  if (gaps->pending > 0 && gaps->pending < gaps->tokens_each) {
    gaps->ms[gaps->n - 1] = MAX (gaps->ms[gaps->n - 1], ms);
    gaps->pending++;
    return;
  }
  if (gaps->n == BOTTEGA_MOST_GAPS)
    halve (gaps);
  gaps->ms[gaps->n++] = ms;
  gaps->pending = 1;
}

/* ---- as JSON ---- */

double
bottega_answer_facts_total_s (const BottegaAnswerFacts *facts)
{
  return facts->queue_s + facts->search_s + facts->load_s + facts->read_s + facts->write_s;
}

/* Tenths of a millisecond as whole numbers: short, and finer than anybody sees. */
JsonObject *
bottega_answer_facts_to_json (const BottegaAnswerFacts *facts)
{
  JsonObject *object = json_object_new ();
  JsonArray *gaps = json_array_sized_new (facts->gaps.n);

  bottega_json_fields_write (fields, G_N_ELEMENTS (fields), facts, object);
  for (guint i = 0; i < facts->gaps.n; i++)
    json_array_add_int_element (gaps, lrintf (facts->gaps.ms[i] * 10));
  json_object_set_int_member (object, "gap_tokens", facts->gaps.tokens_each);
  json_object_set_array_member (object, "gaps_100us", gaps);

  return object;
}

void
bottega_answer_facts_from_json (JsonObject *object, BottegaAnswerFacts *facts)
{
  JsonNode *node = json_object_get_member (object, "gaps_100us");
  JsonArray *gaps = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node)
                                                                 : NULL;
  double each = bottega_json_number (json_object_get_member (object, "gap_tokens"));

  *facts = (BottegaAnswerFacts) { 0 };
  bottega_json_fields_read (fields, G_N_ELEMENTS (fields), facts, object);
  facts->gaps.n = gaps != NULL ? MIN (json_array_get_length (gaps), BOTTEGA_MOST_GAPS) : 0;
  facts->gaps.tokens_each = (guint) CLAMP (each, 0, 1e6);
  for (guint i = 0; i < facts->gaps.n; i++)
    facts->gaps.ms[i] =
        (float) MAX (bottega_json_number (json_array_get_element (gaps, i)) / 10, 0);
}
