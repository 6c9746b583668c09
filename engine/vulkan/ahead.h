/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The next token, queued before the last is read: the device goes from one to the other without
 * waiting for the host. Two executables of the plan for one token, twins, take turns, each with
 * parameters and results of its own; everything of the next step but its token is known before, and
 * that the device picks as the host will (shaders/next.comp). The host samples all the same. Where
 * it comes to another token, or something else is run first, what was queued is of no use and
 * does no harm: what it wrote lies behind the timeline's end. */
#pragma once

#include "engine/backend.h"

typedef struct _VulkanExecutable VulkanExecutable;

/* What is queued, of a model. */
typedef struct {
  VulkanExecutable *exe; /* NULL: nothing */
  int started;           /* what to finish */
  gboolean is_refused;   /* the card had no room for a twin */
  uint32_t position, n_candidates;
  GArray *pages[GRAPH_N_KV_GROUPS]; /* uint32_t: of its run */
} VulkanAhead;

/* Runs a batch of exe with what comes after it queued behind, where batch->next says how and all
 * that can be done ahead; *done FALSE: not so, and nothing was run. commands[n] are the batch's. */
gboolean vulkan_ahead_run (VulkanExecutable *exe, const EngineBatch *batch, const gint *cancel,
                           gboolean *done, uint64_t *device_us, GError **error);
/* Before anything else is run: waits for what is queued. *ready: that is the batch, and its results
 * are there; NULL: it is still to be run. */
gboolean vulkan_ahead_take (VulkanExecutable *exe, const EngineBatch *batch,
                            VulkanExecutable **ready, uint64_t *device_us, GError **error);
/* Frees exe's twin, if it has one, while nothing is queued. */
void vulkan_ahead_part (VulkanExecutable *exe);
/* Forgets what is queued, and waits for it. */
void vulkan_ahead_drop (VulkanAhead *self);
void vulkan_ahead_finish (VulkanAhead *self);
