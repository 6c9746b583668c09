/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the index share: a space's file, files to index, an extractor that takes text
 * files without a process, and an embedder that makes vectors of letters. */
#pragma once

#include "app/retrieval/bottega-indexer.h"
#include "app/retrieval/bottega-store-documents.h"
#include "tests/app/fixture.h"

#define FAKE_DIMENSIONS 16

typedef struct {
  char *folder;    /* of all */
  char *documents; /* a folder in it */
  char *path;      /* of the space's file */
  BottegaStore *store;
} IndexFixture;

void index_fixture_set_up (IndexFixture *fixture);
void index_fixture_tear_down (IndexFixture *fixture);

/* Writes a file below documents (folders are made); times are one second apart, the last is the
 * newest. */
void index_fixture_write (IndexFixture *fixture, const char *name, const char *text);
void index_fixture_delete (IndexFixture *fixture, const char *name);
char *index_fixture_path (IndexFixture *fixture, const char *name);

/* A line is a paragraph, "# …" a heading; a text that begins with "FAIL " fails with the rest as
 * its sentence; "\f" begins a page. */
BottegaDocument *fake_extract (const char *path, char **sha256, GCancellable *cancellable,
                               GError **error);
gboolean fake_accepts (const char *name);

/* Waits before each batch while *gate is TRUE (NULL: never); n_texts counts. */
#define FAKE_TYPE_EMBEDDER (fake_embedder_get_type ())
G_DECLARE_FINAL_TYPE (FakeEmbedder, fake_embedder, FAKE, EMBEDDER, GObject)
FakeEmbedder *fake_embedder_new (const char *id);
guint fake_embedder_get_n_texts (FakeEmbedder *self);
/* Microseconds that a batch takes. */
void fake_embedder_set_delay (FakeEmbedder *self, guint us);

/* With the fakes. */
BottegaIndexer *index_fixture_indexer (IndexFixture *fixture, FakeEmbedder *embedder);
void index_fixture_wait (BottegaIndexer *indexer);
/* The folder of documents, until all of it is in the index. */
void index_fixture_add (const IndexFixture *fixture, BottegaIndexer *indexer);
/* "name state chunks/vectors" of each document in the order of names, joined by "|". */
char *index_fixture_list (IndexFixture *fixture);
void index_fixture_assert (IndexFixture *fixture, const char *expected);
gint64 index_fixture_id (IndexFixture *fixture, const char *name);
/* The first column of the first row; for statements without parameters. */
char *index_fixture_query (IndexFixture *fixture, const char *sql);
void index_fixture_assert_query (IndexFixture *fixture, const char *sql, const char *expected);
/* All that the index says, without ids and times, one row a line. */
char *index_fixture_dump (const char *path);
