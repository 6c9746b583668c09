/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What counts as proof of being offline, on made-up sandboxes; and the seal itself, in a process
 * that is given up to it. */
#include "app/assistant/bottega-offline.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEALED "Name:\tbottega\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
#define OPEN   "Name:\tbottega\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n"
#define HEADER                                                 \
  "Inter-|   Receive                            |  Transmit\n" \
  " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
#define LO          "    lo:     100       1    0    0    0     0          0         0      100\n"
#define ETH         "enp3s0: 9999999    9999    0    0    0     0          0         0      100\n"
#define APPLICATION "[Application]\nname=io.github.bottega.Bottega\n\n[Context]\n"
#define NAMES       "[Session Bus Policy]\nio.github.bottega.Bottega.*=own\norg.x.Y=none\n"
#define OURS        APPLICATION "shared=ipc;\nsockets=wayland;fallback-x11;\ndevices=dri;\n"

static const BottegaOfflineTry no_socket = { .socket_error = EACCES },
                               no_way = { .connect_error = ENETUNREACH }, open_way = { 0 };

/* Verdicts as letters in the order of the lines: h(olds), k(now), b(roken). */
static char *
judge (const BottegaOfflineFacts *facts)
{
  g_autoptr (GPtrArray) lines = bottega_offline_judge (facts);
  GString *letters = g_string_new (NULL);

  for (guint i = 0; i < lines->len; i++) {
    const BottegaOfflineLine *line = g_ptr_array_index (lines, i);

    g_assert_true (*line->title != '\0' && *line->found != '\0' && *line->meaning != '\0');
    g_string_append_c (letters, "hkb"[line->verdict]);
  }
  return g_string_free (letters, FALSE);
}

static const BottegaOfflineLine *
find (GPtrArray *lines, const char *id)
{
  for (guint i = 0; i < lines->len; i++) {
    const BottegaOfflineLine *line = g_ptr_array_index (lines, i);

    if (g_str_equal (line->id, id))
      return line;
  }
  return NULL;
}

static const struct {
  const char *name, *sandbox, *status, *devices;
  const BottegaOfflineTry *ipv4, *ipv6;
  BottegaSeal seal;
  const char *letters; /* try, network, seal, way back, devices, sandbox | sockets, buses, … */
  BottegaOfflineVerdict sum;
} cases[] = {
  { "flatpak", OURS, SEALED, HEADER LO, &no_socket, &no_socket, BOTTEGA_SEAL_CLOSED, "hhhhhhhhh",
    BOTTEGA_OFFLINE_HOLDS },
  { "own-names", OURS NAMES, SEALED,
    HEADER LO, &no_socket, &no_socket, BOTTEGA_SEAL_CLOSED, "hhhhhhhhh", BOTTEGA_OFFLINE_HOLDS },
  { "flatpak-unsealed", OURS, OPEN, HEADER LO, &no_way, &no_way, BOTTEGA_SEAL_IMPOSSIBLE,
    "hhkkhhhhh", BOTTEGA_OFFLINE_HOLDS },
  { "network-added", APPLICATION "shared=network;ipc;\nsockets=wayland;\ndevices=dri;\n", SEALED,
    HEADER LO ETH, &no_socket, &no_socket, BOTTEGA_SEAL_CLOSED, "hkhhkhhhh",
    BOTTEGA_OFFLINE_HOLDS },
  { "all-open",
    APPLICATION "shared=network;ipc;\nsockets=x11;session-bus;\ndevices=all;\nfilesystems=home;\n"
                "[System Bus Policy]\norg.freedesktop.NetworkManager=talk\n",
    OPEN, HEADER LO ETH, &open_way, &no_way, BOTTEGA_SEAL_REMOTE_SCREEN, "bbbkbbbkk",
    BOTTEGA_OFFLINE_BROKEN },
  { "native", NULL, SEALED, HEADER LO ETH, &no_socket, &no_socket, BOTTEGA_SEAL_CLOSED, "hhhkk",
    BOTTEGA_OFFLINE_HOLDS },
  { "native-open", NULL, OPEN, HEADER LO ETH, &open_way, &open_way, BOTTEGA_SEAL_IMPOSSIBLE,
    "bbkbk",
    BOTTEGA_OFFLINE_BROKEN },
  /* Refused, but only because no cable is in: that is no proof. */
  { "native-unplugged", NULL, OPEN, HEADER LO, &no_way, &no_way, BOTTEGA_SEAL_NOT_TRIED, "bbkhk",
    BOTTEGA_OFFLINE_BROKEN },
  /* Half a refusal is none. */
  { "ipv6-open", NULL, SEALED, HEADER LO ETH, &no_socket, &open_way, BOTTEGA_SEAL_CLOSED, "bhhbk",
    BOTTEGA_OFFLINE_BROKEN },
  { "unreadable", "no key file", NULL, NULL, &no_socket, &no_socket, BOTTEGA_SEAL_CLOSED,
    "hhkkhhhhh", BOTTEGA_OFFLINE_HOLDS },
};

