/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the sidebar says when a conversation was last written in: today, yesterday, this week, this
 * year, before. */
#include "config.h"

#include "app/ui/bottega-conversation-row.h"

#include <locale.h>

static gint64
at (const char *text)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, NULL);

  g_assert_nonnull (time);
  return g_date_time_to_unix_usec (time);
}

static void
test_times (void)
{
  static const struct {
    const char *time, *said;
  } cases[] = {
    { "2026-11-23T14:05:00Z", "14:05" },
    { "2026-11-23T00:00:00Z", "00:00" },
    { "2026-11-22T23:59:59Z", "Yesterday" },
    { "2026-11-22T00:00:00Z", "Yesterday" },
    { "2026-11-21T23:59:59Z", "Saturday" },
    { "2026-11-18T12:00:00Z", "Wednesday" },
    { "2026-11-03T12:00:00Z", "3 November" },
    { "2025-11-03T12:00:00Z", "3 November 2025" },
    { "2026-11-24T09:00:00Z", "09:00" }, /* a clock that went back */
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *said =
        bottega_conversation_row_format_time (at (cases[i].time), at ("2026-11-23T15:00:00Z"));
    g_assert_cmpstr (said, ==, cases[i].said);
  }
}

int
main (int argc, char *argv[])
{
  g_setenv ("TZ", "UTC", TRUE);
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/row/times", test_times);
  return g_test_run ();
}
