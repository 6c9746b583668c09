/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How weights come to a card: read, packed and copied in pieces on many threads, they are those of
 * the tensors packed whole, in memory that the host sees or not; a cancel and a file that ends too
 * soon are errors, and progress ends with 1. */
#include "engine/vulkan/stream.h"
#include "engine/vulkan/submit.h"
#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define TYPE    MODEL_TYPE_Q8_0
#define COLUMNS 4096
#define FIRST   704 /* rows of the first tensor: four pieces */
#define SECOND  70  /* and of the one stacked on it, with rows of zeros behind them */
#define GROUP   32
#define AT      512 /* where the planes begin in their block */

typedef struct {
  char *folder, *path;
  ModelGguf *gguf;
  VulkanLayout layout;
  uint8_t *packed; /* all planes, as they shall be */
  uint64_t bytes;
  GArray *pieces;
  double fraction; /* of progress, the last */
  gint cancel;
  gboolean cancels; /* when progress is told */
} World;

/* Where each plane begins behind AT. */
static void
plane_offsets (const World *world, uint64_t offsets[VULKAN_N_PLANES])
{
  uint64_t at = 0;

  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++) {
    offsets[p] = at;
    at += vulkan_layout_plane_bytes (&world->layout, p);
  }
}

static void
cut_tensor (World *world, const char *name, uint32_t first, uint32_t n, uint32_t all)
{
  VulkanPiece part = {
    .layout = &world->layout,
    .tensor = model_gguf_find_tensor (world->gguf, name),
    .n = n,
    .all = all,
  };

  g_assert_nonnull (part.tensor);
  plane_offsets (world, part.offsets);
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    part.offsets[p] += AT + (uint64_t) first * world->layout.row_bytes[p];
  vulkan_stream_cut (world->pieces, &part);
}

static void
write_tensors (const World *world, const uint8_t *rows)
{
  size_t row = model_type_row_bytes (world->layout.type, COLUMNS);
  g_autoptr (TestGguf) file = test_gguf_new (3);
  g_autoptr (GByteArray) bytes = NULL;

  test_gguf_add_tensor (file, "first", TYPE, COLUMNS, FIRST, rows, FIRST * row);
  test_gguf_add_tensor (file, "second", TYPE, COLUMNS, SECOND, rows + FIRST * row, SECOND * row);
  bytes = test_gguf_bytes (file, 32, NULL);
  test_write_file (world->path, bytes);
}

static void
world_init (World *world, gconstpointer data)
{
  const uint32_t n = FIRST + SECOND;
  const ModelTypeInfo *info = model_type_info (TYPE);
  g_autofree uint8_t *rows = g_malloc (model_type_row_bytes (info, COLUMNS) * n);
  g_autoptr (GError) error = NULL;
  uint64_t random = 5, offsets[VULKAN_N_PLANES];
  uint8_t *planes[VULKAN_N_PLANES];

  *world = (World) { .folder = g_dir_make_tmp ("bottega-stream-XXXXXX", NULL) };
  world->path = g_build_filename (world->folder, "tensors.gguf", NULL);
  vulkan_layout_init (&world->layout, info, n, COLUMNS, GROUP, 2 * GROUP, FALSE);
  test_random_weights (&random, TYPE, 1, rows, (size_t) n * COLUMNS);
  write_tensors (world, rows);
  world->gguf = model_gguf_open (world->path, &error);
  g_assert_no_error (error);
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    world->bytes += vulkan_layout_plane_bytes (&world->layout, p);
  world->packed = g_malloc0 (world->bytes);
  plane_offsets (world, offsets);
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    planes[p] = world->packed + offsets[p];
  vulkan_layout_pack (&world->layout, rows, n, planes);
  world->pieces = g_array_new (FALSE, FALSE, sizeof (VulkanPiece));
  cut_tensor (world, "first", 0, FIRST, FIRST);
  cut_tensor (world, "second", FIRST, SECOND, world->layout.padded_rows - FIRST);
  g_assert_cmpuint (world->pieces->len, >, 3);
}

