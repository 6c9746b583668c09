/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the text that has been written and not yet been said, and the one timer that says it. It
 * must not know where the text comes from.
 */
#define G_LOG_DOMAIN "bottega-announcer"

#include "config.h"

#include "app/ui/bottega-announcer.h"

#include <string.h>

#define PERIOD_MS 1000

struct _BottegaAnnouncer {
  GtkWidget *widget;
  GString *pending;
  guint timer;
  gboolean finished;
};

/* Behind the last sentence of TEXT, or 0. */
static gsize
last_sentence_end (const char *text,
                   gsize length)
{
  for (gsize i = length; i > 0; i--)
    if (text[i - 1] == '\n' ||
        (i < length && g_ascii_isspace (text[i]) && strchr (".!?:", text[i - 1]) != NULL))
      return i;
  return 0;
}

char *
bottega_announcer_take (GString *pending,
                        gboolean all)
{
  gsize end = all ? pending->len : last_sentence_end (pending->str, pending->len);
  g_autoptr (GString) said = g_string_new (NULL);

  for (gsize i = 0; i < end; i++) {
    char c = pending->str[i];
    if (strchr ("*`#|~>", c) != NULL)
      continue;
    if (g_ascii_isspace (c))
      c = ' ';
    if (c != ' ' || (said->len > 0 && said->str[said->len - 1] != ' '))
      g_string_append_c (said, c);
  }
  g_string_erase (pending, 0, end);
  g_strchomp (said->str);

  return *said->str != 0 ? g_strdup (said->str) : NULL;
}

static gboolean
timer_cb (gpointer user_data)
{
  BottegaAnnouncer *self = user_data;
  g_autofree char *said = bottega_announcer_take (self->pending, self->finished);

  self->timer = 0;
  if (said != NULL)
    gtk_accessible_announce (GTK_ACCESSIBLE (self->widget), said,
                             GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_LOW);
  return G_SOURCE_REMOVE;
}

static void
arm (BottegaAnnouncer *self)
{
  if (self->timer != 0 || self->pending->len == 0)
    return;
  self->timer = g_timeout_add (PERIOD_MS, timer_cb, self);
  g_source_set_name_by_id (self->timer, "[bottega] announce");
}

BottegaAnnouncer *
bottega_announcer_new (GtkWidget *widget)
{
  BottegaAnnouncer *self = g_new0 (BottegaAnnouncer, 1);

  self->widget = widget;
  self->pending = g_string_new (NULL);
  return self;
}

void
bottega_announcer_free (BottegaAnnouncer *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  g_string_free (self->pending, TRUE);
  g_free (self);
}

void
bottega_announcer_add (BottegaAnnouncer *self,
                       const char *piece)
{
  g_string_append (self->pending, piece);
  self->finished = FALSE;
  arm (self);
}

void
bottega_announcer_finish (BottegaAnnouncer *self)
{
  self->finished = TRUE;
  arm (self);
}
