/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt as a list of turns and how it is made to fit. It must not know who counts the tokens,
 * nor where the messages come from. */
#define G_LOG_DOMAIN "bottega-prompt"
#include "config.h"

#include "app/assistant/bottega-prompt.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* When turns must leave, they leave until this part of the room is free: otherwise each further
 * question would push out one more turn, change the beginning of the prompt and make the engine
 * read all of it again. */
#define ROOM_AFTER_DROP(room) ((room) - (room) / 4)

typedef struct {
  char *role, *id;
  char *thought; /* before an answer; NULL: none */
  GString *text;
  gsize last_start; /* of what was added to it last */
  gboolean opens_turn;
} Part;

struct _BottegaPrompt {
  GPtrArray *parts; /* of Part; a system part first, if there is one */
  gboolean has_system;
  gsize pinned_start;      /* in the system part's text; its length: nothing is pinned */
  char *pinned_path;       /* NULL: none */
  char *answer_prefix;     /* NULL: none */
  char **choices;          /* NULL: none */
  EngineMessage *messages; /* [parts->len] as the engine takes them; NULL when out of date */
};

static void
part_free (gpointer data)
{
  Part *part = data;

  g_free (part->role);
  g_free (part->id);
  g_free (part->thought);
  g_string_free (part->text, TRUE);
  g_free (part);
}

static void
add_part (BottegaPrompt *self, const char *role, const char *id, const char *text,
          gboolean opens_turn)
{
  Part *part = g_new0 (Part, 1);

  part->role = g_strdup (role);
  part->id = g_strdup (id);
  part->text = g_string_new (text);
  part->opens_turn = opens_turn;
  g_ptr_array_add (self->parts, part);
  g_clear_pointer (&self->messages, g_free);
}

BottegaPrompt *
bottega_prompt_new (const char *system_text)
{
  BottegaPrompt *self = g_new0 (BottegaPrompt, 1);

  self->parts = g_ptr_array_new_with_free_func (part_free);
  if (system_text != NULL && *system_text != '\0') {
    self->has_system = TRUE;
    add_part (self, "system", NULL, system_text, FALSE);
    self->pinned_start = strlen (system_text);
  }

  return self;
}

void
bottega_prompt_free (BottegaPrompt *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->parts);
  g_free (self->pinned_path);
  g_free (self->answer_prefix);
  g_strfreev (self->choices);
  g_free (self->messages);
  g_free (self);
}

static Part *
system_part (BottegaPrompt *self)
{
  return self->has_system ? g_ptr_array_index (self->parts, 0) : NULL;
}

static gboolean
has_pinned (BottegaPrompt *self)
{
  return self->has_system && system_part (self)->text->len > self->pinned_start;
}

void
bottega_prompt_set_pinned (BottegaPrompt *self, const char *text, const char *kept_path)
{
  g_return_if_fail (self != NULL && text != NULL && *text != '\0');
  g_return_if_fail (self->parts->len == (self->has_system ? 1u : 0u) && !has_pinned (self));

  if (self->has_system) {
    g_string_append (system_part (self)->text, "\n\n");
    g_string_append (system_part (self)->text, text);
  } else {
    self->has_system = TRUE;
    add_part (self, "system", NULL, text, FALSE);
  }
  g_set_str (&self->pinned_path, kept_path);
  g_clear_pointer (&self->messages, g_free);
}

const char *
bottega_prompt_get_pinned_path (BottegaPrompt *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->pinned_path;
}

void
bottega_prompt_add (BottegaPrompt *self, const char *role, const char *id, const char *text)
{
  Part *last = NULL;

  g_return_if_fail (self != NULL && role != NULL && text != NULL);

  if (self->parts->len > 0)
    last = g_ptr_array_index (self->parts, self->parts->len - 1);

  /* Many chat templates insist that roles alternate; a question whose answer failed joins the next.
   * */
  if (last != NULL && strcmp (last->role, role) == 0) {
    g_string_append (last->text, "\n\n");
    last->last_start = last->text->len;
    g_string_append (last->text, text);
    g_clear_pointer (&self->messages, g_free);
    return;
  }
  add_part (self, role, id, text, strcmp (role, "user") == 0);
}

void
bottega_prompt_add_answer (BottegaPrompt *self, const char *id, const char *text,
                           const char *thought)
{
  g_return_if_fail (self != NULL && text != NULL);

  bottega_prompt_add (self, "assistant", id, text);
  if (thought != NULL && *thought != '\0')
    g_set_str (&((Part *) g_ptr_array_index (self->parts, self->parts->len - 1))->thought, thought);
}

void
bottega_prompt_set_choices (BottegaPrompt *self, const char *const *texts)
{
  g_return_if_fail (self != NULL && texts != NULL && texts[0] != NULL);

  g_strfreev (self->choices);
  self->choices = g_strdupv ((char **) texts);
}

void
bottega_prompt_set_answer_prefix (BottegaPrompt *self, const char *text)
{
  g_return_if_fail (self != NULL);

  g_set_str (&self->answer_prefix, text);
}

