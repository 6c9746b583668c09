/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the way to other programs, and what is said when none opens a file or an address: what the
 * desktop gives as the reason is for the log. It knows no widget.
 *
 * A program that is started from here is as sealed as this process is, which a browser can do
 * nothing with: the desktop's portal is asked to start it. Inside of Flatpak GTK does so itself. */
#define G_LOG_DOMAIN "bottega-launch"

#include "config.h"

#include "app/assistant/bottega-seal.h"
#include "app/ui/bottega-launch.h"
#include "app/ui/bottega-portal.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>
#include <unistd.h>

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

/* ---- the portal ---- */

#define PORTAL_INTERFACE "org.freedesktop.portal.OpenURI"

static void
portal_cb (GObject *source,
           GAsyncResult *result,
           gpointer user_data)
{
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (
      G_DBUS_CONNECTION (source), NULL, result, &error);

  finish (user_data, error);
}

/* files NULL: none goes with it. Takes arguments if it is floating. */
static void
ask_portal (Launch *launch,
            const char *method,
            GVariant *arguments,
            GUnixFDList *files)
{
  GDBusConnection *bus = bottega_portal_get_bus ();

  g_variant_ref_sink (arguments);
  if (bus != NULL)
    g_dbus_connection_call_with_unix_fd_list (bus, BOTTEGA_PORTAL_NAME, BOTTEGA_PORTAL_PATH,
                                              PORTAL_INTERFACE, method, arguments, NULL,
                                              G_DBUS_CALL_FLAGS_NONE, -1, files, NULL, portal_cb,
                                              launch);
  else
    finish (launch, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                                         "there is no session bus"));
  g_variant_unref (arguments);
}

static void
ask_portal_for_file (Launch *launch,
                     const char *path)
{
  g_autoptr (GUnixFDList) files = g_unix_fd_list_new ();
  GError *error = NULL;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd >= 0 && g_unix_fd_list_append (files, fd, &error) >= 0)
    ask_portal (launch, "OpenFile", g_variant_new ("(sha{sv})", "", 0, NULL), files);
  else
    finish (launch, error != NULL ? error
                                  : g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                                                         g_strerror (errno)));
  if (fd >= 0)
    close (fd);
}

static gboolean
must_ask_portal (void)
{
  return bottega_seal_get () == BOTTEGA_SEAL_CLOSED &&
         !bottega_portal_is_sandboxed ();
}

/* ---- GTK ---- */

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
  /* TRANSLATORS: %s is the name of a file. */
  Launch *launch = launch_new (widget, g_strdup_printf (_ ("No program opened “%s”"), name));

  if (must_ask_portal ())
    ask_portal_for_file (launch, path);
  else
    gtk_file_launcher_launch (launcher, window_of (widget), NULL, file_cb, launch);
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
  /* TRANSLATORS: %s is the address of a page. */
  Launch *launch = launch_new (widget, g_strdup_printf (_ ("No browser opened %s"), address));

  if (must_ask_portal ())
    ask_portal (launch, "OpenURI", g_variant_new ("(ssa{sv})", "", address, NULL), NULL);
  else
    gtk_uri_launcher_launch (launcher, window_of (widget), NULL, address_cb, launch);
}
