/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the list of conversations, its search and its context menu. Must not know how a conversation
 * is shown, renamed or deleted: the window's actions do that. */
#define G_LOG_DOMAIN "bottega-sidebar"

#include "config.h"

#include "app/ui/bottega-conversation-row.h"
#include "app/ui/bottega-sidebar.h"

struct _BottegaSidebar {
  AdwBin parent_instance;

  GtkMenuButton *menu_button;
  GtkLabel *heading;
  GtkEditable *search_entry;
  GtkStack *stack;
  GtkListView *list_view;
  GtkPopover *context_menu;
  GtkListBox *places;
  GtkListBoxRow *library_row;
  GtkListBoxRow *models_row;
  GtkListBoxRow *performance_row;

  BottegaConversationList *conversations;
  BottegaConversation *current;
  BottegaConversation *menu_target; /* of the context menu */
  gboolean menu_by_keyboard;
  GListModel *shown; /* all, or what the search found */
  GtkSingleSelection *selection;
};

G_DEFINE_FINAL_TYPE (BottegaSidebar, bottega_sidebar, ADW_TYPE_BIN)

static void
activate_with_id (BottegaSidebar *self,
                  const char *action,
                  BottegaConversation *conversation)
{
  if (conversation != NULL)
    gtk_widget_activate_action (GTK_WIDGET (self), action, "s",
                                bottega_conversation_get_id (conversation));
}

/* ---- which row is selected */

static guint
find_position (BottegaSidebar *self,
               BottegaConversation *conversation)
{
  for (guint i = 0; self->shown != NULL && i < g_list_model_get_n_items (self->shown); i++) {
    g_autoptr (BottegaConversation) item = g_list_model_get_item (self->shown, i);
    if (item == conversation)
      return i;
  }
  return GTK_INVALID_LIST_POSITION;
}

static void
select_current (BottegaSidebar *self)
{
  gtk_single_selection_set_selected (self->selection, find_position (self, self->current));
}

static void
shown_changed_cb (BottegaSidebar *self)
{
  gboolean searching = *gtk_editable_get_text (self->search_entry) != 0;
  const char *page = "list";

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  if (self->shown == NULL || g_list_model_get_n_items (self->shown) == 0)
    page = searching ? "nothing-found" : "empty";
  /* Until the list has been read there is nothing to say. */
  if (!bottega_conversation_list_get_loaded (self->conversations))
    page = "list";
  gtk_stack_set_visible_child_name (self->stack, page);
  select_current (self);
}

static void
set_shown (BottegaSidebar *self,
           GListModel *shown)
{
  if (self->shown != NULL)
    g_signal_handlers_disconnect_by_func (self->shown, shown_changed_cb, self);
  g_set_object (&self->shown, shown);
  gtk_single_selection_set_model (self->selection, shown);
  if (shown != NULL) {
    g_signal_connect_object (shown, "items-changed", G_CALLBACK (shown_changed_cb), self,
                             G_CONNECT_SWAPPED | G_CONNECT_AFTER);
    shown_changed_cb (self);
  }
}

static void
search_changed_cb (BottegaSidebar *self)
{
  const char *query = gtk_editable_get_text (self->search_entry);

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  if (self->conversations == NULL)
    return;
  if (*query == 0) {
    set_shown (self, G_LIST_MODEL (self->conversations));
  } else {
    g_autoptr (GListModel) found = bottega_conversation_list_search (self->conversations, query);
    set_shown (self, found);
  }
}

static void
search_stopped_cb (BottegaSidebar *self)
{
  g_assert (BOTTEGA_IS_SIDEBAR (self));

  gtk_editable_set_text (self->search_entry, "");
  gtk_widget_activate_action (GTK_WIDGET (self), "win.focus-composer", NULL);
}

/* Enter in the search opens the first that was found. */
static void
search_activated_cb (BottegaSidebar *self)
{
  g_autoptr (BottegaConversation) first = NULL;

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  if (self->shown != NULL)
    first = g_list_model_get_item (self->shown, 0);
  activate_with_id (self, "win.open-conversation", first);
}

/* Moving through the list with the keyboard shows each conversation; the focus stays here. */
static void
selected_cb (BottegaSidebar *self)
{
  BottegaConversation *selected = gtk_single_selection_get_selected_item (self->selection);

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  if (selected != NULL && selected != self->current)
    activate_with_id (self, "win.show-conversation", selected);
}

/* ---- rows */

static void
row_released_cb (BottegaSidebar *self,
                 int n_press,
                 double x,
                 double y,
                 GtkGesture *gesture)
{
  GtkWidget *row = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (gesture));

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  activate_with_id (self, "win.open-conversation",
                    bottega_conversation_row_get_conversation (BOTTEGA_CONVERSATION_ROW (row)));
}

