/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the wheel does over entries for numbers. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* In the widget and in all below it the wheel scrolls the page and changes no number under the
 * pointer: a page of settings is scrolled with the pointer on them. What a dialog shows is not yet
 * below the dialog while it is made. */
void bottega_wheel_scrolls_only (GtkWidget *widget);

G_END_DECLS
