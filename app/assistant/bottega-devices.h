/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The devices that can compute answers, asked for without making the window wait. */
#pragma once

#include "engine/engine.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Asks the drivers on a thread of its own: they may take a second. The callback comes on the
 * thread-default main context of the caller. */
void bottega_devices_list_async (GAsyncReadyCallback callback, gpointer user_data);
/* GPtrArray of EngineDevice, the processor last. Transfer full. */
GPtrArray *bottega_devices_list_finish (GAsyncResult *result);

G_END_DECLS
