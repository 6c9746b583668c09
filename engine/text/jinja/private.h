/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the interpreter share: the tree of a template, the state of a run, and the
 * operations on values. Private to this folder.
 *
 * A run's memory is an arena, so values need no owners, and an error leaves by longjmp: jinja_fail
 * never returns, and nothing here may hold memory of its own across a call that can fail. */
#pragma once

#include "engine/text/jinja/jinja.h"

#include <setjmp.h>

#define JINJA_MAX_DEPTH    64  /* nesting of a template's blocks and expressions */
#define JINJA_MAX_STACK    600 /* the same while running, through all macros */
#define JINJA_MAX_STEPS    1000000
#define JINJA_MAX_MEMORY   ((size_t) 256 * 1024 * 1024)
#define JINJA_MAX_RANGE    100000 /* the sandbox's own */
#define JINJA_BYTES_A_STEP 256    /* of text that is looked through */

/* ---- memory ---------------------------------------------------------------------------- */

typedef struct _JinjaBlock JinjaBlock;
typedef struct {
  JinjaBlock *blocks;
  size_t used;
} JinjaArena;

/* Zeroed, aligned for everything. */
void *jinja_arena_alloc (JinjaArena *arena, size_t bytes);
void jinja_arena_free (JinjaArena *arena);

/* ---- tree ------------------------------------------------------------------------------ */

typedef struct _JinjaNode JinjaNode;
typedef struct _JinjaFilter JinjaFilter;
typedef struct _JinjaTest JinjaTest;

typedef enum {
  /* statements */
  NODE_BODY,         /* items */
  NODE_DATA,         /* value */
  NODE_PRINT,        /* a */
  NODE_IF,           /* items: condition, body, condition, body …; b: else */
  NODE_FOR,          /* target, a: iterable, b: test, body, c: else; flag: recursive */
  NODE_SET,          /* target, a: value */
  NODE_SET_BLOCK,    /* target, b: filters over NODE_CAPTURED, body */
  NODE_WITH,         /* items: target, value, target, value …; body */
  NODE_MACRO,        /* name, items: parameters, body */
  NODE_CALL_BLOCK,   /* a: the call, b: NODE_MACRO of the body */
  NODE_FILTER_BLOCK, /* a: filters over NODE_CAPTURED, body */
  NODE_SCOPE,        /* body: generation, block, autoescape */
  NODE_BREAK,
  NODE_CONTINUE,
  /* expressions */
  NODE_CONST,            /* value */
  NODE_NAME,             /* name */
  NODE_NAMESPACE_TARGET, /* name, value: the attribute */
  NODE_TUPLE,            /* items */
  NODE_LIST,
  NODE_DICT,      /* items: key, value … */
  NODE_ATTRIBUTE, /* a, value: the name */
  NODE_ITEM,      /* a, b */
  NODE_SLICE,     /* a[b:c:body], of which any may be NULL */
  NODE_CALL,      /* a, items: arguments */
  NODE_ARGUMENT,  /* a; name: keyword or NULL; op: '*' or 'k' for those of a list or dictionary */
  NODE_FILTER,    /* a (NULL: none), filter, items */
  NODE_TEST,      /* a, test, items */
  NODE_CAPTURED,  /* the text of the block around it */
  NODE_CHAIN,     /* items, ops: a + b - c … from the left */
  NODE_COMPARE,   /* items, ops: a < b < c … */
  NODE_CONCAT,    /* items */
  NODE_AND,
  NODE_OR,
  NODE_NOT,       /* a */
  NODE_NEGATIVE,  /* a */
  NODE_POSITIVE,  /* a */
  NODE_CONDITION, /* a if b else c */
  NODE_PARAMETER, /* name, a: default or NULL */
} JinjaNodeKind;

