/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What llama.cpp makes of a text, for the conformance table: token ids with the log-probabilities
 * of what may follow each, or the vector of the whole text. No part of the build: `peer` compiles
 * it beside that engine's library. All in one batch on the processor, keys and values in f32, or
 * in f16 for halves.
 * usage: peer logits|halves MODEL FILE TOP | peer embed MODEL FILE        FILE: the text
 * cc peer.c -o peer $(pkg-config --cflags --libs llama ggml) -lm */
#include <ggml-backend.h>
#include <llama.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  struct llama_model *model;
  struct llama_context *context;
  llama_token *tokens;
  int n_tokens, n_vocab;
} Peer;

static void
quiet (enum ggml_log_level level, const char *text, void *data)
{
  (void) data;
  if (level == GGML_LOG_LEVEL_ERROR)
    fputs (text, stderr);
}

static char *
read_text (const char *path, int *n)
{
  FILE *file = fopen (path, "rb");
  char *text;

  if (file == NULL || fseek (file, 0, SEEK_END) != 0)
    exit (2);
  *n = (int) ftell (file);
  rewind (file);
  text = malloc ((size_t) *n + 1);
  if (fread (text, 1, (size_t) *n, file) != (size_t) *n)
    exit (2);
  text[*n] = '\0';
  fclose (file);
  return text;
}

static void
open_model (Peer *peer, const char *path)
{
  ggml_backend_dev_t none[] = { NULL };
  struct llama_model_params params = llama_model_default_params ();

  params.devices = none;
  peer->model = llama_model_load_from_file (path, params);
  if (peer->model == NULL)
    exit (1);
}

static void
tokenize (Peer *peer, const char *path)
{
  const struct llama_vocab *vocab = llama_model_get_vocab (peer->model);
  int length;
  char *text = read_text (path, &length);

  peer->n_vocab = llama_vocab_n_tokens (vocab);
  peer->tokens = malloc (((size_t) length + 16) * sizeof *peer->tokens);
  peer->n_tokens =
      llama_tokenize (vocab, text, length, peer->tokens, length + 16, true, false);
  free (text);
  if (peer->n_tokens <= 0)
    exit (1);
}

static void
run (Peer *peer, bool embed, bool halves)
{
  struct llama_context_params params = llama_context_default_params ();
  struct llama_batch batch = llama_batch_init (peer->n_tokens, 0, 1);

  params.n_ctx = (uint32_t) peer->n_tokens + 8;
  params.n_batch = params.n_ubatch = (uint32_t) peer->n_tokens;
  params.n_threads = params.n_threads_batch = 2;
  params.type_k = params.type_v = halves ? GGML_TYPE_F16 : GGML_TYPE_F32;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.embeddings = embed;
  peer->context = llama_init_from_model (peer->model, params);
  if (peer->context == NULL)
    exit (1);
  batch.n_tokens = peer->n_tokens;
  for (int i = 0; i < peer->n_tokens; i++) {
    batch.token[i] = peer->tokens[i];
    batch.pos[i] = i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = 1;
  }
  if (llama_decode (peer->context, batch) != 0)
    exit (1);
}

/* ids[top]: the largest logits, by falling value. */
static void
find_top (const float *logits, int n_vocab, int top, int *ids)
{
  int n = 0;

  for (int id = 0; id < n_vocab; id++) {
    int at = n < top ? n++ : top;

    if (at == top && logits[id] <= logits[ids[top - 1]])
      continue;
    at = at < top ? at : top - 1;
    for (; at > 0 && logits[ids[at - 1]] < logits[id]; at--)
      ids[at] = ids[at - 1];
    ids[at] = id;
  }
}

static double
log_sum (const float *logits, int n)
{
  double most = -INFINITY, sum = 0;

  for (int i = 0; i < n; i++)
    most = fmax (most, (double) logits[i]);
  for (int i = 0; i < n; i++)
    sum += exp ((double) logits[i] - most);
  return most + log (sum);
}

static void
print_logits (const Peer *peer, int top)
{
  int *ids = malloc ((size_t) top * sizeof *ids);
  double nll = 0;

  printf ("{\"tokens\":[");
  for (int i = 0; i < peer->n_tokens; i++)
    printf ("%s%d", i > 0 ? "," : "", peer->tokens[i]);
  printf ("],\"positions\":[");
  for (int i = 0; i < peer->n_tokens; i++) {
    const float *logits = llama_get_logits_ith (peer->context, i);
    double lse = log_sum (logits, peer->n_vocab);

    if (i + 1 < peer->n_tokens)
      nll += lse - (double) logits[peer->tokens[i + 1]];
    find_top (logits, peer->n_vocab, top, ids);
    printf ("%s{\"lse\":%.7f,\"top\":[", i > 0 ? "," : "", lse);
    for (int k = 0; k < top; k++)
      printf ("%s[%d,%.7f]", k > 0 ? "," : "", ids[k], (double) logits[ids[k]] - lse);
    printf ("]}");
  }
  printf ("],\"mean_nll\":%.7f}\n", peer->n_tokens > 1 ? nll / (peer->n_tokens - 1) : 0);
  free (ids);
}

static void
print_vector (const Peer *peer)
{
  int n = llama_model_n_embd_out (peer->model);
  const float *vector = llama_get_embeddings_seq (peer->context, 0);
  double square = 0;

  if (vector == NULL)
    exit (1);
  for (int i = 0; i < n; i++)
    square += (double) vector[i] * (double) vector[i];
  printf ("{\"vectors\":[[");
  for (int i = 0; i < n; i++)
    printf ("%s%.9g", i > 0 ? "," : "", (double) vector[i] / sqrt (square));
  printf ("]]}\n");
}

int
main (int argc, char **argv)
{
  Peer peer = { 0 };
  bool embed = argc == 4 && strcmp (argv[1], "embed") == 0;
  bool halves = argc == 5 && strcmp (argv[1], "halves") == 0;

  if (!embed && !halves && (argc != 5 || strcmp (argv[1], "logits") != 0))
    return 2;
  llama_log_set (quiet, NULL);
  ggml_backend_load_all ();
  llama_backend_init ();
  open_model (&peer, argv[2]);
  tokenize (&peer, argv[3]);
  run (&peer, embed, halves);
  if (embed)
    print_vector (&peer);
  else
    print_logits (&peer, atoi (argv[4]));
  return 0;
}
