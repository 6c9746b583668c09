/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions and answers. Must not know what an answer should be. */
#include "tests/engine/answers.h"

EngineSession *
test_session_new (EngineModel *model)
{
  g_autoptr (GError) error = NULL;
  EngineSession *session = engine_session_new (model, &error);

  g_assert_no_error (error);
  return session;
}

static void
collect (const EngineEvent *event, void *user_data)
{
  if (event->kind == ENGINE_EVENT_TOKEN && event->token >= 0)
    g_array_append_val ((GArray *) user_data, event->token);
}

void
test_generate (EngineSession *session, const GArray *prompt, const EngineGenerate *options,
               GArray *tokens, EngineStats *stats)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (
      engine_session_generate (session, prompt, options, collect, tokens, stats, &error));
  g_assert_no_error (error);
}
