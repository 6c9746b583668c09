/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates to tokens: text and tags, white space as trim_blocks, lstrip_blocks and the signs
 * beside the braces want it, raw blocks, comments, literals. Knows no grammar. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <string.h>

typedef struct {
  JinjaRun *run;
  const char *at, *end;
  guint line;
  gboolean line_starting;     /* a tag that begins here may be the first thing in its line */
  char open[JINJA_MAX_DEPTH]; /* brackets of the expression at hand */
  guint n_open;
  JinjaToken *tokens;
  size_t n, room;
} Lexer;

static const struct {
  const char *text;
  JinjaOp op;
} operators[] = {
  /* The longer ones first. */
  { "**", OP_POWER },
  { "//", OP_FLOOR_DIVIDE },
  { "==", OP_EQUAL },
  { "!=", OP_NOT_EQUAL },
  { "<=", OP_LESS_EQUAL },
  { ">=", OP_GREATER_EQUAL },
  { "<", OP_LESS },
  { ">", OP_GREATER },
  { "=", OP_ASSIGN },
  { "+", OP_ADD },
  { "-", OP_SUBTRACT },
  { "*", OP_MULTIPLY },
  { "/", OP_DIVIDE },
  { "%", OP_MODULO },
  { "~", OP_TILDE },
  { "|", OP_PIPE },
  { ".", OP_DOT },
  { ",", OP_COMMA },
  { ":", OP_COLON },
  { ";", OP_SEMICOLON },
  { "(", OP_LEFT_PAREN },
  { ")", OP_RIGHT_PAREN },
  { "[", OP_LEFT_BRACKET },
  { "]", OP_RIGHT_BRACKET },
  { "{", OP_LEFT_BRACE },
  { "}", OP_RIGHT_BRACE },
};

static JinjaToken *
add_token (Lexer *lexer, JinjaTokenKind kind, const char *text, size_t n)
{
  JinjaToken *token;

  if (lexer->n == lexer->room) {
    size_t room = MAX (lexer->room * 2, 64);
    JinjaToken *tokens = jinja_alloc (lexer->run, room * sizeof *tokens);

    if (lexer->n > 0)
      memcpy (tokens, lexer->tokens, lexer->n * sizeof *tokens);
    lexer->tokens = tokens;
    lexer->room = room;
  }
  token = &lexer->tokens[lexer->n++];
  token->kind = kind;
  token->line = lexer->line;
  token->text = text;
  token->n = n;
  return token;
}

static gboolean
looking_at (const Lexer *lexer, const char *text)
{
  size_t n = strlen (text);

  return (size_t) (lexer->end - lexer->at) >= n && memcmp (lexer->at, text, n) == 0;
}

static void
move_to (Lexer *lexer, const char *at)
{
  for (; lexer->at < at; lexer->at++)
    lexer->line += *lexer->at == '\n';
  lexer->run->line = lexer->line;
}

/* The character here, and where it ends. */
static gunichar
character (const Lexer *lexer, const char *at, const char **next)
{
  JinjaString rest = { .bytes = at, .n = (size_t) (lexer->end - at) };
  size_t used = 0;
  gunichar c = jinja_string_next (&rest, &used);

  *next = at + used;
  return c;
}

static const char *
skip_spaces (const Lexer *lexer, const char *at)
{
  const char *next;

  while (at < lexer->end && jinja_is_space (character (lexer, at, &next)))
    at = next;
  return at;
}

/* Text before a tag that begins at `end` with this sign ('-', '+' or another). */
static void
add_data (Lexer *lexer, const char *end, char sign, gboolean is_variable)
{
  const char *from = lexer->at, *stop = end;

  if (sign == '-') {
    while (stop > from) {
      const char *before = g_utf8_find_prev_char (from, stop);

      if (before == NULL ||
          !jinja_is_space (*before == '\0' ? 0 : g_utf8_get_char (before)))
        break;
      stop = before;
    }
  } else if (sign != '+' && !is_variable) {
    const char *line = end;

    while (line > from && line[-1] != '\n')
      line--;
    if ((line > from || lexer->line_starting) && skip_spaces (lexer, line) >= end)
      stop = line;
  }
  if (stop > from)
    add_token (lexer, TOKEN_DATA, from, (size_t) (stop - from));
  move_to (lexer, end);
}

/* After the closing of a tag: the sign before it strips, or trim_blocks takes one line end. */
static void
after_tag (Lexer *lexer, const char *at, char sign, gboolean trims)
{
  if (sign == '-')
    at = skip_spaces (lexer, at);
  else if (sign != '+' && trims && at < lexer->end && *at == '\n')
    at++;
  move_to (lexer, at);
  lexer->line_starting = at[-1] == '\n';
}

