/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdict on an answer: staged facts one by one, what is kept of them, and whole answers of a
 * recorded text whose waiting is known. */
#include "tests/app/fixture.h"

#include "app/assistant/bottega-diagnosis.h"
#include "app/assistant/bottega-engine-queue.h"
#include "app/assistant/bottega-stats-text.h"

#include <string.h>

#define GB 1e9

/* ---- the rules ---- */

/* A usual answer on a laptop: 20 ms of queue, a short prompt, then 4 s of writing with a model of 1
 * GB that is read at 60 % of 40 GB/s. */
static const BottegaAnswerFacts usual_facts = {
  .queue_s = 0.02,
  .read_s = 0.3,
  .write_s = 4,
  .context_tokens = 8192,
  .n_layers = 28,
  .decode_bytes = 1000000000,
  .kv_token_bytes = 100000,
  .load_bytes = 1100000000,
  .load_file_s = 2,
  .load_busy_s = 2,
  .peak_bytes_s = 40 * GB,
  .usual_load_bytes_s = 0.8 * GB,
  .usual_tok_s = 25,
  .n_threads = 0,
  .n_usual_threads = 8,
};
static const EngineStats usual_stats = {
  .prompt_tokens = 200,
  .reused_tokens = 100,
  .read_tokens = 100,
  .written_tokens = 96,
  .ttft_s = 0.3,
  .prefill_s = 0.3,
  .decode_s = 4,
  .decode_tok_s = 24,
  .decode_gb_s = 24,
};

/* What of the usual answer is changed. */
typedef struct {
  const char *name, *verdict, *action;
  void (*change) (BottegaAnswerFacts *facts, EngineStats *stats);
  double least_s, most_s; /* of the seconds that it explains */
} Case;

static void
nothing (BottegaAnswerFacts *facts, EngineStats *stats)
{
}

static void
half_speed (BottegaAnswerFacts *facts, EngineStats *stats)
{
  stats->decode_gb_s = 12; /* 30 % of what memory gives: something else sets the pace */
}

static void
long_prompt (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->read_s = 9;
  stats->prompt_tokens = 6000;
  stats->read_tokens = 5900;
}

static void
busy_queue (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->queue_s = 7;
  facts->n_before = 2;
}

static void
slow_search (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->search_s = 5;
}

static void
cold_load (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->load_s = 6;
  facts->load_file_s = 1.5;
}

/* 25 MB a second, and the processor waits for it. */
static void
slow_disk (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->load_s = facts->load_file_s = 44;
  facts->load_busy_s = 3;
}

/* As slow, but the time went into packing and compiling. */
static void
busy_load (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->load_s = facts->load_file_s = 12;
  facts->load_busy_s = 20;
}

static void
tiny_card (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->n_layers_apart = 14;
  stats->decode_gb_s = 8;
}

static void
pressure (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->write_s = 20;
  facts->stall_s = 14;
  stats->decode_gb_s = 5;
}

static void
faults (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->write_s = 20;
  facts->major_faults = 150000;
  stats->decode_gb_s = 5;
}

static void
low_power (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->power_saver = TRUE;
  facts->write_s = 10;
  stats->decode_tok_s = 10;
  stats->decode_gb_s = 10;
}

static void
low_power_at_first (BottegaAnswerFacts *facts, EngineStats *stats)
{
  low_power (facts, stats);
  facts->usual_tok_s = 0;
  stats->decode_gb_s = 9;
}

static void
few_threads (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->n_threads = 2;
  facts->read_s = 6;
  facts->write_s = 10;
  stats->decode_tok_s = 10;
  stats->decode_gb_s = 10;
}

static void
long_conversation (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->kv_token_bytes = 500000;
  stats->prompt_tokens = 7000;
  stats->reused_tokens = 6950;
  stats->read_tokens = 50;
}

static void
turns_left (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->turns_left = 3;
  facts->read_s = 8;
  stats->prompt_tokens = stats->read_tokens = 6000;
  stats->reused_tokens = 0;
}

static void
unknown_peak (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->peak_bytes_s = 0;
}

static void
quick (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->write_s = 0.4;
  facts->read_s = 0.05;
}

/* Half of the writing each: the first of the table. */
static void
tie (BottegaAnswerFacts *facts, EngineStats *stats)
{
  facts->kv_token_bytes = 0;
  stats->decode_gb_s = 20;
}

