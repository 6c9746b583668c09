/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For compare-peer.py: the token ids that llama.cpp gives to each string of a file. No part of the
 * build: it links the peer's library where that is installed.
 * usage: peer-tokenize MODEL STRINGS SPECIAL     strings: u32 length and bytes, one after the other
 * cc peer-tokenize.c -o peer-tokenize $(pkg-config --cflags --libs llama ggml) */
#include <ggml-backend.h>
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>

static void
quiet (enum ggml_log_level level, const char *text, void *data)
{
  if (level == GGML_LOG_LEVEL_ERROR)
    fputs (text, stderr);
}

int
main (int argc, char **argv)
{
  struct llama_model_params params = llama_model_default_params ();
  struct llama_model *model;
  FILE *file = argc == 4 ? fopen (argv[2], "rb") : NULL;
  unsigned length;

  if (file == NULL)
    return 2;
  llama_log_set (quiet, NULL);
  ggml_backend_load_all ();
  llama_backend_init ();
  params.vocab_only = true;
  model = llama_model_load_from_file (argv[1], params);
  if (model == NULL)
    return 1;
  while (fread (&length, sizeof length, 1, file) == 1) {
    char *text = malloc (length + 1);
    int max = (int) length * 4 + 16, n; /* compatibility forms are long */
    llama_token *tokens = malloc ((size_t) max * sizeof *tokens);

    if (length > 0 && fread (text, 1, length, file) != length)
      return 1;
    n = llama_tokenize (llama_model_get_vocab (model), text, (int) length, tokens, max, true,
                        atoi (argv[3]));
    for (int i = 0; i < n; i++)
      printf ("%s%d", i > 0 ? " " : "", tokens[i]);
    putchar ('\n');
    free (text);
    free (tokens);
  }
  return 0;
}
