/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recaps of a conversation: a summary of its oldest turns, which the model writes before they leave
 * what it reads, while nobody waits, and reads in their place from then on. Owns when one is made,
 * of which turns, and for how long it holds. It must not know how a prompt is made to fit, nor how
 * a recap is said to the model. */
#define G_LOG_DOMAIN "bottega-conversation-recap"
#include "config.h"

#include "app/assistant/bottega-conversation-private.h"
#include "app/assistant/bottega-grounding.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Of the context, within bounds. It is asked for a third as many words: small models write more. */
#define TOKENS_SHARE 8
#define LEAST_TOKENS 64
#define MOST_TOKENS  480
#define WORD_TOKENS  3
/* So many that are none in a row, and the model is not asked any more. */
#define MOST_FAILURES 3
/* What a model may think before it writes one. */
#define THOUGHT_TOKENS 1024
/* Shorter ones say nothing. */
#define LEAST_BYTES 16

struct _BottegaRecap {
  char *text;
  char *last;       /* id of the last message that it is about */
  char *at;         /* id of the question that it stands before; NULL: it is not read yet */
  guint n_left_out; /* questions before that which it lacks all the same */
};

/* How much is read, and may be; tokens. */
typedef struct {
  guint context, room; /* all, and without those for an answer */
  guint used;          /* by the last answer, with what it was given to read */
  guint pinned;        /* that never leave */
  double bytes_each;   /* of a token */
  guint recap;         /* that a recap may have */
} Budget;

/* One that is being written. */
struct _BottegaRecapJob {
  BottegaEngineThread *engine; /* owned */
  guint64 job;
  Budget budget;
  char *last;
  guint n_left_out;
  GString *text;
};

void
bottega_recap_free (BottegaRecap *self)
{
  if (self == NULL)
    return;
  g_free (self->text);
  g_free (self->last);
  g_free (self->at);
  g_free (self);
}

void
bottega_recap_job_free (BottegaRecapJob *self)
{
  if (self == NULL)
    return;
  if (self->job != 0)
    bottega_engine_thread_abandon (self->engine, self->job);
  g_object_unref (self->engine);
  g_free (self->last);
  g_string_free (self->text, TRUE);
  g_free (self);
}

/* ---- in the store ---- */

static char *
dup_member (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_dup_string (node) : NULL;
}

/* The first is the one that is read, if it says where. */
void
bottega_conversation_set_recaps (BottegaConversation *self, const char *json)
{
  g_autoptr (JsonNode) root = json != NULL ? json_from_string (json, NULL) : NULL;
  JsonArray *array =
      root != NULL && JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    BottegaRecap recap = { 0 };
    BottegaRecap **place;

    if (object != NULL)
      recap = (BottegaRecap) {
        dup_member (object, "text"), dup_member (object, "last"), dup_member (object, "at"),
        (guint) json_object_get_int_member_with_default (object, "left-out", 0)
      };
    place = recap.at != NULL ? &self->recap : &self->next_recap;
    g_clear_pointer (place, bottega_recap_free);
    *place = g_memdup2 (&recap, sizeof recap);
    if (recap.text == NULL || recap.last == NULL)
      g_clear_pointer (place, bottega_recap_free);
  }
}

char *
bottega_conversation_recaps_to_json (BottegaConversation *self)
{
  const BottegaRecap *const recaps[] = { self->recap, self->next_recap };
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();

  json_node_take_array (root, array);
  for (guint i = 0; i < G_N_ELEMENTS (recaps); i++) {
    JsonObject *object;

    if (recaps[i] == NULL)
      continue;
    object = json_object_new ();
    json_object_set_string_member (object, "text", recaps[i]->text);
    json_object_set_string_member (object, "last", recaps[i]->last);
    if (recaps[i]->at != NULL)
      json_object_set_string_member (object, "at", recaps[i]->at);
    if (recaps[i]->n_left_out > 0)
      json_object_set_int_member (object, "left-out", recaps[i]->n_left_out);
    json_array_add_object_element (array, object);
  }

  return json_array_get_length (array) > 0 ? json_to_string (root, FALSE) : NULL;
}

