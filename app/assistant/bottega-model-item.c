/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One model file and what is known of it. It must not touch the file. */
#define G_LOG_DOMAIN "bottega-model-item"
#include "config.h"

#include "app/assistant/bottega-model-item-private.h"
#include "app/assistant/bottega-model-text.h"

#include <glib/gi18n-lib.h>

struct _BottegaModelItem {
  GObject parent_instance;

  char *path, *basename, *error, *subtitle, *sha256, *here;
  BottegaModelState state;
  BottegaModelFacts facts;
  gboolean removable, in_place, is_default;
  double import_fraction;
};

enum {
  PROP_0,
  PROP_NAME,
  PROP_PATH,
  PROP_STATE,
  PROP_ERROR,
  PROP_WARNING,
  PROP_SUBTITLE,
  PROP_ARCHITECTURE,
  PROP_TYPES,
  PROP_SIZE_BYTES,
  PROP_CONTEXT,
  PROP_REMOVABLE,
  PROP_IN_PLACE,
  PROP_SEARCHES,
  PROP_USABLE,
  PROP_IS_DEFAULT,
  PROP_IMPORT_FRACTION,
  PROP_SHA256,
  PROP_HERE,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_ENUM_TYPE (BottegaModelState, bottega_model_state,
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MODEL_CHECKING, "checking"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MODEL_IMPORTING, "importing"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MODEL_READY, "ready"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_MODEL_BROKEN, "broken"))

G_DEFINE_FINAL_TYPE (BottegaModelItem, bottega_model_item, G_TYPE_OBJECT)

static char *
make_subtitle (BottegaModelItem *self)
{
  g_autofree char *size = NULL;
  g_autofree char *context = NULL;

  switch (self->state) {
  case BOTTEGA_MODEL_CHECKING:
    return g_strdup (_ ("Looking at the file"));
  case BOTTEGA_MODEL_IMPORTING:
    return g_strdup_printf (_ ("Importing, %.0f %%"), self->import_fraction * 100);
  case BOTTEGA_MODEL_BROKEN:
    return g_strdup (self->error);
  case BOTTEGA_MODEL_READY:
  default:
    size = g_format_size (self->facts.file_bytes);
    context = g_strdup_printf (ngettext ("%'u token of context", "%'u tokens of context",
                                         self->facts.context_tokens),
                               self->facts.context_tokens);
    return g_strjoin (" · ", size, self->facts.architecture, self->facts.types, context, NULL);
  }
}

static void
update_subtitle (BottegaModelItem *self)
{
  g_autofree char *subtitle = make_subtitle (self);

  if (g_set_str (&self->subtitle, subtitle))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SUBTITLE]);
}

static const char *
get_string (BottegaModelItem *self, guint id)
{
  const char *const strings[N_PROPS] = {
    [PROP_NAME] = bottega_model_item_get_name (self),
    [PROP_PATH] = self->path,
    [PROP_ERROR] = self->error,
    [PROP_WARNING] = self->facts.warning,
    [PROP_SUBTITLE] = self->subtitle,
    [PROP_ARCHITECTURE] = self->facts.architecture,
    [PROP_TYPES] = self->facts.types,
    [PROP_SHA256] = self->sha256,
    [PROP_HERE] = self->here,
  };

  return strings[id];
}

static gboolean
get_boolean (BottegaModelItem *self, guint id)
{
  const gboolean booleans[N_PROPS] = {
    [PROP_REMOVABLE] = self->removable,
    [PROP_IN_PLACE] = self->in_place,
    [PROP_SEARCHES] = bottega_model_item_get_searches (self),
    [PROP_USABLE] = bottega_model_item_get_usable (self),
    [PROP_IS_DEFAULT] = self->is_default,
  };

  return booleans[id];
}

