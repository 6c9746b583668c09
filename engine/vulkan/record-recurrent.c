/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records the ops that keep a state, and the gates around gated queries. A state is reached by the
 * slots of a batch's runs (ShaderRun) and the op's place in them; nothing else of a plan touches
 * that place, and slots that are read are not written, so that states need no barriers within a
 * plan. Must not know weights nor pages. */
#include "engine/vulkan/recorder.h"

/* Numbers that a lane of the gates takes. */
#define GATE_EACH 8
/* Columns of a state that a workgroup takes, rows of it that a lane keeps in registers, and the
 * most lanes that share a column. A driver in software waits long at a barrier, but also compiles
 * long: 128 rows a lane took 3.0 s on llvmpipe, 64 take 0.7. */
#define STATE_COLUMNS     32
#define STATE_ROWS        32
#define STATE_ROWS_NARROW 64
#define STATE_SHARES      8
/* Tokens of a tile, and numbers of keys, or of queries, that have room in shared memory: with all
 * else that lies there it is less than the 16 KiB that every device has. */
#define TILE_TOKENS  8
#define TILE_NUMBERS 1024

static uint64_t
runs_address (const Recorder *self)
{
  return self->exe->params.address + self->exe->at.runs;
}

/* tensor: NULL gives an address that nothing reads. */
static uint64_t
vector_or_any (const Recorder *self, const ModelTensor *tensor)
{
  return tensor != NULL ? recorder_vector (self, tensor) : self->exe->params.address;
}

gboolean
record_conv (Recorder *self, const GraphOp *op, GError **error)
{
  uint32_t lanes = self->quirks->lanes_small, channels = op->dst_width;
  ShaderConvPush push = {
    .src = recorder_buffer (self, op->src),
    .taps = recorder_vector (self, op->vector),
    .bias = vector_or_any (self, op->biases[0]),
    .dst = recorder_buffer (self, op->dst),
    .runs = runs_address (self),
    .channels = channels,
    .src_first = op->src_first,
    .src_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
    .state_first = op->state_first,
  };
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_CONV,
                     .constants = { lanes, 1, self->plan->desc->h.n_taps,
                                    op->src_width == 3 * channels, op->biases[0] != NULL },
                     PUSH (push),
                     .grid = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_RUN_TILES, VULKAN_COUNT_RUNS },
                               { (channels + lanes - 1) / lanes, 0, 0 } },
                     .reads = BIT (op->src),
                     .writes = BIT (op->dst),
                 },
                 error);
}

/* How a state of [rows][width] a head is cut, and walks along a run. */
static Dispatch
walk (const Recorder *self, const GraphOp *op, const ShaderRecurPush *push)
{
  const VulkanDevice *device = self->exe->model->backend->device;
  uint32_t most = device->can.properties.limits.maxComputeWorkGroupInvocations;
  uint32_t columns = MIN (self->quirks->lanes_small, STATE_COLUMNS), shares = 1, fours;
  uint32_t rows = self->quirks->narrow_rows > 0 ? STATE_ROWS_NARROW : STATE_ROWS;
  uint32_t tile = TILE_TOKENS;
  while (shares < STATE_SHARES && 2 * shares * columns <= most && shares * rows < push->rows)
    shares *= 2;
  fours = (push->rows + 4 * shares - 1) / (4 * shares);
  while (tile > 1 && tile * shares * fours * 4 > TILE_NUMBERS)
    tile /= 2;
  return (Dispatch) {
    .constants = { columns, shares, fours, tile, columns * shares / tile },
    .push = push,
    .push_bytes = sizeof *push,
    .grid = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_FIXED, VULKAN_COUNT_RUNS },
              { (push->width + columns - 1) / columns, self->plan->desc->h.n_state_heads, 0 } },
    .reads = graph_op_reads (op),
    .writes = BIT (op->dst),
  };
}

