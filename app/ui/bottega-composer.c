/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the entry, its Send and Stop button and the rows of waiting questions. Must not know what a
 * conversation is: the page connects "send" and "stop" and sets the properties. */
#define G_LOG_DOMAIN "bottega-composer"

#include "config.h"

#include "app/ui/bottega-composer.h"
#include "app/ui/bottega-document-completion.h"

#include <glib/gi18n.h>

#define MAX_ROWS  8
#define MARGIN_PX 7 /* above and below the text, as in the .blp */

struct _BottegaComposer {
  AdwBin parent_instance;

  GtkListBox *queue_list;
  GtkWidget *queue_send_button;
  GtkScrolledWindow *scroller;
  GtkTextView *text_view;
  GtkLabel *placeholder;
  BottegaScopeBar *scope_bar;
  GtkWidget *attach_button;
  BottegaDocumentCompletion *completion;
  BottegaContextMeter *meter;
  GtkWidget *send_button;

  GListModel *queue;
  gboolean writing;
  gboolean can_send;
  gboolean has_documents;
};

enum {
  PROP_0,
  PROP_TEXT,
  PROP_WRITING,
  PROP_CAN_SEND,
  PROP_QUEUE,
  PROP_HAS_DOCUMENTS,
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

enum {
  SIGNAL_SEND,
  SIGNAL_STOP,
  SIGNAL_ATTACH,
  SIGNAL_QUEUE_EDIT,
  SIGNAL_QUEUE_REMOVE,
  SIGNAL_QUEUE_SEND,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BottegaComposer, bottega_composer, ADW_TYPE_BIN)

static char *
dup_text (BottegaComposer *self)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->text_view);
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  return gtk_text_buffer_get_text (buffer, &start, &end, FALSE);
}

static gboolean
is_blank (BottegaComposer *self)
{
  g_autofree char *text = dup_text (self);

  return *g_strstrip (text) == 0;
}

/* Send or Stop, and whether it can be pressed. */
static void
update_button (BottegaComposer *self)
{
  const char *label = self->writing ? _ ("Stop the answer") : _ ("Send the question");

  gtk_button_set_icon_name (GTK_BUTTON (self->send_button), self->writing
                                                                ? "media-playback-stop-symbolic"
                                                                : "bottega-send-symbolic");
  gtk_widget_set_tooltip_text (self->send_button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->send_button),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  gtk_widget_set_sensitive (self->send_button,
                            self->writing || (self->can_send && !is_blank (self)));
  if (self->writing)
    gtk_widget_remove_css_class (self->send_button, "suggested-action");
  else
    gtk_widget_add_css_class (self->send_button, "suggested-action");
}

static void
send (BottegaComposer *self)
{
  g_autofree char *text = g_strstrip (dup_text (self));
  gboolean taken = FALSE;

  if (*text == 0 || !self->can_send) {
    gtk_widget_error_bell (GTK_WIDGET (self));
    return;
  }
  g_signal_emit (self, signals[SIGNAL_SEND], 0, text, &taken);
  if (taken)
    bottega_composer_set_text (self, "");
}

static void
send_clicked_cb (BottegaComposer *self)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  if (self->writing)
    g_signal_emit (self, signals[SIGNAL_STOP], 0);
  else
    send (self);
}

static gboolean
key_pressed_cb (BottegaComposer *self,
                guint key,
                guint code,
                GdkModifierType state,
                GtkEventControllerKey *controller)
{
  GdkEvent *event = gtk_event_controller_get_current_event (GTK_EVENT_CONTROLLER (controller));
  GdkModifierType modifiers = state & gtk_accelerator_get_default_mod_mask ();

  g_assert (BOTTEGA_IS_COMPOSER (self));

  if (modifiers == 0 && bottega_document_completion_take_key (self->completion, key))
    return GDK_EVENT_STOP;
  if (key == GDK_KEY_Escape && modifiers == 0 && self->writing) {
    g_signal_emit (self, signals[SIGNAL_STOP], 0);
    return GDK_EVENT_STOP;
  }
  if (key != GDK_KEY_Return && key != GDK_KEY_KP_Enter && key != GDK_KEY_ISO_Enter)
    return GDK_EVENT_PROPAGATE;
  if (modifiers & GDK_SHIFT_MASK)
    return GDK_EVENT_PROPAGATE;
  /* An input method may be asking for this very key to accept a word. */
  if (event != NULL && gtk_text_view_im_context_filter_keypress (self->text_view, event))
    return GDK_EVENT_STOP;
  send (self);
  return GDK_EVENT_STOP;
}

