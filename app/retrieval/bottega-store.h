/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaStore: the SQLite file of one space (WAL). This header opens it and says what can go
 * wrong; chats are in bottega-store-chats.h, documents and vectors will get headers of their own on
 * the same file.
 *
 * One thread, the store's, owns the connection. Every call of the main thread is a job for it and
 * returns at once; answers come back through a callback on the main context. Jobs are done in
 * order, so that a read sees all the writes before it. Objects are used from the main thread unless
 * said otherwise.
 *
 * Durability is decided per write: BOTTEGA_STORE_DURABLE waits for the disk (synchronous = FULL:
 * survives power loss), BOTTEGA_STORE_QUICK does not (synchronous = NORMAL: survives a killed
 * process).
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_STORE_ERROR (bottega_store_error_quark ())
GQuark bottega_store_error_quark (void);

typedef enum {
  BOTTEGA_STORE_ERROR_OPEN,    /* the folder or file cannot be opened or created */
  BOTTEGA_STORE_ERROR_CORRUPT, /* not a database, or a damaged one; it is left as it is */
  BOTTEGA_STORE_ERROR_NEWER,   /* written by a newer version of Bottega; it is left as it is */
  BOTTEGA_STORE_ERROR_LOCKED,  /* another process holds it */
  BOTTEGA_STORE_ERROR_FULL,    /* no space on the disk */
  BOTTEGA_STORE_ERROR_FAILED,  /* any other failure; the message has SQLite's own words */
} BottegaStoreError;

typedef enum {
  BOTTEGA_STORE_QUICK,   /* survives kill -9 */
  BOTTEGA_STORE_DURABLE, /* survives power loss too */
} BottegaStoreDurability;

#define BOTTEGA_TYPE_STORE (bottega_store_get_type ())
G_DECLARE_FINAL_TYPE (BottegaStore, bottega_store, BOTTEGA, STORE, GObject)

/* Opens, and creates where it is not there, <data_dir>/spaces/<name>.sqlite with its folders (mode
 * 0700), and brings an older file up to date. Answers found half written become interrupted; what
 * was deleted is purged. Waits for the disk: call it once at start. NULL and a sentence on error;
 * an existing file is then unchanged. */
BottegaStore *bottega_store_open (const char *data_dir, const char *name, GError **error);
/* A store in memory, forgotten at the end: for a temporary chat, and where the file could not be
 * opened. */
BottegaStore *bottega_store_open_in_memory (GError **error);

/* The file, NULL for one in memory. Borrowed. */
const char *bottega_store_get_path (BottegaStore *self);

/* Waits until all writes asked for so far are done. For the end of the program and for tests. */
void bottega_store_flush (BottegaStore *self);

/* Signal "failed" (const char *sentence): a write did not succeed (disk full, say). On the main
 * context. */

G_END_DECLS
