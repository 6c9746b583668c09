/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the threads that load weights. Each takes the next piece that nobody has taken, reads it and
 * packs it straight to where the device sees it, or into staging memory and sends it off: so
 * reading, packing and copying go on side by side without a queue between them. Knows pieces of
 * tensors; must not know plans. */
#include "engine/vulkan/stream.h"

#include "engine/vulkan/upload.h"

#include <stdatomic.h>
#include <string.h>

#define PIECE_BYTES (1u << 20) /* of the file: stays in a core's cache until it is packed */
#define MAX_THREADS 16
#define AHEAD       32 /* pieces that the disk is asked for before they are read */

typedef struct {
  VulkanDevice *device;
  const ModelGguf *gguf;
  const VulkanBuffer *blocks;
  const VulkanPiece *pieces;
  uint32_t n_pieces, n_workers;
  EngineProgress progress;
  void *user_data;
  const gint *cancel;
  uint64_t total_bytes; /* of the file */
  _Atomic uint64_t done_bytes;
  _Atomic uint32_t claimed;
  atomic_bool stop;
  GMutex queue, mutex;
  GError *error; /* the first; under the mutex */
} Stream;

typedef struct {
  Stream *stream;
  uint8_t *src;         /* a piece of the file */
  VulkanUpload *upload; /* NULL: the host sees all blocks */
  gboolean reports;     /* the one that called */
  GThread *thread;
} Worker;

static size_t
file_row (const VulkanPiece *piece)
{
  return model_type_row_bytes (piece->layout->type, piece->layout->columns);
}

/* Bytes of a row in all planes. */
static size_t
packed_row (const VulkanPiece *piece)
{
  size_t bytes = 0;
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    bytes += piece->layout->row_bytes[p];
  return bytes;
}

void
vulkan_stream_cut (GArray *pieces, const VulkanPiece *part)
{
  uint32_t group = part->layout->group;
  uint32_t at_once = (uint32_t) MAX (PIECE_BYTES / file_row (part) / group, 1) * group;
  for (uint32_t first = 0; first < part->all; first += at_once) {
    VulkanPiece piece = *part;
    piece.first = part->first + first;
    piece.n = first < part->n ? MIN (at_once, part->n - first) : 0;
    piece.all = MIN (at_once, part->all - first);
    for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
      piece.offsets[p] += (uint64_t) first * part->layout->row_bytes[p];
    g_array_append_val (pieces, piece);
  }
}

/* ---- a piece -------------------------------------------------------------------------------- */

static gboolean
read_piece (const Stream *stream, uint32_t index, uint8_t *dst, GError **error)
{
  const VulkanPiece *piece = &stream->pieces[index];
  size_t row = file_row (piece), bytes = piece->n * row;
  if (index + AHEAD < stream->n_pieces) {
    const VulkanPiece *next = piece + AHEAD;
    model_gguf_will_read (stream->gguf, next->tensor, next->first * file_row (next),
                          next->n * file_row (next));
  }
  memset (dst + bytes, 0, piece->all * row - bytes);
  return piece->n == 0 || model_gguf_read (stream->gguf, piece->tensor,
                                           (uint64_t) piece->first * row, dst, bytes, error);
}

/* Into a block that the host sees. */
static void
pack_in_place (const VulkanPiece *piece, const uint8_t *src, const VulkanBuffer *block)
{
  uint8_t *planes[VULKAN_N_PLANES];
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    planes[p] = (uint8_t *) block->map + piece->offsets[p];
  vulkan_layout_pack (piece->layout, src, piece->all, planes);
}

static gboolean
pack_and_send (const VulkanPiece *piece, const uint8_t *src, const VulkanBuffer *block,
               VulkanUpload *upload, GError **error)
{
  uint8_t *planes[VULKAN_N_PLANES], *staging = vulkan_upload_begin (upload, error);
  VulkanCopy copies[VULKAN_N_PLANES];
  uint64_t at = 0;
  uint32_t n = 0;
  if (staging == NULL)
    return FALSE;
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++) {
    uint64_t bytes = (uint64_t) piece->all * piece->layout->row_bytes[p];
    planes[p] = staging + at;
    if (bytes > 0)
      copies[n++] = (VulkanCopy) { NULL, block, at, piece->offsets[p], bytes };
    at += bytes;
  }
  vulkan_layout_pack (piece->layout, src, piece->all, planes);
  return vulkan_upload_send (upload, copies, n, error);
}

