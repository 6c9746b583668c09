/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of a space's file. It must not know what is done with them. */
#include "app/retrieval/bottega-schema.h"

/* Never change a step that has been released; add one. */
const char *const bottega_schema_steps[] = {
  "CREATE TABLE conversations ("
  "  seq INTEGER PRIMARY KEY,"
  "  id TEXT NOT NULL UNIQUE,"
  "  title TEXT NOT NULL,"
  "  first_message TEXT," /* the model reads from here; NULL: from the beginning */
  "  created_us INTEGER NOT NULL,"
  "  updated_us INTEGER NOT NULL,"
  "  deleted_us INTEGER" /* NULL: not deleted */
  ") STRICT;"
  "CREATE INDEX conversations_by_time ON conversations (updated_us);"
  "CREATE TABLE messages ("
  "  seq INTEGER PRIMARY KEY,"
  "  id TEXT NOT NULL UNIQUE,"
  "  conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,"
  "  parent TEXT,"
  "  role TEXT NOT NULL,"
  "  state TEXT NOT NULL,"
  "  text TEXT NOT NULL,"
  "  error TEXT,"
  "  model TEXT,"
  "  device TEXT,"
  "  stats TEXT," /* JSON */
  "  created_us INTEGER NOT NULL,"
  "  updated_us INTEGER NOT NULL,"
  "  superseded_us INTEGER" /* replaced by a later branch; NULL: in sight */
  ") STRICT;"
  "CREATE INDEX messages_by_conversation ON messages (conversation, created_us);"
  "CREATE INDEX messages_being_written ON messages (state) WHERE state = 'writing';"
  /* Only the words are kept here: the text is in the tables above. */
  "CREATE VIRTUAL TABLE title_words USING fts5 (text, content = '', contentless_delete = 1,"
  "  tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');"
  "CREATE VIRTUAL TABLE message_words USING fts5 (text, content = '', contentless_delete = 1,"
  "  tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');",

  "ALTER TABLE messages ADD COLUMN sources TEXT;" /* JSON of the passages it was given */
  "CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;"
  /* What a person put into the space; the documents below it follow from that. */
  "CREATE TABLE roots ("
  "  id INTEGER PRIMARY KEY,"
  "  path TEXT NOT NULL UNIQUE," /* absolute */
  "  kind TEXT NOT NULL,"        /* 'file' or 'folder' */
  "  added_us INTEGER NOT NULL"
  ") STRICT;"
  /* Taken out one by one: not to be found again in their folder. */
  "CREATE TABLE exclusions (path TEXT PRIMARY KEY, added_us INTEGER NOT NULL)"
  "  STRICT, WITHOUT ROWID;"
  "CREATE TABLE documents ("
  "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* never used twice: old answers refer to it */
  "  path TEXT NOT NULL UNIQUE,"
  "  state INTEGER NOT NULL,"                /* BottegaDocumentState */
  "  edition INTEGER NOT NULL DEFAULT 0,"    /* the one in sight; -1: it is being removed */
  "  untidy INTEGER NOT NULL DEFAULT 0,"     /* 1: there may be rows of another edition */
  "  size_bytes INTEGER NOT NULL DEFAULT 0," /* of the file when it was read … */
  "  mtime_ns INTEGER NOT NULL DEFAULT -1,"  /* … -1: to be read again */
  "  sha256 TEXT,"
  "  media_type TEXT,"
  "  title TEXT,"    /* NULL: it says none */
  "  language TEXT," /* as most of it looks, else as it says; NULL: not known */
  "  error TEXT,"
  "  n_pages INTEGER NOT NULL DEFAULT 0,"
  "  text_bytes INTEGER NOT NULL DEFAULT 0,"
  "  n_chunks INTEGER NOT NULL DEFAULT 0,"
  "  n_vectors INTEGER NOT NULL DEFAULT 0,"
  "  added_us INTEGER NOT NULL,"
  "  indexed_us INTEGER NOT NULL DEFAULT 0"
  ") STRICT;"
  "CREATE INDEX documents_by_state ON documents (state);"
  /* The text, once: all parts of an edition in the order of offset, put together, are the text of
   * its BottegaDocument. A part is a page, or some KiB where there are no pages. */
  "CREATE TABLE parts ("
  "  id INTEGER PRIMARY KEY,"
  "  document INTEGER NOT NULL REFERENCES documents (id),"
  "  edition INTEGER NOT NULL,"
  "  offset INTEGER NOT NULL," /* in bytes of the text */
  "  block INTEGER NOT NULL,"  /* offset of the block that it begins in; <= offset */
  "  page INTEGER NOT NULL,"   /* of its first line; 0: no pages */
  "  text TEXT NOT NULL,"
  "  blocks BLOB NOT NULL," /* those that begin here; see bottega_database_document_blocks () */
  "  lines BLOB NOT NULL,"  /* those that begin here; see bottega_store_list_lines () */
  "  UNIQUE (document, edition, offset)"
  ") STRICT;"
  "CREATE TABLE chunks ("
  "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* also the rowid of its words; never used twice */
  "  document INTEGER NOT NULL REFERENCES documents (id),"
  "  edition INTEGER NOT NULL,"
  "  seq INTEGER NOT NULL," /* 0, 1, … in the order of offset */
  "  offset INTEGER NOT NULL,"
  "  length INTEGER NOT NULL,"
  "  page INTEGER NOT NULL," /* 0: no pages */
  "  last_page INTEGER NOT NULL,"
  "  heading TEXT,"
  "  header TEXT,"
  "  language TEXT,"         /* NULL: not known */
  "  kind INTEGER NOT NULL," /* BottegaChunkKind */
  "  n_tokens INTEGER NOT NULL,"
  "  UNIQUE (document, edition, seq)"
  ") STRICT;"
  "CREATE VIRTUAL TABLE chunk_words USING fts5 (title, heading, body, content = '',"
  "  contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');"
  /* Every word there is, with the number of chunks that have it. */
  "CREATE VIRTUAL TABLE chunk_vocabulary USING fts5vocab (chunk_words, 'row');"
  /* All are of the model in facts. seq grows, so that a reader can take only what is new; when the
   * fact 'removals' changes some that it has are gone. */
  "CREATE TABLE vectors ("
  "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  chunk INTEGER NOT NULL UNIQUE,"
  "  document INTEGER NOT NULL,"
  "  scale REAL NOT NULL,"
  "  codes BLOB NOT NULL" /* int8 */
  ") STRICT;"
  /* What a search may show: the present editions of documents whose files are there. */
  "CREATE VIEW chunks_in_sight AS SELECT c.id, c.document, c.edition, c.seq, c.offset, c.length,"
  "  c.page, c.last_page, c.heading, c.header, c.language, c.kind, c.n_tokens, d.path, d.title"
  "  FROM chunks AS c JOIN documents AS d ON d.id = c.document AND d.edition = c.edition"
  "  WHERE d.state <> 4;", /* BOTTEGA_DOCUMENT_GONE */

  /* 1: it answers with what the documents say, or not at all. */
  "ALTER TABLE conversations ADD COLUMN only_documents INTEGER NOT NULL DEFAULT 0;",

  /* What the model thought before its answer, and how long. */
  ("ALTER TABLE messages ADD COLUMN thought TEXT;"
   "ALTER TABLE messages ADD COLUMN thought_us INTEGER NOT NULL DEFAULT 0;"),

  /* JSON array of the ids of the documents that it reads whole in every answer; NULL: none. */
  "ALTER TABLE conversations ADD COLUMN pinned TEXT;",

  /* JSON array of summaries, each with the last message that it is about. */
  "ALTER TABLE conversations ADD COLUMN recaps TEXT;",
};
const guint bottega_schema_n_steps = G_N_ELEMENTS (bottega_schema_steps);