static void
popup_menu (BottegaSidebar *self,
            BottegaConversation *conversation,
            GtkWidget *widget,
            double x,
            double y)
{
  graphene_point_t point;

  if (conversation == NULL ||
      !gtk_widget_compute_point (widget, GTK_WIDGET (self),
                                 &GRAPHENE_POINT_INIT ((float) x, (float) y), &point))
    return;
  g_set_object (&self->menu_target, conversation);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "sidebar.stop",
                                 bottega_conversation_get_busy (conversation));
  gtk_popover_set_pointing_to (self->context_menu,
                               &(GdkRectangle) { (int) point.x, (int) point.y, 1, 1 });
  gtk_popover_popup (self->context_menu);
}

static void
row_menu_cb (BottegaSidebar *self,
             int n_press,
             double x,
             double y,
             GtkGesture *gesture)
{
  GtkWidget *row = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (gesture));

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  popup_menu (self, bottega_conversation_row_get_conversation (BOTTEGA_CONVERSATION_ROW (row)), row,
              x, y);
}

static void
row_long_press_cb (BottegaSidebar *self,
                   double x,
                   double y,
                   GtkGesture *gesture)
{
  row_menu_cb (self, 1, x, y, gesture);
}

/* What a screen reader says after the title. */
static gboolean
describe_state (GBinding *binding,
                const GValue *state,
                GValue *description,
                gpointer user_data)
{
  const char *words = bottega_conversation_row_format_state (g_value_get_enum (state));

  g_value_set_string (description, words != NULL ? words : "");
  return TRUE;
}

