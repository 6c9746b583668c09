#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small window, like a file manager's, out of which the files named on the command line can be
dragged. For test-drop.py."""

import sys

import gi

gi.require_version('Gdk', '4.0')
gi.require_version('Gtk', '4.0')
from gi.repository import Gdk, Gio, Gtk  # noqa: E402


def prepare(_source, _x, _y):
    files = Gdk.FileList.new_from_list([Gio.File.new_for_path(path) for path in sys.argv[1:]])
    return Gdk.ContentProvider.new_for_value(files)


def activate(app):
    window = Gtk.ApplicationWindow(application=app, title='drag-source', decorated=False,
                                   default_width=120, default_height=120)
    label = Gtk.Label(label='drag me', hexpand=True, vexpand=True)
    source = Gtk.DragSource()
    source.connect('prepare', prepare)
    label.add_controller(source)
    window.set_child(label)
    window.present()


application = Gtk.Application(application_id='org.example.DragSource',
                              flags=Gio.ApplicationFlags.NON_UNIQUE)
application.connect('activate', activate)
application.run([])
