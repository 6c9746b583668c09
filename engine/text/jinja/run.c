/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run's memory, its budgets and how it fails; templates from text. Knows no statements. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <string.h>

#define BLOCK_BYTES ((size_t) 32 * 1024)
#define ALIGNMENT   16

struct _JinjaBlock {
  JinjaBlock *next;
  size_t room, used;
  _Alignas (ALIGNMENT) char bytes[];
};

void *
jinja_arena_alloc (JinjaArena *arena, size_t bytes)
{
  JinjaBlock *block = arena->blocks;
  size_t size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  void *memory;

  if (block == NULL || block->room - block->used < size) {
    size_t room = MAX (size, BLOCK_BYTES);

    block = g_malloc0 (sizeof (JinjaBlock) + room);
    block->room = room;
    /* A large one goes behind, so that what is left of the first is not lost. */
    if (size > BLOCK_BYTES / 2 && arena->blocks != NULL) {
      block->next = arena->blocks->next;
      arena->blocks->next = block;
    } else {
      block->next = arena->blocks;
      arena->blocks = block;
    }
    arena->used += room;
  }
  memory = block->bytes + block->used;
  block->used += size;
  return memory;
}

void
jinja_arena_free (JinjaArena *arena)
{
  while (arena->blocks != NULL) {
    JinjaBlock *block = arena->blocks;

    arena->blocks = block->next;
    g_free (block);
  }
  arena->used = 0;
}

/* Before and after rendering the caller's own values know no bounds. */
void *
jinja_alloc (JinjaRun *run, size_t bytes)
{
  if (run->may_fail && (bytes > JINJA_MAX_MEMORY || run->arena.used + bytes > JINJA_MAX_MEMORY))
    jinja_fail_code (run, ENGINE_ERROR_LIMIT, "it needs more than %zu MiB of memory",
                     JINJA_MAX_MEMORY >> 20);
  return jinja_arena_alloc (&run->arena, bytes);
}

static void
set_error (JinjaRun *run, int code, const char *format, va_list arguments)
{
  g_autofree char *what = g_strdup_vprintf (format, arguments);
  g_autofree char *valid = g_utf8_make_valid (what, -1);

  g_clear_error (&run->error);
  if (code == ENGINE_ERROR_INVALID)
    g_set_error (&run->error, ENGINE_ERROR, code,
                 "The model's chat template refuses these messages: %s", valid);
  else
    g_set_error (&run->error, ENGINE_ERROR, code, "Line %u of the model's chat template: %s.",
                 run->line, valid);
}

void
jinja_fail_code (JinjaRun *run, int code, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  set_error (run, code, format, arguments);
  va_end (arguments);
  longjmp (run->on_error, 1);
}

void
jinja_fail (JinjaRun *run, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  set_error (run, ENGINE_ERROR_UNSUPPORTED, format, arguments);
  va_end (arguments);
  longjmp (run->on_error, 1);
}

void
jinja_work (JinjaRun *run, size_t steps)
{
  if (!run->may_fail)
    return;
  if (steps > JINJA_MAX_STEPS - run->steps)
    jinja_fail_code (run, ENGINE_ERROR_LIMIT, "it takes more than %d steps", JINJA_MAX_STEPS);
  run->steps += (guint) steps;
}

void
jinja_enter (JinjaRun *run)
{
  if (++run->depth > JINJA_MAX_STACK)
    jinja_fail_code (run, ENGINE_ERROR_LIMIT, "it is nested too deeply");
}

void
jinja_leave (JinjaRun *run)
{
  run->depth--;
}

gboolean
jinja_run_guard (JinjaRun *run, void (*f) (JinjaRun *run, gpointer data), gpointer data,
                 GError **error)
{
  run->may_fail = TRUE;
  run->depth = 0;
  if (setjmp (run->on_error) == 0) {
    f (run, data);
    run->may_fail = FALSE;
    return TRUE;
  }
  run->may_fail = FALSE;
  g_propagate_error (error, g_steal_pointer (&run->error));
  return FALSE;
}

