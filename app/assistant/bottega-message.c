/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message: its text, its state, and the line shown while it waits. It knows neither the
 * conversation around it nor the engine. */
#define G_LOG_DOMAIN "bottega-message"
#include "config.h"

#include "app/assistant/bottega-message-private.h"
#include "app/assistant/bottega-stats-text.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

struct _BottegaMessage {
  GObject parent_instance;

  char *id;
  BottegaMessageRole role;
  BottegaMessageState state;
  GString *text;
  char *error, *model_name, *device, *phase_text;
  char *stats_line, *stats_short;
  EngineStats stats;
  BottegaAnswerFacts *facts; /* NULL: not known */
  char *stats_json;          /* from the store, not yet looked into; else NULL */
  gboolean has_stats, included;
  guint waiting, read_done, read_total;
  double load_fraction, seconds_left;
  gint64 started_us;
  BottegaSources sources;
  char *sources_json; /* from the store, not yet looked into; else NULL */
  char *search_phase;
  GString *thought;
  /* On the monotonic clock: since when it thinks and is in its state; how long in all. */
  gint64 thought_since_us, state_since_us;
  gint64 thought_us, state_us[BOTTEGA_MESSAGE_STATE_WRITING + 1];
};

enum {
  PROP_0,
  PROP_ID,
  PROP_ROLE,
  PROP_STATE,
  PROP_TEXT,
  PROP_ERROR,
  PROP_BUSY,
  PROP_INCLUDED,
  PROP_PHASE_TEXT,
  PROP_LOAD_FRACTION,
  PROP_READ_DONE,
  PROP_READ_TOTAL,
  PROP_SECONDS_LEFT,
  PROP_STARTED_US,
  PROP_MODEL_NAME,
  PROP_DEVICE,
  PROP_STATS_LINE,
  PROP_STATS_SHORT,
  PROP_PASSAGES,
  PROP_ABSTAINED,
  PROP_SEARCH_TEXT,
  PROP_NOTE,
  PROP_SCOPE_TEXT,
  PROP_THOUGHT,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];
static guint appended_signal;

G_DEFINE_ENUM_TYPE (BottegaMessageRole, bottega_message_role,
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_ROLE_USER, "user"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_ROLE_ASSISTANT, "assistant"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_ROLE_SYSTEM_NOTE, "system-note"))

G_DEFINE_ENUM_TYPE (BottegaMessageState, bottega_message_state,
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_QUEUED, "queued"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_SEARCHING, "searching"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_LOADING, "loading"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_READING, "reading"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_WRITING, "writing"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_COMPLETE, "complete"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_STOPPED, "stopped"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_INTERRUPTED, "interrupted"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MESSAGE_STATE_FAILED, "failed"))

G_DEFINE_FINAL_TYPE (BottegaMessage, bottega_message, G_TYPE_OBJECT)

static const char *
enum_nick (GType type, int value)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);

  return g_enum_get_value (klass, value)->value_nick;
}

static int
enum_from_nick (GType type, const char *nick, int otherwise)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);
  const GEnumValue *value = nick != NULL ? g_enum_get_value_by_nick (klass, nick) : NULL;

  return value != NULL ? value->value : otherwise;
}

static char *
make_reading_text (BottegaMessage *self)
{
  g_autofree char *tokens = NULL;
  g_autofree char *left = NULL;

  if (self->read_total == 0)
    return g_strdup (_ ("Reading"));
  tokens = g_strdup_printf (ngettext ("Reading %'u of %'u token", "Reading %'u of %'u tokens",
                                      self->read_total),
                            self->read_done, self->read_total);
  /* Under a second is not worth a word. */
  if (self->seconds_left < 1)
    return g_steal_pointer (&tokens);
  left = g_strdup_printf (_ ("%.0f s left"), ceil (self->seconds_left));

  return g_strdup_printf ("%s · %s", tokens, left);
}

