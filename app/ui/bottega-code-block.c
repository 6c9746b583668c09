/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns one listing: its buffer, its language and its colours, which follow the light or dark style
 * of the desktop. It must not know Markdown.
 */
#define G_LOG_DOMAIN "bottega-code-block"

#include "config.h"

#include "app/ui/bottega-code-block.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <gtksourceview/gtksource.h>
#include <string.h>

#define COPIED_MS 1500

/* A text view that is as tall as its lines from the start. GtkTextView learns their height when it
 * is idle, and a view without a height is not told of it. */
#define BOTTEGA_TYPE_CODE_VIEW (bottega_code_view_get_type ())
G_DECLARE_FINAL_TYPE (BottegaCodeView, bottega_code_view, BOTTEGA, CODE_VIEW, GtkSourceView)

struct _BottegaCodeView {
  GtkSourceView parent_instance;
};

struct _BottegaCodeBlock {
  GtkWidget parent_instance;

  GtkLabel *language_label;
  GtkButton *copy_button;
  GtkSourceView *view;
  GtkSourceBuffer *buffer;

  GString *code;
  guint copied_source;
};

G_DEFINE_FINAL_TYPE (BottegaCodeView, bottega_code_view, GTK_SOURCE_TYPE_VIEW)
G_DEFINE_FINAL_TYPE (BottegaCodeBlock, bottega_code_block, GTK_TYPE_WIDGET)

/* What people write behind a fence, where it is not GtkSourceView's own name. */
static const struct {
  const char *written, *id;
} aliases[] = {
  { "bash", "sh" },
  { "c#", "c-sharp" },
  { "c++", "cpp" },
  { "console", "sh" },
  { "cs", "c-sharp" },
  { "csharp", "c-sharp" },
  { "golang", "go" },
  { "h", "c" },
  { "hpp", "cpp" },
  { "hs", "haskell" },
  { "javascript", "js" },
  { "jsx", "jsx" },
  { "kt", "kotlin" },
  { "make", "makefile" },
  { "md", "markdown" },
  { "objc", "objc" },
  { "patch", "diff" },
  { "pl", "perl" },
  { "py", "python3" },
  { "python", "python3" },
  { "rb", "ruby" },
  { "rs", "rust" },
  { "shell", "sh" },
  { "tex", "latex" },
  { "ts", "typescript" },
  { "yml", "yaml" },
  { "zsh", "sh" },
};

static void
bottega_code_view_measure (GtkWidget *widget,
                           GtkOrientation orientation,
                           int for_size,
                           int *minimum,
                           int *natural,
                           int *minimum_baseline,
                           int *natural_baseline)
{
  GtkTextView *view = GTK_TEXT_VIEW (widget);

  GTK_WIDGET_CLASS (bottega_code_view_parent_class)
      ->measure (widget, orientation, for_size, minimum, natural, minimum_baseline,
                 natural_baseline);
  if (orientation == GTK_ORIENTATION_VERTICAL) {
    g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (widget, "0");
    int line, lines = gtk_text_buffer_get_line_count (gtk_text_view_get_buffer (view));

    pango_layout_get_pixel_size (layout, NULL, &line);
    *minimum = MAX (*minimum, lines * line + gtk_text_view_get_top_margin (view) +
                                  gtk_text_view_get_bottom_margin (view));
    *natural = MAX (*natural, *minimum);
  }
}

static void
bottega_code_view_class_init (BottegaCodeViewClass *klass)
{
  GTK_WIDGET_CLASS (klass)->measure = bottega_code_view_measure;
}

static void
bottega_code_view_init (BottegaCodeView *self)
{
}

static GtkSourceLanguage *
find_language (const char *written)
{
  GtkSourceLanguageManager *manager = gtk_source_language_manager_get_default ();
  g_autofree char *id = g_ascii_strdown (written, -1);

  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (g_str_equal (aliases[i].written, id))
      return gtk_source_language_manager_get_language (manager, aliases[i].id);
  return gtk_source_language_manager_get_language (manager, id);
}

static void
update_scheme (BottegaCodeBlock *self)
{
  gboolean dark = adw_style_manager_get_dark (adw_style_manager_get_default ());
  GtkSourceStyleSchemeManager *manager = gtk_source_style_scheme_manager_get_default ();

  g_assert (BOTTEGA_IS_CODE_BLOCK (self));

  gtk_source_buffer_set_style_scheme (
      self->buffer,
      gtk_source_style_scheme_manager_get_scheme (manager, dark ? "Adwaita-dark" : "Adwaita"));
}

static gboolean
copied_timeout_cb (gpointer user_data)
{
  BottegaCodeBlock *self = user_data;

  g_assert (BOTTEGA_IS_CODE_BLOCK (self));

  self->copied_source = 0;
  gtk_button_set_icon_name (self->copy_button, "edit-copy-symbolic");
  return G_SOURCE_REMOVE;
}

