/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the thread on which the engine is asked for the devices. Must not know what they are chosen
 * for. */
#define G_LOG_DOMAIN "bottega-devices"

#include "config.h"

#include "app/assistant/bottega-devices.h"

static void
list_on_thread (GTask *task,
                gpointer source,
                gpointer data,
                GCancellable *cancellable)
{
  g_task_return_pointer (task, engine_devices (), (GDestroyNotify) g_ptr_array_unref);
}

void
bottega_devices_list_async (GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);

  g_task_set_source_tag (task, bottega_devices_list_async);
  g_task_run_in_thread (task, list_on_thread);
}

GPtrArray *
bottega_devices_list_finish (GAsyncResult *result)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), NULL);
}