const EngineMessage *
bottega_prompt_get_messages (BottegaPrompt *self, gsize *n_messages)
{
  g_return_val_if_fail (self != NULL && n_messages != NULL, NULL);

  if (self->messages == NULL) {
    self->messages = g_new0 (EngineMessage, self->parts->len + 1);
    for (guint i = 0; i < self->parts->len; i++) {
      const Part *part = g_ptr_array_index (self->parts, i);

      self->messages[i] = (EngineMessage) { part->role, part->text->str, part->thought };
    }
  }
  *n_messages = self->parts->len;

  return self->messages;
}

const char *
bottega_prompt_get_answer_prefix (BottegaPrompt *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->answer_prefix;
}

/* Counts the prompt as it would be with everything before part `first` (but the system text) left
 * out. */
static gboolean
count_from (BottegaPrompt *self,
            guint first,
            BottegaPromptCount count,
            gpointer user_data,
            guint *tokens,
            GError **error)
{
  gsize n_messages;
  const EngineMessage *messages = bottega_prompt_get_messages (self, &n_messages);
  g_autofree EngineMessage *kept = g_new0 (EngineMessage, n_messages + 1);
  gsize n_kept = 0;

  for (gsize i = 0; i < n_messages; i++)
    if (i >= first || (i == 0 && self->has_system))
      kept[n_kept++] = messages[i];

  return count (kept, n_kept, self->answer_prefix, tokens, user_data, error);
}

/* The parts that open a turn, as indices. */
static GArray *
turn_starts (BottegaPrompt *self)
{
  GArray *starts = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < self->parts->len; i++)
    if (((const Part *) g_ptr_array_index (self->parts, i))->opens_turn)
      g_array_append_val (starts, i);

  return starts;
}

/* The same of the last part alone, and without what is pinned. */
static gboolean
count_unpinned (BottegaPrompt *self, BottegaPromptCount count, gpointer user_data, guint *tokens,
                GError **error)
{
  Part *part = system_part (self);
  g_autofree char *pinned = g_strdup (part->text->str + self->pinned_start);
  gboolean ok;

  g_string_truncate (part->text, self->pinned_start);
  self->has_system = self->pinned_start > 0;
  g_clear_pointer (&self->messages, g_free);
  ok = count_from (self, self->parts->len - 1, count, user_data, tokens, error);
  self->has_system = TRUE;
  g_string_append (part->text, pinned);
  g_clear_pointer (&self->messages, g_free);

  return ok;
}

static void
set_pinned_too_long (GError **error, guint pinned_tokens, guint question_tokens, guint room)
{
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT,
               /* Translators: all numbers are tokens. */
               _ ("The pinned documents make %'u tokens and this question %'u, and there is room "
                  "for %'u. Unpin a document, or choose a longer context."),
               pinned_tokens, question_tokens, room);
}

static void
set_too_long (GError **error, guint prompt_tokens, guint room)
{
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT,
               /* Translators: both numbers are tokens. */
               _ ("This question makes %'u tokens, and there is room for %'u. Shorten it, or "
                  "choose a longer context."),
               prompt_tokens, room);
}

/* The least number of turns to drop so that what stays makes at most target tokens; all but the
 * last turn if even that does not suffice. Counts O(log turns) times. */
static gboolean
find_drop (BottegaPrompt *self,
           const GArray *starts,
           guint target,
           BottegaPromptCount count,
           gpointer user_data,
           guint *n_drop,
           GError **error)
{
  guint low = 1, high = starts->len - 1;

  while (low < high) {
    guint middle = low + (high - low) / 2;
    guint tokens;

    if (!count_from (self, g_array_index (starts, guint, middle), count, user_data, &tokens, error))
      return FALSE;
    if (tokens <= target)
      high = middle;
    else
      low = middle + 1;
  }
  *n_drop = low;

  return TRUE;
}

static gboolean
count_choice (BottegaPrompt *self,
              guint choice,
              BottegaPromptCount count,
              gpointer user_data,
              guint *tokens,
              GError **error)
{
  Part *last = g_ptr_array_index (self->parts, self->parts->len - 1);

  g_string_truncate (last->text, last->last_start);
  g_string_append (last->text, self->choices[choice]);
  g_clear_pointer (&self->messages, g_free);

  return count_from (self, self->parts->len - 1, count, user_data, tokens, error);
}

/* Takes the fullest of the choices that fits. */
static gboolean
choose (BottegaPrompt *self,
        guint context_tokens,
        guint room,
        BottegaPromptCount count,
        gpointer user_data,
        guint *choice,
        GError **error)
{
  guint n = self->choices != NULL ? g_strv_length (self->choices) : 0;
  guint least, tokens;

  if (n == 0 || self->parts->len == 0)
    return TRUE;
  if (!count_choice (self, n - 1, count, user_data, &least, error))
    return FALSE;
  for (*choice = 0; *choice < n; ++*choice) {
    if (!count_choice (self, *choice, count, user_data, &tokens, error))
      return FALSE;
    if (*choice == n - 1 || (tokens <= room && tokens - least <= context_tokens / 2))
      break;
  }

  return TRUE;
}

