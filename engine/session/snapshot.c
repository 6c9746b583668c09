/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A timeline on disk, so that it need not be read again after a restart: its tokens, the keys and
 * values of all layers, states. A file is of use to the very model, device layout and context that
 * made it; anything else is refused before it is believed. It holds what a person wrote (as
 * tokens): whoever calls this decides where it lies and when it goes. Must not know back ends.
 *
 * The file, in the byte order of the machine: the header below, tokens (i32), the held bytes of the
 * window's pages, pages of each group, the state and the mark's, and a checksum of all that follows
 * the header. */
#include "engine/session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC        "bottega timeline 1\n"
#define SAMPLE_BYTES 1024u /* of each tensor, to know a model by */

typedef struct {
  char magic[20];
  uint8_t model[32]; /* SHA-256, see identify () */
  uint32_t n_tokens, mark;
  uint32_t n_table[GRAPH_N_KV_GROUPS];
  uint32_t has_state, has_mark_state, unused;
  uint64_t part_bytes[ENGINE_N_PARTS];
} Header;

/* An open file with the running checksum of what went through it. */
typedef struct {
  int fd;
  uint64_t sum;
  const char *path;
} Stream;

static gboolean
fail (const Stream *stream, const char *what, GError **error)
{
  g_autofree char *name = g_filename_display_name (stream->path);

  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_IO,
               "The conversation memory “%s” cannot be %s: %s.", name, what, g_strerror (errno));
  return FALSE;
}

static gboolean
refuse (const Stream *stream, const char *why, GError **error)
{
  g_autofree char *name = g_filename_display_name (stream->path);

  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE,
               "The conversation memory “%s” is of no use here: %s. The conversation is read "
               "again.",
               name, why);
  return FALSE;
}

/* Finds damage, not malice: four lanes of multiply and add, so that memory is the limit. */
static uint64_t
add_to_sum (uint64_t sum, const uint8_t *data, size_t bytes)
{
  uint64_t lanes[4] = { sum, sum ^ 1, sum ^ 2, sum ^ 3 }, word;
  size_t at = 0;

  for (; at + 32 <= bytes; at += 32)
    for (unsigned i = 0; i < 4; i++) {
      memcpy (&word, data + at + 8 * i, 8);
      lanes[i] = (lanes[i] ^ word) * 0x9e3779b97f4a7c15u;
      lanes[i] ^= lanes[i] >> 29;
    }
  for (; at < bytes; at++)
    lanes[0] = (lanes[0] ^ data[at]) * 0x9e3779b97f4a7c15u;
  return lanes[0] ^ lanes[1] * 3 ^ lanes[2] * 5 ^ lanes[3] * 7 ^ bytes;
}

static gboolean
put (Stream *stream, const void *data, size_t bytes, GError **error)
{
  const uint8_t *at = data;

  stream->sum = add_to_sum (stream->sum, data, bytes);
  while (bytes > 0) {
    ssize_t n = write (stream->fd, at, bytes);

    if (n < 0 && errno != EINTR)
      return fail (stream, "written", error);
    at += MAX (n, 0);
    bytes -= (size_t) MAX (n, 0);
  }
  return TRUE;
}

static gboolean
get (Stream *stream, void *data, size_t bytes, GError **error)
{
  uint8_t *at = data;
  size_t left = bytes;

  while (left > 0) {
    ssize_t n = read (stream->fd, at, left);

    if (n == 0)
      return refuse (stream, "it is cut short", error);
    if (n < 0 && errno != EINTR)
      return fail (stream, "read", error);
    at += MAX (n, 0);
    left -= (size_t) MAX (n, 0);
  }
  stream->sum = add_to_sum (stream->sum, data, bytes);
  return TRUE;
}

/* What a model's keys and values depend on: its weights (names, shapes, and the first bytes of
 * each), how positions are rotated, what they are kept as, and how the
 * device lays them out. */
