/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the end of an answer, or of reading documents, is worth a notification. */
#include "app/assistant/bottega-notice.h"

#include <locale.h>
#include <string.h>

#define LONG_US  BOTTEGA_NOTICE_LONG_US
#define SHORT_US (BOTTEGA_NOTICE_LONG_US - 1)

static const struct {
  gboolean seen;
  BottegaMessageState state;
  gint64 took_us;
  const char *body; /* a word of it; NULL: none */
} answers[] = {
  { FALSE, BOTTEGA_MESSAGE_STATE_COMPLETE, LONG_US, "is there" },
  { FALSE, BOTTEGA_MESSAGE_STATE_COMPLETE, G_GINT64_CONSTANT (3600) * G_USEC_PER_SEC, "is there" },
  { FALSE, BOTTEGA_MESSAGE_STATE_FAILED, LONG_US, "could not" },
  { FALSE, BOTTEGA_MESSAGE_STATE_COMPLETE, SHORT_US, NULL },
  { TRUE, BOTTEGA_MESSAGE_STATE_COMPLETE, LONG_US, NULL },
  { TRUE, BOTTEGA_MESSAGE_STATE_FAILED, LONG_US, NULL },
  /* The person's own doing, and the program's end. */
  { FALSE, BOTTEGA_MESSAGE_STATE_STOPPED, LONG_US, NULL },
  { FALSE, BOTTEGA_MESSAGE_STATE_INTERRUPTED, LONG_US, NULL },
};

static void
test_answers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++) {
    const char *body =
        bottega_notice_for_answer (answers[i].seen, answers[i].state, answers[i].took_us);

    g_test_message ("answer %u", i);
    if (answers[i].body == NULL)
      g_assert_null (body);
    else
      g_assert_nonnull (strstr (body, answers[i].body));
  }
}

static void
test_index (void)
{
  g_autofree char *one = bottega_notice_for_index (FALSE, LONG_US, 1, NULL);
  g_autofree char *many = bottega_notice_for_index (FALSE, LONG_US, 12, NULL);
  g_autofree char *failed = bottega_notice_for_index (FALSE, LONG_US, 3, "The disk is full.");

  g_assert_cmpstr (one, ==, "1 document can be asked about.");
  g_assert_cmpstr (many, ==, "12 documents can be asked about.");
  g_assert_cmpstr (failed, ==, "The disk is full.");
  g_assert_null (bottega_notice_for_index (TRUE, LONG_US, 12, NULL));
  g_assert_null (bottega_notice_for_index (TRUE, LONG_US, 12, "The disk is full."));
  g_assert_null (bottega_notice_for_index (FALSE, SHORT_US, 12, NULL));
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/notice/answers", test_answers);
  g_test_add_func ("/notice/index", test_index);
  return g_test_run ();
}
