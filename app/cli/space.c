/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands on a space share: opening its file and the embedding model, and waiting with
 * the main loop, which Ctrl+C can end. */
#include "app/cli/cli-space.h"

#include "app/assistant/bottega-local-embedder.h"

#include <glib-unix.h>
#include <stdlib.h>

BottegaStore *
cli_open_space (const CliOptions *options, const char *space, GError **error)
{
  g_autofree char *data = cli_data_dir (options);

  return bottega_store_open (data, space != NULL ? space : CLI_DEFAULT_SPACE, error);
}

BottegaEmbedder *
cli_open_embedder (const CliOptions *options)
{
  g_autofree char *data = cli_data_dir (options);
  g_autofree char *path = bottega_local_embedder_find_model (data);

  return bottega_local_embedder_new (path, options->device, (guint) options->n_threads);
}

typedef struct {
  GSourceFunc interrupted;
  gpointer data;
  guint n;
} Interrupt;

static gboolean
on_interrupt (gpointer data)
{
  Interrupt *interrupt = data;

  /* The second one means it. */
  if (interrupt->n++ > 0)
    exit (128 + SIGINT);
  interrupt->interrupted (interrupt->data);

  return G_SOURCE_CONTINUE;
}

gboolean
cli_wait (GSourceFunc condition, GSourceFunc interrupted, gpointer data)
{
  Interrupt interrupt = { interrupted, data, 0 };
  guint source = g_unix_signal_add (SIGINT, on_interrupt, &interrupt);

  while (!condition (data))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);

  return interrupt.n == 0;
}
