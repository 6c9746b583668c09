/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells the thread sanitizer what GLib's locks and queues order. GLib itself is not built for it
 * and takes its locks with bare futexes, which it cannot see. Included before everything in that
 * build alone (see the root meson.build); nothing else may include it. */
#pragma once

#include <glib.h>
#include <sanitizer/tsan_interface.h>

static inline void
tsan_glib_lock (void (*lock) (GMutex *), GMutex *mutex)
{
  lock (mutex);
  __tsan_acquire (mutex);
}

static inline void
tsan_glib_unlock (void (*unlock) (GMutex *), GMutex *mutex)
{
  __tsan_release (mutex);
  unlock (mutex);
}

static inline gboolean
tsan_glib_trylock (GMutex *mutex)
{
  gboolean taken = g_mutex_trylock (mutex);

  if (taken)
    __tsan_acquire (mutex);
  return taken;
}

static inline void
tsan_glib_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  g_cond_wait (cond, mutex);
  __tsan_acquire (mutex);
}

static inline gboolean
tsan_glib_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_us)
{
  gboolean woken;

  __tsan_release (mutex);
  woken = g_cond_wait_until (cond, mutex, end_us);
  __tsan_acquire (mutex);
  return woken;
}

static inline GMutexLocker *
tsan_glib_locker_new (GMutex *mutex)
{
  tsan_glib_lock (g_mutex_lock, mutex);
  return (GMutexLocker *) mutex;
}

static inline void
tsan_glib_locker_free (GMutexLocker *locker)
{
  if (locker)
    tsan_glib_unlock (g_mutex_unlock, (GMutex *) locker);
}

static inline void
tsan_glib_locker_cleanup (GMutexLocker **locker)
{
  tsan_glib_locker_free (*locker);
}

static inline gpointer
tsan_glib_received (GAsyncQueue *queue, gpointer item)
{
  if (item)
    __tsan_acquire (queue);
  return item;
}

#define g_mutex_lock(mutex)               tsan_glib_lock (g_mutex_lock, mutex)
#define g_mutex_unlock(mutex)             tsan_glib_unlock (g_mutex_unlock, mutex)
#define g_mutex_trylock(mutex)            tsan_glib_trylock (mutex)
#define g_mutex_locker_new(mutex)         tsan_glib_locker_new (mutex)
#define g_mutex_locker_free(locker)       tsan_glib_locker_free (locker)
#define glib_autoptr_cleanup_GMutexLocker tsan_glib_locker_cleanup

#define g_cond_wait(cond, mutex)               tsan_glib_cond_wait (cond, mutex)
#define g_cond_wait_until(cond, mutex, end_us) tsan_glib_cond_wait_until (cond, mutex, end_us)

#define g_async_queue_push(queue, item) (__tsan_release (queue), g_async_queue_push (queue, item))
#define g_async_queue_pop(queue)        tsan_glib_received (queue, g_async_queue_pop (queue))
#define g_async_queue_try_pop(queue)    tsan_glib_received (queue, g_async_queue_try_pop (queue))

#define g_async_queue_timeout_pop(queue, us) \
  tsan_glib_received (queue, g_async_queue_timeout_pop (queue, us))
