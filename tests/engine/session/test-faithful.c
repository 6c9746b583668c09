/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real model against the exact result: token ids are equal, and log-probabilities are as close
 * to those of the same weights in F32 as an established engine's are (faithful.json, written by
 * make-faithful.py). One case per text and device. */
#include "engine/engine.h"

#include <json-glib/json-glib.h>
#include <math.h>

typedef struct {
  const char *device, *tier;
  gboolean slow; /* one text is enough */
} Target;

static const Target targets[] = {
  { "cpu", "portable", TRUE },
  { "cpu", "avx2", FALSE },
  { "cpu", "avx512", FALSE },
  { "vulkan", NULL, FALSE },
};

#define TOP 8

typedef struct {
  const Target *target;
  JsonObject *text;
} Case;

static JsonParser *parser;
static EngineModel *model; /* of current_target; loading is what takes long */
static const Target *current_target;

static gboolean
open_target (const Target *target)
{
  g_autoptr (GError) error = NULL;
  EngineModelOptions options = { .device = target->device, .cpu_tier = target->tier };

  if (target == current_target)
    return model != NULL;
  g_clear_pointer (&model, engine_model_close);
  current_target = target;
  options.context_tokens = 512;
  model = engine_model_open (g_getenv ("BOTTEGA_TEST_MODEL"), &options, &error);
  if (model == NULL && target->tier != NULL &&
      g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_INVALID))
    g_test_skip (error->message);
  else
    g_assert_no_error (error);
  return model != NULL;
}

static void
check_tokens (const GArray *tokens, JsonArray *expected)
{
  g_assert_cmpuint (tokens->len, ==, json_array_get_length (expected));
  for (guint i = 0; i < tokens->len; i++)
    g_assert_cmpint (g_array_index (tokens, gint32, i), ==,
                     json_array_get_int_element (expected, i));
}

typedef struct {
  double sum, worst;
  unsigned n, same, positions;
} Distance;

/* Distance of the candidates that both lists have; and whether the best is the same, near ties
 * aside. */
static void
add_position (Distance *distance, const EngineTop *ours, JsonArray *exact)
{
  double here = 0, first = 0, second = 0;
  unsigned shared = 0;
  gint64 best = 0;

  for (guint k = 0; k < TOP; k++) {
    JsonArray *pair = json_array_get_array_element (exact, k);
    gint64 id = json_array_get_int_element (pair, 0);
    double expected = json_array_get_double_element (pair, 1);

    if (k == 0) {
      best = id;
      first = expected;
    }
    if (k == 1)
      second = expected;
    for (guint j = 0; j < TOP; j++) {
      double d = fabs (ours[j].log_probability - expected);

      if (ours[j].id != id)
        continue;
      shared++;
      distance->sum += d;
      distance->n++;
      here = MAX (here, d);
    }
  }
  g_assert_cmpuint (shared, >, 0);
  distance->worst = MAX (distance->worst, here);
  distance->same += ours[0].id == best || first - second < 2 * here;
  distance->positions++;
}

static void
test_faithful (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineSession) session = NULL;
  g_autoptr (GArray) tokens = NULL;
  g_autofree float *lse = NULL;
  g_autofree EngineTop *top = NULL;
  JsonArray *exact = json_object_get_array_member (c->text, "top");
  double mean_nll, peer_mean = json_object_get_double_member (c->text, "peer_mean");
  double peer_worst = json_object_get_double_member (c->text, "peer_worst");
  Distance distance = { 0 };

  if (!open_target (c->target))
    return;
  session = engine_session_new (model, &error);
  g_assert_no_error (error);
  tokens =
      engine_model_encode (model, json_object_get_string_member (c->text, "text"), FALSE, TRUE);
  check_tokens (tokens, json_object_get_array_member (c->text, "tokens"));
  g_assert_true (engine_session_logits (session, tokens, TOP, &lse, &top, &mean_nll, &error));
  for (guint i = 0; i < tokens->len; i++)
    add_position (&distance, top + i * TOP, json_array_get_array_element (exact, i));
  g_test_message ("mean %.4f (bar %.4f), worst %.3f (bar %.3f), same arg-max %u of %u, nll %.4f",
                  distance.sum / distance.n, 1.15 * peer_mean + 0.005, distance.worst,
                  1.5 * peer_worst + 0.02, distance.same, distance.positions, mean_nll);
  g_assert_cmpfloat (distance.sum / distance.n, <=, 1.15 * peer_mean + 0.005);
  g_assert_cmpfloat (distance.worst, <=, 1.5 * peer_worst + 0.02);
  g_assert_cmpuint (distance.same, >=, (unsigned) (0.99 * distance.positions));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  JsonArray *texts;
  int status;

  g_test_init (&argc, &argv, NULL);
  parser = json_parser_new ();
  json_parser_load_from_file (parser, argv[1], &error);
  g_assert_no_error (error);
  texts = json_node_get_array (json_parser_get_root (parser));
  for (size_t t = 0; t < G_N_ELEMENTS (targets); t++) {
    for (guint i = 0; i < json_array_get_length (texts); i++) {
      Case *c = g_new (Case, 1);
      g_autofree char *path = NULL;

      *c = (Case) { &targets[t], json_array_get_object_element (texts, i) };
      path = g_strdup_printf ("/engine/faithful/%s%s%s/%s", c->target->device,
                              c->target->tier != NULL ? "-" : "",
                              c->target->tier != NULL ? c->target->tier : "",
                              json_object_get_string_member (c->text, "name"));
      g_test_add_data_func_full (path, c, test_faithful, g_free);
      if (c->target->slow)
        break;
    }
  }
  status = g_test_run ();
  g_clear_pointer (&model, engine_model_close);
  g_object_unref (parser);
  return status;
}