struct _JinjaNode {
  JinjaNodeKind kind;
  guint line, depth;
  JinjaNode *a, *b, *c, *body, *target;
  JinjaNode **items;
  guint8 *ops; /* JinjaOp or a token */
  size_t n;
  const char *name;
  JinjaValue value;
  const JinjaFilter *filter;
  const JinjaTest *test;
  guint8 op;
  gboolean flag;
  gboolean uses_caller, uses_kwargs, uses_varargs; /* MACRO */
};

/* ---- tokens ---------------------------------------------------------------------------- */

typedef enum {
  TOKEN_END,
  TOKEN_DATA,
  TOKEN_VARIABLE_BEGIN,
  TOKEN_VARIABLE_END,
  TOKEN_BLOCK_BEGIN,
  TOKEN_BLOCK_END,
  TOKEN_NAME,
  TOKEN_STRING,
  TOKEN_INTEGER,
  TOKEN_REAL,
  TOKEN_OPERATOR,
} JinjaTokenKind;

typedef enum {
  OP_NONE,
  OP_POWER,
  OP_FLOOR_DIVIDE,
  OP_EQUAL,
  OP_NOT_EQUAL,
  OP_LESS_EQUAL,
  OP_GREATER_EQUAL,
  OP_LESS,
  OP_GREATER,
  OP_ASSIGN,
  OP_ADD,
  OP_SUBTRACT,
  OP_MULTIPLY,
  OP_DIVIDE,
  OP_MODULO,
  OP_TILDE,
  OP_PIPE,
  OP_DOT,
  OP_COMMA,
  OP_COLON,
  OP_SEMICOLON,
  OP_LEFT_PAREN,
  OP_RIGHT_PAREN,
  OP_LEFT_BRACKET,
  OP_RIGHT_BRACKET,
  OP_LEFT_BRACE,
  OP_RIGHT_BRACE,
  OP_IN, /* of words, for NODE_COMPARE */
  OP_NOT_IN,
} JinjaOp;

typedef struct {
  JinjaTokenKind kind;
  JinjaOp op;
  guint line;
  const char *text; /* NAME: NUL-terminated; DATA, STRING: n bytes, escapes resolved */
  size_t n;
  gint64 integer;
  double real;
} JinjaToken;

/* ---- run ------------------------------------------------------------------------------- */

/* Variables of a block; the enclosing ones are looked through from the inside out. */
typedef struct _JinjaScope JinjaScope;
struct _JinjaScope {
  JinjaScope *parent;
  struct {
    const char *name;
    JinjaValue value;
  } *variables;
  size_t n, room;
};

/* Text that grows, with its marks. */
typedef struct {
  JinjaRun *run;
  char *bytes;
  guint8 *marks; /* NULL as long as all bytes are of one kind */
  size_t n, room;
  gboolean people; /* of all bytes, while marks is NULL */
} JinjaBuffer;

struct _JinjaRun {
  const JinjaTemplate *template;
  JinjaArena arena;
  JinjaScope *globals;
  JinjaBuffer output;
  gboolean may_fail; /* the jump buffer is set */
  jmp_buf on_error;
  GError *error;
  guint line; /* of what is being evaluated */
  guint steps, depth;
  JinjaValue captured; /* NODE_CAPTURED */
};

struct _JinjaTemplate {
  JinjaArena arena;
  JinjaNode *body;
};

