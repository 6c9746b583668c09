/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One timeline of a model: its life, its cancel flag, what a prompt would find of it, and the
 * log-probabilities of a text. Must not know answers, nor what a device does. */
#include "engine/session/drafter.h"
#include "engine/session/session.h"

EngineSession *
engine_session_new (EngineModel *model, GError **error)
{
  EngineSession *session;

  if (model->weights == NULL) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "“%s” was opened for its text only; load it to get answers.", model->info->name);
    return NULL;
  }
  session = g_new0 (EngineSession, 1);
  session->model = model;
  session->cancelled = &session->cancel;
  session_timeline_init (&session->timeline, &model->cache);
  return session;
}

void
engine_session_free (EngineSession *session)
{
  if (session == NULL)
    return;
  session_timeline_finish (&session->timeline);
  g_free (session);
}

void
engine_session_cancel (EngineSession *session)
{
  g_atomic_int_set (&session->cancel, 1);
}

void
engine_session_rearm (EngineSession *session)
{
  g_atomic_int_set (&session->cancel, 0);
}

uint32_t
engine_session_n_tokens (const EngineSession *session)
{
  return session->timeline.tokens->len;
}

uint32_t
session_prompt_reusable (const GArray *prompt)
{
  return prompt->len > 0 ? prompt->len - 1 : 0;
}

uint32_t
engine_session_reusable (const EngineSession *session, const GArray *prompt)
{
  return session_timeline_reusable (&session->timeline, (const gint32 *) prompt->data,
                                    session_prompt_reusable (prompt));
}

void
engine_model_forget (EngineModel *model)
{
  if (model->weights != NULL)
    session_cache_forget (&model->cache);
  if (model->drafter != NULL)
    engine_model_forget (session_drafter_model (model->drafter));
}

gboolean
session_check_prompt (const EngineSession *session, const gint32 *tokens, uint32_t n,
                      GError **error)
{
  uint32_t context = session->model->context_tokens;

  if (session_model_embeds (session->model)) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "“%s” makes vectors of texts, for searching; it writes no answers. Choose a "
                 "language model.",
                 session->model->info->name);
    return FALSE;
  }
  if (n == 0) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "There is nothing to read: the text is empty.");
    return FALSE;
  }
  if (n >= context) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT,
                 "The text has %u tokens and the context holds %u, the answer included. "
                 "Shorten the text or choose a longer context.",
                 n, context);
    return FALSE;
  }
  for (uint32_t i = 0; i < n; i++) {
    if (tokens[i] < 0 || (uint32_t) tokens[i] >= session->model->desc->h.n_vocab) {
      g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                   "Token %d is outside the model's vocabulary of %u.", tokens[i],
                   session->model->desc->h.n_vocab);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
engine_session_logits (EngineSession *session, const GArray *tokens, uint32_t n_top, float **lse,
                       EngineTop **top, double *mean_nll, GError **error)
{
  const gint32 *ids = (const gint32 *) tokens->data;
  uint32_t n = tokens->len, n_vocab = session->model->desc->h.n_vocab;
  g_autofree float *sums = g_new (float, n);
  g_autofree EngineTop *best = g_new (EngineTop, (size_t) n * MAX (n_top, 1));
  g_autofree EngineCandidate *candidates = NULL;
  g_autofree float *rows = NULL;
  double nll = 0;

  if (!session_check_prompt (session, ids, n, error))
    return FALSE;
  if (n_top == 0 || n_top > MIN (ENGINE_MAX_CANDIDATES, n_vocab)) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "The number of top tokens must lie between 1 and %u.",
                 MIN (ENGINE_MAX_CANDIDATES, n_vocab));
    return FALSE;
  }
  candidates = g_new (EngineCandidate, (size_t) SESSION_SMALL_TOKENS * n_top);
  rows = g_new (float, (size_t) SESSION_SMALL_TOKENS *n_vocab);
  session_timeline_truncate (&session->timeline, 0);
  for (uint32_t first = 0; first < n; first += SESSION_SMALL_TOKENS) {
    uint32_t count = MIN (SESSION_SMALL_TOKENS, n - first), outputs[SESSION_SMALL_TOKENS];
    EngineResult result = { candidates, sums + first, rows };

    for (uint32_t i = 0; i < count; i++)
      outputs[i] = i;
    if (!session_evaluate (session, ids + first, count, outputs, count, n_top, &result, NULL,
                           error))
      return FALSE;
    for (uint32_t i = 0; i < count; i++) {
      for (uint32_t k = 0; k < n_top; k++)
        best[(size_t) (first + i) * n_top + k] = (EngineTop) {
          candidates[i * n_top + k].id,
          candidates[i * n_top + k].logit - sums[first + i],
        };
      if (first + i + 1 < n)
        nll += (double) sums[first + i] - rows[(size_t) i * n_vocab + ids[first + i + 1]];
    }
  }
  *mean_nll = n > 1 ? nll / (n - 1) : 0;
  *lse = g_steal_pointer (&sums);
  *top = g_steal_pointer (&best);
  return TRUE;
}
