/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns which passage is shown and the pages that were drawn for it. Must not know how a page is
 * drawn or how passages are found. */
#define G_LOG_DOMAIN "bottega-sources-pane"

#include "config.h"

#include "app/ui/bottega-launch.h"
#include "app/ui/bottega-page-view.h"
#include "app/ui/bottega-source-name.h"
#include "app/ui/bottega-source-row.h"
#include "app/ui/bottega-sources-pane.h"

#include <glib/gi18n.h>
#include <string.h>

/* Going back and forth between passages must not draw anew. */
#define KEPT_PAGES 6

/* The pane's own width before it has been laid out. */
#define USUAL_WIDTH 356
#define LARGER      2.0

/* Widths are drawn in steps, so that a resize seldom draws anew. */
#define WIDTH_STEP 64
#define MAX_WIDTH  4096

typedef struct {
  char *path;
  guint number, width;
  BottegaPage *page;
} KeptPage;

struct _BottegaSourcesPane {
  AdwBin parent_instance;

  GtkWidget *close_button;
  GtkStack *stack;
  GtkLabel *title_label;
  GtkLabel *place_label;
  GtkToggleButton *zoom_button;
  GtkStack *view_stack;
  GtkScrolledWindow *page_scroller;
  BottegaPageView *page_view;
  GtkScrolledWindow *text_scroller;
  GtkLabel *error_label;
  GtkLabel *text_label;
  GtkListBox *list;

  BottegaLibrary *library;
  GSignalGroup *answer;   /* BottegaMessage */
  GSignalGroup *passages; /* its GListModel */
  BottegaPassage *current;
  GCancellable *cancellable; /* of what is being fetched for current */
  GQueue kept;               /* of KeptPage, the last used first */
  guint drawing_width;
  guint scroll_tick;
  gboolean filling;
};

G_DEFINE_FINAL_TYPE (BottegaSourcesPane, bottega_sources_pane, ADW_TYPE_BIN)

static void
kept_page_free (KeptPage *kept)
{
  g_free (kept->path);
  bottega_page_free (kept->page);
  g_free (kept);
}

static BottegaPage *
find_kept (BottegaSourcesPane *self,
           const char *path,
           guint number,
           guint width)
{
  for (GList *l = self->kept.head; l != NULL; l = l->next) {
    KeptPage *kept = l->data;

    if (kept->number == number && kept->width == width && g_str_equal (kept->path, path)) {
      g_queue_unlink (&self->kept, l);
      g_queue_push_head_link (&self->kept, l);
      return kept->page;
    }
  }
  return NULL;
}

static void
keep (BottegaSourcesPane *self,
      const char *path,
      guint number,
      guint width,
      BottegaPage *page)
{
  KeptPage *kept = g_new0 (KeptPage, 1);

  kept->path = g_strdup (path);
  kept->number = number;
  kept->width = width;
  kept->page = page;
  g_queue_push_head (&self->kept, kept);
  while (self->kept.length > KEPT_PAGES)
    kept_page_free (g_queue_pop_tail (&self->kept));
}

/* ---- the page */

/* Brings the first mark into view, a third from the top. */
static gboolean
scroll_cb (GtkWidget *widget,
           GdkFrameClock *clock,
           gpointer user_data)
{
  BottegaSourcesPane *self = BOTTEGA_SOURCES_PANE (widget);
  GtkAdjustment *vertical = gtk_scrolled_window_get_vadjustment (self->page_scroller);
  GtkAdjustment *horizontal = gtk_scrolled_window_get_hadjustment (self->page_scroller);
  graphene_rect_t mark;

  self->scroll_tick = 0;
  if (bottega_page_view_get_marked (self->page_view, &mark)) {
    gtk_adjustment_set_value (vertical,
                              mark.origin.y - gtk_adjustment_get_page_size (vertical) / 3);
    gtk_adjustment_set_value (horizontal, mark.origin.x - 12);
  } else {
    gtk_adjustment_set_value (vertical, 0);
  }
  return G_SOURCE_REMOVE;
}

