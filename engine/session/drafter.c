/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guesses by a small model. Must not know who checks them, nor what they gain. */
#include "engine/session/drafter.h"

#include <math.h>

#define PATIENCE 3 /* tokens: some places are easy to guess after, and some are not */

struct _SessionDrafter {
  SessionGuesser guesser; /* the first member */
  EngineModel *model;
  EngineSession *session; /* of it */
  uint32_t n_vocab;       /* tokens that both have */
  double cost;            /* of a guess, in tokens of the larger model: by the weights read */
};

static gboolean
refuse (const EngineModel *model, const EngineModel *draft, const char *why, GError **error)
{
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID, "“%s” cannot guess for “%s”: %s",
               draft->info->name, model->info->name, why);
  return FALSE;
}

gboolean
session_drafter_check (const EngineModel *model, const EngineModel *draft, GError **error)
{
  if (session_model_embeds (model) || session_model_embeds (draft))
    return refuse (model, draft, "only models that write answers can guess and be guessed for.",
                   error);
  if (!model->info->takes_guesses)
    return refuse (model, draft,
                   "this one keeps states, which cannot go back to before a wrong guess.", error);
  if (model->info->vocabulary != draft->info->vocabulary)
    return refuse (
        model, draft,
        "their vocabularies differ. Choose a smaller model of the same family and version.", error);
  return TRUE;
}

/* Reads what the draft lacks of tokens[n], and gives the likeliest token after them. Returns how
 * many were read; 0: it did not succeed. */
static uint32_t
read_on (EngineSession *session, const gint32 *tokens, uint32_t n, EngineResult *next)
{
  uint32_t held = session_timeline_adopt (&session->timeline, tokens, n - 1);

  for (uint32_t done = held; done < n;) {
    uint32_t count = MIN (session->model->chunk_tokens, n - done), last = count - 1;
    gboolean final = done + count == n;

    if (!session_evaluate (session, tokens + done, count, &last, final ? 1 : 0, 1, next, NULL,
                           NULL))
      return 0;
    done += count;
  }
  /* States cannot go back token by token: wrong guesses go back to here. */
  session_timeline_set_mark (&session->timeline, n);
  return n - held;
}

/* It knows all tokens, and they leave room for guesses. */
static gboolean
can_follow (const SessionDrafter *drafter, const gint32 *tokens, uint32_t n)
{
  if (n >= drafter->model->context_tokens)
    return FALSE;
  for (uint32_t i = 0; i < n; i++)
    if ((uint32_t) tokens[i] >= drafter->n_vocab)
      return FALSE;
  return TRUE;
}

/* Another guess is made while the chance that it comes to it is worth more than it costs; the last
 * one costs next to nothing to check. A batch that fails ends the guesses: whoever writes goes on
 * without them. */
static guint32
guess (SessionGuesser *guesser, const gint32 *tokens, guint32 n, gint32 *guesses, guint32 most)
{
  static const uint32_t output = 0;
  SessionDrafter *drafter = (SessionDrafter *) guesser;
  gint64 begin_us = g_get_monotonic_time ();
  EngineCandidate candidate;
  float lse;
  EngineResult next = { &candidate, &lse, NULL };
  uint32_t n_guesses = 0, n_read;
  double chance = 1;
  gboolean ok;

  if (!can_follow (drafter, tokens, n))
    return 0;
  n_read = read_on (drafter->session, tokens, n, &next);
  if (n_read > SESSION_SMALL_TOKENS) /* more than was written since it guessed the last time */
    guesser->catch_up_us = g_get_monotonic_time () - begin_us;
  most = MIN (most, drafter->model->context_tokens - n);
  ok = n_read > 0;
  while (ok && (uint32_t) candidate.id < drafter->n_vocab) {
    guesses[n_guesses++] = candidate.id;
    chance *= exp ((double) candidate.logit - (double) lse);
    ok = n_guesses < most && chance > drafter->cost &&
         session_evaluate (drafter->session, &guesses[n_guesses - 1], 1, &output, 1, 1, &next, NULL,
                           NULL);
  }
  return n_guesses;
}

SessionDrafter *
session_drafter_new (const EngineModel *model, EngineModel *draft, GError **error)
{
  EngineSession *session = engine_session_new (draft, error);
  SessionDrafter *drafter;

  /* What it needs to read its own guesses is made now: guesses are judged by their time. */
  if (session == NULL || session_model_executable (draft, SESSION_CLASS_SMALL, error) == NULL) {
    engine_session_free (session);
    engine_model_close (draft);
    return NULL;
  }
  drafter = g_new0 (SessionDrafter, 1);
  session_guesser_init (&drafter->guesser, guess, PATIENCE);
  drafter->model = draft;
  drafter->session = session;
  drafter->n_vocab = MIN (model->desc->h.n_vocab, draft->desc->h.n_vocab);
  drafter->cost =
      MIN ((double) draft->desc->decode_bytes / (double) model->desc->decode_bytes, 0.5);
  return drafter;
}

void
session_drafter_free (SessionDrafter *drafter)
{
  if (drafter == NULL)
    return;
  engine_session_free (drafter->session);
  engine_model_close (drafter->model);
  g_free (drafter);
}

EngineModel *
session_drafter_model (const SessionDrafter *drafter)
{
  return drafter->model;
}

SessionGuesser *
session_drafter_guesser (SessionDrafter *drafter, const gint *cancel)
{
  drafter->session->cancelled = cancel;
  return &drafter->guesser;
}
