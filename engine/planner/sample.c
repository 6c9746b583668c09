/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes a GGUF file of architecture llama into memory that has no name, and opens it. Must not
 * know what is measured with it. */
#include "engine/planner/sample.h"

#include "engine/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_VOCAB        1024u
#define ALIGNMENT      32u /* of tensors, GGUF's own default */
#define SMALLEST_BLOCK 32u /* that back ends take columns in */
#define USUAL_HEAD     64u
#define FILL_BYTES     65521u /* a prime: rows are not alike */

typedef struct {
  GByteArray *header, *tensors; /* key values; descriptions of tensors */
  uint32_t n_values, n_tensors;
  uint64_t data_bytes;
} Writer;

static void
put (GByteArray *bytes, const void *data, size_t n)
{
  g_byte_array_append (bytes, data, (guint) n);
}

static void
put_string (GByteArray *bytes, const char *text)
{
  uint64_t length = strlen (text);

  put (bytes, &length, sizeof length);
  put (bytes, text, length);
}

/* value: 4 bytes of a number. */
static void
add_value (Writer *w, const char *key, uint32_t type, const void *value)
{
  put_string (w->header, key);
  put (w->header, &type, sizeof type);
  put (w->header, value, 4);
  w->n_values++;
}

static void
add_count (Writer *w, const char *key, uint32_t value)
{
  add_value (w, key, MODEL_VALUE_U32, &value);
}

/* rows 0: a vector. */
static void
add_tensor (Writer *w, const char *name, ModelType type, uint64_t columns, uint64_t rows)
{
  const uint64_t size[2] = { columns, rows };
  uint32_t n_dimensions = rows > 0 ? 2 : 1, id = type;
  uint64_t bytes = model_type_row_bytes (model_type_info (type), columns) * MAX (rows, 1);

  put_string (w->tensors, name);
  put (w->tensors, &n_dimensions, sizeof n_dimensions);
  put (w->tensors, size, n_dimensions * sizeof *size);
  put (w->tensors, &id, sizeof id);
  put (w->tensors, &w->data_bytes, sizeof w->data_bytes);
  w->data_bytes += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  w->n_tensors++;
}

static void
add_metadata (Writer *w, const PlannerShape *shape, uint32_t context_tokens)
{
  const uint32_t string = MODEL_VALUE_STRING;
  const float epsilon = 1e-5f;

  put_string (w->header, "general.architecture");
  put (w->header, &string, sizeof string);
  put_string (w->header, "llama");
  w->n_values++;
  add_count (w, "llama.block_count", shape->n_layers);
  add_count (w, "llama.context_length", context_tokens);
  add_count (w, "llama.embedding_length", shape->d_model);
  add_count (w, "llama.feed_forward_length", shape->d_ff);
  add_count (w, "llama.attention.head_count", shape->n_heads);
  add_count (w, "llama.attention.head_count_kv", shape->n_heads_kv);
  add_count (w, "llama.attention.key_length", shape->d_head);
  add_count (w, "llama.attention.value_length", shape->d_head);
  add_count (w, "llama.rope.dimension_count", shape->d_head);
  add_value (w, "llama.attention.layer_norm_rms_epsilon", MODEL_VALUE_F32, &epsilon);
}

static void
add_layers (Writer *w, const PlannerShape *s, ModelType type)
{
  const struct {
    const char *name;
    uint64_t columns, rows;
  } matrices[] = {
    { "attn_q", s->d_model, s->n_heads * s->d_head },
    { "attn_k", s->d_model, s->n_heads_kv * s->d_head },
    { "attn_v", s->d_model, s->n_heads_kv * s->d_head },
    { "attn_output", s->n_heads * s->d_head, s->d_model },
    { "ffn_gate", s->d_model, s->d_ff },
    { "ffn_up", s->d_model, s->d_ff },
    { "ffn_down", s->d_ff, s->d_model },
  };
  static const char *const norms[] = { "attn_norm", "ffn_norm" };

  for (uint32_t layer = 0; layer < s->n_layers; layer++) {
    for (size_t i = 0; i < G_N_ELEMENTS (matrices); i++) {
      g_autofree char *name = g_strdup_printf ("blk.%u.%s.weight", layer, matrices[i].name);

      add_tensor (w, name, type, matrices[i].columns, matrices[i].rows);
    }
    for (size_t i = 0; i < G_N_ELEMENTS (norms); i++) {
      g_autofree char *name = g_strdup_printf ("blk.%u.%s.weight", layer, norms[i]);

      add_tensor (w, name, MODEL_TYPE_F32, s->d_model, 0);
    }
  }
}

uint64_t
planner_shape_layer_weights (const PlannerShape *s)
{
  return (uint64_t) s->d_model *
         (2u * s->n_heads * s->d_head + 2u * s->n_heads_kv * s->d_head + 3u * s->d_ff);
}

