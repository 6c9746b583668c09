/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The next tokens of one or several timelines through the model, in one batch. Must not know whose
 * they are, nor what becomes of the rows. */
#include "engine/session/session.h"

#include <string.h>

gboolean
session_run_reserve (SessionRun *run, GError **error)
{
  if (!session_timeline_reserve (run->timeline, run->n_tokens, error))
    return FALSE;
  run->state = session_timeline_next_state (run->timeline);
  if (run->state != SESSION_NO_STATE || run->timeline->cache->states.n_pages == 0)
    return TRUE;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                       "There is no room for what this model keeps of a conversation.");
  return FALSE;
}

/* What the back end is to know of a run whose first token is the first'th of the batch. */
static EngineBatchRun
describe (const SessionRun *run, uint32_t first)
{
  const SessionTimeline *timeline = run->timeline;
  EngineBatchRun described = {
    .first = first,
    .n_tokens = run->n_tokens,
    .position = timeline->tokens->len,
    .n_pages = timeline->table[GRAPH_KV_FULL]->len,
    /* Without one it is not read: the timeline begins. */
    .state_from = timeline->state != SESSION_NO_STATE ? timeline->state : run->state,
    .state_to = run->state,
  };

  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    described.pages[group] = (const uint32_t *) (const void *) timeline->table[group]->data;
  return described;
}

gboolean
session_batch_run (EngineModel *model, SessionRun *runs, uint32_t n_runs, const uint32_t *outputs,
                   uint32_t n_outputs, uint32_t n_candidates, EngineResult *result,
                   const gint *cancel, EngineRunCost *cost, GError **error)
{
  EngineBatchRun described[ENGINE_MAX_RUNS];
  gint32 tokens[SESSION_SMALL_TOKENS];
  EngineBatch batch = {
    .tokens = n_runs > 1 ? tokens : runs[0].tokens,
    .runs = described,
    .n_runs = n_runs,
    .outputs = outputs,
    .n_outputs = n_outputs,
    .n_candidates = n_candidates,
    .want_logits = result->logits != NULL,
    .next = n_runs == 1 ? runs[0].next : NULL,
  };
  EngineBackendExecutable *executable;
  gboolean ok;

  for (uint32_t i = 0; i < n_runs; i++) {
    described[i] = describe (&runs[i], batch.n_tokens);
    if (n_runs > 1)
      memcpy (tokens + batch.n_tokens, runs[i].tokens, runs[i].n_tokens * sizeof *tokens);
    batch.n_tokens += runs[i].n_tokens;
  }
  executable = session_model_executable (
      model, session_model_class (model, batch.n_tokens, n_outputs), error);
  ok = executable != NULL &&
       model->backend->vtable->run (executable, &batch, result, cancel, cost, error);
  for (uint32_t i = 0; i < n_runs; i++) {
    if (ok)
      session_timeline_append (runs[i].timeline, runs[i].tokens, runs[i].n_tokens, runs[i].state);
    else
      session_timeline_drop_state (runs[i].timeline, runs[i].state);
  }
  return ok;
}

gboolean
session_evaluate (EngineSession *session, const gint32 *tokens, uint32_t n, const uint32_t *outputs,
                  uint32_t n_outputs, uint32_t n_candidates, EngineResult *result,
                  EngineRunCost *cost, GError **error)
{
  SessionRun run = {
    .timeline = &session->timeline,
    .tokens = tokens,
    .n_tokens = n,
    .state = SESSION_NO_STATE,
  };

  return session_run_reserve (&run, error) &&
         session_batch_run (session->model, &run, 1, outputs, n_outputs, n_candidates, result,
                            session->cancelled, cost, error);
}
