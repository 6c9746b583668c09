/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker threads of the CPU back end. The caller of cpu_pool_run () is worker 0; the others
 * sleep between runs, so that an idle application uses no processor time. Thread: new, run and
 * free on one thread; cpu_pool_barrier () on every worker of the run in progress. */
#pragma once

#include <glib.h>

typedef struct _CpuPool CpuPool;
typedef void (*CpuPoolFunc) (void *data, unsigned worker);

/* NULL when the system gives no more threads. n_workers ≥ 1 counts the caller. */
CpuPool *cpu_pool_new (unsigned n_workers, GError **error);
void cpu_pool_free (CpuPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpuPool, cpu_pool_free)

unsigned cpu_pool_n_workers (const CpuPool *pool);
/* Calls func (data, w) on every worker w and returns when all are done. */
void cpu_pool_run (CpuPool *pool, CpuPoolFunc func, void *data);
/* Waits until every worker of the run has called it as often: spins for some 50 µs, then sleeps.
 * What was written before it is seen by all after it. */
void cpu_pool_barrier (CpuPool *pool);