static void
queue_scroll (BottegaSourcesPane *self)
{
  if (self->scroll_tick == 0)
    self->scroll_tick = gtk_widget_add_tick_callback (GTK_WIDGET (self), scroll_cb, NULL, NULL);
}

static void
update_page_name (BottegaSourcesPane *self,
                  gboolean marked)
{
  guint number = bottega_passage_get_page (self->current);
  const char *title = bottega_passage_get_title (self->current);
  g_autofree char *name =
      /* TRANSLATORS: number of a page, title of a document. */
      g_strdup_printf (marked ? _ ("Page %u of %s, with the passage marked") : _ ("Page %u of %s"),
                       number, title);

  gtk_accessible_update_property (GTK_ACCESSIBLE (self->page_view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  name, -1);
}

static void
marks_cb (GArray *marks,
          gpointer user_data)
{
  BottegaSourcesPane *self = user_data;

  g_assert (BOTTEGA_IS_SOURCES_PANE (self));

  bottega_page_view_set_marks (self->page_view, marks);
  update_page_name (self, marks->len > 0);
  queue_scroll (self);
}

static void
show_page (BottegaSourcesPane *self,
           const BottegaPage *page)
{
  bottega_page_view_set_page (self->page_view, page);
  queue_scroll (self);
}

static void
show_text (BottegaSourcesPane *self,
           const char *error)
{
  gtk_label_set_label (self->error_label, error != NULL ? error : "");
  gtk_widget_set_visible (GTK_WIDGET (self->error_label), error != NULL);
  gtk_stack_set_visible_child_name (self->view_stack, "text");
  gtk_widget_set_visible (GTK_WIDGET (self->zoom_button), FALSE);
}

static void
drawn_cb (GObject *source,
          GAsyncResult *result,
          gpointer user_data)
{
  g_autoptr (BottegaSourcesPane) self = user_data;
  g_autoptr (GError) error = NULL;
  BottegaPage *page = bottega_page_draw_finish (result, &error);

  if (page == NULL) {
    /* The words are still there. */
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) && self->current != NULL)
      show_text (self, error->message);
    return;
  }
  if (g_task_get_cancellable (G_TASK (result)) != self->cancellable || self->current == NULL) {
    bottega_page_free (page);
    return;
  }
  keep (self, bottega_passage_get_path (self->current), bottega_passage_get_page (self->current),
        self->drawing_width, page);
  show_page (self, page);
}

static guint
get_width (BottegaSourcesPane *self)
{
  GtkWidget *scroller = GTK_WIDGET (self->page_scroller);
  double zoom = gtk_toggle_button_get_active (self->zoom_button) ? LARGER : 1;
  int width = MAX (gtk_widget_get_width (scroller), USUAL_WIDTH);
  guint pixels = (guint) (width * zoom * gtk_widget_get_scale_factor (scroller));

  return MIN ((pixels + WIDTH_STEP - 1) / WIDTH_STEP * WIDTH_STEP, MAX_WIDTH);
}

static void
draw_page (BottegaSourcesPane *self)
{
  const char *path = bottega_passage_get_path (self->current);
  guint number = bottega_passage_get_page (self->current);
  BottegaPage *page;

  self->drawing_width = get_width (self);
  page = find_kept (self, path, number, self->drawing_width);
  if (page != NULL)
    show_page (self, page);
  else
    bottega_page_draw_async (path, number, self->drawing_width, self->cancellable, drawn_cb,
                             g_object_ref (self));
}

static void
zoom_cb (BottegaSourcesPane *self)
{
  gboolean larger = gtk_toggle_button_get_active (self->zoom_button);

  g_assert (BOTTEGA_IS_SOURCES_PANE (self));

  bottega_page_view_set_zoom (self->page_view, larger ? LARGER : 1);
  if (self->current != NULL && bottega_passage_get_page (self->current) > 0)
    draw_page (self);
}

/* ---- the text, where there is no page */

