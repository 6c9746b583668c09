/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counts, per element, letters, letters in links, and links. It believes in structure where a page
 * has it (main, article, nav) and is careful where it must guess: only short links, only lists that
 * are little of the page. */
#include "app/extract/extract-html-survey.h"

#include <string.h>

#define SHORT_LINK      50 /* letters: longer ones are titles and sentences */
#define SHORT_FRAME     200
#define MIN_LINKS       3
#define MIN_LINKS_INDEX 5

typedef struct {
  guint letters, link_letters, links;
} Counts;

struct _ExtractHtmlSurvey {
  GArray *counts;                 /* of Counts, by element */
  GArray *open;                   /* of guint, numbers of elements */
  guint in_link, mains, articles; /* open ones */
  guint main_letters, article_letters;
  Counts all;
  gboolean is_chapter;
};

static ExtractFailure
count_open (gpointer data, ExtractHtmlElement *element)
{
  ExtractHtmlSurvey *self = data;
  Counts counts = { .links = element->tag == EXTRACT_HTML_LINK };

  element->skip = element->tag == EXTRACT_HTML_TITLE;
  if (element->skip)
    return EXTRACT_OK;
  if (self->counts->len <= element->number)
    g_array_set_size (self->counts, element->number + 1);
  g_array_index (self->counts, Counts, element->number) = counts;
  g_array_append_val (self->open, element->number);
  self->in_link += element->tag == EXTRACT_HTML_LINK;
  self->mains += element->tag == EXTRACT_HTML_MAIN;
  self->articles += element->tag == EXTRACT_HTML_ARTICLE;
  return EXTRACT_OK;
}

static void
count_close (gpointer data, ExtractHtmlTag tag)
{
  ExtractHtmlSurvey *self = data;
  const guint *open = (const guint *) self->open->data;
  guint depth = self->open->len;
  const Counts *counts = &g_array_index (self->counts, Counts, open[depth - 1]);
  Counts *outer = depth > 1 ? &g_array_index (self->counts, Counts, open[depth - 2]) : &self->all;

  outer->letters += counts->letters;
  outer->link_letters += counts->link_letters;
  outer->links += counts->links;
  g_array_set_size (self->open, depth - 1);
  self->in_link -= tag == EXTRACT_HTML_LINK;
  self->mains -= tag == EXTRACT_HTML_MAIN;
  self->articles -= tag == EXTRACT_HTML_ARTICLE;
}

static void
count_text (gpointer data, const char *text, gsize n_bytes)
{
  ExtractHtmlSurvey *self = data;
  Counts *counts = &self->all;
  guint n = 0;

  /* Bytes that begin a letter. */
  for (gsize i = 0; i < n_bytes; i++)
    n += (guchar) text[i] > ' ' && ((guchar) text[i] & 0xC0) != 0x80;
  if (self->open->len > 0)
    counts = &g_array_index (self->counts, Counts,
                             g_array_index (self->open, guint, self->open->len - 1));
  counts->letters += n;
  counts->link_letters += self->in_link > 0 ? n : 0;
  self->main_letters += self->mains > 0 ? n : 0;
  self->article_letters += self->articles > 0 ? n : 0;
}

ExtractHtmlSurvey *
extract_html_survey_new (const char *html, gboolean is_chapter, ExtractFailure *failure)
{
  static const ExtractHtmlReader reader = { count_open, count_close, count_text };
  g_autoptr (ExtractHtmlSurvey) self = g_new0 (ExtractHtmlSurvey, 1);

  self->is_chapter = is_chapter;
  self->counts = g_array_new (FALSE, TRUE, sizeof (Counts));
  self->open = g_array_new (FALSE, FALSE, sizeof (guint));
  if (!extract_html_parse (html, &reader, self, failure))
    return NULL;
  return g_steal_pointer (&self);
}

void
extract_html_survey_free (ExtractHtmlSurvey *self)
{
  g_array_unref (self->counts);
  g_array_unref (self->open);
  g_free (self);
}

/* Less than a third of the page's own words: what is more is no frame around them. */
static gboolean
is_little (ExtractHtmlSurvey *self, const Counts *counts)
{
  return counts->letters < self->all.letters / 3;
}

static gboolean
is_list_of_links (const Counts *counts)
{
  return counts->links >= MIN_LINKS && counts->link_letters >= counts->letters * 0.9 &&
         counts->link_letters <= counts->links * SHORT_LINK;
}

static gboolean
calls_itself_navigation (const ExtractHtmlElement *element)
{
  static const char *const words[] = { "nav", "menu", "breadcrumb", "toc", "sidebar",
                                       "pagination" };
  const char *const names[] = { extract_html_attribute (element, "class"),
                                extract_html_attribute (element, "id") };
  const char *role = extract_html_attribute (element, "role");

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    for (guint k = 0; k < G_N_ELEMENTS (names); k++)
      if (names[k] != NULL && strcasestr (names[k], words[i]) != NULL)
        return TRUE;
  return role != NULL && (strcmp (role, "navigation") == 0 || strcmp (role, "search") == 0);
}

gboolean
extract_html_survey_drops (ExtractHtmlSurvey *self, const ExtractHtmlElement *element)
{
  static const Counts none = { 0 };
  const Counts *counts = &none;

  if (element->tag == EXTRACT_HTML_INLINE || element->tag == EXTRACT_HTML_HTML ||
      element->tag == EXTRACT_HTML_BODY || self->is_chapter)
    return FALSE;
  if (element->number < self->counts->len)
    counts = &g_array_index (self->counts, Counts, element->number);
  if (counts->letters == 0 || !is_little (self, counts))
    return FALSE;
  if (element->tag == EXTRACT_HTML_LIST || element->tag == EXTRACT_HTML_NUMBERED_LIST ||
      element->tag == EXTRACT_HTML_TABLE)
    return is_list_of_links (counts) ||
           (calls_itself_navigation (element) && counts->letters <= SHORT_FRAME);
  if (element->tag == EXTRACT_HTML_FOOTER)
    return TRUE;
  return calls_itself_navigation (element) &&
         (counts->letters <= SHORT_FRAME || counts->link_letters >= counts->letters * 0.6);
}

ExtractHtmlTag
extract_html_survey_root (ExtractHtmlSurvey *self)
{
  if (self->is_chapter)
    return EXTRACT_HTML_BODY;
  if (self->main_letters > self->all.letters / 4)
    return EXTRACT_HTML_MAIN;
  return self->article_letters > self->all.letters / 2 ? EXTRACT_HTML_ARTICLE : EXTRACT_HTML_BODY;
}

gboolean
extract_html_survey_is_contents (ExtractHtmlSurvey *self)
{
  return self->is_chapter && self->all.links >= MIN_LINKS_INDEX &&
         self->all.link_letters >= self->all.letters * 0.85 &&
         self->all.link_letters <= self->all.links * SHORT_LINK;
}
