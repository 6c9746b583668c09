/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one error domain of the engine. A message is a whole sentence that a person can act on; it
 * names the file or the number that is wrong. The app shows it as it stands. */
#pragma once

#include <glib.h>

#define ENGINE_ERROR (engine_error_quark ())

typedef enum {
  ENGINE_ERROR_BAD_FILE,    /* the model file is damaged or lies about itself */
  ENGINE_ERROR_UNSUPPORTED, /* sound, but of a kind this version cannot run */
  ENGINE_ERROR_IO,          /* the file system said no */
  ENGINE_ERROR_NO_MEMORY,   /* RAM or device memory does not suffice; the message has the numbers */
  ENGINE_ERROR_NO_DEVICE,   /* the device asked for does not exist or lacks a feature */
  ENGINE_ERROR_DEVICE_LOST, /* the driver gave up on the device; the session's tokens are kept */
  ENGINE_ERROR_CANCELLED,   /* engine_session_cancel () was called */
  ENGINE_ERROR_LIMIT,       /* the text does not fit the context */
  ENGINE_ERROR_INVALID,     /* an argument of the caller is out of range */
} EngineErrorCode;

/* Thread: any. */
GQuark engine_error_quark (void);
