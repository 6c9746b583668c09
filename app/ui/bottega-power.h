/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The power profile of the computer, changed because the person asks for it. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Ends power saver; where that may not be done from here, win.say says where it can. */
void bottega_power_balance (GtkWidget *widget);

G_END_DECLS