static char *
make_phase_text (BottegaMessage *self)
{
  switch (self->state) {
  case BOTTEGA_MESSAGE_STATE_QUEUED:
    if (self->waiting > 0)
      return g_strdup_printf (ngettext ("Waiting for %u other answer",
                                        "Waiting for %u other answers", self->waiting),
                              self->waiting);
    return g_strdup (_ ("Getting ready"));
  case BOTTEGA_MESSAGE_STATE_SEARCHING:
    return g_strdup (self->search_phase != NULL ? self->search_phase
                                                : _ ("Searching the documents"));
  case BOTTEGA_MESSAGE_STATE_LOADING:
    return g_strdup_printf (_ ("Loading the model, %.0f %%"), self->load_fraction * 100);
  case BOTTEGA_MESSAGE_STATE_READING:
    return make_reading_text (self);
  case BOTTEGA_MESSAGE_STATE_WRITING:
    if (self->text->len > 0)
      return g_strdup ("");
    return g_strdup (self->thought->len > 0 ? _ ("Thinking") : _ ("Writing"));
  case BOTTEGA_MESSAGE_STATE_COMPLETE:
  case BOTTEGA_MESSAGE_STATE_STOPPED:
  case BOTTEGA_MESSAGE_STATE_INTERRUPTED:
  case BOTTEGA_MESSAGE_STATE_FAILED:
  default:
    return g_strdup ("");
  }
}

static void
update_phase_text (BottegaMessage *self)
{
  g_autofree char *text = make_phase_text (self);

  if (g_set_str (&self->phase_text, text))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PHASE_TEXT]);
}

static void
set_stats (BottegaMessage *self, const EngineStats *stats)
{
  g_clear_pointer (&self->stats_json, g_free);
  g_autofree char *line = bottega_stats_text_long (stats);
  g_autofree char *brief = bottega_stats_text_short (stats);

  self->stats = *stats;
  self->has_stats = TRUE;
  if (g_set_str (&self->stats_line, line))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATS_LINE]);
  if (g_set_str (&self->stats_short, brief))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATS_SHORT]);
}

/* Thousands of messages may be read from the store at once, and few of them be shown. */
static void
look_into_stats (BottegaMessage *self)
{
  g_autofree char *json = g_steal_pointer (&self->stats_json);

  if (json == NULL || !bottega_stats_from_json (json, &self->stats, &self->facts))
    return;
  self->has_stats = TRUE;
  self->stats_line = bottega_stats_text_long (&self->stats);
  self->stats_short = bottega_stats_text_short (&self->stats);
}

static BottegaSources *
look_into_sources (BottegaMessage *self)
{
  g_autofree char *json = g_steal_pointer (&self->sources_json);

  if (json != NULL)
    bottega_sources_from_json (&self->sources, json);

  return &self->sources;
}

static const char *
get_string (BottegaMessage *self, guint id)
{
  switch (id) {
  case PROP_ID:
    return self->id;
  case PROP_TEXT:
    return self->text->str;
  case PROP_ERROR:
    return self->error;
  case PROP_PHASE_TEXT:
    return self->phase_text;
  case PROP_MODEL_NAME:
    return self->model_name;
  case PROP_DEVICE:
    return self->device;
  case PROP_STATS_LINE:
    return bottega_message_get_stats_line (self);
  case PROP_SEARCH_TEXT:
    return bottega_message_get_search_text (self);
  case PROP_NOTE:
    return bottega_message_get_note (self);
  case PROP_SCOPE_TEXT:
    return bottega_message_get_scope_text (self);
  case PROP_THOUGHT:
    return bottega_message_get_thought (self);
  case PROP_STATS_SHORT:
  default:
    return bottega_message_get_stats_short (self);
  }
}

static void
bottega_message_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaMessage *self = BOTTEGA_MESSAGE (object);

  switch (id) {
  case PROP_ROLE:
    g_value_set_enum (value, self->role);
    break;
  case PROP_STATE:
    g_value_set_enum (value, self->state);
    break;
  case PROP_BUSY:
    g_value_set_boolean (value, bottega_message_get_busy (self));
    break;
  case PROP_INCLUDED:
    g_value_set_boolean (value, self->included);
    break;
  case PROP_LOAD_FRACTION:
    g_value_set_double (value, self->load_fraction);
    break;
  case PROP_READ_DONE:
    g_value_set_uint (value, self->read_done);
    break;
  case PROP_READ_TOTAL:
    g_value_set_uint (value, self->read_total);
    break;
  case PROP_SECONDS_LEFT:
    g_value_set_double (value, self->seconds_left);
    break;
  case PROP_STARTED_US:
    g_value_set_int64 (value, self->started_us);
    break;
  case PROP_PASSAGES:
    g_value_set_object (value, bottega_message_get_passages (self));
    break;
  case PROP_ABSTAINED:
    g_value_set_boolean (value, bottega_message_get_abstained (self));
    break;
  default:
    g_value_set_string (value, get_string (self, id));
  }
}

