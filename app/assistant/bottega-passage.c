/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A passage as a value with properties, and as JSON. It must not know where it was found, nor who
 * reads it. */
#define G_LOG_DOMAIN "bottega-passage"
#include "config.h"

#include "app/assistant/bottega-passage-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

enum {
  PROP_0,
  /* strings */
  PROP_PATH,
  PROP_TITLE,
  PROP_HEADING,
  PROP_TEXT,
  PROP_WINDOW,
  PROP_PLACE,
  /* uints */
  PROP_NUMBER,
  PROP_PAGE,
  PROP_LAST_PAGE,
  PROP_OFFSET,
  PROP_LENGTH,
  /* others */
  PROP_DOCUMENT,
  PROP_SCORE,
  PROP_USED,
  N_PROPS,
};
#define FIRST_UINT PROP_NUMBER
#define N_UINTS    (PROP_DOCUMENT - FIRST_UINT)

struct _BottegaPassage {
  GObject parent_instance;

  char *strings[FIRST_UINT]; /* [property id] */
  guint uints[N_UINTS];      /* [property id - FIRST_UINT] */
  gint64 document;
  double score;
  gboolean used;
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaPassage, bottega_passage, G_TYPE_OBJECT)

#define UINT(self, name) ((self)->uints[PROP_##name - FIRST_UINT])

static void
bottega_passage_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaPassage *self = BOTTEGA_PASSAGE (object);

  if (id < FIRST_UINT)
    g_value_set_string (value, self->strings[id]);
  else if (id < FIRST_UINT + N_UINTS)
    g_value_set_uint (value, self->uints[id - FIRST_UINT]);
  else if (id == PROP_DOCUMENT)
    g_value_set_int64 (value, self->document);
  else if (id == PROP_SCORE)
    g_value_set_double (value, self->score);
  else
    g_value_set_boolean (value, self->used);
}

static void
bottega_passage_finalize (GObject *object)
{
  BottegaPassage *self = BOTTEGA_PASSAGE (object);

  for (guint i = 1; i < FIRST_UINT; i++)
    g_free (self->strings[i]);

  G_OBJECT_CLASS (bottega_passage_parent_class)->finalize (object);
}

static void
bottega_passage_class_init (BottegaPassageClass *klass)
{
  static const char *const names[] = {
    [PROP_PATH] = "path",
    [PROP_TITLE] = "title",
    [PROP_HEADING] = "heading",
    [PROP_TEXT] = "text",
    [PROP_WINDOW] = "window",
    [PROP_PLACE] = "place",
    [PROP_NUMBER] = "number",
    [PROP_PAGE] = "page",
    [PROP_LAST_PAGE] = "last-page",
    [PROP_OFFSET] = "offset",
    [PROP_LENGTH] = "length",
    [PROP_DOCUMENT] = "document",
    [PROP_SCORE] = "score",
    [PROP_USED] = "used",
  };
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = bottega_passage_finalize;
  object_class->get_property = bottega_passage_get_property;
  for (guint i = 1; i < FIRST_UINT; i++)
    properties[i] = g_param_spec_string (names[i], NULL, NULL, NULL, flags);
  for (guint i = FIRST_UINT; i < FIRST_UINT + N_UINTS; i++)
    properties[i] = g_param_spec_uint (names[i], NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_DOCUMENT] =
      g_param_spec_int64 (names[PROP_DOCUMENT], NULL, NULL, G_MININT64, G_MAXINT64, 0, flags);
  properties[PROP_SCORE] = g_param_spec_double (names[PROP_SCORE], NULL, NULL, 0, 1, 0, flags);
  properties[PROP_USED] = g_param_spec_boolean (names[PROP_USED], NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
bottega_passage_init (BottegaPassage *self)
{
}

/* "p. 3", "pp. 3–4", the heading, or "". */
static char *
make_place (BottegaPassage *self)
{
  guint page = UINT (self, PAGE), last = UINT (self, LAST_PAGE);
  const char *heading = self->strings[PROP_HEADING];

  if (page > 0 && last > page)
    /* Translators: pages, "pp. 3–4". */
    return g_strdup_printf (_ ("pp. %u–%u"), page, last);
  if (page > 0)
    /* Translators: a page, "p. 3". */
    return g_strdup_printf (_ ("p. %u"), page);

  return g_strdup (heading != NULL ? heading : "");
}

BottegaPassage *
bottega_passage_new (const BottegaFound *found, guint number)
{
  BottegaPassage *self = g_object_new (BOTTEGA_TYPE_PASSAGE, NULL);

  self->strings[PROP_PATH] = g_strdup (found->path);
  self->strings[PROP_TITLE] = g_strdup (found->title);
  self->strings[PROP_HEADING] = g_strdup (found->heading);
  self->strings[PROP_TEXT] = g_strdup (found->text);
  self->strings[PROP_WINDOW] = g_strdup (found->window != NULL ? found->window : found->text);
  self->document = found->document;
  UINT (self, NUMBER) = number;
  UINT (self, PAGE) = found->page;
  UINT (self, LAST_PAGE) = MAX (found->page, found->last_page);
  UINT (self, OFFSET) = found->offset;
  UINT (self, LENGTH) = found->length;
  self->score = CLAMP (found->score, 0, 1);
  self->strings[PROP_PLACE] = make_place (self);

  return self;
}

void
bottega_passage_set_used (BottegaPassage *self, gboolean used)
{
  g_return_if_fail (BOTTEGA_IS_PASSAGE (self));

  if (self->used == used)
    return;
  self->used = used;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_USED]);
}

