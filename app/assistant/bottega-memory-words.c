/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sentences about settings. Must not know how they are set, nor how a plan is made. */
#define G_LOG_DOMAIN "bottega-memory-words"
#include "config.h"

#include "app/assistant/bottega-memory-words.h"

#include "app/assistant/bottega-model-text.h"

#include <glib/gi18n-lib.h>

gboolean
bottega_memory_words_has_card (const BottegaMemoryOptions *options)
{
  return options->plan != NULL && options->plan->n_heaps > 0 && !options->plan->heaps[0].is_ram;
}

char *
bottega_memory_words_context (const BottegaMemoryOptions *options)
{
  const BottegaPlan *plan = options->plan;
  guint set = bottega_settings_get_context_length (options->settings);
  g_autofree char *size = NULL;
  g_autofree char *tokens = NULL;

  if (plan == NULL)
    return g_strdup (_ ("How much the model can read at once. More needs more memory."));
  size = g_format_size (plan->kv_bytes);
  tokens = bottega_model_text_context (plan->context_tokens);
  if (!options->own->has_context && options->trained_tokens > 0 && set > options->trained_tokens)
    /* Translators: "8,192 tokens, about 12 pages"; then a size, "189 MB". */
    return g_strdup_printf (_ ("This model reads no more than %s. They take %s."), tokens, size);

  /* Translators: "8,192 tokens, about 12 pages"; then a size, "189 MB". */
  return g_strdup_printf (_ ("What the model reads at once: %s. They take %s."), tokens, size);
}

char *
bottega_memory_words_precision (const BottegaMemoryOptions *options)
{
  g_autofree char *precise = g_format_size (options->kv_bytes[0]);
  g_autofree char *compact = g_format_size (options->kv_bytes[1]);

  if (options->kv_bytes[0] == 0 || options->kv_bytes[1] == 0)
    return g_strdup (_ ("Compact halves this memory. Answers hardly change."));
  if (options->kv_bytes[0] == options->kv_bytes[1])
    return g_strdup_printf (_ ("This model keeps conversations precise: %s."), precise);

  /* Translators: two sizes, "189 MB". */
  return g_strdup_printf (_ ("Precise takes %s, compact %s. Answers hardly change."), precise,
                          compact);
}

char *
bottega_memory_words_gpu (const BottegaMemoryOptions *options)
{
  const BottegaPlan *plan = options->plan;

  if (!bottega_memory_words_has_card (options))
    return g_strdup (_ ("For a graphics card with memory of its own, when answers are computed "
                        "there."));
  if (plan->n_layers_apart == 0)
    return g_strdup_printf (ngettext ("The model’s %u layer is on the graphics card.",
                                      "All %u layers of the model are on the graphics card.",
                                      plan->n_layers),
                            plan->n_layers);

  return g_strdup_printf (
      ngettext ("%u of %u layer is on the graphics card; the rest is slower, on the processor.",
                "%u of %u layers are on the graphics card; the rest is slower, on the processor.",
                plan->n_layers),
      plan->n_layers - plan->n_layers_apart, plan->n_layers);
}

char *
bottega_memory_words_threads (const BottegaMemoryOptions *options)
{
  guint n = g_get_num_processors ();

  if (bottega_settings_get_saves_power (options->settings)) {
    guint saving = bottega_settings_get_load_threads (options->settings);

    return g_strdup_printf (ngettext ("The computer saves power now: a model that is loaded takes "
                                      "%u thread.",
                                      "The computer saves power now: a model that is loaded takes "
                                      "%u threads.",
                                      saving),
                            saving);
  }

  return g_strdup_printf (ngettext ("Automatic takes as many as help; there is %u here. Fewer are "
                                    "slower, cooler and quieter.",
                                    "Automatic takes as many as help; there are %u here. Fewer are "
                                    "slower, cooler and quieter.",
                                    n),
                          n);
}

char *
bottega_memory_words_saver (const BottegaMemoryOptions *options)
{
  guint half = bottega_settings_get_saving_threads ();

  return g_strdup_printf (ngettext ("While the computer saves power, a model that is loaded takes "
                                    "%u thread.",
                                    "While the computer saves power, a model that is loaded takes "
                                    "at most %u threads.",
                                    half),
                          half);
}

char *
bottega_memory_words_chunk (const BottegaMemoryOptions *options)
{
  guint64 bytes = 0;
  g_autofree char *size = NULL;

  for (guint i = 0; options->plan != NULL && i < options->plan->n_heaps; i++)
    bytes += options->plan->heaps[i].work_bytes;
  if (bytes == 0)
    return g_strdup (
        _ ("How much of a question is read in one go. Larger is faster, and takes more memory to "
           "work in."));
  size = g_format_size (bytes);

  /* Translators: a size, "61 MB". */
  return g_strdup_printf (
      _ ("How much of a question is read in one go. Larger is faster, and takes more memory to "
         "work in: %s now."),
      size);
}

char *
bottega_memory_words_unload (const BottegaMemoryOptions *options)
{
  guint minutes = bottega_settings_get_unload_minutes (options->settings);
  const BottegaPlan *plan = options->plan;
  g_autofree char *size = NULL;

  if (plan == NULL)
    return g_strdup (_ ("Without questions for so long, the model leaves the memory. The next one "
                        "waits until it is loaded again."));
  size = g_format_size (plan->weights_bytes + plan->kv_bytes + plan->work_bytes +
                        plan->draft_bytes);
  if (minutes == 0)
    /* Translators: a size. */
    return g_strdup_printf (_ ("The model keeps its %s, and is always ready."), size);

  /* Translators: a size. */
  return g_strdup_printf (_ ("Without questions for so long, the model gives %s back. The next one "
                             "waits until it is loaded again."),
                          size);
}

char *
bottega_memory_words_own (const BottegaMemoryOptions *options, const char *model)
{
  const struct {
    gboolean set;
    const char *name;
  } owns[] = {
    { options->own->has_context, _ ("context length") },
    { options->own->kv_type != NULL, _ ("precision") },
    { options->own->device != NULL, _ ("device") },
  };
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_auto (GStrv) list = NULL;
  g_autofree char *joined = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (owns); i++)
    if (owns[i].set)
      g_strv_builder_add (names, owns[i].name);
  list = g_strv_builder_end (names);
  if (list[0] == NULL)
    return NULL;
  joined = g_strjoinv (", ", list);

  /* Translators: the name of a model, and what it has of its own: "context length, device". */
  return g_strdup_printf (_ ("Set for “%s” alone, in its details: %s."), model, joined);
}

/* ---- values ---- */

char *
bottega_memory_words_tokens (guint tokens)
{
  return tokens > 0 ? g_strdup_printf (_ ("%'u tokens"), tokens) : g_strdup (_ ("Automatic"));
}

char *
bottega_memory_words_percent (guint percent)
{
  return percent > 0 ? g_strdup_printf (_ ("At most %u %%"), percent) : g_strdup (_ ("Automatic"));
}

char *
bottega_memory_words_n_threads (guint n)
{
  return n > 0 ? g_strdup_printf (ngettext ("%u thread", "%u threads", n), n)
               : g_strdup (_ ("Automatic"));
}

char *
bottega_memory_words_minutes (guint minutes)
{
  return minutes > 0 ? g_strdup_printf (ngettext ("After %u minute", "After %u minutes", minutes),
                                        minutes)
                     : g_strdup (_ ("Never"));
}
