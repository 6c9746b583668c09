/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that execute the definitions of ops share. */
#pragma once

#include "tests/engine/ops/reference.h"

/* All weights of a tensor, [ne[2]][ne[1]][ne[0]]. Free with g_free. */
float *read_tensor (const Reference *r, const ModelTensor *tensor);

static inline double *
row_of (Reference *r, GraphBuffer buffer, uint32_t row)
{
  return r->buffer[buffer] + (size_t) row * r->plan->buffer_width[buffer];
}

typedef void (*ReferenceOp) (Reference *r, const GraphOp *op, const EngineBatch *batch);

/* Of ops that keep a state, and what goes with them. */
void run_conv (Reference *r, const GraphOp *op, const EngineBatch *batch);
void run_delta_net (Reference *r, const GraphOp *op, const EngineBatch *batch);
void run_ssm (Reference *r, const GraphOp *op, const EngineBatch *batch);
void run_split_gates (Reference *r, const GraphOp *op, const EngineBatch *batch);
void run_sigmoid_gate (Reference *r, const GraphOp *op, const EngineBatch *batch);
