/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what counts as proof, one row each in the table at the end, and its words. It reads what it
 * is given: where the facts come from is bottega-offline-look.c's to know. */
#include "config.h"

#include "app/assistant/bottega-offline.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* What a row looks at. */
typedef struct {
  const BottegaOfflineFacts *facts;
  GKeyFile *sandbox; /* NULL: none */
} Look;

/* ---- reading ---- */

/* A list of the sandbox's permissions; empty when it has none of the kind. */
static char **
list_permissions (const Look *look, const char *key)
{
  char **list = g_key_file_get_string_list (look->sandbox, "Context", key, NULL, NULL);

  return list != NULL ? list : g_new0 (char *, 1);
}

static char *
join (char **list)
{
  return *list != NULL ? g_strjoinv (", ", list) : g_strdup (_ ("none"));
}

/* The number after "NAME:" of /proc/self/status; -1: it is not there. */
static gint64
read_status (const BottegaOfflineFacts *facts, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (facts->status != NULL ? facts->status : "", "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, name) && (*line)[strlen (name)] == ':')
      return g_ascii_strtoll (*line + strlen (name) + 1, NULL, 10);

  return -1;
}

/* "lo, enp3s0": the names before the colons of /proc/self/net/dev. */
static char **
list_devices (const BottegaOfflineFacts *facts)
{
  g_auto (GStrv) lines = g_strsplit (facts->devices != NULL ? facts->devices : "", "\n", -1);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (char **line = lines; *line != NULL; line++) {
    const char *colon = strchr (*line, ':');

    if (colon != NULL)
      g_strv_builder_take (names, g_strstrip (g_strndup (*line, (gsize) (colon - *line))));
  }
  return g_strv_builder_end (names);
}

static gboolean
is_refused (const BottegaOfflineTry *try)
{
  return try->socket_error != 0 || try->connect_error != 0;
}

static gboolean
all_refused (const BottegaOfflineFacts *facts)
{
  return is_refused (&facts->tries[BOTTEGA_OFFLINE_IPV4]) &&
         is_refused (&facts->tries[BOTTEGA_OFFLINE_IPV6]);
}

static gboolean
is_sealed (const BottegaOfflineFacts *facts)
{
  return facts->seal == BOTTEGA_SEAL_CLOSED && read_status (facts, "Seccomp") == 2;
}

static gboolean
shares_network (const Look *look)
{
  g_auto (GStrv) shared = list_permissions (look, "shared");

  return g_strv_contains ((const char *const *) shared, "network");
}

/* Refused, and not only because no cable is in. */
static gboolean
is_enforced (const Look *look)
{
  return all_refused (look->facts) &&
         (is_sealed (look->facts) || (look->sandbox != NULL && !shares_network (look)));
}

/* ---- the rows: each says what it found, returns its verdict and sets the meaning ---- */

static char *
describe_try (const BottegaOfflineTry *try)
{
  if (try->socket_error != 0)
    return g_strdup_printf ("socket: %s", g_strerror (try->socket_error));
  if (try->connect_error != 0)
    return g_strdup_printf ("connect: %s", g_strerror (try->connect_error));

  return g_strdup (_ ("not refused"));
}

static BottegaOfflineVerdict
judge_try (const Look *look, char **found, const char **meaning)
{
  g_autofree char *ipv4 = describe_try (&look->facts->tries[BOTTEGA_OFFLINE_IPV4]);
  g_autofree char *ipv6 = describe_try (&look->facts->tries[BOTTEGA_OFFLINE_IPV6]);

  *found = g_strdup_printf ("IPv4 %s · IPv6 %s", ipv4, ipv6);
  if (is_enforced (look)) {
    *meaning = _ ("Bottega has just asked the system for a way to addresses that are set aside "
                  "for examples and belong to nobody. The system refused.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  if (all_refused (look->facts)) {
    *meaning = _ ("The system refused a connection, but perhaps only because this computer is "
                  "not connected at the moment.");
    return BOTTEGA_OFFLINE_BROKEN;
  }
  *meaning = _ ("The system would have let a connection through. Nothing was sent, and Bottega "
                "has no reason to make one, but nothing here would stop it.");
  return BOTTEGA_OFFLINE_BROKEN;
}

static BottegaOfflineVerdict
judge_seal (const Look *look, char **found, const char **meaning)
{
  gint64 mode = read_status (look->facts, "Seccomp"),
         filters = read_status (look->facts, "Seccomp_filters");

  *found = filters >= 0 ? g_strdup_printf ("Seccomp: %" G_GINT64_FORMAT
                                           " · Seccomp_filters: %" G_GINT64_FORMAT,
                                           mode, filters)
                        : g_strdup_printf ("Seccomp: %" G_GINT64_FORMAT, mode);
  if (is_sealed (look->facts)) {
    *meaning = _ ("Before it did anything else, Bottega asked the kernel to refuse it every "
                  "network socket. That cannot be taken back, and binds each program that "
                  "Bottega starts.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  *meaning = look->facts->seal == BOTTEGA_SEAL_REMOTE_SCREEN
                 ? _ ("This window is shown on another computer, through the network, so "
                      "Bottega could not give the network up. Start it on this computer’s own "
                      "screen.")
                 : _ ("This kernel did not take the seal that refuses every network socket.");
  return is_enforced (look) ? BOTTEGA_OFFLINE_KNOW : BOTTEGA_OFFLINE_BROKEN;
}

static BottegaOfflineVerdict
judge_way_back (const Look *look, char **found, const char **meaning)
{
  gint64 set = read_status (look->facts, "NoNewPrivs");

  *found = g_strdup_printf ("NoNewPrivs: %" G_GINT64_FORMAT, set);
  if (set == 1) {
    *meaning = _ ("Neither Bottega nor a program that it starts can gain rights that it does "
                  "not have now.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  *meaning = _ ("A program that Bottega starts could gain rights that Bottega does not have.");
  return BOTTEGA_OFFLINE_KNOW;
}

static BottegaOfflineVerdict
judge_devices (const Look *look, char **found, const char **meaning)
{
  g_auto (GStrv) names = list_devices (look->facts);

  *found = join (names);
  if (g_strv_length (names) == 0 || (names[1] == NULL && g_str_equal (names[0], "lo"))) {
    *meaning = _ ("Bottega sees no network device but the one that leads back to itself.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  if (is_enforced (look)) {
    *meaning = _ ("These are this computer’s network devices. Bottega sees their names; it is "
                  "refused every socket that would use them.");
    return BOTTEGA_OFFLINE_KNOW;
  }
  *meaning = _ ("These network devices could be used from here.");
  return BOTTEGA_OFFLINE_BROKEN;
}

static BottegaOfflineVerdict
judge_network (const Look *look, char **found, const char **meaning)
{
  g_auto (GStrv) shared = list_permissions (look, "shared");
  g_autofree char *all = join (shared);

  *found = g_strdup_printf ("shared: %s", all);
  if (!shares_network (look)) {
    *meaning = _ ("The package asks for no network, so Flatpak gives it a network of its own "
                  "that leads nowhere.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  *meaning = _ ("Somebody gave this package the network, which it does not ask for. Flatseal, "
                "or flatpak override --reset io.github.bottega.Bottega, takes that back.");
  return is_enforced (look) ? BOTTEGA_OFFLINE_KNOW : BOTTEGA_OFFLINE_BROKEN;
}

static BottegaOfflineVerdict
judge_files (const Look *look, char **found, const char **meaning)
{
  g_auto (GStrv) files = list_permissions (look, "filesystems");

  *found = join (files);
  if (*files == NULL) {
    *meaning = _ ("Bottega sees its own folder, and of yours only the files and folders that "
                  "you hand it.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  *meaning = _ ("Besides what you hand it, Bottega can see these folders. It does not ask for "
                "that: somebody added it.");
  return BOTTEGA_OFFLINE_KNOW;
}

static BottegaOfflineVerdict
judge_hardware (const Look *look, char **found, const char **meaning)
{
  g_auto (GStrv) devices = list_permissions (look, "devices");
  gboolean only_card = *devices == NULL || (g_str_equal (devices[0], "dri") && devices[1] == NULL);

  *found = join (devices);
  if (only_card) {
    *meaning = _ ("Of the hardware Bottega may use the graphics card (dri), which computes "
                  "answers: no modem, no camera.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  *meaning = _ ("Bottega may use more hardware than the graphics card that it asks for: "
                "somebody added it.");
  return BOTTEGA_OFFLINE_KNOW;
}

static BottegaOfflineVerdict
judge_sockets (const Look *look, char **found, const char **meaning)
{
  static const char *const screen[] = { "wayland", "inherit-wayland-socket", "fallback-x11",
                                        "x11", NULL };
  g_auto (GStrv) sockets = list_permissions (look, "sockets");

  *found = join (sockets);
  for (char **socket = sockets; *socket != NULL; socket++) {
    if (!g_strv_contains (screen, *socket) && **socket != '!') {
      *meaning = _ ("One of these leads to a program that can do what Bottega may not. Bottega "
                    "does not ask for it: somebody added it.");
      return BOTTEGA_OFFLINE_BROKEN;
    }
  }
  *meaning = _ ("The only way out of the sandbox is to the screen, the keyboard and the mouse.");
  return BOTTEGA_OFFLINE_HOLDS;
}

/* Names on a bus that it may talk to; its own do not count. */
static void
add_names (const Look *look, const char *group, GStrvBuilder *names)
{
  g_auto (GStrv) keys = g_key_file_get_keys (look->sandbox, group, NULL, NULL);

  for (char **key = keys; key != NULL && *key != NULL; key++) {
    g_autofree char *policy = g_key_file_get_string (look->sandbox, group, *key, NULL);

    if (!g_str_has_prefix (*key, APP_ID) && g_strcmp0 (policy, "none") != 0)
      g_strv_builder_add (names, *key);
  }
}

static BottegaOfflineVerdict
judge_buses (const Look *look, char **found, const char **meaning)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) names = NULL;

  add_names (look, "Session Bus Policy", builder);
  add_names (look, "System Bus Policy", builder);
  names = g_strv_builder_end (builder);
  *found = join (names);
  if (*names == NULL) {
    *meaning = _ ("Bottega talks to no other program but through the desktop’s portals: the "
                  "file dialog, notifications, “open with”. Each of these acts when you ask "
                  "for it.");
    return BOTTEGA_OFFLINE_HOLDS;
  }
  *meaning = _ ("Bottega may talk to these programs, which can do what it may not. It does not "
                "ask for that: somebody added it.");
  return BOTTEGA_OFFLINE_BROKEN;
}

static BottegaOfflineVerdict
judge_no_sandbox (const Look *look, char **found, const char **meaning)
{
  *found = g_strdup (_ ("none"));
  *meaning = _ ("This Bottega was not installed as a Flatpak. The seal keeps it off the "
                "network; your files it could read as any program of yours can. It opens those "
                "that you add, and its own.");
  return BOTTEGA_OFFLINE_KNOW;
}

/* ---- the table ---- */

typedef enum {
  ALWAYS,
  INSIDE,
  OUTSIDE
} Where;

static const struct {
  const char *id, *title;
  Where where; /* of a sandbox */
  BottegaOfflineVerdict (*judge) (const Look *look, char **found, const char **meaning);
} rows[] = {
  { "try", N_ ("A connection, tried just now"), ALWAYS, judge_try },
  { "network", N_ ("The sandbox’s network"), INSIDE, judge_network },
  { "seal", N_ ("The program’s own seal"), ALWAYS, judge_seal },
  { "way-back", N_ ("No way back"), ALWAYS, judge_way_back },
  { "devices", N_ ("Network devices"), ALWAYS, judge_devices },
  { "sandbox", N_ ("Sandbox"), OUTSIDE, judge_no_sandbox },
  { "sockets", N_ ("Ways out of the sandbox"), INSIDE, judge_sockets },
  { "buses", N_ ("Other programs"), INSIDE, judge_buses },
  { "files", N_ ("Files"), INSIDE, judge_files },
  { "hardware", N_ ("Hardware"), INSIDE, judge_hardware },
};

static void
line_free (gpointer data)
{
  BottegaOfflineLine *line = data;

  g_free (line->found);
  g_free (line);
}

static GKeyFile *
read_sandbox (const BottegaOfflineFacts *facts)
{
  GKeyFile *file;

  if (facts->sandbox == NULL)
    return NULL;
  file = g_key_file_new ();
  g_key_file_load_from_data (file, facts->sandbox, (gsize) -1, G_KEY_FILE_NONE, NULL);
  return file;
}

GPtrArray *
bottega_offline_judge (const BottegaOfflineFacts *facts)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (line_free);
  g_autoptr (GKeyFile) sandbox = NULL;
  Look look = { .facts = facts };

  g_return_val_if_fail (facts != NULL, lines);

  sandbox = read_sandbox (facts);
  look.sandbox = sandbox;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    BottegaOfflineLine *line;

    if (rows[i].where == (sandbox != NULL ? OUTSIDE : INSIDE))
      continue;
    line = g_new0 (BottegaOfflineLine, 1);
    line->id = rows[i].id;
    line->title = _ (rows[i].title);
    line->verdict = rows[i].judge (&look, &line->found, &line->meaning);
    g_ptr_array_add (lines, line);
  }
  return lines;
}

BottegaOfflineVerdict
bottega_offline_sum_up (const BottegaOfflineFacts *facts, const char **heading,
                        const char **sentence)
{
  g_autoptr (GKeyFile) sandbox = NULL;
  gboolean holds;

  g_return_val_if_fail (facts != NULL, BOTTEGA_OFFLINE_BROKEN);

  sandbox = read_sandbox (facts);
  holds = is_enforced (&(Look) { facts, sandbox });
  if (heading != NULL)
    *heading =
        holds ? _ ("Bottega cannot reach any network") : _ ("Nothing stops a connection here");
  if (sentence != NULL)
    *sentence = holds
                    ? _ ("What you write and the documents you add stay on this computer. Here is "
                         "what enforces it, looked at just now.")
                    : _ ("Bottega opens no connection, but on this computer nothing enforces it. "
                         "Here is what was looked at just now.");
  return holds ? BOTTEGA_OFFLINE_HOLDS : BOTTEGA_OFFLINE_BROKEN;
}

const char *
bottega_offline_verdict_text (BottegaOfflineVerdict verdict)
{
  static const char *const texts[] = {
    [BOTTEGA_OFFLINE_HOLDS] = N_ ("holds"),
    [BOTTEGA_OFFLINE_KNOW] = N_ ("good to know"),
    [BOTTEGA_OFFLINE_BROKEN] = N_ ("does not hold"),
  };

  return _ (texts[verdict]);
}

char *
bottega_offline_to_text (const BottegaOfflineFacts *facts)
{
  g_autoptr (GPtrArray) lines = bottega_offline_judge (facts);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *date = g_date_time_format (now, "%F %H:%M %z");
  GString *text = g_string_new (NULL);
  const char *heading, *sentence;

  bottega_offline_sum_up (facts, &heading, &sentence);
  g_string_append_printf (text, "Bottega %s · %s\n%s\n%s\n", PACKAGE_VERSION, date, heading,
                          sentence);
  for (guint i = 0; i < lines->len; i++) {
    const BottegaOfflineLine *line = g_ptr_array_index (lines, i);

    g_string_append_printf (text, "\n%s: %s\n%s\n%s\n", line->title,
                            bottega_offline_verdict_text (line->verdict), line->found,
                            line->meaning);
  }
  return g_string_free (text, FALSE);
}
