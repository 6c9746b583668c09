/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bottega's engine: the only header that the app includes.
 *
 *   g_autoptr (EngineModel) model = engine_model_open (path, NULL, &error);
 *   g_autoptr (EngineSession) session = engine_session_new (model, &error);
 *   g_autoptr (GArray) prompt = engine_model_encode_chat (model, messages, n, TRUE, &error);
 *   EngineGenerate options = ENGINE_GENERATE_DEFAULT;
 *   engine_session_generate (session, prompt, &options, on_event, data, &stats, &error);
 *
 * A MODEL is a loaded file on a device. A SESSION is one timeline of tokens with its KV cache. The
 * caller says which tokens the timeline must hold; the engine keeps the longest prefix it already
 * has, in this session or in another of the model, and reads the rest.
 *
 * Threads: a model and its sessions belong to ONE thread, the engine thread, except for functions
 * marked "any thread". Nothing here prints, exits or aborts on bad input: errors are ENGINE_ERROR
 * with a sentence for people.
 */
#pragma once

#include "engine/error.h"

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

/* ---- devices ------------------------------------------------------------ */

typedef struct {
  char *id;       /* "cpu", "vulkan:0": what --device takes */
  char *name;     /* "AMD Radeon RX 7600 (RADV NAVI33)" */
  char *driver;   /* "radv, Mesa 26.1.0"; "AVX-512 VNNI" for the CPU */
  char *kind;     /* "discrete", "integrated", "virtual", "software", "other", "processor" */
  char *features; /* comma separated, for people */
  char *missing;  /* why it is not usable, a sentence; NULL when usable */
  uint64_t memory_bytes, free_bytes;
  gboolean usable, software;
} EngineDevice;

void engine_device_free (EngineDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EngineDevice, engine_device_free)

/* Every device of this machine, the CPU last (GPtrArray of EngineDevice, free with
 * g_ptr_array_unref). Any thread; may take a second when drivers are slow. */
GPtrArray *engine_devices (void);
/* The id that "auto" stands for, and in *why the sentence that explains it (both owned by the
 * caller). Any thread. */
char *engine_device_auto (char **why);
/* Bytes per second that decode can read at most on the CPU with n_threads (0: as the engine would
 * use) over a set of so many bytes (0: larger than any cache), such as a model's weights. Any
 * thread; takes about 0.3 s and all these cores. */
double engine_measure_read_bandwidth (unsigned n_threads, uint64_t set_bytes);
/* Threads of the processor that compute unless a number is asked for: as many as help. Any
 * thread. */
unsigned engine_processor_threads (void);
/* Multiply-adds of bytes per second that n_threads of the CPU reach; prefill takes two a weight and
 * token. Any thread; about 0.3 s. */
double engine_measure_int8_rate (unsigned n_threads);

/* ---- models ------------------------------------------------------------ */

typedef struct _EngineModel EngineModel;
typedef void (*EngineLoadProgress) (double fraction, void *user_data);

typedef struct {
  const char *device;      /* "auto" (or NULL), "cpu", "vulkan", "vulkan:N" */
  unsigned n_threads;      /* 0: as many as help */
  uint32_t context_tokens; /* 0: what the model was trained for, at most 8192 */
  uint32_t chunk_tokens;   /* prefill batch; 0: the device's own preference */
  /* Of a graphics card, for all that a model takes there; what does not fit stays on the processor.
   * 0: what is free, but for a reserve, and no limit on cards that share the computer's memory */
  uint64_t gpu_memory_bytes;
  /* For a plan: what a model holds that will be closed before this one is loaded. It counts as
   * free, of RAM and of the card that freed_device ("vulkan:N"; NULL: none) names. */
  uint64_t freed_ram_bytes, freed_device_bytes;
  const char *freed_device;
  /* What keys and values are kept as: "f16" (or NULL), "q8_0": half the memory, and half of what a
   * long conversation costs each token; log-probabilities of the starter model move by 0.03 to 0.05
   * (a divergence of 0.0004). Models that do not stand it keep f16: engine_model_kv_note () */
  const char *kv_type;
  /* A smaller model that guesses on the same device what this one will write; NULL: none. It takes
   * memory beside this one, and must be of the same EngineModelInfo.vocabulary: else
   * ENGINE_ERROR_INVALID. While it does not make answers faster, it is not asked. */
  const char *draft_path;
  const char *cache_dir;       /* for pipeline caches; NULL: none */
  const char *cpu_tier;        /* "portable", "avx2", "avx-vnni", "avx512", "amx"; NULL: the best */
  EngineLoadProgress progress; /* called on the engine thread; may be NULL */
  void *progress_data;
  const gint *cancel; /* set atomically by any thread to give up loading; may be NULL */
} EngineModelOptions;