static void
bottega_model_item_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaModelItem *self = BOTTEGA_MODEL_ITEM (object);

  if (G_VALUE_HOLDS_STRING (value))
    g_value_set_string (value, get_string (self, id));
  else if (G_VALUE_HOLDS_BOOLEAN (value))
    g_value_set_boolean (value, get_boolean (self, id));
  else if (id == PROP_STATE)
    g_value_set_enum (value, self->state);
  else if (id == PROP_SIZE_BYTES)
    g_value_set_uint64 (value, self->facts.file_bytes);
  else if (id == PROP_CONTEXT)
    g_value_set_uint (value, self->facts.context_tokens);
  else if (id == PROP_IMPORT_FRACTION)
    g_value_set_double (value, self->import_fraction);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
bottega_model_item_finalize (GObject *object)
{
  BottegaModelItem *self = BOTTEGA_MODEL_ITEM (object);

  g_free (self->path);
  g_free (self->basename);
  g_free (self->error);
  g_free (self->subtitle);
  g_free (self->sha256);
  g_free (self->here);
  bottega_model_facts_clear (&self->facts);

  G_OBJECT_CLASS (bottega_model_item_parent_class)->finalize (object);
}

static void
bottega_model_item_class_init (BottegaModelItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = bottega_model_item_finalize;
  object_class->get_property = bottega_model_item_get_property;

  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_PATH] = g_param_spec_string ("path", NULL, NULL, NULL, flags);
  properties[PROP_STATE] = g_param_spec_enum ("state", NULL, NULL, BOTTEGA_TYPE_MODEL_STATE,
                                              BOTTEGA_MODEL_CHECKING, flags);
  properties[PROP_ERROR] = g_param_spec_string ("error", NULL, NULL, NULL, flags);
  properties[PROP_WARNING] = g_param_spec_string ("warning", NULL, NULL, NULL, flags);
  properties[PROP_SUBTITLE] = g_param_spec_string ("subtitle", NULL, NULL, NULL, flags);
  properties[PROP_ARCHITECTURE] = g_param_spec_string ("architecture", NULL, NULL, NULL, flags);
  properties[PROP_TYPES] = g_param_spec_string ("types", NULL, NULL, NULL, flags);
  properties[PROP_SIZE_BYTES] =
      g_param_spec_uint64 ("size-bytes", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  properties[PROP_CONTEXT] = g_param_spec_uint ("context", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_REMOVABLE] = g_param_spec_boolean ("removable", NULL, NULL, FALSE, flags);
  properties[PROP_IN_PLACE] = g_param_spec_boolean ("in-place", NULL, NULL, FALSE, flags);
  properties[PROP_SEARCHES] = g_param_spec_boolean ("searches", NULL, NULL, FALSE, flags);
  properties[PROP_USABLE] = g_param_spec_boolean ("usable", NULL, NULL, FALSE, flags);
  properties[PROP_SHA256] = g_param_spec_string ("sha256", NULL, NULL, NULL, flags);
  properties[PROP_HERE] = g_param_spec_string ("here", NULL, NULL, NULL, flags);
  properties[PROP_IS_DEFAULT] = g_param_spec_boolean ("is-default", NULL, NULL, FALSE, flags);
  properties[PROP_IMPORT_FRACTION] =
      g_param_spec_double ("import-fraction", NULL, NULL, 0, 1, 0, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
bottega_model_item_init (BottegaModelItem *self)
{
}

BottegaModelItem *
bottega_model_item_new (const char *path, BottegaModelState state, gboolean removable)
{
  BottegaModelItem *self = g_object_new (BOTTEGA_TYPE_MODEL_ITEM, NULL);

  self->path = g_strdup (path);
  self->basename = g_path_get_basename (path);
  self->state = state;
  self->removable = removable;
  update_subtitle (self);

  return self;
}

void
bottega_model_item_set_facts (BottegaModelItem *self, BottegaModelFacts *facts, const char *error)
{
  static const guint changed[] = { PROP_NAME, PROP_STATE, PROP_ERROR, PROP_WARNING,
                                   PROP_ARCHITECTURE, PROP_TYPES, PROP_SIZE_BYTES, PROP_CONTEXT,
                                   PROP_SEARCHES, PROP_USABLE };
  GObject *object = G_OBJECT (self);

  g_object_freeze_notify (object);
  bottega_model_facts_clear (&self->facts);
  self->facts = *facts;
  *facts = (BottegaModelFacts) { 0 };
  g_set_str (&self->error, error);
  self->state = error == NULL ? BOTTEGA_MODEL_READY : BOTTEGA_MODEL_BROKEN;
  for (guint i = 0; i < G_N_ELEMENTS (changed); i++)
    g_object_notify_by_pspec (object, properties[changed[i]]);
  update_subtitle (self);
  g_object_thaw_notify (object);
}

void
bottega_model_item_set_gone (BottegaModelItem *self)
{
  BottegaModelFacts none = { 0 };
  /* Translators: %s is the path of a file. */
  g_autofree char *sentence = g_strdup_printf (
      _ ("The file is not at “%s” any more. Put it back there, or take the model off the list."),
      self->path);

  bottega_model_item_set_facts (self, &none, sentence);
}

void
bottega_model_item_set_in_place (BottegaModelItem *self, gboolean in_place)
{
  if (self->in_place == in_place)
    return;
  self->in_place = in_place;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_IN_PLACE]);
}

