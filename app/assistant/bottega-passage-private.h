/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How passages come about: from what a search found, or from a part of a document. Main thread
 * only. */
#pragma once

#include "app/assistant/bottega-passage.h"
#include "app/retrieval/bottega-searcher.h"

G_BEGIN_DECLS

/* number: n of its marker, from 1. found is copied. */
BottegaPassage *bottega_passage_new (const BottegaFound *found, guint number);
/* Notifies "used". */
void bottega_passage_set_used (BottegaPassage *self, gboolean used);
/* The passage with this number of a list; borrowed, NULL: none. */
BottegaPassage *bottega_passage_find (GListModel *passages, guint number);

G_END_DECLS