static gboolean
compute_id (const EngineModel *model, uint8_t id[32], GError **error)
{
  const EngineBackendCaps *caps = model->backend->vtable->caps (model->backend);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  uint64_t file_bytes = model_gguf_file_bytes (model->gguf);
  gsize size = 32;

  g_checksum_update (sum, (const guchar *) caps->kept_layout, -1);
  g_checksum_update (sum, (const guchar *) model_kv_type_name (model->kv.type), -1);
  g_checksum_update (sum, (const guchar *) &file_bytes, sizeof file_bytes);
  for (uint64_t i = 0; i < model_gguf_n_tensors (model->gguf); i++) {
    const ModelTensor *tensor = model_gguf_tensor (model->gguf, i);
    uint8_t sample[SAMPLE_BYTES];
    size_t bytes = MIN (sizeof sample, tensor->bytes);

    if (!model_gguf_read (model->gguf, tensor, 0, sample, bytes, error))
      return FALSE;
    g_checksum_update (sum, (const guchar *) tensor->name, (gssize) strlen (tensor->name) + 1);
    g_checksum_update (sum, (const guchar *) tensor->ne, sizeof tensor->ne);
    g_checksum_update (sum, sample, (gssize) bytes);
  }
  for (uint32_t r = 0; r < model->desc->n_rotations; r++) {
    const ModelRotation *rotation = &model->desc->rotations[r];

    g_checksum_update (sum, (const guchar *) &rotation->magnitude, sizeof rotation->magnitude);
    g_checksum_update (sum, (const guchar *) rotation->frequency,
                       (gssize) (rotation->d_rope / 2 * sizeof *rotation->frequency));
  }
  g_checksum_get_digest (sum, id, &size);
  return TRUE;
}

/* Once for a loaded model: its pieces lie all over a file that may be on a slow disk. */
static gboolean
identify (EngineModel *model, uint8_t id[32], GError **error)
{
  if (!model->has_kept_id && !compute_id (model, model->kept_id, error))
    return FALSE;
  model->has_kept_id = TRUE;
  memcpy (id, model->kept_id, sizeof model->kept_id);
  return TRUE;
}

/* Of the whole timeline. */
static gboolean
make_header (const EngineSession *session, Header *header, GError **error)
{
  EngineModel *model = session->model;
  const SessionTimeline *timeline = &session->timeline;

  *header = (Header) { .magic = MAGIC, .n_tokens = timeline->tokens->len, .mark = timeline->mark };
  for (unsigned part = 0; part < ENGINE_N_PARTS; part++)
    header->part_bytes[part] = model->backend->vtable->part_bytes (model->weights, part);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    if (header->part_bytes[group] > 0)
      header->n_table[group] = timeline->table[group]->len;
  header->has_state = timeline->state != SESSION_NO_STATE;
  header->has_mark_state = timeline->mark_state != SESSION_NO_STATE;
  return identify (model, header->model, error);
}

/* ---- writing -------------------------------------------------------------------------------- */

static gboolean
put_part (Stream *stream, const EngineSession *session, unsigned part, uint32_t index, void *buffer,
          GError **error)
{
  EngineModel *model = session->model;
  const EngineBackendVtable *vtable = model->backend->vtable;

  if (g_atomic_int_get (&session->cancel) != 0) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "Cancelled.");
    return FALSE;
  }
  return vtable->read_part (model->weights, part, index, buffer, error) &&
         put (stream, buffer, vtable->part_bytes (model->weights, part), error);
}

static gboolean
is_held (const SessionTimeline *timeline, unsigned group, uint32_t page)
{
  return group != GRAPH_KV_WINDOW || timeline->held->data[page] != 0;
}

static gboolean
put_timeline (Stream *stream, const EngineSession *session, const Header *header, void *buffer,
              GError **error)
{
  const SessionTimeline *timeline = &session->timeline;

  if (!put (stream, timeline->tokens->data, header->n_tokens * sizeof (gint32), error) ||
      !put (stream, timeline->held->data, header->n_table[GRAPH_KV_WINDOW], error))
    return FALSE;
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    for (uint32_t page = 0; page < header->n_table[group]; page++)
      if (is_held (timeline, group, page) &&
          !put_part (stream, session, group, g_array_index (timeline->table[group], guint32, page),
                     buffer, error))
        return FALSE;
  return (!header->has_state ||
          put_part (stream, session, ENGINE_PART_STATES, timeline->state, buffer, error)) &&
         (!header->has_mark_state ||
          put_part (stream, session, ENGINE_PART_STATES, timeline->mark_state, buffer, error));
}

static void *
part_buffer (const Header *header)
{
  uint64_t most = 1;

  for (unsigned part = 0; part < ENGINE_N_PARTS; part++)
    most = MAX (most, header->part_bytes[part]);
  return g_malloc (most);
}

/* What the header says of the timeline, to a file that is whole or not there. */
static gboolean
save (EngineSession *session, const char *path, const Header *header, GError **error)
{
  g_autofree char *temporary = g_strdup_printf ("%s.part", path);
  g_autofree void *buffer = part_buffer (header);
  Stream stream = { .path = path };
  gboolean ok;

  stream.fd = g_open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (stream.fd < 0)
    return fail (&stream, "written", error);
  ok = put (&stream, header, sizeof *header, error);
  stream.sum = 0;
  ok = ok && put_timeline (&stream, session, header, buffer, error) &&
       put (&stream, &(uint64_t) { stream.sum }, sizeof stream.sum, error);
  if (close (stream.fd) != 0 && ok)
    ok = fail (&stream, "written", error);
  if (ok && g_rename (temporary, path) != 0)
    ok = fail (&stream, "written", error);
  if (!ok)
    g_unlink (temporary);
  return ok;
}

