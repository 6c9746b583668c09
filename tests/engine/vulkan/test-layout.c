/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How weights lie on a card: no number format takes much more room there than in its file, rows
 * come out the same whether a tensor is packed whole or in pieces, and books fill the room that
 * their kernels give them. What kernels make of the planes is tests/engine/ops' to say. */
#include "engine/vulkan/layout.h"
#include "engine/vulkan/unpack.h"
#include "tests/engine/make-gguf.h"

#include <string.h>

#define GROUP   32
#define ROWS    70  /* two groups and a bit */
#define COLUMNS 768 /* three blocks of 256 */

typedef struct {
  VulkanLayout layout;
  uint8_t *planes[VULKAN_N_PLANES];
} Packed;

static void
packed_init (Packed *self, const ModelTypeInfo *info, gboolean wide, uint8_t fill)
{
  vulkan_layout_init (&self->layout, info, ROWS, COLUMNS, GROUP, GROUP, wide);
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++) {
    size_t bytes = vulkan_layout_plane_bytes (&self->layout, p);

    self->planes[p] = g_malloc (bytes + 1);
    memset (self->planes[p], fill, bytes);
  }
}

static void
packed_finish (Packed *self)
{
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    g_free (self->planes[p]);
}

/* Packs rows [first, first + n) of src. */
static void
pack (Packed *self, const uint8_t *src, uint32_t first, uint32_t n)
{
  uint8_t *planes[VULKAN_N_PLANES];

  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    planes[p] = self->planes[p] + (size_t) first * self->layout.row_bytes[p];
  vulkan_layout_pack (&self->layout,
                      src + first * model_type_row_bytes (self->layout.type, COLUMNS), n, planes);
}

/* Filled with different bytes before, they are equal only where every byte was written. */
static void
assert_equal (const Packed *a, const Packed *b)
{
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    g_assert_cmpmem (a->planes[p], vulkan_layout_plane_bytes (&a->layout, p), b->planes[p],
                     vulkan_layout_plane_bytes (&b->layout, p));
}

static uint8_t *
random_rows (const ModelTypeInfo *info)
{
  uint8_t *rows = g_malloc (model_type_row_bytes (info, COLUMNS) * ROWS);
  uint64_t random = info->id + 1;

  test_random_weights (&random, (ModelType) info->id, 1, rows, (size_t) ROWS * COLUMNS);
  return rows;
}

static void
test_room (gconstpointer data)
{
  const ModelTypeInfo *info = data;
  /* Scales lie in whole bytes, ternary digits in 2 bits each. */
  double more = info->id == MODEL_TYPE_Q1_0    ? 2.3
                : info->id == MODEL_TYPE_TQ1_0 ? 1.23
                                               : 1.12;
  uint64_t bytes = 0;
  Packed packed;

  packed_init (&packed, info, FALSE, 0);
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    bytes += packed.layout.row_bytes[p];
  g_assert_cmpuint (bytes, >=, model_type_row_bytes (info, COLUMNS) / 100 * 99);
  g_assert_cmpfloat ((double) bytes, <=, more * (double) model_type_row_bytes (info, COLUMNS));
  packed_finish (&packed);
}

static void
test_pieces (gconstpointer data)
{
  const ModelTypeInfo *info = data;
  g_autofree uint8_t *rows = random_rows (info);

  for (unsigned wide = 0; wide < 2; wide++) {
    Packed whole, pieces;

    packed_init (&whole, info, wide, 0xaa);
    packed_init (&pieces, info, wide, 0x55);
    pack (&whole, rows, 0, ROWS);
    pack (&pieces, rows, 64, ROWS - 64);
    pack (&pieces, rows, 0, 32);
    pack (&pieces, rows, 32, 32);
    assert_equal (&whole, &pieces);
    packed_finish (&whole);
    packed_finish (&pieces);
  }
}

/* BOOK of the kernels of a form, or 0. */
static uint32_t
book_of_kernels (ShaderForm form)
{
  static const char *const defines[] = {
#define SHADER_FORM(id, families, words, high, scale_bytes, scale_blocks, super_bytes, defines) \
  defines,
#include "shaders/kernels.def"
#undef SHADER_FORM
  };
  const char *book = strstr (defines[form], "BOOK=");

  return book == NULL ? 0 : (uint32_t) g_ascii_strtoull (book + strlen ("BOOK="), NULL, 10);
}

static void
test_book (gconstpointer data)
{
  const ModelTypeInfo *info = data;
  const VulkanFormat *format = vulkan_format (info->id);
  uint32_t n = vulkan_format_book (format, NULL);
  g_autofree uint32_t *words = g_new0 (uint32_t, n + 1);

  g_assert_cmpuint (n, ==, book_of_kernels (format->form));
  g_assert_cmpuint (n, ==, book_of_kernels (format->wide_form));
  g_assert_cmpuint (vulkan_format_book (format, words), ==, n);
  g_assert_cmpuint (words[n], ==, 0);
}

int
main (int argc, char **argv)
{
  static const struct {
    const char *name;
    void (*test) (gconstpointer data);
  } tests[] = {
    { "room", test_room },
    { "pieces", test_pieces },
    { "book", test_book },
  };

  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++)
    for (uint32_t id = 0; id < 64; id++) {
      const ModelTypeInfo *info = model_type_info (id);
      g_autofree char *path =
          info != NULL ? g_strdup_printf ("/layout/%s/%s", tests[i].name, info->name) : NULL;

      if (path != NULL)
        g_test_add_data_func (path, info, tests[i].test);
    }
  return g_test_run ();
}