static gboolean
starts (const char *at, const char *end, const char *text)
{
  size_t n = strlen (text);

  return (size_t) (end - at) >= n && memcmp (at, text, n) == 0;
}

/* Whether {% word %} stands here; where it ends and the sign before its end. */
static const char *
match_word_tag (const Lexer *lexer, const char *at, const char *word, char *sign)
{
  at += 2;
  if (at < lexer->end && (*at == '-' || *at == '+'))
    at++;
  at = skip_spaces (lexer, at);
  if (!starts (at, lexer->end, word))
    return NULL;
  at = skip_spaces (lexer, at + strlen (word));
  *sign = '\0';
  if (at < lexer->end && (*at == '-' || *at == '+'))
    *sign = *at++;
  return starts (at, lexer->end, "%}") ? at + 2 : NULL;
}

static char
sign_after (const Lexer *lexer, const char *tag)
{
  return tag + 2 < lexer->end && (tag[2] == '-' || tag[2] == '+') ? tag[2] : '\0';
}

static void
lex_raw (Lexer *lexer, const char *end_of_begin, char sign)
{
  /* trim_blocks does not reach into a raw block. */
  after_tag (lexer, end_of_begin, sign, FALSE);
  for (const char *at = lexer->at; at < lexer->end; at++) {
    const char *end;
    char opening, closing;

    if (!starts (at, lexer->end, "{%"))
      continue;
    end = match_word_tag (lexer, at, "endraw", &closing);
    if (end == NULL)
      continue;
    opening = sign_after (lexer, at);
    add_data (lexer, at, opening, FALSE);
    after_tag (lexer, end, closing, TRUE);
    return;
  }
  jinja_fail (lexer->run, "a raw block has no end");
}

static void
lex_comment (Lexer *lexer)
{
  const char *end = memmem (lexer->at + 2, (size_t) (lexer->end - lexer->at - 2), "#}", 2);

  if (end == NULL)
    jinja_fail (lexer->run, "a comment has no end");
  after_tag (lexer, end + 2, end - lexer->at > 2 ? end[-1] : '\0', TRUE);
}

/* ---- literals -------------------------------------------------------------------------- */

/* \xhh, \uhhhh, \Uhhhhhhhh or \ooo; FALSE: none of them. */
static gboolean
numeric_escape (const char **at, const char *end, gunichar *c)
{
  static const struct {
    char letter;
    int digits;
  } kinds[] = { { 'x', 2 }, { 'u', 4 }, { 'U', 8 } };
  guint64 value = 0;
  const char *digit = *at;

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (*digit != kinds[i].letter)
      continue;
    digit++;
    for (int n = 0; n < kinds[i].digits; n++, digit++) {
      if (digit >= end || !g_ascii_isxdigit (*digit))
        return FALSE;
      value = value * 16 + (guint64) g_ascii_xdigit_value (*digit);
    }
    *at = digit;
    *c = value > 0x10ffff ? 0xfffd : (gunichar) value;
    return TRUE;
  }
  if (*digit < '0' || *digit > '7')
    return FALSE;
  for (int n = 0; n < 3 && digit < end && *digit >= '0' && *digit <= '7'; n++, digit++)
    value = value * 8 + (guint64) (*digit - '0');
  *at = digit;
  *c = (gunichar) value;
  return TRUE;
}

static void
lex_string (Lexer *lexer)
{
  static const char letters[] = "nrtabfv\\'\"", meanings[] = "\n\r\t\a\b\f\v\\'\"";
  char quote = *lexer->at;
  const char *at = lexer->at + 1;
  JinjaBuffer text;
  JinjaToken *token;
  JinjaValue value;

  jinja_buffer_init (&text, lexer->run);
  while (at < lexer->end && *at != quote) {
    const char *letter;
    gunichar c;

    if (*at != '\\') {
      jinja_buffer_put (&text, at++, 1, FALSE);
      continue;
    }
    if (++at == lexer->end)
      break;
    letter = *at != '\0' ? strchr (letters, *at) : NULL;
    if (letter != NULL) {
      jinja_buffer_put (&text, &meanings[letter - letters], 1, FALSE);
      at++;
    } else if (*at == '\n') {
      at++;
    } else if (*at == 'x' || *at == 'u' || *at == 'U' || (*at >= '0' && *at <= '7')) {
      if (!numeric_escape (&at, lexer->end, &c))
        jinja_fail (lexer->run, "an escape in a string has too few digits");
      /* A surrogate alone is no character. */
      jinja_buffer_char (&text, c >= 0xd800 && c < 0xe000 ? 0xfffd : c, FALSE);
    } else if (*at == 'N') {
      jinja_fail (lexer->run, "characters cannot be written by their names");
    } else {
      jinja_buffer_add (&text, "\\");
    }
  }
  if (at >= lexer->end)
    jinja_fail (lexer->run, "a string has no end");
  value = jinja_buffer_value (&text);
  token = add_token (lexer, TOKEN_STRING, value.string->bytes, value.string->n);
  token->n = value.string->n;
  move_to (lexer, at + 1);
}