typedef struct {
  char *path, *name; /* name: the file's, without its ending */
  char *title;       /* general.name: what the file calls itself; NULL: nothing */
  char *license;     /* general.license, "apache-2.0"; NULL: the file does not say */
  char *languages;   /* general.languages, "en, it"; NULL: the file does not say */
  char *architecture, *tokenizer, *chat_template;
  char *warning; /* something a person should know (unknown pre-tokenizer, template); else NULL */
  uint64_t parameters, file_bytes;
  uint64_t file_only_bytes; /* of these, tables of which rows are read as needed: never in memory */
  uint32_t context_tokens;  /* trained */
  uint32_t n_layers, n_vocab;
  /* Where this is the same, so is the text that a token stands for (but of control tokens). */
  uint64_t vocabulary;
  gboolean takes_guesses;  /* can go back to before a wrong guess: it may have a draft model */
  uint32_t embedding_size; /* numbers in a vector; 0: it writes text */
  uint64_t kv_bytes_per_token_f16, kv_bytes_per_token_q8_0;
  uint64_t decode_bytes;   /* weights read for one token */
  uint64_t prompt_weights; /* weights that each token of a prompt is multiplied with */
  uint32_t n_types;        /* tensor types in use */
  struct {
    const char *name;
    uint32_t n_tensors;
    uint64_t bytes;
  } types[48];
} EngineModelInfo;

void engine_model_info_free (EngineModelInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EngineModelInfo, engine_model_info_free)

/* Reads and checks the metadata only; a few milliseconds. Any thread. */
EngineModelInfo *engine_model_read_info (const char *path, GError **error);

/* Loads. options NULL: all defaults. */
EngineModel *
engine_model_open (const char *path, const EngineModelOptions *options, GError **error);
/* Metadata, tokenizer and template only, no weights and no device: for tokenising and rendering. */
EngineModel *engine_model_open_text (const char *path, GError **error);
/* All sessions of it must be gone. */
void engine_model_close (EngineModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EngineModel, engine_model_close)

/* ---- what a model will take ------------------------------------------------- */

/* Memory of one device, in bytes. What others use of it is memory_bytes - free_bytes. */
typedef struct {
  char *device, *description; /* "cpu", "vulkan:N", and a sentence about it */
  gboolean is_ram;            /* it is the computer's own memory */
  uint64_t memory_bytes, free_bytes;
  uint64_t allowed_bytes; /* to the model: what is free but for a reserve, or the limit */
  /* What it takes once it has answered. */
  uint64_t weights_bytes, kv_bytes, scratch_bytes;
  uint64_t draft_bytes; /* and a draft model, all of it; allowed_bytes is what that leaves */
} EnginePlanHeap;

typedef struct {
  uint32_t tokens; /* of a prompt of which nothing is in the cache */
  double ttft_s;   /* from the call to the first token */
  double token_s;  /* for one more after it; 0: the model writes no text */
} EnginePlanTime;

#define ENGINE_PLAN_FIRST_TOKENS 16
#define ENGINE_PLAN_MAX_TIMES    32

