#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""remove.py BUILD: takes away what `meson install` put on the system (below DESTDIR, where that is
set), then what it had made besides: entries in the desktop's caches, and folders that are empty
now. Files of others stay. Run by `meson compile -C BUILD remove`."""

import json
import os
import shutil
import subprocess
import sys

# A cache, the folder below share/ that it stands in, and the program that makes it anew of the
# files there.
CACHES = (
    ('mimeinfo.cache', 'applications', ('update-desktop-database', '-q')),
    ('icon-theme.cache', 'icons/hicolor', ('gtk4-update-icon-cache', '-q', '-t', '-f')),
    ('gschemas.compiled', 'glib-2.0/schemas', ('glib-compile-schemas',)),
)


def installed(build):
    """All paths that an installation makes."""
    with open(os.path.join(build, 'meson-info/intro-installed.json'), encoding='utf-8') as file:
        paths = json.load(file).values()
    return [os.environ.get('DESTDIR', '') + path for path in paths]


def holds_files(folder, but=()):
    return any(name not in but for _, _, names in os.walk(folder) for name in names)


def refresh(share):
    """The caches of what is still there; without anything there they go."""
    for cache, folder, command in CACHES:
        folder = os.path.join(share, folder)
        path = os.path.join(folder, cache)
        if not os.path.exists(path):
            continue
        if not holds_files(folder, but=(cache,)):
            os.remove(path)
        elif shutil.which(command[0]):
            subprocess.run([*command, folder], check=False)
    mime = os.path.join(share, 'mime')  # all but packages/ is made of packages/
    if os.path.isdir(mime) and not holds_files(os.path.join(mime, 'packages')):
        shutil.rmtree(mime)
    elif os.path.isdir(mime) and shutil.which('update-mime-database'):
        subprocess.run(['update-mime-database', mime], check=False)


def remove_empty(folder):
    """Upwards from a folder, as far as they are empty."""
    while folder != os.path.dirname(folder):
        try:
            os.rmdir(folder)
        except OSError:
            if os.path.exists(folder):
                return
        folder = os.path.dirname(folder)


def main():
    paths = installed(sys.argv[1])
    for path in paths:
        if os.path.lexists(path):
            os.remove(path)
    for share in {path[:path.index('/share/')] + '/share' for path in paths if '/share/' in path}:
        refresh(share)
    for path in paths:
        remove_empty(os.path.dirname(path))


main()
