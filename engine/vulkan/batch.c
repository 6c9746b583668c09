/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A batch on its way to the device and back: token ids, positions, page tables, rotations and
 * dispatch sizes into the parameters; candidates out of the results. Must not know kernels. */
#include "engine/vulkan/executable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cosines and sines of all rotations in use. */
static void
write_rotations (VulkanExecutable *self, uint32_t token, uint32_t position)
{
  const ModelDesc *desc = self->plan->desc;
  uint8_t *tables = (uint8_t *) self->params.map + self->at.rotations;
  for (uint32_t r = 0; r < desc->n_rotations; r++, tables += self->at.rotation_bytes) {
    const ModelRotation *rotation = &desc->rotations[r];
    uint32_t pairs = rotation->d_rope / 2;
    float *pair = (float *) (void *) tables + (size_t) token * pairs * 2;
    for (uint32_t i = 0; (self->rotations & (1u << r)) != 0 && i < pairs; i++, pair += 2) {
      double angle = (double) position * (double) rotation->frequency[i];
      pair[0] = rotation->magnitude * (float) cos (angle);
      pair[1] = rotation->magnitude * (float) sin (angle);
    }
  }
}

/* The page tables of a run, behind n_pages entries of the runs before it. An entry that no token
 * sees may hold anything; a driver in software reads a page more than it uses, which must exist. */
static void
write_pages (VulkanExecutable *self, const EngineBatchRun *run, uint32_t n_pages)
{
  for (GraphKvGroup group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    uint32_t *pages =
        (uint32_t *) (void *) ((uint8_t *) self->params.map + self->at.pages[group]) + n_pages;
    for (uint32_t i = 0; self->model->kv[group].n_layers > 0 && i < run->n_pages; i++)
      pages[i] = run->pages[group][i] < self->model->kv[group].n_pages ? run->pages[group][i] : 0;
  }
}

static void
write_tokens (VulkanExecutable *self, const EngineBatch *batch)
{
  uint8_t *map = self->params.map;
  ShaderToken *tokens = (ShaderToken *) (void *) (map + self->at.tokens);
  uint32_t n_pages = 0;
  for (uint32_t r = 0; r < batch->n_runs; r++) {
    const EngineBatchRun *run = &batch->runs[r];
    write_pages (self, run, n_pages);
    for (uint32_t i = 0; i < run->n_tokens; i++) {
      uint32_t token = run->first + i;
      tokens[token] = (ShaderToken) { .id = (uint32_t) batch->tokens[token],
                                      .position = run->position + i,
                                      .first_page = n_pages,
                                      .n_keys = run->position +
                                                (self->whole_run ? run->n_tokens : i + 1) };
      write_rotations (self, token, run->position + i);
    }
    n_pages += run->n_pages;
  }
}

gboolean
vulkan_batch_read_rows (VulkanExecutable *self, const EngineBatch *batch, GError **error)
{
  if (self->file_op == NULL)
    return TRUE;
  const ModelTensor *table = self->file_op->weights[0];
  const ModelGguf *gguf = self->plan->desc->gguf;
  size_t row_bytes = model_type_row_bytes (table->type, table->ne[0]);
  g_autofree uint8_t *rows = g_try_malloc_n (batch->n_tokens, row_bytes);
  float *dst = (float *) (void *) ((uint8_t *) self->params.map + self->at.file_rows);
  if (rows == NULL) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                         "There is no memory for the embeddings of a batch.");
    return FALSE;
  }
  if (!model_gguf_read_rows (gguf, table, batch->tokens, batch->n_tokens, rows, error))
    return FALSE;
  for (uint32_t i = 0; i < batch->n_tokens; i++, dst += vulkan_file_row_floats (self->file_op))
    table->type->to_f32 (rows + i * row_bytes, dst, table->ne[0]);
  return TRUE;
}

/* A run that begins reads no state; its pointer is good all the same. */
static void
write_runs (VulkanExecutable *self, const EngineBatch *batch)
{
  const VulkanStates *states = &self->model->states;
  ShaderRun *runs = (ShaderRun *) (void *) ((uint8_t *) self->params.map + self->at.runs);
  for (uint32_t r = 0; states->n_slots > 0 && r < batch->n_runs; r++) {
    const EngineBatchRun *run = &batch->runs[r];
    runs[r] = (ShaderRun) {
      .from = states->slots[run->position > 0 ? run->state_from : run->state_to].address,
      .to = states->slots[run->state_to].address,
      .first = run->first,
      .n_tokens = run->n_tokens,
      .position = run->position,
    };
  }
}

