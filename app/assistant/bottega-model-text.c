/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums and sentences about models. It must not know where the figures come from. */
#define G_LOG_DOMAIN "bottega-model-text"
#include "config.h"

#include "app/assistant/bottega-model-text.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define AUTOMATIC_CONTEXT_TOKENS 8192
#define QUESTION_TOKENS          500
#define PAGE_TOKENS              650 /* of a printed page in English or Italian */
/* The share of a computer's memory that the desktop leaves to one program. */
#define SHARE_OF_MEMORY 0.85

guint
bottega_model_automatic_context (guint trained_tokens)
{
  return MIN (trained_tokens, AUTOMATIC_CONTEXT_TOKENS);
}

static guint64
kv_bytes (const BottegaModelNeed *need)
{
  return need->planned_kv_bytes > 0 ? need->planned_kv_bytes
                                    : need->kv_bytes_per_token * need->context_tokens;
}

static guint64
work_bytes (const BottegaModelNeed *need)
{
  return need->planned_work_bytes > 0 ? need->planned_work_bytes : BOTTEGA_MODEL_SCRATCH_BYTES;
}

void
bottega_model_need_add_draft (BottegaModelNeed *need, const BottegaModelFacts *draft)
{
  need->weights_bytes += draft->file_bytes - draft->file_only_bytes;
  need->kv_bytes_per_token += draft->kv_bytes_per_token;
}

guint64
bottega_model_need_bytes (const BottegaModelNeed *need)
{
  return need->weights_bytes + kv_bytes (need) + work_bytes (need);
}

static guint64
room (const BottegaMachine *machine)
{
  return (guint64) ((double) (machine->memory_bytes + machine->beside_bytes) * SHARE_OF_MEMORY);
}

/* Then some of its layers, or their experts, stay on the processor. */
static gboolean
is_too_big_for_card (const BottegaModelNeed *need, const BottegaMachine *machine)
{
  return machine->is_card && (double) bottega_model_need_bytes (need) >
                                 (double) machine->memory_bytes * SHARE_OF_MEMORY;
}

gboolean
bottega_model_need_fits (const BottegaModelNeed *need, const BottegaMachine *machine)
{
  return bottega_model_need_bytes (need) <= room (machine);
}

double
bottega_model_decode_speed (const BottegaModelNeed *need,
                            const BottegaModelFigures *figures,
                            const BottegaMachine *machine)
{
  if (figures != NULL && figures->decode_tok_s > 0)
    return figures->decode_tok_s;
  if (need->planned_tok_s > 0)
    return need->planned_tok_s;
  if (need->decode_bytes == 0)
    return 0;

  return machine->read_bytes_s / (double) need->decode_bytes;
}

/* "38 tok/s", with a decimal where it matters. */
static char *
speed (double tok_s)
{
  return g_strdup_printf (tok_s < 10 ? _ ("%.1f tok/s") : _ ("%.0f tok/s"), tok_s);
}

static char *
too_big (const BottegaModelNeed *need, const BottegaMachine *machine)
{
  g_autofree char *more = g_format_size (bottega_model_need_bytes (need) - room (machine));

  /* Translators: %s is a size, "3.1 GB". */
  return g_strdup_printf (_ ("Needs %s more memory than this computer has free"), more);
}

char *
bottega_model_text_here (const BottegaModelNeed *need,
                         const BottegaModelFigures *figures,
                         const BottegaMachine *machine)
{
  double tok_s = bottega_model_decode_speed (need, figures, machine);
  g_autofree char *text = NULL;

  if (!bottega_model_need_fits (need, machine))
    return too_big (need, machine);
  if (tok_s <= 0 && is_too_big_for_card (need, machine))
    return g_strdup (_ ("Fits the graphics card in part, the rest stays on the processor"));
  if (tok_s <= 0)
    return g_strdup (_ ("Fits this computer"));
  text = speed (tok_s);
  if (figures != NULL && figures->decode_tok_s > 0)
    /* Translators: %s is a speed that was measured, "38 tok/s". */
    return g_strdup_printf (_ ("Fits: %s, measured"), text);

  /* Translators: %s is a speed that was reckoned, "38 tok/s". */
  return g_strdup_printf (_ ("Fits: about %s"), text);
}

char *
bottega_model_text_need (const BottegaModelNeed *need, const BottegaMachine *machine)
{
  g_autofree char *all = g_format_size (bottega_model_need_bytes (need));
  g_autofree char *weights = g_format_size (need->weights_bytes);
  g_autofree char *kv = g_format_size (kv_bytes (need));
  g_autofree char *scratch = g_format_size (work_bytes (need));
  g_autofree char *parts = NULL;
  g_autofree char *memory = NULL;

  /* Translators: sizes; %'u is a number of tokens. */
  parts = g_strdup_printf (
      _ ("weights %s, a conversation of %'u tokens %s, working memory about %s"), weights,
      need->context_tokens, kv, scratch);
  if (machine == NULL)
    return g_strdup_printf (_ ("About %s: %s"), all, parts);
  memory = g_format_size (machine->memory_bytes);
  if (machine->is_card)
    /* Translators: two sizes, then what the first is made of. */
    return g_strdup_printf (_ ("About %s of the %s on the graphics card: %s"), all, memory, parts);

  return g_strdup_printf (_ ("About %s of this computer’s %s: %s"), all, memory, parts);
}