static void
copy_cb (BottegaCodeBlock *self,
         GtkButton *button)
{
  g_assert (BOTTEGA_IS_CODE_BLOCK (self));

  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)), self->code->str);
  gtk_button_set_icon_name (self->copy_button, "object-select-symbolic");
  gtk_accessible_announce (GTK_ACCESSIBLE (self), _ ("Code copied"),
                           GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_LOW);
  g_clear_handle_id (&self->copied_source, g_source_remove);
  self->copied_source = g_timeout_add (COPIED_MS, copied_timeout_cb, self);
}

static void
bottega_code_block_dispose (GObject *object)
{
  BottegaCodeBlock *self = BOTTEGA_CODE_BLOCK (object);

  g_clear_handle_id (&self->copied_source, g_source_remove);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_CODE_BLOCK);
  /* The template lets go only of what is bound. */
  for (GtkWidget *child; (child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL;)
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (bottega_code_block_parent_class)->dispose (object);
}

static void
bottega_code_block_finalize (GObject *object)
{
  BottegaCodeBlock *self = BOTTEGA_CODE_BLOCK (object);

  g_string_free (self->code, TRUE);
  G_OBJECT_CLASS (bottega_code_block_parent_class)->finalize (object);
}

static void
bottega_code_block_class_init (BottegaCodeBlockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_code_block_dispose;
  object_class->finalize = bottega_code_block_finalize;

  g_type_ensure (BOTTEGA_TYPE_CODE_VIEW);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-code-block.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaCodeBlock, language_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaCodeBlock, copy_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaCodeBlock, view);
  gtk_widget_class_bind_template_child (widget_class, BottegaCodeBlock, buffer);
  gtk_widget_class_bind_template_callback (widget_class, copy_cb);
}

static void
bottega_code_block_init (BottegaCodeBlock *self)
{
  self->code = g_string_new (NULL);
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_object (adw_style_manager_get_default (), "notify::dark",
                           G_CALLBACK (update_scheme), self, G_CONNECT_SWAPPED);
  update_scheme (self);
  bottega_code_block_set_language (self, NULL);
}

GtkWidget *
bottega_code_block_new (void)
{
  return g_object_new (BOTTEGA_TYPE_CODE_BLOCK, NULL);
}

static gboolean
warm_up_cb (gpointer user_data)
{
  static guint step;
  GtkSourceStyleSchemeManager *schemes;
  GtkWidget *block;

  switch (step++) {
  case 0:
    find_language ("python");
    return G_SOURCE_CONTINUE;
  case 1:
    schemes = gtk_source_style_scheme_manager_get_default ();
    gtk_source_style_scheme_manager_get_scheme (schemes, "Adwaita");
    return G_SOURCE_CONTINUE;
  default:
    block = g_object_ref_sink (bottega_code_block_new ());
    bottega_code_block_set_code (BOTTEGA_CODE_BLOCK (block), "0");
    gtk_widget_measure (block, GTK_ORIENTATION_VERTICAL, -1, NULL, NULL, NULL, NULL);
    g_object_unref (block);
    return G_SOURCE_REMOVE;
  }
}

void
bottega_code_block_warm_up (void)
{
  static gsize done;

  if (g_once_init_enter (&done)) {
    guint id = g_idle_add_full (G_PRIORITY_LOW, warm_up_cb, NULL, NULL);
    g_source_set_name_by_id (id, "[bottega] code warm-up");
    g_once_init_leave (&done, 1);
  }
}

void
bottega_code_block_set_code (BottegaCodeBlock *self,
                             const char *code)
{
  GtkTextBuffer *buffer;
  gsize length;

  g_return_if_fail (BOTTEGA_IS_CODE_BLOCK (self));
  g_return_if_fail (code != NULL);

  buffer = GTK_TEXT_BUFFER (self->buffer);
  length = strlen (code);
  if (length >= self->code->len && memcmp (code, self->code->str, self->code->len) == 0) {
    GtkTextIter end;
    if (length == self->code->len)
      return;
    gtk_text_buffer_get_end_iter (buffer, &end);
    gtk_text_buffer_insert (buffer, &end, code + self->code->len, length - self->code->len);
  } else {
    gtk_text_buffer_set_text (buffer, code, length);
  }
  g_string_truncate (self->code, 0);
  g_string_append_len (self->code, code, length);
}

void
bottega_code_block_set_language (BottegaCodeBlock *self,
                                 const char *language)
{
  GtkSourceLanguage *found = NULL;
  const char *name = language;
  g_autofree char *label = NULL;

  g_return_if_fail (BOTTEGA_IS_CODE_BLOCK (self));

  if (language != NULL)
    found = find_language (language);
  if (found != NULL)
    name = gtk_source_language_get_name (found);
  gtk_source_buffer_set_language (self->buffer, found);
  gtk_label_set_label (self->language_label, name != NULL ? name : _ ("Code"));

  label = name != NULL ? g_strdup_printf (_ ("Code in %s"), name) : g_strdup (_ ("Code"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}