static const Case cases[] = {
  { "usual", "memory-bandwidth", "win.models", nothing, 2.2, 2.5 },
  { "half-speed", "writing", "win.models", half_speed, 2.5, 3 },
  { "long-prompt", "reading", "win.models", long_prompt, 9, 9 },
  { "busy-queue", "queue", "win.queue", busy_queue, 7, 7 },
  { "slow-search", "search", "win.library", slow_search, 5, 5 },
  { "cold-load", "cold-load", "win.keep-loaded", cold_load, 6, 6 },
  { "slow-disk", "disk", "win.keep-loaded", slow_disk, 44, 44 },
  { "busy-load", "cold-load", "win.keep-loaded", busy_load, 12, 12 },
  { "tiny-card", "layers-in-ram", "app.memory", tiny_card, 3.2, 3.4 },
  { "pressure", "memory-tight", "app.memory", pressure, 14, 14 },
  { "faults", "memory-tight", "app.memory", faults, 15, 15 },
  { "low-power", "power-saver", "win.balanced-power", low_power, 6, 6.5 },
  { "low-power-at-first", "power-saver", "win.balanced-power", low_power_at_first, 3.3, 3.5 },
  { "few-threads", "few-threads", "app.memory", few_threads, 10, 11 },
  { "long-conversation", "long-context", "win.new-conversation", long_conversation, 3, 3.2 },
  { "turns-left", "long-context", "win.new-conversation", turns_left, 8, 10 },
  { "unknown-peak", "writing", "win.models", unknown_peak, 3.8, 4 },
  { "quick", "memory-bandwidth", NULL, quick, 0.2, 0.25 },
  { "tie", "memory-bandwidth", "win.models", tie, 2, 2 },
};

static void
test_rule (gconstpointer data)
{
  const Case *staged = data;
  BottegaAnswerFacts facts = usual_facts;
  EngineStats stats = usual_stats;
  BottegaDiagnosis diagnosis;
  g_autofree char *sentence = NULL, *brief = NULL, *folded = NULL;
  double seconds, sum = 0;

  staged->change (&facts, &stats);
  bottega_diagnose (&facts, &stats, &diagnosis);
  seconds = diagnosis.seconds[diagnosis.verdict];
  g_test_message ("%s: %.2f s", bottega_diagnosis_get_id (&diagnosis), seconds);
  g_assert_cmpstr (bottega_diagnosis_get_id (&diagnosis), ==, staged->verdict);
  g_assert_cmpstr (bottega_diagnosis_get_action (&diagnosis), ==, staged->action);
  g_assert_true ((bottega_diagnosis_get_button (&diagnosis) != NULL) == (staged->action != NULL));
  g_assert_cmpfloat (seconds, >=, staged->least_s - 1e-9);
  g_assert_cmpfloat (seconds, <=, staged->most_s + 1e-9);
  /* Each second of the waiting is explained once. */
  for (guint i = 0; i < BOTTEGA_N_VERDICTS; i++)
    sum += diagnosis.seconds[i];
  g_assert_cmpfloat_with_epsilon (sum, diagnosis.total_s, 1e-6);

  sentence = bottega_diagnosis_sentence (&diagnosis);
  brief = bottega_diagnosis_brief (&diagnosis);
  folded = bottega_diagnosis_short (&diagnosis);
  g_test_message ("%s | %s | %s", brief, folded, sentence);
  g_assert_true (g_str_has_prefix (brief, "limited by "));
  g_assert_cmpuint (strlen (folded), <, strlen (brief));
  g_assert_true (g_str_has_suffix (sentence, "."));
}

static void
test_words (void)
{
  BottegaDiagnosis diagnosis;
  BottegaAnswerFacts facts = usual_facts;
  EngineStats stats = usual_stats;
  g_autofree char *brief = NULL, *folded = NULL, *sentence = NULL;

  bottega_diagnose (&facts, &stats, &diagnosis);
  brief = bottega_diagnosis_brief (&diagnosis);
  folded = bottega_diagnosis_short (&diagnosis);
  g_assert_cmpstr (brief, ==, "limited by memory bandwidth (60 %)");
  g_assert_cmpstr (folded, ==, "bandwidth 60 %");

  busy_queue (&facts, &stats);
  bottega_diagnose (&facts, &stats, &diagnosis);
  sentence = bottega_diagnosis_sentence (&diagnosis);
  g_assert_cmpstr (sentence, ==,
                   "The question waited 7.0\u00a0s until 2 other answers were written.");
}