/* Digits with single underscores between them. */
static const char *
digits (const Lexer *lexer, const char *at)
{
  const char *from = at;

  while (at < lexer->end && (g_ascii_isdigit (*at) || (*at == '_' && at > from && at[-1] != '_' &&
                                                       at + 1 < lexer->end &&
                                                       g_ascii_isdigit (at[1]))))
    at++;
  return at;
}

static const char *
without_underscores (Lexer *lexer, const char *from, const char *to)
{
  char *copy = jinja_alloc (lexer->run, (size_t) (to - from) + 1), *out = copy;

  for (; from < to; from++)
    if (*from != '_')
      *out++ = *from;
  return copy;
}

/* 0b1, 0o7, 0xf. */
static gboolean
lex_prefixed (Lexer *lexer)
{
  static const struct {
    char letter;
    int base;
  } kinds[] = { { 'b', 2 }, { 'o', 8 }, { 'x', 16 } };
  const char *at = lexer->at;

  for (size_t i = 0; i < G_N_ELEMENTS (kinds) && lexer->end - at > 2 && *at == '0'; i++) {
    const char *end = at + 2;
    JinjaString digits_of = { .bytes = at + 2 };
    gint64 value;

    if (g_ascii_tolower (at[1]) != kinds[i].letter)
      continue;
    while (end < lexer->end && g_ascii_isxdigit (*end) &&
           g_ascii_xdigit_value (*end) < kinds[i].base)
      end++;
    digits_of.n = (size_t) (end - digits_of.bytes);
    if (digits_of.n == 0 || !jinja_parse_int (&digits_of, kinds[i].base, &value))
      jinja_fail (lexer->run, "a number cannot be read");
    add_token (lexer, TOKEN_INTEGER, NULL, 0)->integer = value;
    move_to (lexer, end);
    return TRUE;
  }
  return FALSE;
}

static void
lex_number (Lexer *lexer)
{
  const char *from = lexer->at, *end = digits (lexer, from), *fraction;
  gboolean real = FALSE;
  JinjaString text;
  gint64 value;

  if (lex_prefixed (lexer))
    return;
  if (end + 1 < lexer->end && *end == '.' && g_ascii_isdigit (end[1])) {
    end = digits (lexer, end + 1);
    real = TRUE;
  }
  if (end < lexer->end && (*end == 'e' || *end == 'E')) {
    fraction = end + 1;
    if (fraction < lexer->end && (*fraction == '+' || *fraction == '-'))
      fraction++;
    if (fraction < lexer->end && g_ascii_isdigit (*fraction)) {
      end = digits (lexer, fraction);
      real = TRUE;
    }
  }
  text.bytes = without_underscores (lexer, from, end);
  text.n = strlen (text.bytes);
  if (real) {
    add_token (lexer, TOKEN_REAL, NULL, 0)->real = g_ascii_strtod (text.bytes, NULL);
  } else {
    /* 0 and 00 are numbers, 01 is a zero and a one. */
    if (*from == '0')
      for (end = from; end < lexer->end && *end == '0';)
        end++;
    if (!jinja_parse_int (&text, 10, &value))
      jinja_fail_code (lexer->run, ENGINE_ERROR_LIMIT, "the number %.30s is too large", text.bytes);
    add_token (lexer, TOKEN_INTEGER, NULL, 0)->integer = *from == '0' ? 0 : value;
  }
  move_to (lexer, end);
}

static gboolean
lex_name (Lexer *lexer)
{
  const char *at = lexer->at;
  char *name;

  while (at < lexer->end) {
    const char *next;
    gunichar c = character (lexer, at, &next);

    if (c != '_' && !(at == lexer->at ? g_unichar_isalpha (c) : g_unichar_isalnum (c)))
      break;
    at = next;
  }
  if (at == lexer->at)
    return FALSE;
  name = jinja_alloc (lexer->run, (size_t) (at - lexer->at) + 1);
  memcpy (name, lexer->at, (size_t) (at - lexer->at));
  add_token (lexer, TOKEN_NAME, name, (size_t) (at - lexer->at));
  move_to (lexer, at);
  return TRUE;
}

