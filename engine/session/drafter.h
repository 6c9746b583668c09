/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small model of the same vocabulary that guesses what a larger one will write. It reads the
 * timeline of whoever writes, and goes back where its guesses were wrong; it serves all sessions of
 * the larger one, since one writes at a time. Knows sessions, and not who judges the guesses.
 * Thread: the engine thread. */
#pragma once

#include "engine/session/draft.h"
#include "engine/session/session.h"

/* FALSE with a sentence unless draft can guess for model. Both may be open for their text only. */
gboolean session_drafter_check (const EngineModel *model, const EngineModel *draft, GError **error);
/* Takes draft, a loaded model that session_drafter_check () let pass, also when it fails. */
SessionDrafter *
session_drafter_new (const EngineModel *model, EngineModel *draft, GError **error);
void session_drafter_free (SessionDrafter *drafter);

EngineModel *session_drafter_model (const SessionDrafter *drafter);
/* Borrowed. cancel: an atomic that gives up the reading, which takes long after a new prompt. */
SessionGuesser *session_drafter_guesser (SessionDrafter *drafter, const gint *cancel);