static void
write_outputs (VulkanExecutable *self, const EngineBatch *batch)
{
  ShaderOutput *outputs =
      (ShaderOutput *) (void *) ((uint8_t *) self->params.map + self->at.outputs);
  for (uint32_t i = 0; i < batch->n_outputs; i++) {
    const EngineBatchRun *run = batch->runs;
    while (batch->outputs[i] >= run->first + run->n_tokens)
      run++;
    outputs[i] = (ShaderOutput) { batch->outputs[i], run->first, run->n_tokens, 0 };
  }
}

/* Cuts n_pages of keys into splits when tokens and heads alone do not fill the device. */
static void
split_pages (const VulkanExecutable *self, uint32_t n_tokens, uint32_t n_pages, uint32_t *n_splits,
             uint32_t *pages_a_split)
{
  const VulkanQuirks *quirks = &self->model->backend->device->quirks;
  uint32_t most = MIN (n_pages, self->max_split_tokens / n_tokens);
  uint32_t tile = vulkan_bucket (self, n_tokens) >= VULKAN_BUCKET_FEW ? self->tile_tokens : 0;
  uint32_t groups = (tile > 0 ? (n_tokens + tile - 1) / tile : n_tokens) *
                    self->plan->desc->h.n_heads_kv;
  uint32_t fill = tile > 0 ? quirks->fill_tiles : quirks->fill;
  uint32_t wanted = (fill + groups - 1) / groups;
  uint32_t splits = MAX (MIN (most, wanted), 1);
  *pages_a_split = (n_pages + splits - 1) / splits;
  *n_splits = (n_pages + *pages_a_split - 1) / *pages_a_split;
}

