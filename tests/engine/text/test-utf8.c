/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streaming side of UTF-8: however the bytes are cut, whole characters come out, and as
 * early as possible. */
#include "engine/text/tokenizer.h"
#include "tests/engine/make-gguf.h"

#include <string.h>

static void
test_holds_back (void)
{
  TextUtf8Stream stream = { 0 };
  g_autoptr (GString) out = g_string_new (NULL);

  text_utf8_stream_push (&stream, "a\303", 2, out);
  g_assert_cmpstr (out->str, ==, "a");
  text_utf8_stream_push (&stream, "\250\360\237", 3, out);
  g_assert_cmpstr (out->str, ==, "a\303\250");
  text_utf8_stream_push (&stream, "\221\213", 2, out);
  g_assert_cmpstr (out->str, ==, "a\303\250\360\237\221\213");
  text_utf8_stream_end (&stream, out);
  g_assert_cmpstr (out->str, ==, "a\303\250\360\237\221\213");
}

static void
test_invalid (void)
{
  static const struct {
    const char *bytes, *text;
  } cases[] = {
    { "\377x", "\357\277\275x" },
    { "\303x", "\357\277\275x" },                                 /* cut character */
    { "\360\237\221x", "\357\277\275\357\277\275\357\277\275x" }, /* one for each byte */
    { "\300\200", "\357\277\275\357\277\275" },                   /* overlong */
    { "\355\240\200", "\357\277\275\357\277\275\357\277\275" },   /* surrogate */
    { "\303\303\250", "\357\277\275\303\250" },
    { "x\342\202", "x\357\277\275" }, /* held at the end */
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    TextUtf8Stream stream = { 0 };
    g_autoptr (GString) out = g_string_new (NULL);

    text_utf8_stream_push (&stream, cases[i].bytes, strlen (cases[i].bytes), out);
    text_utf8_stream_end (&stream, out);
    g_assert_cmpstr (out->str, ==, cases[i].text);
  }
}

/* Random bytes, cut at random: always valid text, never dependent on where it was cut. */
static void
test_random_cuts (void)
{
  uint64_t random = 1;

  for (int round = 0; round < 2000; round++) {
    char bytes[40];
    size_t n = test_random (&random) % sizeof bytes;
    TextUtf8Stream one = { 0 }, many = { 0 };
    g_autoptr (GString) at_once = g_string_new (NULL), in_parts = g_string_new (NULL);

    for (size_t i = 0; i < n; i++)
      bytes[i] = (char) (test_random (&random) % 3 == 0
                             ? "\303\250\360\237\221\213\342\202"[test_random (&random) % 8]
                             : (int) (test_random (&random) >> 56));
    text_utf8_stream_push (&one, bytes, n, at_once);
    text_utf8_stream_end (&one, at_once);
    for (size_t done = 0; done < n;) {
      size_t part = 1 + test_random (&random) % (n - done);

      text_utf8_stream_push (&many, bytes + done, part, in_parts);
      done += part;
    }
    text_utf8_stream_end (&many, in_parts);
    g_assert_cmpmem (at_once->str, at_once->len, in_parts->str, in_parts->len);
    for (gsize i = 0; i < at_once->len;
         i++) /* a NUL is a character, though GLib's check disagrees */
      if (at_once->str[i] == '\0')
        at_once->str[i] = ' ';
    g_assert_true (g_utf8_validate (at_once->str, (gssize) at_once->len, NULL));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/utf8/holds-back", test_holds_back);
  g_test_add_func ("/text/utf8/invalid", test_invalid);
  g_test_add_func ("/text/utf8/random-cuts", test_random_cuts);
  return g_test_run ();
}