static void
changed_cb (BottegaComposer *self,
            GtkTextBuffer *buffer)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  gtk_widget_set_visible (GTK_WIDGET (self->placeholder),
                          gtk_text_buffer_get_char_count (buffer) == 0);
  update_button (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TEXT]);
}

/* ---- documents */

static void
attach_clicked_cb (BottegaComposer *self)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  g_signal_emit (self, signals[SIGNAL_ATTACH], 0);
}

static void
chosen_cb (BottegaComposer *self,
           BottegaDocumentItem *item)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  bottega_scope_bar_add (self->scope_bar, bottega_document_item_get_path (item),
                         bottega_document_item_get_title (item));
}

static void
set_has_documents (BottegaComposer *self,
                   gboolean has_documents)
{
  self->has_documents = has_documents;
  gtk_label_set_label (self->placeholder, has_documents
                                              ? _ ("Ask about your documents, or anything")
                                              : _ ("Ask anything"));
}

/* One to eight rows in the font that is set now. */
static void
update_rows (BottegaComposer *self)
{
  GtkWidget *view = GTK_WIDGET (self->text_view);
  PangoContext *context = gtk_widget_get_pango_context (view);
  PangoFontMetrics *metrics = pango_context_get_metrics (context, NULL, NULL);
  int row_px = PANGO_PIXELS_CEIL (pango_font_metrics_get_height (metrics));

  pango_font_metrics_unref (metrics);
  /* A text view does not know its height before it has been laid out once. */
  gtk_scrolled_window_set_min_content_height (self->scroller, row_px + 2 * MARGIN_PX);
  gtk_scrolled_window_set_max_content_height (self->scroller, MAX_ROWS * row_px + 2 * MARGIN_PX);
}

static void
map_cb (BottegaComposer *self)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  update_rows (self);
}

/* ---- waiting questions */

static gpointer
queue_question (GtkWidget *button)
{
  return g_object_get_data (G_OBJECT (gtk_widget_get_ancestor (button, GTK_TYPE_LIST_BOX_ROW)),
                            "question");
}

static void
queue_edit_cb (BottegaComposer *self,
               GtkWidget *button)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  g_signal_emit (self, signals[SIGNAL_QUEUE_EDIT], 0, queue_question (button));
}

static void
queue_remove_cb (BottegaComposer *self,
                 GtkWidget *button)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  g_signal_emit (self, signals[SIGNAL_QUEUE_REMOVE], 0, queue_question (button));
  gtk_widget_grab_focus (GTK_WIDGET (self));
}

static void
queue_send_cb (BottegaComposer *self)
{
  g_assert (BOTTEGA_IS_COMPOSER (self));

  g_signal_emit (self, signals[SIGNAL_QUEUE_SEND], 0);
  gtk_widget_grab_focus (GTK_WIDGET (self));
}

static GtkWidget *
queue_button_new (BottegaComposer *self,
                  const char *icon_name,
                  const char *label,
                  GCallback callback)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon_name);

  gtk_widget_set_tooltip_text (button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  g_signal_connect_object (button, "clicked", callback, self, G_CONNECT_SWAPPED);
  return button;
}

static GtkWidget *
queue_row_new (gpointer item,
               gpointer user_data)
{
  BottegaComposer *self = user_data;
  g_autofree char *text = NULL;
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *label = gtk_label_new (NULL);

  g_object_get (item, "text", &text, NULL);
  g_object_set_data (G_OBJECT (row), "question", item);
  gtk_label_set_text (GTK_LABEL (label), text);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_single_line_mode (GTK_LABEL (label), TRUE);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_set_tooltip_text (label, text);
  gtk_box_append (GTK_BOX (box), gtk_image_new_from_icon_name ("document-open-recent-symbolic"));
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box),
                  queue_button_new (self, "document-edit-symbolic",
                                    _ ("Edit this waiting question"), G_CALLBACK (queue_edit_cb)));
  gtk_box_append (GTK_BOX (box), queue_button_new (self, "window-close-symbolic",
                                                   _ ("Remove this waiting question"),
                                                   G_CALLBACK (queue_remove_cb)));
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
  return row;
}

