/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A viewport for a page that grows at its end and sometimes above: it stays at the end while the
 * reader is there, and at what is read where the page grew above it, both within the same frame.
 * Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Properties: child (GtkWidget), following (boolean, read-only, notifies: the reader is at the end
 * and stays there). */
#define BOTTEGA_TYPE_END_VIEWPORT (bottega_end_viewport_get_type ())
G_DECLARE_FINAL_TYPE (BottegaEndViewport, bottega_end_viewport, BOTTEGA, END_VIEWPORT, GtkWidget)

gboolean bottega_end_viewport_get_following (BottegaEndViewport *self);

/* How far the reader is from the end, in pixels. */
double bottega_end_viewport_get_from_end (BottegaEndViewport *self);

/* Goes to the end and stays there. */
void bottega_end_viewport_go_to_end (BottegaEndViewport *self);

/* The page is about to grow above what is read: the next layout keeps the reader's distance from
 * the end. */
void bottega_end_viewport_grow_above (BottegaEndViewport *self);

/* For the snapshot of WIDGET, somewhere on the page: draws those of its children that are near what
 * is seen, and has WIDGET drawn again when others come near. Without a viewport around it all are
 * drawn. A renderer without a graphics card pays for every letter that it is given. */
void bottega_end_viewport_snapshot_children (GtkWidget *widget,
                                             GtkSnapshot *snapshot);

G_END_DECLS
