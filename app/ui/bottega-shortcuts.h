/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keyboard shortcuts: sets the accelerators and shows the dialog that lists them. */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/* Gives every action of bottega-shortcuts.def its accelerators. Main thread. */
void bottega_shortcuts_install (GtkApplication *application);
/* Presents the dialog over parent. Main thread. */
void bottega_shortcuts_present (GtkWidget *parent);

G_END_DECLS
