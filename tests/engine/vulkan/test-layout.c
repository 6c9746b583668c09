/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How weights lie on a card: no number format takes much more room there than in its file, rows
 * come out the same whether a tensor is packed whole or in pieces, codes and wide scales are found
 * where weights.glsl says, and books fill the room that their kernels give them. What kernels make
 * of the planes is tests/engine/ops' to say. */
#include "engine/vulkan/layout.h"
#include "engine/vulkan/unpack.h"
#include "tests/engine/make-gguf.h"

#include <string.h>

#define GROUP   32
#define ROWS    70  /* two groups and a bit */
#define COLUMNS 768 /* three blocks of 256 */

/* Columns of rows that end within 256, for formats of smaller blocks; 100: within 32, floats. */
static const uint32_t widths[] = { COLUMNS, 256, 640, 384, 96, 100 };

typedef struct {
  VulkanLayout layout;
  uint8_t *planes[VULKAN_N_PLANES];
} Packed;

static void
packed_init (Packed *self, const ModelTypeInfo *info, uint32_t columns, gboolean wide,
             uint8_t fill)
{
  vulkan_layout_init (&self->layout, info, ROWS, columns, GROUP, GROUP, wide);
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
  src += first * model_type_row_bytes (self->layout.type, self->layout.columns);
  vulkan_layout_pack (&self->layout, src, n, planes);
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
random_rows (const ModelTypeInfo *info, uint32_t columns)
{
  uint8_t *rows = g_malloc (model_type_row_bytes (info, columns) * ROWS);
  uint64_t random = info->id + 1;

  test_random_weights (&random, (ModelType) info->id, 1, rows, (size_t) ROWS * columns);
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

  packed_init (&packed, info, COLUMNS, FALSE, 0);
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    bytes += packed.layout.row_bytes[p];
  g_assert_cmpuint (bytes, >=, model_type_row_bytes (info, COLUMNS) / 100 * 99);
  g_assert_cmpfloat ((double) bytes, <=, more * (double) model_type_row_bytes (info, COLUMNS));
  packed_finish (&packed);
}

static void
check_pieces (const ModelTypeInfo *info, uint32_t columns, gboolean wide)
{
  g_autofree uint8_t *rows = random_rows (info, columns);
  Packed whole, pieces;

  packed_init (&whole, info, columns, wide, 0xaa);
  packed_init (&pieces, info, columns, wide, 0x55);
  pack (&whole, rows, 0, ROWS);
  pack (&pieces, rows, 64, ROWS - 64);
  pack (&pieces, rows, 0, 32);
  pack (&pieces, rows, 32, 32);
  assert_equal (&whole, &pieces);
  packed_finish (&whole);
  packed_finish (&pieces);
}

static void
test_pieces (gconstpointer data)
{
  const ModelTypeInfo *info = data;

  for (size_t i = 0; i < G_N_ELEMENTS (widths); i++)
    for (unsigned wide = 0; wide < 2 && widths[i] % info->block_weights == 0; wide++)
      check_pieces (info, widths[i], wide);
}

/* What weights.glsl knows of a form. */
typedef struct {
  uint32_t words, high_words, scale_bytes, scale_blocks;
} Form;

static const Form forms[] = {
#define SHADER_FORM(id, families, words, high, scale_bytes, scale_blocks, super_bytes, defines) \
  { words, high, scale_bytes, scale_blocks },
#include "shaders/kernels.def"
#undef SHADER_FORM
};

/* Byte i of a row whose units have so many bytes, in a plane. */
static const uint8_t *
byte_of (const Packed *self, VulkanPlane plane, uint32_t row, uint32_t unit_bytes, size_t i)
{
  size_t units = self->layout.row_bytes[plane] / unit_bytes;
  size_t at = (row / GROUP * units + i / unit_bytes) * GROUP + row % GROUP;

  return self->planes[plane] + at * unit_bytes + i % unit_bytes;
}

/* The code of weight i of a row whose codes lie whole: six of eight in one plane, two in the
 * other. */
static unsigned
five_bits_of (const Packed *self, uint32_t row, uint32_t i)
{
  gboolean six = i % 8 < 6;
  uint32_t a_block = six ? 16 : 8, at = six ? 5 * (i % 8) : 5 * (i % 2) + 10 * (i / 8 % 2), word;
  VulkanPlane plane = six ? VULKAN_PLANE_CODES : VULKAN_PLANE_HIGH;

  memcpy (&word,
          byte_of (self, plane, row, a_block,
                   (size_t) i / 32 * a_block + 4 * (i % 32 / (six ? 8 : 16))),
          sizeof word);
  return word >> at & 31;
}

/* The code of weight i of a row, from the two planes of its bits. */
static unsigned
code_of (const Packed *self, uint32_t row, uint32_t i)
{
  const Form *form = &forms[self->layout.form];
  uint32_t b = i / 32, t = i % 8 / 2, w = i % 32 / 8 * 2 + i % 2;
  uint32_t words = form->words, a_word = 8 / words, unit = words >= 4 ? 16 : 4 * words;
  unsigned code = *byte_of (self, VULKAN_PLANE_CODES, row, unit,
                            (size_t) 4 * (b * words + w / a_word) + t) >>
                      (words * (w % a_word)) &
                  ((1u << words) - 1);

  if (form->high_words > 0) {
    uint32_t high = form->high_words;

    a_word = 8 / high;
    code |= (*byte_of (self, VULKAN_PLANE_HIGH, row, 4 * high * form->scale_blocks,
                       (size_t) 4 * (b * high + w / a_word) + t) >>
                 (high * (w % a_word)) &
             ((1u << high) - 1))
            << words;
  }
  return self->layout.form == SHADER_FORM_WIDE_8 ? code ^ 128 : code;
}

/* Block b of a row, of which `codes` says what its weights are. */
static void
check_block (const Packed *self, const VulkanFormat *format, uint32_t row, uint32_t b,
             const ModelCodes *codes, uint32_t at)
{
  for (uint32_t i = 0; i < 32; i++) {
    unsigned code = self->layout.form == SHADER_FORM_WIDE_5 ? five_bits_of (self, row, 32 * b + i)
                                                            : code_of (self, row, 32 * b + i);
    int8_t value = format->values != NULL ? format->values[code]
                                          : (int8_t) ((int) code - format->offset);

    g_assert_cmpint (value, ==, codes->codes[at + i]);
  }
  if (self->layout.form == format->wide_form && format->wide_form != format->form) {
    uint32_t bytes = forms[self->layout.form].scale_bytes;
    float scale;

    memcpy (&scale, byte_of (self, VULKAN_PLANE_SCALES, row, bytes, (size_t) b * bytes),
            sizeof scale);
    g_assert_cmpfloat (scale, ==, codes->scale[at / 16]);
  }
}

static void
check_weights (const ModelTypeInfo *info, uint32_t columns, gboolean wide)
{
  const VulkanFormat *format = vulkan_format (info->id);
  g_autofree uint8_t *rows = random_rows (info, columns);
  const uint8_t *src = rows;
  Packed packed;

  packed_init (&packed, info, columns, wide, 0xaa);
  pack (&packed, rows, 0, ROWS);
  for (uint32_t row = 0; row < ROWS; row++)
    for (uint32_t i = 0; i < columns; src += info->block_bytes)
      if (info->expand == NULL) {
        g_assert_cmpmem (byte_of (&packed, VULKAN_PLANE_CODES, row, 16, i * info->block_bytes),
                         info->block_bytes, src, info->block_bytes);
        i++;
      } else {
        ModelCodes codes;

        info->expand (src, 1, &codes);
        for (uint32_t at = 0; at < info->block_weights; at += 32, i += 32)
          check_block (&packed, format, row, i / 32, &codes, at);
      }
  packed_finish (&packed);
}

/* Not of those whose codes are words of the file: kernels alone know what these mean. */
static void
test_weights (gconstpointer data)
{
  const ModelTypeInfo *info = data;

  if (vulkan_format (info->id)->as_words) {
    g_test_skip ("codes are words of the file");
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (widths); i++)
    for (unsigned wide = 0; wide < 2 && widths[i] % info->block_weights == 0; wide++)
      check_weights (info, widths[i], wide);
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
    { "weights", test_weights },
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