static void
write_batch (VulkanExecutable *self, const EngineBatch *batch, ShaderBatch *shared)
{
  uint32_t n_pages = 1, longest = 0;
  /* A window may begin and end inside a page. */
  uint32_t window_pages = (self->window_tokens + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS + 1;
  for (uint32_t r = 0; r < batch->n_runs; r++) {
    const EngineBatchRun *run = &batch->runs[r];
    n_pages = MAX (n_pages, (run->position + run->n_tokens - 1) / ENGINE_PAGE_TOKENS + 1);
    longest = MAX (longest, run->n_tokens);
  }
  *shared = (ShaderBatch) {
    .n_tokens = batch->n_tokens,
    .n_outputs = batch->n_outputs,
    .n_candidates = batch->n_candidates,
    .n_runs = batch->n_runs,
    .longest_run = longest,
  };
  split_pages (self, batch->n_tokens, n_pages, &shared->n_splits[0], &shared->pages_a_split[0]);
  split_pages (self, batch->n_tokens, MIN (n_pages, window_pages), &shared->n_splits[1],
               &shared->pages_a_split[1]);
}

static uint32_t
count (const VulkanExecutable *self, VulkanCount kind, uint32_t fixed, const ShaderBatch *shared)
{
  if (kind == VULKAN_COUNT_EXPERT_TILES)
    return vulkan_most_expert_tiles (&self->plan->desc->h, shared->n_tokens, fixed);
  uint32_t columns = MAX (fixed, 1);
  const uint32_t counts[] = {
    [VULKAN_COUNT_FIXED] = fixed,
    [VULKAN_COUNT_TOKENS] = shared->n_tokens,
    [VULKAN_COUNT_TOKEN_TILES] = (shared->n_tokens + columns - 1) / columns,
    [VULKAN_COUNT_OUTPUTS] = shared->n_outputs,
    [VULKAN_COUNT_OUTPUT_TILES] = (shared->n_outputs + columns - 1) / columns,
    [VULKAN_COUNT_RUNS] = shared->n_runs,
    [VULKAN_COUNT_RUN_TILES] = (shared->longest_run + SHADER_CONV_TILE - 1) / SHADER_CONV_TILE,
    [VULKAN_COUNT_SPLITS] = shared->n_splits[0],
    [VULKAN_COUNT_WINDOW_SPLITS] = shared->n_splits[1],
    [VULKAN_COUNT_SPLIT_TOKENS] = shared->n_splits[0] > 1 ? shared->n_tokens : 0,
    [VULKAN_COUNT_WINDOW_SPLIT_TOKENS] = shared->n_splits[1] > 1 ? shared->n_tokens : 0,
  };
  return counts[kind];
}

void
vulkan_batch_write (VulkanExecutable *self, const EngineBatch *batch,
                    const uint32_t buckets[VULKAN_N_PARTS])
{
  uint8_t *map = self->params.map;
  ShaderBatch shared;
  write_batch (self, batch, &shared);
  memcpy (map + self->at.batch, &shared, sizeof shared);
  write_tokens (self, batch);
  write_runs (self, batch);
  write_outputs (self, batch);
  VkDispatchIndirectCommand *arguments =
      (VkDispatchIndirectCommand *) (void *) (map + self->at.arguments);
  for (uint32_t part = 0; part < VULKAN_N_PARTS; part++) {
    const VulkanRecording *recording = &self->recordings[part][buckets[part]];
    for (guint i = 0; recording->grids != NULL && i < recording->grids->len; i++) {
      const VulkanGrid *grid = &g_array_index (recording->grids, VulkanGrid, i);
      uint32_t size[3];
      for (uint32_t d = 0; d < 3; d++)
        size[d] = count (self, grid->kind[d], grid->fixed[d], &shared);
      arguments[recording->first_argument + i] =
          (VkDispatchIndirectCommand) { size[0], size[1], size[2] };
    }
  }
}

static int
compare_candidates (const void *a, const void *b)
{
  const EngineCandidate *x = a, *y = b;
  if (x->logit != y->logit)
    return x->logit > y->logit ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* The n best of found, which it sorts; missing ones (a vocabulary smaller than n) get id -1. */
static void
keep_best (EngineCandidate *found, uint32_t n_found, EngineCandidate *candidates, uint32_t n)
{
  qsort (found, n_found, sizeof *found, compare_candidates);
  for (uint32_t i = 0; i < n; i++)
    candidates[i] = i < n_found ? found[i] : (EngineCandidate) { -1, -INFINITY };
}

static gboolean
read_row (VulkanExecutable *self, uint32_t row, float *logits, GError **error)
{
  uint64_t bytes = (uint64_t) self->plan->buffer_width[GRAPH_BUFFER_LOGITS] * sizeof (float);
  return vulkan_submitter_read (self->model->backend->submitter, &self->activations,
                                self->offset[GRAPH_BUFFER_LOGITS] + row * bytes, logits, bytes,
                                error);
}

/* More logits reached the threshold than come back (a flat distribution): all of the row is
 * read. */
static gboolean
search_row (VulkanExecutable *self, uint32_t row, EngineCandidate *candidates, uint32_t n,
            GError **error)
{
  uint32_t n_vocab = self->plan->buffer_width[GRAPH_BUFFER_LOGITS];
  g_autofree float *logits = g_try_new (float, n_vocab);
  g_autofree EngineCandidate *found = g_try_new (EngineCandidate, n_vocab);
  if (logits == NULL || found == NULL) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                         "There is no memory for the logits of a token.");
    return FALSE;
  }
  if (!read_row (self, row, logits, error))
    return FALSE;
  for (uint32_t i = 0; i < n_vocab; i++)
    found[i] = (EngineCandidate) { (int32_t) i, logits[i] };
  keep_best (found, n_vocab, candidates, n);
  return TRUE;
}

gboolean
vulkan_batch_read (VulkanExecutable *self, const EngineBatch *batch, EngineResult *result,
                   GError **error)
{
  const uint32_t *words = self->results.map != NULL ? self->results.map : self->readback.map;
  for (uint32_t row = 0; row < batch->n_outputs; row++) {
    const uint32_t *one = words + (size_t) row * SHADER_RESULT_WORDS;
    EngineCandidate *candidates = result->candidates + (size_t) row * batch->n_candidates;
    uint32_t n_found = one[0];
    memcpy (&result->lse[row], &one[2], sizeof (float));
    if (n_found > SHADER_FOUND || n_found < batch->n_candidates) {
      if (!search_row (self, row, candidates, batch->n_candidates, error))
        return FALSE;
    } else {
      g_autofree EngineCandidate *found = g_new (EngineCandidate, n_found);
      memcpy (found, one + 4, n_found * sizeof *found);
      keep_best (found, n_found, candidates, batch->n_candidates);
    }
    if (batch->want_logits &&
        !read_row (self, row,
                   result->logits + (size_t) row * self->plan->buffer_width[GRAPH_BUFFER_LOGITS],
                   error))
      return FALSE;
  }
  return TRUE;
}
