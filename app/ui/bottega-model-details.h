/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything about one model, and what is set for it alone. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"
#include "app/assistant/bottega-catalogue.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MODEL_DETAILS (bottega_model_details_get_type ())
G_DECLARE_FINAL_TYPE (BottegaModelDetails, bottega_model_details, BOTTEGA, MODEL_DETAILS, AdwDialog)

/* catalogue (of BottegaCatalogueEntry): what the checksum is compared with; kept. */
AdwDialog *bottega_model_details_new (BottegaAssistant *assistant, BottegaModelItem *item,
                                      GPtrArray *catalogue);
/* Whether a file is the published one, in a sentence; NULL: the catalogue does not know it. Free
 * with g_free. */
char *bottega_model_details_compare (GPtrArray *catalogue, BottegaModelItem *item);

G_END_DECLS
