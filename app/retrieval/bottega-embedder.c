/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interface of embedders: it passes on what is asked. It must not know who answers. */
#define G_LOG_DOMAIN "bottega-embedder"

#include "app/retrieval/bottega-embedder.h"

G_DEFINE_INTERFACE (BottegaEmbedder, bottega_embedder, G_TYPE_OBJECT)

static void
bottega_embedder_default_init (BottegaEmbedderInterface *iface)
{
}

guint
bottega_embedder_get_dimensions (BottegaEmbedder *self)
{
  g_return_val_if_fail (BOTTEGA_IS_EMBEDDER (self), 0);

  return BOTTEGA_EMBEDDER_GET_IFACE (self)->get_dimensions (self);
}

const char *
bottega_embedder_get_id (BottegaEmbedder *self)
{
  g_return_val_if_fail (BOTTEGA_IS_EMBEDDER (self), NULL);

  return BOTTEGA_EMBEDDER_GET_IFACE (self)->get_id (self);
}

gboolean
bottega_embedder_embed (BottegaEmbedder *self,
                        BottegaEmbedKind kind,
                        const char *const *texts,
                        guint n,
                        float *vectors,
                        GCancellable *cancellable,
                        GError **error)
{
  g_return_val_if_fail (BOTTEGA_IS_EMBEDDER (self), FALSE);

  return BOTTEGA_EMBEDDER_GET_IFACE (self)->embed (self, kind, texts, n, vectors, cancellable,
                                                   error);
}

guint
bottega_embedder_count_tokens (BottegaEmbedder *self, const char *text, gssize n_bytes)
{
  g_return_val_if_fail (BOTTEGA_IS_EMBEDDER (self), 0);

  return BOTTEGA_EMBEDDER_GET_IFACE (self)->count_tokens (self, text, n_bytes);
}

void
bottega_embedder_set_yielding (BottegaEmbedder *self, gboolean yielding)
{
  g_return_if_fail (BOTTEGA_IS_EMBEDDER (self));

  if (BOTTEGA_EMBEDDER_GET_IFACE (self)->set_yielding != NULL)
    BOTTEGA_EMBEDDER_GET_IFACE (self)->set_yielding (self, yielding);
}
