/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Energy and memory pressure from a made-up /sys and /proc. */
#include "tests/app/fixture.h"

#include "app/assistant/bottega-energy.h"
#include "app/assistant/bottega-performance.h"

#define SECOND G_USEC_PER_SEC

static void
write_file (const char *root, const char *path, const char *text)
{
  g_autofree char *whole = g_build_filename (root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (whole);
  g_autoptr (GError) error = NULL;

  g_mkdir_with_parents (folder, 0700);
  g_file_set_contents (whole, text, -1, &error);
  g_assert_no_error (error);
}

#define RAPL  "sys/class/powercap/intel-rapl:0/"
#define PART  "sys/class/powercap/intel-rapl:0:0/"
#define PSYS  "sys/class/powercap/intel-rapl:1/"
#define CARD  "sys/class/hwmon/hwmon2/"
#define OTHER "sys/class/hwmon/hwmon0/"
#define BAT   "sys/class/power_supply/BAT0/"
#define MOUSE "sys/class/power_supply/hidpp_battery_0/"

static void
test_nowhere (void)
{
  char *root = fixture_make_folder ();
  g_autoptr (BottegaEnergy) energy = bottega_energy_new (root);

  bottega_energy_sample (energy, 1);
  bottega_energy_sample (energy, SECOND);
  g_assert_cmpuint (bottega_energy_get_scope (energy), ==, BOTTEGA_ENERGY_NOWHERE);
  g_assert_cmpfloat (bottega_energy_get_joules (energy, 5 * SECOND), ==, 0);
  g_assert_cmpstr (bottega_energy_scope_text (0), ==, "not measurable here");
  fixture_remove_folder (root);
}

/* Of the package alone, not of its part nor of the platform, and past the counter's end. */
static void
test_processor (void)
{
  char *root = fixture_make_folder ();
  g_autoptr (BottegaEnergy) energy = NULL;

  write_file (root, RAPL "name", "package-0\n");
  write_file (root, RAPL "energy_uj", "9000000\n");
  write_file (root, RAPL "max_energy_range_uj", "10000000\n");
  write_file (root, PART "name", "core\n");
  write_file (root, PART "energy_uj", "1\n");
  write_file (root, PSYS "name", "psys\n");
  write_file (root, PSYS "energy_uj", "1\n");
  energy = bottega_energy_new (root);
  bottega_energy_sample (energy, SECOND);
  write_file (root, RAPL "energy_uj", "2000000\n");
  write_file (root, PART "energy_uj", "900000000\n");
  bottega_energy_sample (energy, 2 * SECOND);
  g_assert_cmpuint (bottega_energy_get_scope (energy), ==, BOTTEGA_ENERGY_PROCESSOR);
  g_assert_cmpfloat_with_epsilon (bottega_energy_get_joules (energy, 2 * SECOND), 3, 1e-6);
  /* Until the next sample the power stays, for a second at most. */
  g_assert_cmpfloat_with_epsilon (bottega_energy_get_joules (energy, 2 * SECOND + SECOND / 2), 4.5,
                                  1e-6);
  g_assert_cmpfloat_with_epsilon (bottega_energy_get_joules (energy, 9 * SECOND), 6, 1e-6);
  fixture_remove_folder (root);
}

static void
test_card (void)
{
  char *root = fixture_make_folder ();
  g_autoptr (BottegaEnergy) energy = NULL;

  write_file (root, OTHER "name", "nvme\n");
  write_file (root, OTHER "power1_input", "5000000\n");
  write_file (root, CARD "name", "amdgpu\n");
  write_file (root, CARD "power1_average", "150000000\n");
  energy = bottega_energy_new (root);
  for (gint64 quarter = 4; quarter <= 12; quarter++)
    bottega_energy_sample (energy, quarter * SECOND / 4);
  g_assert_cmpuint (bottega_energy_get_scope (energy), ==, BOTTEGA_ENERGY_CARD);
  g_assert_cmpfloat_with_epsilon (bottega_energy_get_joules (energy, 3 * SECOND), 300, 1e-6);
  fixture_remove_folder (root);
}

/* A battery is of the whole computer, while it gives anything. */
static void
test_battery (void)
{
  char *root = fixture_make_folder ();
  g_autoptr (BottegaEnergy) energy = NULL;

  write_file (root, CARD "name", "amdgpu\n");
  write_file (root, CARD "power1_average", "4000000\n");
  write_file (root, MOUSE "type", "Battery\n");
  write_file (root, MOUSE "scope", "Device\n");
  write_file (root, MOUSE "status", "Discharging\n");
  write_file (root, MOUSE "power_now", "99000000\n");
  write_file (root, BAT "type", "Battery\n");
  write_file (root, BAT "status", "Discharging\n");
  write_file (root, BAT "current_now", "1000000\n");
  write_file (root, BAT "voltage_now", "12000000\n");
  energy = bottega_energy_new (root);
  bottega_energy_sample (energy, SECOND);
  bottega_energy_sample (energy, 2 * SECOND);
  g_assert_cmpuint (bottega_energy_get_scope (energy), ==, BOTTEGA_ENERGY_COMPUTER);
  g_assert_cmpfloat_with_epsilon (bottega_energy_get_joules (energy, 2 * SECOND), 12, 1e-6);

  write_file (root, BAT "status", "Charging\n");
  bottega_energy_sample (energy, 3 * SECOND);
  g_assert_cmpuint (bottega_energy_get_scope (energy), ==, BOTTEGA_ENERGY_CARD);
  g_assert_cmpfloat_with_epsilon (bottega_energy_get_joules (energy, 3 * SECOND), 16, 1e-6);
  fixture_remove_folder (root);
}

/* ---- an answer between two readings ---- */

static void
on_sampled (BottegaPerformance *performance, gboolean *sampled)
{
  *sampled = TRUE;
}

static void
write_machine (const char *root)
{
  write_file (root, CARD "name", "amdgpu\n");
  write_file (root, CARD "power1_average", "100000000\n");
  write_file (root, "proc/pressure/memory",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n"
              "full avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n");
  write_file (root, "proc/self/status", "Name:\tx\nVmRSS:\t    2000 kB\n");
  write_file (root, "proc/meminfo", "MemTotal:  10000 kB\nMemFree: 1 kB\nMemAvailable:  3000 kB\n");
}

static void
test_answer (void)
{
  char *root = fixture_make_folder ();
  const BottegaReplayOptions options = { .text = "" };
  g_autoptr (BottegaEngineSource) source = bottega_replay_source_new (&options);
  g_autoptr (BottegaPerformance) performance = NULL;
  const EngineStats stats = { .written_tokens = 100, .decode_tok_s = 20 };
  const BottegaLoaded loaded = {
    .device = (char *) "cpu",
    .decode_bytes = 5000,
    .load_bytes = 3000,
    .load_s = 2,
  };
  BottegaPerformanceMark mark;
  BottegaAnswerFacts facts = { 0 };
  gboolean sampled = FALSE;

  write_machine (root);
  performance = bottega_performance_new (source, root, root);
  g_signal_connect (performance, "sampled", G_CALLBACK (on_sampled), &sampled);
  bottega_performance_set_loaded (performance, "/model", &loaded);
  bottega_performance_begin (performance, &mark);
  fixture_wait_flag (&sampled);
  sampled = FALSE;
  fixture_wait_flag (&sampled);
  write_file (root, "proc/pressure/memory", "some avg10=9.00 total=3500000\n");
  bottega_performance_end (performance, &mark, &stats, &facts);
  g_assert_cmpfloat_with_epsilon (facts.stall_s, 2.5, 1e-6);
  g_assert_cmpuint (facts.ram_bytes, ==, 2000 * 1024);
  g_assert_cmpfloat (facts.energy_j, >, 10); /* 100 W for a quarter of a second at least */
  g_assert_cmpfloat (facts.energy_j, <, 2000);
  g_assert_cmpuint (facts.decode_bytes, ==, 5000);
  g_assert_cmpfloat (facts.usual_tok_s, ==, 0);
  g_assert_cmpfloat (facts.peak_bytes_s, ==, 1000); /* the replay's */
  {
    const BottegaMemorySample *sample =
        &g_array_index (bottega_performance_get_samples (performance), BottegaMemorySample, 0);

    g_assert_cmpuint (sample->ram_total_bytes, ==, 10000 * 1024);
    g_assert_cmpuint (sample->ram_others_bytes, ==, 5000 * 1024);
  }

  /* The best so far is what the next answer is held against, after a restart too. */
  bottega_performance_shutdown (performance);
  g_clear_object (&performance);
  performance = bottega_performance_new (source, root, root);
  bottega_performance_set_loaded (performance, "/model", &loaded);
  bottega_performance_begin (performance, &mark);
  bottega_performance_end (performance, &mark, &stats, &facts);
  g_assert_cmpfloat (facts.usual_tok_s, ==, 20);
  g_assert_cmpfloat (facts.usual_load_bytes_s, ==, 1500);
  g_assert_cmpfloat (facts.peak_bytes_s, ==, 1000);
  bottega_performance_shutdown (performance);
  fixture_remove_folder (root);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/energy/nowhere", test_nowhere);
  g_test_add_func ("/energy/processor", test_processor);
  g_test_add_func ("/energy/card", test_card);
  g_test_add_func ("/energy/battery", test_battery);
  g_test_add_func ("/energy/answer", test_answer);

  return g_test_run ();
}
