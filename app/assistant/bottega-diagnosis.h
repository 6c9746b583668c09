/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What limited an answer: one verdict with its number, and the one change that would help. A pure
 * function over what is known of the answer; texts in the person's language. Any thread. */
#pragma once

#include "app/assistant/bottega-answer-facts.h"

G_BEGIN_DECLS

/* In the order of the table of rules: of two that explain the same, the first is the verdict. */
typedef enum {
  BOTTEGA_VERDICT_QUEUE,
  BOTTEGA_VERDICT_SEARCH,
  BOTTEGA_VERDICT_DISK,
  BOTTEGA_VERDICT_COLD_LOAD,
  BOTTEGA_VERDICT_MEMORY_TIGHT,
  BOTTEGA_VERDICT_POWER_SAVER,
  BOTTEGA_VERDICT_FEW_THREADS,
  BOTTEGA_VERDICT_LAYERS_IN_RAM,
  BOTTEGA_VERDICT_LONG_CONTEXT,
  BOTTEGA_VERDICT_READING,
  BOTTEGA_VERDICT_MEMORY_BANDWIDTH,
  BOTTEGA_VERDICT_WRITING, /* nothing else stands out: as fast as this model is here */
  BOTTEGA_N_VERDICTS,
} BottegaVerdict;

typedef struct {
  BottegaVerdict verdict;
  double seconds[BOTTEGA_N_VERDICTS]; /* of the person's waiting that each explains */
  double total_s;                     /* all of it */
  BottegaAnswerFacts facts;
  EngineStats stats;
} BottegaDiagnosis;

/* The model's file came slowly from its disk, and the processor waited for it. */
gboolean bottega_answer_facts_came_slowly (const BottegaAnswerFacts *facts);
/* Fills in *diagnosis, which copies both. */
void bottega_diagnose (const BottegaAnswerFacts *facts, const EngineStats *stats,
                       BottegaDiagnosis *diagnosis);

/* "memory-bandwidth": for programs. */
const char *bottega_diagnosis_get_id (const BottegaDiagnosis *self);
/* The share of the device's peak that was read with while writing, 0 to 1; 0: not known. */
double bottega_diagnosis_get_bandwidth_share (const BottegaDiagnosis *self);
/* "limited by memory bandwidth (84 %)" and "bandwidth 84 %"; free with g_free, as the next. */
char *bottega_diagnosis_brief (const BottegaDiagnosis *self);
char *bottega_diagnosis_short (const BottegaDiagnosis *self);
/* A sentence with numbers. */
char *bottega_diagnosis_sentence (const BottegaDiagnosis *self);
/* What would help: a button's words and the action behind it. NULL when so little was waited that
 * there is nothing to mend. */
const char *bottega_diagnosis_get_button (const BottegaDiagnosis *self);
const char *bottega_diagnosis_get_action (const BottegaDiagnosis *self);
/* As a JSON object: verdict, number, sentence, the seconds of every rule. */
JsonObject *bottega_diagnosis_to_json (const BottegaDiagnosis *self);

G_END_DECLS