static void
queue_changed_cb (BottegaComposer *self)
{
  gboolean waiting = self->queue != NULL && g_list_model_get_n_items (self->queue) > 0;

  g_assert (BOTTEGA_IS_COMPOSER (self));

  gtk_widget_set_visible (GTK_WIDGET (self->queue_list), waiting);
  gtk_widget_set_visible (self->queue_send_button, waiting && !self->writing);
}

/* ---- the class */

static gboolean
bottega_composer_grab_focus (GtkWidget *widget)
{
  return gtk_widget_grab_focus (GTK_WIDGET (BOTTEGA_COMPOSER (widget)->text_view));
}

static void
bottega_composer_css_changed (GtkWidget *widget,
                              GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS (bottega_composer_parent_class)->css_changed (widget, change);
  update_rows (BOTTEGA_COMPOSER (widget));
}

static void
bottega_composer_dispose (GObject *object)
{
  BottegaComposer *self = BOTTEGA_COMPOSER (object);

  if (self->queue_list != NULL)
    bottega_composer_set_queue (self, NULL);
  if (self->completion != NULL)
    gtk_widget_unparent (GTK_WIDGET (self->completion));
  self->completion = NULL;
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_COMPOSER);
  G_OBJECT_CLASS (bottega_composer_parent_class)->dispose (object);
}

static void
bottega_composer_get_property (GObject *object,
                               guint prop_id,
                               GValue *value,
                               GParamSpec *pspec)
{
  BottegaComposer *self = BOTTEGA_COMPOSER (object);

  switch (prop_id) {
  case PROP_TEXT:
    g_value_take_string (value, dup_text (self));
    break;
  case PROP_WRITING:
    g_value_set_boolean (value, self->writing);
    break;
  case PROP_CAN_SEND:
    g_value_set_boolean (value, self->can_send);
    break;
  case PROP_QUEUE:
    g_value_set_object (value, self->queue);
    break;
  case PROP_HAS_DOCUMENTS:
    g_value_set_boolean (value, self->has_documents);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
  }
}

static void
bottega_composer_set_property (GObject *object,
                               guint prop_id,
                               const GValue *value,
                               GParamSpec *pspec)
{
  BottegaComposer *self = BOTTEGA_COMPOSER (object);

  switch (prop_id) {
  case PROP_TEXT:
    bottega_composer_set_text (self, g_value_get_string (value));
    break;
  case PROP_WRITING:
    self->writing = g_value_get_boolean (value);
    update_button (self);
    queue_changed_cb (self);
    break;
  case PROP_CAN_SEND:
    self->can_send = g_value_get_boolean (value);
    update_button (self);
    break;
  case PROP_QUEUE:
    bottega_composer_set_queue (self, g_value_get_object (value));
    break;
  case PROP_HAS_DOCUMENTS:
    set_has_documents (self, g_value_get_boolean (value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
  }
}

static void
install_signals (void)
{
  signals[SIGNAL_SEND] = g_signal_new ("send", BOTTEGA_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0,
                                       g_signal_accumulator_true_handled, NULL, NULL,
                                       G_TYPE_BOOLEAN, 1, G_TYPE_STRING);
  signals[SIGNAL_STOP] =
      g_signal_new ("stop", BOTTEGA_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0,
                    NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_ATTACH] =
      g_signal_new ("attach", BOTTEGA_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0,
                    NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_QUEUE_EDIT] =
      g_signal_new ("queue-edit", BOTTEGA_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0,
                    NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_OBJECT);
  signals[SIGNAL_QUEUE_REMOVE] =
      g_signal_new ("queue-remove", BOTTEGA_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0,
                    NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_OBJECT);
  signals[SIGNAL_QUEUE_SEND] =
      g_signal_new ("queue-send", BOTTEGA_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0,
                    NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bottega_composer_class_init (BottegaComposerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = bottega_composer_dispose;
  object_class->get_property = bottega_composer_get_property;
  object_class->set_property = bottega_composer_set_property;
  widget_class->grab_focus = bottega_composer_grab_focus;
  widget_class->css_changed = bottega_composer_css_changed;

  properties[PROP_TEXT] =
      g_param_spec_string ("text", NULL, NULL, "", flags | G_PARAM_EXPLICIT_NOTIFY);
  properties[PROP_WRITING] = g_param_spec_boolean ("writing", NULL, NULL, FALSE, flags);
  properties[PROP_CAN_SEND] = g_param_spec_boolean ("can-send", NULL, NULL, FALSE, flags);
  properties[PROP_QUEUE] = g_param_spec_object ("queue", NULL, NULL, G_TYPE_LIST_MODEL, flags);
  properties[PROP_HAS_DOCUMENTS] =
      g_param_spec_boolean ("has-documents", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  install_signals ();
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/bottega/Bottega/bottega-composer.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, queue_list);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, queue_send_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, scroller);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, text_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, placeholder);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, scope_bar);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, attach_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, meter);
  gtk_widget_class_bind_template_child (widget_class, BottegaComposer, send_button);
  gtk_widget_class_set_css_name (widget_class, "composer");
  g_type_ensure (BOTTEGA_TYPE_CONTEXT_METER);
  g_type_ensure (BOTTEGA_TYPE_SCOPE_BAR);
}

