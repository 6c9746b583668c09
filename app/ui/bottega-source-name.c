/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the names of passages. Must not know where they are shown. */
#define G_LOG_DOMAIN "bottega-source-name"

#include "config.h"

#include "app/ui/bottega-source-name.h"

#include <glib/gi18n.h>

char *
bottega_source_name (BottegaPassage *passage)
{
  const char *title = bottega_passage_get_title (passage);
  const char *place = bottega_passage_get_place (passage);
  guint number = bottega_passage_get_number (passage);
  guint page = bottega_passage_get_page (passage);

  g_return_val_if_fail (BOTTEGA_IS_PASSAGE (passage), NULL);

  if (page > 0)
    /* TRANSLATORS: number of the source, title of the document, number of the page. */
    return g_strdup_printf (_ ("Source %u, %s, page %u"), number, title, page);
  if (place != NULL && *place != 0)
    /* TRANSLATORS: number of the source, title of the document, a heading in it. */
    return g_strdup_printf (_ ("Source %u, %s, %s"), number, title, place);
  /* TRANSLATORS: number of the source, title of the document. */
  return g_strdup_printf (_ ("Source %u, %s"), number, title);
}

BottegaPassage *
bottega_source_find (GListModel *passages,
                     guint number)
{
  for (guint i = 0; i < g_list_model_get_n_items (passages); i++) {
    g_autoptr (BottegaPassage) passage = g_list_model_get_item (passages, i);

    if (bottega_passage_get_number (passage) == number)
      return passage; /* the list holds it */
  }
  return NULL;
}

char **
bottega_source_names (GListModel *passages)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (guint i = 1; i <= g_list_model_get_n_items (passages); i++) {
    BottegaPassage *passage = bottega_source_find (passages, i);

    if (passage == NULL)
      break;
    g_strv_builder_take (names, bottega_source_name (passage));
  }
  return g_strv_builder_end (names);
}
