/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files and addresses that other programs open. It knows no widget. */
#pragma once

#include <gtk/gtk.h>

/* Asks the desktop to open a file, the folder that it lies in, or an address. Where no program
 * does, the window of the widget says so (win.say). Main thread; the widget is kept until then. */
void bottega_launch_file (GtkWidget *widget, const char *path);
void bottega_launch_folder (GtkWidget *widget, const char *path);
void bottega_launch_address (GtkWidget *widget, const char *address);
