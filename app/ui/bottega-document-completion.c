/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the list of documents that @name may mean, and finding @name before the cursor. Must not
 * know what becomes of the document. */
#define G_LOG_DOMAIN "bottega-document-completion"

#include "config.h"

#include "app/ui/bottega-document-completion.h"

#include <glib/gi18n.h>

#define MAX_ROWS    6
#define MAX_CHARS   40 /* of a name */
#define TITLE_CHARS 40

struct _BottegaDocumentCompletion {
  GtkPopover parent_instance;

  GtkListBox *list;

  GtkTextView *view; /* holds this */
  BottegaLibrary *library;
  gboolean choosing;
};

static guint chosen_signal;

G_DEFINE_FINAL_TYPE (BottegaDocumentCompletion, bottega_document_completion, GTK_TYPE_POPOVER)

/* From @ to the cursor; FALSE: the cursor is not in such a name. */
static gboolean
find_name (BottegaDocumentCompletion *self,
           GtkTextIter *start,
           GtkTextIter *end)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->view);

  gtk_text_buffer_get_iter_at_mark (buffer, end, gtk_text_buffer_get_insert (buffer));
  *start = *end;
  for (guint i = 0; i < MAX_CHARS && gtk_text_iter_backward_char (start); i++) {
    gunichar c = gtk_text_iter_get_char (start);
    GtkTextIter before = *start;

    if (g_unichar_isspace (c))
      return FALSE;
    /* The @ of an address has letters before it. */
    if (c == '@')
      return !gtk_text_iter_backward_char (&before) ||
             g_unichar_isspace (gtk_text_iter_get_char (&before));
  }
  return FALSE;
}

static GtkWidget *
row_new (BottegaDocumentItem *item)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 9);
  GtkWidget *label = gtk_label_new (bottega_document_item_get_title (item));
  GtkWidget *icon = gtk_image_new_from_icon_name (bottega_document_item_get_icon_name (item));

  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), TITLE_CHARS);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_box_append (GTK_BOX (box), icon);
  gtk_box_append (GTK_BOX (box), label);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  bottega_document_item_get_title (item), -1);
  g_object_set_data_full (G_OBJECT (row), "document", g_object_ref (item), g_object_unref);
  return row;
}

static void
point_at (BottegaDocumentCompletion *self,
          const GtkTextIter *start)
{
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));
  GdkRectangle at;
  graphene_point_t point;
  int x, y;

  gtk_text_view_get_iter_location (self->view, start, &at);
  gtk_text_view_buffer_to_window_coords (self->view, GTK_TEXT_WINDOW_WIDGET, at.x, at.y, &x, &y);
  if (gtk_widget_compute_point (GTK_WIDGET (self->view), parent,
                                &GRAPHENE_POINT_INIT ((float) x, (float) y), &point))
    gtk_popover_set_pointing_to (
        GTK_POPOVER (self), &(GdkRectangle) { (int) point.x, (int) point.y, 1, at.height });
}

