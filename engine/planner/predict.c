/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times of a placed model: prompts cut into chunks as sessions cut them, a token at a depth, and
 * what crosses between two devices. Knows rates and plans; must not measure. */
#include "engine/planner/calibrate.h"
#include "engine/planner/planner-private.h"
#include "engine/split/cut.h"

typedef struct {
  const EngineModel *model;
  SplitCut *cuts[SESSION_N_CLASSES]; /* of two devices */
  PlannerRates *rates[SPLIT_N_DEVICES];
  uint32_t set_log2[SPLIT_N_DEVICES];
  uint32_t most_at_once; /* tokens that are read, as sessions do while nobody writes */
} Predictor;

/* Of a batch on all devices; < 0: not known. */
static double
batch_seconds (const Predictor *p, SessionClass class, const PlannerBatch *batch)
{
  const GraphPlan *plan = p->model->plans[class];
  const SplitCut *cut = p->cuts[class];
  double seconds = 0;

  if (p->rates[SPLIT_SECOND] == NULL)
    return planner_plan_seconds (p->rates[SPLIT_FIRST], plan, batch, p->model->kv.type,
                                 p->set_log2[SPLIT_FIRST]);
  for (unsigned d = 0; d < SPLIT_N_DEVICES; d++) {
    double own = planner_plan_seconds (p->rates[d], cut->plans[d], batch, p->model->kv.type,
                                       p->set_log2[d]);

    if (own < 0)
      return -1;
    seconds += own;
  }
  for (uint32_t i = 0; i < cut->n_steps; i++) {
    const PlannerOther *other =
        planner_rates_other (p->rates[SPLIT_FIRST], p->model->kv.type, p->set_log2[SPLIT_FIRST]);

    for (unsigned b = 0; b < GRAPH_N_BUFFERS; b++)
      if ((cut->steps[i].imports & GRAPH_BUFFER_BIT (b)) != 0)
        seconds += (other->crossing_s + other->crossing_float_s * batch->n_tokens *
                                            plan->buffer_width[b]) /
                   2; /* one way */
  }
  return seconds;
}

static uint32_t
find_most_at_once (const Predictor *p)
{
  const PlannerBatch chunk = { p->model->chunk_tokens, 0, 0 };
  double seconds = batch_seconds (p, SESSION_CLASS_CHUNK, &chunk);

  if (seconds <= 0)
    return chunk.n_tokens;
  return session_piece_most (seconds * 1e6 / chunk.n_tokens, chunk.n_tokens);
}

static double
prompt_seconds (const Predictor *p, uint32_t n_tokens)
{
  double seconds = 0;
  uint32_t n;

  for (uint32_t first = 0; first < n_tokens; first += n) {
    n = session_piece (n_tokens - first, p->most_at_once);
    const PlannerBatch batch = { n, first + n == n_tokens, first };
    double own = batch_seconds (p, SESSION_CLASS_CHUNK, &batch);

    if (own < 0)
      return -1;
    seconds += own;
  }
  return seconds;
}

static void
fill_times (const Predictor *p, EnginePlan *plan)
{
  uint32_t n_tokens = ENGINE_PLAN_FIRST_TOKENS;

  while (plan->n_times < G_N_ELEMENTS (plan->times)) {
    uint32_t n = MIN (n_tokens, plan->context_tokens - 1);
    const PlannerBatch token = { 1, 1, n };
    EnginePlanTime time = { .tokens = n, .ttft_s = prompt_seconds (p, n) };

    if (!session_model_embeds (p->model))
      time.token_s = batch_seconds (p, SESSION_CLASS_DECODE, &token);
    if (time.ttft_s < 0 || time.token_s < 0)
      return;
    plan->times[plan->n_times++] = time;
    if (n + 1 == plan->context_tokens)
      return;
    n_tokens *= 2;
  }
}

/* The devices that the model lies on, as many as its plan has heaps, and what lies on which. */
static SplitPlacement
list_backends (const EngineModel *model, EngineBackend *backends[SPLIT_N_DEVICES])
{
  backends[SPLIT_FIRST] = model->backend;
  if (!model->split)
    return (SplitPlacement) { 0 };
  return split_backend_parts (model->backend, backends);
}

