/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of tiny models that go on at the same time, on the device that is given: each is the one
 * that a session alone gets, also when another ends, is cancelled, finds no room or reads its
 * prompt meanwhile, and when the device fails. Looks into models for pages, and to make it fail. */
#include "engine/session/session.h"
#include "tests/engine/answers.h"
#include "tests/engine/session/pair.h"

#include <glib/gstdio.h>
#include <string.h>

#define MOST           4
#define CONTEXT_TOKENS 512
#define CHUNK_TOKENS   64
#define PROMPT_TOKENS  40

static const char *device;
static char *folder;

/* One answer, and the same of a session alone. */
typedef struct {
  EngineSession *session;
  GArray *prompt, *expected, *got;
  EngineGenerate options;
  EngineAnswer *answer;
  EngineStats stats;
  guint cancel_at;     /* tokens after which it cancels itself; 0: never */
  guint n_read, chunk; /* of the prompt in the cache, and what the last event added to it */
} Part;

static void
on_event (const EngineEvent *event, void *user_data)
{
  Part *part = user_data;

  if (event->kind == ENGINE_EVENT_READING) {
    part->chunk = event->done - part->n_read;
    part->n_read = event->done;
  } else if (event->token >= 0) {
    g_array_append_val (part->got, event->token);
    if (part->got->len == part->cancel_at)
      engine_session_cancel (part->session);
  }
}

/* Beginnings are the same, so that pages are shared. */
static void
part_init (Part *part, const TestPair *tiny, uint64_t seed, guint n_prompt,
           const EngineGenerate *options)
{
  g_autoptr (EngineSession) alone = test_session_new (tiny->other);

  *part = (Part) { .options = *options };
  part->session = test_session_new (tiny->model);
  part->prompt = g_array_new (FALSE, FALSE, sizeof (gint32));
  part->expected = g_array_new (FALSE, FALSE, sizeof (gint32));
  part->got = g_array_new (FALSE, FALSE, sizeof (gint32));
  test_add_tokens (part->prompt, 1, n_prompt / 2);
  test_add_tokens (part->prompt, seed, n_prompt - n_prompt / 2);
  engine_model_forget (tiny->other);
  test_generate (alone, part->prompt, options, part->expected, NULL);
}