static void
bottega_composer_init (BottegaComposer *self)
{
  GtkEventController *keys = gtk_event_controller_key_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_pressed_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self->text_view), keys);
  g_signal_connect_object (gtk_text_view_get_buffer (self->text_view), "changed",
                           G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
  self->completion =
      BOTTEGA_DOCUMENT_COMPLETION (bottega_document_completion_new (self->text_view));
  gtk_widget_set_parent (GTK_WIDGET (self->completion), GTK_WIDGET (self));
  g_signal_connect_object (self->completion, "chosen", G_CALLBACK (chosen_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->attach_button, "clicked", G_CALLBACK (attach_clicked_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->send_button, "clicked",
                           G_CALLBACK (send_clicked_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->queue_send_button, "clicked",
                           G_CALLBACK (queue_send_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect (self, "map", G_CALLBACK (map_cb), NULL);
  gtk_text_buffer_set_enable_undo (gtk_text_view_get_buffer (self->text_view), TRUE);
  update_button (self);
}

char *
bottega_composer_dup_text (BottegaComposer *self)
{
  g_return_val_if_fail (BOTTEGA_IS_COMPOSER (self), NULL);

  return dup_text (self);
}

void
bottega_composer_set_text (BottegaComposer *self,
                           const char *text)
{
  g_return_if_fail (BOTTEGA_IS_COMPOSER (self));

  gtk_text_buffer_set_text (gtk_text_view_get_buffer (self->text_view), text != NULL ? text : "",
                            -1);
}

void
bottega_composer_set_queue (BottegaComposer *self,
                            GListModel *queue)
{
  g_return_if_fail (BOTTEGA_IS_COMPOSER (self));
  g_return_if_fail (queue == NULL || G_IS_LIST_MODEL (queue));

  if (self->queue == queue)
    return;
  if (self->queue != NULL)
    g_signal_handlers_disconnect_by_func (self->queue, queue_changed_cb, self);
  g_set_object (&self->queue, queue);
  gtk_list_box_bind_model (self->queue_list, queue, queue_row_new, self, NULL);
  if (queue != NULL)
    g_signal_connect_object (queue, "items-changed", G_CALLBACK (queue_changed_cb), self,
                             G_CONNECT_SWAPPED);
  queue_changed_cb (self);
}

BottegaContextMeter *
bottega_composer_get_meter (BottegaComposer *self)
{
  g_return_val_if_fail (BOTTEGA_IS_COMPOSER (self), NULL);

  return self->meter;
}

void
bottega_composer_set_library (BottegaComposer *self,
                              BottegaLibrary *library)
{
  g_return_if_fail (BOTTEGA_IS_COMPOSER (self));

  bottega_document_completion_set_library (self->completion, library);
}

BottegaScopeBar *
bottega_composer_get_scope (BottegaComposer *self)
{
  g_return_val_if_fail (BOTTEGA_IS_COMPOSER (self), NULL);

  return self->scope_bar;
}
