/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents that come from outside: by a file dialog, or dropped. What cannot be read is named in a
 * toast of the window (win.say); what is taken, too (win.say-added). Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-library.h"

G_BEGIN_DECLS

/* Adds those of FILES (of GFile) that can be read. FROM: the widget whose window says what is
 * refused. Returns whether there was one to add. */
gboolean bottega_add_documents (BottegaLibrary *library, GtkWidget *from, GSList *files);

/* What the person has chosen and the library has taken; files is borrowed. */
typedef void (*BottegaDocumentsAdded) (GtkWidget *from, GSList *files);

/* The dialog for files, or for folders; ADDED may be NULL. Not called once FROM has gone. */
void bottega_add_documents_choose (BottegaLibrary *library, GtkWidget *from, gboolean folders,
                                   BottegaDocumentsAdded added);

G_END_DECLS
