/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans cut in two, without a device: every op lies where the placement says and comes in its
 * order, what an op reads is where it is read, what lies with timelines is counted anew; and the
 * choice of a placement for a budget. */
#include "engine/split/cut.h"
#include "tests/engine/opened.h"
#include "tests/engine/split/models.h"

#include <glib/gstdio.h>
#include <string.h>

static char *path;

static TestOpened
open_tiny (TinyKind kind)
{
  TestOpened tiny;

  tiny_write (path, kind, 1);
  tiny = test_open_file (path);
  g_assert_no_error (tiny.error);
  return tiny;
}

/* Number of the op in the whole plan that each buffer was last written by, on each device. */
typedef struct {
  uint32_t in[SPLIT_N_DEVICES][GRAPH_N_BUFFERS];
  uint32_t last[GRAPH_N_BUFFERS];
} Written;

static void
follow_op (Written *written, SplitDevice device, const GraphOp *op, uint32_t number)
{
  for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++) {
    if ((graph_op_reads (op) & GRAPH_BUFFER_BIT (b)) != 0)
      g_assert_cmpuint (written->in[device][b], ==, written->last[b]);
    if ((graph_op_writes (op) & GRAPH_BUFFER_BIT (b)) != 0)
      written->in[device][b] = written->last[b] = number;
  }
}

/* Runs through the steps as a back end does, and holds each op to the whole plan's next. */
static void
follow (const GraphPlan *whole, const SplitCut *cut)
{
  Written written = { 0 };
  uint32_t next = 0;

  for (uint32_t s = 0; s < cut->n_steps; s++) {
    const SplitStep *step = &cut->steps[s];
    const GraphPlan *plan = cut->plans[step->device];
    SplitDevice other = step->device == SPLIT_FIRST ? SPLIT_SECOND : SPLIT_FIRST;

    if (s > 0)
      g_assert_cmpint (step->device, !=, step[-1].device);
    if (step->imports != 0)
      g_assert_cmphex (cut->plans[other]->segments[step[-1].segment].exports, ==, step->imports);
    for (GraphBuffer b = 0; b < GRAPH_N_BUFFERS; b++)
      if ((step->imports & GRAPH_BUFFER_BIT (b)) != 0) {
        g_assert_cmpuint (plan->buffer_width[b], >, 0);
        written.in[step->device][b] = written.in[other][b];
      }
    for (uint32_t i = graph_plan_segment_first (plan, step->segment);
         i < graph_plan_segment_first (plan, step->segment + 1); i++, next++) {
      g_assert_cmpint (plan->ops[i].kind, ==, whole->ops[next].kind);
      g_assert_true (plan->ops[i].weights[0] == whole->ops[next].weights[0]);
      follow_op (&written, step->device, &plan->ops[i], next + 1);
    }
  }
  g_assert_cmpuint (next, ==, whole->n_ops);
}

/* Layers of keys are numbered without gaps, read where they were stored, and parts of the state do
 * not overlap. */
static void
check_memories (const GraphPlan *whole, const SplitCut *cut)
{
  uint32_t state_floats = 0;

  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++) {
    const GraphPlan *plan = cut->plans[d];
    gboolean stored[GRAPH_N_KV_GROUPS][TINY_LAYERS] = { { FALSE } };
    uint32_t n[GRAPH_N_KV_GROUPS] = { 0 }, state = 0;

    for (uint32_t i = 0; i < plan->n_ops; i++) {
      const GraphOp *op = &plan->ops[i];

      if ((graph_op_traits[op->kind] & GRAPH_KEEPS_STATE) != 0) {
        g_assert_cmpuint (op->state_first, >=, state);
        state = op->state_first + 1;
        g_assert_cmpuint (state, <=, plan->state_floats);
      }
      if (!graph_op_uses_kv (op))
        continue;
      if (op->kind == GRAPH_OP_ROPE_STORE && !op->shares_kv) {
        g_assert_false (stored[op->group][op->layer]);
        stored[op->group][op->layer] = TRUE;
        g_assert_cmpuint (op->layer, ==, n[op->group]++);
      }
      g_assert_true (stored[op->group][op->layer]);
    }
    g_assert_cmpuint (n[GRAPH_KV_FULL], ==, plan->n_kv_layers[GRAPH_KV_FULL]);
    g_assert_cmpuint (n[GRAPH_KV_WINDOW], ==, plan->n_kv_layers[GRAPH_KV_WINDOW]);
    state_floats += plan->state_floats;
  }
  g_assert_cmpuint (state_floats, ==, whole->state_floats);
}

