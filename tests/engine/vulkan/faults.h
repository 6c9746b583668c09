/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Vulkan loader, and a mmap (), that fail on command: a program that links this calls them first,
 * and they call the real ones. The loader's objects that live are counted, too. Any thread; the
 * functions below by one thread while no other is in what they fail. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef enum {
  FAULT_MEMORY, /* memory of the device runs out: once */
  FAULT_OBJECT, /* the driver has no memory for an object of its own: once */
  FAULT_LOST,   /* a submit or a wait loses the device: everything after it fails too, until the
                 * device is destroyed */
  FAULT_MAP,    /* the system gives no memory to a process that maps some: once */
  N_FAULTS,
} Fault;

/* The nth call from now on that can fail in that way does; others go well. 0: none fails. */
void faults_arm (Fault fault, guint nth);
/* Whether it has been reached. */
gboolean faults_struck (void);
/* Calls since the last faults_arm () that could have failed so. */
guint faults_calls (Fault fault);

/* What the driver says is left of every heap's budget is at most this. 0: what it really says. */
void faults_set_budget (uint64_t bytes);

/* Objects of the driver that live, and memory that is allocated of the device. */
guint faults_live_objects (void);
uint64_t faults_live_bytes (void);