static gboolean
load_piece (const Worker *self, uint32_t index, GError **error)
{
  const Stream *stream = self->stream;
  const VulkanPiece *piece = &stream->pieces[index];
  const VulkanBuffer *block = &stream->blocks[piece->block];
  if (stream->cancel != NULL && g_atomic_int_get (stream->cancel) != 0) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "Loading was stopped.");
    return FALSE;
  }
  if (!read_piece (stream, index, self->src, error))
    return FALSE;
  if (block->map == NULL)
    return pack_and_send (piece, self->src, block, self->upload, error);
  pack_in_place (piece, self->src, block);
  return TRUE;
}

/* ---- threads -------------------------------------------------------------------------------- */

static void
fail (Stream *stream, GError *error)
{
  atomic_store (&stream->stop, TRUE);
  g_mutex_lock (&stream->mutex);
  if (stream->error == NULL)
    stream->error = error;
  else
    g_error_free (error);
  g_mutex_unlock (&stream->mutex);
}

static gpointer
work (gpointer data)
{
  Worker *self = data;
  Stream *stream = self->stream;
  GError *error = NULL;
  uint32_t i;
  while (!atomic_load (&stream->stop) &&
         (i = atomic_fetch_add (&stream->claimed, 1)) < stream->n_pieces) {
    const VulkanPiece *piece = &stream->pieces[i];
    if (!load_piece (self, i, &error)) {
      fail (stream, error);
      return NULL;
    }
    uint64_t bytes = piece->n * file_row (piece);
    uint64_t done = atomic_fetch_add (&stream->done_bytes, bytes) + bytes;
    if (self->reports && stream->progress != NULL)
      stream->progress ((double) done / (double) MAX (stream->total_bytes, 1), stream->user_data);
  }
  if (self->upload != NULL && !vulkan_upload_finish (self->upload, &error))
    fail (stream, error);
  return NULL;
}

/* Room for the largest piece. */
static gboolean
worker_init (Worker *self, Stream *stream, GError **error)
{
  size_t file_bytes = 0, packed_bytes = 0;
  gboolean staged = FALSE;
  for (uint32_t i = 0; i < stream->n_pieces; i++) {
    const VulkanPiece *piece = &stream->pieces[i];
    file_bytes = MAX (file_bytes, piece->all * file_row (piece));
    packed_bytes = MAX (packed_bytes, piece->all * packed_row (piece));
    staged |= stream->blocks[piece->block].map == NULL;
  }
  *self = (Worker) {
    .stream = stream,
    .src = g_try_malloc (file_bytes),
    .reports = stream->n_workers == 0,
  };
  if (self->src == NULL) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                         "There is no memory to load the model: close other programs.");
    return FALSE;
  }
  if (staged)
    self->upload = vulkan_upload_new (stream->device, &stream->queue, packed_bytes, error);
  return !staged || self->upload != NULL;
}

static void
worker_finish (Worker *self)
{
  vulkan_upload_free (self->upload);
  g_free (self->src);
}

/* The calling thread is the first worker. Fewer do where there is no memory or thread for more. */
static void
run_workers (Stream *stream)
{
  Worker workers[MAX_THREADS] = { 0 };
  uint32_t wanted = MIN (g_get_num_processors (), MIN (stream->n_pieces, MAX_THREADS));
  GError *error = NULL;
  while (stream->n_workers < wanted &&
         worker_init (&workers[stream->n_workers], stream, stream->n_workers == 0 ? &error : NULL))
    stream->n_workers++;
  if (error != NULL)
    fail (stream, error);
  for (uint32_t i = 1; i < stream->n_workers; i++)
    workers[i].thread = g_thread_try_new ("load", work, &workers[i], NULL);
  if (stream->n_workers > 0)
    work (&workers[0]);
  for (uint32_t i = 1; i < stream->n_workers; i++)
    if (workers[i].thread != NULL)
      g_thread_join (workers[i].thread);
  for (uint32_t i = 0; i < MAX_THREADS; i++)
    worker_finish (&workers[i]);
}

gboolean
vulkan_stream_run (VulkanDevice *device, const ModelGguf *gguf, const VulkanBuffer *blocks,
                   const VulkanPiece *pieces, uint32_t n, EngineProgress progress, void *user_data,
                   const gint *cancel, GError **error)
{
  Stream stream = {
    .device = device,
    .gguf = gguf,
    .blocks = blocks,
    .pieces = pieces,
    .n_pieces = n,
    .progress = progress,
    .user_data = user_data,
    .cancel = cancel,
  };
  for (uint32_t i = 0; i < n; i++)
    stream.total_bytes += pieces[i].n * file_row (&pieces[i]);
  g_mutex_init (&stream.queue);
  g_mutex_init (&stream.mutex);
  run_workers (&stream);
  g_mutex_clear (&stream.queue);
  g_mutex_clear (&stream.mutex);
  if (stream.error != NULL) {
    g_propagate_error (error, stream.error);
    return FALSE;
  }
  if (progress != NULL)
    progress (1, user_data);
  return TRUE;
}
