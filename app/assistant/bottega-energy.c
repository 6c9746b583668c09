/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds the sensors below /sys and adds up what they say. It must not know what the energy was used
 * for. Formats: the kernel's Documentation/power/powercap, hwmon/sysfs-interface and
 * ABI/testing/sysfs-class-power. */
#define G_LOG_DOMAIN "bottega-energy"
#include "config.h"

#include "app/assistant/bottega-energy.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define MOST_AHEAD_US G_USEC_PER_SEC

typedef struct {
  char *path;          /* of the file with the number */
  gboolean is_counter; /* microjoules so far; else microwatts now */
  guint scope;         /* BottegaEnergyScope */
  double wraps_uj;     /* where a counter begins anew; 0: not known */
  double last_uj;      /* of a counter */
  gboolean has_last;
} Sensor;

struct _BottegaEnergy {
  GArray *sensors;      /* of Sensor */
  GPtrArray *batteries; /* of char *: their folders */
  double joules, watts;
  gint64 last_us; /* 0: no sample yet */
  guint scope;
};

/* FALSE: it is not there, or must not be read. */
static gboolean
read_number (const char *folder, const char *name, double *number)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  char *end;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  *number = g_ascii_strtod (text, &end);

  return end != text;
}

/* Without its newline; NULL: as above. */
static char *
read_text (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? g_strchomp (text) : NULL;
}

static gboolean
has_text (const char *folder, const char *name, const char *wanted)
{
  g_autofree char *text = read_text (folder, name);

  return g_strcmp0 (text, wanted) == 0;
}

/* ---- looking for them ---- */

typedef void (*Found) (BottegaEnergy *self, const char *folder, const char *name);

static void
each_folder (BottegaEnergy *self, const char *root, const char *class_path, Found found)
{
  g_autofree char *parent = g_build_filename (root, class_path, NULL);
  g_autoptr (GDir) dir = g_dir_open (parent, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *folder = g_build_filename (parent, name, NULL);

    found (self, folder, name);
  }
}

static gboolean
add_sensor (BottegaEnergy *self, const char *folder, const char *name, gboolean is_counter,
            guint scope)
{
  Sensor sensor = { .is_counter = is_counter, .scope = scope };
  double number;

  if (!read_number (folder, name, &number))
    return FALSE;
  if (is_counter)
    read_number (folder, "max_energy_range_uj", &sensor.wraps_uj);
  sensor.path = g_build_filename (folder, name, NULL);
  g_array_append_val (self->sensors, sensor);

  return TRUE;
}

/* "intel-rapl:0" is a package, AMD's too; "intel-rapl:0:0" a part of it. Of the "psys" of some
 * laptops the packages are a part in turn. */
static void
found_powercap (BottegaEnergy *self, const char *folder, const char *name)
{
  const char *colon = strchr (name, ':');

  if (g_str_has_prefix (name, "intel-rapl:") && strchr (colon + 1, ':') == NULL &&
      !has_text (folder, "name", "psys"))
    add_sensor (self, folder, "energy_uj", TRUE, BOTTEGA_ENERGY_PROCESSOR);
}

/* Graphics drivers, and in what they say it, the best first. */
static void
found_hwmon (BottegaEnergy *self, const char *folder, const char *name)
{
  static const char *const drivers[] = { "amdgpu", "i915", "xe", "nouveau", NULL };
  static const struct {
    const char *name;
    gboolean is_counter;
  } files[] = {
    { "energy1_input", TRUE },
    { "power1_average", FALSE },
    { "power1_input", FALSE },
  };
  g_autofree char *driver = read_text (folder, "name");

  if (driver == NULL || !g_strv_contains (drivers, driver))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    if (add_sensor (self, folder, files[i].name, files[i].is_counter, BOTTEGA_ENERGY_CARD))
      return;
}

/* Not those of a mouse. */
static void
found_supply (BottegaEnergy *self, const char *folder, const char *name)
{
  if (has_text (folder, "type", "Battery") && !has_text (folder, "scope", "Device"))
    g_ptr_array_add (self->batteries, g_strdup (folder));
}

