/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans: the ops of a whole model in order, a model split at a layer, and shapes that fit together.
 */
#include "engine/graph/plan.h"
#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>
#include <string.h>

static ModelGguf *gguf;
static ModelDesc *desc;

static unsigned
count (const GraphPlan *plan, GraphOpKind kind)
{
  unsigned n = 0;

  for (uint32_t i = 0; i < plan->n_ops; i++)
    n += plan->ops[i].kind == kind;
  return n;
}

/* Every matrix takes what its source holds and fills its destination exactly. */
static void
check_shapes (const GraphPlan *plan)
{
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    uint64_t rows = 0;

    if (op->kind != GRAPH_OP_MATMUL && op->kind != GRAPH_OP_GATED)
      continue;
    for (uint32_t w = 0; w < op->n_weights; w++) {
      g_assert_cmpuint (op->weights[w]->ne[0], ==, op->src_width);
      rows += op->weights[w]->ne[1];
    }
    g_assert_cmpuint (rows, ==, op->dst_width * (op->kind == GRAPH_OP_GATED ? 2u : 1u));
  }
}

static void
test_whole (void)
{
  g_autoptr (GraphPlan) plan = graph_plan_build (desc, 0, desc->h.n_layers, TRUE, TRUE, 32, 1);

  check_shapes (plan);
  g_assert_cmpuint (plan->n_ops, ==, 1 + 8 * desc->h.n_layers + 4);
  g_assert_cmpint (plan->ops[0].kind, ==, GRAPH_OP_EMBED);
  g_assert_cmpint (plan->ops[plan->n_ops - 1].kind, ==, GRAPH_OP_CANDIDATES);
  g_assert_cmpuint (count (plan, GRAPH_OP_ATTENTION), ==, desc->h.n_layers);
  g_assert_cmpuint (graph_plan_buffer_rows (plan, GRAPH_BUFFER_X), ==, 32);
  g_assert_cmpuint (graph_plan_buffer_rows (plan, GRAPH_BUFFER_LOGITS), ==, 1);
  g_assert_true (plan->ops[plan->n_ops - 2].output_rows);
  g_assert_false (plan->ops[1].output_rows);
}

/* Two halves together have the ops of the whole; each counts its KV layers from 0. */
static void
test_split (void)
{
  uint32_t half = desc->h.n_layers / 2;
  g_autoptr (GraphPlan) whole = graph_plan_build (desc, 0, desc->h.n_layers, TRUE, TRUE, 8, 1);
  g_autoptr (GraphPlan) lower = graph_plan_build (desc, 0, half, TRUE, FALSE, 8, 1);
  g_autoptr (GraphPlan) upper = graph_plan_build (desc, half, desc->h.n_layers, FALSE, TRUE, 8, 1);

  g_assert_cmpuint (lower->n_ops + upper->n_ops, ==, whole->n_ops);
  g_assert_cmpuint (lower->buffer_width[GRAPH_BUFFER_LOGITS], ==, 0);
  g_assert_cmpuint (count (lower, GRAPH_OP_CANDIDATES), ==, 0);
  g_assert_cmpuint (count (upper, GRAPH_OP_EMBED), ==, 0);
  for (uint32_t i = 0; i < upper->n_ops; i++)
    g_assert_cmpuint (upper->ops[i].layer, <, desc->h.n_layers - half);
  g_assert_true (upper->ops[1].weights[0] == whole->ops[lower->n_ops + 1].weights[0]);
}

static void
test_print (void)
{
  g_autoptr (GraphPlan) plan = graph_plan_build (desc, 0, desc->h.n_layers, TRUE, TRUE, 1, 1);
  g_autofree char *text = graph_plan_print (plan);

  g_assert_nonnull (strstr (text, "blk.0.attn_q.weight | blk.0.attn_k.weight"));
  g_assert_nonnull (strstr (text, "+= X[1]["));
}

/* A model that makes vectors: norms in place after each block, keys and values of all layers in one
 * place, and a vector a run at the end. */
static void
test_vectors (void)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GraphPlan) plan = NULL;
  ModelGguf *file;
  ModelDesc *bert;

  g_close (g_file_open_tmp ("bottega-plan-XXXXXX", &path, NULL), NULL);
  test_gguf_write_bert (path, NULL, MODEL_TYPE_Q8_0, 1);
  file = model_gguf_open (path, &error);
  g_assert_no_error (error);
  bert = model_desc_new (file, &error);
  g_assert_no_error (error);
  plan = graph_plan_build (bert, 0, bert->h.n_layers, TRUE, TRUE, 32, 4);
  check_shapes (plan);
  g_assert_cmpuint (plan->n_ops, ==, 3 + 1 + 8 * bert->h.n_layers + 1);
  g_assert_cmpuint (count (plan, GRAPH_OP_LAYER_NORM), ==, 1 + 2 * bert->h.n_layers);
  g_assert_cmpint (plan->ops[plan->n_ops - 1].kind, ==, GRAPH_OP_POOL);
  g_assert_cmpuint (plan->buffer_width[GRAPH_BUFFER_LOGITS], ==, 0);
  g_assert_cmpuint (plan->buffer_width[GRAPH_BUFFER_NORMED], ==, 0);
  g_assert_cmpuint (graph_plan_buffer_rows (plan, GRAPH_BUFFER_OUT), ==, 4);
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    g_assert_cmpuint (plan->ops[i].layer, ==, 0);
    g_assert_true (plan->ops[i].whole_run == (plan->ops[i].kind == GRAPH_OP_ATTENTION));
  }
  model_desc_free (bert);
  model_gguf_free (file);
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("bottega-plan-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "tiny.gguf", NULL);
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  test_gguf_write_llama (path, NULL, MODEL_TYPE_Q8_0, 1);
  gguf = model_gguf_open (path, &error);
  g_assert_no_error (error);
  desc = model_desc_new (gguf, &error);
  g_assert_no_error (error);
  g_test_add_func ("/engine/graph/plan/whole", test_whole);
  g_test_add_func ("/engine/graph/plan/split", test_split);
  g_test_add_func ("/engine/graph/plan/vectors", test_vectors);
  g_test_add_func ("/engine/graph/plan/print", test_print);
  status = g_test_run ();
  model_desc_free (desc);
  model_gguf_free (gguf);
  g_unlink (path);
  g_rmdir (dir);
  return status;
}
