/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli ask: a question, answered from the documents of a space. Finding, prompt and
 * citations are the window's own functions; only the waiting is done here. */
#include "app/assistant/bottega-grounding.h"
#include "app/assistant/bottega-prompt.h"
#include "app/cli/cli-space.h"

#include <stdio.h>
#include <string.h>

static char *space, *model_name;
static gboolean freely;
static int n_tokens = 512;

static const GOptionEntry entries[] = {
  { "space", 0, 0, G_OPTION_ARG_STRING, &space, "Space whose documents are asked", "SPACE" },
  { "model", 0, 0, G_OPTION_ARG_STRING, &model_name, "Model that answers", "MODEL" },
  { "freely", 0, 0, G_OPTION_ARG_NONE, &freely,
    "Where the documents do not answer, let the model answer by itself", NULL },
  { "tokens", 'n', 0, G_OPTION_ARG_INT, &n_tokens, "Longest answer, in tokens", "N" },
  { 0 },
};

typedef struct {
  EngineModel *model;
  EngineSession *session;
  BottegaSources sources;
  GListModel *passages;        /* of sources; empty: none */
  BottegaCitations *citations; /* NULL: the model reads no passages */
  GString *text;
  gboolean stream;
  EngineStats stats;
} Answer;

static void
answer_clear (Answer *answer)
{
  bottega_sources_clear (&answer->sources);
  g_clear_pointer (&answer->citations, bottega_citations_free);
  g_string_free (answer->text, TRUE);
}

/* ---- finding ---- */

static gboolean
find_passages (const CliOptions *options, Answer *answer, const char *question, GError **error)
{
  g_autoptr (BottegaEmbedder) embedder = cli_open_embedder (options);
  g_autoptr (BottegaSearcher) searcher = cli_open_searcher (options, space, embedder, error);
  const BottegaGroundingRequest request = {
    .question = question,
    .context_tokens = engine_model_context_tokens (answer->model),
    .only_documents = !freely,
  };
  g_autoptr (BottegaGrounded) grounded = NULL;
  g_autoptr (GPtrArray) passages = NULL;

  if (searcher == NULL)
    return FALSE;
  grounded = bottega_grounding_search (searcher, &request, NULL, error);
  if (grounded == NULL)
    return FALSE;
  passages = bottega_grounding_make_passages (grounded);
  g_list_store_splice (answer->sources.passages, 0, 0, passages->pdata, passages->len);
  answer->sources.use = grounded->use;
  answer->sources.n_read =
      grounded->use == BOTTEGA_SOURCES_ABSTAINED ? 0 : passages->len;
  answer->sources.only_documents = !freely;
  return TRUE;
}

/* ---- answering ---- */

static gboolean
count_tokens (const EngineMessage *messages,
              gsize n_messages,
              const char *answer_prefix,
              guint *tokens,
              gpointer user_data,
              GError **error)
{
  g_autoptr (GArray) encoded =
      engine_model_encode_chat (user_data, messages, n_messages, TRUE, error);

  if (encoded == NULL)
    return FALSE;
  *tokens = encoded->len;
  return TRUE;
}

static void
show (Answer *answer, const char *text)
{
  g_string_append (answer->text, text);
  if (answer->stream) {
    fputs (text, stdout);
    fflush (stdout);
  }
}

static void
on_event (const EngineEvent *event, void *user_data)
{
  Answer *answer = user_data;
  g_autoptr (GString) shown = NULL;

  if (event->kind != ENGINE_EVENT_TOKEN || event->text_kind != ENGINE_TEXT_ANSWER)
    return;
  if (answer->citations == NULL) {
    show (answer, event->text);
    return;
  }
  shown = g_string_new (NULL);
  bottega_citations_push (answer->citations, event->text, strlen (event->text), shown);
  show (answer, shown->str);
}

static gboolean
generate (Answer *answer, const char *question, GError **error)
{
  g_auto (GStrv) choices = bottega_grounding_render_all (question, &answer->sources);
  g_autoptr (BottegaPrompt) prompt = bottega_prompt_new (NULL);
  g_autoptr (GArray) tokens = NULL;
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  guint context = engine_model_context_tokens (answer->model);
  const EngineMessage *messages;
  BottegaPromptFit fit;
  gsize n;

  options.max_tokens = (uint32_t) MAX (n_tokens, 0);
  bottega_prompt_add (prompt, "user", NULL, question);
  bottega_prompt_set_choices (prompt, (const char *const *) choices);
  if (!bottega_prompt_fit (prompt, context, MIN (options.max_tokens, context / 4), count_tokens,
                           answer->model, &fit, error))
    return FALSE;
  answer->sources.n_read -= MIN (fit.choice, answer->sources.n_read);
  if (answer->sources.n_read > 0)
    answer->citations = bottega_citations_new (answer->sources.n_read);
  messages = bottega_prompt_get_messages (prompt, &n);
  tokens = engine_model_encode_chat (answer->model, messages, n, TRUE, error);
  if (tokens == NULL)
    return FALSE;
  cli_interrupts (answer->session);
  if (!engine_session_generate (answer->session, tokens, &options, on_event, answer,
                                &answer->stats, error))
    return FALSE;
  cli_interrupts (NULL);
  return TRUE;
}

