/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions and answers over the public header, for tests of what a model writes. What cannot be had
 * fails the test. */
#pragma once

#include "engine/engine.h"

EngineSession *test_session_new (EngineModel *model);
/* Appends the tokens that follow prompt (ids, gint32) to tokens; stats may be NULL. */
void test_generate (EngineSession *session, const GArray *prompt, const EngineGenerate *options,
                    GArray *tokens, EngineStats *stats);