typedef struct {
  uint32_t n_heaps;
  EnginePlanHeap heaps[2]; /* of the device; and of the processor when it has a part */
  uint32_t context_tokens;
  const char *kv_type; /* "f16" or "q8_0", static */
  uint32_t n_layers;
  uint32_t n_layers_apart; /* of these, whole ones that lie on the second heap */
  uint64_t text_bytes;     /* of RAM: vocabulary and what else the file says, about */
  /* Times for prompts of so many tokens and answers after them, at the powers of two from
   * ENGINE_PLAN_FIRST_TOKENS on; none where a device has not been measured */
  uint32_t n_times;
  EnginePlanTime times[ENGINE_PLAN_MAX_TIMES];
  char *placement; /* a sentence about what does, for people; NULL: nothing */
  char *refusal;   /* a sentence with numbers: it does not fit; NULL: it does */
} EnginePlan;

/* What engine_model_open () with these options would do and allocate now: read from the metadata,
 * nothing is loaded or allocated, but a graphics card is opened (some tens of ms). A model that
 * does not fit has a plan with a refusal; NULL is for what is no matter of memory. Times come from
 * what options->cache_dir keeps of the devices. A draft model is counted by its memory, whether or
 * not it may guess for this one; when that does not fit, the plan is the draft's, with its refusal.
 * options NULL: all defaults. Any thread; free with engine_plan_free. */
EnginePlan *engine_plan (const char *path, const EngineModelOptions *options, GError **error);
/* The same, but what is not known yet of the speed of its devices is measured, with models made up
 * for it, and kept in options->cache_dir: a few seconds at first, for each number format, that no
 * other work should share. Where that fails, or without a cache_dir, the plan has no times. Any
 * thread. */
EnginePlan *engine_plan_measured (const char *path, const EngineModelOptions *options,
                                  GError **error);
/* Between the times of a plan; FALSE and zeros where there are none. */
gboolean engine_plan_times (const EnginePlan *plan, uint32_t n_tokens, double *ttft_s,
                            double *token_s);
void engine_plan_free (EnginePlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EnginePlan, engine_plan_free)
/* The plan that a model was loaded by, with what was free then. Borrowed. */
const EnginePlan *engine_model_plan (const EngineModel *model);

const EngineModelInfo *engine_model_info (const EngineModel *model);
/* "cpu" or "vulkan:N", and a sentence about it, which says what of the model lies on the processor
 * instead. Borrowed. */
const char *engine_model_device (const EngineModel *model);
const char *engine_model_device_description (const EngineModel *model);
uint32_t engine_model_context_tokens (const EngineModel *model);
double engine_model_load_s (const EngineModel *model);
/* "f16" or "q8_0", and a sentence (or NULL) that says why not what was asked for. Borrowed. */
const char *engine_model_kv_type (const EngineModel *model);
const char *engine_model_kv_note (const EngineModel *model);
/* What is held now, in bytes on the model's devices (RAM for the CPU). */
void engine_model_memory (const EngineModel *model,
                          uint64_t *weights_bytes,
                          uint64_t *kv_bytes,
                          uint64_t *scratch_bytes);
/* Of that, what lies on a graphics card. */
uint64_t engine_model_gpu_bytes (const EngineModel *model);

/* ---- text ------------------------------------------------------------ */

typedef struct {
  const char *role;    /* "system", "user", "assistant" */
  const char *content; /* UTF-8; never parsed for control tokens */
  const char *thought; /* of an assistant: what it thought before that, or NULL: most templates
                        * leave it out */
} EngineMessage;

/* Which of the tokens that a model may ask for stand around a text. */
typedef enum {
  ENGINE_ENDS_NONE,
  ENGINE_ENDS_BEGIN, /* BOS: a text that goes on */
  ENGINE_ENDS_BOTH,  /* BOS and EOS: a whole text */
} EngineEnds;

/* GArray of gint32, owned by the caller. Any thread. */
GArray *engine_model_encode (const EngineModel *model,
                             const char *text,
                             gboolean parse_special,
                             EngineEnds ends);
GArray *engine_model_encode_chat (const EngineModel *model,
                                  const EngineMessage *messages,
                                  size_t n_messages,
                                  gboolean add_generation,
                                  GError **error);
