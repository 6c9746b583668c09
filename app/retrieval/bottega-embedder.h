/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEmbedder: retrieval's only door to vectors, one interface that the assistant implements
 * with the engine, and tests with a fake.
 *
 * Any thread; embed blocks. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_EMBEDDER (bottega_embedder_get_type ())
G_DECLARE_INTERFACE (BottegaEmbedder, bottega_embedder, BOTTEGA, EMBEDDER, GObject)

typedef enum {
  BOTTEGA_EMBED_PASSAGE,  /* yields to chat and to queries */
  BOTTEGA_EMBED_QUERY,    /* somebody waits */
  BOTTEGA_EMBED_SENTENCE, /* of a passage, to be compared with a query: somebody waits as well */
} BottegaEmbedKind;

struct _BottegaEmbedderInterface {
  GTypeInterface parent;

  /* Numbers in a vector; 0: there is no embedding model, only words can be searched. */
  guint (*get_dimensions) (BottegaEmbedder *self);
  /* Tells one model from another ("multilingual-e5-small-q4_0:384"); vectors of another id are made
   * again. Borrowed, NULL without a model. */
  const char *(*get_id) (BottegaEmbedder *self);
  /* vectors: n * dimensions floats of the caller, each row of length 1. What the model cannot take
   * at once is not cut: the mean of its windows stands for it. */
  gboolean (*embed) (BottegaEmbedder *self, BottegaEmbedKind kind, const char *const *texts,
                     guint n, float *vectors, GCancellable *cancellable, GError **error);
  /* Somebody chats (TRUE): passages wait, also those of a call in progress; queries do not. May be
   * NULL. */
  void (*set_yielding) (BottegaEmbedder *self, gboolean yielding);
  /* Tokens of a text, for budgets and the sizes of chunks. Without a model: an estimate. */
  guint (*count_tokens) (BottegaEmbedder *self, const char *text, gssize n_bytes);
};

guint bottega_embedder_get_dimensions (BottegaEmbedder *self);
const char *bottega_embedder_get_id (BottegaEmbedder *self);
gboolean bottega_embedder_embed (BottegaEmbedder *self, BottegaEmbedKind kind,
                                 const char *const *texts, guint n, float *vectors,
                                 GCancellable *cancellable, GError **error);
void bottega_embedder_set_yielding (BottegaEmbedder *self, gboolean yielding);
guint bottega_embedder_count_tokens (BottegaEmbedder *self, const char *text, gssize n_bytes);

G_END_DECLS
