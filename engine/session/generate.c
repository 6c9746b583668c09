/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer in one call, alone. Must not know how its steps are made. */
#include "engine/session/session.h"

gboolean
engine_session_generate (EngineSession *session, const GArray *prompt,
                         const EngineGenerate *options, EngineEventFunc on_event, void *user_data,
                         EngineStats *stats, GError **error)
{
  EngineAnswer *answer =
      engine_answer_new (session, prompt, options, on_event, user_data, error);

  if (answer == NULL)
    return FALSE;
  while (!engine_answer_done (answer))
    engine_model_step (session->model, &answer, 1);
  return engine_answer_finish (answer, stats, error);
}