static void
fill_text (BottegaSourcesPane *self)
{
  const char *window = bottega_passage_get_window (self->current);
  const char *text = bottega_passage_get_text (self->current);
  const char *all = window != NULL && *window != 0 ? window : text;
  const char *found = strstr (all, text);
  g_autoptr (PangoAttrList) attributes = pango_attr_list_new ();

  if (found != NULL) {
    /* The wash of a page, thin enough for either style. */
    PangoAttribute *wash[] = { pango_attr_background_new (0xffff, 0xd500, 0x3000),
                               pango_attr_background_alpha_new (0x6000) };
    for (size_t i = 0; i < G_N_ELEMENTS (wash); i++) {
      wash[i]->start_index = (guint) (found - all);
      wash[i]->end_index = (guint) (found - all + strlen (text));
      pango_attr_list_insert (attributes, wash[i]);
    }
  }
  gtk_label_set_label (self->text_label, all);
  gtk_label_set_attributes (self->text_label, attributes);
  gtk_adjustment_set_value (gtk_scrolled_window_get_vadjustment (self->text_scroller), 0);
}

/* ---- one passage */

static void
stop_fetching (BottegaSourcesPane *self)
{
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
}

/* "Page 3 of 12 · Rent › Increase" */
static void
update_place (BottegaSourcesPane *self)
{
  guint page = bottega_passage_get_page (self->current);
  const char *heading = bottega_passage_get_heading (self->current);
  BottegaDocumentItem *item =
      bottega_library_find (self->library, bottega_passage_get_document (self->current));
  guint n_pages = item != NULL ? bottega_document_item_get_n_pages (item) : 0;
  g_autoptr (GString) place = g_string_new (NULL);

  if (page > 0 && n_pages >= page)
    g_string_append_printf (place, _ ("Page %u of %u"), page, n_pages);
  else if (page > 0)
    g_string_append_printf (place, _ ("Page %u"), page);
  if (heading != NULL && *heading != 0)
    g_string_append_printf (place, "%s%s", place->len > 0 ? " · " : "", heading);
  gtk_label_set_label (self->place_label, place->str);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->place_label), place->str);
  gtk_widget_set_visible (GTK_WIDGET (self->place_label), place->len > 0);
}

static void
show_passage (BottegaSourcesPane *self,
              BottegaPassage *passage)
{
  guint page = bottega_passage_get_page (passage);

  if (!g_set_object (&self->current, passage))
    return;
  stop_fetching (self);
  self->cancellable = g_cancellable_new ();
  gtk_label_set_label (self->title_label, bottega_passage_get_title (passage));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->title_label), bottega_passage_get_path (passage));
  update_place (self);
  fill_text (self);
  if (page == 0) {
    show_text (self, NULL);
    return;
  }
  bottega_page_view_set_page (self->page_view, NULL);
  bottega_page_view_set_marks (self->page_view, NULL);
  update_page_name (self, FALSE);
  gtk_stack_set_visible_child_name (self->view_stack, "page");
  gtk_widget_set_visible (GTK_WIDGET (self->zoom_button), TRUE);
  draw_page (self);
  bottega_library_find_marks (self->library, bottega_passage_get_document (passage), page,
                              bottega_passage_get_offset (passage),
                              bottega_passage_get_length (passage), self->cancellable, marks_cb,
                              self);
}

/* ---- all of them */

static void
update_steps (BottegaSourcesPane *self)
{
  GtkListBoxRow *row = gtk_list_box_get_selected_row (self->list);
  int at = row != NULL ? gtk_list_box_row_get_index (row) : -1;

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "sources.previous", at > 0);
  gtk_widget_action_set_enabled (
      GTK_WIDGET (self), "sources.next",
      at >= 0 && gtk_list_box_get_row_at_index (self->list, at + 1) != NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "sources.open", at >= 0);
}

static void
selected_cb (BottegaSourcesPane *self)
{
  GtkListBoxRow *row;

  g_assert (BOTTEGA_IS_SOURCES_PANE (self));

  /* At the end too, when there is no list any more. */
  if (self->filling)
    return;
  row = gtk_list_box_get_selected_row (self->list);
  if (row != NULL)
    show_passage (self, bottega_source_row_get_passage (BOTTEGA_SOURCE_ROW (row)));
  update_steps (self);
}

