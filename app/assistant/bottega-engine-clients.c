/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list of clients in the order of their jobs, each with the text that it has not been told yet.
 * It must not know the engine thread. */
#define G_LOG_DOMAIN "bottega-engine-clients"

#include "app/assistant/bottega-engine-clients.h"

struct _BottegaEngineClients {
  GPtrArray *list; /* of BottegaEngineClient */
};

void
bottega_engine_client_free (BottegaEngineClient *client)
{
  if (client == NULL)
    return;
  if (client->text != NULL)
    g_string_free (client->text, TRUE);
  g_free (client);
}

BottegaEngineClients *
bottega_engine_clients_new (void)
{
  BottegaEngineClients *self = g_new0 (BottegaEngineClients, 1);

  self->list = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_engine_client_free);

  return self;
}

void
bottega_engine_clients_free (BottegaEngineClients *self)
{
  g_ptr_array_unref (self->list);
  g_free (self);
}

void
bottega_engine_clients_add (BottegaEngineClients *self, BottegaEngineClient *client)
{
  g_ptr_array_add (self->list, client);
}

static BottegaEngineClient *
find (BottegaEngineClients *self, guint64 job, guint *index)
{
  for (*index = 0; *index < self->list->len; (*index)++) {
    BottegaEngineClient *client = self->list->pdata[*index];

    if (client->job == job)
      return client;
  }

  return NULL;
}

BottegaEngineClient *
bottega_engine_clients_find (BottegaEngineClients *self, guint64 job)
{
  guint index;

  return find (self, job, &index);
}

BottegaEngineClient *
bottega_engine_clients_steal (BottegaEngineClients *self, guint64 job)
{
  guint index;

  return find (self, job, &index) != NULL ? g_ptr_array_steal_index (self->list, index) : NULL;
}

void
bottega_engine_clients_clear (BottegaEngineClients *self)
{
  g_ptr_array_set_size (self->list, 0);
}

guint
bottega_engine_clients_count_answers (BottegaEngineClients *self)
{
  guint n = 0;

  for (guint i = 0; i < self->list->len; i++)
    n += ((const BottegaEngineClient *) self->list->pdata[i])->kind == BOTTEGA_JOB_GENERATE;

  return n;
}

guint
bottega_engine_clients_count_waiting (BottegaEngineClients *self)
{
  guint n = 0;

  for (guint i = 0; i < self->list->len; i++) {
    const BottegaEngineClient *client = self->list->pdata[i];

    n += !client->began && client->n_before > 0;
  }

  return n;
}

/* ---- text ---- */

static gboolean
has_text (const BottegaEngineClient *client)
{
  return client->text != NULL && (client->text->len > 0 || client->text_tokens > 0);
}

static void
tell (BottegaEngineClient *client)
{
  g_autoptr (GString) text = g_steal_pointer (&client->text);
  guint n_tokens = client->text_tokens;

  client->text_tokens = 0;
  if (client->text_kind == BOTTEGA_EVENT_THOUGHT && client->events.thought != NULL)
    client->events.thought (text->str, text->len, n_tokens, client->user_data);
  if (client->text_kind == BOTTEGA_EVENT_TEXT && client->events.text != NULL)
    client->events.text (text->str, text->len, n_tokens, client->user_data);
}

void
bottega_engine_clients_add_text (BottegaEngineClients *self, const BottegaEvent *event)
{
  BottegaEngineClient *client = bottega_engine_clients_find (self, event->job);

  if (client != NULL && has_text (client) && client->text_kind != event->kind) {
    tell (client);
    client = bottega_engine_clients_find (self, event->job); /* it may have gone meanwhile */
  }
  if (client == NULL)
    return;
  if (client->text == NULL)
    client->text = g_string_new (NULL);
  g_string_append (client->text, event->text);
  client->text_tokens += event->done;
  client->text_kind = event->kind;
}

void
bottega_engine_clients_tell_text (BottegaEngineClients *self, guint64 job)
{
  for (guint i = 0; i < self->list->len;) {
    BottegaEngineClient *client = self->list->pdata[i];

    if (has_text (client) && (job == 0 || client->job == job)) {
      tell (client);
      i = 0; /* the list may be another one */
    } else {
      i++;
    }
  }
}