static void
bottega_message_finalize (GObject *object)
{
  BottegaMessage *self = BOTTEGA_MESSAGE (object);

  g_free (self->id);
  g_string_free (self->text, TRUE);
  g_string_free (self->thought, TRUE);
  g_free (self->error);
  g_free (self->model_name);
  g_free (self->device);
  g_free (self->phase_text);
  g_free (self->stats_line);
  g_free (self->stats_short);
  g_free (self->stats_json);
  g_free (self->facts);
  g_free (self->sources_json);
  g_free (self->search_phase);
  bottega_sources_clear (&self->sources);

  G_OBJECT_CLASS (bottega_message_parent_class)->finalize (object);
}

static void
bottega_message_class_init (BottegaMessageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = bottega_message_finalize;
  object_class->get_property = bottega_message_get_property;

  properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL, flags);
  properties[PROP_ROLE] = g_param_spec_enum ("role", NULL, NULL, BOTTEGA_TYPE_MESSAGE_ROLE,
                                             BOTTEGA_MESSAGE_ROLE_USER, flags);
  properties[PROP_STATE] = g_param_spec_enum ("state", NULL, NULL, BOTTEGA_TYPE_MESSAGE_STATE,
                                              BOTTEGA_MESSAGE_STATE_COMPLETE, flags);
  properties[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL, flags);
  properties[PROP_ERROR] = g_param_spec_string ("error", NULL, NULL, NULL, flags);
  properties[PROP_BUSY] = g_param_spec_boolean ("busy", NULL, NULL, FALSE, flags);
  properties[PROP_INCLUDED] = g_param_spec_boolean ("included", NULL, NULL, TRUE, flags);
  properties[PROP_PHASE_TEXT] = g_param_spec_string ("phase-text", NULL, NULL, "", flags);
  properties[PROP_LOAD_FRACTION] =
      g_param_spec_double ("load-fraction", NULL, NULL, 0, 1, 0, flags);
  properties[PROP_READ_DONE] =
      g_param_spec_uint ("read-done", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_READ_TOTAL] =
      g_param_spec_uint ("read-total", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_SECONDS_LEFT] =
      g_param_spec_double ("seconds-left", NULL, NULL, -1, G_MAXDOUBLE, -1, flags);
  properties[PROP_STARTED_US] =
      g_param_spec_int64 ("started-us", NULL, NULL, 0, G_MAXINT64, 0, flags);
  properties[PROP_MODEL_NAME] = g_param_spec_string ("model-name", NULL, NULL, NULL, flags);
  properties[PROP_DEVICE] = g_param_spec_string ("device", NULL, NULL, NULL, flags);
  properties[PROP_STATS_LINE] = g_param_spec_string ("stats-line", NULL, NULL, NULL, flags);
  properties[PROP_STATS_SHORT] = g_param_spec_string ("stats-short", NULL, NULL, NULL, flags);
  properties[PROP_PASSAGES] =
      g_param_spec_object ("passages", NULL, NULL, G_TYPE_LIST_MODEL, flags);
  properties[PROP_ABSTAINED] =
      g_param_spec_boolean ("abstained", NULL, NULL, FALSE, flags);
  properties[PROP_SEARCH_TEXT] = g_param_spec_string ("search-text", NULL, NULL, NULL, flags);
  properties[PROP_NOTE] = g_param_spec_string ("note", NULL, NULL, NULL, flags);
  properties[PROP_SCOPE_TEXT] = g_param_spec_string ("scope-text", NULL, NULL, NULL, flags);
  properties[PROP_THOUGHT] = g_param_spec_string ("thought", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  appended_signal = g_signal_new ("appended", BOTTEGA_TYPE_MESSAGE, G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL,
                                  NULL, G_TYPE_NONE, 1,
                                  G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void
bottega_message_init (BottegaMessage *self)
{
  self->text = g_string_new (NULL);
  self->thought = g_string_new (NULL);
  self->state = BOTTEGA_MESSAGE_STATE_COMPLETE;
  self->phase_text = g_strdup ("");
  self->included = TRUE;
  self->seconds_left = -1;
}

BottegaMessage *
bottega_message_new (const char *id, BottegaMessageRole role, const char *text)
{
  BottegaMessage *self = g_object_new (BOTTEGA_TYPE_MESSAGE, NULL);

  self->id = id != NULL ? g_strdup (id) : g_uuid_string_random ();
  self->role = role;
  self->started_us = g_get_real_time ();
  if (text != NULL)
    g_string_assign (self->text, text);

  return self;
}

BottegaMessage *
bottega_message_new_from_row (const BottegaStoreMessage *row)
{
  BottegaMessage *self;

  g_return_val_if_fail (row != NULL, NULL);

  self = bottega_message_new (row->id,
                              enum_from_nick (BOTTEGA_TYPE_MESSAGE_ROLE, row->role,
                                              BOTTEGA_MESSAGE_ROLE_SYSTEM_NOTE),
                              row->text);
  self->state = enum_from_nick (BOTTEGA_TYPE_MESSAGE_STATE, row->state,
                                BOTTEGA_MESSAGE_STATE_COMPLETE);
  self->started_us = row->created_us;
  g_set_str (&self->error, row->error);
  g_set_str (&self->model_name, row->model);
  g_set_str (&self->device, row->device);
  g_set_str (&self->stats_json, row->stats);
  g_set_str (&self->sources_json, row->sources);
  g_string_assign (self->thought, row->thought != NULL ? row->thought : "");
  self->thought_us = row->thought_us;
  update_phase_text (self);

  return self;
}

BottegaStoreMessage *
bottega_message_to_row (BottegaMessage *self, const char *conversation, const char *parent)
{
  BottegaStoreMessage *row = g_new0 (BottegaStoreMessage, 1);

  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), NULL);

  row->id = g_strdup (self->id);
  row->conversation = g_strdup (conversation);
  row->parent = g_strdup (parent);
  row->role = g_strdup (enum_nick (BOTTEGA_TYPE_MESSAGE_ROLE, self->role));
  row->state = g_strdup (self->role == BOTTEGA_MESSAGE_ROLE_ASSISTANT &&
                                 bottega_message_get_busy (self)
                             ? BOTTEGA_STORE_STATE_WRITING
                             : enum_nick (BOTTEGA_TYPE_MESSAGE_STATE, self->state));
  row->text = g_strndup (self->text->str, self->text->len);
  row->error = g_strdup (self->error);
  row->model = g_strdup (self->model_name);
  row->device = g_strdup (self->device);
  look_into_stats (self);
  row->stats = self->has_stats ? bottega_stats_to_json (&self->stats, self->facts) : NULL;
  row->sources = bottega_sources_to_json (look_into_sources (self));
  row->thought = g_strdup (bottega_message_get_thought (self));
  row->thought_us = self->thought_us;
  row->created_us = self->started_us;
  row->updated_us = g_get_real_time ();

  return row;
}