static void
header_cb (GtkListBoxRow *row,
           GtkListBoxRow *before,
           gpointer user_data)
{
  gboolean first = bottega_source_row_get_unused (BOTTEGA_SOURCE_ROW (row)) &&
                   (before == NULL || !bottega_source_row_get_unused (BOTTEGA_SOURCE_ROW (before)));
  GtkWidget *header = NULL;

  if (first) {
    header = g_object_new (GTK_TYPE_LABEL, "label", _ ("Not used in the answer"), "xalign", 0.0f,
                           "accessible-role", GTK_ACCESSIBLE_ROLE_HEADING, NULL);
    gtk_widget_add_css_class (header, "caption-heading");
    gtk_widget_add_css_class (header, "dimmed");
    gtk_widget_add_css_class (header, "sources-header");
  }
  gtk_list_box_row_set_header (row, header);
}

static void
add_rows (BottegaSourcesPane *self,
          GListModel *passages,
          gboolean settled,
          gboolean used)
{
  for (guint i = 0; i < g_list_model_get_n_items (passages); i++) {
    g_autoptr (BottegaPassage) passage = g_list_model_get_item (passages, i);
    gboolean is_used = !settled || bottega_passage_get_used (passage);
    GtkWidget *row;

    if (is_used != used)
      continue;
    row = bottega_source_row_new (passage);
    bottega_source_row_set_unused (BOTTEGA_SOURCE_ROW (row), !used);
    gtk_list_box_append (self->list, row);
  }
}

/* The row of this passage, else the first. */
static GtkListBoxRow *
find_row (BottegaSourcesPane *self,
          BottegaPassage *passage)
{
  GtkListBoxRow *row;

  for (int i = 0; (row = gtk_list_box_get_row_at_index (self->list, i)) != NULL; i++)
    if (bottega_source_row_get_passage (BOTTEGA_SOURCE_ROW (row)) == passage)
      return row;
  return gtk_list_box_get_row_at_index (self->list, 0);
}

/* Those that the answer used come first, once that is known. */
static void
fill_list_cb (BottegaSourcesPane *self)
{
  g_autoptr (BottegaMessage) answer = g_signal_group_dup_target (self->answer);
  GListModel *passages = answer != NULL ? bottega_message_get_passages (answer) : NULL;
  guint n = passages != NULL ? g_list_model_get_n_items (passages) : 0;

  g_assert (BOTTEGA_IS_SOURCES_PANE (self));

  self->filling = TRUE;
  gtk_list_box_remove_all (self->list);
  if (n > 0) {
    gboolean settled = !bottega_message_get_busy (answer);
    add_rows (self, passages, settled, TRUE);
    add_rows (self, passages, settled, FALSE);
    gtk_list_box_select_row (self->list, find_row (self, self->current));
  } else {
    stop_fetching (self);
    g_clear_object (&self->current);
  }
  self->filling = FALSE;
  gtk_stack_set_visible_child_name (self->stack, n > 0 ? "passage" : "none");
  selected_cb (self);
}

static void
step_action (GtkWidget *widget,
             const char *name,
             GVariant *parameter)
{
  BottegaSourcesPane *self = BOTTEGA_SOURCES_PANE (widget);
  GtkListBoxRow *row = gtk_list_box_get_selected_row (self->list);
  int step = g_str_equal (name, "sources.next") ? 1 : -1;

  if (row != NULL)
    row = gtk_list_box_get_row_at_index (self->list, gtk_list_box_row_get_index (row) + step);
  if (row != NULL)
    gtk_list_box_select_row (self->list, row);
}

static void
open_action (GtkWidget *widget,
             const char *name,
             GVariant *parameter)
{
  BottegaSourcesPane *self = BOTTEGA_SOURCES_PANE (widget);

  if (self->current != NULL)
    bottega_launch_file (widget, bottega_passage_get_path (self->current));
}

/* ---- the class */

