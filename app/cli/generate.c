/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli generate and chat: an answer, streamed. */
#include "app/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int n_tokens = 256;
static double temperature = 0, top_p = 0.95, min_p = 0.05, repetition_penalty = 1;
static int top_k = 40;
static gint64 seed;
static gboolean raw, ignore_end, plain;
static char *system_text, *kept_path;

static const GOptionEntry entries[] = {
  { "tokens", 'n', 0, G_OPTION_ARG_INT, &n_tokens, "Longest answer, in tokens", "N" },
  { "temp", 0, 0, G_OPTION_ARG_DOUBLE, &temperature, "Temperature; 0: always the likeliest token",
    "T" },
  { "top-k", 0, 0, G_OPTION_ARG_INT, &top_k, "Keep the K likeliest tokens (0: off)", "K" },
  { "top-p", 0, 0, G_OPTION_ARG_DOUBLE, &top_p,
    "Keep the likeliest tokens that add up to P (1: off)", "P" },
  { "min-p", 0, 0, G_OPTION_ARG_DOUBLE, &min_p, "Drop tokens below P times the likeliest (0: off)",
    "P" },
  { "repeat-penalty", 0, 0, G_OPTION_ARG_DOUBLE, &repetition_penalty, "Against repetition (1: off)",
    "X" },
  { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Same seed, same text", "S" },
  { "system", 0, 0, G_OPTION_ARG_STRING, &system_text, "Instructions for the whole conversation",
    "TEXT" },
  { "raw", 0, 0, G_OPTION_ARG_NONE, &raw, "Continue PROMPT as it stands, without a chat template",
    NULL },
  { "ignore-end", 0, 0, G_OPTION_ARG_NONE, &ignore_end, "Go on past the end of the answer", NULL },
  { "keep", 0, 0, G_OPTION_ARG_FILENAME, &kept_path,
    "Go on where FILE left off, and leave it there for the next time", "FILE" },
  { "plain", 0, 0, G_OPTION_ARG_NONE, &plain, "One token at a time, without guessing any", NULL },
  { 0 },
};

typedef struct {
  GArray *tokens; /* gint32 */
  GString *text;
  gboolean stream;  /* to stdout */
  GString *thought; /* what it thought before it; NULL: not wanted */
} Answer;

static void
on_event (const EngineEvent *event, void *user_data)
{
  Answer *answer = user_data;

  if (event->kind != ENGINE_EVENT_TOKEN)
    return;
  if (event->token >= 0)
    g_array_append_val (answer->tokens, event->token);
  if (event->text_kind == ENGINE_TEXT_THOUGHT && answer->thought != NULL)
    g_string_append (answer->thought, event->text);
  if (event->text_kind != ENGINE_TEXT_ANSWER)
    return;
  g_string_append (answer->text, event->text);
  if (answer->stream) {
    fputs (event->text, stdout);
    fflush (stdout);
  }
}

static EngineGenerate
generate_options (void)
{
  EngineGenerate options = ENGINE_GENERATE_GREEDY;

  options.max_tokens = (uint32_t) MAX (n_tokens, 0);
  options.temperature = (float) temperature;
  options.seed = (uint64_t) seed;
  options.ignore_end = ignore_end;
  options.unsorted = raw;
  options.speculate = !plain;
  options.repetition_penalty = (float) repetition_penalty;
  options.repetition_window = 64;
  if (temperature > 0) {
    options.top_k = (uint32_t) MAX (top_k, 0);
    options.top_p = (float) top_p;
    options.min_p = (float) min_p;
  }
  return options;
}

static GArray *
encode_prompt (EngineModel *model, const char *prompt, GError **error)
{
  EngineMessage messages[2];
  size_t n = 0;

  if (raw)
    return engine_model_encode (model, prompt, FALSE, ENGINE_ENDS_BEGIN);
  if (system_text != NULL)
    messages[n++] = (EngineMessage) { "system", system_text };
  messages[n++] = (EngineMessage) { "user", prompt };
  return engine_model_encode_chat (model, messages, n, TRUE, error);
}

static void
print_json (const EngineModel *model, const Answer *answer, const EngineStats *stats)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "text");
  json_builder_add_string_value (builder, answer->text->str);
  if (answer->thought->len > 0) {
    json_builder_set_member_name (builder, "thought");
    json_builder_add_string_value (builder, answer->thought->str);
  }
  json_builder_set_member_name (builder, "tokens");
  cli_json_tokens (builder, answer->tokens);
  cli_json_string (builder, "device", engine_model_device_description (model));
  cli_json_string (builder, "kv_type", engine_model_kv_type (model));
  json_builder_set_member_name (builder, "stats");
  cli_json_stats (builder, stats);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

