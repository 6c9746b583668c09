/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEngineSource: what the engine thread needs from an engine, as an interface.
 * BottegaLocalSource is our engine (engine/engine.h); BottegaReplaySource plays a recorded text at
 * a given speed, for tests, benchmarks and screenshots.
 *
 * Threads: all is called on the engine thread only, never two at a time, but for these. cancel may
 * come from any thread, at any moment between rearm and the end of the call it is meant for, and
 * cancel_answer at any moment of an answer. read_facts, describe_device, measure, plan and limits
 * may be called on any thread, also while another call is in progress.
 */
#pragma once

#include "engine/engine.h"

#include <glib-object.h>

G_BEGIN_DECLS

/* What is known of a model file from its metadata. All strings owned. */
typedef struct {
  char *name, *architecture;
  char *types;                       /* "Q4_1, F32", the biggest share first */
  char *warning;                     /* a sentence; NULL: none */
  char *title, *license, *languages; /* what the file says of itself; NULL: nothing */
  guint64 file_bytes, parameters;
  guint64 kv_bytes_per_token; /* kept precise, and compact */
  guint64 compact_kv_bytes_per_token;
  guint64 file_only_bytes; /* of the file's, tables that memory never holds */
  guint64 decode_bytes;    /* weights read for one token */
  guint context_tokens;    /* as trained */
  guint embedding_size;    /* numbers of a vector; 0: it writes text */
  guint64 vocabulary;      /* where it is the same, so is the text that a token stands for */
  gboolean takes_guesses;  /* another model may guess what it will write */
} BottegaModelFacts;
void bottega_model_facts_clear (BottegaModelFacts *facts);
void bottega_model_facts_copy (const BottegaModelFacts *facts, BottegaModelFacts *copy);
/* TRUE for the one model that the search of documents can use: how sure a passage answers is
 * reckoned with weights that were fitted to the vectors of multilingual-e5-small. */
gboolean bottega_model_facts_fit_search (const BottegaModelFacts *facts);

/* A device and what it can do. Strings owned. */
typedef struct {
  char *device;         /* "cpu", "vulkan:0" */
  char *name;           /* of the card or the processor */
  gboolean is_card;     /* its memory is not the computer's */
  guint64 memory_bytes; /* all of it */
  guint64 beside_bytes; /* of the computer, for what does not fit a card; 0: it is not a card */
  double read_bytes_s;  /* measured: how fast decode can read weights; 0: not known */
} BottegaMachine;
void bottega_machine_clear (BottegaMachine *machine);

/* What load () is asked for, and what it says. Strings of the request are borrowed. */
typedef struct {
  const char *path;
  const char *draft_path;      /* a model that guesses for it; NULL: none */
  const char *device;          /* "auto", "cpu", "vulkan", "vulkan:N" */
  guint context_tokens;        /* 0: automatic */
  const char *kv_type;         /* "f16" (or NULL), "q8_0" */
  guint n_threads;             /* of the processor; 0: as many as help */
  guint chunk_tokens;          /* read at a time; 0: automatic */
  guint gpu_percent;           /* of a card's memory that it may take; 0: what is free of it */
  EngineLoadProgress progress; /* engine thread */
  gpointer progress_data;
} BottegaLoadRequest;
/* One that owns its strings, and is freed with the next. */
BottegaLoadRequest *bottega_load_request_copy (const BottegaLoadRequest *request);
void bottega_load_request_free (BottegaLoadRequest *copy);
typedef struct {
  char *model_name, *device, *device_description; /* owned by the caller, as the next */
  char *note;                                     /* a sentence: what it lacks; NULL: nothing */
  guint context_tokens;
  guint64 weights_bytes, kv_bytes, scratch_bytes; /* what it holds on the device */
  /* For the diagnosis of answers; 0: not known. */
  guint n_layers, n_layers_apart;   /* apart: on the processor, beside a graphics card */
  guint64 decode_bytes;             /* weights read for one token */
  guint64 kv_token_bytes;           /* keys and values of one token */
  guint64 card_bytes;               /* of what it holds, on a graphics card */
  guint64 load_bytes;               /* of the file that came into memory */
  double load_s, load_busy_s;       /* the loading; of all processors together */
  guint n_threads, n_usual_threads; /* of the processor; when none are asked for */
} BottegaLoaded;
void bottega_loaded_clear (BottegaLoaded *loaded);

/* How fast the processor is, measured; 0: not known. */
typedef struct {
  double read_bytes_s; /* of memory that is larger than any cache */
  double set_bytes_s;  /* of memory as large as what was asked about */
  double int8_s;       /* multiply-adds of bytes */
} BottegaLimits;
/* What it would take of one memory. */
typedef struct {
  char *device;    /* "cpu", "vulkan:0" */
  gboolean is_ram; /* it is the computer's own */
  guint64 memory_bytes;
  guint64 others_bytes;  /* that other programs use, or the desktop */
  guint64 allowed_bytes; /* to the model */
  guint64 weights_bytes, kv_bytes, work_bytes;
  guint64 draft_bytes; /* a model that guesses for it, all of it */
} BottegaPlanHeap;

/* Of the question that times are foreseen for. */
#define BOTTEGA_PLAN_QUESTION_TOKENS 1000

