/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interface's type and its plain structs. */
#define G_LOG_DOMAIN "bottega-engine-source"

#include "app/assistant/bottega-engine-source.h"

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
  *facts = (BottegaModelFacts) { 0 };
}

void
bottega_loaded_clear (BottegaLoaded *loaded)
{
  g_free (loaded->model_name);
  g_free (loaded->device);
  g_free (loaded->device_description);
  *loaded = (BottegaLoaded) { 0 };
}
