/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the file of what was measured of a device, and the sum of a plan's times. Must not measure
 * anything. */
#include "engine/planner/rates.h"

#include "engine/cache.h"

#include <string.h>

#define MAGIC "BTGRATE6" /* another number when kernels have become faster */

#define LEAST_SET_LOG2 24u /* 16 MiB */
#define MOST_SET_LOG2  28u /* 256 MiB: larger than the caches of what people have */
#define MANY_TOKENS    16u /* batches beyond are read as many */

static PlannerRates *
new_rates (void)
{
  PlannerRates *rates = g_new0 (PlannerRates, 1);

  rates->products = g_array_new (FALSE, FALSE, sizeof (PlannerProduct));
  rates->others = g_array_new (FALSE, FALSE, sizeof (PlannerOther));
  return rates;
}

void
planner_rates_free (PlannerRates *rates)
{
  if (rates == NULL)
    return;
  g_array_unref (rates->products);
  g_array_unref (rates->others);
  g_free (rates);
}

uint32_t
planner_set_log2 (uint64_t weight_bytes)
{
  uint32_t log2 = g_bit_storage (MAX (weight_bytes, 1)) - 1;

  return CLAMP (log2 & ~1u, LEAST_SET_LOG2, MOST_SET_LOG2);
}

const PlannerProduct *
planner_rates_product (const PlannerRates *rates, uint32_t type, uint32_t set_log2,
                       uint32_t d_model)
{
  for (guint i = 0; i < rates->products->len; i++) {
    const PlannerProduct *product = &g_array_index (rates->products, PlannerProduct, i);

    if (product->type == type && product->set_log2 == set_log2 &&
        (d_model == 0 || product->d_model == d_model))
      return product;
  }
  return NULL;
}

const PlannerOther *
planner_rates_other (const PlannerRates *rates, ModelKvType kv_type, uint32_t set_log2)
{
  for (guint i = 0; i < rates->others->len; i++) {
    const PlannerOther *other = &g_array_index (rates->others, PlannerOther, i);

    if (other->kv_type == kv_type && other->set_log2 == set_log2)
      return other;
  }
  return NULL;
}

/* ---- the file ------------------------------------------------------------------------------- */

static char *
file_of (const char *cache_dir, const char *identity)
{
  g_autofree char *name = g_strconcat (identity, ".rates", NULL);

  return cache_dir != NULL ? g_build_filename (cache_dir, name, NULL) : NULL;
}

PlannerRates *
planner_rates_read (const char *cache_dir, const char *identity)
{
  g_autofree char *file = file_of (cache_dir, identity), *contents = NULL;
  PlannerRates *rates = new_rates ();
  gsize bytes = 0;
  const char *data = engine_cache_read (file, MAGIC, &contents, &bytes);
  uint32_t n[2];

  if (data == NULL || bytes < sizeof n)
    return rates;
  memcpy (n, data, sizeof n);
  if (bytes != sizeof n + n[0] * sizeof (PlannerProduct) + n[1] * sizeof (PlannerOther))
    return rates;
  g_array_append_vals (rates->products, data + sizeof n, n[0]);
  g_array_append_vals (rates->others, data + sizeof n + n[0] * sizeof (PlannerProduct), n[1]);
  return rates;
}

gboolean
planner_rates_write (const PlannerRates *rates, const char *cache_dir, const char *identity)
{
  g_autofree char *file = file_of (cache_dir, identity);
  g_autoptr (GByteArray) data = g_byte_array_new ();
  const uint32_t n[2] = { rates->products->len, rates->others->len };

  if (file == NULL)
    return FALSE;
  g_byte_array_append (data, (const guint8 *) n, sizeof n);
  g_byte_array_append (data, (const guint8 *) rates->products->data,
                       (guint) (n[0] * sizeof (PlannerProduct)));
  g_byte_array_append (data, (const guint8 *) rates->others->data,
                       (guint) (n[1] * sizeof (PlannerOther)));
  return engine_cache_write (file, MAGIC, data->data, data->len);
}

/* ---- times ---------------------------------------------------------------------------------- */

double
planner_op_weights (const ModelDesc *desc, const GraphOp *op, uint32_t w, double n, double *tokens)
{
  const ModelTensor *tensor = op->weights[w];
  double all = (double) tensor->ne[2], matrix = (double) (tensor->ne[0] * tensor->ne[1]);
  double pairs = n * desc->h.n_experts_used;

  *tokens = n;
  if (op->kind == GRAPH_OP_EMBED || n == 0)
    return 0;
  if (all <= 1)
    return matrix;
  all = MIN (all, pairs); /* experts: each of its own tokens */
  *tokens = pairs / all;
  return matrix * all;
}

