/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copies that one thread sends to buffers which the host does not see: what it writes into one half
 * of its staging buffer is on its way while it fills the other. */
#pragma once

#include "engine/vulkan/submit.h"

typedef struct _VulkanUpload VulkanUpload;

/* Room of so many bytes at a time; twice as many are allocated. queue: of the device, locked while
 * it is handed work and never while that is waited for; borrowed. */
VulkanUpload *vulkan_upload_new (VulkanDevice *device, GMutex *queue, uint64_t bytes,
                                 GError **error);
/* Waits for what is on its way. Safe on NULL. */
void vulkan_upload_free (VulkanUpload *self);

/* Where the next bytes may be written, once what was sent from there has arrived; NULL: error. */
uint8_t *vulkan_upload_begin (VulkanUpload *self, GError **error);
/* Sends n copies; their src is not looked at, and src_offset counts from what begin () returned.
 * They have arrived when finish () returns. */
gboolean vulkan_upload_send (VulkanUpload *self, VulkanCopy *copies, uint32_t n, GError **error);
gboolean vulkan_upload_finish (VulkanUpload *self, GError **error);
