/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the store share: its jobs. Work runs on the store's thread, which alone uses
 * the store's connection. */
#pragma once

#include "app/retrieval/bottega-database.h"

G_BEGIN_DECLS

/* Runs work on the store's thread, then done (may be NULL) on the main context with its error or
 * NULL. A failure of a job with write set is also told by the "failed" signal. Takes data. */
typedef gboolean (*BottegaStoreWork) (BottegaDatabase *db, gpointer data, GError **error);
typedef void (*BottegaStoreReply) (BottegaStore *self, gpointer data, const GError *error);
void bottega_store_push (BottegaStore *self, gboolean write, BottegaStoreWork work,
                         BottegaStoreReply done, gpointer data, GDestroyNotify destroy);

/* At open: half-written answers become interrupted, the deleted go. */
gboolean bottega_store_recover_chats (BottegaDatabase *db, GError **error);

G_END_DECLS