/* The name selected in the list is read out: the focus stays in the text. */
static void
announce (BottegaDocumentCompletion *self)
{
  GtkListBoxRow *row = gtk_list_box_get_selected_row (self->list);

  if (row != NULL)
    gtk_accessible_announce (
        GTK_ACCESSIBLE (self->view),
        bottega_document_item_get_title (g_object_get_data (G_OBJECT (row), "document")),
        GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
}

static void
update_cb (BottegaDocumentCompletion *self)
{
  g_autoptr (GPtrArray) found = NULL;
  g_autofree char *name = NULL;
  GtkTextIter start, end, after;

  g_assert (BOTTEGA_IS_DOCUMENT_COMPLETION (self));

  if (self->choosing)
    return;
  if (self->library != NULL && find_name (self, &start, &end)) {
    after = start;
    gtk_text_iter_forward_char (&after);
    name = gtk_text_iter_get_text (&after, &end);
    found = bottega_library_complete (self->library, name, MAX_ROWS);
  }
  if (found == NULL || found->len == 0) {
    gtk_popover_popdown (GTK_POPOVER (self));
    return;
  }
  gtk_list_box_remove_all (self->list);
  for (guint i = 0; i < found->len; i++)
    gtk_list_box_append (self->list, row_new (found->pdata[i]));
  gtk_list_box_select_row (self->list, gtk_list_box_get_row_at_index (self->list, 0));
  point_at (self, &start);
  gtk_popover_popup (GTK_POPOVER (self));
  announce (self);
}

static void
choose (BottegaDocumentCompletion *self,
        GtkListBoxRow *row)
{
  g_autoptr (BottegaDocumentItem) item =
      g_object_ref (g_object_get_data (G_OBJECT (row), "document"));
  GtkTextIter start, end;

  gtk_popover_popdown (GTK_POPOVER (self));
  self->choosing = TRUE;
  if (find_name (self, &start, &end))
    gtk_text_buffer_delete (gtk_text_view_get_buffer (self->view), &start, &end);
  self->choosing = FALSE;
  g_signal_emit (self, chosen_signal, 0, item);
}

static void
activated_cb (BottegaDocumentCompletion *self,
              GtkListBoxRow *row)
{
  g_assert (BOTTEGA_IS_DOCUMENT_COMPLETION (self));

  choose (self, row);
  gtk_widget_grab_focus (GTK_WIDGET (self->view));
}

gboolean
bottega_document_completion_take_key (BottegaDocumentCompletion *self,
                                      guint key)
{
  GtkListBoxRow *row;
  int at;

  g_return_val_if_fail (BOTTEGA_IS_DOCUMENT_COMPLETION (self), FALSE);

  row = gtk_list_box_get_selected_row (self->list);
  if (!gtk_widget_get_visible (GTK_WIDGET (self)) || row == NULL)
    return FALSE;
  at = gtk_list_box_row_get_index (row);
  switch (key) {
  case GDK_KEY_Up:
  case GDK_KEY_Down:
    row = gtk_list_box_get_row_at_index (self->list, key == GDK_KEY_Up ? at - 1 : at + 1);
    if (row != NULL)
      gtk_list_box_select_row (self->list, row);
    announce (self);
    return TRUE;
  case GDK_KEY_Return:
  case GDK_KEY_KP_Enter:
  case GDK_KEY_Tab:
    choose (self, row);
    return TRUE;
  case GDK_KEY_Escape:
    gtk_popover_popdown (GTK_POPOVER (self));
    return TRUE;
  default:
    return FALSE;
  }
}

static void
bottega_document_completion_dispose (GObject *object)
{
  g_clear_object (&BOTTEGA_DOCUMENT_COMPLETION (object)->library);
  G_OBJECT_CLASS (bottega_document_completion_parent_class)->dispose (object);
}

static void
bottega_document_completion_class_init (BottegaDocumentCompletionClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bottega_document_completion_dispose;
  chosen_signal = g_signal_new ("chosen", BOTTEGA_TYPE_DOCUMENT_COMPLETION, G_SIGNAL_RUN_LAST, 0,
                                NULL, NULL, NULL, G_TYPE_NONE, 1, BOTTEGA_TYPE_DOCUMENT_ITEM);
}

static void
bottega_document_completion_init (BottegaDocumentCompletion *self)
{
  self->list = GTK_LIST_BOX (gtk_list_box_new ());
  gtk_list_box_set_selection_mode (self->list, GTK_SELECTION_BROWSE);
  gtk_widget_add_css_class (GTK_WIDGET (self->list), "navigation-sidebar");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Documents to ask in"), -1);
  g_signal_connect_object (self->list, "row-activated", G_CALLBACK (activated_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_popover_set_child (GTK_POPOVER (self), GTK_WIDGET (self->list));
  /* The focus stays in the text. */
  gtk_popover_set_autohide (GTK_POPOVER (self), FALSE);
  gtk_popover_set_has_arrow (GTK_POPOVER (self), FALSE);
  gtk_popover_set_position (GTK_POPOVER (self), GTK_POS_TOP);
  gtk_widget_set_halign (GTK_WIDGET (self), GTK_ALIGN_START);
  gtk_popover_set_offset (GTK_POPOVER (self), 0, -6);
}

GtkWidget *
bottega_document_completion_new (GtkTextView *view)
{
  BottegaDocumentCompletion *self = g_object_new (BOTTEGA_TYPE_DOCUMENT_COMPLETION, NULL);
  GtkEventController *focus = gtk_event_controller_focus_new ();

  g_return_val_if_fail (GTK_IS_TEXT_VIEW (view), NULL);

  self->view = view;
  g_signal_connect_object (gtk_text_view_get_buffer (view), "changed", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  g_signal_connect_object (focus, "leave", G_CALLBACK (gtk_popover_popdown), self,
                           G_CONNECT_SWAPPED);
  gtk_widget_add_controller (GTK_WIDGET (view), focus);
  return GTK_WIDGET (self);
}

void
bottega_document_completion_set_library (BottegaDocumentCompletion *self,
                                         BottegaLibrary *library)
{
  g_return_if_fail (BOTTEGA_IS_DOCUMENT_COMPLETION (self));

  g_set_object (&self->library, library);
}