static void
lex_operator (Lexer *lexer)
{
  static const char opening[] = "([{", closing[] = ")]}";

  for (size_t i = 0; i < G_N_ELEMENTS (operators); i++) {
    const char *bracket;
    char c = operators[i].text[0];

    if (!looking_at (lexer, operators[i].text))
      continue;
    bracket = strchr (opening, c);
    if (bracket != NULL) {
      if (lexer->n_open == G_N_ELEMENTS (lexer->open))
        jinja_fail_code (lexer->run, ENGINE_ERROR_LIMIT, "its brackets are nested too deeply");
      lexer->open[lexer->n_open++] = closing[bracket - opening];
    } else if (strchr (closing, c) != NULL) {
      if (lexer->n_open == 0 || lexer->open[--lexer->n_open] != c)
        jinja_fail (lexer->run, "a “%c” closes nothing", c);
    }
    add_token (lexer, TOKEN_OPERATOR, operators[i].text, 1)->op = operators[i].op;
    move_to (lexer, lexer->at + strlen (operators[i].text));
    return;
  }
  jinja_fail (lexer->run, "the character “%.*s” is not understood",
              (int) g_utf8_skip[(guchar) *lexer->at], lexer->at);
}

/* What stands between the braces, to their closing. */
static void
lex_tag (Lexer *lexer, gboolean is_variable)
{
  const char *closing = is_variable ? "}}" : "%}";

  add_token (lexer, is_variable ? TOKEN_VARIABLE_BEGIN : TOKEN_BLOCK_BEGIN, NULL, 0);
  lexer->n_open = 0;
  for (;;) {
    char sign;

    move_to (lexer, skip_spaces (lexer, lexer->at));
    if (lexer->at == lexer->end)
      jinja_fail (lexer->run, "a tag has no end");
    sign = *lexer->at;
    if (lexer->n_open == 0) {
      gboolean signed_end = sign == '-' || (sign == '+' && !is_variable);
      const char *end = lexer->at + signed_end;

      if (starts (end, lexer->end, closing)) {
        add_token (lexer, is_variable ? TOKEN_VARIABLE_END : TOKEN_BLOCK_END, NULL, 0);
        after_tag (lexer, end + 2, signed_end ? sign : '\0', !is_variable);
        return;
      }
    }
    if (g_ascii_isdigit (sign))
      lex_number (lexer);
    else if (sign == '"' || sign == '\'')
      lex_string (lexer);
    else if (!lex_name (lexer))
      lex_operator (lexer);
  }
}

/* The next tag at or after here; NULL: none. */
static const char *
next_tag (const Lexer *lexer)
{
  for (const char *at = lexer->at; at + 1 < lexer->end; at++)
    if (*at == '{' && (at[1] == '{' || at[1] == '%' || at[1] == '#'))
      return at;
  return NULL;
}

/* Line ends become \n, and the last one goes. */
static size_t
clean_lines (JinjaRun *run, const char *source, size_t n, char **clean)
{
  char *out = *clean = jinja_alloc (run, n + 1);

  for (size_t i = 0; i < n; i++) {
    *out++ = source[i] == '\r' ? '\n' : source[i];
    if (source[i] == '\r' && i + 1 < n && source[i + 1] == '\n')
      i++;
  }
  if (out > *clean && out[-1] == '\n')
    out--;
  return (size_t) (out - *clean);
}

JinjaToken *
jinja_lex (JinjaRun *run, const char *source, size_t n, size_t *n_tokens)
{
  Lexer lexer = { .run = run, .line = 1, .line_starting = TRUE };
  const char *tag;
  char *clean;

  n = clean_lines (run, source, n, &clean);
  lexer.at = clean;
  lexer.end = clean + n;
  while ((tag = next_tag (&lexer)) != NULL) {
    char kind = tag[1], sign = sign_after (&lexer, tag), closing;
    const char *end = kind == '%' ? match_word_tag (&lexer, tag, "raw", &closing) : NULL;

    add_data (&lexer, tag, sign, kind == '{');
    if (end != NULL && closing != '+') {
      lex_raw (&lexer, end, closing);
    } else if (kind == '#') {
      lex_comment (&lexer);
    } else {
      move_to (&lexer, tag + 2 + (sign != '\0'));
      lex_tag (&lexer, kind == '{');
    }
  }
  if (lexer.at < lexer.end)
    add_token (&lexer, TOKEN_DATA, lexer.at, (size_t) (lexer.end - lexer.at));
  move_to (&lexer, lexer.end);
  add_token (&lexer, TOKEN_END, NULL, 0);
  *n_tokens = lexer.n;
  return lexer.tokens;
}
