#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests of flatpak/: the sandbox may do four things and no more, all that is built is
pinned, and the models are those of ./dev. Reads them as text: there is no parser of YAML here."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'style'))
import tree  # noqa: E402

PERMISSIONS = ['--device=dri', '--share=ipc', '--socket=fallback-x11', '--socket=wayland']
APP = 'flatpak/io.github.bottega.Bottega.yml'
MODELS = 'flatpak/io.github.bottega.Bottega.Models.yml'
REMOTE = re.compile(r'- type: (?:archive|file)\n +url: (\S+)\n((?: +\w.*\n)*)')


def section(text, key):
    """The lines below a key of the first level."""
    match = re.search(rf'^{key}:\n((?: .*\n|#.*\n)*)', text, re.M)
    return match.group(1) if match else ''


def four_permissions(_path, text):
    found = sorted(re.findall(r'^ +- (\S+)$', section(text, 'finish-args'), re.M))
    return [] if found == PERMISSIONS else [f': the sandbox may {found}']


def no_permission_elsewhere(_path, text):
    """Neither given to a build nor brought in by another file."""
    return [f': {line.strip()}' for line in text.split('\n')
            if re.search(r'build-args|metadata:|base:|--(share|socket|filesystem|talk-name)', line)
            and line.strip(' -') not in [p.strip('-') for p in PERMISSIONS]]


def sources_are_pinned(_path, text):
    remote = REMOTE.findall(text)
    complaints = [f': {url}' for url, rest in remote if not url.startswith('https://')
                  or not re.fullmatch(r' +sha256: [0-9a-f]{64}\n', rest)]
    if len(remote) != text.count('url:'):
        complaints.append(': an address that is no archive or file')
    if re.search(r'type: (git|svn|bzr|shell|script|extra-data)', text):
        complaints.append(': a source that is no file with a sum')
    return complaints


def models_are_those_of_dev(_path, text):
    wanted = sorted(re.findall(r'\[package_sha256\]=([0-9a-f]{64})', tree.read('dev')))
    found = sorted(re.findall(r'sha256: ([0-9a-f]{64})', text))
    return [] if wanted and found == wanted else [f': {found}, where ./dev has {wanted}']


def models_are_an_extension(_path, text):
    body = section(text, 'add-extensions')
    return [] if 'io.github.bottega.Bottega.Models:' in body and \
        'directory: share/bottega/models' in body and 'no-autodownload: true' not in body \
        else [': the starter models are no extension that comes with the application']


def self_tests(tap, app, models):
    tap.self_test(four_permissions, good=[(APP, app)],
                  bad=[(APP, app.replace('--share=ipc\n', '--share=ipc\n  - --share=network\n')),
                       (APP, app.replace('  - --device=dri\n', ''))])
    tap.self_test(no_permission_elsewhere, good=[(APP, app)],
                  bad=[(APP, app + '      build-args: [--share=network]\n'),
                       (APP, app + '  - --filesystem=home\n')])
    tap.self_test(sources_are_pinned, good=[(APP, app), (MODELS, models)],
                  bad=[(APP, app.replace('sha256: 9', 'sha256: ')), (APP, app + '  - type: git\n'),
                       (MODELS, models.replace('https:', 'http:'))])
    tap.self_test(models_are_those_of_dev, good=[(MODELS, models)],
                  bad=[(MODELS, models.replace('sha256: b', 'sha256: c'))])
    tap.self_test(models_are_an_extension, good=[(APP, app)],
                  bad=[(APP, app.replace('no-autodownload: false', 'no-autodownload: true'))])


def main():
    app, models = tree.read(APP), tree.read(MODELS)
    tap = tree.Tap()
    self_tests(tap, app, models)
    for rule, paths in ((four_permissions, [APP]), (no_permission_elsewhere, [APP, MODELS]),
                        (sources_are_pinned, [APP, MODELS]),
                        (models_are_those_of_dev, [MODELS]), (models_are_an_extension, [APP])):
        tap.over_tree(rule, paths)
    tap.finish()


main()
