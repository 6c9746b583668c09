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
/* It was reckoned beforehand which turns will leave: so much may be missed. */
#define ROOM_AFTER_RECAP(room) ((room) - (room) / 8)

typedef struct {
  char *role, *id;
  char *thought; /* before an answer; NULL: none */
  GString *text;
  gsize last_start; /* of what was added to it last */
  gboolean opens_turn;
} Part;

/* Texts about turns that are not there, and the parts before which they stand. */
typedef struct {
  char *text, *next_text; /* NULL: none */
  guint at, next_at;
} Recaps;

struct _BottegaPrompt {
  GPtrArray *parts; /* of Part; a system part first, if there is one */
  gboolean has_system;
  gsize pinned_start;  /* in the system part's text; its length: nothing is pinned */
  char *pinned_path;   /* NULL: none */
  char *answer_prefix; /* NULL: none */
  char **choices;      /* NULL: none */
  Recaps recaps;
  EngineMessage *messages; /* [parts->len] as the engine takes them; NULL when out of date */
  char *joined;            /* of one of them, the recap and the message */
};

static void
messages_changed (BottegaPrompt *self)
{
  g_clear_pointer (&self->messages, g_free);
  g_clear_pointer (&self->joined, g_free);
}

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
  messages_changed (self);
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
  g_free (self->recaps.text);
  g_free (self->recaps.next_text);
  messages_changed (self);
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
  messages_changed (self);
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
    self->recaps.at = MIN (self->recaps.at, self->parts->len - 1);
    if (self->recaps.next_at == self->parts->len) /* no turn begins here */
      g_clear_pointer (&self->recaps.next_text, g_free);
    messages_changed (self);
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

void
bottega_prompt_set_recap (BottegaPrompt *self, const char *text)
{
  g_return_if_fail (self != NULL && text != NULL);

  g_set_str (&self->recaps.text, text);
  self->recaps.at = self->parts->len;
  messages_changed (self);
}

void
bottega_prompt_set_next_recap (BottegaPrompt *self, const char *text)
{
  g_return_if_fail (self != NULL && text != NULL);

  g_set_str (&self->recaps.next_text, text);
  self->recaps.next_at = self->parts->len;
}

/* The parts from `first` on, after the system text, with the recap that is then read. *joined: free
 * with g_free once they are of no use any more. */
static EngineMessage *
make_messages (BottegaPrompt *self, guint first, gsize *n_messages, char **joined)
{
  const Recaps *recaps = &self->recaps;
  guint begin = self->has_system ? 1 : 0, at = MAX (MAX (first, begin), recaps->at);
  gboolean next = recaps->next_text != NULL && first > begin && first >= recaps->next_at;
  const char *recap = next ? recaps->next_text : recaps->text;
  EngineMessage *messages = g_new0 (EngineMessage, self->parts->len + 1);

  *n_messages = 0;
  for (guint i = 0; i < self->parts->len; i++) {
    const Part *part = g_ptr_array_index (self->parts, i);
    const char *text = part->text->str;

    if (i < first && i >= begin)
      continue;
    if (recap != NULL && i == (next ? first : at))
      text = *joined = g_strconcat (recap, text, NULL);
    messages[(*n_messages)++] = (EngineMessage) { part->role, text, part->thought };
  }

  return messages;
}

const EngineMessage *
bottega_prompt_get_messages (BottegaPrompt *self, gsize *n_messages)
{
  g_return_val_if_fail (self != NULL && n_messages != NULL, NULL);

  if (self->messages == NULL)
    self->messages = make_messages (self, 0, n_messages, &self->joined);
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
  g_autofree char *joined = NULL;
  g_autofree EngineMessage *messages = make_messages (self, first, &n_messages, &joined);

  return count (messages, n_messages, self->answer_prefix, tokens, user_data, error);
}