static void
bottega_sources_pane_dispose (GObject *object)
{
  BottegaSourcesPane *self = BOTTEGA_SOURCES_PANE (object);

  stop_fetching (self);
  if (self->scroll_tick != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->scroll_tick);
  self->scroll_tick = 0;
  g_queue_clear_full (&self->kept, (GDestroyNotify) kept_page_free);
  self->filling = TRUE;
  g_clear_object (&self->answer);
  g_clear_object (&self->passages);
  g_clear_object (&self->current);
  g_clear_object (&self->library);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_SOURCES_PANE);
  G_OBJECT_CLASS (bottega_sources_pane_parent_class)->dispose (object);
}

static void
bind_template (GtkWidgetClass *widget_class)
{
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-sources-pane.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, close_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, title_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, place_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, zoom_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, view_stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, page_scroller);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, page_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, text_scroller);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, error_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, text_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourcesPane, list);
}

static void
bottega_sources_pane_class_init (BottegaSourcesPaneClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_sources_pane_dispose;
  g_type_ensure (BOTTEGA_TYPE_PAGE_VIEW);
  bind_template (widget_class);
  gtk_widget_class_install_action (widget_class, "sources.previous", NULL, step_action);
  gtk_widget_class_install_action (widget_class, "sources.next", NULL, step_action);
  gtk_widget_class_install_action (widget_class, "sources.open", NULL, open_action);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Page_Up, GDK_CONTROL_MASK,
                                       "sources.previous", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Page_Down, GDK_CONTROL_MASK,
                                       "sources.next", NULL);
}

static void
bottega_sources_pane_init (BottegaSourcesPane *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->answer = g_signal_group_new (BOTTEGA_TYPE_MESSAGE);
  g_signal_group_connect_swapped (self->answer, "notify::busy", G_CALLBACK (fill_list_cb), self);
  self->passages = g_signal_group_new (G_TYPE_LIST_MODEL);
  g_signal_group_connect_swapped (self->passages, "items-changed", G_CALLBACK (fill_list_cb),
                                  self);
  gtk_list_box_set_header_func (self->list, header_cb, NULL, NULL);
  g_signal_connect_object (self->list, "selected-rows-changed", G_CALLBACK (selected_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->zoom_button, "toggled", G_CALLBACK (zoom_cb), self,
                           G_CONNECT_SWAPPED);
  bottega_sources_pane_set_over (self, FALSE);
  update_steps (self);
}

void
bottega_sources_pane_set_library (BottegaSourcesPane *self,
                                  BottegaLibrary *library)
{
  g_return_if_fail (BOTTEGA_IS_SOURCES_PANE (self));
  g_return_if_fail (BOTTEGA_IS_LIBRARY (library));

  g_set_object (&self->library, library);
}

void
bottega_sources_pane_set_over (BottegaSourcesPane *self,
                               gboolean over)
{
  g_return_if_fail (BOTTEGA_IS_SOURCES_PANE (self));

  gtk_widget_set_visible (self->close_button, over);
}

void
bottega_sources_pane_focus (BottegaSourcesPane *self)
{
  GtkListBoxRow *row;

  g_return_if_fail (BOTTEGA_IS_SOURCES_PANE (self));

  row = gtk_list_box_get_selected_row (self->list);
  if (row != NULL)
    gtk_widget_grab_focus (GTK_WIDGET (row));
}

void
bottega_sources_pane_show (BottegaSourcesPane *self,
                           BottegaMessage *answer,
                           guint number)
{
  g_autoptr (BottegaMessage) shown = NULL;

  g_return_if_fail (BOTTEGA_IS_SOURCES_PANE (self));
  g_return_if_fail (answer == NULL || BOTTEGA_IS_MESSAGE (answer));

  shown = g_signal_group_dup_target (self->answer);
  if (answer != shown) {
    g_signal_group_set_target (self->answer, answer);
    g_signal_group_set_target (self->passages,
                               answer != NULL ? bottega_message_get_passages (answer) : NULL);
    fill_list_cb (self);
  }
  if (answer != NULL && number > 0) {
    BottegaPassage *passage =
        bottega_source_find (bottega_message_get_passages (answer), number);

    if (passage != NULL)
      gtk_list_box_select_row (self->list, find_row (self, passage));
  }
}
