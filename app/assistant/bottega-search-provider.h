/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaSearchProvider: what GNOME Shell asks on the session bus (org.gnome.Shell.SearchProvider2)
 * about conversations and documents. Only the space that was open last is searched: what is in the
 * others stays there. No model, no window; main thread, the disk on another.
 *
 * Signals: what the person chose, with the application to be shown:
 *   "conversation" (const char *space, const char *id)
 *   "document" (const char *space, gint64 id)
 *   "search" (const char *query): the whole list
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SEARCH_PROVIDER (bottega_search_provider_get_type ())
G_DECLARE_FINAL_TYPE (BottegaSearchProvider, bottega_search_provider, BOTTEGA, SEARCH_PROVIDER,
                      GObject)

/* The application (borrowed) is held while an answer is on its way. data_dir NULL: the person's
 * own. */
BottegaSearchProvider *bottega_search_provider_new (GApplication *application,
                                                    const char *data_dir);

gboolean bottega_search_provider_export (BottegaSearchProvider *self, GDBusConnection *bus,
                                         const char *path, GError **error);
void bottega_search_provider_unexport (BottegaSearchProvider *self);

G_END_DECLS
