#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""test-install.py BUILD [--whole]: what an installation puts where, that the desktop finds it
there, and that nothing is left of it. With --whole into a real prefix of its own, whose caches are
made; else below DESTDIR, which takes a second. ./dev dist runs the first on a build of the tarball,
the test run the second on the build at hand."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

APP = 'io.github.bottega.Bottega'
WANTED = {
    'bin/bottega', 'bin/bottega-cli', 'libexec/bottega/bottega-extract',
    f'share/applications/{APP}.desktop',
    f'share/dbus-1/services/{APP}.service',
    f'share/glib-2.0/schemas/{APP}.gschema.xml',
    f'share/gnome-shell/search-providers/{APP}.search-provider.ini',
    f'share/icons/hicolor/scalable/apps/{APP}.svg',
    f'share/icons/hicolor/symbolic/apps/{APP}-symbolic.svg',
    'share/locale/it/LC_MESSAGES/bottega.mo',
    f'share/metainfo/{APP}.metainfo.xml',
    f'share/mime/packages/{APP}.mime.xml',
}
CACHES = ('share/applications/mimeinfo.cache', 'share/glib-2.0/schemas/gschemas.compiled',
          'share/icons/hicolor/icon-theme.cache', 'share/mime/mime.cache')

# Kinds that are read and not offered: source text, which editors open, and what cannot be read.
NOT_OFFERED = {'text/x-source', 'application/x-ole-storage'}
EXTRACTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          '../../app/extract/extractors.def')

# What the desktop makes of it, in a process whose XDG_DATA_DIRS has the prefix first.
ASKS = f'''
import gi, sys
gi.require_version('Gtk', '4.0')
from gi.repository import Gio
kind, _ = Gio.content_type_guess('model.gguf', None)
assert kind == 'application/x-gguf', kind
kind, _ = Gio.content_type_guess('model', b'GGUF' + bytes(20))
assert kind == 'application/x-gguf', kind
for kind in ('application/x-gguf', 'application/pdf', 'text/markdown'):
    ids = [app.get_id() for app in Gio.AppInfo.get_all_for_type(kind)]
    assert '{APP}.desktop' in ids, (kind, ids)
gi.require_version('GioUnix', '2.0')
from gi.repository import GioUnix
app = GioUnix.DesktopAppInfo.new('{APP}.desktop')
assert app.list_actions() == ['new-conversation', 'library'], app.list_actions()
assert app.get_boolean('DBusActivatable')
source = Gio.SettingsSchemaSource.get_default()
assert source.lookup('{APP}', False) is not None
'''


class Installation:
    """One, in a throw-away folder."""

    def __init__(self, build, whole):
        self.build = build
        self.whole = whole
        self.folder = tempfile.mkdtemp(prefix='bottega-install-')
        options = self.introspect('buildoptions')
        prefix = next(o['value'] for o in options if o['name'] == 'prefix')
        self.prefix = prefix if whole else self.folder + prefix
        self.env = dict(os.environ) if whole else {**os.environ, 'DESTDIR': self.folder}

    def introspect(self, what):
        with open(f'{self.build}/meson-info/intro-{what}.json', encoding='utf-8') as file:
            return json.load(file)

    def run(self, *command, env=None):
        done = subprocess.run(command, env=env or self.env, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, f'{" ".join(command)}: {done.stdout}{done.stderr}'
        return done.stdout

    def files(self):
        return {os.path.relpath(os.path.join(folder, name), self.prefix)
                for folder, _, names in os.walk(self.prefix) for name in names}

    # ---- the cases

    def installs(self):
        self.run('meson', 'install', '-C', self.build, '--no-rebuild', '--quiet')
        found = self.files()
        assert WANTED <= found, f'missing: {sorted(WANTED - found)}'
        strange = {path for path in found - WANTED - set(CACHES)
                   if not path.startswith('share/mime/')}
        assert not strange, f'who knows what these are: {sorted(strange)}'
        assert self.whole or found == WANTED, sorted(found - WANTED)

    def names_itself(self):
        """The bus and the launcher start what was installed."""
        with open(f'{self.prefix}/share/dbus-1/services/{APP}.service', encoding='utf-8') as file:
            service = file.read()
        prefix = self.prefix.removeprefix('' if self.whole else self.folder)
        assert f'\nExec={prefix}/bin/bottega --gapplication-service\n' in service, service
        assert f'\nName={APP}\n' in service, service
        said = self.run(f'{self.prefix}/bin/bottega', '--version')
        assert said.startswith('Bottega '), said
        self.run('desktop-file-validate', f'{self.prefix}/share/applications/{APP}.desktop')

    def offers_what_it_reads(self):
        with open(EXTRACTORS, encoding='utf-8') as file:
            kinds = set(re.findall(r'"((?:text|application)/[^"]+)"', file.read()))
        with open(f'{self.prefix}/share/applications/{APP}.desktop', encoding='utf-8') as file:
            offered = re.search('^MimeType=(.*)$', file.read(), re.MULTILINE)[1].split(';')
        assert len(kinds) > 10, kinds
        assert kinds - NOT_OFFERED <= set(offered), kinds - NOT_OFFERED - set(offered)
        assert not NOT_OFFERED & set(offered)

    def is_found(self):
        for cache in CACHES:
            assert os.path.exists(f'{self.prefix}/{cache}'), f'{cache} was not made'
        self.run(sys.executable, '-c', ASKS, env={
            **os.environ, 'XDG_DATA_HOME': self.folder,
            'PATH': f'{self.prefix}/bin:{os.environ["PATH"]}',
            'XDG_DATA_DIRS': f'{self.prefix}/share:/usr/share', 'GSETTINGS_SCHEMA_DIR': ''})

    def goes(self):
        """A stranger's files stay, and nothing of ours does."""
        stranger = f'{self.prefix}/share/applications/stranger.desktop'
        with open(stranger, 'w', encoding='utf-8') as file:
            file.write('[Desktop Entry]\nType=Application\nName=S\nExec=true\n'
                       'MimeType=text/plain;\n')
        self.remove()
        left = self.files() - {'share/applications/mimeinfo.cache'}
        assert left == {'share/applications/stranger.desktop'}, sorted(left)
        if self.whole:
            with open(f'{self.prefix}/share/applications/mimeinfo.cache',
                      encoding='utf-8') as file:
                cache = file.read()
            assert APP not in cache and 'stranger.desktop' in cache, cache
        os.remove(stranger)
        self.remove()
        assert not os.path.exists(self.prefix), sorted(self.files()) or os.listdir(self.prefix)

    def remove(self):
        self.run('meson', 'compile', '-C', self.build, 'remove')

    def end(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    whole = sys.argv[2:] == ['--whole']
    installation = Installation(os.path.abspath(sys.argv[1]), whole)
    cases = [('everything is put at its place', installation.installs),
             ('it is what the bus and the launcher start', installation.names_itself),
             ('every kind of document that is read is offered', installation.offers_what_it_reads),
             *([('the desktop finds it', installation.is_found)] if whole else []),
             ('it is removed, and no more than it', installation.goes)]
    failed = 0
    print(f'1..{len(cases)}')
    for number, (name, case) in enumerate(cases, 1):
        try:
            case()
            print(f'ok {number} - {name}')
        except Exception as error:  # each case says what it found
            failed = 1
            print(f'not ok {number} - {name}')
            print('\n'.join('# ' + line for line in str(error).split('\n')))
    installation.end()
    sys.exit(failed)


main()