static void
setup_cb (BottegaSidebar *self,
          GtkListItem *item)
{
  GtkWidget *row = bottega_conversation_row_new ();
  GtkGesture *click = gtk_gesture_click_new ();
  GtkGesture *menu = gtk_gesture_click_new ();
  GtkGesture *hold = gtk_gesture_long_press_new ();
  GBindingGroup *bindings = g_binding_group_new ();

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (click), GDK_BUTTON_PRIMARY);
  g_signal_connect_object (click, "released", G_CALLBACK (row_released_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_widget_add_controller (row, GTK_EVENT_CONTROLLER (click));
  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (menu), GDK_BUTTON_SECONDARY);
  g_signal_connect_object (menu, "pressed", G_CALLBACK (row_menu_cb), self, G_CONNECT_SWAPPED);
  gtk_widget_add_controller (row, GTK_EVENT_CONTROLLER (menu));
  gtk_gesture_single_set_touch_only (GTK_GESTURE_SINGLE (hold), TRUE);
  g_signal_connect_object (hold, "pressed", G_CALLBACK (row_long_press_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_widget_add_controller (row, GTK_EVENT_CONTROLLER (hold));
  gtk_list_item_set_child (item, row);
  g_binding_group_bind (bindings, "title", item, "accessible-label", G_BINDING_SYNC_CREATE);
  g_binding_group_bind_full (bindings, "state", item, "accessible-description",
                             G_BINDING_SYNC_CREATE, describe_state, NULL, NULL, NULL);
  g_object_set_data_full (G_OBJECT (item), "bindings", bindings, g_object_unref);
}

static void
bind_cb (BottegaSidebar *self,
         GtkListItem *item)
{
  BottegaConversation *conversation = gtk_list_item_get_item (item);
  GtkWidget *row = gtk_list_item_get_child (item);

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  bottega_conversation_row_set_conversation (BOTTEGA_CONVERSATION_ROW (row), conversation);
  g_binding_group_set_source (g_object_get_data (G_OBJECT (item), "bindings"), conversation);
}

static void
unbind_cb (BottegaSidebar *self,
           GtkListItem *item)
{
  g_assert (BOTTEGA_IS_SIDEBAR (self));

  g_binding_group_set_source (g_object_get_data (G_OBJECT (item), "bindings"), NULL);
  bottega_conversation_row_set_conversation (
      BOTTEGA_CONVERSATION_ROW (gtk_list_item_get_child (item)), NULL);
}

static void
activated_cb (BottegaSidebar *self,
              guint position)
{
  g_autoptr (BottegaConversation) conversation = g_list_model_get_item (self->shown, position);

  g_assert (BOTTEGA_IS_SIDEBAR (self));

  activate_with_id (self, "win.open-conversation", conversation);
}

/* ---- the menu and the keys of a row */

/* The conversation of the row that has the keyboard focus, else the selected one. */
static BottegaConversation *
dup_focused (BottegaSidebar *self)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
  GtkWidget *focus = root != NULL ? gtk_root_get_focus (root) : NULL;
  GtkWidget *row = focus != NULL ? gtk_widget_get_first_child (focus) : NULL;
  gpointer selected = gtk_single_selection_get_selected_item (self->selection);

  if (BOTTEGA_IS_CONVERSATION_ROW (row))
    return g_object_ref (
        bottega_conversation_row_get_conversation (BOTTEGA_CONVERSATION_ROW (row)));
  return selected != NULL ? g_object_ref (selected) : NULL;
}

/* What the menu offers, and the window does. */
static const struct {
  const char *here, *window;
} row_actions[] = {
  { "sidebar.stop", "win.stop-conversation" },
  { "sidebar.rename", "win.rename-conversation" },
  { "sidebar.delete", "win.delete-conversation" },
};

static void
menu_action (GtkWidget *widget,
             const char *name,
             GVariant *parameter)
{
  BottegaSidebar *self = BOTTEGA_SIDEBAR (widget);
  g_autoptr (BottegaConversation) target = g_steal_pointer (&self->menu_target);

  if (target == NULL)
    target = dup_focused (self);
  for (size_t i = 0; i < G_N_ELEMENTS (row_actions); i++)
    if (g_str_equal (name, row_actions[i].here))
      activate_with_id (self, row_actions[i].window, target);
}

static void
menu_closed_cb (BottegaSidebar *self)
{
  g_assert (BOTTEGA_IS_SIDEBAR (self));

  /* The chosen action runs after "closed": it still needs the target. */
  if (self->menu_by_keyboard)
    gtk_widget_grab_focus (GTK_WIDGET (self->list_view));
  self->menu_by_keyboard = FALSE;
}

static gboolean
keyboard_menu_cb (GtkWidget *widget,
                  GVariant *arguments,
                  gpointer user_data)
{
  BottegaSidebar *self = user_data;
  g_autoptr (BottegaConversation) conversation = dup_focused (self);
  GtkRoot *root = gtk_widget_get_root (widget);
  GtkWidget *focus = root != NULL ? gtk_root_get_focus (root) : NULL;

  if (conversation == NULL || focus == NULL)
    return FALSE;
  popup_menu (self, conversation, focus, 24, gtk_widget_get_height (focus) / 2.0);
  self->menu_by_keyboard = TRUE;
  return TRUE;
}

static void
add_key (BottegaSidebar *self,
         GtkShortcutController *controller,
         const char *trigger,
         GtkShortcutAction *action)
{
  gtk_shortcut_controller_add_shortcut (
      controller, gtk_shortcut_new (gtk_shortcut_trigger_parse_string (trigger), action));
}

static void
add_keys (BottegaSidebar *self)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();
  GtkShortcutController *keys = GTK_SHORTCUT_CONTROLLER (controller);

  add_key (self, keys, "F2", gtk_named_action_new ("sidebar.rename"));
  add_key (self, keys, "Delete|KP_Delete", gtk_named_action_new ("sidebar.delete"));
  add_key (self, keys, "Menu|<Shift>F10", gtk_callback_action_new (keyboard_menu_cb, self, NULL));
  gtk_widget_add_controller (GTK_WIDGET (self->list_view), controller);
}

/* ---- the class */

static void
bottega_sidebar_size_allocate (GtkWidget *widget,
                               int width,
                               int height,
                               int baseline)
{
  BottegaSidebar *self = BOTTEGA_SIDEBAR (widget);

  GTK_WIDGET_CLASS (bottega_sidebar_parent_class)->size_allocate (widget, width, height, baseline);
  gtk_popover_present (self->context_menu);
}

static void
bottega_sidebar_dispose (GObject *object)
{
  BottegaSidebar *self = BOTTEGA_SIDEBAR (object);

  if (self->selection != NULL)
    set_shown (self, NULL);
  g_clear_object (&self->conversations);
  g_clear_object (&self->current);
  g_clear_object (&self->menu_target);
  if (self->context_menu != NULL && gtk_widget_get_parent (GTK_WIDGET (self->context_menu)) != NULL)
    gtk_widget_unparent (GTK_WIDGET (self->context_menu));
  g_clear_object (&self->selection);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_SIDEBAR);
  G_OBJECT_CLASS (bottega_sidebar_parent_class)->dispose (object);
}

static void
bottega_sidebar_class_init (BottegaSidebarClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_sidebar_dispose;
  widget_class->size_allocate = bottega_sidebar_size_allocate;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/bottega/Bottega/bottega-sidebar.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, menu_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, heading);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, search_entry);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, list_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, context_menu);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, places);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, library_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, models_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaSidebar, performance_row);
  for (size_t i = 0; i < G_N_ELEMENTS (row_actions); i++)
    gtk_widget_class_install_action (widget_class, row_actions[i].here, NULL, menu_action);
}

