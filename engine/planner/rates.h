/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a device's speed, and the time that a batch of a plan takes by it. Times are in
 * seconds. Thread: any. */
#pragma once

#include "engine/backend.h"

/* Products are measured with batches of so many tokens, and what lies between is interpolated. */
enum {
  PLANNER_ONE, /* token */
  PLANNER_FEW,
  PLANNER_MANY, /* the device's own chunk */
  PLANNER_N_WIDTHS,
};

/* Products of a number format with weights of about a size in all (caches!), in matrices of a
 * width, which kernels cut into tiles with less or more left over. */
typedef struct {
  uint32_t type;                     /* ModelType */
  uint32_t set_log2;                 /* of the bytes of all weights of the model */
  uint32_t d_model;                  /* its width */
  uint32_t tokens[4];                /* [PLANNER_N_WIDTHS] */
  double weight_s[PLANNER_N_WIDTHS]; /* of a weight, for all these tokens */
} PlannerProduct;

/* What is beside products, with keys and values of a type, in models of about a size: what does not
 * fit caches beside the weights is read from memory. */
typedef struct {
  uint32_t kv_type;  /* ModelKvType */
  uint32_t set_log2; /* as of products */
  double op_s;       /* fixed cost of an op */
  double float_s;    /* of a float that an op reads or writes, of each token */
  double one_key_s;  /* of a number of a key or value, for one token: read once for its group */
  double many_key_s; /* the same and a query head, for each of many tokens */
  double crossing_s; /* to the host and back */
  double crossing_float_s;
} PlannerOther;

typedef struct {
  GArray *products, *others;
} PlannerRates;

void planner_rates_free (PlannerRates *rates);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PlannerRates, planner_rates_free)

/* Sizes of weights are told apart by powers of four within these. */
uint32_t planner_set_log2 (uint64_t weight_bytes);
/* NULL: not measured. d_model 0: of whatever width. */
const PlannerProduct *planner_rates_product (const PlannerRates *rates, uint32_t type,
                                             uint32_t set_log2, uint32_t d_model);
const PlannerOther *planner_rates_other (const PlannerRates *rates, ModelKvType kv_type,
                                         uint32_t set_log2);

/* What is kept of a device in cache_dir; empty where nothing is, or for a NULL. */
PlannerRates *planner_rates_read (const char *cache_dir, const char *identity);
gboolean planner_rates_write (const PlannerRates *rates, const char *cache_dir,
                              const char *identity);

/* A batch of n_tokens from first_position on, with n_outputs, of all ops of a plan. */
typedef struct {
  uint32_t n_tokens, n_outputs, first_position;
} PlannerBatch;

/* What of the time of a batch each rate has a part in, as sums over the plan's ops. */
typedef struct {
  double ops, floats;
  double one_keys, many_keys; /* numbers of keys and values, see PlannerOther */
} PlannerWork;

PlannerWork planner_work_of (const GraphPlan *plan, const PlannerBatch *batch);
/* Weights of an op's products, each once, that a batch reads, and for how many tokens each; 0 for
 * ops that have none. */
double planner_op_weights (const ModelDesc *desc, const GraphOp *op, uint32_t w, double n,
                           double *tokens);
double planner_product_seconds (const PlannerProduct *product, double weights, double tokens);
double planner_work_seconds (const PlannerOther *other, const PlannerWork *work);
/* < 0: not known. set_log2: of the model's weights on the device. */
double planner_plan_seconds (const PlannerRates *rates, const GraphPlan *plan,
                             const PlannerBatch *batch, ModelKvType kv_type, uint32_t set_log2);
