/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEngineThread: ONE thread, the only caller of an engine source; jobs go in, events come
 * out. All functions are for the main thread.
 *
 * Up to four answers run at once where the context has room for them (bottega-engine-queue.h): that
 * of the conversation on the screen comes first, then those of others, then steps towards answers.
 *
 * Events cross a bounded ring and ONE GSource named "[bottega] engine events", which takes all that
 * is there in a turn of the main loop and joins the text of one job to one piece. When the main
 * loop is slow and the ring full, text waits on the engine's side and joins; nothing is lost and
 * the engine is not slowed down. No lock is held while the engine works. When a GPU fails, the
 * model is loaded again on the processor and "note" says so.
 *
 * Properties (read-only, all notify):
 *   state              BottegaEngineState
 *   load-fraction      double 0 to 1
 *   model-path         string or NULL: the file that is loaded or being loaded
 *   model-name         string or NULL
 *   device             string or NULL: "cpu", "vulkan:0"
 *   device-description string or NULL: a sentence about the device
 *   context-size       uint tokens; 0: nothing loaded
 *   error              string or NULL: why the last load failed
 *   note               string or NULL: something to know, such as "… answers now come from the
 *                      processor."
 *   waiting            uint: generate jobs that wait for others to end
 *   answering          boolean: there are generate jobs
 * Signal: answered (const EngineStats *): a generate job has ended that was begun. The model that
 * answered is the one that "device" is of; NULL when another one is being loaded by now.
 * Signal: needed (): a job comes while the model rests: whoever loads models loads it now, before
 * this returns, and the job waits for it.
 */
#pragma once

#include "app/assistant/bottega-engine-source.h"
#include "app/assistant/bottega-performance.h"
#include "app/assistant/bottega-prompt.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_ENGINE_NO_MODEL,
  BOTTEGA_ENGINE_LOADING,
  BOTTEGA_ENGINE_READY,
  BOTTEGA_ENGINE_FAILED,  /* the load failed; "error" has the sentence */
  BOTTEGA_ENGINE_RESTING, /* what is known of the model stays, its memory is given back */
} BottegaEngineState;

#define BOTTEGA_TYPE_ENGINE_STATE (bottega_engine_state_get_type ())
GType bottega_engine_state_get_type (void);

#define BOTTEGA_TYPE_ENGINE_THREAD (bottega_engine_thread_get_type ())
G_DECLARE_FINAL_TYPE (BottegaEngineThread, bottega_engine_thread, BOTTEGA, ENGINE_THREAD, GObject)

/* Starts the thread. Events are delivered to the thread-default main context of the caller. */
BottegaEngineThread *bottega_engine_thread_new (BottegaEngineSource *source);
/* Cancels what runs, drops what waits without callbacks, unloads and joins the thread; again: no
 * effect. Also at the last unref. */
void bottega_engine_thread_shutdown (BottegaEngineThread *self);

/* Loads a model instead of the present one, after the answers that have been asked for. A load in
 * progress is given up for it: questions that wait for that one get this model. device NULL:
 * "auto"; the progress of the request is not used. */
void bottega_engine_thread_load (BottegaEngineThread *self, const BottegaLoadRequest *request);
void bottega_engine_thread_unload (BottegaEngineThread *self);
/* Gives the memory of a model back that is ready and has nothing to do; FALSE: it is not, or has.
 * The conversations that it holds are kept on the disk first, as ever. */
gboolean bottega_engine_thread_rest (BottegaEngineThread *self);

/* What becomes of a generate job, in this order: started, then reading and text any number of
 * times, then finished exactly once (also when it was cancelled while waiting). When a device fails
 * after the first word of an answer that can go on, lost and resumed come between. All on the main
 * thread; every field may be NULL. */
typedef struct {
  /* The prompt has been made to fit: what it is now. */
  void (*started) (const BottegaPromptFit *fit, gpointer user_data);
  void (*reading) (guint done, guint total, double left_s, gpointer user_data);
  void (*text) (const char *utf8, gsize bytes, guint n_tokens, gpointer user_data);
  /* stats NULL when nothing was generated. error NULL: fine, or cancelled (stats->stop, or stats
   * NULL). */
  void (*finished) (const EngineStats *stats, const GError *error, gpointer user_data);
  /* As text, of what the model thinks before its answer. */
  void (*thought) (const char *utf8, gsize bytes, guint n_tokens, gpointer user_data);
  /* Right before finished, when tokens were written: the times between them. */
  void (*gaps) (const BottegaGaps *gaps, gpointer user_data);
  /* The device has failed: a sentence. The model is loaded on the processor, where the answer goes
   * on after what has come of it so far. */
  void (*lost) (const char *reason, gpointer user_data);
  /* It does: the prompt, which has that text at its end, as for started. */
  void (*resumed) (const BottegaPromptFit *fit, gpointer user_data);
} BottegaGenerateEvents;