gboolean
engine_session_save (EngineSession *session, const char *path, GError **error)
{
  Header header;

  return make_header (session, &header, error) && save (session, path, &header, error);
}

/* A page holds the keys and values of all its tokens: one that goes on beyond the beginning would
 * tell of what follows it. */
static uint32_t
whole_pages (uint32_t n_tokens)
{
  return n_tokens / ENGINE_PAGE_TOKENS;
}

gboolean
engine_session_save_prefix (EngineSession *session, uint32_t n_tokens, const char *path,
                            GError **error)
{
  const SessionTimeline *timeline = &session->timeline;
  uint32_t n_pages = whole_pages (n_tokens);
  Header header;

  if (timeline->cache->window_tokens > 0 || timeline->cache->states.n_pages > 0) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED,
                         "This model remembers only the end of what it has read, so that its "
                         "beginning cannot be kept alone.");
    return FALSE;
  }
  if (n_pages == 0 || n_tokens > timeline->tokens->len) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "The conversation memory has %u tokens, and the first %u of them cannot be kept.",
                 timeline->tokens->len, n_tokens);
    return FALSE;
  }
  if (!make_header (session, &header, error))
    return FALSE;
  header.n_tokens = n_pages * ENGINE_PAGE_TOKENS;
  header.mark = 0;
  header.n_table[GRAPH_KV_FULL] = n_pages;
  return save (session, path, &header, error);
}

uint64_t
engine_session_prefix_bytes (const EngineSession *session, uint32_t n_tokens)
{
  const EngineModel *model = session->model;
  size_t page_bytes = model->backend->vtable->part_bytes (model->weights, GRAPH_KV_FULL);

  return sizeof (Header) + sizeof (uint64_t) +
         whole_pages (n_tokens) * (page_bytes + ENGINE_PAGE_TOKENS * sizeof (gint32));
}

uint64_t
engine_session_saved_bytes (const EngineSession *session)
{
  const EngineBackendVtable *vtable = session->model->backend->vtable;
  const SessionTimeline *timeline = &session->timeline;
  uint64_t bytes = sizeof (Header) + timeline->tokens->len * sizeof (gint32) + sizeof (uint64_t);

  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++) {
    size_t page_bytes = vtable->part_bytes (session->model->weights, group);

    for (uint32_t page = 0; page_bytes > 0 && page < timeline->table[group]->len; page++)
      bytes += (group == GRAPH_KV_WINDOW) + is_held (timeline, group, page) * page_bytes;
  }
  return bytes +
         ((timeline->state != SESSION_NO_STATE) + (timeline->mark_state != SESSION_NO_STATE)) *
             (uint64_t) vtable->part_bytes (session->model->weights, ENGINE_PART_STATES);
}

/* ---- reading -------------------------------------------------------------------------------- */

static gboolean
get_part (Stream *stream, EngineModel *model, unsigned part, uint32_t index, void *buffer,
          GError **error)
{
  const EngineBackendVtable *vtable = model->backend->vtable;

  return get (stream, buffer, vtable->part_bytes (model->weights, part), error) &&
         vtable->write_part (model->weights, part, index, buffer, error);
}

/* Whether a header that was read is one that this model could have written. */
static gboolean
check_header (const Stream *stream, const EngineSession *session, const Header *header,
              const Header *ours, GError **error)
{
  uint32_t n_pages = (header->n_tokens + ENGINE_PAGE_TOKENS - 1) / ENGINE_PAGE_TOKENS;

  if (memcmp (header->magic, MAGIC, sizeof header->magic) != 0)
    return refuse (stream, "it is none, or of another version", error);
  if (memcmp (header->model, ours->model, sizeof header->model) != 0 ||
      memcmp (header->part_bytes, ours->part_bytes, sizeof header->part_bytes) != 0)
    return refuse (stream, "another model, device or setting made it", error);
  if (header->n_tokens >= session->model->context_tokens)
    return refuse (stream, "it is longer than the context", error);
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    if (header->n_table[group] != (ours->part_bytes[group] > 0 ? n_pages : 0))
      return refuse (stream, "it is damaged", error);
  if (header->mark > header->n_tokens || header->has_state > 1 || header->has_mark_state > 1 ||
      header->has_state != (ours->part_bytes[ENGINE_PART_STATES] > 0 && header->n_tokens > 0) ||
      header->has_mark_state > header->has_state)
    return refuse (stream, "it is damaged", error);
  return TRUE;
}

