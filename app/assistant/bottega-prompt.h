/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaPrompt: what the model is given to read. A system text with the pinned documents, then
 * turns; a turn is a question with its answer, the last one a question alone. It only grows from
 * one question to the next, so that the engine's prefix cache holds, until it no longer fits: then
 * whole turns leave, oldest first, and somewhat more than needed, so that the prefix stays the same
 * again for a while. Nothing is ever cut inside a turn. A recap, a summary of turns that have left,
 * may stand in their place.
 *
 * A plain value; not tied to a thread. */
#pragma once

#include "engine/engine.h"

G_BEGIN_DECLS

typedef struct _BottegaPrompt BottegaPrompt;

/* system_text: NULL or "" for none. */
BottegaPrompt *bottega_prompt_new (const char *system_text);
void bottega_prompt_free (BottegaPrompt *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaPrompt, bottega_prompt_free)

/* Documents that are read whole, as one text after the system text: before the first turn is added.
 * They never leave. kept_path: the file in which whoever reads them may keep what it holds of them,
 * for others that begin so; NULL: none. Copied. */
void bottega_prompt_set_pinned (BottegaPrompt *self, const char *text, const char *kept_path);
const char *bottega_prompt_get_pinned_path (BottegaPrompt *self);

/* role: "user" opens a turn, "assistant" belongs to the open one. All copied. id: of the message.
 * */
void bottega_prompt_add (BottegaPrompt *self, const char *role, const char *id, const char *text);
/* An earlier answer, and what was thought before it (may be NULL), which most models do not read
 * again. */
void bottega_prompt_add_answer (BottegaPrompt *self, const char *id, const char *text,
                                const char *thought);
/* Texts of which one stands for what was added last (a question), the fullest first, the last one
 * the least that makes sense: a question with passages of documents, with fewer, with none. fit ()
 * takes the first that fits and makes no more than half of the context beyond the last one.
 * NULL-terminated, copied. */
void bottega_prompt_set_choices (BottegaPrompt *self, const char *const *texts);
/* A recap of turns that have left. It is read as the beginning of the message that is added next,
 * and of the first that stays when that one leaves too. Copied. */
void bottega_prompt_set_recap (BottegaPrompt *self, const char *text);
/* A recap of all before the question that is added next: when turns must leave, these do at least,
 * and it takes the place of theirs and of the recap before. Copied. */
void bottega_prompt_set_next_recap (BottegaPrompt *self, const char *text);
/* The beginning of the answer that is to be continued. */
void bottega_prompt_set_answer_prefix (BottegaPrompt *self, const char *text);

/* Tokens that these messages make; FALSE and an error when they cannot be counted. */
typedef gboolean (*BottegaPromptCount) (const EngineMessage *messages,
                                        gsize n_messages,
                                        const char *answer_prefix,
                                        guint *tokens,
                                        gpointer user_data,
                                        GError **error);

/* What the tokens of a prompt are for. */
typedef enum {
  BOTTEGA_PROMPT_SYSTEM,   /* the system text, and what the model's template adds */
  BOTTEGA_PROMPT_PINNED,   /* documents that are read whole */
  BOTTEGA_PROMPT_RECAP,    /* of turns that have left */
  BOTTEGA_PROMPT_EARLIER,  /* questions with what they were given to read, and their answers */
  BOTTEGA_PROMPT_PASSAGES, /* of the last question: what its choice has more than the least one */
  BOTTEGA_PROMPT_QUESTION, /* the last one, and how its answer is to begin */
  BOTTEGA_PROMPT_N_KINDS,
} BottegaPromptKind;

/* The recap that is read. */
typedef enum {
  BOTTEGA_PROMPT_NO_RECAP, /* none was set, or it left no room for the question */
  BOTTEGA_PROMPT_OWN_RECAP,
  BOTTEGA_PROMPT_NEXT_RECAP,
} BottegaPromptRecap;

typedef struct {
  guint prompt_tokens;
  guint tokens_of[BOTTEGA_PROMPT_N_KINDS]; /* their sum is prompt_tokens; all 0: not known */
  guint earlier_turns;                     /* that stayed */
  guint dropped_turns;                     /* that left in this call */
  guint choice;                            /* index of the text that was taken */
  BottegaPromptRecap recap;
  const char *first_message; /* id of the first one that stayed; borrowed */
} BottegaPromptFit;

/* Drops turns until the prompt and answer_tokens fit context_tokens. FALSE with ENGINE_ERROR_LIMIT
 * and a sentence with numbers when the last question alone, or with the pinned documents, does not
 * fit (then nothing was dropped).
 * When turns must leave, they leave until a quarter of the room beside the pinned documents is
 * free, or, where a next recap says which, an eighth. */
gboolean bottega_prompt_fit (BottegaPrompt *self, guint context_tokens, guint answer_tokens,
                             BottegaPromptCount count, gpointer user_data, BottegaPromptFit *fit,
                             GError **error);

/* The messages as the engine takes them; borrowed, valid until the prompt is changed. */
const EngineMessage *bottega_prompt_get_messages (BottegaPrompt *self, gsize *n_messages);
const char *bottega_prompt_get_answer_prefix (BottegaPrompt *self);

G_END_DECLS