static void
bottega_sidebar_init (BottegaSidebar *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  self->selection = gtk_single_selection_new (NULL);
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_single_selection_set_can_unselect (self->selection, TRUE);
  g_signal_connect_object (self->selection, "notify::selected-item",
                           G_CALLBACK (selected_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "setup", G_CALLBACK (setup_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "bind", G_CALLBACK (bind_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "unbind", G_CALLBACK (unbind_cb), self, G_CONNECT_SWAPPED);
  gtk_list_view_set_factory (self->list_view, factory);
  gtk_list_view_set_model (self->list_view, GTK_SELECTION_MODEL (self->selection));
  g_object_unref (factory);
  g_signal_connect_object (self->list_view, "activate", G_CALLBACK (activated_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->search_entry, "search-changed",
                           G_CALLBACK (search_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->search_entry, "stop-search",
                           G_CALLBACK (search_stopped_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->search_entry, "activate",
                           G_CALLBACK (search_activated_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->context_menu, "closed", G_CALLBACK (menu_closed_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_widget_set_parent (GTK_WIDGET (self->context_menu), GTK_WIDGET (self));
  add_keys (self);
}

void
bottega_sidebar_set_conversations (BottegaSidebar *self,
                                   BottegaConversationList *conversations,
                                   const char *heading)
{
  g_return_if_fail (BOTTEGA_IS_SIDEBAR (self));
  g_return_if_fail (BOTTEGA_IS_CONVERSATION_LIST (conversations));

  if (self->conversations != NULL)
    g_signal_handlers_disconnect_by_func (self->conversations, shown_changed_cb, self);
  g_set_object (&self->conversations, conversations);
  gtk_label_set_label (self->heading, heading);
  gtk_editable_set_text (self->search_entry, "");
  /* Shown first: it lets go of the signals of what was shown before. */
  set_shown (self, G_LIST_MODEL (conversations));
  g_signal_connect_object (conversations, "notify::loaded", G_CALLBACK (shown_changed_cb), self,
                           G_CONNECT_SWAPPED);
}

void
bottega_sidebar_set_current (BottegaSidebar *self,
                             BottegaConversation *conversation,
                             const char *place)
{
  const struct {
    const char *name;
    GtkListBoxRow *row;
  } rows[] = {
    { "library", self->library_row },
    { "models", self->models_row },
    { "performance", self->performance_row },
  };

  g_return_if_fail (BOTTEGA_IS_SIDEBAR (self));

  g_set_object (&self->current, conversation);
  select_current (self);
  gtk_list_box_select_row (self->places, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (place, rows[i].name))
      gtk_list_box_select_row (self->places, rows[i].row);
}

void
bottega_sidebar_focus_search (BottegaSidebar *self)
{
  g_return_if_fail (BOTTEGA_IS_SIDEBAR (self));

  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

void
bottega_sidebar_search (BottegaSidebar *self,
                        const char *query)
{
  g_return_if_fail (BOTTEGA_IS_SIDEBAR (self));

  bottega_sidebar_focus_search (self);
  gtk_editable_set_text (GTK_EDITABLE (self->search_entry), query);
}

void
bottega_sidebar_focus_list (BottegaSidebar *self)
{
  g_return_if_fail (BOTTEGA_IS_SIDEBAR (self));

  if (!gtk_widget_grab_focus (GTK_WIDGET (self->list_view)))
    bottega_sidebar_focus_search (self);
}

gboolean
bottega_sidebar_focus_answers (BottegaSidebar *self)
{
  guint n;

  g_return_val_if_fail (BOTTEGA_IS_SIDEBAR (self), FALSE);

  n = self->shown != NULL ? g_list_model_get_n_items (self->shown) : 0;
  for (guint i = 0; i < n; i++) {
    g_autoptr (BottegaConversation) conversation = g_list_model_get_item (self->shown, i);

    if (!bottega_conversation_get_busy (conversation))
      continue;
    gtk_list_view_scroll_to (self->list_view, i, GTK_LIST_SCROLL_FOCUS, NULL);
    gtk_widget_grab_focus (GTK_WIDGET (self->list_view));
    /* The list is in sight already, perhaps: the ring says which row is meant. */
    gtk_window_set_focus_visible (GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))), TRUE);
    return TRUE;
  }
  return FALSE;
}

void
bottega_sidebar_popup_menu (BottegaSidebar *self)
{
  g_return_if_fail (BOTTEGA_IS_SIDEBAR (self));

  gtk_menu_button_popup (self->menu_button);
}
