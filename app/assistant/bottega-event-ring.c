/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single writer, single reader: each side owns one index and publishes it with release order. It
 * must not know what the events mean. */
#define G_LOG_DOMAIN "bottega-event-ring"

#include "app/assistant/bottega-event-ring.h"

#include <stdatomic.h>

struct _BottegaEventRing {
  guint mask;           /* capacity - 1 */
  atomic_uint head;     /* next to be read; written by the reader */
  atomic_uint tail;     /* next to be written; written by the writer */
  BottegaEvent slots[]; /* [capacity] */
};

void
bottega_event_clear (BottegaEvent *event)
{
  bottega_loaded_clear (&event->loaded);
  g_clear_pointer (&event->text, g_free);
  g_clear_pointer (&event->gaps, g_free);
  g_clear_error (&event->error);
}

BottegaEventRing *
bottega_event_ring_new (guint capacity)
{
  BottegaEventRing *self;

  g_return_val_if_fail (capacity > 0 && (capacity & (capacity - 1)) == 0, NULL);

  self = g_malloc0 (sizeof (BottegaEventRing) + capacity * sizeof (BottegaEvent));
  self->mask = capacity - 1;
  atomic_init (&self->head, 0);
  atomic_init (&self->tail, 0);

  return self;
}

void
bottega_event_ring_free (BottegaEventRing *self)
{
  BottegaEvent event;

  if (self == NULL)
    return;
  while (bottega_event_ring_pop (self, &event))
    bottega_event_clear (&event);
  g_free (self);
}

gboolean
bottega_event_ring_push (BottegaEventRing *self, BottegaEvent *event)
{
  guint tail = atomic_load_explicit (&self->tail, memory_order_relaxed);

  if (tail - atomic_load_explicit (&self->head, memory_order_acquire) > self->mask)
    return FALSE;
  self->slots[tail & self->mask] = *event;
  atomic_store_explicit (&self->tail, tail + 1, memory_order_release);
  *event = (BottegaEvent) { 0 };

  return TRUE;
}

gboolean
bottega_event_ring_pop (BottegaEventRing *self, BottegaEvent *event)
{
  guint head = atomic_load_explicit (&self->head, memory_order_relaxed);

  if (head == atomic_load_explicit (&self->tail, memory_order_acquire))
    return FALSE;
  *event = self->slots[head & self->mask];
  atomic_store_explicit (&self->head, head + 1, memory_order_release);

  return TRUE;
}