/* ---- which turns ---- */

static int
index_of_id (BottegaConversation *self, const char *id)
{
  for (guint i = 0; id != NULL && i < self->items->len; i++)
    if (strcmp (bottega_message_get_id (g_ptr_array_index (self->items, i)), id) == 0)
      return (int) i;

  return -1;
}

/* Index of the first message that it is not about; 0: there is none. */
static guint
end_of (BottegaConversation *self, const BottegaRecap *recap)
{
  return recap != NULL ? (guint) (index_of_id (self, recap->last) + 1) : 0;
}

/* Index of the first message that the model reads. */
static guint
first_read (BottegaConversation *self)
{
  return (guint) MAX (index_of_id (self, self->first_included), 0);
}

static guint
count_questions (BottegaConversation *self, guint begin, guint end)
{
  guint n = 0;

  for (guint i = begin; i < MIN (end, self->items->len); i++)
    n += bottega_message_get_role (g_ptr_array_index (self->items, i)) == BOTTEGA_MESSAGE_ROLE_USER;

  return n;
}

static void
set_recap (BottegaConversation *self, BottegaRecap *recap)
{
  if (recap == NULL && self->recap == NULL)
    return;
  if (recap != self->recap)
    g_clear_pointer (&self->recap, bottega_recap_free);
  self->recap = recap;
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_RECAP);
}

void
bottega_conversation_check_recaps (BottegaConversation *self)
{
  if (index_of_id (self, self->recap_failed) < 0)
    g_clear_pointer (&self->recap_failed, g_free);
  if (end_of (self, self->next_recap) == 0)
    g_clear_pointer (&self->next_recap, bottega_recap_free);
  if (self->recap == NULL)
    return;
  /* The question that it stood before has gone: it may stand before another one. */
  if (index_of_id (self, self->recap->at) < 0 && end_of (self, self->recap) > 0 &&
      self->next_recap == NULL) {
    self->next_recap = g_steal_pointer (&self->recap);
    g_clear_pointer (&self->next_recap->at, g_free);
    bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_RECAP);
  } else if (index_of_id (self, self->recap->at) < 0 || end_of (self, self->recap) == 0) {
    set_recap (self, NULL);
  }
}

const char *
bottega_conversation_get_recap (BottegaConversation *self, guint *n_left_out)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  if (n_left_out != NULL)
    *n_left_out = (self->recap != NULL ? self->recap->n_left_out : 0) +
                  count_questions (self, end_of (self, self->recap), first_read (self));

  return self->recap != NULL ? self->recap->text : NULL;
}

/* ---- reading them ---- */

/* One of turns that have left already is read from this question on: what was read before it stays
 * as it is. */
static void
use_late (BottegaConversation *self)
{
  if (self->next_recap == NULL || self->continues || self->question == NULL ||
      end_of (self, self->next_recap) > first_read (self))
    return;
  g_set_str (&self->next_recap->at, bottega_message_get_id (self->question));
  set_recap (self, g_steal_pointer (&self->next_recap));
}

void
bottega_conversation_begin_recaps (BottegaConversation *self)
{
  if (bottega_settings_get_summarise_turns (self->settings)) {
    use_late (self);
    return;
  }
  g_clear_pointer (&self->next_recap, bottega_recap_free);
  set_recap (self, NULL);
}

static void
add_recap (BottegaConversation *self, BottegaPrompt *prompt, guint index)
{
  const char *id = bottega_message_get_id (g_ptr_array_index (self->items, index));
  g_autofree char *text = NULL;

  if (self->recap == NULL || strcmp (self->recap->at, id) != 0)
    return;
  text = bottega_grounding_render_recap (self->recap->text);
  bottega_prompt_set_recap (prompt, text);
}

