/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row that tells one fact: a small title, and below it the value, which can be selected. */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

GtkWidget *bottega_fact_row_new (const char *title, const char *value);
void bottega_fact_row_set_value (GtkWidget *row, const char *value);

G_END_DECLS
