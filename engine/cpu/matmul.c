/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MATMUL and GATED: how a product of weights and tokens is cut into units for the workers. Rows and
 * tokens are cut, columns never: a result's sum is made by one worker, in one order. Must not know
 * formats or instruction sets. */
#include "engine/cpu/internal.h"

#include <string.h>

#define TOKENS_PER_UNIT  96      /* at most */
#define TOKENS_ENOUGH    56      /* for which codes are unpacked as well as for more */
#define TOKENS_STEP      4       /* of kernels' tiles */
#define ROWS_PER_UNIT    32      /* with many tokens */
#define FEW_TOKENS       8       /* up to these the weights are read once and memory is the limit */
#define UNITS_PER_WORKER 8       /* then, so that who is late can be helped */
#define UNIT_BYTES       131072u /* or fewer: a new stream is slow for its first KB */

/* All strips of a step's weights, one weight after another, are cut into groups of as many, and
 * tokens into cuts. A unit is one group with one cut, and the next has the next group: a worker's
 * share is of the same tokens in every step, so that it finds its activations in its own cache
 * (prefill of 512 tokens on 2 cores: up to 1.09 times as fast). Weights are read once for each cut,
 * which with so many tokens is a small part of what memory can give. */
typedef struct {
  uint32_t n_strips, n_groups;
  uint32_t n_tokens /* of a cut */, n_cuts;
} Cut;

/* A gated step's two weights make one result and are cut as one. */
static uint32_t
n_results (const CpuStep *step)
{
  return step->gated ? 1 : step->n_weights;
}

static uint32_t
divide_up (uint32_t n, uint32_t by)
{
  return (n + by - 1) / by;
}

/* As few as can be, or as many for every worker: who shares a cut with another finds half of its
 * activations in that one's cache. */
static uint32_t
n_cuts_wanted (const CpuRun *run, uint32_t n_tokens)
{
  uint32_t n_least = divide_up (n_tokens, TOKENS_PER_UNIT);
  uint32_t n_even = run->n_workers * divide_up (n_least, run->n_workers);

  return n_tokens / n_even >= TOKENS_ENOUGH ? n_even : n_least;
}

/* While the weights are read once every worker gets as many bytes: who is done first cannot use
 * all of the memory's bandwidth alone. */
static Cut
cut_step (const CpuRun *run, const CpuStep *step)
{
  uint32_t n_tokens = cpu_run_rows (run, step), lanes = step->weights[0]->lanes;
  uint32_t n_steps = divide_up (n_tokens, TOKENS_STEP);
  Cut cut = { 0 };
  uint64_t bytes = 0;

  if (n_tokens > 0) {
    cut.n_tokens = TOKENS_STEP * divide_up (n_steps, n_cuts_wanted (run, n_tokens));
    cut.n_cuts = divide_up (n_tokens, cut.n_tokens);
  }

  for (uint32_t w = 0; w < n_results (step); w++) {
    cut.n_strips += step->weights[w]->n_strips;
    bytes += (uint64_t) step->weights[w]->n_strips * step->weights[w]->strip_stride;
  }
  if (n_tokens <= FEW_TOKENS)
    cut.n_groups = run->n_workers *
                   (uint32_t) CLAMP (bytes / run->n_workers / UNIT_BYTES, 1, UNITS_PER_WORKER);
  else
    cut.n_groups = divide_up (cut.n_strips, ROWS_PER_UNIT / lanes);
  cut.n_groups = MIN (cut.n_groups, cut.n_strips);
  return cut;
}

/* The first strip of a group, which may be the end. */
static uint32_t
strip_of (const Cut *cut, uint32_t group)
{
  return (uint32_t) ((uint64_t) cut->n_strips * group / cut->n_groups);
}

uint32_t
cpu_matmul_units (CpuRun *run, const CpuStep *step)
{
  Cut cut = cut_step (run, step);

  return cut.n_groups * cut.n_cuts;
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
    work->in_pairs = x->in_pairs;
    work->asks_ahead = x->asks_ahead;
    work->act_stride = width / CPU_BLOCK * sizeof (CpuActBlock);
    work->act = few ? scratch + x->own_act_offset : (const char *) x->quantised[step->src];
  } else {
    work->act_stride = width * sizeof (float);
    work->act = few && step->before != NULL ? scratch + x->own_row_offset
                                            : (const char *) x->buffer[step->src];
  }
  work->act = (const char *) work->act + first * work->act_stride;
}

/* Strips [first, last) of a step's weight w, whose results begin at `row` of dst; n_tokens from
 * first_token on. */
static void
multiply (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t w, uint32_t row,
          uint32_t first, uint32_t last, uint32_t first_token, uint32_t n_tokens)
{
  const CpuExecutable *x = run->executable;
  CpuMatmulWork work = {
    .weight = step->weights[w],
    .up = step->gated ? step->weights[1] : NULL,
    .activation = x->plan->desc->architecture->activation,
    .activate = step->op->activate,
    .bias = step->biases[w],
    .up_bias = step->gated ? step->biases[1] : NULL,
    .scale = step->op->scale,
    .cap = step->op->cap,
    .first_strip = first,
    .n_strips = last - first,
    .n_tokens = n_tokens,
    .dst_stride = step->dst == CPU_BUFFER_UP ? step->op->dst_width : x->width[step->dst],
    .accumulate = step->op->accumulate,
    .scratch = cpu_run_scratch (run, worker),
  };

  work.dst = x->buffer[step->dst] + first_token * work.dst_stride + row;
  point_at_activations (run, step, worker, first_token, &work);
  run->kernels->matmul[work.weight->format](&work);
}

void
cpu_matmul_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
{
  Cut cut = cut_step (run, step);
  uint32_t first = strip_of (&cut, unit % cut.n_groups);
  uint32_t last = strip_of (&cut, unit % cut.n_groups + 1);
  uint32_t first_token = unit / cut.n_groups * cut.n_tokens;
  uint32_t n_tokens = MIN (cut.n_tokens, cpu_run_rows (run, step) - first_token), row = 0, at = 0;

  for (uint32_t w = 0; w < n_results (step); w++) {
    const CpuWeight *weight = step->weights[w];

    if (first < at + weight->n_strips && last > at)
      multiply (run, step, worker, w, row, MAX (first, at) - at,
                MIN (last - at, weight->n_strips), first_token, n_tokens);
    at += weight->n_strips;
    row += weight->rows;
  }
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