void
bottega_conversation_add_recaps (BottegaConversation *self, BottegaPrompt *prompt, guint index)
{
  const BottegaRecap *next = self->next_recap;

  add_recap (self, prompt, index);
  if (next != NULL && index > first_read (self) && index == end_of (self, next)) {
    g_autofree char *text = bottega_grounding_render_recap (next->text);

    bottega_prompt_set_next_recap (prompt, text);
  }
}

void
bottega_conversation_use_fit (BottegaConversation *self, const BottegaPromptFit *fit)
{
  BottegaRecap *recap = self->recap;

  if (fit->dropped_turns > 0)
    bottega_conversation_set_first_included (self, fit->first_message);
  if (fit->recap == BOTTEGA_PROMPT_NEXT_RECAP && self->next_recap != NULL)
    recap = g_steal_pointer (&self->next_recap);
  else if (fit->recap == BOTTEGA_PROMPT_NO_RECAP)
    recap = NULL;
  if (recap != NULL && (recap->at == NULL ||
                        index_of_id (self, recap->at) < index_of_id (self, fit->first_message)))
    g_set_str (&recap->at, fit->first_message);
  set_recap (self, recap);
}

/* ---- writing one ahead ---- */

/* What is read of a message, about. */
static gsize
bytes_of (BottegaConversation *self, guint index)
{
  g_autofree char *text = bottega_conversation_dup_question (self, index);

  return text != NULL
             ? strlen (text)
             : bottega_message_get_text_bytes (g_ptr_array_index (self->items, index));
}

/* A turn begins there, and the one before it has its answer. */
static gboolean
is_boundary (BottegaConversation *self, guint index)
{
  BottegaMessage *message = g_ptr_array_index (self->items, index);
  BottegaMessage *before = index > 0 ? g_ptr_array_index (self->items, index - 1) : NULL;

  return bottega_message_get_role (message) == BOTTEGA_MESSAGE_ROLE_USER && before != NULL &&
         bottega_message_get_role (before) == BOTTEGA_MESSAGE_ROLE_ASSISTANT &&
         bottega_message_get_text_bytes (before) > 0;
}

/* The end of the first turns from begin on that make so many bytes together, or of all but the
 * last; begin: there is none. most: rather fewer than more. */
static guint
find_end (BottegaConversation *self, guint begin, guint limit, gsize bytes, gboolean most)
{
  guint end = begin;
  gsize sum = 0;

  for (guint i = begin; i < limit; i++) {
    if (i > begin && is_boundary (self, i)) {
      if (most && sum > bytes)
        break;
      end = i;
      if (sum >= bytes)
        break;
    }
    sum += bytes_of (self, i);
  }

  return end;
}

static Budget
make_budget (BottegaConversation *self, const EngineStats *stats)
{
  guint context = bottega_engine_thread_get_context_size (self->engine);
  guint answer = bottega_settings_get_max_answer_tokens (self->settings);
  Budget budget = {
    .context = context,
    .room = context - MIN (answer, context / 4),
    .used = stats->prompt_tokens + stats->written_tokens,
    .pinned = self->context_of[BOTTEGA_PROMPT_SYSTEM] + self->context_of[BOTTEGA_PROMPT_PINNED],
    .recap = CLAMP (context / TOKENS_SHARE, LEAST_TOKENS, MOST_TOKENS),
  };
  guint turns = budget.used - MIN (budget.used, budget.pinned +
                                                    self->context_of[BOTTEGA_PROMPT_RECAP]);
  gsize bytes = 0;

  for (guint i = first_read (self); i < self->items->len; i++)
    bytes += bytes_of (self, i);
  budget.bytes_each = turns > 0 ? (double) bytes / turns : 4;

  return budget;
}

/* The turns up to where leave when the next question no longer fits, as bottega_prompt_fit () would
 * have it; 0: it will, or only the last turn is there. */