/* What a model would take and how fast it would be, by the engine's own planner. Strings owned. */
typedef struct {
  guint64 weights_bytes, kv_bytes; /* on all heaps together */
  guint64 work_bytes;              /* memory to work in, and the vocabulary */
  guint64 draft_bytes;             /* a model that guesses for it, all of it */
  guint n_heaps;
  BottegaPlanHeap heaps[2]; /* of the device; and of the processor when it has a part */
  guint context_tokens;
  guint n_layers, n_layers_apart; /* all; those on the second heap */
  /* To the first word of that question, and a token after it; 0: its devices are not measured */
  double first_s, token_s;
  char *refusal; /* a sentence with numbers; NULL: it fits */
} BottegaPlan;
void bottega_plan_free (BottegaPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaPlan, bottega_plan_free)

/* Each source's own. */
typedef struct _BottegaSourceAnswer BottegaSourceAnswer;

#define BOTTEGA_TYPE_ENGINE_SOURCE (bottega_engine_source_get_type ())
G_DECLARE_INTERFACE (BottegaEngineSource, bottega_engine_source, BOTTEGA, ENGINE_SOURCE, GObject)

struct _BottegaEngineSourceInterface {
  GTypeInterface parent;

  /* Replaces whatever was loaded; there are no answers in progress, as for unload and forget. On
   * error nothing is loaded; ENGINE_ERROR_CANCELLED after cancel
   * (). */
  gboolean (*load) (BottegaEngineSource *self, const BottegaLoadRequest *request,
                    BottegaLoaded *loaded, GError **error);
  void (*unload) (BottegaEngineSource *self);

  /* Tokens of the prompt that these messages (and the beginning of an answer, answer_prefix, may be
   * NULL) make. */
  gboolean (*count) (BottegaEngineSource *self, const EngineMessage *messages, gsize n_messages,
                     const char *answer_prefix, guint *tokens, GError **error);
  /* An answer in progress, from begin to end; there may be several. path: the conversation that it
   * belongs to, named by the file that it may be kept in and is gone on from, be it there; NULL:
   * none. Of a conversation one answer at a time. shared_path: its system text is shared with
   * others, and what the engine holds of that beginning may be kept in this file, apart from what
   * follows, and is gone on from, be it there; NULL: none. on_event is called by step. NULL on
   * error. */
  BottegaSourceAnswer *(*begin) (BottegaEngineSource *self, const char *path,
                                 const char *shared_path, const EngineMessage *messages,
                                 gsize n_messages, const char *answer_prefix,
                                 const EngineGenerate *options, EngineEventFunc on_event,
                                 gpointer user_data, GError **error);
  /* As engine_model_step (): each of these gets on, the most urgent first; at most
   * ENGINE_MAX_ANSWERS. Comes back soon, to be called again. */
  void (*step) (BottegaEngineSource *self, BottegaSourceAnswer *const *answers, gsize n_answers);
  gboolean (*is_done) (BottegaEngineSource *self, const BottegaSourceAnswer *answer);
  /* Ends and frees it, done or not. As engine_session_generate (): a cancel is no error but TRUE
   * with ENGINE_STOP_CANCELLED. */
  gboolean (*end) (BottegaEngineSource *self, BottegaSourceAnswer *answer, EngineStats *stats,
                   GError **error);
  void (*cancel_answer) (BottegaEngineSource *self, BottegaSourceAnswer *answer);
  /* Tokens that may be added to these answers together, and to a new one. */
  guint (*get_room) (BottegaEngineSource *self, BottegaSourceAnswer *const *answers,
                     gsize n_answers);

  /* Writes what the engine holds of a conversation, NULL: of all, to its file, where that is not
   * there yet and takes no more than most_bytes. What goes wrong costs a reading and is not told.
   * May be NULL, as the next. */
  void (*keep) (BottegaEngineSource *self, const char *path, guint64 most_bytes);
  /* Nothing is written any more for a conversation, or those of a folder. */
  void (*forget) (BottegaEngineSource *self, const char *path);

  /* Forgets an earlier cancel; the engine thread, before load and keep. */
  void (*rearm) (BottegaEngineSource *self);
  void (*cancel) (BottegaEngineSource *self); /* load and keep */

  gboolean (*read_facts) (BottegaEngineSource *self, const char *path, BottegaModelFacts *facts,
                          GError **error);
  /* The line for the starting page: the device that "auto" stands for. May take a second. Free with
   * g_free. */
  char *(*describe_device) (BottegaEngineSource *self);
  /* Fills in the device that a setting ("auto", "cpu", "vulkan:0") stands for; measures how fast
   * the processor reads, which takes 0.3 s and all its cores. Any thread. FALSE: no such device. */
  gboolean (*measure) (BottegaEngineSource *self, const char *device, BottegaMachine *machine);
  /* What load () would do, without doing it. measure: devices whose speed is not known are measured
   * first, which takes all of them for some seconds. Any thread. NULL on error. */
  BottegaPlan *(*plan) (BottegaEngineSource *self, const BottegaLoadRequest *request,
                        gboolean measure, GError **error);
  /* Measures the processor, for a second and with all cores. set_bytes: what a model reads for a
   * token; 0: none. Any thread. May be NULL. */
  gboolean (*limits) (BottegaEngineSource *self, guint64 set_bytes, BottegaLimits *limits);
};

G_END_DECLS
