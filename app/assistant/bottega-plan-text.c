/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sentences about plans. Must not know how a plan is made, nor where its words are shown. */
#define G_LOG_DOMAIN "bottega-plan-text"
#include "config.h"

#include "app/assistant/bottega-plan-text.h"

#include <glib/gi18n-lib.h>
#include <string.h>

const char *
bottega_plan_part_get_name (BottegaPlanPart part)
{
  static const char *const names[] = {
    [BOTTEGA_PLAN_WEIGHTS] = N_ ("weights"),
    [BOTTEGA_PLAN_CONVERSATION] = N_ ("conversation"),
    [BOTTEGA_PLAN_WORK] = N_ ("working memory"),
    [BOTTEGA_PLAN_DRAFT] = N_ ("draft model"),
    [BOTTEGA_PLAN_OTHERS] = N_ ("used by others"),
    [BOTTEGA_PLAN_FREE] = N_ ("free"),
  };

  g_return_val_if_fail (part < BOTTEGA_PLAN_N_PARTS, NULL);

  return _ (names[part]);
}

gboolean
bottega_plan_part_shows (BottegaPlanPart part, guint64 bytes)
{
  return part != BOTTEGA_PLAN_DRAFT || bytes > 0;
}

guint64
bottega_plan_heap_get_used (const BottegaPlanHeap *heap)
{
  return heap->weights_bytes + heap->kv_bytes + heap->work_bytes + heap->draft_bytes +
         heap->others_bytes;
}

guint64
bottega_plan_heap_get_bytes (const BottegaPlanHeap *heap, BottegaPlanPart part)
{
  const guint64 used = bottega_plan_heap_get_used (heap);
  const guint64 bytes[] = {
    [BOTTEGA_PLAN_WEIGHTS] = heap->weights_bytes,
    [BOTTEGA_PLAN_CONVERSATION] = heap->kv_bytes,
    [BOTTEGA_PLAN_WORK] = heap->work_bytes,
    [BOTTEGA_PLAN_DRAFT] = heap->draft_bytes,
    [BOTTEGA_PLAN_OTHERS] = heap->others_bytes,
    [BOTTEGA_PLAN_FREE] = heap->memory_bytes - MIN (used, heap->memory_bytes),
  };

  g_return_val_if_fail (part < BOTTEGA_PLAN_N_PARTS, 0);

  return bytes[part];
}

const char *
bottega_plan_heap_get_title (const BottegaPlanHeap *heap)
{
  if (strcmp (heap->device, "cpu") == 0)
    return _ ("Memory");

  return heap->is_ram ? _ ("Memory, shared with graphics") : _ ("Graphics memory");
}

char *
bottega_plan_text_used (const BottegaPlanHeap *heap)
{
  g_autofree char *used = g_format_size (bottega_plan_heap_get_used (heap));
  g_autofree char *all = g_format_size (heap->memory_bytes);

  /* Translators: two sizes, "5.1 GB of 8.0 GB". */
  return g_strdup_printf (_ ("%s of %s"), used, all);
}

char *
bottega_plan_text_heap (const BottegaPlanHeap *heap)
{
  GString *text = g_string_new (bottega_plan_heap_get_title (heap));

  for (guint part = 0; part < BOTTEGA_PLAN_N_PARTS; part++) {
    const guint64 bytes = bottega_plan_heap_get_bytes (heap, part);
    g_autofree char *size = g_format_size (bytes);

    if (!bottega_plan_part_shows (part, bytes))
      continue;
    g_string_append (text, part == 0 ? ": " : ", ");
    /* Translators: what takes memory, and its size: "weights 96 MB". */
    g_string_append_printf (text, _ ("%s %s"), bottega_plan_part_get_name (part), size);
  }

  return g_string_free (text, FALSE);
}

/* "1.3 s". */
static char *
seconds (double s)
{
  return g_strdup_printf (s < 10 ? _ ("%.1f\u00a0s") : _ ("%.0f\u00a0s"), s);
}

char *
bottega_plan_text_times (const BottegaPlan *plan)
{
  g_autofree char *first = seconds (plan->first_s);
  g_autofree char *speed = NULL;

  if (plan->first_s <= 0 || plan->token_s <= 0)
    return NULL;
  speed = g_strdup_printf (plan->token_s > 0.1 ? "%.1f" : "%.0f", 1 / plan->token_s);

  /* Translators: %'d is 1,000; then a time, "1.3 s", and a number, "38". */
  return g_strdup_printf (_ ("First word of a %'d-token question: about %s, then about %s tokens "
                             "per second"),
                          BOTTEGA_PLAN_QUESTION_TOKENS, first, speed);
}

char *
bottega_plan_text_first_word (const BottegaPlan *plan)
{
  g_autofree char *first = seconds (plan->first_s);

  if (plan->first_s <= 0)
    return NULL;

  /* Translators: a time, "1.3 s"; %'d is 1,000. */
  return g_strdup_printf (_ ("About %s for a question of %'d tokens, as foreseen"), first,
                          BOTTEGA_PLAN_QUESTION_TOKENS);
}

char *
bottega_plan_text_refusal (const BottegaPlan *plan)
{
  if (plan->refusal == NULL)
    return NULL;
  for (guint i = 0; i < plan->n_heaps; i++) {
    const BottegaPlanHeap *heap = &plan->heaps[i];
    guint64 need_bytes = heap->weights_bytes + heap->kv_bytes + heap->work_bytes;
    g_autofree char *need = g_format_size (need_bytes);
    g_autofree char *allowed = g_format_size (heap->allowed_bytes);

    if (need_bytes <= heap->allowed_bytes)
      continue;
    if (heap->kv_bytes > heap->weights_bytes)
      /* Translators: two sizes. */
      return g_strdup_printf (_ ("It does not fit: it needs %s, and may take %s. A shorter context "
                                 "or compact precision would help most."),
                              need, allowed);
    /* Translators: two sizes. */
    return g_strdup_printf (_ ("It does not fit: it needs %s, and may take %s. Close other "
                               "programs, choose a smaller model, or a shorter context."),
                            need, allowed);
  }

  return g_strdup (plan->refusal);
}