static guint
find_next_end (BottegaConversation *self, const Budget *budget)
{
  guint begin = first_read (self), n = MAX (self->earlier_turns + 1, 1);
  guint free_part = budget->room - MIN (budget->room, budget->pinned);
  guint turn = (budget->used - MIN (budget->used, budget->pinned)) / n;
  guint stay = budget->pinned + free_part - free_part / 4, end;

  if (budget->used + MAX (free_part / 8, turn) <= budget->room || free_part < 4 * budget->recap)
    return 0;
  stay -= MIN (stay, budget->recap + turn / 2);
  end = find_end (self, begin, self->items->len,
                  (gsize) ((budget->used - MIN (budget->used, stay)) * budget->bytes_each), FALSE);

  return end > begin ? end : 0;
}

static void write_next (BottegaConversation *self, const Budget *budget, gboolean late);

static void
on_started (const BottegaPromptFit *fit, gpointer user_data)
{
  BottegaConversation *self = user_data;

  g_string_truncate (self->recap_job->text, 0);
  if (fit->dropped_turns > 0) /* it would not be about all of them */
    bottega_engine_thread_cancel (self->engine, self->recap_job->job);
}

static void
on_text (const char *utf8, gsize bytes, guint n_tokens, gpointer user_data)
{
  BottegaConversation *self = user_data;

  g_string_append_len (self->recap_job->text, utf8, (gssize) bytes);
}

/* What was cut, or says nothing, is none. */
static BottegaRecap *
make_recap (const BottegaRecapJob *job, const EngineStats *stats, const GError *error)
{
  BottegaRecap *recap;

  if (error != NULL || stats == NULL || stats->stop != ENGINE_STOP_END)
    return NULL;
  recap = g_new0 (BottegaRecap, 1);
  recap->last = g_strdup (job->last);
  recap->n_left_out = job->n_left_out;
  recap->text = g_strstrip (g_strndup (job->text->str, job->text->len));
  if (strlen (recap->text) < LEAST_BYTES)
    g_clear_pointer (&recap, bottega_recap_free);

  return recap;
}

static void
on_finished (const EngineStats *stats, const GError *error, gpointer user_data)
{
  BottegaConversation *self = user_data;
  BottegaRecapJob *job = g_steal_pointer (&self->recap_job);
  BottegaRecap *recap = make_recap (job, stats, error);
  gboolean cancelled = error == NULL && (stats == NULL || stats->stop == ENGINE_STOP_CANCELLED);

  job->job = 0;
  if (recap == NULL && !cancelled) {
    g_set_str (&self->recap_failed, job->last);
    self->n_recaps_failed++;
  } else if (recap != NULL) {
    self->n_recaps_failed = 0;
    g_debug ("A recap: %s", recap->text);
  }
  /* The messages may have gone meanwhile. */
  if (recap != NULL && end_of (self, recap) > 0 &&
      bottega_settings_get_summarise_turns (self->settings)) {
    g_clear_pointer (&self->next_recap, bottega_recap_free);
    self->next_recap = g_steal_pointer (&recap);
    bottega_conversation_put (self, NULL, NULL, BOTTEGA_STORE_QUICK, NULL, NULL);
    write_next (self, &job->budget, TRUE);
  }
  bottega_recap_free (recap);
  bottega_recap_job_free (job);
}

/* The messages up to end, from begin on by themselves, before that by the recap there is: as the
 * model has read them, when it has not yet left them out. */