char *engine_model_render_chat (const EngineModel *model,
                                const EngineMessage *messages,
                                size_t n_messages,
                                GError **error);
/* The text of ids, control tokens left out unless with_special; always valid UTF-8. A space that
 * the tokenizer puts before every text is no part of it, but with_special shows each token whole.
 * Free with g_free. Any thread. */
char *engine_model_decode (const EngineModel *model,
                           const gint32 *tokens,
                           size_t n,
                           gboolean with_special);

/* ---- sessions ------------------------------------------------------------ */

typedef struct _EngineSession EngineSession;

/* Sessions of a model share its KV memory, which holds one context, and what they begin with alike.
 * Each can use all of it: what the others hold, and what ended sessions held, stays only for as
 * long as there is room. */
EngineSession *engine_session_new (EngineModel *model, GError **error);
void engine_session_free (EngineSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EngineSession, engine_session_free)

/* Any thread, at any time: the call in progress returns ENGINE_ERROR_CANCELLED within 100 ms in
 * prefill and within one token in decode. Holds until the next generate or logits call begins after
 * engine_session_rearm (). */
void engine_session_cancel (EngineSession *session);
void engine_session_rearm (EngineSession *session);

typedef struct {
  uint32_t max_tokens;        /* of the answer; the context's end bounds it too */
  float temperature;          /* 0: greedy */
  uint32_t top_k;             /* 0: off */
  float top_p, min_p;         /* 1 and 0: off */
  float repetition_penalty;   /* 1: off */
  uint32_t repetition_window; /* last tokens that it looks at */
  uint64_t seed;              /* same seed, same text */
  gboolean ignore_end;        /* for measuring: goes on past the end token */
  gboolean unsorted;          /* all text is given as answer, the markers of thoughts too */
  gboolean speculate;         /* guesses tokens that the model then checks: faster, same text */
} EngineGenerate;
/* No penalty: lists and code repeat their tokens on purpose. */
#define ENGINE_GENERATE_DEFAULT \
  ((EngineGenerate) { 1024, 0.7f, 40, 0.95f, 0.05f, 1, 64, 0, FALSE, FALSE, TRUE })
#define ENGINE_GENERATE_GREEDY \
  ((EngineGenerate) { 1024, 0, 0, 1, 0, 1, 0, 0, FALSE, FALSE, TRUE })

/* What a model writes: its answer, what it thinks before, and the syntax of tool calls. The markers
 * between them are never given. */
typedef enum {
  ENGINE_TEXT_ANSWER,
  ENGINE_TEXT_THOUGHT,
  ENGINE_TEXT_TOOL,
} EngineTextKind;

typedef enum {
  ENGINE_EVENT_READING, /* prefill: done and total tokens */
  ENGINE_EVENT_TOKEN,   /* one token: id and the text that became whole with it (may be empty) */
} EngineEventKind;
typedef struct {
  EngineEventKind kind;
  uint32_t done, total; /* READING: tokens of the prompt in the cache, and in all */
  double left_s;        /* READING: estimate of what is left; < 0: not known yet */
  gint32 token;         /* TOKEN; -1: more text of the last one, or what was held back */
  const char *text;     /* TOKEN: UTF-8, valid during the call */
  EngineTextKind text_kind;
} EngineEvent;
/* On the engine thread, while generating. Must not call the session (but engine_session_cancel). */
typedef void (*EngineEventFunc) (const EngineEvent *event, void *user_data);

typedef enum {
  ENGINE_STOP_END,
  ENGINE_STOP_MAX_TOKENS,
  ENGINE_STOP_CONTEXT,
  ENGINE_STOP_CANCELLED
} EngineStop;