/* Nothing is read of turns that have left until they are put back. */
static Recaps
take_recaps (BottegaPrompt *self)
{
  Recaps taken = self->recaps;

  self->recaps = (Recaps) { 0 };

  return taken;
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
  messages_changed (self);
  ok = count_from (self, self->parts->len - 1, count, user_data, tokens, error);
  self->has_system = TRUE;
  g_string_append (part->text, pinned);
  messages_changed (self);

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

/* The least number of turns to drop, but low, so that what stays makes at most target tokens; all
 * but the last turn if even that does not suffice. Counts O(log turns) times. */
static gboolean
find_drop (BottegaPrompt *self,
           const GArray *starts,
           guint low,
           guint target,
           BottegaPromptCount count,
           gpointer user_data,
           guint *n_drop,
           GError **error)
{
  guint high = starts->len - 1;

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
  messages_changed (self);

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

/* The kinds but the recap, which is not there, of a prompt of so many tokens. */
static void
tell_kinds_of (BottegaPrompt *self,
               guint prompt_tokens,
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
  messages_changed (self);
  prefix = g_steal_pointer (&self->answer_prefix);
  known = known && count_from (self, index, count, user_data, &frame, NULL);
  unpinned = frame;
  if (has_pinned (self))
    known = known && count_unpinned (self, count, user_data, &unpinned, NULL);
  self->answer_prefix = prefix;
  g_string_assign (last->text, whole);
  messages_changed (self);
  if (!known || unpinned > frame || frame > bare || bare > alone || alone > prompt_tokens)
    return;
  fit->earlier_turns = n_turns > 0 ? n_turns - 1 : 0;
  fit->tokens_of[BOTTEGA_PROMPT_SYSTEM] = unpinned;
  fit->tokens_of[BOTTEGA_PROMPT_PINNED] = frame - unpinned;
  fit->tokens_of[BOTTEGA_PROMPT_RECAP] = fit->prompt_tokens - prompt_tokens;
  fit->tokens_of[BOTTEGA_PROMPT_EARLIER] = prompt_tokens - alone;
  fit->tokens_of[BOTTEGA_PROMPT_PASSAGES] = alone - bare;
  fit->tokens_of[BOTTEGA_PROMPT_QUESTION] = bare - frame;
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
  Recaps recaps = take_recaps (self);
  guint tokens = fit->prompt_tokens;

  if (recaps.text == NULL || (count_from (self, 0, count, user_data, &tokens, NULL) &&
                              tokens <= fit->prompt_tokens))
    tell_kinds_of (self, tokens, n_turns, count, user_data, fit);
  self->recaps = recaps;
}

/* The turns before part `first` leave. */
static void
drop_before (BottegaPrompt *self, guint first)
{
  Recaps *recaps = &self->recaps;
  guint begin = self->has_system ? 1 : 0, n = first - begin;

  if (recaps->next_text != NULL && first >= recaps->next_at) {
    g_free (recaps->text);
    recaps->text = g_steal_pointer (&recaps->next_text);
    recaps->at = first;
  }
  recaps->at = MAX (recaps->at, first) - n;
  recaps->next_at -= MIN (recaps->next_at, n);
  g_ptr_array_remove_range (self->parts, begin, n);
  messages_changed (self);
}

static void
drop_recaps (BottegaPrompt *self)
{
  g_clear_pointer (&self->recaps.text, g_free);
  g_clear_pointer (&self->recaps.next_text, g_free);
  messages_changed (self);
}

/* Turns that a next recap is about. */
static guint
count_recapped (BottegaPrompt *self, const GArray *starts)
{
  guint n = 0;

  while (self->recaps.next_text != NULL && n < starts->len &&
         g_array_index (starts, guint, n) < self->recaps.next_at)
    n++;

  return n;
}

/* How many turns leave, and what is then read: with the recaps there are. FALSE with tokens over
 * the room where these leave too little. */
static gboolean
choose_drop (BottegaPrompt *self,
             const GArray *starts,
             guint pinned,
             guint room,
             BottegaPromptCount count,
             gpointer user_data,
             guint *tokens,
             guint *n_drop,
             GError **error)
{
  guint low = MIN (count_recapped (self, starts), starts->len - 1);

  *n_drop = low;
  if (low > 0) {
    if (!count_from (self, g_array_index (starts, guint, low), count, user_data, tokens, error))
      return FALSE;
    if (*tokens <= pinned + ROOM_AFTER_RECAP (room - pinned))
      return TRUE;
  }

  return find_drop (self, starts, MAX (low, 1), pinned + ROOM_AFTER_DROP (room - pinned), count,
                    user_data, n_drop, error) &&
         count_from (self, g_array_index (starts, guint, *n_drop), count, user_data, tokens, error);
}

/* Without their recaps, which come after the question. */
static gboolean
count_last_turn (BottegaPrompt *self,
                 const GArray *starts,
                 BottegaPromptCount count,
                 gpointer user_data,
                 guint *tokens,
                 guint *pinned,
                 GError **error)
{
  guint last = starts->len > 0 ? g_array_index (starts, guint, starts->len - 1) : 0;
  Recaps recaps = take_recaps (self);
  gboolean ok = count_from (self, last, count, user_data, tokens, error);

  *pinned = 0;
  if (ok && has_pinned (self)) {
    ok = count_unpinned (self, count, user_data, pinned, error);
    *pinned = *tokens - MIN (*pinned, *tokens);
  }
  self->recaps = recaps;

  return ok;
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
  guint last_tokens, pinned;

  if (!count_last_turn (self, starts, count, user_data, &last_tokens, &pinned, error))
    return FALSE;
  if (last_tokens <= room && starts->len < 2) { /* a question comes before a recap */
    drop_recaps (self);
    *tokens = last_tokens;
    return TRUE;
  }
  if (last_tokens > room) {
    if (pinned > 0 && last_tokens - pinned <= room)
      set_pinned_too_long (error, pinned, last_tokens - pinned, room);
    else
      set_too_long (error, last_tokens, room);
    return FALSE;
  }
  if (!choose_drop (self, starts, pinned, room, count, user_data, tokens, n_drop, error))
    return FALSE;
  if (*tokens > room) { /* the same */
    drop_recaps (self);
    if (!choose_drop (self, starts, pinned, room, count, user_data, tokens, n_drop, error))
      return FALSE;
  }
  drop_before (self, g_array_index (starts, guint, *n_drop));

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
  gboolean has_next = self->recaps.next_text != NULL;
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
  if (self->recaps.text != NULL)
    fit->recap = has_next && self->recaps.next_text == NULL ? BOTTEGA_PROMPT_NEXT_RECAP
                                                            : BOTTEGA_PROMPT_OWN_RECAP;
  for (guint i = 0; i < self->parts->len && fit->first_message == NULL; i++)
    fit->first_message = ((const Part *) g_ptr_array_index (self->parts, i))->id;
  if (starts->len > 0)
    tell_kinds (self, starts->len - n_drop, count, user_data, fit);

  return TRUE;
}
