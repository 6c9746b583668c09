/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MATMUL and GATED: how a product of weights and tokens is cut into units for the workers. Rows and
 * tokens are cut, columns never: a result's sum is made by one worker, in one order. Must not know
 * formats or instruction sets. */
#include "engine/cpu/internal.h"

#include <string.h>

#define TOKENS_PER_UNIT  96     /* a multiple of every kernel's tile */
#define ROWS_PER_UNIT    32     /* with many tokens */
#define FEW_TOKENS       8      /* up to these the weights are read once and memory is the limit */
#define UNITS_PER_WORKER 8      /* then, so that who is late can be helped */
#define UNIT_BYTES       65536u /* or fewer: to take one costs as much as to read some KB */

typedef struct {
  uint32_t strips; /* per unit */
  uint32_t tokens; /* per unit */
  uint32_t n_token_cuts;
} Cut;

/* Of a unit while the weights are read once. */
static uint32_t
few_strips (const CpuWeight *weight, unsigned n_workers)
{
  uint32_t least = weight->n_strips / (UNITS_PER_WORKER * n_workers);
  uint32_t worth_it = (uint32_t) (UNIT_BYTES / weight->strip_stride);

  return MAX (least, MIN (worth_it, weight->n_strips / n_workers));
}

static Cut
cut_weight (const CpuRun *run, const CpuWeight *weight, uint32_t n_tokens)
{
  unsigned n_workers = cpu_pool_n_workers (run->executable->model->backend->pool);
  Cut cut = { .tokens = TOKENS_PER_UNIT };

  if (n_tokens <= FEW_TOKENS)
    cut.strips = few_strips (weight, n_workers);
  else
    cut.strips = ROWS_PER_UNIT / weight->lanes;
  cut.strips = MAX (cut.strips & ~1u, 2); /* kernels take strips in pairs */
  cut.n_token_cuts = (n_tokens + cut.tokens - 1) / cut.tokens;
  return cut;
}

static uint32_t
n_units (const CpuWeight *weight, const Cut *cut)
{
  return (weight->n_strips + cut->strips - 1) / cut->strips * cut->n_token_cuts;
}

/* A gated step's two weights make one result and are cut as one. */
static uint32_t
n_results (const CpuStep *step)
{
  return step->gated ? 1 : step->n_weights;
}

uint32_t
cpu_matmul_units (CpuRun *run, const CpuStep *step)
{
  uint32_t n = 0;

  for (uint32_t w = 0; w < n_results (step); w++) {
    Cut cut = cut_weight (run, step->weights[w], cpu_run_rows (run, step));

    n += n_units (step->weights[w], &cut);
  }
  return n;
}

/* Every worker makes its own copy of few rows: normed, quantised. */
void
cpu_matmul_begin (CpuRun *run, const CpuStep *step, unsigned worker)
{
  const CpuExecutable *x = run->executable;
  uint8_t *scratch = cpu_run_scratch (run, worker);
  CpuActBlock *act = (CpuActBlock *) (void *) (scratch + x->own_act_offset);
  float *own = (float *) (void *) (scratch + x->own_row_offset);
  uint32_t width = x->width[step->src];
  gboolean quantised = FALSE;

  if (!cpu_run_has_few (run, step))
    return;
  for (uint32_t w = 0; w < step->n_weights; w++)
    quantised |= cpu_format_is_quantised (step->weights[w]->format);
  for (uint32_t t = 0; t < cpu_run_rows (run, step); t++, own += width) {
    const float *row = own;

    if (step->before != NULL)
      cpu_norm_row (run, step->before, cpu_run_row (run, step->before->src, t), own);
    else
      row = cpu_run_row (run, step->src, t);
    if (quantised)
      run->kernels->quantise (row, step->op->src_width, x->one_byte,
                              act + (size_t) t * (width / CPU_BLOCK));
  }
}

static void
point_at_activations (const CpuRun *run, const CpuStep *step, unsigned worker, uint32_t first,
                      CpuMatmulWork *work)
{
  const CpuExecutable *x = run->executable;
  const char *scratch = cpu_run_scratch (run, worker);
  gboolean few = cpu_run_has_few (run, step);
  size_t width = x->width[step->src];

  if (cpu_format_is_quantised (work->weight->format)) {
    work->one_byte = x->one_byte;
    work->act_stride = width / CPU_BLOCK * sizeof (CpuActBlock);
    work->act = few ? scratch + x->own_act_offset : (const char *) x->quantised[step->src];
  } else {
    work->act_stride = width * sizeof (float);
    work->act = few && step->before != NULL ? scratch + x->own_row_offset
                                            : (const char *) x->buffer[step->src];
  }
  work->act = (const char *) work->act + first * work->act_stride;
}

void
cpu_matmul_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  const CpuExecutable *x = run->executable;
  uint32_t n_tokens = cpu_run_rows (run, step), w = 0, row = 0, first;
  Cut cut = cut_weight (run, step->weights[0], n_tokens);
  CpuMatmulWork work;

  while (unit >= n_units (step->weights[w], &cut)) {
    unit -= n_units (step->weights[w], &cut);
    row += step->weights[w++]->rows;
    cut = cut_weight (run, step->weights[w], n_tokens);
  }
  first = unit % cut.n_token_cuts * cut.tokens;
  work = (CpuMatmulWork) {
    .weight = step->weights[w],
    .up = step->gated ? step->weights[1] : NULL,
    .activation = x->plan->desc->architecture->activation,
    .activate = step->op->activate,
    .bias = step->biases[w],
    .up_bias = step->gated ? step->biases[1] : NULL,
    .scale = step->op->scale,
    .cap = step->op->cap,
    .first_strip = unit / cut.n_token_cuts * cut.strips,
    .n_tokens = MIN (cut.tokens, n_tokens - first),
    .dst_stride = step->dst == CPU_BUFFER_UP ? step->op->dst_width : x->width[step->dst],
    .accumulate = step->op->accumulate,
    .scratch = cpu_run_scratch (run, worker),
  };
  work.n_strips = MIN (cut.strips, work.weight->n_strips - work.first_strip);
  work.dst = x->buffer[step->dst] + first * work.dst_stride + row;
  point_at_activations (run, step, worker, first, &work);
  run->kernels->matmul[work.weight->format](&work);
}

/* GATE, and GATED with a gate and an up of different formats, whose products were made apart: dst
 * holds the gate's then. */
uint32_t
cpu_gate_units (CpuRun *run, const CpuStep *step)
{
  return cpu_run_rows (run, step);
}

void
cpu_gate_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  uint32_t n = step->op->dst_width;
  float *dst = cpu_run_row (run, step->dst, unit);
  const float *gate = dst, *up;

  if (step->op->kind != GRAPH_OP_GATE) {
    up = run->executable->buffer[CPU_BUFFER_UP] + (size_t) unit * n;
  } else {
    gate = cpu_run_row (run, step->src, unit);
    up = gate + n;
    if (step->op->also[0] != GRAPH_BUFFER_NONE)
      up = cpu_run_row (run, step->op->also[0], unit) + step->op->also_first;
  }
  run->kernels->gate (run->executable->plan->desc->architecture->activation, gate, up, n, dst);
}