static void
part_begin (Part *part)
{
  g_autoptr (GError) error = NULL;

  g_array_set_size (part->got, 0);
  part->answer =
      engine_answer_new (part->session, part->prompt, &part->options, on_event, part, &error);
  g_assert_no_error (error);
  g_assert_nonnull (part->answer);
  g_assert_null (
      engine_answer_new (part->session, part->prompt, &part->options, NULL, NULL, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID); /* it has one already */
}

/* error NULL: there must be none. */
static void
part_end (Part *part, GError **error)
{
  g_autoptr (GError) problem = NULL;
  gboolean ok = engine_answer_finish (g_steal_pointer (&part->answer), &part->stats, &problem);

  g_assert_true (ok == (problem == NULL));
  if (error == NULL)
    g_assert_no_error (problem);
  else
    *error = g_steal_pointer (&problem);
}

/* n tokens of the answer are as they should be, and there are no others. */
static void
check_tokens (const Part *part, guint n)
{
  g_assert_cmpuint (part->got->len, ==, n);
  g_assert_cmpmem (part->got->data, n * sizeof (gint32), part->expected->data,
                   n * sizeof (gint32));
}

static void
part_clear (Part *part)
{
  engine_session_free (part->session);
  g_array_unref (part->prompt);
  g_array_unref (part->expected);
  g_array_unref (part->got);
}

static void
step (EngineModel *model, const Part *parts, guint n)
{
  EngineAnswer *answers[MOST];

  for (guint i = 0; i < n; i++)
    answers[i] = parts[i].answer;
  engine_model_step (model, answers, n);
}

static void
step_to_end (EngineModel *model, const Part *parts, guint n)
{
  for (guint i = 0; i < n; i++)
    while (!engine_answer_done (parts[i].answer))
      step (model, parts, n);
}

/* Nobody holds a page or a state any more. */
static void
check_all_free (EngineModel *model)
{
  const SessionCache *cache = &model->cache;

  engine_model_forget (model);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    g_assert_cmpuint (cache->pools[group].n_free, ==, cache->pools[group].n_pages);
  g_assert_cmpuint (cache->states.n_free, ==, cache->states.n_pages);
}

static EngineGenerate
greedy (guint n_tokens)
{
  EngineGenerate options = ENGINE_GENERATE_GREEDY;

  options.max_tokens = n_tokens;
  options.ignore_end = TRUE;
  return options;
}

/* gpu_memory_bytes 0: no limit. */
static TestPair
open_limited (gconstpointer kind, guint context_tokens, uint64_t gpu_memory_bytes)
{
  return test_pair_open_sure (folder, (TinyKind) GPOINTER_TO_INT (kind),
                              &(EngineModelOptions) { .device = device,
                                                      .context_tokens = context_tokens,
                                                      .chunk_tokens = CHUNK_TOKENS,
                                                      .gpu_memory_bytes = gpu_memory_bytes });
}

static TestPair
open_sized (gconstpointer kind, guint context_tokens)
{
  return open_limited (kind, context_tokens, 0);
}

/* The windows of these tiny models are much shorter than a page: there is room for two of them. */
static guint
most_answers (const TestPair *tiny)
{
  return tiny->model->cache.window_tokens > 0 ? 2 : MOST;
}

/* Four samplers that want different rows, and answers that end one by one. Rounding of a graphics
 * card differs by the size of a batch, so that only what is sure can be compared there. */
static void
answer_all (const TestPair *tiny)
{
  EngineGenerate options[MOST] = { greedy (21), greedy (9), greedy (30), greedy (14) };
  guint n = most_answers (tiny);
  uint32_t room;
  Part parts[MOST];

  if (g_str_equal (device, "cpu")) {
    options[1].temperature = options[2].temperature = 1;
    options[1].seed = 5;
    options[1].top_k = 40;
    options[2].repetition_penalty = options[3].repetition_penalty = 1.2f;
  }
  for (guint i = 0; i < n; i++) {
    part_init (&parts[i], tiny, 10 + i, PROMPT_TOKENS + 17 * i, &options[i]);
    part_begin (&parts[i]);
    step (tiny->model, parts, i + 1); /* the next one takes over what the first has read */
  }
  step_to_end (tiny->model, parts, n);
  room = engine_model_room (tiny->model, NULL, 0);
  g_assert_cmpuint (room, ==, CONTEXT_TOKENS);
  for (guint i = 0; i < n; i++) {
    part_end (&parts[i], NULL);
    check_tokens (&parts[i], options[i].max_tokens);
    g_assert_cmpint (parts[i].stats.stop, ==, ENGINE_STOP_MAX_TOKENS);
    g_assert_cmpuint (parts[i].stats.shared_tokens, >, 0);
    g_assert_cmpuint (parts[i].stats.reused_tokens + parts[i].stats.read_tokens, ==,
                      parts[i].prompt->len);
    g_assert_cmpfloat (parts[i].stats.others_s, >, 0);
    part_clear (&parts[i]);
  }
  check_all_free (tiny->model);
}

static void
test_same (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_sized (kind, CONTEXT_TOKENS);

  answer_all (&tiny);
}

/* On two devices. */
static void
test_split (gconstpointer kind)
{
  uint64_t bytes;

  {
    g_auto (TestPair) whole = open_sized (kind, CONTEXT_TOKENS);
    const EnginePlanHeap *heap = &engine_model_plan (whole.model)->heaps[0];

    /* A third of what its layers keep is not there. */
    bytes = heap->weights_bytes + heap->kv_bytes * 2 / 3 + heap->scratch_bytes;
  }
  {
    g_auto (TestPair) tiny = open_limited (kind, CONTEXT_TOKENS, bytes);

    g_assert_cmpuint (engine_model_plan (tiny.model)->n_heaps, ==, 2);
    answer_all (&tiny);
  }
}

/* What is read of weights once counts once. */
static void
test_counts (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_sized (kind, CONTEXT_TOKENS);
  EngineGenerate options = greedy (8);
  uint64_t alone, together;
  Part parts[2];

  options.speculate = FALSE;
  for (guint i = 0; i < 2; i++)
    part_init (&parts[i], &tiny, 20, PROMPT_TOKENS, &options);
  part_begin (&parts[0]);
  step_to_end (tiny.model, parts, 1);
  part_end (&parts[0], NULL);
  alone = parts[0].stats.bytes_read;
  g_assert_cmpuint (parts[0].stats.plain_tokens, ==, 7);
  g_assert_cmpuint (parts[0].stats.shared_tokens, ==, 0);
  g_assert_cmpfloat (parts[0].stats.others_s, ==, 0);
  for (guint i = 0; i < 2; i++)
    part_begin (&parts[i]);
  step_to_end (tiny.model, parts, 2);
  for (guint i = 0; i < 2; i++) {
    part_end (&parts[i], NULL);
    check_tokens (&parts[i], 8);
    part_clear (&parts[i]);
  }
  together = parts[0].stats.bytes_read + parts[1].stats.bytes_read;
  g_assert_cmpuint (together, >, alone);
  g_assert_cmpuint (together, <, 2 * alone);
  /* The first wrote one alone while the second's prompt was read. */
  g_assert_cmpuint (parts[0].stats.shared_tokens + parts[0].stats.plain_tokens, ==, 7);
  g_assert_cmpuint (parts[1].stats.shared_tokens, ==, parts[0].stats.shared_tokens);
}

/* One stops in the middle of its answer, one while its prompt is read: nobody else notices. */
static void
test_cancel (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_sized (kind, CONTEXT_TOKENS);
  EngineGenerate options = greedy (16);
  guint n = most_answers (&tiny), last = n - 1;
  Part parts[MOST];

  for (guint i = 0; i < n; i++)
    part_init (&parts[i], &tiny, 30 + i, i == last ? 4 * PROMPT_TOKENS : PROMPT_TOKENS, &options);
  parts[0].cancel_at = n > 2 ? 5 : 0;
  for (guint i = 0; i < n; i++)
    part_begin (&parts[i]);
  while (parts[last].n_read < CHUNK_TOKENS)
    step (tiny.model, parts, n);
  engine_session_cancel (parts[last].session);
  step_to_end (tiny.model, parts, n);
  for (guint i = 0; i < n; i++) {
    part_end (&parts[i], NULL);
    check_tokens (&parts[i], i == last ? 0 : parts[i].cancel_at > 0 ? 5
                                                                    : 16);
    g_assert_cmpint (parts[i].stats.stop, ==,
                     parts[i].got->len < 16 ? ENGINE_STOP_CANCELLED : ENGINE_STOP_MAX_TOKENS);
  }
  /* Given up before it came to its end; then it goes on as if nothing had been. */
  engine_session_rearm (parts[last].session);
  part_begin (&parts[last]);
  step (tiny.model, &parts[last], 1);
  part_end (&parts[last], NULL);
  g_assert_cmpint (parts[last].stats.stop, ==, ENGINE_STOP_CANCELLED);
  part_begin (&parts[last]);
  step_to_end (tiny.model, &parts[last], 1);
  part_end (&parts[last], NULL);
  check_tokens (&parts[last], 16);
  for (guint i = 0; i < n; i++)
    part_clear (&parts[i]);
  check_all_free (tiny.model);
}

/* Three pages for two answers of two: the one that asks first has the third. */
static void
test_room (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_sized (kind, 3 * ENGINE_PAGE_TOKENS);
  EngineGenerate options = greedy (40);
  g_autoptr (GError) error = NULL;
  EngineAnswer *first;
  Part parts[2];

  for (guint i = 0; i < 2; i++)
    part_init (&parts[i], &tiny, 40 + i, PROMPT_TOKENS, &options);
  g_array_index (parts[1].prompt, gint32, 0)++; /* they share nothing */
  g_assert_cmpuint (engine_model_room (tiny.model, NULL, 0), ==, 3 * ENGINE_PAGE_TOKENS);
  part_begin (&parts[0]);
  first = parts[0].answer;
  step (tiny.model, parts, 1);
  g_assert_cmpuint (engine_model_room (tiny.model, &first, 1), ==, 2 * ENGINE_PAGE_TOKENS - 63);
  part_begin (&parts[1]);
  step_to_end (tiny.model, parts, 2);
  part_end (&parts[0], NULL);
  check_tokens (&parts[0], 40);
  part_end (&parts[1], &error);
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
  g_assert_nonnull (strstr (error->message, "Other answers"));
  g_assert_cmpuint (parts[1].got->len, >, 0);
  g_assert_cmpuint (parts[1].got->len, <, 40);
  /* And now it has all that it needs. */
  part_begin (&parts[1]);
  step_to_end (tiny.model, &parts[1], 1);
  part_end (&parts[1], NULL);
  g_assert_cmpuint (parts[1].got->len, ==, 40);
  for (guint i = 0; i < 2; i++)
    part_clear (&parts[i]);
  check_all_free (tiny.model);
}

/* While one writes, the other's chunks are as long as the speed that was measured allows, and each
 * step brings a token. */
static void
test_reading (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_sized (kind, CONTEXT_TOKENS);
  EngineGenerate few = greedy (6), many = greedy (30);
  guint n_short = 0, n_whole = 0;
  Part parts[2];

  many.speculate = FALSE;
  part_init (&parts[0], &tiny, 50, PROMPT_TOKENS, &many);
  part_init (&parts[1], &tiny, 51, 6 * PROMPT_TOKENS, &few);
  part_begin (&parts[0]);
  while (parts[0].got->len == 0)
    step (tiny.model, parts, 1);
  part_begin (&parts[1]);
  while (parts[1].n_read < parts[1].prompt->len) {
    guint written = parts[0].got->len;
    gboolean writes = !engine_answer_done (parts[0].answer);

    if (written == 4)
      tiny.model->read_us = 1e6; /* as slow as can be */
    else
      tiny.model->read_us = 5000; /* 20 in 100 ms */
    step (tiny.model, parts, 2);
    g_assert_cmpuint (parts[0].got->len, ==, written + writes);
    if (parts[1].chunk != (written == 4 ? 16 : 20))
      g_assert_cmpuint (parts[1].prompt->len - parts[1].n_read, <, 20); /* the end, or a mark */
    n_short++;
  }
  g_assert_cmpuint (n_short, >, 8);
  step_to_end (tiny.model, parts, 2);
  for (guint i = 0; i < 2; i++) {
    part_end (&parts[i], NULL);
    check_tokens (&parts[i], i == 0 ? 30 : 6);
  }
  /* Nobody waits for it now. */
  engine_model_forget (tiny.model);
  parts[1].n_read = 0;
  for (part_begin (&parts[1]); parts[1].n_read < parts[1].prompt->len; n_whole++)
    step (tiny.model, &parts[1], 1);
  g_assert_cmpuint (n_whole, <=, 5);
  part_end (&parts[1], NULL);
  for (guint i = 0; i < 2; i++)
    part_clear (&parts[i]);
}

/* Pieces while nobody writes: whole pages by pace, even ones, and no more at once than a chunk. */
static void
test_pieces (gconstpointer unused)
{
  g_assert_cmpuint (session_piece_most (1e6, 512), ==, 64);
  g_assert_cmpuint (session_piece_most (SESSION_PIECE_US, 32), ==, 32);
  g_assert_cmpuint (session_piece_most (SESSION_PIECE_US / 122.0, 512), ==, 128);
  g_assert_cmpuint (session_piece_most (SESSION_PIECE_US / 122.0, 100), ==, 100);
  g_assert_cmpuint (session_piece_most (1, 512), ==, 512);
  g_assert_cmpuint (session_piece (512, 128), ==, 128);
  g_assert_cmpuint (session_piece (300, 192), ==, 192);
  g_assert_cmpuint (session_piece (300, 256), ==, 192);
  g_assert_cmpuint (session_piece (130, 128), ==, 128);
  g_assert_cmpuint (session_piece (100, 128), ==, 100);
}

/* A back end that loses its device in the batch after so many. */
static guint n_batches_left;
static const EngineBackendVtable *sound;

static gboolean
run_or_fail (EngineBackendExecutable *executable, const EngineBatch *batch, EngineResult *result,
             const gint *cancel, EngineRunCost *cost, GError **error)
{
  if (n_batches_left-- > 0)
    return sound->run (executable, batch, result, cancel, cost, error);
  n_batches_left = 0;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_DEVICE_LOST, "It went.");
  return FALSE;
}