/* ---- what is kept ---- */

static void
test_json (void)
{
  BottegaAnswerFacts facts = usual_facts;
  g_autofree BottegaAnswerFacts *back = NULL, *none = NULL;
  g_autofree char *text = NULL, *old = NULL;
  EngineStats stats;

  facts.power_saver = TRUE;
  facts.energy_j = 12.5;
  for (gint64 at_us = 1; at_us <= 5; at_us++)
    bottega_gaps_add (&facts.gaps, at_us * at_us * 1000);
  text = bottega_stats_to_json (&usual_stats, &facts);
  g_assert_true (bottega_stats_from_json (text, &stats, &back));
  g_assert_nonnull (back);
  g_assert_cmpfloat (back->write_s, ==, facts.write_s);
  g_assert_cmpuint (back->decode_bytes, ==, facts.decode_bytes);
  g_assert_true (back->power_saver);
  g_assert_cmpfloat (back->energy_j, ==, 12.5);
  g_assert_cmpuint (back->gaps.n, ==, 4);
  g_assert_cmpuint (back->gaps.tokens_each, ==, 1);
  g_assert_cmpfloat_with_epsilon (back->gaps.ms[3], 9, 1e-3);

  /* Of an answer from before they were kept. */
  old = bottega_stats_to_json (&usual_stats, NULL);
  g_assert_true (bottega_stats_from_json (old, &stats, &none));
  g_assert_null (none);
  g_assert_cmpuint (stats.written_tokens, ==, usual_stats.written_tokens);
}

/* What somebody else wrote is no reason to fall over. */
static void
test_bad_json (void)
{
  static const char *const bad[] = {
    "{\"prompt_tokens\":1,\"facts\":7}",
    "{\"prompt_tokens\":1,\"facts\":{\"gaps_100us\":\"x\",\"write_s\":\"y\"}}",
    "{\"prompt_tokens\":1,\"facts\":{\"gaps_100us\":[\"a\",-5,null],\"gap_tokens\":-3}}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree BottegaAnswerFacts *facts = NULL;
    EngineStats stats;

    g_assert_true (bottega_stats_from_json (bad[i], &stats, &facts));
    g_assert_true ((facts == NULL) == (i == 0));
    g_assert_true (facts == NULL || facts->write_s == 0);
  }
}

/* Long answers keep their stalls, in bounded room. */
static void
test_gaps (void)
{
  BottegaGaps gaps = { 0 };
  gint64 now_us = 1000;
  float most = 0;

  for (guint i = 0; i <= 2000; i++) {
    now_us += i == 777 ? 500000 : 10000;
    bottega_gaps_add (&gaps, now_us);
  }
  g_assert_cmpuint (gaps.n, <=, BOTTEGA_MOST_GAPS);
  g_assert_cmpuint (gaps.n * gaps.tokens_each, >=, 2000);
  g_assert_cmpuint ((gaps.n - 1) * gaps.tokens_each, <, 2000);
  for (guint i = 0; i < gaps.n; i++)
    most = MAX (most, gaps.ms[i]);
  g_assert_cmpfloat_with_epsilon (most, 500, 1e-3);
}

/* ---- whole answers ---- */

static void
assert_verdict (BottegaConversation *conversation, const char *verdict, double least_s)
{
  BottegaDiagnosis diagnosis;
  BottegaMessage *message = fixture_last_message (conversation);

  g_assert_true (bottega_message_diagnose (message, &diagnosis));
  g_test_message ("queue %.2f load %.2f read %.2f write %.2f", diagnosis.facts.queue_s,
                  diagnosis.facts.load_s, diagnosis.facts.read_s, diagnosis.facts.write_s);
  g_assert_cmpstr (bottega_diagnosis_get_id (&diagnosis), ==, verdict);
  g_assert_cmpfloat (diagnosis.seconds[diagnosis.verdict], >=, least_s);
}

/* The prompt takes a second, the answer nothing; and it is known again after a restart, with the
 * times between tokens. */
