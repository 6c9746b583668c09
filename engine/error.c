/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's error domain. */
#include "engine/error.h"

G_DEFINE_QUARK (engine - error - quark, engine_error)
