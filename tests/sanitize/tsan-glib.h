/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells the thread sanitizer what GLib's locks and queues order. GLib itself is not built for it
 * and takes its locks with bare futexes, which it cannot see. Included before everything in that
 * build alone (see the root meson.build); nothing else may include it. */
#pragma once

#include <gio/gio.h>
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

/* A task's thread has what its starter wrote, and who takes the result has what the thread wrote:
 * GTask calls back only after the thread's function has ended. */
static inline void
tsan_glib_task_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GTaskThreadFunc work = (GTaskThreadFunc) g_object_get_data (G_OBJECT (task), "tsan-glib-work");

  __tsan_acquire (task);
  work (task, source, data, cancellable);
  __tsan_release (task);
}

static inline void
tsan_glib_task_run (GTask *task, GTaskThreadFunc work)
{
  g_object_set_data (G_OBJECT (task), "tsan-glib-work", (gpointer) work);
  __tsan_release (task);
  g_task_run_in_thread (task, tsan_glib_task_thread);
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

#define g_task_run_in_thread(task, work) tsan_glib_task_run (task, work)

#define g_task_propagate_pointer(task, error) \
  (__tsan_acquire (task), g_task_propagate_pointer (task, error))