/* How long it is in each state that the person waits in; an answer that goes on counts anew. */
static void
change_state (BottegaMessage *self, BottegaMessageState state)
{
  gint64 now_us = g_get_monotonic_time ();

  if (self->state <= BOTTEGA_MESSAGE_STATE_WRITING)
    self->state_us[self->state] += now_us - self->state_since_us;
  else
    memset (self->state_us, 0, sizeof self->state_us);
  self->state_since_us = now_us;
  self->state = state;
}

void
bottega_message_set_state (BottegaMessage *self, BottegaMessageState state)
{
  gboolean was_busy = bottega_message_get_busy (self);

  if (self->state == state)
    return;
  change_state (self, state);
  update_phase_text (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
  if (was_busy != bottega_message_get_busy (self))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_BUSY]);
}

void
bottega_message_set_started_us (BottegaMessage *self, gint64 started_us)
{
  self->started_us = started_us;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STARTED_US]);
}

void
bottega_message_set_included (BottegaMessage *self, gboolean included)
{
  if (self->included == included)
    return;
  self->included = included;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INCLUDED]);
}

void
bottega_message_set_waiting (BottegaMessage *self, guint n_before)
{
  self->waiting = n_before;
  update_phase_text (self);
}

void
bottega_message_set_load_fraction (BottegaMessage *self, double fraction)
{
  fraction = CLAMP (fraction, 0, 1);
  if (self->load_fraction == fraction)
    return;
  self->load_fraction = fraction;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOAD_FRACTION]);
  update_phase_text (self);
}

