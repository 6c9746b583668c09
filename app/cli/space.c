/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands on a space share: opening its file and the embedding model, searching it, and
 * waiting with the main loop, which Ctrl+C can end. */
#include "app/cli/cli-space.h"

#include "app/assistant/bottega-local-embedder.h"
#include "app/assistant/bottega-spaces.h"

#include <glib-unix.h>
#include <stdlib.h>

BottegaStore *
cli_open_space (const CliOptions *options, const char *space, GError **error)
{
  g_autofree char *data = cli_data_dir (options);

  return bottega_store_open (data, space != NULL ? space : BOTTEGA_SPACE_DEFAULT, error);
}

static void
fail_no_space (const char *data, const char *name, GError **error)
{
  g_auto (GStrv) names = bottega_spaces_list (data);
  g_autoptr (GString) there = g_string_new (NULL);

  for (guint i = 0; names[i] != NULL; i++)
    if (bottega_spaces_exists (data, names[i]))
      g_string_append_printf (there, "%s“%s”", there->len > 0 ? ", " : "", names[i]);
  if (there->len > 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "There is no space “%s”. There are: %s.", name, there->str);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "There is no space “%s” yet; “bottega-cli index” makes one.", name);
}

BottegaSearcher *
cli_open_searcher (const CliOptions *options,
                   const char *space,
                   BottegaEmbedder *embedder,
                   GError **error)
{
  const char *name = space != NULL ? space : BOTTEGA_SPACE_DEFAULT;
  g_autofree char *data = cli_data_dir (options);
  g_autofree char *path = bottega_spaces_get_path (data, name);

  if (!bottega_spaces_check_name (name, error))
    return NULL;
  if (!bottega_spaces_exists (data, name)) {
    fail_no_space (data, name, error);
    return NULL;
  }

  return bottega_searcher_new (path, embedder, error);
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
