/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a passage is called where it is not shown in full: for tooltips and screen readers. */
#pragma once

#include "app/assistant/bottega-passage.h"

G_BEGIN_DECLS

/* "Source 1, Lease, page 3". Free with g_free. */
char *bottega_source_name (BottegaPassage *passage);

/* The names of all passages of a list, by number from 1. NULL-terminated; free with g_strfreev. */
char **bottega_source_names (GListModel *passages);

/* The passage with this number, or NULL. */
BottegaPassage *bottega_source_find (GListModel *passages, guint number);

G_END_DECLS