typedef struct {
  uint32_t prompt_tokens, reused_tokens, read_tokens, written_tokens; /* prompt = reused + read */
  double ttft_s;                                                      /* call to first token */
  /* Of the chunks of the prompt; and from the first token to the last, whatever was between. */
  double prefill_s, decode_s;
  double prefill_tok_s, decode_tok_s;                   /* 0: nothing was read or written */
  double gap_p50_ms, gap_p95_ms, gap_max_ms;            /* between tokens */
  uint32_t stalls;                                      /* gaps over 4 medians and 100 ms */
  uint32_t drafted_tokens, accepted_tokens;             /* guesses, and those that held */
  uint32_t model_drafted_tokens, model_accepted_tokens; /* of these, the draft model's */
  /* Of the batches of its own that held no guess: what the next answer may count on. */
  uint32_t plain_tokens;
  double plain_tok_s, plain_gb_s;
  /* Weights and KV, in decode. Of a batch of several answers each counts an equal part of the
   * weights, which are read once, and of the keys and values by the tokens that it holds. */
  uint64_t bytes_read;
  double decode_gb_s;     /* bytes_read / decode_s / 1e9 */
  uint32_t shared_tokens; /* that came from batches of several answers */
  uint32_t queued_tokens; /* whose batch the device had before the last one was read */
  double others_s;        /* of all its time: batches that it had no part in */
  EngineStop stop;
} EngineStats;

/* Several answers of a model that go on at the same time, in steps:
 *
 *   answers[i] = engine_answer_new (sessions[i], prompts[i], &options, on_event, data, &error);
 *   while (!engine_answer_done (answers[0]) || …)
 *     engine_model_step (model, answers, n);
 *   engine_answer_finish (answers[i], &stats, &error);
 */
typedef struct _EngineAnswer EngineAnswer;

#define ENGINE_MAX_ANSWERS 8 /* that a step advances at once */

/* Checks prompt (GArray of gint32, copied) and options, and takes over what is in the cache of it;
 * nothing is read yet, and on_event (may be NULL) is first called in a step. NULL with the errors
 * of engine_session_generate () for these. The session does nothing else until
 * engine_answer_finish (), and lives as long; engine_session_cancel () ends the answer. */
EngineAnswer *engine_answer_new (EngineSession *session,
                                 const GArray *prompt,
                                 const EngineGenerate *options,
                                 EngineEventFunc on_event,
                                 void *user_data,
                                 GError **error);
/* Advances n_answers of the model, the most urgent first; those done are skipped, and of the others
 * the first ENGINE_MAX_ANSWERS go on. Those that write get their next token (one alone may get
 * several), in one batch where the cache has room for that. Then the first that still reads its
 * prompt gets a chunk of it, whole pages of about 500 ms when nobody writes, else about 100 ms, by
 * the speed of the last: with the batch before it that is what those who write wait for.
 * The same tokens come out as alone, on the CPU; on a graphics card rounding may differ by the size
 * of a batch, as it does with guesses. A cancel ends an answer within 100 ms while one alone is
 * read or writes, else with the batch that runs. An error ends the answer that it hit, also when
 * there is no more room for it (ENGINE_ERROR_NO_MEMORY), and the others go on; one of the device
 * ends all that were in the batch. */
void engine_model_step (EngineModel *model, EngineAnswer *const *answers, size_t n_answers);
/* It has come to its end: at its last token, by a cancel, or by an error. */
gboolean engine_answer_done (const EngineAnswer *answer);
/* Ends it as a cancel would unless it is done, and frees it. Returns as engine_session_generate ()
 * does; stats may be NULL. */
gboolean engine_answer_finish (EngineAnswer *answer, EngineStats *stats, GError **error);
/* Tokens, of prompts and of answers, that could be added now to the sessions of these answers and
 * one more together, however they share them out, what no answer in progress uses given up for
 * them. What answers[n_answers] may still write counts against it before another is begun. */
uint32_t engine_model_room (const EngineModel *model,
                            EngineAnswer *const *answers,
                            size_t n_answers);