/* All that are in the batch that fails end with it, the one that waits goes on to its own; their
 * timelines hold what they held before it, and they can be asked again. */
static void
test_lost (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_sized (kind, CONTEXT_TOKENS);
  EngineGenerate options = greedy (12);
  EngineBackendVtable failing = *tiny.model->backend->vtable;
  Part parts[2];

  sound = tiny.model->backend->vtable;
  failing.run = run_or_fail;
  for (guint i = 0; i < 2; i++)
    part_init (&parts[i], &tiny, 60 + i, PROMPT_TOKENS, &options);
  for (guint after = 0; after < 9; after++) {
    tiny.model->backend->vtable = &failing;
    n_batches_left = after;
    for (guint i = 0; i < 2; i++)
      part_begin (&parts[i]);
    step_to_end (tiny.model, parts, 2);
    for (guint i = 0; i < 2; i++) {
      g_autoptr (GError) error = NULL;

      part_end (&parts[i], &error);
      g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_DEVICE_LOST);
      check_tokens (&parts[i], parts[i].got->len);
    }
    tiny.model->backend->vtable = sound;
    if (after % 2 == 0)
      engine_model_forget (tiny.model);
  }
  for (guint i = 0; i < 2; i++)
    part_begin (&parts[i]);
  step_to_end (tiny.model, parts, 2);
  for (guint i = 0; i < 2; i++) {
    part_end (&parts[i], NULL);
    check_tokens (&parts[i], 12);
    part_clear (&parts[i]);
  }
  check_all_free (tiny.model);
}

