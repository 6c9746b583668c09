/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of templates, as Python has them. They live in the memory of one run and are freed with
 * it; strings are immutable byte strings (UTF-8) whose bytes each know who wrote them. */
#pragma once

#include <glib.h>

typedef struct _JinjaRun JinjaRun;

typedef enum {
  JINJA_UNDEFINED,
  JINJA_NONE,
  JINJA_BOOL,
  JINJA_INT,
  JINJA_FLOAT,
  JINJA_STRING,
  JINJA_LIST,
  JINJA_TUPLE,
  JINJA_RANGE,
  JINJA_VIEW,     /* keys (), values (), items () of a dictionary */
  JINJA_ITERATOR, /* what most filters give: can be walked through once */
  JINJA_DICT,
  JINJA_NAMESPACE,
  JINJA_CALLABLE,
  JINJA_LOOP,
} JinjaKind;

typedef struct _JinjaString JinjaString;
typedef struct _JinjaList JinjaList;
typedef struct _JinjaDict JinjaDict;
typedef struct _JinjaCallable JinjaCallable;
typedef struct _JinjaLoop JinjaLoop;

typedef struct {
  JinjaKind kind;
  union {
    const char *what; /* UNDEFINED: a sentence for the error when it is used; may be NULL */
    gboolean boolean;
    gint64 integer;
    double real;
    const JinjaString *string;
    JinjaList *list; /* LIST to ITERATOR */
    JinjaDict *dict; /* DICT, NAMESPACE */
    const JinjaCallable *callable;
    JinjaLoop *loop;
  };
} JinjaValue;

struct _JinjaString {
  const char *bytes;   /* not always NUL-terminated */
  const guint8 *marks; /* [n], 1: a person's; NULL: all as `people` says */
  size_t n;
  gboolean people;
  gboolean markup; /* Jinja2's Markup: what is added to it gets escaped */
};

struct _JinjaList {
  JinjaValue *items;
  size_t n, room;
  size_t next;              /* ITERATOR: what it gives next */
  const char *name;         /* VIEW, ITERATOR: how Python shows it */
  gint64 start, stop, step; /* RANGE */
};

typedef struct {
  JinjaValue key, value;
} JinjaPair;

struct _JinjaDict {
  JinjaPair *pairs; /* in the order of insertion */
  size_t n, room;
};

#define JINJA_UNDEFINED_VALUE ((JinjaValue) { .kind = JINJA_UNDEFINED })
#define JINJA_NONE_VALUE      ((JinjaValue) { .kind = JINJA_NONE })

/* A copy of n bytes (-1: NUL-terminated); what is no UTF-8 becomes U+FFFD. */
JinjaValue jinja_string (JinjaRun *run, const char *bytes, gssize n, gboolean people);
JinjaValue jinja_bool (gboolean boolean);
JinjaValue jinja_int (gint64 integer);
JinjaValue jinja_float (double real);
/* Empty ones, and how they grow. */
JinjaValue jinja_list (JinjaRun *run);
void jinja_list_add (JinjaRun *run, JinjaList *list, JinjaValue value);
JinjaValue jinja_dict (JinjaRun *run);
void jinja_dict_set (JinjaRun *run, JinjaDict *dict, JinjaValue key, JinjaValue value);
void jinja_dict_set_name (JinjaRun *run, JinjaDict *dict, const char *key, JinjaValue value);