/* Marks what was used, and what should have been where the model set no marker. */
static void
finish (Answer *answer)
{
  g_autoptr (GString) shown = g_string_new (NULL);
  g_autofree char *marked = NULL;

  if (answer->citations == NULL)
    return;
  bottega_citations_finish (answer->citations, shown);
  show (answer, shown->str);
  bottega_grounding_mark_used (answer->passages, answer->citations);
  if (bottega_citations_any_used (answer->citations))
    return;
  g_list_store_splice (answer->sources.passages, answer->sources.n_read,
                       g_list_model_get_n_items (answer->passages) - answer->sources.n_read, NULL,
                       0);
  marked = bottega_grounding_attribute (answer->text->str, answer->passages);
  if (marked != NULL)
    g_string_assign (answer->text, marked);
}

/* ---- printing ---- */

static void
print_json (const Answer *answer)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "answer");
  json_builder_add_string_value (builder, answer->text->str);
  json_builder_set_member_name (builder, "citations");
  json_builder_begin_array (builder);
  for (guint i = 0; i < g_list_model_get_n_items (answer->passages); i++) {
    g_autoptr (BottegaPassage) passage = g_list_model_get_item (answer->passages, i);

    if (!bottega_passage_get_used (passage))
      continue;
    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "n");
    json_builder_add_int_value (builder, bottega_passage_get_number (passage));
    json_builder_set_member_name (builder, "doc");
    json_builder_add_string_value (builder, bottega_passage_get_path (passage));
    json_builder_set_member_name (builder, "page");
    json_builder_add_int_value (builder, bottega_passage_get_page (passage));
    json_builder_set_member_name (builder, "text");
    json_builder_add_string_value (builder, bottega_passage_get_text (passage));
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "stats");
  cli_json_stats (builder, &answer->stats);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static void
print_sources (const Answer *answer)
{
  putchar ('\n');
  for (guint i = 0; i < g_list_model_get_n_items (answer->passages); i++) {
    g_autoptr (BottegaPassage) passage = g_list_model_get_item (answer->passages, i);
    const char *place = bottega_passage_get_place (passage);

    if (bottega_passage_get_used (passage))
      printf ("[%u] %s%s%s\n", bottega_passage_get_number (passage),
              bottega_passage_get_path (passage), *place != '\0' ? ", " : "", place);
  }
}

static int
answer_question (const CliOptions *options, Answer *answer, const char *question)
{
  g_autoptr (GError) error = NULL;

  if (!bottega_grounding_is_small_talk (question) &&
      !find_passages (options, answer, question, &error))
    return cli_fail (error);
  if (answer->sources.use == BOTTEGA_SOURCES_ABSTAINED)
    show (answer, bottega_grounding_abstention (question));
  else if (!generate (answer, question, &error))
    return cli_fail (error);
  finish (answer);
  if (options->json)
    print_json (answer);
  else
    print_sources (answer);
  return CLI_DONE;
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = model_name != NULL ? g_strdup (model_name)
                                             : cli_default_model (options, &error);
  g_autoptr (EngineModel) model = NULL;
  g_autoptr (EngineSession) session = NULL;
  Answer answer = { 0 };
  int status;

  model = name != NULL ? cli_open_model (options, name, &error) : NULL;
  session = model != NULL ? engine_session_new (model, &error) : NULL;
  if (session == NULL)
    return cli_fail (error);
  answer.model = model;
  answer.session = session;
  answer.stream = !options->json;
  answer.text = g_string_new (NULL);
  answer.sources.passages = g_list_store_new (BOTTEGA_TYPE_PASSAGE);
  answer.passages = G_LIST_MODEL (answer.sources.passages);
  status = answer_question (options, &answer, argv[1]);
  answer_clear (&answer);
  return status;
}

const CliCommand cli_ask = { "ask", "QUESTION [--space S]", "An answer from a space's documents",
                             run, entries, 1, 1 };