static void
test_case (gconstpointer data)
{
  const BottegaOfflineFacts *facts;
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *letters = NULL;
  const char *heading = NULL, *sentence = NULL;

  facts = &(BottegaOfflineFacts) {
    .sandbox = (char *) cases[i].sandbox,
    .status = (char *) cases[i].status,
    .devices = (char *) cases[i].devices,
    .tries = { *cases[i].ipv4, *cases[i].ipv6 },
    .seal = cases[i].seal,
  };
  letters = judge (facts);
  g_assert_cmpstr (letters, ==, cases[i].letters);
  g_assert_cmpuint (bottega_offline_sum_up (facts, &heading, &sentence), ==, cases[i].sum);
  g_assert_true (heading != NULL && sentence != NULL);
}

static void
test_words (void)
{
  const BottegaOfflineFacts facts = {
    .sandbox = (char *) APPLICATION
    "shared=network;\nfilesystems=home;/mnt:ro;\n[Session Bus Policy]\norg.a.B=talk\n",
    .status = (char *) SEALED,
    .devices = (char *) HEADER LO ETH,
    .tries = { no_socket, no_way },
    .seal = BOTTEGA_SEAL_CLOSED,
  };
  g_autoptr (GPtrArray) lines = bottega_offline_judge (&facts);
  g_autofree char *text = bottega_offline_to_text (&facts);

  g_assert_cmpstr (find (lines, "try")->found, ==,
                   "IPv4 socket: Permission denied · IPv6 connect: Network is unreachable");
  g_assert_cmpstr (find (lines, "devices")->found, ==, "lo, enp3s0");
  g_assert_cmpstr (find (lines, "files")->found, ==, "home, /mnt:ro");
  g_assert_cmpstr (find (lines, "buses")->found, ==, "org.a.B");
  g_assert_cmpstr (find (lines, "seal")->found, ==, "Seccomp: 2 · Seccomp_filters: 1");
  g_assert_null (find (lines, "sandbox"));
  for (guint i = 0; i < lines->len; i++) {
    const BottegaOfflineLine *line = g_ptr_array_index (lines, i);

    g_assert_nonnull (strstr (text, line->title));
    g_assert_nonnull (strstr (text, line->found));
    g_assert_nonnull (strstr (text, line->meaning));
  }
  g_assert_nonnull (strstr (text, "does not hold"));
}

static int
open_socket (int family)
{
  int fd = socket (family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return errno;
  close (fd);
  return 0;
}

static gpointer
in_thread (gpointer family)
{
  return GINT_TO_POINTER (open_socket (GPOINTER_TO_INT (family)));
}

/* In a process of its own, which is sealed for good. */
static void
test_seal (void)
{
  static const int refused[] = { AF_INET, AF_INET6, AF_PACKET, AF_BLUETOOTH, AF_VSOCK, 4711 };

  if (g_test_subprocess ()) {
    g_autoptr (BottegaOfflineFacts) facts = NULL;
    g_autoptr (GPtrArray) lines = NULL;

    g_assert_cmpuint (bottega_seal_close (":0"), ==, BOTTEGA_SEAL_CLOSED);
    for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
      g_assert_cmpint (open_socket (refused[i]), ==, EACCES);
    g_assert_cmpint (open_socket (AF_UNIX), ==, 0);
    g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (
                         g_thread_new ("other", in_thread, GINT_TO_POINTER (AF_INET)))),
                     ==, EACCES);
    g_assert_cmpint (syscall (SYS_io_uring_setup, 1, NULL), ==, -1);
    g_assert_cmpint (errno, ==, ENOSYS);
    facts = bottega_offline_look ();
    g_assert_cmpuint (bottega_offline_sum_up (facts, NULL, NULL), ==, BOTTEGA_OFFLINE_HOLDS);
    lines = bottega_offline_judge (facts);
    g_assert_cmpuint (find (lines, "seal")->verdict, ==, BOTTEGA_OFFLINE_HOLDS);
    g_assert_cmpuint (find (lines, "way-back")->verdict, ==, BOTTEGA_OFFLINE_HOLDS);
    return;
  }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_screens (void)
{
  static const char *const here[] = { ":0", ":10.0", "unix:0", "/private/tmp/x:0", "" };

  for (guint i = 0; i < G_N_ELEMENTS (here); i++)
    g_assert_false (bottega_seal_is_remote (here[i]));
  g_assert_false (bottega_seal_is_remote (NULL));
  g_assert_true (bottega_seal_is_remote ("localhost:10.0"));
  g_assert_true (bottega_seal_is_remote ("desk.example:0"));
  g_assert_cmpuint (bottega_seal_close ("localhost:10.0"), ==, BOTTEGA_SEAL_REMOTE_SCREEN);
  g_assert_cmpuint (bottega_seal_get (), ==, BOTTEGA_SEAL_REMOTE_SCREEN);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/offline/", cases[i].name, NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_case);
  }
  g_test_add_func ("/offline/words", test_words);
  g_test_add_func ("/offline/seal", test_seal);
  g_test_add_func ("/offline/screens", test_screens);
  return g_test_run ();
}