static uint32_t
round_up (uint32_t n, uint32_t unit)
{
  return (n + unit - 1) / unit * unit;
}

PlannerShape
planner_shape_like (const ModelDesc *desc, const ModelTypeInfo *type, uint64_t most_bytes)
{
  const ModelHparams *h = &desc->h;
  uint32_t unit = MAX (type->block_weights, SMALLEST_BLOCK);
  uint32_t d_ff = h->n_experts > 0 ? h->d_ff_expert : h->d_ff;
  PlannerShape shape = {
    .n_layers = 1,
    .d_model = round_up (h->d_model, unit),
    .n_heads = MAX (h->n_heads, 1),
    .n_heads_kv = MAX (h->n_heads_kv, 1),
    .d_head = h->d_key > 0 ? h->d_key : USUAL_HEAD,
  };
  uint64_t most = most_bytes / type->block_bytes * type->block_weights, beside;

  while (shape.n_heads * shape.d_head % unit != 0 || shape.n_heads % shape.n_heads_kv != 0)
    shape.n_heads++;
  beside = planner_shape_layer_weights (&shape);
  most = most > beside ? (most - beside) / (3 * shape.d_model) : 0;
  shape.d_ff = MAX (round_up (d_ff, unit), unit);
  if (shape.d_ff > most)
    shape.d_ff = MAX ((uint32_t) most / unit, 1) * unit;
  return shape;
}

static gboolean
write_all (int fd, const void *data, size_t n, uint64_t at)
{
  const char *bytes = data;

  while (n > 0) {
    ssize_t written = pwrite (fd, bytes, n, (off_t) at);

    if (written <= 0)
      return FALSE;
    bytes += written;
    n -= (size_t) written;
    at += (uint64_t) written;
  }
  return TRUE;
}

/* Bytes that are harmless numbers in every format, and differ: kernels are compared by what they
 * make of them. */
static gboolean
fill (int fd, uint64_t at, uint64_t n)
{
  g_autofree uint8_t *bytes = g_malloc (FILL_BYTES);
  uint64_t state = 1;

  for (size_t i = 0; i < FILL_BYTES; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = (uint8_t) (0x28 + (state >> 61));
  }
  for (uint64_t done = 0; done < n; done += FILL_BYTES)
    if (!write_all (fd, bytes, MIN (FILL_BYTES, n - done), at + done))
      return FALSE;
  return TRUE;
}

static gboolean
write_file (int fd, const Writer *w)
{
  const uint32_t version = 3;
  const uint64_t counts[] = { w->n_tensors, w->n_values };
  g_autoptr (GByteArray) all = g_byte_array_new ();
  uint64_t data;

  put (all, "GGUF", 4);
  put (all, &version, sizeof version);
  put (all, counts, sizeof counts);
  put (all, w->header->data, w->header->len);
  put (all, w->tensors->data, w->tensors->len);
  data = (all->len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return ftruncate (fd, (off_t) (data + w->data_bytes)) == 0 &&
         write_all (fd, all->data, all->len, 0) && fill (fd, data, w->data_bytes);
}

static gboolean
open_written (PlannerSample *sample, const Writer *w, GError **error)
{
  g_autofree char *path = NULL;
  int fd = memfd_create ("bottega-sample", MFD_CLOEXEC);

  if (fd < 0 || !write_file (fd, w)) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                 "There is no memory to measure this computer in: %s.", g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return FALSE;
  }
  path = g_strdup_printf ("/proc/self/fd/%d", fd);
  sample->gguf = model_gguf_open (path, error);
  close (fd);
  sample->desc = sample->gguf != NULL ? model_desc_new (sample->gguf, error) : NULL;
  return sample->desc != NULL;
}

gboolean
planner_sample_init (PlannerSample *sample, const PlannerShape *shape, ModelType type,
                     uint32_t context_tokens, GError **error)
{
  Writer w = { .header = g_byte_array_new (), .tensors = g_byte_array_new () };
  gboolean ok;

  *sample = (PlannerSample) { 0 };
  add_metadata (&w, shape, context_tokens);
  add_tensor (&w, "token_embd.weight", type, shape->d_model, N_VOCAB);
  add_tensor (&w, "output_norm.weight", MODEL_TYPE_F32, shape->d_model, 0);
  add_layers (&w, shape, type);
  ok = open_written (sample, &w, error);
  g_byte_array_unref (w.header);
  g_byte_array_unref (w.tensors);
  if (!ok)
    planner_sample_finish (sample);
  return ok;
}

void
planner_sample_finish (PlannerSample *sample)
{
  model_desc_free (sample->desc);
  model_gguf_free (sample->gguf);
  *sample = (PlannerSample) { 0 };
}