/* What cannot go on where it was is read again: that takes time and loses nothing. */
static void
go_on (EngineSession *session)
{
  g_autoptr (GError) error = NULL;

  if (g_file_test (kept_path, G_FILE_TEST_EXISTS) &&
      !engine_session_restore (session, kept_path, &error))
    fprintf (stderr, "bottega-cli: %s\n", error->message);
}

static int
run_generate (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = cli_open_model (options, argv[1], &error);
  g_autoptr (EngineSession) session = model != NULL ? engine_session_new (model, &error) : NULL;
  g_autoptr (GArray) prompt = session != NULL ? encode_prompt (model, argv[2], &error) : NULL;
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GString) text = g_string_new (NULL), thought = g_string_new (NULL);
  Answer answer = { tokens, text, !options->json, thought };
  EngineGenerate generate = generate_options ();
  EngineStats stats;

  if (prompt == NULL)
    return cli_fail (error);
  if (kept_path != NULL)
    go_on (session);
  cli_interrupts (session);
  if (!engine_session_generate (session, prompt, &generate, on_event, &answer, &stats, &error) ||
      (kept_path != NULL && !engine_session_save (session, kept_path, &error)))
    return cli_fail (error);
  cli_interrupts (NULL);
  if (options->json)
    print_json (model, &answer, &stats);
  else
    putchar ('\n');
  if (!options->json && options->draft != NULL) /* what it was good for */
    cli_say_stats (&stats);
  return CLI_DONE;
}

/* ---- chat ---- */

/* Owned copies of roles and texts, so that a conversation outlives its lines. */
typedef struct {
  GPtrArray *texts;
  GArray *messages; /* EngineMessage */
} Talk;

static void
talk_add (Talk *talk, const char *role, const char *text)
{
  char *copy = g_strdup (text);
  EngineMessage message = { role, copy };

  g_ptr_array_add (talk->texts, copy);
  g_array_append_val (talk->messages, message);
}

static gboolean
answer_line (EngineModel *model,
             EngineSession *session,
             Talk *talk,
             const EngineGenerate *generate,
             GError **error)
{
  g_autoptr (GArray) prompt = engine_model_encode_chat (
      model, (const EngineMessage *) talk->messages->data, talk->messages->len, TRUE, error);
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GString) text = g_string_new (NULL);
  Answer answer = { tokens, text, TRUE, NULL };
  EngineStats stats;

  if (prompt == NULL)
    return FALSE;
  engine_session_rearm (session);
  cli_interrupts (session);
  if (!engine_session_generate (session, prompt, generate, on_event, &answer, &stats, error))
    return FALSE;
  cli_interrupts (NULL);
  putchar ('\n');
  fflush (stdout);
  cli_say_stats (&stats);
  talk_add (talk, "assistant", text->str);
  return TRUE;
}

static void
talk_restart (Talk *talk)
{
  g_array_set_size (talk->messages, 0);
  if (system_text != NULL)
    talk_add (talk, "system", system_text);
}

static int
talk_loop (EngineModel *model, EngineSession *session)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) messages = g_array_new (FALSE, FALSE, sizeof (EngineMessage));
  Talk talk = { texts, messages };
  EngineGenerate generate = generate_options ();
  char *line = NULL;
  size_t size = 0;
  int status = CLI_DONE;

  talk_restart (&talk);
  while (isatty (STDIN_FILENO) ? (fputs ("› ", stdout), fflush (stdout)) : 0,
         getline (&line, &size, stdin) > 0) {
    g_autoptr (GError) error = NULL;

    g_strchomp (line);
    if (strcmp (line, "/quit") == 0)
      break;
    if (strcmp (line, "/new") == 0)
      talk_restart (&talk);
    if (*line == '\0' || strcmp (line, "/new") == 0)
      continue;
    talk_add (&talk, "user", line);
    if (!answer_line (model, session, &talk, &generate, &error)) {
      status = cli_fail (error);
      g_array_set_size (messages, messages->len - 1); /* the question was not answered */
    }
  }
  free (line);
  return status;
}

static int
run_chat (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = argc > 1 ? g_strdup (argv[1]) : cli_default_model (options, &error);
  g_autoptr (EngineModel) model = name != NULL ? cli_open_model (options, name, &error) : NULL;
  g_autoptr (EngineSession) session = model != NULL ? engine_session_new (model, &error) : NULL;

  if (session == NULL)
    return cli_fail (error);
  fprintf (stderr, "%s on %s. Ctrl+C stops an answer, /new starts over, /quit or Ctrl+D ends.\n",
           engine_model_info (model)->name, engine_model_device_description (model));
  return talk_loop (model, session);
}

const CliCommand cli_generate = {
  "generate", "MODEL PROMPT", "One answer", run_generate, entries, 2, 2
};
const CliCommand cli_chat = { "chat", "[MODEL]", "A conversation in the terminal",
                              run_chat, entries, 0,
                              1 };