static void
sensor_clear (gpointer data)
{
  g_free (((Sensor *) data)->path);
}

BottegaEnergy *
bottega_energy_new (const char *root)
{
  BottegaEnergy *self = g_new0 (BottegaEnergy, 1);

  self->sensors = g_array_new (FALSE, FALSE, sizeof (Sensor));
  g_array_set_clear_func (self->sensors, sensor_clear);
  self->batteries = g_ptr_array_new_with_free_func (g_free);
  each_folder (self, root, "sys/class/powercap", found_powercap);
  each_folder (self, root, "sys/class/hwmon", found_hwmon);
  each_folder (self, root, "sys/class/power_supply", found_supply);

  return self;
}

void
bottega_energy_free (BottegaEnergy *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->sensors);
  g_ptr_array_unref (self->batteries);
  g_free (self);
}

/* ---- reading them ---- */

/* Watts that the batteries give together; 0: none does. */
static double
battery_watts (BottegaEnergy *self)
{
  double watts = 0;

  for (guint i = 0; i < self->batteries->len; i++) {
    const char *folder = g_ptr_array_index (self->batteries, i);
    double power_uw, current_ua, voltage_uv;

    if (!has_text (folder, "status", "Discharging"))
      continue;
    if (read_number (folder, "power_now", &power_uw))
      watts += ABS (power_uw) / 1e6;
    else if (read_number (folder, "current_now", &current_ua) &&
             read_number (folder, "voltage_now", &voltage_uv))
      watts += ABS (current_ua) / 1e6 * voltage_uv / 1e6;
  }

  return watts;
}

/* Joules since the sample before. */
static double
sensor_joules (Sensor *sensor, double seconds, guint *scope)
{
  double number, more_uj;

  if (!read_number (sensor->path, NULL, &number))
    return 0;
  *scope |= sensor->scope;
  if (!sensor->is_counter)
    return number / 1e6 * seconds;
  more_uj = number - sensor->last_uj;
  if (more_uj < 0)
    more_uj = sensor->wraps_uj > 0 ? more_uj + sensor->wraps_uj : 0;
  sensor->last_uj = number;
  if (!sensor->has_last) {
    sensor->has_last = TRUE;
    return 0;
  }

  return more_uj / 1e6;
}

void
bottega_energy_sample (BottegaEnergy *self, gint64 now_us)
{
  double seconds = self->last_us > 0 ? (double) (now_us - self->last_us) / 1e6 : 0;
  double battery = battery_watts (self), joules = 0;
  guint scope = 0;

  for (guint i = 0; i < self->sensors->len; i++)
    joules += sensor_joules (&g_array_index (self->sensors, Sensor, i), seconds, &scope);
  if (battery > 0) { /* they are a part of it */
    scope = BOTTEGA_ENERGY_COMPUTER;
    joules = battery * seconds;
  }
  self->scope = scope;
  self->joules += joules;
  if (seconds > 0)
    self->watts = joules / seconds;
  self->last_us = now_us;
}

double
bottega_energy_get_joules (const BottegaEnergy *self, gint64 now_us)
{
  gint64 ahead_us = self->last_us > 0 ? CLAMP (now_us - self->last_us, 0, MOST_AHEAD_US) : 0;

  return self->joules + self->watts * (double) ahead_us / 1e6;
}

guint
bottega_energy_get_scope (const BottegaEnergy *self)
{
  return self->scope;
}

const char *
bottega_energy_scope_text (guint scope)
{
  static const char *const texts[] = {
    [BOTTEGA_ENERGY_NOWHERE] = N_ ("not measurable here"),
    [BOTTEGA_ENERGY_PROCESSOR] = N_ ("of the processor"),
    [BOTTEGA_ENERGY_CARD] = N_ ("of the graphics card"),
    [BOTTEGA_ENERGY_PROCESSOR |
        BOTTEGA_ENERGY_CARD] =
        N_ ("of the processor and the graphics card"),
    [BOTTEGA_ENERGY_COMPUTER] = N_ ("of the whole computer"),
  };

  return _ (texts[MIN (scope, BOTTEGA_ENERGY_COMPUTER)]);
}
