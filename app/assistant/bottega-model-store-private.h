/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two halves of the model store share: bottega-model-store.c keeps the list,
 * bottega-model-adding.c brings files in. Main thread only. */
#pragma once

#include "app/assistant/bottega-model-item-private.h"
#include "app/assistant/bottega-model-store.h"
#include "app/retrieval/bottega-worker.h"

G_BEGIN_DECLS

struct _BottegaModelStore {
  GObject parent_instance;

  GPtrArray *items;  /* of BottegaModelItem, by name */
  GStrv folders;     /* of models that answer, then of those that search; the person's own first */
  char *own, *embed; /* the person's two */
  BottegaEngineSource *source;
  BottegaSettings *settings;
  BottegaModelRecords *records;
  BottegaWorker *worker;  /* looks at files */
  BottegaWorker *copier;  /* brings them in, which may take minutes */
  BottegaMachine machine; /* of the device setting; empty until it was measured */
  guint n_checking;       /* files that are being looked at, and scans */
  gboolean loaded, measuring;
};

void bottega_model_store_insert (BottegaModelStore *self, BottegaModelItem *item);
void bottega_model_store_take_out (BottegaModelStore *self, BottegaModelItem *item);
void bottega_model_store_update_default (BottegaModelStore *self);
/* Says anew what it needs and how fast it is here. */
void bottega_model_store_update_here (BottegaModelStore *self, BottegaModelItem *item);

G_END_DECLS