void
planner_predict (const EngineModel *model, const EngineModelOptions *options)
{
  EngineBackend *backends[SPLIT_N_DEVICES];
  SplitPlacement placement = list_backends (model, backends);
  Predictor p = { .model = model };
  EnginePlan *plan = model->plan;

  for (uint32_t d = 0; d < plan->n_heaps; d++) {
    const EngineBackendCaps *caps = backends[d]->vtable->caps (backends[d]);

    p.rates[d] = planner_rates_read (options->cache_dir, caps->identity);
    p.set_log2[d] = planner_set_log2 (plan->heaps[d].weights_bytes);
  }
  for (unsigned c = 0; plan->n_heaps == SPLIT_N_DEVICES && c < SESSION_N_CLASSES; c++)
    if (model->plans[c] != NULL)
      p.cuts[c] = split_cut_new (model->plans[c], &placement);
  p.most_at_once = find_most_at_once (&p);
  fill_times (&p, plan);
  for (unsigned c = 0; c < SESSION_N_CLASSES; c++)
    g_clear_pointer (&p.cuts[c], split_cut_free);
  for (uint32_t d = 0; d < plan->n_heaps; d++)
    planner_rates_free (p.rates[d]);
}

/* Between the tokens that there are times for; beyond, as between the last two. */
gboolean
engine_plan_times (const EnginePlan *plan, uint32_t n_tokens, double *ttft_s, double *token_s)
{
  const EnginePlanTime *a, *b;
  uint32_t i = 1;
  double share;

  *ttft_s = *token_s = 0;
  if (plan->n_times == 0)
    return FALSE;
  while (i + 1 < plan->n_times && n_tokens > plan->times[i].tokens)
    i++;
  b = &plan->times[MIN (i, plan->n_times - 1)];
  a = &plan->times[i - 1];
  share = a == b ? 0
                 : ((double) n_tokens - a->tokens) / ((double) b->tokens - a->tokens);
  *ttft_s = a->ttft_s + share * (b->ttft_s - a->ttft_s);
  *token_s = a->token_s + share * (b->token_s - a->token_s);
  return TRUE;
}

/* ---- measuring what lacks ------------------------------------------------------------------- */

#define WORTH_MEASURING 0.03 /* of the weights of a plan */

/* The formats of a plan's products that are worth it; of a table of embeddings alone its own, for
 * what stands beside products. */
static gboolean
calibrate_plan (EngineBackend *backend, PlannerRates *rates, const GraphPlan *plan,
                uint32_t set_log2, ModelKvType kv_type)
{
  double all = 0, bytes[256] = { 0 };

  for (uint32_t i = 0; i < plan->n_ops; i++)
    for (uint32_t w = 0; w < plan->ops[i].n_weights; w++) {
      const ModelTensor *tensor = plan->ops[i].weights[w];

      if (plan->ops[i].kind == GRAPH_OP_EMBED)
        continue;
      bytes[tensor->type->id & 0xff] += (double) tensor->bytes;
      all += (double) tensor->bytes;
    }
  for (uint32_t i = 0; all == 0 && i < plan->n_ops; i++)
    if (plan->ops[i].kind == GRAPH_OP_EMBED)
      return planner_calibrate (backend, rates, plan->desc, plan->ops[i].weights[0]->type->id,
                                set_log2, kv_type, NULL);
  for (uint32_t type = 0; type < G_N_ELEMENTS (bytes); type++)
    if (bytes[type] > WORTH_MEASURING * all &&
        !planner_calibrate (backend, rates, plan->desc, (ModelType) type, set_log2, kv_type, NULL))
      return FALSE;
  return TRUE;
}

void
planner_measure (EngineModel *model, const EngineModelOptions *options)
{
  EngineBackend *backends[SPLIT_N_DEVICES];
  SplitPlacement placement = list_backends (model, backends);
  g_autoptr (SplitCut) cut = NULL;
  gboolean ok = options->cache_dir != NULL; /* nobody would know of it */

  if (ok)
    cut = split_cut_new (model->plans[SESSION_CLASS_CHUNK], &placement);
  for (uint32_t d = 0; ok && d < model->plan->n_heaps; d++) {
    const char *identity = backends[d]->vtable->caps (backends[d])->identity;
    g_autoptr (PlannerRates) rates = planner_rates_read (options->cache_dir, identity);
    guint before = rates->products->len + rates->others->len;

    ok = calibrate_plan (backends[d], rates, cut->plans[d],
                         planner_set_log2 (model->plan->heaps[d].weights_bytes), model->kv.type);
    if (rates->products->len + rates->others->len > before)
      planner_rates_write (rates, options->cache_dir, identity);
  }
}
