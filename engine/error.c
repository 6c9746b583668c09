/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's error domain: owns the quark and nothing else, so that every folder can link it
 * without the others. */
#include "engine/error.h"

G_DEFINE_QUARK (engine-error-quark, engine_error)