/* Keys that all tokens of the batch see, added up. */
static double
sum_of_keys (const GraphOp *op, const PlannerBatch *batch)
{
  double n = batch->n_tokens, mean = batch->first_position + (n + 1) / 2;

  if (op->whole_run)
    mean = n;
  if (op->window_tokens > 0)
    mean = MIN (mean, op->window_tokens);
  return n * mean;
}

PlannerWork
planner_work_of (const GraphPlan *plan, const PlannerBatch *batch)
{
  PlannerWork work = { 0 };

  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    double n = op->output_rows ? batch->n_outputs : batch->n_tokens, keys;

    if (n == 0)
      continue;
    work.ops += 1;
    work.floats += n * ((double) op->src_width + op->dst_width);
    if (op->kind != GRAPH_OP_ATTENTION)
      continue;
    keys = sum_of_keys (op, batch) * (op->d_key + op->d_value);
    if (batch->n_tokens <= MANY_TOKENS)
      work.one_keys += keys * op->n_heads_kv;
    else
      work.many_keys += keys * op->n_heads;
  }
  return work;
}

/* Between two widths time grows evenly, beyond the last with the tokens. */
double
planner_product_seconds (const PlannerProduct *product, double weights, double tokens)
{
  uint32_t i = 1;
  double from, to, share;

  if (tokens >= product->tokens[PLANNER_MANY])
    return weights * product->weight_s[PLANNER_MANY] * tokens / product->tokens[PLANNER_MANY];
  while (i + 1 < PLANNER_N_WIDTHS && tokens > product->tokens[i])
    i++;
  from = product->tokens[i - 1];
  to = product->tokens[i];
  share = CLAMP ((tokens - from) / MAX (to - from, 1), 0, 1);
  return weights *
         (product->weight_s[i - 1] * (1 - share) + product->weight_s[i] * share);
}

double
planner_work_seconds (const PlannerOther *other, const PlannerWork *work)
{
  return work->ops * other->op_s + work->floats * other->float_s +
         work->one_keys * other->one_key_s + work->many_keys * other->many_key_s;
}

/* In a model of another width, where there is none of its own. A format of which a model has too
 * little to be measured is taken for the first that was. */
static const PlannerProduct *
product_for (const PlannerRates *rates, const ModelTensor *tensor, uint32_t set_log2,
             uint32_t d_model, double *ratio)
{
  const PlannerProduct *product =
      planner_rates_product (rates, tensor->type->id, set_log2, d_model);

  *ratio = 1;
  if (product == NULL)
    product = planner_rates_product (rates, tensor->type->id, set_log2, 0);
  for (guint i = 0; product == NULL && i < rates->products->len; i++) {
    const PlannerProduct *other = &g_array_index (rates->products, PlannerProduct, i);
    const ModelTypeInfo *type = model_type_info (other->type);

    if (other->set_log2 != set_log2)
      continue;
    product = other;
    *ratio = (double) tensor->type->block_bytes / tensor->type->block_weights /
             ((double) type->block_bytes / type->block_weights);
  }
  return product;
}

double
planner_plan_seconds (const PlannerRates *rates, const GraphPlan *plan, const PlannerBatch *batch,
                      ModelKvType kv_type, uint32_t set_log2)
{
  const PlannerOther *other = planner_rates_other (rates, kv_type, set_log2);
  PlannerWork work = planner_work_of (plan, batch);
  double seconds;

  if (other == NULL)
    return plan->n_ops > 0 ? -1 : 0;
  seconds = planner_work_seconds (other, &work);
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];

    for (uint32_t w = 0; w < op->n_weights; w++) {
      double n = op->output_rows ? batch->n_outputs : batch->n_tokens, tokens, ratio;
      double weights = planner_op_weights (plan->desc, op, w, n, &tokens);
      const PlannerProduct *product;

      if (weights == 0)
        continue;
      product = product_for (rates, op->weights[w], set_log2, plan->desc->h.d_model, &ratio);
      if (product == NULL)
        return -1;
      seconds += ratio * planner_product_seconds (product, weights, tokens);
    }
  }
  return seconds;
}
