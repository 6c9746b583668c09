/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program bottega: gives the network up, sets the language and runs the application. Must not
 * know anything else. */
#include "config.h"

#include "app/assistant/bottega-seal.h"
#include "app/ui/bottega-application.h"

#include <glib/gi18n.h>
#include <locale.h>

int
main (int argc,
      char *argv[])
{
  g_autoptr (BottegaApplication) application = NULL;

  bottega_seal_close (g_getenv ("WAYLAND_DISPLAY") == NULL ? g_getenv ("DISPLAY") : NULL);
  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  application = bottega_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}