static void
add_tests (TinyKind kind)
{
  static const struct {
    const char *name;
    GTestDataFunc function;
    gboolean on_cpu, on_card; /* where bytes are moved, and not only pages and steps counted */
    gboolean once;            /* whatever the kind */
  } tests[] = {
    { "same", test_same, TRUE, TRUE, FALSE },
    { "pieces", test_pieces, TRUE, FALSE, TRUE },
    { "split", test_split, FALSE, TRUE, TRUE },
    { "counts", test_counts, TRUE, FALSE, TRUE },
    { "cancel", test_cancel, TRUE, FALSE, FALSE },
    { "room", test_room, TRUE, FALSE, TRUE },
    { "lost", test_lost, TRUE, FALSE, FALSE },
    { "reading", test_reading, TRUE, FALSE, FALSE },
  };
  gboolean cpu = g_str_equal (device, "cpu");

  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree char *name =
        g_strdup_printf ("/engine/together/%s/%s", tests[i].name, tiny_names[kind]);

    if ((cpu ? tests[i].on_cpu : tests[i].on_card) && (kind == TINY_LLAMA || !tests[i].once))
      g_test_add_data_func (name, GINT_TO_POINTER (kind), tests[i].function);
  }
}

int
main (int argc, char **argv)
{
  /* The last two are for the processor alone: the software driver is slow. */
  static const TinyKind kinds[] = { TINY_LLAMA, TINY_GEMMA3, TINY_QWEN35,
                                    TINY_GRANITEHYBRID, TINY_GPT_OSS, TINY_LFM2 };
  size_t n_kinds = G_N_ELEMENTS (kinds);
  int status;

  g_test_init (&argc, &argv, NULL);
  if (argc != 2) {
    g_printerr ("usage: test-together DEVICE\n");
    return 2;
  }
  device = argv[1];
  folder = g_dir_make_tmp ("bottega-together-XXXXXX", NULL);
  if (!g_str_equal (device, "cpu"))
    n_kinds -= 2;
  for (size_t k = 0; k < n_kinds; k++)
    add_tests (kinds[k]);
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}