static void
test_cut (gconstpointer data)
{
  TestOpened tiny = open_tiny ((TinyKind) GPOINTER_TO_INT (data));
  g_autoptr (GraphPlan) whole = graph_plan_build (tiny.desc, 0, TINY_LAYERS, TRUE, TRUE, 8, 2);

  for (uint32_t n_layers = 0; n_layers <= TINY_LAYERS; n_layers++)
    for (uint32_t n_experts = n_layers; n_experts <= TINY_LAYERS; n_experts += 2)
      for (unsigned ends = 0; ends < 4; ends++) {
        SplitPlacement placement = { n_layers, n_experts, (ends & 1) != 0, (ends & 2) != 0 };
        g_autoptr (SplitCut) cut = split_cut_new (whole, &placement);

        follow (whole, cut);
        check_memories (whole, cut);
        g_assert_cmpuint (cut->plans[SPLIT_FIRST]->needs | cut->plans[SPLIT_SECOND]->needs, ==,
                          whole->needs);
      }
  test_opened_clear (&tiny);
}

/* Whole layers in front cost one crossing, and nothing but the residual stream crosses. */
static void
test_layers (void)
{
  TestOpened tiny = open_tiny (TINY_LLAMA);
  g_autoptr (GraphPlan) whole = graph_plan_build (tiny.desc, 0, TINY_LAYERS, TRUE, TRUE, 8, 2);
  g_autoptr (SplitCut) cut =
      split_cut_new (whole, &(SplitPlacement) { .n_layers = 2, .embedding = TRUE });

  g_assert_cmpuint (cut->n_steps, ==, 2);
  g_assert_cmpint (cut->steps[0].device, ==, SPLIT_SECOND);
  g_assert_cmphex (cut->steps[1].imports, ==, GRAPH_BUFFER_BIT (GRAPH_BUFFER_X));
  g_assert_cmpuint (cut->plans[SPLIT_SECOND]->buffer_width[GRAPH_BUFFER_LOGITS], ==, 0);
  test_opened_clear (&tiny);
}

/* Experts read the norm, what the router made and the residual stream, and give that back. */
static void
test_experts (void)
{
  TestOpened tiny = open_tiny (TINY_QWEN3MOE);
  g_autoptr (GraphPlan) whole = graph_plan_build (tiny.desc, 0, TINY_LAYERS, TRUE, TRUE, 8, 2);
  g_autoptr (SplitCut) cut = split_cut_new (whole, &(SplitPlacement) { .n_experts = 2 });
  GraphBuffers to_experts = GRAPH_BUFFER_BIT (GRAPH_BUFFER_X) |
                            GRAPH_BUFFER_BIT (GRAPH_BUFFER_NORMED) |
                            GRAPH_BUFFER_BIT (GRAPH_BUFFER_ROUTER);

  g_assert_cmpuint (cut->n_steps, ==, 5);
  g_assert_cmphex (cut->steps[1].imports, ==, to_experts);
  g_assert_cmphex (cut->steps[2].imports, ==, GRAPH_BUFFER_BIT (GRAPH_BUFFER_X));
  g_assert_cmpuint (cut->plans[SPLIT_SECOND]->n_kv_layers[GRAPH_KV_FULL], ==, 0);
  test_opened_clear (&tiny);
}

/* ---- the choice ----------------------------------------------------------------------------- */

/* Bytes of what is on the first device: 10 a layer, 100 its experts, 40 the table, 50 the output;
 * and 5 as soon as anything crosses. */