void
bottega_message_set_reading (BottegaMessage *self, guint done, guint total, double left_s)
{
  GObject *object = G_OBJECT (self);

  g_object_freeze_notify (object);
  self->read_done = done;
  self->read_total = total;
  self->seconds_left = left_s < 0 ? -1 : left_s;
  g_object_notify_by_pspec (object, properties[PROP_READ_DONE]);
  g_object_notify_by_pspec (object, properties[PROP_READ_TOTAL]);
  g_object_notify_by_pspec (object, properties[PROP_SECONDS_LEFT]);
  update_phase_text (self);
  g_object_thaw_notify (object);
}

void
bottega_message_append (BottegaMessage *self, const char *utf8, gsize bytes)
{
  g_autofree char *piece = NULL;

  if (bytes == 0)
    return;
  piece = g_strndup (utf8, bytes);
  g_string_append_len (self->text, piece, (gssize) bytes);
  update_phase_text (self);
  g_signal_emit (self, appended_signal, 0, piece);
}

void
bottega_message_append_thought (BottegaMessage *self, const char *utf8, gsize bytes)
{
  gint64 now_us = g_get_monotonic_time ();

  if (bytes == 0)
    return;
  if (self->thought_since_us == 0)
    self->thought_since_us = now_us - self->thought_us; /* an answer that goes on thinks on */
  self->thought_us = now_us - self->thought_since_us;
  g_string_append_len (self->thought, utf8, (gssize) bytes);
  update_phase_text (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_THOUGHT]);
}

const char *
bottega_message_get_thought (BottegaMessage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), NULL);

  return self->thought->len > 0 ? self->thought->str : NULL;
}

double
bottega_message_get_thought_s (BottegaMessage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), 0);

  return (double) self->thought_us / G_USEC_PER_SEC;
}

void
bottega_message_set_text (BottegaMessage *self, const char *text)
{
  if (strcmp (self->text->str, text) == 0)
    return;
  g_string_assign (self->text, text);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TEXT]);
  update_phase_text (self);
}

void
bottega_message_set_search_phase (BottegaMessage *self, const char *text)
{
  if (g_set_str (&self->search_phase, text))
    update_phase_text (self);
}

void
bottega_message_set_note (BottegaMessage *self, const char *sentence)
{
  if (g_set_str (&look_into_sources (self)->note, sentence))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NOTE]);
}

void
bottega_message_set_scope (BottegaMessage *self,
                           const gint64 *documents,
                           guint n,
                           const char *titles)
{
  BottegaSources *sources = look_into_sources (self);

  g_clear_pointer (&sources->scope, g_array_unref);
  if (n > 0) {
    sources->scope = g_array_new (FALSE, FALSE, sizeof (gint64));
    g_array_append_vals (sources->scope, documents, n);
  }
  if (g_set_str (&sources->scope_text, n > 0 ? titles : NULL))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SCOPE_TEXT]);
}

void
bottega_message_set_found (BottegaMessage *self,
                           const char *query,
                           BottegaSourcesUse use,
                           gboolean only_documents,
                           GPtrArray *passages)
{
  BottegaSources *sources = look_into_sources (self);
  guint n = passages != NULL ? passages->len : 0;
  GListModel *list = bottega_message_get_passages (self);
  gboolean had_abstained = bottega_message_get_abstained (self);

  sources->n_read = use == BOTTEGA_SOURCES_ABSTAINED ? 0 : n;
  sources->use = use;
  sources->only_documents = only_documents;
  if (g_set_str (&sources->query, query))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SEARCH_TEXT]);
  g_list_store_splice (sources->passages, 0, g_list_model_get_n_items (list),
                       n > 0 ? passages->pdata : NULL, n);
  if (had_abstained != bottega_message_get_abstained (self))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ABSTAINED]);
}

void
bottega_message_set_n_read (BottegaMessage *self, guint n)
{
  BottegaSources *sources = look_into_sources (self);
  guint n_passages = bottega_sources_n_passages (sources);

  sources->n_read = MIN (n, n_passages);
  if (n < n_passages)
    g_list_store_splice (sources->passages, n, n_passages - n, NULL, 0);
}

const BottegaSources *
bottega_message_get_sources (BottegaMessage *self)
{
  return look_into_sources (self);
}

void
bottega_message_set_writer (BottegaMessage *self, const char *model_name, const char *device)
{
  if (g_set_str (&self->model_name, model_name))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MODEL_NAME]);
  if (g_set_str (&self->device, device))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DEVICE]);
}

