/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of the making of one answer beside the engine's own numbers: where the person's
 * time went and what the computer was like meanwhile. Kept with the answer; the diagnosis and the
 * plots come from it. Plain numbers, any thread. */
#pragma once

#include "engine/engine.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Times between the tokens of an answer, bounded: when there are more, neighbours become one, which
 * is the longer of the two, so that no stall is lost. */
#define BOTTEGA_MOST_GAPS 256
typedef struct {
  guint n;
  guint tokens_each; /* tokens that one of them stands for; 0: no token has come */
  guint pending;     /* tokens that the last one stands for so far */
  gint64 last_us;    /* monotonic */
  float ms[BOTTEGA_MOST_GAPS];
} BottegaGaps;
/* A token has come. Costs no more than reading the clock. */
void bottega_gaps_add (BottegaGaps *gaps, gint64 now_us);

/* 0: not known, unless said otherwise. */
typedef struct {
  /* The person's waiting, in the order in which it comes; seconds. */
  double queue_s;  /* for other answers, and to be committed to the disk */
  double search_s; /* in the documents */
  double load_s;   /* until the model was there */
  double read_s;   /* until the first token */
  double write_s;  /* from there to the end */
  guint n_before;  /* answers that came first */

  /* The model, as it is loaded. */
  guint context_tokens;
  guint n_layers, n_layers_apart; /* apart: on the processor, beside a graphics card */
  guint64 decode_bytes;           /* weights read for one token */
  guint64 kv_token_bytes;         /* keys and values of one token */
  guint64 load_bytes;             /* of the file; 0: not known, as the next */
  double load_file_s;             /* how long loading it took, in all */
  double load_busy_s;             /* processors worked for it: their time together */
  guint turns_left;               /* turns that had to leave: what stays is read anew */

  /* This computer. */
  double peak_bytes_s;              /* that its device reads at most */
  double usual_load_bytes_s;        /* the fastest load so far */
  double usual_tok_s;               /* the fastest that the model wrote here so far */
  gboolean power_saver;             /* on at the end of the answer */
  guint n_threads, n_usual_threads; /* of the processor; usual: as many as help */
  double stall_s;                   /* somebody waited for memory (pressure stall information) */
  guint64 major_faults;             /* pages that had to come from a disk meanwhile */
  guint64 ram_bytes, card_bytes;    /* that the program held at the end */
  double energy_j;                  /* of what can be measured; 0: nothing can */

  BottegaGaps gaps;
} BottegaAnswerFacts;

/* Waiting, reading and writing together. */
double bottega_answer_facts_total_s (const BottegaAnswerFacts *facts);

/* As a new JSON object, and back: what is missing is 0. */
JsonObject *bottega_answer_facts_to_json (const BottegaAnswerFacts *facts);
void bottega_answer_facts_from_json (JsonObject *object, BottegaAnswerFacts *facts);

G_END_DECLS