char *
bottega_model_text_speed (const BottegaModelNeed *need,
                          const BottegaModelFigures *figures,
                          const BottegaMachine *machine)
{
  g_autofree char *text = NULL;
  g_autofree char *reads = NULL;
  g_autofree char *bytes = NULL;
  double tok_s = machine != NULL ? bottega_model_decode_speed (need, figures, machine) : 0;

  if (tok_s <= 0)
    return g_strdup (_ ("Not known yet: the first answer will tell"));
  text = speed (tok_s);
  if (figures != NULL && figures->decode_tok_s > 0)
    /* Translators: %s is a speed. */
    return g_strdup_printf (ngettext ("%s, measured in %'u answer", "%s, measured in %'u answers",
                                      figures->n_answers),
                            text, figures->n_answers);
  if (need->planned_tok_s > 0)
    /* Translators: %s is a speed. */
    return g_strdup_printf (_ ("About %s, foreseen from what its device was measured to do"), text);
  reads = g_format_size ((guint64) machine->read_bytes_s);
  bytes = g_format_size (need->decode_bytes);

  /* Translators: a speed, then two sizes. */
  return g_strdup_printf (
      _ ("About %s at best: weights are read at %s a second here, and a token needs %s of them"),
      text, reads, bytes);
}

char *
bottega_model_text_first_word (const BottegaModelFigures *figures)
{
  double seconds;

  if (figures->prefill_tok_s <= 0)
    return NULL;
  seconds = QUESTION_TOKENS / figures->prefill_tok_s;

  /* Translators: %.1f seconds; %d is 500. */
  return g_strdup_printf (seconds < 10
                              ? _ ("About %.1f s for a question of %d tokens, as measured")
                              : _ ("About %.0f s for a question of %d tokens, as measured"),
                          seconds, QUESTION_TOKENS);
}

char *
bottega_model_text_parameters (guint64 parameters)
{
  double millions = (double) parameters / 1e6;

  if (millions >= 1000)
    /* Translators: how many parameters a model has. */
    return g_strdup_printf (_ ("%.1f billion"), millions / 1000);

  return g_strdup_printf (_ ("%.0f million"), millions);
}

char *
bottega_model_text_context (guint tokens)
{
  guint pages = MAX (1, tokens / PAGE_TOKENS);

  return g_strdup_printf (
      ngettext ("%'u tokens, about %'u page", "%'u tokens, about %'u pages", pages), tokens, pages);
}

/* ---- languages ---- */

/* ISO 639-1, the languages that models name most. */
static const struct {
  const char *code, *name;
} languages[] = {
  { "ar", N_ ("Arabic") },
  { "bn", N_ ("Bengali") },
  { "cs", N_ ("Czech") },
  { "da", N_ ("Danish") },
  { "de", N_ ("German") },
  { "el", N_ ("Greek") },
  { "en", N_ ("English") },
  { "es", N_ ("Spanish") },
  { "fa", N_ ("Persian") },
  { "fi", N_ ("Finnish") },
  { "fr", N_ ("French") },
  { "he", N_ ("Hebrew") },
  { "hi", N_ ("Hindi") },
  { "hu", N_ ("Hungarian") },
  { "id", N_ ("Indonesian") },
  { "it", N_ ("Italian") },
  { "ja", N_ ("Japanese") },
  { "ko", N_ ("Korean") },
  { "nl", N_ ("Dutch") },
  { "no", N_ ("Norwegian") },
  { "pl", N_ ("Polish") },
  { "pt", N_ ("Portuguese") },
  { "ro", N_ ("Romanian") },
  { "ru", N_ ("Russian") },
  { "sv", N_ ("Swedish") },
  { "th", N_ ("Thai") },
  { "tr", N_ ("Turkish") },
  { "uk", N_ ("Ukrainian") },
  { "vi", N_ ("Vietnamese") },
  { "zh", N_ ("Chinese") },
};

static const char *
language_name (const char *code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (languages); i++)
    if (g_ascii_strcasecmp (code, languages[i].code) == 0)
      return _ (languages[i].name);

  return code;
}

char *
bottega_model_text_languages (const char *codes, guint n_shown, guint n_all)
{
  g_auto (GStrv) list = g_strsplit (codes, ",", -1);
  g_autoptr (GString) text = g_string_new (NULL);
  guint n = g_strv_length (list), shown = n_shown > 0 ? MIN (n, n_shown) : n;

  for (guint i = 0; i < shown; i++) {
    if (i > 0)
      g_string_append (text, ", ");
    g_string_append (text, language_name (g_strstrip (list[i])));
  }
  n = MAX (n, n_all);
  if (shown == n)
    return g_strdup (text->str);

  /* Translators: names of languages, then how many are not named. */
  return g_strdup_printf (ngettext ("%s and %u more", "%s and %u more", n - shown), text->str,
                          n - shown);
}

/* ---- licences ---- */

/* As general.license and model pages write them, and as people do. */
static const struct {
  const char *id, *name;
} licenses[] = {
  { "apache-2.0", "Apache 2.0" },
  { "mit", "MIT" },
  { "bsd-3-clause", "BSD 3-Clause" },
  { "cc-by-4.0", "CC BY 4.0" },
  { "cc-by-sa-4.0", "CC BY-SA 4.0" },
  { "cc-by-nc-4.0", "CC BY-NC 4.0" },
  { "gpl-3.0", "GPL 3.0" },
  { "openrail", "OpenRAIL" },
  { "gemma", "Gemma" },
  { "llama2", "Llama 2" },
  { "llama3", "Llama 3" },
  { "llama3.1", "Llama 3.1" },
  { "llama3.2", "Llama 3.2" },
  { "llama3.3", "Llama 3.3" },
};

const char *
bottega_model_text_license (const char *license)
{
  for (gsize i = 0; i < G_N_ELEMENTS (licenses); i++)
    if (g_ascii_strcasecmp (license, licenses[i].id) == 0)
      return licenses[i].name;

  return license;
}