static ShaderRecurPush
recur_push (const Recorder *self, const GraphOp *op)
{
  const ModelHparams *h = &self->plan->desc->h;
  return (ShaderRecurPush) {
    .src = recorder_buffer (self, op->src),
    .also = recorder_buffer (self, op->also[0]),
    .dst = recorder_buffer (self, op->dst),
    .runs = runs_address (self),
    .steps = recorder_vector (self, op->step),
    .decays = recorder_vector (self, op->decay),
    .skips = vector_or_any (self, op->skip),
    .rows = h->d_state,
    .width = h->d_state_value,
    .n_keys = h->n_state_keys,
    .heads_each = 1,
    .src_stride = recorder_stride (self, op->src),
    .also_stride = recorder_stride (self, op->also[0]),
    .dst_stride = recorder_stride (self, op->dst),
    .state_first = op->state_first,
    .epsilon = h->norm_epsilon,
  };
}

gboolean
record_delta_net (Recorder *self, const GraphOp *op, GError **error)
{
  const ModelHparams *h = &self->plan->desc->h;
  ShaderRecurPush push = recur_push (self, op);
  push.k_first = h->n_state_keys * h->d_state;
  push.v_first = 2 * push.k_first;
  push.strengths_first = h->n_state_heads;
  Dispatch rule = walk (self, op, &push);
  rule.kernel = SHADER_DELTA_NET;
  ShaderGatedNormPush norm = {
    .dst = push.dst,
    .gates = recorder_buffer (self, op->also[1]),
    .vector = recorder_vector (self, op->vector),
    .width = push.width,
    .dst_stride = push.dst_stride,
    .gates_stride = recorder_stride (self, op->also[1]),
    .epsilon = h->norm_epsilon,
  };
  Dispatch gate = {
    .kernel = SHADER_GATED_NORM,
    .constants = { self->quirks->lanes_small, 1 },
    PUSH (norm),
    .grid = { { VULKAN_COUNT_TOKENS }, { 0, h->n_state_heads, 1 } },
    .reads = BIT (op->dst) | BIT (op->also[1]),
    .writes = BIT (op->dst),
  };
  return record (self, &rule, error) && record (self, &gate, error);
}

gboolean
record_ssm (Recorder *self, const GraphOp *op, GError **error)
{
  const ModelHparams *h = &self->plan->desc->h;
  ShaderRecurPush push = recur_push (self, op);
  push.k_first = op->dst_width;
  push.q_first = op->dst_width + h->n_state_keys * h->d_state;
  push.heads_each = h->n_state_heads / h->n_state_keys;
  push.decays_first = op->dst_width + op->src_width;
  Dispatch space = walk (self, op, &push);
  space.kernel = SHADER_SSM;
  return record (self, &space, error);
}

/* Pieces of a token's numbers. */
static VulkanGrid
pieces (const Recorder *self, uint32_t width)
{
  uint32_t piece = self->quirks->lanes_small * GATE_EACH;
  return (VulkanGrid) { { VULKAN_COUNT_TOKENS }, { 0, (width + piece - 1) / piece, 1 } };
}

gboolean
record_split_gates (Recorder *self, const GraphOp *op, GError **error)
{
  ShaderSplitGatesPush push = {
    .src = recorder_buffer (self, op->src),
    .dst = recorder_buffer (self, op->dst),
    .gates = recorder_buffer (self, op->also[0]),
    .width = op->dst_width + op->n_heads * op->d_key,
    .n_heads = op->n_heads,
    .d_key = op->d_key,
    .piece = self->quirks->lanes_small * GATE_EACH,
    .src_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
    .gates_stride = recorder_stride (self, op->also[0]),
  };
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_SPLIT_GATES,
                     .constants = { self->quirks->lanes_small, 1 },
                     PUSH (push),
                     .grid = pieces (self, push.width),
                     .reads = BIT (op->src),
                     .writes = graph_op_writes (op),
                 },
                 error);
}

gboolean
record_sigmoid_gate (Recorder *self, const GraphOp *op, GError **error)
{
  ShaderGatePush push = {
    .src = recorder_buffer (self, op->dst),
    .up = recorder_buffer (self, op->src),
    .dst = recorder_buffer (self, op->dst),
    .width = op->dst_width,
    .piece = self->quirks->lanes_small * GATE_EACH,
    .src_stride = recorder_stride (self, op->dst),
    .up_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
  };
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_SIGMOID_GATE,
                     .constants = { self->quirks->lanes_small, 1, op->src_width == 1 },
                     PUSH (push),
                     .grid = pieces (self, push.width),
                     .reads = graph_op_reads (op),
                     .writes = graph_op_writes (op),
                 },
                 error);
}