void
bottega_message_finish (BottegaMessage *self,
                        BottegaMessageState state,
                        const char *error,
                        const EngineStats *stats)
{
  GObject *object = G_OBJECT (self);

  g_object_freeze_notify (object);
  if (g_set_str (&self->error, error))
    g_object_notify_by_pspec (object, properties[PROP_ERROR]);
  if (stats != NULL)
    set_stats (self, stats);
  g_object_notify_by_pspec (object, properties[PROP_TEXT]);
  bottega_message_set_state (self, state);
  g_object_thaw_notify (object);
}

const EngineStats *
bottega_message_get_stats (BottegaMessage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), NULL);

  look_into_stats (self);

  return self->has_stats ? &self->stats : NULL;
}

double
bottega_message_get_state_s (BottegaMessage *self, BottegaMessageState state)
{
  gint64 since_us = self->state == state ? g_get_monotonic_time () - self->state_since_us : 0;

  g_return_val_if_fail (state <= BOTTEGA_MESSAGE_STATE_WRITING, 0);

  return (double) (self->state_us[state] + since_us) / 1e6;
}

void
bottega_message_set_facts (BottegaMessage *self, const BottegaAnswerFacts *facts)
{
  g_free (self->facts);
  self->facts = g_memdup2 (facts, sizeof *facts);
}

gboolean
bottega_message_diagnose (BottegaMessage *self, BottegaDiagnosis *diagnosis)
{
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), FALSE);

  look_into_stats (self);
  if (!self->has_stats || self->facts == NULL)
    return FALSE;
  bottega_diagnose (self->facts, &self->stats, diagnosis);

  return TRUE;
}

const char *
bottega_message_get_stats_line (BottegaMessage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), NULL);

  look_into_stats (self);

  return self->stats_line;
}

const char *
bottega_message_get_stats_short (BottegaMessage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), NULL);

  look_into_stats (self);

  return self->stats_short;
}

GListModel *
bottega_message_get_passages (BottegaMessage *self)
{
  BottegaSources *sources;

  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), NULL);

  sources = look_into_sources (self);
  if (sources->passages == NULL)
    sources->passages = g_list_store_new (BOTTEGA_TYPE_PASSAGE);

  return G_LIST_MODEL (sources->passages);
}

const gint64 *
bottega_message_get_scope (BottegaMessage *self, guint *n_documents)
{
  const GArray *scope;

  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self) && n_documents != NULL, NULL);

  scope = look_into_sources (self)->scope;
  *n_documents = scope != NULL ? scope->len : 0;

  return scope != NULL ? (const gint64 *) (const void *) scope->data : NULL;
}

/* ---- getters that only read ---- */

#define GETTER(type, name, otherwise, value)                     \
  type                                                           \
      bottega_message_get_##name (BottegaMessage *self)          \
  {                                                              \
    g_return_val_if_fail (BOTTEGA_IS_MESSAGE (self), otherwise); \
                                                                 \
    return value;                                                \
  }

GETTER (const char *, id, NULL, self->id)
GETTER (BottegaMessageRole, role, BOTTEGA_MESSAGE_ROLE_USER, self->role)
GETTER (BottegaMessageState, state, BOTTEGA_MESSAGE_STATE_COMPLETE, self->state)
GETTER (const char *, text, NULL, self->text->str)
GETTER (gsize, text_bytes, 0, self->text->len)
GETTER (const char *, error, NULL, self->error)
GETTER (gboolean, busy, FALSE, self->state <= BOTTEGA_MESSAGE_STATE_WRITING)
GETTER (gboolean, included, TRUE, self->included)
GETTER (const char *, phase_text, NULL, self->phase_text)
GETTER (double, load_fraction, 0, self->load_fraction)
GETTER (guint, read_done, 0, self->read_done)
GETTER (guint, read_total, 0, self->read_total)
GETTER (double, seconds_left, -1, self->seconds_left)
GETTER (gint64, started_us, 0, self->started_us)
GETTER (const char *, model_name, NULL, self->model_name)
GETTER (const char *, device, NULL, self->device)
GETTER (gboolean, abstained, FALSE, look_into_sources (self)->use == BOTTEGA_SOURCES_ABSTAINED)
GETTER (const char *, search_text, NULL, look_into_sources (self)->query)
GETTER (const char *, note, NULL, look_into_sources (self)->note)
GETTER (const char *, scope_text, NULL, look_into_sources (self)->scope_text)
