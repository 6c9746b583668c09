/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns what the wheel does over entries for numbers. It must not know whose numbers they are.
 */
#include "config.h"

#include "app/ui/bottega-wheel.h"

/* GTK has no property for it; the entry then hears nothing of the wheel, and the page does. */
static void
silence (GtkWidget *entry)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (entry);

  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++) {
    g_autoptr (GtkEventController) controller = g_list_model_get_item (controllers, i);

    if (GTK_IS_EVENT_CONTROLLER_SCROLL (controller))
      gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_NONE);
  }
}

void
bottega_wheel_scrolls_only (GtkWidget *widget)
{
  g_return_if_fail (GTK_IS_WIDGET (widget));

  if (GTK_IS_SPIN_BUTTON (widget))
    silence (widget);
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    bottega_wheel_scrolls_only (child);
}