BottegaPassage *
bottega_passage_find (GListModel *passages, guint number)
{
  for (guint i = 0; i < g_list_model_get_n_items (passages); i++) {
    g_autoptr (BottegaPassage) passage = g_list_model_get_item (passages, i);

    if (UINT (passage, NUMBER) == number)
      return passage;
  }

  return NULL;
}

/* ---- JSON: a member for each property that is kept ---- */

/* "place" is localised and made anew. */
static gboolean
is_kept (guint id)
{
  return id != PROP_PLACE;
}

JsonNode *
bottega_passage_to_json (BottegaPassage *self)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  g_return_val_if_fail (BOTTEGA_IS_PASSAGE (self), NULL);

  for (guint i = 1; i < FIRST_UINT; i++)
    if (is_kept (i) && self->strings[i] != NULL)
      json_object_set_string_member (object, properties[i]->name, self->strings[i]);
  for (guint i = 0; i < N_UINTS; i++)
    json_object_set_int_member (object, properties[FIRST_UINT + i]->name, self->uints[i]);
  json_object_set_int_member (object, "document", self->document);
  json_object_set_double_member (object, "score", self->score);
  json_object_set_boolean_member (object, "used", self->used);
  json_node_set_object (node, object);

  return node;
}

BottegaPassage *
bottega_passage_new_from_json (JsonNode *node)
{
  g_autoptr (BottegaPassage) self = NULL;
  JsonObject *object;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;
  self = g_object_new (BOTTEGA_TYPE_PASSAGE, NULL);
  object = json_node_get_object (node);
  for (guint i = 1; i < FIRST_UINT; i++)
    if (is_kept (i))
      self->strings[i] = g_strdup (
          json_object_get_string_member_with_default (object, properties[i]->name, NULL));
  for (guint i = 0; i < N_UINTS; i++)
    self->uints[i] = (guint) CLAMP (
        json_object_get_int_member_with_default (object, properties[FIRST_UINT + i]->name, 0), 0,
        G_MAXUINT);
  self->document = json_object_get_int_member_with_default (object, "document", 0);
  self->score =
      CLAMP (json_object_get_double_member_with_default (object, "score", 0), 0, 1);
  self->used = json_object_get_boolean_member_with_default (object, "used", FALSE);
  if (UINT (self, NUMBER) == 0 || self->strings[PROP_TITLE] == NULL ||
      self->strings[PROP_TEXT] == NULL || self->strings[PROP_PATH] == NULL)
    return NULL;
  if (self->strings[PROP_WINDOW] == NULL)
    self->strings[PROP_WINDOW] = g_strdup (self->strings[PROP_TEXT]);
  self->strings[PROP_PLACE] = make_place (self);

  return g_steal_pointer (&self);
}

/* ---- getters ---- */

#define GETTER(type, name, otherwise, value)                     \
  type                                                           \
      bottega_passage_get_##name (BottegaPassage *self)          \
  {                                                              \
    g_return_val_if_fail (BOTTEGA_IS_PASSAGE (self), otherwise); \
                                                                 \
    return value;                                                \
  }

GETTER (guint, number, 0, UINT (self, NUMBER))
GETTER (gint64, document, 0, self->document)
GETTER (const char *, path, NULL, self->strings[PROP_PATH])
GETTER (const char *, title, NULL, self->strings[PROP_TITLE])
GETTER (const char *, heading, NULL, self->strings[PROP_HEADING])
GETTER (const char *, place, NULL, self->strings[PROP_PLACE])
GETTER (const char *, text, NULL, self->strings[PROP_TEXT])
GETTER (const char *, window, NULL, self->strings[PROP_WINDOW])
GETTER (guint, page, 0, UINT (self, PAGE))
GETTER (guint, last_page, 0, UINT (self, LAST_PAGE))
GETTER (guint, offset, 0, UINT (self, OFFSET))
GETTER (guint, length, 0, UINT (self, LENGTH))
GETTER (double, score, 0, self->score)
GETTER (gboolean, used, FALSE, self->used)