/* What each kind adds to those that come with it anyway: so they sum up, whatever the template
 * makes of them. Tells nothing where a count fails, for an empty question may be more than a
 * template can bear. */
static void
tell_kinds (BottegaPrompt *self,
            guint n_turns,
            BottegaPromptCount count,
            gpointer user_data,
            BottegaPromptFit *fit)
{
  guint index = self->parts->len - 1, n = self->choices != NULL ? g_strv_length (self->choices) : 0;
  Part *last = g_ptr_array_index (self->parts, index);
  g_autofree char *whole = g_strdup (last->text->str);
  char *prefix;
  guint alone, bare, frame = 0, unpinned;
  gboolean known = count_from (self, index, count, user_data, &alone, NULL);

  if (n == 0)
    bare = alone;
  else
    known = known && count_choice (self, n - 1, count, user_data, &bare, NULL);
  g_string_assign (last->text, "");
  g_clear_pointer (&self->messages, g_free);
  prefix = g_steal_pointer (&self->answer_prefix);
  known = known && count_from (self, index, count, user_data, &frame, NULL);
  unpinned = frame;
  if (has_pinned (self))
    known = known && count_unpinned (self, count, user_data, &unpinned, NULL);
  self->answer_prefix = prefix;
  g_string_assign (last->text, whole);
  g_clear_pointer (&self->messages, g_free);
  if (!known || unpinned > frame || frame > bare || bare > alone || alone > fit->prompt_tokens)
    return;
  fit->earlier_turns = n_turns > 0 ? n_turns - 1 : 0;
  fit->tokens_of[BOTTEGA_PROMPT_SYSTEM] = unpinned;
  fit->tokens_of[BOTTEGA_PROMPT_PINNED] = frame - unpinned;
  fit->tokens_of[BOTTEGA_PROMPT_EARLIER] = fit->prompt_tokens - alone;
  fit->tokens_of[BOTTEGA_PROMPT_PASSAGES] = alone - bare;
  fit->tokens_of[BOTTEGA_PROMPT_QUESTION] = bare - frame;
}

/* Leaves as many turns as fit out, when they do not all fit. */
static gboolean
drop_turns (BottegaPrompt *self,
            const GArray *starts,
            guint room,
            BottegaPromptCount count,
            gpointer user_data,
            guint *tokens,
            guint *n_drop,
            GError **error)
{
  guint last = starts->len > 0 ? g_array_index (starts, guint, starts->len - 1) : 0;
  guint first, begin = self->has_system ? 1 : 0, last_tokens, pinned = 0;

  if (!count_from (self, last, count, user_data, &last_tokens, error))
    return FALSE;
  if (has_pinned (self)) {
    if (!count_unpinned (self, count, user_data, &pinned, error))
      return FALSE;
    pinned = last_tokens - MIN (pinned, last_tokens);
  }
  if (last_tokens > room || starts->len < 2) {
    if (pinned > 0 && last_tokens - pinned <= room)
      set_pinned_too_long (error, pinned, last_tokens - pinned, room);
    else
      set_too_long (error, last_tokens, room);
    return FALSE;
  }
  if (!find_drop (self, starts, pinned + ROOM_AFTER_DROP (room - pinned), count, user_data, n_drop,
                  error))
    return FALSE;

  first = g_array_index (starts, guint, *n_drop);
  if (!count_from (self, first, count, user_data, tokens, error))
    return FALSE;
  g_ptr_array_remove_range (self->parts, begin, first - begin);
  g_clear_pointer (&self->messages, g_free);

  return TRUE;
}

gboolean
bottega_prompt_fit (BottegaPrompt *self,
                    guint context_tokens,
                    guint answer_tokens,
                    BottegaPromptCount count,
                    gpointer user_data,
                    BottegaPromptFit *fit,
                    GError **error)
{
  g_autoptr (GArray) starts = NULL;
  guint room = context_tokens > answer_tokens ? context_tokens - answer_tokens : 0;
  guint tokens, n_drop = 0;

  g_return_val_if_fail (self != NULL && count != NULL && fit != NULL, FALSE);

  *fit = (BottegaPromptFit) { 0 };
  if (!choose (self, context_tokens, room, count, user_data, &fit->choice, error))
    return FALSE;
  if (!count_from (self, 0, count, user_data, &tokens, error))
    return FALSE;

  starts = turn_starts (self);
  if (tokens > room &&
      !drop_turns (self, starts, room, count, user_data, &tokens, &n_drop, error))
    return FALSE;

  fit->prompt_tokens = tokens;
  fit->dropped_turns = n_drop;
  for (guint i = 0; i < self->parts->len && fit->first_message == NULL; i++)
    fit->first_message = ((const Part *) g_ptr_array_index (self->parts, i))->id;
  if (starts->len > 0)
    tell_kinds (self, starts->len - n_drop, count, user_data, fit);

  return TRUE;
}