static void
test_long_prompt (void)
{
  const BottegaReplayOptions options = { .text = "Yes, three times over.",
                                         .read_tokens_per_s = 1500,
                                         .tokens_per_s = 100 };
  Fixture fixture = { 0 };
  g_autoptr (BottegaConversation) conversation = NULL;
  g_autofree char *question = g_strnfill (6000, 'a');

  fixture_set_up (&fixture, &options);
  conversation = fixture_create (fixture.assistant);
  fixture_ask (conversation, question);
  assert_verdict (conversation, "reading", 0.9);

  g_clear_object (&conversation);
  fixture_reopen (&fixture, &options);
  conversation = g_list_model_get_item (
      G_LIST_MODEL (bottega_assistant_get_conversations (fixture.assistant)), 0);
  bottega_conversation_load_messages (conversation);
  fixture_wait (fixture_is_loaded, conversation);
  assert_verdict (conversation, "reading", 0.9);
  {
    BottegaDiagnosis diagnosis;

    g_assert_true (bottega_message_diagnose (fixture_last_message (conversation), &diagnosis));
    g_assert_cmpuint (diagnosis.facts.gaps.n, >=, 3);
    g_assert_cmpfloat (diagnosis.facts.gaps.ms[1], >, 2);
  }
  g_clear_object (&conversation);
  fixture_tear_down (&fixture);
}

/* One place is kept for the conversation on the screen, the others are taken: the next question
 * waits for one of them. */
static void
test_busy_queue (void)
{
  const BottegaReplayOptions options = { .text = "Word after word after word after word.",
                                         .tokens_per_s = 12 };
  Fixture fixture = { 0 };
  BottegaConversation *conversations[BOTTEGA_QUEUE_MOST_ANSWERS], *last;
  BottegaDiagnosis diagnosis;

  fixture_set_up (&fixture, &options);
  for (guint i = 0; i < G_N_ELEMENTS (conversations); i++) {
    conversations[i] = last = fixture_create (fixture.assistant);
    fixture_send (last, "Word?");
    if (i + 1 < G_N_ELEMENTS (conversations))
      fixture_wait (fixture_is_writing, last);
  }
  fixture_wait (fixture_is_writing, last);
  bottega_conversation_stop (last);
  fixture_wait (fixture_is_idle, last);
  assert_verdict (last, "queue", 0.2);
  g_assert_true (bottega_message_diagnose (fixture_last_message (last), &diagnosis));
  g_assert_cmpuint (diagnosis.facts.n_before, >=, 1);
  for (guint i = 0; i < G_N_ELEMENTS (conversations); i++)
    g_object_unref (conversations[i]);
  fixture_tear_down (&fixture);
}

/* The question comes while the model is being loaded: 600 MB, or 20 MB, in a second. */
static void
check_load (guint64 model_bytes, const char *verdict)
{
  const BottegaReplayOptions quick = { .text = "Yes." };
  const BottegaReplayOptions slow = { .text = "Yes.",
                                      .load_s = 1,
                                      .model_bytes = model_bytes };
  Fixture fixture = { 0 };
  g_autoptr (BottegaConversation) conversation = NULL;

  fixture_set_up (&fixture, &quick);
  fixture_reopen (&fixture, &slow);
  bottega_assistant_reload_model (fixture.assistant);
  conversation = fixture_create (fixture.assistant);
  fixture_send (conversation, "Is it there yet?");
  fixture_wait (fixture_is_idle, conversation);
  assert_verdict (conversation, verdict, 0.7);
  g_clear_object (&conversation);
  fixture_tear_down (&fixture);
}

static void
test_cold_load (void)
{
  check_load (600000000, "cold-load");
}

static void
test_slow_disk (void)
{
  check_load (20000000, "disk");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/diagnosis/rule/", cases[i].name, NULL);

    g_test_add_data_func (path, &cases[i], test_rule);
  }
  g_test_add_func ("/diagnosis/words", test_words);
  g_test_add_func ("/diagnosis/json", test_json);
  g_test_add_func ("/diagnosis/bad-json", test_bad_json);
  g_test_add_func ("/diagnosis/gaps", test_gaps);
  g_test_add_func ("/diagnosis/answer/long-prompt", test_long_prompt);
  g_test_add_func ("/diagnosis/answer/busy-queue", test_busy_queue);
  g_test_add_func ("/diagnosis/answer/cold-load", test_cold_load);
  g_test_add_func ("/diagnosis/answer/slow-disk", test_slow_disk);

  return fixture_run_with_trash ();
}