JinjaRun *
jinja_run_new (const JinjaTemplate *template)
{
  JinjaRun *run = g_new0 (JinjaRun, 1);

  run->template = template;
  run->line = 1;
  run->globals = jinja_scope_new (run, NULL);
  jinja_buffer_init (&run->output, run);
  return run;
}

void
jinja_run_free (JinjaRun *run)
{
  if (run == NULL)
    return;
  jinja_arena_free (&run->arena);
  g_clear_error (&run->error);
  g_free (run);
}

void
jinja_run_set (JinjaRun *run, const char *name, JinjaValue value)
{
  jinja_scope_set (run, run->globals, name, value);
}

static void
read_json (JinjaRun *run, gpointer data)
{
  JinjaValue object = jinja_json_read (run, data);

  if (object.kind != JINJA_DICT)
    jinja_fail (run, "variables are not given as an object");
  for (size_t i = 0; i < object.dict->n; i++) {
    const JinjaString *key = object.dict->pairs[i].key.string;
    char *name = jinja_alloc (run, key->n + 1);

    memcpy (name, key->bytes, key->n);
    jinja_run_set (run, name, object.dict->pairs[i].value);
  }
}

gboolean
jinja_run_set_json (JinjaRun *run, const char *json, gboolean people, GError **error)
{
  const JinjaString *text = jinja_string (run, json, -1, people).string;

  return jinja_run_guard (run, read_json, (gpointer) text, error);
}

static void
render (JinjaRun *run, gpointer data)
{
  JinjaScope *scope = jinja_scope_new (run, run->globals);

  jinja_execute (run, run->template->body, scope, &run->output);
}

gboolean
jinja_run_render (JinjaRun *run, GError **error)
{
  g_return_val_if_fail (run->template != NULL, FALSE);
  jinja_buffer_init (&run->output, run);
  run->steps = 0;
  return jinja_run_guard (run, render, NULL, error);
}

const char *
jinja_run_output (const JinjaRun *run, size_t *n, const guint8 **marks)
{
  const JinjaBuffer *output = &run->output;

  if (output->marks == NULL && output->people)
    jinja_buffer_put ((JinjaBuffer *) output, "", 0, FALSE);
  *n = output->n;
  *marks = output->marks;
  return output->bytes != NULL ? output->bytes : "";
}

/* ---- templates ------------------------------------------------------------------------- */

typedef struct {
  const char *source;
  size_t n;
  JinjaNode *body;
} Parse;

static void
parse (JinjaRun *run, gpointer data)
{
  Parse *parsed = data;

  parsed->body = jinja_parse (run, parsed->source, parsed->n);
}

JinjaTemplate *
jinja_template_new (const char *source, gssize n, GError **error)
{
  size_t bytes = n < 0 ? strlen (source) : (size_t) n;
  g_autoptr (JinjaRun) run = NULL;
  JinjaTemplate *template;
  Parse parsed = { 0 };
  JinjaValue text;

  if (bytes > JINJA_MAX_SOURCE_BYTES) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT,
                 "The model's chat template is larger than %d KiB.", JINJA_MAX_SOURCE_BYTES >> 10);
    return NULL;
  }
  run = jinja_run_new (NULL);
  text = jinja_string (run, source, (gssize) bytes, FALSE);
  parsed.source = text.string->bytes;
  parsed.n = text.string->n;
  if (!jinja_run_guard (run, parse, &parsed, error))
    return NULL;
  template = g_new0 (JinjaTemplate, 1);
  template->body = parsed.body;
  template->arena = run->arena;
  run->arena = (JinjaArena) { 0 };
  return template;
}

void
jinja_template_free (JinjaTemplate *template)
{
  if (template == NULL)
    return;
  jinja_arena_free (&template->arena);
  g_free (template);
}
