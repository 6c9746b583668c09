#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file with words for people is listed in po/POTFILES, and every translation is complete."""

import itertools
import os
import re
import subprocess
import tempfile

import tree

WORDS = {
    '.c': re.compile(r'\b(?:N?_|NC?_|C_|ngettext|g_dpgettext2?|g_dngettext) \('),
    '.h': re.compile(r'\b(?:N?_|NC?_|C_|ngettext) \("'),
    '.def': re.compile(r'\b(?:N?_|NC?_|C_) \("'),
    '.blp': re.compile(r'\bC?_\("'),
    '.in': re.compile(r'^\[Desktop Entry\]|<component|translatable="', re.M),
    '.ui': re.compile(r'translatable="'),
}
KEYWORDS = ('_', 'N_', 'C_:1c,2', 'NC_:1c,2', 'ngettext:1,2', 'g_dngettext:2,3',
            'g_dpgettext2:2c,3')


def listed():
    for name in ('po/POTFILES', 'po/POTFILES.in'):
        if os.path.exists(os.path.join(tree.ROOT, name)):
            return [line.strip() for line in tree.read(name).split('\n')
                    if line.strip() and not line.startswith('#')]
    return []


def has_words(path, text):
    pattern = WORDS.get(os.path.splitext(path)[1])
    return ['has words'] if pattern and pattern.search(text) else []


def missing(files):
    known = listed()
    return [f'{path} is not in po/POTFILES' for path in files
            if path not in known and not path.startswith('tests/')
            and has_words(path, tree.read(path))]


def template(folder):
    """The current template of all words, made in this folder."""
    pot = os.path.join(folder, 'now.pot')
    known = [path for path in listed() if os.path.exists(os.path.join(tree.ROOT, path))]
    code = [path for path in known if path.endswith(('.c', '.h', '.def', '.blp'))]
    keywords = [f'--keyword={word}' for word in KEYWORDS]
    for files, options in ((code, ['-L', 'C', '-k', *keywords]),
                           ([path for path in known if path not in code], [])):
        if files:
            subprocess.run(['xgettext', '--from-code=UTF-8', '--force-po', '-o', pot,
                            *(['-j'] if os.path.exists(pot) else []), *options, *files],
                           cwd=tree.ROOT, check=True, capture_output=True, text=True)
    return pot


def incomplete(po, pot):
    """What gettext's own tools find wrong: untranslated, fuzzy, bad formats."""
    complaints = []
    for command in (['msgfmt', '--check', '-o', '/dev/null', po], ['msgcmp', po, pot]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            complaints += [with_words(line, pot) for line in done.stderr.strip().split('\n')]
    return complaints


def with_words(complaint, pot):
    """msgcmp names a line of the template, which is gone by then: the words say more."""
    match = re.match(re.escape(pot) + r':(\d+): (.*)', complaint)
    if not match:
        return complaint
    with open(pot, encoding='utf-8') as file:
        before = file.read().split('\n')[:int(match.group(1)) - 1]
    words = reversed(list(itertools.takewhile(bool, reversed(before))))
    return f'{match.group(2)}: {" ".join(line for line in words if line[:1] != "#")}'


def self_test_translations(tap):
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        def write(name, text):
            with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                file.write(head + text)
            return os.path.join(folder, name)
        pot = write('a.pot', '#, c-format\nmsgid "%d pages"\nmsgstr ""\n')
        for text in ('', '#, c-format\nmsgid "%d pages"\nmsgstr ""\n',
                     '#, fuzzy, c-format\nmsgid "%d pages"\nmsgstr "%d pagine"\n',
                     '#, c-format\nmsgid "%d pages"\nmsgstr "%s pagine"\n'):
            if not incomplete(write('a.po', text), pot):
                wrong.append(f'not seen: {text!r}')
        good = write('a.po', '#, c-format\nmsgid "%d pages"\nmsgstr "%d pagine"\n')
        wrong += incomplete(good, pot)
    tap.case('self-test: translations are complete', wrong)


def main():
    tap = tree.Tap()
    tap.self_test(has_words,
                  bad=[('a.c', 'x = _ ("Send");'), ('a.c', 'C_ ("verb", "Send")'),
                       ('a.blp', 'label: _("Send");'), ('a.desktop.in', '[Desktop Entry]\n'),
                       ('a.metainfo.xml.in', '<component type="desktop">')],
                  good=[('a.c', 'f_ (x); "_(x)"'), ('a.blp', 'label: "x";')])
    self_test_translations(tap)
    files = tree.paths('*.c', '*.h', '*.def', '*.blp', '*.in', '*.ui')
    tap.case('files with words are listed', missing(files))
    tap.case('listed files exist', [f'{path} does not exist' for path in listed()
                                    if not os.path.exists(os.path.join(tree.ROOT, path))])
    with tempfile.TemporaryDirectory() as folder:
        for po in tree.paths('*.po'):
            tap.case(f'{po} is complete', incomplete(os.path.join(tree.ROOT, po), template(folder)))
    tap.finish()


main()
