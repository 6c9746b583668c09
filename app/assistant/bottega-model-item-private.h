/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the model store changes an item. Main thread only. */
#pragma once

#include "app/assistant/bottega-model-item.h"

G_BEGIN_DECLS

BottegaModelItem *bottega_model_item_new (const char *path,
                                          BottegaModelState state,
                                          gboolean removable);
/* Takes what facts owns. error (may be NULL): the sentence of a broken file. */
void bottega_model_item_set_facts (BottegaModelItem *self,
                                   BottegaModelFacts *facts,
                                   const char *error);
void bottega_model_item_set_path (BottegaModelItem *self, const char *path);
void bottega_model_item_set_in_place (BottegaModelItem *self, gboolean in_place);
/* Its file is not there (any more). */
void bottega_model_item_set_gone (BottegaModelItem *self);
void bottega_model_item_set_sha256 (BottegaModelItem *self, const char *sha256);
void bottega_model_item_set_here (BottegaModelItem *self, const char *here);
void bottega_model_item_set_import_fraction (BottegaModelItem *self, double fraction);
void bottega_model_item_set_is_default (BottegaModelItem *self, gboolean is_default);

G_END_DECLS