static gboolean
measure (const SplitPlacement *placement, uint64_t *bytes, void *user_data, GError **error)
{
  gboolean mixture = *(gboolean *) user_data;
  uint32_t experts = TINY_LAYERS - MAX (placement->n_experts, placement->n_layers);

  *bytes = (uint64_t) (TINY_LAYERS - placement->n_layers) * 10 + (mixture ? experts * 100 : 0) +
           (placement->embedding ? 5 : 40) + (placement->output ? 0 : 50);
  return TRUE;
}

static void
test_choice (void)
{
  static const struct {
    gboolean mixture;
    uint64_t budget;
    SplitPlacement placement;
  } rows[] = {
    { TRUE, 750, { 0, 0, FALSE, FALSE } },
    { TRUE, 749, { 0, 0, TRUE, FALSE } },
    { TRUE, 715, { 0, 0, TRUE, FALSE } },
    { TRUE, 714, { 0, 1, TRUE, FALSE } },
    { TRUE, 420, { 0, 3, TRUE, FALSE } },
    { TRUE, 115, { 0, 6, TRUE, FALSE } },
    { TRUE, 114, { 1, 6, TRUE, FALSE } },
    { TRUE, 55, { 6, 6, TRUE, FALSE } },
    { TRUE, 54, { 6, 6, TRUE, TRUE } },
    { FALSE, 200, { 0, 0, FALSE, FALSE } },
    { FALSE, 100, { 2, 0, TRUE, FALSE } },
    { FALSE, 55, { 6, 0, TRUE, FALSE } },
    { FALSE, 0, { 6, 6, TRUE, TRUE } },
  };
  TestOpened tinies[] = { open_tiny (TINY_GEMMA3), open_tiny (TINY_QWEN3MOE) };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (GError) error = NULL;
    SplitPlacement got;
    gboolean mixture = rows[i].mixture;
    uint64_t least;

    g_assert_true (split_place (tinies[mixture].desc, rows[i].budget, measure, &mixture, &got,
                                &least, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (&got, sizeof got, &rows[i].placement, sizeof got);
    if (got.output)
      g_assert_cmpuint (least, ==, 55);
    g_assert_true (split_placement_is_whole (&got, SPLIT_FIRST, tinies[mixture].desc) ==
                   (rows[i].budget >= 200 && !got.embedding));
  }
  test_opened_clear (&tinies[0]);
  test_opened_clear (&tinies[1]);
}

static void
test_describe (void)
{
  static const struct {
    SplitPlacement placement;
    const char *text;
  } rows[] = {
    { { 0, 0, FALSE, FALSE }, NULL },
    { { 0, 0, TRUE, FALSE }, "the table of tokens on the processor" },
    { { 0, 4, TRUE, FALSE }, "the experts of 4 of 6 layers on the processor" },
    { { 2, 6, TRUE, FALSE }, "2 of 6 layers and the experts of 4 more on the processor" },
    { { 6, 6, TRUE, FALSE }, "6 of 6 layers on the processor" },
  };
  TestOpened tiny = open_tiny (TINY_GPT_OSS);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *text = split_placement_describe (&rows[i].placement, tiny.desc);

    g_assert_cmpstr (text, ==, rows[i].text);
  }
  test_opened_clear (&tiny);
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("bottega-cut-XXXXXX", NULL);
  int status;

  path = g_build_filename (dir, "tiny.gguf", NULL);
  g_test_init (&argc, &argv, NULL);
  for (int kind = 0; kind < TINY_N_KINDS; kind++) {
    g_autofree char *name = g_strconcat ("/engine/split/cut/", tiny_names[kind], NULL);

    g_test_add_data_func (name, GINT_TO_POINTER (kind), test_cut);
  }
  g_test_add_func ("/engine/split/cut/layers", test_layers);
  g_test_add_func ("/engine/split/cut/experts", test_experts);
  g_test_add_func ("/engine/split/placement/choice", test_choice);
  g_test_add_func ("/engine/split/placement/describe", test_describe);
  status = g_test_run ();
  g_unlink (path);
  g_rmdir (dir);
  g_free (path);
  return status;
}
