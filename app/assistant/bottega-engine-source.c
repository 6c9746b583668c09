/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interface's type and its plain structs. */
#define G_LOG_DOMAIN "bottega-engine-source"

#include "app/assistant/bottega-engine-source.h"

#include <string.h>

#define SEARCH_DIMENSIONS 384 /* of multilingual-e5-small */

G_DEFINE_INTERFACE (BottegaEngineSource, bottega_engine_source, G_TYPE_OBJECT)

static void
bottega_engine_source_default_init (BottegaEngineSourceInterface *iface)
{
}

void
bottega_model_facts_clear (BottegaModelFacts *facts)
{
  g_free (facts->name);
  g_free (facts->architecture);
  g_free (facts->types);
  g_free (facts->warning);
  g_free (facts->title);
  g_free (facts->license);
  g_free (facts->languages);
  *facts = (BottegaModelFacts) { 0 };
}

void
bottega_model_facts_copy (const BottegaModelFacts *facts, BottegaModelFacts *copy)
{
  *copy = *facts;
  copy->name = g_strdup (facts->name);
  copy->architecture = g_strdup (facts->architecture);
  copy->types = g_strdup (facts->types);
  copy->warning = g_strdup (facts->warning);
  copy->title = g_strdup (facts->title);
  copy->license = g_strdup (facts->license);
  copy->languages = g_strdup (facts->languages);
}

/* "Multilingual E5 small" and "multilingual-e5-small-q8_0" are the same model. */
static gboolean
names_search_model (const char *name)
{
  g_autofree char *plain = NULL;

  if (name == NULL)
    return FALSE;
  plain = g_ascii_strdown (name, -1);
  g_strdelimit (plain, " _", '-');

  return strstr (plain, "multilingual-e5-small") != NULL;
}

gboolean
bottega_model_facts_fit_search (const BottegaModelFacts *facts)
{
  return facts->embedding_size == SEARCH_DIMENSIONS &&
         g_strcmp0 (facts->architecture, "bert") == 0 &&
         (names_search_model (facts->title) || names_search_model (facts->name));
}

void
bottega_machine_clear (BottegaMachine *machine)
{
  g_free (machine->device);
  g_free (machine->name);
  *machine = (BottegaMachine) { 0 };
}

BottegaLoadRequest *
bottega_load_request_copy (const BottegaLoadRequest *request)
{
  BottegaLoadRequest *copy = g_memdup2 (request, sizeof *request);

  copy->path = g_strdup (request->path);
  copy->draft_path = g_strdup (request->draft_path);
  copy->device = g_strdup (request->device);
  copy->kv_type = g_strdup (request->kv_type);

  return copy;
}

void
bottega_load_request_free (BottegaLoadRequest *copy)
{
  if (copy == NULL)
    return;
  g_free ((char *) copy->path);
  g_free ((char *) copy->draft_path);
  g_free ((char *) copy->device);
  g_free ((char *) copy->kv_type);
  g_free (copy);
}

void
bottega_plan_free (BottegaPlan *plan)
{
  if (plan == NULL)
    return;
  for (guint i = 0; i < plan->n_heaps; i++)
    g_free (plan->heaps[i].device);
  g_free (plan->refusal);
  g_free (plan);
}

void
bottega_loaded_clear (BottegaLoaded *loaded)
{
  g_free (loaded->model_name);
  g_free (loaded->device);
  g_free (loaded->device_description);
  g_free (loaded->note);
  *loaded = (BottegaLoaded) { 0 };
}