static gboolean
get_tokens (Stream *stream, EngineSession *session, const Header *header, gint32 *tokens,
            guint8 *held, GError **error)
{
  if (!get (stream, tokens, header->n_tokens * sizeof (gint32), error) ||
      !get (stream, held, header->n_table[GRAPH_KV_WINDOW], error))
    return FALSE;
  for (uint32_t i = 0; i < header->n_tokens; i++)
    if (tokens[i] < 0 || (uint32_t) tokens[i] >= session->model->desc->h.n_vocab)
      return refuse (stream, "it is damaged", error);
  for (uint32_t i = 0; i < header->n_table[GRAPH_KV_WINDOW]; i++)
    if (held[i] > 1)
      return refuse (stream, "it is damaged", error);
  return TRUE;
}

/* The pages and states of a timeline that has room for them. */
static gboolean
get_parts (Stream *stream, EngineSession *session, const Header *header, void *buffer,
           GError **error)
{
  SessionTimeline *timeline = &session->timeline;
  EngineModel *model = session->model;
  uint64_t sum, found;

  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    for (uint32_t page = 0; page < header->n_table[group]; page++)
      if (is_held (timeline, group, page) &&
          !get_part (stream, model, group, g_array_index (timeline->table[group], guint32, page),
                     buffer, error))
        return FALSE;
  if ((header->has_state &&
       !get_part (stream, model, ENGINE_PART_STATES, timeline->state, buffer, error)) ||
      (header->has_mark_state &&
       !get_part (stream, model, ENGINE_PART_STATES, timeline->mark_state, buffer, error)))
    return FALSE;
  sum = stream->sum;
  if (!get (stream, &found, sizeof found, error))
    return FALSE;
  return sum == found || refuse (stream, "it is damaged", error);
}

/* What a file begins with, once it is known to be of use: *tokens and *held are the caller's. */
static gboolean
get_beginning (Stream *stream, EngineSession *session, Header *header, GArray **tokens,
               GByteArray **held, GError **error)
{
  Header ours;

  *tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  *held = g_byte_array_new ();
  if (!get (stream, header, sizeof *header, error) || !make_header (session, &ours, error) ||
      !check_header (stream, session, header, &ours, error))
    return FALSE;
  stream->sum = 0;
  g_array_set_size (*tokens, header->n_tokens);
  g_byte_array_set_size (*held, header->n_table[GRAPH_KV_WINDOW]);
  return get_tokens (stream, session, header, (gint32 *) (void *) (*tokens)->data, (*held)->data,
                     error);
}

static gboolean
restore_from (Stream *stream, EngineSession *session, GError **error)
{
  g_autoptr (GArray) tokens = NULL;
  g_autoptr (GByteArray) held = NULL;
  g_autofree void *buffer = NULL;
  Header header;

  if (!get_beginning (stream, session, &header, &tokens, &held, error))
    return FALSE;
  buffer = part_buffer (&header);
  return session_timeline_refill (&session->timeline, (const gint32 *) tokens->data,
                                  header.n_tokens, held->data, header.mark, header.has_state,
                                  header.has_mark_state, error) &&
         get_parts (stream, session, &header, buffer, error);
}

gboolean
engine_session_restore (EngineSession *session, const char *path, GError **error)
{
  Stream stream = { .path = path, .fd = g_open (path, O_RDONLY | O_CLOEXEC, 0) };
  gboolean ok;

  if (stream.fd < 0)
    return fail (&stream, "opened", error);
  ok = restore_from (&stream, session, error);
  if (!ok) /* what has come of it so far is of no use */
    session_timeline_clear (&session->timeline);
  close (stream.fd);
  return ok;
}

uint32_t
engine_session_restorable (EngineSession *session, const char *path, const GArray *prompt,
                           GError **error)
{
  Stream stream = { .path = path, .fd = g_open (path, O_RDONLY | O_CLOEXEC, 0) };
  g_autoptr (GArray) tokens = NULL;
  g_autoptr (GByteArray) held = NULL;
  Header header;
  uint32_t n = 0;

  if (stream.fd < 0)
    return fail (&stream, "opened", error);
  if (get_beginning (&stream, session, &header, &tokens, &held, error)) {
    const SessionTimeline kept = {
      .cache = &session->model->cache,
      .mark = header.mark,
      .mark_state = header.has_mark_state ? 0 : SESSION_NO_STATE,
      .tokens = tokens,
      .held = held,
    };

    n = session_timeline_resume (&kept, session_timeline_common (&kept, (gint32 *) prompt->data,
                                                                 session_prompt_reusable (
                                                                     prompt)));
  }
  close (stream.fd);
  return n;
}
