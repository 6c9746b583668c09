/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the desktop asks the window to show: files of "Open With", what its search found, what a
 * notification is about. Main thread; the assistant has been started. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

typedef void (*BottegaArrival) (GtkWidget *window, BottegaAssistant *assistant, GVariant *what);

/* The files (GFile) of "as", addresses; free with g_slist_free_full and g_object_unref. */
GSList *bottega_arrivals_list (GVariant *addresses);

/* "as", addresses: models are added and documents too, as if they were dropped; what is asked next
 * is asked in these documents. */
void bottega_arrival_files (GtkWidget *window, BottegaAssistant *assistant, GVariant *what);
/* "(ss)", space and id of a conversation, which is shown once the list has been read. One that is
 * gone: nothing. */
void bottega_arrival_conversation (GtkWidget *window, BottegaAssistant *assistant, GVariant *what);
/* "(sx)", space and id of a document: a new conversation that asks in it. */
void bottega_arrival_document (GtkWidget *window, BottegaAssistant *assistant, GVariant *what);
/* "s": the conversations that have these words. */
void bottega_arrival_search (GtkWidget *window, BottegaAssistant *assistant, GVariant *what);

G_END_DECLS
