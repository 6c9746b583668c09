/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Proves that the sanitizer builds see what they are for: with an argument this program makes the
 * named mistake and must be ended by its sanitizer; without one it uses GLib's locks and queues
 * across threads as the project does, and must be left alone. */
#include <glib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 1000

typedef struct {
  GMutex mutex;
  GCond cond;
  GAsyncQueue *queue;
  int counter;
  gboolean done;
} Shared;

static gpointer
count (gpointer data)
{
  Shared *shared = data;

  for (int i = 0; i < ROUNDS; i++) {
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&shared->mutex);
    shared->counter++;
  }
  return NULL;
}

static gpointer
send (gpointer data)
{
  Shared *shared = data;

  for (int i = 0; i < ROUNDS; i++) {
    int *number = g_new (int, 1);
    *number = i;
    g_async_queue_push (shared->queue, number);
  }
  g_mutex_lock (&shared->mutex);
  shared->done = TRUE;
  g_cond_signal (&shared->cond);
  g_mutex_unlock (&shared->mutex);
  return NULL;
}

static void
test_locks (void)
{
  Shared shared = { 0 };
  GThread *threads[2];

  for (int i = 0; i < 2; i++)
    threads[i] = g_thread_new ("count", count, &shared);
  for (int i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (shared.counter, ==, 2 * ROUNDS);
}

static void
test_queue_and_condition (void)
{
  Shared shared = { .queue = g_async_queue_new_full (g_free) };
  GThread *thread = g_thread_new ("send", send, &shared);

  for (int i = 0; i < ROUNDS; i++) {
    g_autofree int *number = g_async_queue_pop (shared.queue);
    g_assert_cmpint (*number, ==, i);
  }
  g_mutex_lock (&shared.mutex);
  while (!shared.done)
    g_cond_wait (&shared.cond, &shared.mutex);
  g_mutex_unlock (&shared.mutex);
  g_thread_join (thread);
  g_async_queue_unref (shared.queue);
}

static gpointer
count_without_lock (gpointer data)
{
  for (int i = 0; i < ROUNDS; i++)
    (*(volatile int *) data)++;
  return NULL;
}

/* The mistakes; what they make is returned so that no compiler can leave them out. */
static int
make_mistake (const char *name)
{
  volatile int number = INT_MAX;

  if (strcmp (name, "race") == 0) {
    int counter = 0;
    GThread *thread = g_thread_new ("race", count_without_lock, &counter);
    count_without_lock (&counter);
    g_thread_join (thread);
    return counter < 0;
  }
  if (strcmp (name, "address") == 0) {
    volatile char *bytes = malloc (4);
    volatile int past = 4;
    bytes[past] = 1;
    number = bytes[past];
    free ((void *) bytes);
    return number < 0;
  }
  return number + (int) strlen (name) == 0;
}

int
main (int argc, char **argv)
{
  if (argc == 2 && argv[1][0] != '-')
    return make_mistake (argv[1]);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sanitize/locks", test_locks);
  g_test_add_func ("/sanitize/queue-and-condition", test_queue_and_condition);
  return g_test_run ();
}
