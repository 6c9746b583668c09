/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers whose limit is made outside of the program: a disk that gives its file slowly, power that
 * the computer saves. Our engine reads the one, the desktop's own bus tells of the other; the
 * verdict must come of what the app itself saw. */
#include "app/assistant/bottega-diagnosis.h"
#include "app/assistant/bottega-local-source.h"
#include "tests/app/fixture.h"
#include "tests/engine/split/models.h"

#include <glib/gstdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a disk ---- */

static gint disk_bytes_s; /* 0: as quick as it is */

/* What the engine reads models by. */
ssize_t
pread (int file, void *buffer, size_t bytes, off_t offset)
{
  ssize_t n = syscall (SYS_pread64, file, buffer, bytes, offset);
  gint bytes_s = g_atomic_int_get (&disk_bytes_s);

  if (n > 0 && bytes_s > 0)
    usleep ((useconds_t) ((double) n / bytes_s * 1e6));
  return n;
}

static void
assert_verdict (BottegaMessage *answer, const char *verdict, double least_s)
{
  g_autofree char *sentence = NULL;
  BottegaDiagnosis diagnosis;

  g_assert_true (bottega_message_diagnose (answer, &diagnosis));
  sentence = bottega_diagnosis_sentence (&diagnosis);
  g_test_message ("%.2f of %.2f s: %s", diagnosis.seconds[diagnosis.verdict], diagnosis.total_s,
                  sentence);
  g_assert_cmpstr (bottega_diagnosis_get_id (&diagnosis), ==, verdict);
  g_assert_cmpfloat (diagnosis.seconds[diagnosis.verdict], >=, least_s);
}

static gboolean
is_loading (gpointer assistant)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (assistant);

  return bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_LOADING &&
         fixture_is_listed (assistant);
}

/* A question at the start, which waits for the model. */
static void
check_disk (const char *folder, gint bytes_s)
{
  g_autofree char *cache = g_build_filename (folder, "cache", NULL);
  g_autoptr (BottegaEngineSource) source = bottega_local_source_new (cache);
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  g_autoptr (BottegaConversation) conversation = NULL;
  BottegaAssistant *assistant;

  g_object_set (settings, "device", "cpu", "context-length", 512, "max-answer-tokens", 8, NULL);
  g_atomic_int_set (&disk_bytes_s, bytes_s);
  assistant = bottega_assistant_new (folder, source, settings);
  bottega_assistant_start (assistant);
  fixture_wait (is_loading, assistant);
  conversation = fixture_create (assistant);
  assert_verdict (fixture_ask (conversation, "Who asked for the long saw?"), "disk", 1);
  g_atomic_int_set (&disk_bytes_s, 0);
  g_clear_object (&conversation);
  bottega_assistant_shutdown (assistant);
  g_assert_finalize_object (assistant);
}

static void
test_slow_disk (void)
{
  char *folder = fixture_make_folder ();
  g_autofree char *models = g_build_filename (folder, "models", NULL);
  g_autofree char *model = g_build_filename (models, "tiny.gguf", NULL);
  GStatBuf file;

  g_assert_cmpint (g_mkdir (models, 0700), ==, 0);
  tiny_write_sure (model, TINY_LLAMA, 3);
  g_assert_cmpint (g_stat (model, &file), ==, 0);
  g_test_message ("%" G_GINT64_FORMAT " bytes", (gint64) file.st_size);
  check_disk (folder, (gint) file.st_size / 2); /* all of it in two seconds */
  fixture_remove_folder (folder);
}

/* ---- power ---- */

#define PROFILES_NAME "org.freedesktop.UPower.PowerProfiles"
#define PROFILES_PATH "/org/freedesktop/UPower/PowerProfiles"

static const char *profile = "balanced";

static GVariant *
get_property (GDBusConnection *bus, const char *sender, const char *path, const char *interface,
              const char *property, GError **error, gpointer data)
{
  return g_variant_new_string (profile);
}

/* What power-profiles-daemon publishes, as far as it is asked for. */
static void
publish_profiles (GDBusConnection *bus)
{
  static const GDBusInterfaceVTable vtable = { .get_property = get_property };
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (
      "<node><interface name='" PROFILES_NAME "'>"
      "<property name='ActiveProfile' type='s' access='read'/></interface></node>",
      NULL);

  g_assert_cmpuint (g_dbus_connection_register_object (bus, PROFILES_PATH, node->interfaces[0],
                                                       &vtable, NULL, NULL, NULL),
                    >, 0);
  g_bus_own_name_on_connection (bus, PROFILES_NAME, G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL, NULL,
                                NULL);
}

static void
set_profile (GDBusConnection *bus, const char *name)
{
  GVariantDict changed;

  profile = name;
  g_variant_dict_init (&changed, NULL);
  g_variant_dict_insert (&changed, "ActiveProfile", "s", profile);
  g_assert_true (g_dbus_connection_emit_signal (
      bus, NULL, PROFILES_PATH, "org.freedesktop.DBus.Properties", "PropertiesChanged",
      g_variant_new ("(s@a{sv}as)", PROFILES_NAME, g_variant_dict_end (&changed), NULL), NULL));
}

static gboolean
is_saving (gpointer monitor)
{
  return g_power_profile_monitor_get_power_saver_enabled (monitor);
}

static gboolean
is_not_saving (gpointer monitor)
{
  return !is_saving (monitor);
}

/* An answer at the usual speed; then power is saved, and the next one is a third as fast. */
static void
test_low_power (void)
{
  const BottegaReplayOptions usual = { .text = "One two three four five six seven eight nine ten "
                                               "eleven twelve thirteen fourteen fifteen sixteen "
                                               "seventeen eighteen nineteen twenty and one more.",
                                       .tokens_per_s = 60 };
  BottegaReplayOptions slow = usual;
  g_autoptr (GDBusConnection) bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, NULL);
  g_autoptr (GPowerProfileMonitor) monitor = NULL;
  BottegaConversation *conversation;
  Fixture fixture = { 0 };

  g_assert_nonnull (bus);
  publish_profiles (bus);
  monitor = g_power_profile_monitor_dup_default ();
  fixture_wait (is_not_saving, monitor);
  fixture_set_up (&fixture, &usual);
  conversation = fixture_create (fixture.assistant);
  assert_verdict (fixture_ask (conversation, "Count."), "writing", 0.2);
  g_object_unref (conversation);

  slow.tokens_per_s = 20;
  fixture_reopen (&fixture, &slow);
  set_profile (bus, "power-saver");
  fixture_wait (is_saving, monitor);
  conversation = fixture_create (fixture.assistant);
  assert_verdict (fixture_ask (conversation, "Count."), "power-saver", 0.4);
  g_object_unref (conversation);
  fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  GTestDBus *bus;
  int status;

  g_test_init (&argc, &argv, NULL);
  bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (bus);
  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address (bus), TRUE);
  g_test_add_func ("/staged/slow-disk", test_slow_disk);
  g_test_add_func ("/staged/low-power", test_low_power);
  status = fixture_run_with_trash ();
  g_test_dbus_stop (bus);
  g_object_unref (bus);

  return status;
}
