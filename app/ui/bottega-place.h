/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One child at its place in a widget that allocates by itself. It knows no widget. */
#pragma once

#include <gtk/gtk.h>

/* Pixels from the start of the line, which is on the right where text runs from the right;
 * line_width: of the whole. Main thread, inside size_allocate. */
void bottega_place (GtkWidget *child, int x, int y, int width, int height, int line_width);