void *jinja_alloc (JinjaRun *run, size_t bytes);
G_NORETURN void jinja_fail (JinjaRun *run, const char *format, ...) G_GNUC_PRINTF (2, 3);
G_NORETURN void jinja_fail_code (JinjaRun *run, int code, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Counts steps against the budget. */
void jinja_work (JinjaRun *run, size_t steps);
/* Nesting in this direction; fails when too deep. */
void jinja_enter (JinjaRun *run);
void jinja_leave (JinjaRun *run);
/* Calls f with the jump buffer set; FALSE with error when it failed. */
gboolean jinja_run_guard (JinjaRun *run, void (*f) (JinjaRun *run, gpointer data), gpointer data,
                          GError **error);

/* lex.c: tokens in the arena of run, ended by TOKEN_END. source is UTF-8. */
JinjaToken *jinja_lex (JinjaRun *run, const char *source, size_t n, size_t *n_tokens);
/* parse.c: the template's body from its source (a GString). */
JinjaNode *jinja_parse (JinjaRun *run, const char *source, size_t n);

/* ---- parser, shared by statements and expressions -------------------------------------- */

typedef struct {
  JinjaRun *run; /* whose arena becomes the template's */
  const JinjaToken *at;
  guint depth;
  guint soft;       /* in a branch that may never run: unknown filters wait until then */
  guint loops;      /* around us in this macro */
  JinjaNode *macro; /* whose body this is; NULL: none */
} JinjaParser;

G_NORETURN void jinja_parser_fail (const JinjaParser *parser, const char *what);
JinjaNode *jinja_node (JinjaParser *parser, JinjaNodeKind kind);
/* Sets depth from a child; fails when too deep. */
void jinja_node_over (JinjaParser *parser, JinjaNode *node, const JinjaNode *child);
void jinja_node_add (JinjaParser *parser, JinjaNode *node, JinjaNode *item, guint8 op);
gboolean jinja_token_is (const JinjaParser *parser, const char *name);
gboolean jinja_token_op (const JinjaParser *parser, JinjaOp op);
gboolean jinja_skip_name (JinjaParser *parser, const char *name);
gboolean jinja_skip_op (JinjaParser *parser, JinjaOp op);
void jinja_expect_op (JinjaParser *parser, JinjaOp op);
const char *jinja_expect_name (JinjaParser *parser);
JinjaNode *jinja_parse_expression (JinjaParser *parser);
/* Several with commas make a tuple. end: a name that ends it too, or NULL. */
JinjaNode *jinja_parse_tuple (JinjaParser *parser, gboolean with_condition, const char *end,
                              gboolean in_parentheses);
/* What may stand left of = or in; namespaces: also ns.name. */
JinjaNode *jinja_parse_target (JinjaParser *parser, const char *end, gboolean namespaces);
/* A row of filters over node; inline: begins with a name and not with |. */
JinjaNode *jinja_parse_filters (JinjaParser *parser, JinjaNode *node, gboolean inline_start);
void jinja_parse_arguments (JinjaParser *parser, JinjaNode *call);

/* ---- values ---------------------------------------------------------------------------- */

/* Text of the template: borrowed bytes that outlive the run, or the arena's. */
JinjaValue jinja_text (JinjaRun *run, const char *bytes, size_t n);
JinjaValue jinja_literal (JinjaRun *run, const char *text);
JinjaValue jinja_undefined (JinjaRun *run, const char *format, ...) G_GNUC_PRINTF (2, 3);
JinjaValue jinja_sequence (JinjaRun *run, JinjaKind kind, const char *name);
gboolean jinja_is_list (JinjaValue value);   /* LIST to ITERATOR */
gboolean jinja_is_number (JinjaValue value); /* INT, FLOAT, BOOL */
double jinja_number (JinjaValue value);
gint64 jinja_whole (JinjaValue value);          /* INT, BOOL */
const char *jinja_type_name (JinjaValue value); /* as Python calls it */
gboolean jinja_truth (JinjaRun *run, JinjaValue value);
gboolean jinja_equal (JinjaRun *run, JinjaValue a, JinjaValue b);
/* < 0, 0, > 0; fails for kinds that have no order. */
int jinja_order (JinjaRun *run, JinjaValue a, JinjaValue b, const char *operator);
gboolean jinja_contains (JinjaRun *run, JinjaValue container, JinjaValue item);
/* A list of what iterating gives; iterators are used up. */
JinjaList *jinja_iterate (JinjaRun *run, JinjaValue value);
size_t jinja_length (JinjaRun *run, JinjaValue value);
JinjaValue *jinja_dict_find (JinjaRun *run, const JinjaDict *dict, JinjaValue key);
JinjaValue *jinja_dict_find_name (const JinjaDict *dict, const char *key);
JinjaValue jinja_pair (JinjaRun *run, JinjaValue a, JinjaValue b); /* a tuple */
JinjaValue jinja_get_attribute (JinjaRun *run, JinjaValue value, const JinjaString *name);
JinjaValue jinja_get_item (JinjaRun *run, JinjaValue value, JinjaValue key);
/* start, stop, step: NONE for what was left out. */
JinjaValue jinja_get_slice (JinjaRun *run, JinjaValue value, JinjaValue start, JinjaValue stop,
                            JinjaValue step);
/* A stable merge sort; keys and values move together. */
void jinja_sort (JinjaRun *run, JinjaValue *keys, JinjaValue *values, size_t n, gboolean reverse);
JinjaValue jinja_operate (JinjaRun *run, JinjaOp op, JinjaValue a, JinjaValue b);

/* ---- strings --------------------------------------------------------------------------- */

void jinja_buffer_init (JinjaBuffer *buffer, JinjaRun *run);
void jinja_buffer_put (JinjaBuffer *buffer, const char *bytes, size_t n, gboolean people);
void jinja_buffer_add (JinjaBuffer *buffer, const char *text); /* of the template */
void jinja_buffer_slice (JinjaBuffer *buffer, const JinjaString *string, size_t from, size_t to);
void jinja_buffer_string (JinjaBuffer *buffer, const JinjaString *string);
void jinja_buffer_char (JinjaBuffer *buffer, gunichar c, gboolean people);
JinjaValue jinja_buffer_value (JinjaBuffer *buffer);
gboolean jinja_string_mark (const JinjaString *string, size_t byte);
JinjaValue jinja_string_slice (JinjaRun *run, const JinjaString *string, size_t from, size_t to);
gboolean jinja_string_is (const JinjaString *string, const char *text);
size_t jinja_string_length (const JinjaString *string); /* characters */
/* The byte where a character begins, counted from byte `from`. */
size_t jinja_string_offset (const JinjaString *string, size_t characters);
gssize jinja_string_find (JinjaRun *run, const JinjaString *string, const JinjaString *part,
                          size_t from);
/* Over bytes from *at; moves it on. */
gunichar jinja_string_next (const JinjaString *string, size_t *at);
gboolean jinja_is_space (gunichar c); /* Python's str.isspace */
JinjaValue jinja_escape_html (JinjaRun *run, const JinjaString *string);
JinjaValue jinja_as_markup (JinjaRun *run, JinjaValue string);

/* print.c */
void jinja_print (JinjaBuffer *buffer, JinjaValue value); /* str */
void jinja_repr (JinjaBuffer *buffer, JinjaValue value);
const JinjaString *jinja_to_string (JinjaRun *run, JinjaValue value);
char *jinja_real_text (JinjaRun *run, double real);
/* json.c */
typedef struct {
  const JinjaString *indent;                         /* NULL: one line */
  const JinjaString *item_separator, *key_separator; /* NULL: Python's */
  gboolean sort_keys, ascii;
} JinjaJsonStyle;
void jinja_json_write (JinjaBuffer *buffer, JinjaValue value, const JinjaJsonStyle *style);
JinjaValue jinja_json_read (JinjaRun *run, const JinjaString *text);
/* format.c: Python's two ways to fill in a string */
typedef struct _JinjaArguments JinjaArguments;
JinjaValue jinja_format_percent (JinjaRun *run, const JinjaString *format, JinjaValue values);
JinjaValue jinja_format_braces (JinjaRun *run, const JinjaString *format,
                                const JinjaArguments *arguments);
/* numbers out of strings, as int () and float () read them */
gboolean jinja_parse_int (const JinjaString *string, int base, gint64 *value);
gboolean jinja_parse_real (const JinjaString *string, double *value);
/* time.c */
JinjaValue jinja_strftime (JinjaRun *run, const JinjaString *format);

/* ---- calls ----------------------------------------------------------------------------- */

#define JINJA_MAX_PARAMETERS 6

struct _JinjaArguments {
  JinjaValue *positional;
  size_t n;
  const JinjaDict *named;
};

/* One row of a table: its parameters in order ("x width=4 first"): names separated by spaces, those
 * after "?" may be left out. The function gets n values, UNDEFINED with what == NULL … for those
 * left out: see jinja_given. A signature of "*" takes the arguments as they come. */
typedef JinjaValue (*JinjaFunction) (JinjaRun *run, JinjaValue self, const JinjaValue *values,
                                     const JinjaArguments *arguments);

struct _JinjaFilter {
  const char *name, *parameters;
  JinjaFunction call;
};

struct _JinjaTest {
  const char *name, *parameters;
  gboolean (*check) (JinjaRun *run, JinjaValue value, const JinjaValue *values);
};

struct _JinjaCallable {
  const char *name;
  const JinjaFilter *function; /* a function or method; NULL: a macro or a loop */
  JinjaValue self;
  const JinjaNode *macro;
  JinjaScope *scope;
  JinjaLoop *loop;
};

/* A value that was left out. */
#define JINJA_LEFT_OUT ((JinjaValue) { .kind = JINJA_UNDEFINED, .what = jinja_left_out })
extern const char jinja_left_out[];
gboolean jinja_given (JinjaValue value);
/* Lays out arguments by the names of parameters; fails when they do not fit. */
void jinja_bind (JinjaRun *run, const char *callee, const char *parameters,
                 const JinjaArguments *arguments, JinjaValue values[JINJA_MAX_PARAMETERS]);
JinjaValue jinja_call_row (JinjaRun *run, const JinjaFilter *row, JinjaValue self,
                           const JinjaArguments *arguments);
JinjaValue jinja_call (JinjaRun *run, JinjaValue callable, const JinjaArguments *arguments);
gboolean jinja_check (JinjaRun *run, const JinjaTest *test, JinjaValue value,
                      const JinjaArguments *arguments);
const JinjaString *jinja_need_string (JinjaRun *run, JinjaValue value, const char *callee);
gint64 jinja_need_int (JinjaRun *run, JinjaValue value, const char *callee);

/* The tables. NULL: no such thing. */
const JinjaFilter *jinja_find_filter (const char *name);
const JinjaTest *jinja_find_test (const char *name);
const JinjaFilter *jinja_find_function (const char *name);
/* Methods by the kind of a value. known: Python has it, whether or not we do. */
const JinjaFilter *jinja_find_method (JinjaValue value, const JinjaString *name, gboolean *known);
/* The rows of filters that other files own, each ended by a NULL name. */
extern const JinjaFilter jinja_list_filters[];

/* eval.c, compute.c */
void jinja_execute (JinjaRun *run, const JinjaNode *body, JinjaScope *scope, JinjaBuffer *out);
JinjaValue jinja_evaluate (JinjaRun *run, const JinjaNode *node, JinjaScope *scope);
JinjaScope *jinja_scope_new (JinjaRun *run, JinjaScope *parent);
void jinja_scope_set (JinjaRun *run, JinjaScope *scope, const char *name, JinjaValue value);
JinjaValue *jinja_scope_find (JinjaScope *scope, const char *name);
JinjaValue jinja_call_macro (JinjaRun *run, const JinjaCallable *callable,
                             const JinjaArguments *arguments);
JinjaValue jinja_call_loop (JinjaRun *run, JinjaLoop *loop, JinjaValue iterable);
JinjaValue jinja_loop_attribute (JinjaRun *run, JinjaLoop *loop, const JinjaString *name);
JinjaValue jinja_callable (JinjaRun *run, const JinjaFilter *function, JinjaValue self);
extern const JinjaFilter jinja_string_methods[];
