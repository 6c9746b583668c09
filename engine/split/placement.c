/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chooses what lies where: see placement.h. Each way to save is used up before the next
 * is tried. */
#include "engine/split/placement.h"

SplitDevice
split_placement_device (const SplitPlacement *placement, const GraphOp *op)
{
  gboolean second;

  if (op->block == GRAPH_BLOCK_EMBEDDING)
    second = placement->embedding;
  else if (op->block == GRAPH_BLOCK_OUTPUT)
    second = placement->output;
  else if ((graph_op_traits[op->kind] & GRAPH_OF_EXPERTS) != 0)
    second = op->block < MAX (placement->n_experts, placement->n_layers);
  else
    second = op->block < placement->n_layers;
  return second ? SPLIT_SECOND : SPLIT_FIRST;
}

/* Of the layers [first, last) those that have experts. */
static uint32_t
count_experts (const ModelDesc *desc, uint32_t first, uint32_t last)
{
  uint32_t n = 0;

  for (uint32_t i = first; i < last; i++)
    n += desc->layer[i][MODEL_ROLE_FFN_ROUTER] != NULL;
  return n;
}

gboolean
split_placement_is_whole (const SplitPlacement *placement, SplitDevice device,
                          const ModelDesc *desc)
{
  if (device == SPLIT_SECOND)
    return placement->n_layers == desc->h.n_layers && placement->embedding && placement->output;
  return placement->n_layers == 0 && !placement->embedding && !placement->output &&
         count_experts (desc, 0, placement->n_experts) == 0;
}

char *
split_placement_describe (const SplitPlacement *placement, const ModelDesc *desc)
{
  uint32_t all = desc->h.n_layers, n = placement->n_layers;
  uint32_t experts = count_experts (desc, n, MAX (placement->n_experts, n));

  if (n > 0 && experts > 0)
    return g_strdup_printf ("%u of %u layers and the experts of %u more on the processor", n, all,
                            experts);
  if (n > 0)
    return g_strdup_printf ("%u of %u layers on the processor", n, all);
  if (experts > 0)
    return g_strdup_printf ("the experts of %u of %u layers on the processor", experts, all);
  if (placement->embedding)
    return g_strdup ("the table of tokens on the processor");
  return NULL;
}

/* ---- the choice ----------------------------------------------------------------------------- */

typedef struct {
  uint64_t budget;
  SplitMeasure measure;
  void *user_data;
  GError **error;
  gboolean failed;
} Search;

static gboolean
fits (Search *search, const SplitPlacement *placement)
{
  uint64_t bytes;

  if (!search->failed)
    search->failed = !search->measure (placement, &bytes, search->user_data, search->error);
  return !search->failed && bytes <= search->budget;
}

/* The smallest *counter in 1 .. most with which *placement fits; FALSE when none does. */
static gboolean
raise_until_it_fits (Search *search, SplitPlacement *placement, uint32_t *counter, uint32_t most)
{
  uint32_t low = 1, high = most;

  *counter = most;
  if (!fits (search, placement))
    return FALSE;
  while (low < high) {
    *counter = (low + high) / 2;
    if (fits (search, placement))
      high = *counter;
    else
      low = *counter + 1;
  }
  *counter = high;
  return !search->failed;
}

gboolean
split_place (const ModelDesc *desc, uint64_t budget, SplitMeasure measure, void *user_data,
             SplitPlacement *placement, uint64_t *least, GError **error)
{
  const ModelTensor *table = desc->global[MODEL_ROLE_TOKEN_EMBD];
  uint32_t n = desc->h.n_layers;
  Search search = { budget, measure, user_data, error, FALSE };
  SplitPlacement last = { .n_layers = n, .n_experts = n, .embedding = TRUE };

  *least = 0;
  *placement = (SplitPlacement) { 0 };
  if (fits (&search, placement))
    return TRUE;
  /* A table that is the output's matrix as well stays with it as long as layers do. */
  placement->embedding = table != desc->global[MODEL_ROLE_OUTPUT];
  if (placement->embedding && fits (&search, placement))
    return TRUE;
  if (count_experts (desc, 0, n) > 0) {
    if (raise_until_it_fits (&search, placement, &placement->n_experts, n))
      return TRUE;
    placement->n_experts = n;
  }
  placement->embedding = TRUE;
  if (raise_until_it_fits (&search, placement, &placement->n_layers, n))
    return TRUE;
  if (search.failed || !measure (&last, least, user_data, error))
    return FALSE;
  *placement = last;
  placement->output = TRUE;
  return TRUE;
}
