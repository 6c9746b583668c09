/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which buffers an op touches, from its row in ops.def, and for how long what lies in a buffer
 * matters. Must not know what an op computes. */
#include "engine/graph/plan.h"

const GraphTraits graph_op_traits[GRAPH_N_OPS] = {
#define GRAPH_OP(id, traits, text) traits,
#include "engine/graph/ops.def"
#undef GRAPH_OP
};

static GraphBuffers
bit_of (GraphBuffer buffer)
{
  return buffer < GRAPH_N_BUFFERS ? GRAPH_BUFFER_BIT (buffer) : 0;
}

static GraphBuffers
also_of (const GraphOp *op)
{
  return bit_of (op->also[0]) | bit_of (op->also[1]);
}

GraphBuffers
graph_op_reads (const GraphOp *op)
{
  GraphTraits traits = graph_op_traits[op->kind];
  GraphBuffers buffers = bit_of (op->src);

  if (op->accumulate || (traits & GRAPH_READS_DST) != 0)
    buffers |= bit_of (op->dst);
  if ((traits & GRAPH_READS_ALSO) != 0)
    buffers |= also_of (op);
  if ((traits & GRAPH_READS_ROUTE) != 0)
    buffers |= bit_of (op->route);
  return buffers;
}

GraphBuffers
graph_op_writes (const GraphOp *op)
{
  GraphBuffers buffers = bit_of (op->dst);

  if ((graph_op_traits[op->kind] & GRAPH_WRITES_ALSO) != 0)
    buffers |= also_of (op);
  return buffers;
}

/* ---- segments ------------------------------------------------------------------------------- */

uint32_t
graph_plan_n_segments (const GraphPlan *plan)
{
  return MAX (plan->n_segments, 1);
}

uint32_t
graph_plan_segment_first (const GraphPlan *plan, uint32_t segment)
{
  if (segment == 0)
    return 0;
  return plan->n_segments > 0 ? plan->segments[segment - 1].end : plan->n_ops;
}

gboolean
graph_plan_starts_segment (const GraphPlan *plan, uint32_t i)
{
  for (uint32_t s = 0; s < graph_plan_n_segments (plan); s++)
    if (graph_plan_segment_first (plan, s) == i)
      return TRUE;
  return FALSE;
}

gboolean
graph_plan_is_read_after (const GraphPlan *plan, uint32_t i, GraphBuffer buffer)
{
  GraphBuffers bit = bit_of (buffer);
  uint32_t segment = 0;

  while (segment < plan->n_segments && plan->segments[segment].end <= i)
    segment++;
  for (i++; i <= plan->n_ops; i++) {
    for (; segment < plan->n_segments && plan->segments[segment].end == i; segment++)
      if ((plan->segments[segment].exports & bit) != 0)
        return TRUE;
    if (i == plan->n_ops)
      break;
    if ((graph_op_reads (&plan->ops[i]) & bit) != 0)
      return TRUE;
    if ((graph_op_writes (&plan->ops[i]) & bit) != 0)
      return FALSE;
  }
  return FALSE;
}
