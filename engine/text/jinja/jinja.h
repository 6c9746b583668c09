/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Jinja interpreter for chat templates: what Jinja2 does as `transformers` sets it up (sandbox
 * with immutable values, trim_blocks, lstrip_blocks, loop controls, generation blocks, its own
 * tojson, raise_exception, strftime_now). Values are plain data: a template reaches nothing else.
 *
 * Every byte of a string remembers whether a person wrote it or the template: what comes out is a
 * list of parts of either kind. Budgets bound steps, memory, nesting and output, so that a hostile
 * template ends in an error. Knows no models, tokens or messages.
 *
 * Threads: a template is immutable and may serve several runs at a time; a run belongs to one
 * thread. */
#pragma once

#include "engine/text/jinja/value.h"

#define JINJA_MAX_SOURCE_BYTES (1024 * 1024)
#define JINJA_MAX_OUTPUT_BYTES (16 * 1024 * 1024)

typedef struct _JinjaTemplate JinjaTemplate;

/* Parses; n -1: NUL-terminated. NULL with ENGINE_ERROR_UNSUPPORTED and a sentence that names the
 * line. */
JinjaTemplate *jinja_template_new (const char *source, gssize n, GError **error);
void jinja_template_free (JinjaTemplate *template);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (JinjaTemplate, jinja_template_free)

/* One rendering of a template (borrowed), or with NULL only values to look at. */
JinjaRun *jinja_run_new (const JinjaTemplate *template);
/* Frees all values made with it. */
void jinja_run_free (JinjaRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (JinjaRun, jinja_run_free)

/* A variable of the template; name is borrowed. */
void jinja_run_set (JinjaRun *run, const char *name, JinjaValue value);
/* A variable for each member of a JSON object; all strings in it are marked as people's or not.
 * FALSE when it is no JSON object. */
gboolean jinja_run_set_json (JinjaRun *run, const char *json, gboolean people, GError **error);

/* Renders once. ENGINE_ERROR_INVALID when the template refuses with raise_exception,
 * ENGINE_ERROR_UNSUPPORTED for everything else, ENGINE_ERROR_LIMIT for a budget. */
gboolean jinja_run_render (JinjaRun *run, GError **error);
/* What was rendered, n bytes, which may hold NULs; and one mark a byte, 1: a person's. Borrowed
 * from the run. */
const char *jinja_run_output (const JinjaRun *run, size_t *n, const guint8 **marks);
