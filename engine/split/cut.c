/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts a plan in two: see cut.h. Layers of keys and values, and parts of the state, are counted
 * anew on each device. */
#include "engine/split/cut.h"

#include <string.h>

#define NOWHERE UINT32_MAX

typedef struct {
  const GraphPlan *whole;
  SplitCut *cut;
  SplitDevice *devices; /* [ops] */
  /* [layers of the whole plan's group] */
  SplitDevice *kv_device[GRAPH_N_KV_GROUPS];
  uint32_t *kv_layer[SPLIT_N_DEVICES][GRAPH_N_KV_GROUPS]; /* its number there, or NOWHERE */
} Cutter;

/* Keys and values are read where they were stored: layers that share those of another one go to
 * it. */
static SplitDevice
choose_device (Cutter *cutter, const SplitPlacement *placement, const GraphOp *op)
{
  SplitDevice device = split_placement_device (placement, op);

  if (!graph_op_uses_kv (op))
    return device;
  if (op->kind == GRAPH_OP_ROPE_STORE && !op->shares_kv)
    cutter->kv_device[op->group][op->layer] = device;
  return cutter->kv_device[op->group][op->layer];
}

/* Floats of a timeline's state that op i of the whole plan keeps. */
static uint32_t
state_floats (const GraphPlan *whole, uint32_t i)
{
  uint32_t end = whole->state_floats;

  for (uint32_t next = i + 1; next < whole->n_ops; next++)
    if ((graph_op_traits[whole->ops[next].kind] & GRAPH_KEEPS_STATE) != 0) {
      end = whole->ops[next].state_first;
      break;
    }
  return end - whole->ops[i].state_first;
}

static void
use_buffers (const GraphPlan *whole, GraphPlan *plan, GraphBuffers buffers)
{
  for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++)
    if ((buffers & GRAPH_BUFFER_BIT (b)) != 0)
      plan->buffer_width[b] = whole->buffer_width[b];
}

/* Appends op i of the whole plan to its device's. */
static void
append_op (Cutter *cutter, uint32_t i)
{
  const GraphOp *op = &cutter->whole->ops[i];
  SplitDevice device = cutter->devices[i];
  GraphPlan *plan = cutter->cut->plans[device];
  GraphOp *own = &plan->ops[plan->n_ops++];

  *own = *op;
  plan->needs |= graph_op_needs (plan->desc, op);
  use_buffers (cutter->whole, plan, graph_op_reads (op) | graph_op_writes (op));
  if (graph_op_uses_kv (op)) {
    uint32_t *layer = &cutter->kv_layer[device][op->group][op->layer];

    if (*layer == NOWHERE)
      *layer = plan->n_kv_layers[op->group]++;
    own->layer = *layer;
  }
  if ((graph_op_traits[op->kind] & GRAPH_KEEPS_STATE) != 0) {
    own->state_first = plan->state_floats;
    plan->state_floats += state_floats (cutter->whole, i);
  }
}

static gboolean
is_of_outputs (const GraphOp *op)
{
  return op->output_rows || (op->dst < GRAPH_N_BUFFERS && graph_buffer_is_output (op->dst));
}

/* Appends the ops from i on that lie on one device; returns the index behind them. */
static uint32_t
append_segment (Cutter *cutter, uint32_t i)
{
  SplitCut *cut = cutter->cut;
  SplitDevice device = cutter->devices[i];
  GraphPlan *plan = cut->plans[device];
  SplitStep *step = &cut->steps[cut->n_steps++];

  *step = (SplitStep) { device, plan->n_segments, 0, TRUE };
  for (; i < cutter->whole->n_ops && cutter->devices[i] == device; i++) {
    step->only_outputs &= is_of_outputs (&cutter->whole->ops[i]);
    append_op (cutter, i);
  }
  plan->segments[plan->n_segments++] = (GraphSegment) { plan->n_ops, 0, 0 };
  return i;
}

/* What a segment reads before it writes it, and what it writes. */
static void
collect_buffers (const GraphPlan *plan, uint32_t segment, GraphBuffers *reads, GraphBuffers *writes)
{
  *reads = *writes = 0;
  for (uint32_t i = graph_plan_segment_first (plan, segment);
       i < graph_plan_segment_first (plan, segment + 1); i++) {
    *reads |= graph_op_reads (&plan->ops[i]) & ~*writes;
    *writes |= graph_op_writes (&plan->ops[i]);
  }
}

/* A buffer is copied when a segment reads what the other device wrote: in the step before, which
 * was there, or earlier. */
static void
find_crossings (SplitCut *cut)
{
  GraphBuffers has[SPLIT_N_DEVICES] = { 0, 0 };

  for (uint32_t s = 0; s < cut->n_steps; s++) {
    SplitStep *step = &cut->steps[s];
    SplitDevice other = step->device == SPLIT_FIRST ? SPLIT_SECOND : SPLIT_FIRST;
    GraphBuffers reads, writes;

    collect_buffers (cut->plans[step->device], step->segment, &reads, &writes);
    step->imports = reads & has[other] & ~has[step->device];
    cut->plans[step->device]->segments[step->segment].imports = step->imports;
    if (step->imports != 0)
      cut->plans[other]->segments[step[-1].segment].exports = step->imports;
    has[step->device] |= step->imports | writes;
    has[other] &= ~writes;
  }
  cut->on_second = has[SPLIT_SECOND];
}

static void
init (Cutter *cutter, const SplitPlacement *placement)
{
  const GraphPlan *whole = cutter->whole;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++) {
    GraphPlan *plan = cutter->cut->plans[d] = g_new0 (GraphPlan, 1);

    plan->desc = whole->desc;
    plan->max_tokens = whole->max_tokens;
    plan->max_outputs = whole->max_outputs;
    plan->ops = g_new0 (GraphOp, whole->n_ops);
    plan->segments = g_new0 (GraphSegment, whole->n_ops);
  }
  cutter->cut->steps = g_new0 (SplitStep, whole->n_ops);
  cutter->devices = g_new0 (SplitDevice, whole->n_ops);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    size_t n = MAX (whole->n_kv_layers[group], 1);

    cutter->kv_device[group] = g_new0 (SplitDevice, n);
    for (unsigned d = 0; d < SPLIT_N_DEVICES; d++) {
      cutter->kv_layer[d][group] = g_new (uint32_t, n);
      memset (cutter->kv_layer[d][group], 0xff, n * sizeof (uint32_t));
    }
  }
  for (uint32_t i = 0; i < whole->n_ops; i++)
    cutter->devices[i] = choose_device (cutter, placement, &whole->ops[i]);
}

static void
finish (Cutter *cutter)
{
  g_free (cutter->devices);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    g_free (cutter->kv_device[group]);
    for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
      g_free (cutter->kv_layer[d][group]);
  }
}

SplitCut *
split_cut_new (const GraphPlan *plan, const SplitPlacement *placement)
{
  SplitCut *cut = g_new0 (SplitCut, 1);
  Cutter cutter = { .whole = plan, .cut = cut };

  init (&cutter, placement);
  for (uint32_t i = 0; i < plan->n_ops;)
    i = append_segment (&cutter, i);
  find_crossings (cut);
  finish (&cutter);
  return cut;
}

void
split_cut_free (SplitCut *cut)
{
  if (cut == NULL)
    return;
  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++)
    graph_plan_free (cut->plans[d]);
  g_free (cut->steps);
  g_free (cut);
}
