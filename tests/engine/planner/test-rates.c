/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is measured on, and what is kept of it: the layer that stands for a model, rates of models
 * of several widths in a file, and which of them a model's time is made of. Nothing is timed. */
#include "engine/planner/rates.h"
#include "engine/planner/sample.h"

#include <glib/gstdio.h>

#define MANY_BYTES ((uint64_t) 1 << 40)

static PlannerSample
sample_of (PlannerShape shape)
{
  PlannerSample sample;
  GError *error = NULL;

  planner_sample_init (&sample, &shape, MODEL_TYPE_F32, 64, &error);
  g_assert_no_error (error);
  return sample;
}

static void
check_shape (PlannerShape model, ModelType type, uint64_t most_bytes, PlannerShape wanted)
{
  PlannerSample sample = sample_of (model), made;
  PlannerShape got = planner_shape_like (sample.desc, model_type_info (type), most_bytes);
  GError *error = NULL;

  g_assert_cmpuint (got.d_model, ==, wanted.d_model);
  g_assert_cmpuint (got.d_ff, ==, wanted.d_ff);
  g_assert_cmpuint (got.n_heads, ==, wanted.n_heads);
  g_assert_cmpuint (got.n_heads_kv, ==, wanted.n_heads_kv);
  g_assert_cmpuint (got.d_head, ==, wanted.d_head);
  /* And such a model there can be. */
  planner_sample_init (&made, &got, type, 64, &error);
  g_assert_no_error (error);
  planner_sample_finish (&made);
  planner_sample_finish (&sample);
}

static void
test_shape (void)
{
  const PlannerShape model = { 1, 576, 1536, 9, 3, 64 };
  const PlannerShape narrower = { 1, 576, 512, 9, 3, 64 };
  const uint64_t attention = 576 * (2 * 576 + 2 * 192);

  check_shape (model, MODEL_TYPE_Q4_1, MANY_BYTES, model);
  check_shape (model, MODEL_TYPE_Q6_K, MANY_BYTES, (PlannerShape) { 1, 768, 1536, 12, 3, 64 });
  check_shape (model, MODEL_TYPE_F16, 2 * (attention + 3 * 576 * 543), narrower);
  check_shape (model, MODEL_TYPE_F16, 1, (PlannerShape) { 1, 576, 32, 9, 3, 64 });
}

static PlannerRates *
rates_of (const PlannerProduct *products, guint n)
{
  const PlannerOther other = { .kv_type = MODEL_KV_F16, .set_log2 = 24 };
  PlannerRates *rates = planner_rates_read (NULL, "none");

  g_array_append_vals (rates->products, products, n);
  g_array_append_val (rates->others, other);
  return rates;
}

/* All weights take so many seconds at all widths. */
#define PRODUCT(type_, width, seconds)                \
  {                                                   \
    .type = type_, .set_log2 = 24, .d_model = width,  \
    .tokens = { 1, 64, 128 }, .weight_s = { seconds,  \
                                            seconds,  \
                                            seconds } \
  }

/* A model's time is its own width's, else that of another width, and else that of another format by
 * their bytes. */
static void
test_widths (void)
{
  const PlannerProduct products[] = {
    PRODUCT (MODEL_TYPE_F16, 64, 1),
    PRODUCT (MODEL_TYPE_F32, 64, 2),
    PRODUCT (MODEL_TYPE_F32, 128, 3),
  };
  static const struct {
    guint first, n;
    uint32_t d_model;
    double seconds; /* of a weight */
  } cases[] = { { 0, 3, 64, 2 }, { 0, 3, 128, 3 }, { 0, 3, 256, 2 }, { 0, 1, 64, 2 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (PlannerRates) rates = rates_of (products + cases[i].first, cases[i].n);
    PlannerShape shape = { 1, cases[i].d_model, 64, 2, 1, 32 };
    PlannerSample sample = sample_of (shape);
    g_autoptr (GraphPlan) plan = graph_plan_build (sample.desc, 0, 1, TRUE, TRUE, 1, 1);
    const PlannerBatch token = { 1, 1, 0 };
    double head = 1024.0 * cases[i].d_model; /* of the sample's vocabulary */
    double weights = (double) planner_shape_layer_weights (&shape) + head;

    g_assert_cmpfloat_with_epsilon (
        planner_plan_seconds (rates, plan, &token, MODEL_KV_F16, 24), cases[i].seconds * weights,
        1e-6);
    g_clear_pointer (&plan, graph_plan_free);
    planner_sample_finish (&sample);
  }
}

static void
test_file (void)
{
  const PlannerProduct products[] = {
    PRODUCT (MODEL_TYPE_Q4_1, 576, 1),
    PRODUCT (MODEL_TYPE_Q4_1, 4096, 2),
  };
  g_autofree char *folder = g_dir_make_tmp ("bottega-rates-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "device.rates", NULL);
  g_autoptr (PlannerRates) rates = rates_of (products, 2), read = NULL, none = NULL;

  g_assert_true (planner_rates_write (rates, folder, "device"));
  read = planner_rates_read (folder, "device");
  none = planner_rates_read (folder, "another");
  g_assert_cmpuint (none->products->len, ==, 0);
  g_assert_nonnull (planner_rates_other (read, MODEL_KV_F16, 24));
  g_assert_null (planner_rates_other (read, MODEL_KV_Q8_0, 24));
  g_assert_cmpfloat (planner_rates_product (read, MODEL_TYPE_Q4_1, 24, 4096)->weight_s[0], ==, 2);
  g_assert_cmpfloat (planner_rates_product (read, MODEL_TYPE_Q4_1, 24, 0)->weight_s[0], ==, 1);
  g_assert_null (planner_rates_product (read, MODEL_TYPE_Q4_1, 24, 1024));
  g_assert_null (planner_rates_product (read, MODEL_TYPE_Q4_1, 26, 576));
  g_remove (file);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/planner/rates/shape", test_shape);
  g_test_add_func ("/engine/planner/rates/widths", test_widths);
  g_test_add_func ("/engine/planner/rates/file", test_file);
  return g_test_run ();
}