static void
world_finish (World *world, gconstpointer data)
{
  g_array_unref (world->pieces);
  model_gguf_free (world->gguf);
  g_unlink (world->path);
  g_rmdir (world->folder);
  g_free (world->path);
  g_free (world->folder);
  g_free (world->packed);
}

static void
on_progress (double fraction, void *data)
{
  World *world = data;

  g_assert_cmpfloat (fraction, >=, world->fraction);
  world->fraction = fraction;
  if (world->cancels)
    g_atomic_int_set (&world->cancel, 1);
}

static gboolean
stream (World *world, VulkanDevice *device, const VulkanBuffer *block, GError **error)
{
  return vulkan_stream_run (device, world->gguf, block, (const VulkanPiece *) world->pieces->data,
                            world->pieces->len, on_progress, world, &world->cancel, error);
}

/* A block of the host's own memory: no device is asked for anything. */
static VulkanBuffer
host_block (const World *world)
{
  VulkanBuffer block = { .bytes = AT + world->bytes, .map = g_malloc (AT + world->bytes) };

  memset (block.map, 0xaa, block.bytes);
  return block;
}

static void
test_in_place (World *world, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VulkanBuffer block = host_block (world);
  const uint8_t *map = block.map;

  g_assert_true (stream (world, NULL, &block, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (map + AT, world->bytes, world->packed, world->bytes);
  for (size_t i = 0; i < AT; i++)
    g_assert_cmpuint (map[i], ==, 0xaa);
  g_assert_cmpfloat (world->fraction, ==, 1);
  g_free (block.map);
}

/* The index of a device that can be used; -1: none. */
static int
any_device (void)
{
  g_autoptr (GPtrArray) devices = vulkan_devices (NULL);

  for (guint i = 0; devices != NULL && i < devices->len; i++)
    if (((const VulkanDeviceInfo *) devices->pdata[i])->usable)
      return (int) i;
  return -1;
}

static void
test_staged (World *world, gconstpointer data)
{
  int index = any_device ();
  g_autoptr (VulkanDevice) device = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree uint8_t *back = g_malloc0 (world->bytes);
  VulkanBuffer block;

  if (index < 0) {
    g_test_skip ("no Vulkan device");
    return;
  }
  g_setenv ("BOTTEGA_VULKAN_QUIRKS", "none", TRUE); /* a card of its own memory */
  device = vulkan_device_open ((unsigned) index, &error);
  g_assert_no_error (error);
  VulkanSubmitter *submitter = vulkan_submitter_new (device, &error);
  g_assert_no_error (error);
  vulkan_buffer_init (&block, device, VULKAN_MEMORY_DEVICE, AT + world->bytes, "a test", &error);
  g_assert_no_error (error);
  g_assert_null (block.map);
  g_assert_true (stream (world, device, &block, &error));
  g_assert_no_error (error);
  g_assert_true (vulkan_submitter_read (submitter, &block, AT, back, world->bytes, &error));
  g_assert_cmpmem (back, world->bytes, world->packed, world->bytes);
  vulkan_buffer_finish (&block);
  vulkan_submitter_free (submitter);
}

static void
test_cancel (World *world, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VulkanBuffer block = host_block (world);

  world->cancels = TRUE;
  if (stream (world, NULL, &block, &error)) /* the other threads were quicker than this one */
    g_assert_cmpfloat (world->fraction, ==, 1);
  else
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_atomic_int_set (&world->cancel, 1);
  g_assert_false (stream (world, NULL, &block, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_free (block.map);
}

/* Cut while it is being loaded. */
static void
test_short_file (World *world, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  VulkanBuffer block = host_block (world);

  g_assert_cmpint (truncate (world->path, 2 << 20), ==, 0);
  g_assert_false (stream (world, NULL, &block, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_free (block.map);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *path;
    void (*test) (World *world, gconstpointer data);
  } tests[] = {
    { "/vulkan/stream/in-place", test_in_place },
    { "/vulkan/stream/staged", test_staged },
    { "/vulkan/stream/cancel", test_cancel },
    { "/vulkan/stream/short-file", test_short_file },
  };

  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, World, NULL, world_init, tests[i].test, world_finish);
  return g_test_run ();
}