/* Reads prompt (GArray of gint32), writes an answer token by token through on_event: one answer, in
 * all its steps. Afterwards the timeline holds prompt and answer, so that a next prompt which
 * begins with them reads only what is new. FALSE on error; a cancel is no error: it is TRUE with
 * ENGINE_STOP_CANCELLED. ENGINE_ERROR_LIMIT when the prompt does not leave room for one token:
 * nothing is cut. stats may be NULL. */
gboolean engine_session_generate (EngineSession *session,
                                  const GArray *prompt,
                                  const EngineGenerate *options,
                                  EngineEventFunc on_event,
                                  void *user_data,
                                  EngineStats *stats,
                                  GError **error);

/* Tokens that the timeline holds now. */
uint32_t engine_session_n_tokens (const EngineSession *session);
/* How many leading tokens of prompt it would not have to read again. */
uint32_t engine_session_reusable (const EngineSession *session, const GArray *prompt);
/* Nothing that was read or written with this model is in its KV memory any more, but for answers in
 * progress. */
void engine_model_forget (EngineModel *model);

/* Keeps the timeline in a file (mode 0600, whole or not at all), and goes on where a file left off
 * instead of reading the tokens again. A file is bound to model, device layout and context;
 * ENGINE_ERROR_BAD_FILE says that it is of another or damaged. After a failed restore the timeline
 * is empty. The file holds what was written and read, as tokens: the caller keeps it private. */
gboolean engine_session_save (EngineSession *session, const char *path, GError **error);
gboolean engine_session_restore (EngineSession *session, const char *path, GError **error);
/* What the file would take. engine_session_save ends within 100 ms after a cancel. */
uint64_t engine_session_saved_bytes (const EngineSession *session);
/* The same of the first n_tokens alone, for others that begin with them: whole pages of 64
 * tokens, so that the file holds nothing of what follows. ENGINE_ERROR_UNSUPPORTED: the
 * model has windows or states, which are of one place only; ENGINE_ERROR_INVALID: the timeline has
 * not so many, or they fill no page. */
gboolean engine_session_save_prefix (EngineSession *session, uint32_t n_tokens, const char *path,
                                     GError **error);
uint64_t engine_session_prefix_bytes (const EngineSession *session, uint32_t n_tokens);
/* How many leading tokens of prompt would not have to be read again after a restore; 0 with the
 * error of engine_session_restore where that would fail. */
uint32_t engine_session_restorable (EngineSession *session, const char *path, const GArray *prompt,
                                    GError **error);

typedef struct {
  gint32 id;
  float log_probability;
} EngineTop;
/* Reads tokens afresh and gives, for every position, log-sum-exp and the top n_top (≤ 256) next
 * tokens: lse[n], top[n * n_top], owned by the caller; *mean_nll over positions 0 .. n-2. Arrays
 * are freed with g_free. */
gboolean engine_session_logits (EngineSession *session,
                                const GArray *tokens,
                                uint32_t n_top,
                                float **lse,
                                EngineTop **top,
                                double *mean_nll,
                                GError **error);

/* ---- embeddings ------------------------------------------------------------ */

/* Numbers in a vector of this model; 0: it writes text and makes no vectors. Any thread. */
uint32_t engine_model_embedding_size (const EngineModel *model);

/* What goes before a text, as the model was trained ("query: " and "passage: " for e5). */
typedef enum {
  ENGINE_EMBED_RAW, /* nothing */
  ENGINE_EMBED_QUERY,
  ENGINE_EMBED_PASSAGE,
} EngineEmbedKind;

/* vectors: [n_texts][engine_model_embedding_size ()] of the caller; rows of length 1. Texts are
 * batched; one longer than the model can take is read in windows, whose mean, weighted by tokens,
 * stands for it. n_tokens (may be NULL) gets all tokens read. Cancel as for generate:
 * ENGINE_ERROR_CANCELLED within 100 ms. A session of an embedding model does nothing else. */
gboolean engine_session_embed (EngineSession *session,
                               EngineEmbedKind kind,
                               const char *const *texts,
                               size_t n_texts,
                               float *vectors,
                               uint64_t *n_tokens,
                               GError **error);

G_END_DECLS
