/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One document of the space as properties, and the sentences about it. It must not know the store
 * or the indexer. */
#define G_LOG_DOMAIN "bottega-document-item"
#include "config.h"

#include "app/assistant/bottega-document-item-private.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

struct _BottegaDocumentItem {
  GObject parent_instance;

  gint64 id;
  char *path, *title, *name, *icon_name, *language;
  char *state_text, *detail;
  BottegaDocumentState state;
  double fraction;
  guint n_pages;
  guint64 text_bytes;
};

enum {
  PROP_0,
  PROP_ID,
  PROP_PATH,
  PROP_TITLE,
  PROP_NAME,
  PROP_ICON_NAME,
  PROP_STATE,
  PROP_STATE_TEXT,
  PROP_DETAIL,
  PROP_FRACTION,
  PROP_N_PAGES,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_ENUM_TYPE (BottegaDocumentState, bottega_document_state,
                    G_DEFINE_ENUM_VALUE (BOTTEGA_DOCUMENT_WAITING, "waiting"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_DOCUMENT_WORDS, "words"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_DOCUMENT_READY, "ready"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_DOCUMENT_FAILED, "failed"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_DOCUMENT_GONE, "gone"))

G_DEFINE_FINAL_TYPE (BottegaDocumentItem, bottega_document_item, G_TYPE_OBJECT)

static void
bottega_document_item_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaDocumentItem *self = BOTTEGA_DOCUMENT_ITEM (object);

