/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what is said when no other program opens a file or an address: what the desktop gives as the
 * reason is for the log. It knows no widget. */
#define G_LOG_DOMAIN "bottega-launch"

#include "config.h"

#include "app/ui/bottega-launch.h"

#include <glib/gi18n.h>

typedef struct {
  GtkWidget *widget;
  char *failed; /* the sentence */
} Launch;

static Launch *
launch_new (GtkWidget *widget,
            char *failed)
{
  Launch *launch = g_new (Launch, 1);

  *launch = (Launch) { g_object_ref (widget), failed };
  return launch;
}

static GtkWindow *
window_of (GtkWidget *widget)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  return GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL;
}

static void
finish (Launch *launch,
        GError *error)
{
  if (error != NULL && !g_error_matches (error, GTK_DIALOG_ERROR, GTK_DIALOG_ERROR_DISMISSED)) {
    g_message ("%s: %s", launch->failed, error->message);
    gtk_widget_activate_action (launch->widget, "win.say", "s", launch->failed);
  }
  g_clear_error (&error);
  g_object_unref (launch->widget);
  g_free (launch->failed);
  g_free (launch);
}

static void
file_cb (GObject *source,
         GAsyncResult *result,
         gpointer user_data)
{
  GError *error = NULL;

  gtk_file_launcher_launch_finish (GTK_FILE_LAUNCHER (source), result, &error);
  finish (user_data, error);
}

static void
folder_cb (GObject *source,
           GAsyncResult *result,
           gpointer user_data)
{
  GError *error = NULL;

  gtk_file_launcher_open_containing_folder_finish (GTK_FILE_LAUNCHER (source), result, &error);
  finish (user_data, error);
}

static void
address_cb (GObject *source,
            GAsyncResult *result,
            gpointer user_data)
{
  GError *error = NULL;

  gtk_uri_launcher_launch_finish (GTK_URI_LAUNCHER (source), result, &error);
  finish (user_data, error);
}

void
bottega_launch_file (GtkWidget *widget,
                     const char *path)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GtkFileLauncher) launcher = gtk_file_launcher_new (file);
  g_autofree char *name = g_path_get_basename (path);

  gtk_file_launcher_launch (launcher, window_of (widget), NULL, file_cb,
                            /* TRANSLATORS: %s is the name of a file. */
                            launch_new (widget, g_strdup_printf (_ ("No program opened “%s”"),
                                                                 name)));
}

void
bottega_launch_folder (GtkWidget *widget,
                       const char *path)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GtkFileLauncher) launcher = gtk_file_launcher_new (file);
  g_autofree char *folder = g_path_get_dirname (path);

  gtk_file_launcher_open_containing_folder (
      launcher, window_of (widget), NULL, folder_cb,
      /* TRANSLATORS: %s is the path of a folder. */
      launch_new (widget, g_strdup_printf (_ ("No file manager showed %s"), folder)));
}

void
bottega_launch_address (GtkWidget *widget,
                        const char *address)
{
  g_autoptr (GtkUriLauncher) launcher = gtk_uri_launcher_new (address);

  gtk_uri_launcher_launch (launcher, window_of (widget), NULL, address_cb,
                           /* TRANSLATORS: %s is the address of a page. */
                           launch_new (widget, g_strdup_printf (_ ("No browser opened %s"),
                                                                address)));
}