static BottegaPrompt *
make_prompt (BottegaConversation *self, guint begin, guint end, guint n_words)
{
  gboolean late = begin < first_read (self);
  const BottegaRecap *before = self->next_recap != NULL ? self->next_recap : self->recap;
  BottegaPrompt *prompt = bottega_conversation_begin_prompt (self, !late, NULL);
  g_autofree char *request = NULL;
  guint question = end - 1;

  if (before != NULL && (late || before == self->next_recap)) {
    g_autofree char *text = bottega_grounding_render_recap (before->text);

    bottega_prompt_set_recap (prompt, text);
  }
  for (guint i = begin; i < end; i++) {
    if (!late && before == self->recap)
      add_recap (self, prompt, i);
    bottega_conversation_add_message (self, prompt, i);
  }
  while (question > begin && bottega_message_get_role (g_ptr_array_index (self->items, question)) !=
                                 BOTTEGA_MESSAGE_ROLE_USER)
    question--;
  request = bottega_grounding_render_recap_request (
      bottega_message_get_text (g_ptr_array_index (self->items, question)), n_words);
  bottega_prompt_add (prompt, "user", NULL, request);

  return prompt;
}

static void
write_recap (BottegaConversation *self, const Budget *budget, guint begin, guint end,
             guint n_left_out)
{
  static const BottegaGenerateEvents events = { .started = on_started,
                                                .text = on_text,
                                                .finished = on_finished };
  BottegaMessage *last = g_ptr_array_index (self->items, end - 1);
  const char *thought = bottega_message_get_thought (last);
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  BottegaRecapJob *job = g_new0 (BottegaRecapJob, 1);
  BottegaPrompt *prompt = make_prompt (self, begin, end, budget->recap / WORD_TOKENS);

  job->engine = g_object_ref (self->engine);
  job->budget = *budget;
  job->last = g_strdup (bottega_message_get_id (last));
  job->n_left_out = n_left_out;
  job->text = g_string_new (NULL);
  self->recap_job = job;
  options.repetition_penalty = 1.1f; /* small models go round in circles */
  options.repetition_window = 64;
  options.max_tokens = budget->recap + (thought != NULL ? THOUGHT_TOKENS : 0);
  options.speculate = bottega_settings_get_speculate (self->settings);
  job->job = bottega_engine_thread_generate (self->engine, NULL, BOTTEGA_ANSWER_AHEAD, prompt,
                                             budget->recap, &options, &events, self);
}

/* There was none of the turns up to there. */
static gboolean
has_failed (BottegaConversation *self, guint end)
{
  return self->recap_failed != NULL && index_of_id (self, self->recap_failed) + 1 >= (int) end;
}

/* First of turns that have left without one, as many as half of the context holds at a time, then
 * of those that leave next; late: not of these. What is too long by itself, or could not be summed
 * up, is left out. */
static void
write_next (BottegaConversation *self, const Budget *budget, gboolean late)
{
  const BottegaRecap *before = self->next_recap != NULL ? self->next_recap : self->recap;
  guint begin = end_of (self, before), first = first_read (self), end = 0;
  guint n_left_out = before != NULL ? before->n_left_out : 0;

  if (self->purged || self->recap_job != NULL || self->n_recaps_failed >= MOST_FAILURES ||
      bottega_engine_thread_get_state (self->engine) != BOTTEGA_ENGINE_READY)
    return;
  if (begin < first)
    end = find_end (self, begin, first + 1, (gsize) (budget->context / 2 * budget->bytes_each),
                    TRUE);
  if (begin < first && (end <= begin || has_failed (self, end))) {
    n_left_out += count_questions (self, begin, first);
    begin = first;
  }
  if (begin == first && !late)
    end = find_next_end (self, budget);
  if (end > begin && !has_failed (self, end))
    write_recap (self, budget, begin, end, n_left_out);
}

void
bottega_conversation_prepare_recap (BottegaConversation *self, const EngineStats *stats)
{
  Budget budget;

  if (!bottega_settings_get_summarise_turns (self->settings) ||
      bottega_settings_get_saves_power (self->settings) ||
      bottega_engine_thread_get_context_size (self->engine) == 0)
    return;
  budget = make_budget (self, stats);
  write_next (self, &budget, FALSE);
}
