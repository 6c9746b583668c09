/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker threads of the CPU back end. The thread that starts a job is worker 0 and does all
 * of it if need be; the others join when the system lets them run, and nobody ever waits for one
 * that has not taken any work. Between jobs they sleep, so that an idle application uses no
 * processor time. Thread: new, start, stop and free on one thread; wait and wake on any worker. */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct _CpuPool CpuPool;
typedef _Atomic uint64_t CpuPoolWord;
/* job: what cpu_pool_start () returned. A worker may come late, when the job is over and the
 * next one has begun on the same data: func must find out by that number before it touches
 * anything else. */
typedef void (*CpuPoolFunc) (void *data, unsigned worker, uint32_t job);

/* NULL when the system gives no more threads. n_workers ≥ 1 counts the caller. */
CpuPool *cpu_pool_new (unsigned n_workers, GError **error);
void cpu_pool_free (CpuPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpuPool, cpu_pool_free)

unsigned cpu_pool_n_workers (const CpuPool *pool);
/* The number that the next job will have. */
uint32_t cpu_pool_next_job (const CpuPool *pool);
/* Lets workers 1 .. call func; the caller calls it himself, as worker 0. */
void cpu_pool_start (CpuPool *pool, CpuPoolFunc func, void *data);
/* Returns when no worker is inside func and none will enter it: then data may go. */
void cpu_pool_stop (CpuPool *pool);

/* Returns when *word is no longer old, or the pool ends. Spins for some 50 µs, then sleeps. */
void cpu_pool_wait (CpuPool *pool, const CpuPoolWord *word, uint64_t old);
/* Spins for 1 to 3 µs; whether *word is no longer old. */
gboolean cpu_pool_wait_a_moment (const CpuPoolWord *word, uint64_t old);
/* To be called after a word that others wait for was changed. */
void cpu_pool_wake (CpuPool *pool);
