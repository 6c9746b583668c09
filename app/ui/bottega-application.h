/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The application: one instance, its command line and the actions app.… */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_APPLICATION (bottega_application_get_type ())
G_DECLARE_FINAL_TYPE (BottegaApplication, bottega_application, BOTTEGA, APPLICATION, AdwApplication)

BottegaApplication *bottega_application_new (void);

G_END_DECLS