void
bottega_model_item_set_sha256 (BottegaModelItem *self, const char *sha256)
{
  if (g_set_str (&self->sha256, sha256))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SHA256]);
}

void
bottega_model_item_set_here (BottegaModelItem *self, const char *here)
{
  if (g_set_str (&self->here, here))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HERE]);
}

void
bottega_model_item_set_path (BottegaModelItem *self, const char *path)
{
  if (!g_set_str (&self->path, path))
    return;
  g_free (self->basename);
  self->basename = g_path_get_basename (path);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PATH]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

void
bottega_model_item_set_import_fraction (BottegaModelItem *self, double fraction)
{
  self->import_fraction = CLAMP (fraction, 0, 1);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_IMPORT_FRACTION]);
  update_subtitle (self);
}

void
bottega_model_item_set_is_default (BottegaModelItem *self, gboolean is_default)
{
  if (self->is_default == is_default)
    return;
  self->is_default = is_default;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_IS_DEFAULT]);
}

const char *
bottega_model_item_get_name (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return self->facts.name != NULL ? self->facts.name : self->basename;
}

const char *
bottega_model_item_get_path (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return self->path;
}

BottegaModelState
bottega_model_item_get_state (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), BOTTEGA_MODEL_BROKEN);

  return self->state;
}

const char *
bottega_model_item_get_error (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return self->error;
}

const char *
bottega_model_item_get_warning (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return self->facts.warning;
}

const char *
bottega_model_item_get_subtitle (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return self->subtitle;
}

guint64
bottega_model_item_get_size_bytes (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), 0);

  return self->facts.file_bytes;
}

guint
bottega_model_item_get_context (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), 0);

  return self->facts.context_tokens;
}

gboolean
bottega_model_item_get_removable (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), FALSE);

  return self->removable;
}

gboolean
bottega_model_item_get_in_place (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), FALSE);

  return self->in_place;
}

gboolean
bottega_model_item_get_searches (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), FALSE);

  return self->facts.embedding_size > 0;
}

gboolean
bottega_model_item_get_usable (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), FALSE);

  return self->state == BOTTEGA_MODEL_READY &&
         (self->facts.embedding_size == 0 || bottega_model_facts_fit_search (&self->facts));
}

gboolean
bottega_model_item_can_draft (BottegaModelItem *self, BottegaModelItem *other)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (other), FALSE);

  return self->state == BOTTEGA_MODEL_READY &&
         other->state == BOTTEGA_MODEL_READY &&
         self->facts.embedding_size == 0 &&
         other->facts.takes_guesses &&
         self->facts.vocabulary == other->facts.vocabulary &&
         self->facts.decode_bytes < other->facts.decode_bytes;
}

const char *
bottega_model_item_get_sha256 (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return self->sha256;
}

const char *
bottega_model_item_get_here (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return self->here;
}

const BottegaModelFacts *
bottega_model_item_get_facts (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), NULL);

  return &self->facts;
}

gboolean
bottega_model_item_get_is_default (BottegaModelItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (self), FALSE);

  return self->is_default;
}