  switch (id) {
  case PROP_ID:
    g_value_set_int64 (value, self->id);
    break;
  case PROP_PATH:
    g_value_set_string (value, self->path);
    break;
  case PROP_TITLE:
    g_value_set_string (value, self->title);
    break;
  case PROP_NAME:
    g_value_set_string (value, self->name);
    break;
  case PROP_ICON_NAME:
    g_value_set_string (value, self->icon_name);
    break;
  case PROP_STATE:
    g_value_set_enum (value, self->state);
    break;
  case PROP_STATE_TEXT:
    g_value_set_string (value, self->state_text);
    break;
  case PROP_DETAIL:
    g_value_set_string (value, self->detail);
    break;
  case PROP_FRACTION:
    g_value_set_double (value, self->fraction);
    break;
  case PROP_N_PAGES:
    g_value_set_uint (value, self->n_pages);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_document_item_finalize (GObject *object)
{
  BottegaDocumentItem *self = BOTTEGA_DOCUMENT_ITEM (object);

  g_free (self->path);
  g_free (self->title);
  g_free (self->name);
  g_free (self->icon_name);
  g_free (self->language);
  g_free (self->state_text);
  g_free (self->detail);

  G_OBJECT_CLASS (bottega_document_item_parent_class)->finalize (object);
}

static void
bottega_document_item_class_init (BottegaDocumentItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = bottega_document_item_finalize;
  object_class->get_property = bottega_document_item_get_property;

  properties[PROP_ID] =
      g_param_spec_int64 ("id", NULL, NULL, G_MININT64, G_MAXINT64, 0, flags);
  properties[PROP_PATH] = g_param_spec_string ("path", NULL, NULL, NULL, flags);
  properties[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_ICON_NAME] = g_param_spec_string ("icon-name", NULL, NULL, NULL, flags);
  properties[PROP_STATE] = g_param_spec_enum ("state", NULL, NULL, BOTTEGA_TYPE_DOCUMENT_STATE,
                                              BOTTEGA_DOCUMENT_WAITING, flags);
  properties[PROP_STATE_TEXT] = g_param_spec_string ("state-text", NULL, NULL, NULL, flags);
  properties[PROP_DETAIL] = g_param_spec_string ("detail", NULL, NULL, NULL, flags);
  properties[PROP_FRACTION] = g_param_spec_double ("fraction", NULL, NULL, 0, 1, 0, flags);
  properties[PROP_N_PAGES] =
      g_param_spec_uint ("n-pages", NULL, NULL, 0, G_MAXUINT, 0, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
bottega_document_item_init (BottegaDocumentItem *self)
{
}

/* Icons of the icon theme by the beginning of the media type; the last one is for all. */
static const char *
icon_for (const char *media_type)
{
  static const struct {
    const char *prefix, *icon;
  } icons[] = {
    { "application/pdf", "x-office-document-symbolic" },
    { "application/vnd.oasis.opendocument.spreadsheet", "x-office-spreadsheet-symbolic" },
    { "application/vnd.oasis.opendocument.text", "x-office-document-symbolic" },
    { "application/vnd.openxmlformats", "x-office-document-symbolic" },
    { "application/epub", "accessories-dictionary-symbolic" },
    { "text/html", "text-html-symbolic" },
    { "text/x-", "text-x-script-symbolic" },
    { "", "text-x-generic-symbolic" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (icons); i++)
    if (g_str_has_prefix (media_type != NULL ? media_type : "", icons[i].prefix))
      return icons[i].icon;

  return NULL;
}

static char *
make_state_text (const BottegaDocumentRow *row, double fraction)
{
  switch (row->state) {
  case BOTTEGA_DOCUMENT_WAITING:
    return g_strdup (_ ("Waiting"));
  case BOTTEGA_DOCUMENT_WORDS:
    /* Translators: the words of a document can be searched; of the vectors that stand for its
     * meaning so many are made. */
    return g_strdup_printf (_ ("Words ready, meaning %.0f %%"), floor (fraction * 100));
  case BOTTEGA_DOCUMENT_READY:
    return g_strdup (_ ("Ready"));
  case BOTTEGA_DOCUMENT_FAILED:
    return g_strdup (row->error != NULL ? row->error : _ ("It could not be read."));
  case BOTTEGA_DOCUMENT_GONE:
    return g_strdup (_ ("The file is not there at the moment"));
  default:
    return g_strdup ("");
  }
}

/* "12 pages · 1.2 MB" */
static char *
make_detail (const BottegaDocumentRow *row)
{
  g_autofree char *size = g_format_size (row->size_bytes);
  g_autofree char *pages = NULL;

  if (row->n_pages == 0)
    return g_steal_pointer (&size);
  pages = g_strdup_printf (ngettext ("%'u page", "%'u pages", row->n_pages), row->n_pages);

  return g_strdup_printf ("%s · %s", pages, size);
}

static void
set_string (BottegaDocumentItem *self, char **string, const char *value, guint property)
{
  if (g_set_str (string, value))
    g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

void
bottega_document_item_update (BottegaDocumentItem *self, const BottegaDocumentRow *row)
{
  GObject *object = G_OBJECT (self);
  double fraction = row->n_chunks > 0
                        ? MIN (1.0, (double) row->n_vectors / (double) row->n_chunks)
                        : row->state == BOTTEGA_DOCUMENT_READY;
  g_autofree char *name = g_path_get_basename (row->path);
  g_autofree char *state_text = make_state_text (row, fraction);
  g_autofree char *detail = make_detail (row);

  g_return_if_fail (BOTTEGA_IS_DOCUMENT_ITEM (self) && self->id == row->id);

  g_object_freeze_notify (object);
  set_string (self, &self->path, row->path, PROP_PATH);
  set_string (self, &self->title, row->title != NULL ? row->title : name, PROP_TITLE);
  set_string (self, &self->name, name, PROP_NAME);
  set_string (self, &self->icon_name, icon_for (row->media_type), PROP_ICON_NAME);
  set_string (self, &self->state_text, state_text, PROP_STATE_TEXT);
  set_string (self, &self->detail, detail, PROP_DETAIL);
  g_set_str (&self->language, row->language);
  self->text_bytes = row->text_bytes;
  if (self->state != row->state) {
    self->state = row->state;
    g_object_notify_by_pspec (object, properties[PROP_STATE]);
  }
  if (self->fraction != fraction) {
    self->fraction = fraction;
    g_object_notify_by_pspec (object, properties[PROP_FRACTION]);
  }
  if (self->n_pages != row->n_pages) {
    self->n_pages = row->n_pages;
    g_object_notify_by_pspec (object, properties[PROP_N_PAGES]);
  }
  g_object_thaw_notify (object);
}

BottegaDocumentItem *
bottega_document_item_new (const BottegaDocumentRow *row)
{
  BottegaDocumentItem *self = g_object_new (BOTTEGA_TYPE_DOCUMENT_ITEM, NULL);

  self->id = row->id;
  bottega_document_item_update (self, row);

  return self;
}

/* ---- getters ---- */

#define GETTER(type, name, otherwise)                                  \
  type                                                                 \
      bottega_document_item_get_##name (BottegaDocumentItem *self)     \
  {                                                                    \
    g_return_val_if_fail (BOTTEGA_IS_DOCUMENT_ITEM (self), otherwise); \
                                                                       \
    return self->name;                                                 \
  }

GETTER (gint64, id, 0)
GETTER (const char *, path, NULL)
GETTER (const char *, title, NULL)
GETTER (const char *, name, NULL)
GETTER (const char *, icon_name, NULL)
GETTER (const char *, language, NULL)
GETTER (BottegaDocumentState, state, BOTTEGA_DOCUMENT_WAITING)
GETTER (const char *, state_text, NULL)
GETTER (const char *, detail, NULL)
GETTER (double, fraction, 0)
GETTER (guint, n_pages, 0)

/* Bytes of a token in vocabularies of models that answer: English has more, others have less. */
guint
bottega_document_item_get_tokens (BottegaDocumentItem *self)
{
  g_return_val_if_fail (BOTTEGA_IS_DOCUMENT_ITEM (self), 0);

  return (guint) MIN (self->text_bytes / (g_strcmp0 (self->language, "en") == 0 ? 4 : 3),
                      G_MAXUINT);
}
