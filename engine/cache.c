/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the form of cache files: see cache.h. Must not know what is in them. */
#include "engine/cache.h"

#include <stdint.h>
#include <string.h>

/* A file cut short or damaged must never reach a driver, hence the sum. */
typedef struct {
  char magic[8];
  char sum[64]; /* SHA-256 of the data, hexadecimal */
  uint64_t bytes;
} CacheHeader;

static void
fill_header (CacheHeader *header, const char magic[8], const void *data, gsize bytes)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, bytes);
  memcpy (header->magic, magic, sizeof header->magic);
  memcpy (header->sum, sum, sizeof header->sum);
  header->bytes = bytes;
}

const void *
engine_cache_read (const char *file, const char magic[8], char **contents, gsize *bytes)
{
  gsize length;
  CacheHeader header, wanted = { 0 };
  if (file == NULL || !g_file_get_contents (file, contents, &length, NULL) ||
      length < sizeof header)
    return NULL;
  memcpy (&header, *contents, sizeof header);
  const char *data = *contents + sizeof header;
  *bytes = length - sizeof header;
  fill_header (&wanted, magic, data, *bytes);
  return memcmp (&header, &wanted, sizeof header) == 0 ? data : NULL;
}

gboolean
engine_cache_write (const char *file, const char magic[8], const void *data, gsize bytes)
{
  CacheHeader header = { 0 };
  g_autofree char *contents = g_try_malloc (sizeof header + bytes);
  g_autofree char *folder = g_path_get_dirname (file);
  if (contents == NULL)
    return FALSE;
  fill_header (&header, magic, data, bytes);
  memcpy (contents, &header, sizeof header);
  memcpy (contents + sizeof header, data, bytes);
  /* Set atomically: a reader sees the old file or the new one. */
  return g_mkdir_with_parents (folder, 0700) == 0 &&
         g_file_set_contents_full (file, contents, (gssize) (sizeof header + bytes),
                                   G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}