/* What a generate job is. */
typedef enum {
  BOTTEGA_ANSWER_CHAT, /* an answer in a conversation */
  BOTTEGA_ANSWER_TASK, /* a step towards one, which nobody reads: part of a summary, a title */
  /* Nobody waits for it: it is written while no other is asked for, and gives way to those and to
   * loads, which cancel it; after others it is started anew. */
  BOTTEGA_ANSWER_AHEAD,
} BottegaAnswerClass;

/* Takes the prompt. path: the file that the conversation may be kept in, which names it; NULL: it
 * is none. A second one of a conversation waits for the first. Waits for a load in progress; fails
 * with a sentence when there is no model.
 * reserve_tokens: room that must be left for the answer when the prompt is made to fit, at most a
 * quarter of the context. Gives a job number, never 0. */
guint64 bottega_engine_thread_generate (BottegaEngineThread *self,
                                        const char *path,
                                        BottegaAnswerClass class,
                                        BottegaPrompt *prompt,
                                        guint reserve_tokens,
                                        const EngineGenerate *options,
                                        const BottegaGenerateEvents *events,
                                        gpointer user_data);
/* Honoured at once; finished still comes. A job that has ended or is unknown: no effect. */
void bottega_engine_thread_cancel (BottegaEngineThread *self, guint64 job);

/* The same, and nothing is told any more, finished included. */
void bottega_engine_thread_abandon (BottegaEngineThread *self, guint64 job);

/* The conversation that is on the screen, by its file: its answers are the most urgent, also those
 * that run already. NULL: none. */
void bottega_engine_thread_set_shown (BottegaEngineThread *self, const char *path);

/* What conversations may take on the disk, in all; 0, as at first: none is kept there. They are
 * when they are left, and when the model or the program goes. */
void bottega_engine_thread_set_keep (BottegaEngineThread *self, guint64 bytes,
                                     const char *spaces_folder);
/* The conversation of that file is left, path NULL: all are. A question that comes meanwhile does
 * not wait. */
void bottega_engine_thread_keep (BottegaEngineThread *self, const char *path);
/* The file of a conversation that is deleted, or the folder of a space: it goes, and does not come
 * back. */
void bottega_engine_thread_forget (BottegaEngineThread *self, const char *path);
/* A space is open that has conversations of these ids: others have no file in that folder. */
void bottega_engine_thread_sweep (BottegaEngineThread *self, const char *folder,
                                  const char *const *ids);

/* How many answers must end before this one begins; 0: it has begun, or will as soon as the model
 * is there. */
guint bottega_engine_thread_get_position (BottegaEngineThread *self, guint64 job);

/* Counts the tokens of a prompt, also while answers run. Takes the prompt. tokens 0 with an error.
 * */
typedef void (*BottegaCounted) (guint tokens, const GError *error, gpointer user_data);
guint64 bottega_engine_thread_count (BottegaEngineThread *self, BottegaPrompt *prompt,
                                     BottegaCounted counted, gpointer user_data);

/* What is told of the models that are loaded, and measures answers; NULL, as at first: none. Keeps
 * a reference. */
void bottega_engine_thread_set_performance (BottegaEngineThread *self,
                                            BottegaPerformance *performance);
BottegaPerformance *bottega_engine_thread_get_performance (BottegaEngineThread *self);

BottegaEngineSource *bottega_engine_thread_get_source (BottegaEngineThread *self);
BottegaEngineState bottega_engine_thread_get_state (BottegaEngineThread *self);
double bottega_engine_thread_get_load_fraction (BottegaEngineThread *self);
const char *bottega_engine_thread_get_model_path (BottegaEngineThread *self);
const char *bottega_engine_thread_get_model_name (BottegaEngineThread *self);
const char *bottega_engine_thread_get_device (BottegaEngineThread *self);
const char *bottega_engine_thread_get_device_description (BottegaEngineThread *self);
guint bottega_engine_thread_get_context_size (BottegaEngineThread *self);
const char *bottega_engine_thread_get_error (BottegaEngineThread *self);
/* The EngineErrorCode of "error"; -1 without one. */
int bottega_engine_thread_get_error_code (BottegaEngineThread *self);
const char *bottega_engine_thread_get_note (BottegaEngineThread *self);
gboolean bottega_engine_thread_get_answering (BottegaEngineThread *self);
guint bottega_engine_thread_get_waiting (BottegaEngineThread *self);

G_END_DECLS
