#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small rules of every file: its opening, its width, and that each folder explains itself."""

import os
import re

import tree

COLUMNS = 100
README_LINES = 60
SPDX = 'SPDX-License-Identifier: GPL-3.0-or-later'
PARAGRAPH_LETTERS = 30

# File: why its lines may be longer.
WIDE = {}
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
CODE = ('*.c', '*.h', '*.def', '*.comp', '*.glsl', '*.py', '*.blp', '*.css', 'meson.build', 'dev',
        'run', 'with-display', 'screenshot', 'test-dev', 'standin', 'session', 'build',
        'meson.options')
C_LIKE = ('.c', '.h', '.def', '.comp', '.glsl')


def no_line_is_wider_than_100_columns(path, text):
    return [f':{number}: {len(line)} columns' for number, line in enumerate(text.split('\n'), 1)
            if len(line) > COLUMNS and path not in WIDE]


def no_tabs_and_no_blanks_at_the_end(path, text):
    complaints = [f':{number}: {"a tab" if chr(9) in line else "blanks at the end"}'
                  for number, line in enumerate(text.split('\n'), 1)
                  if '\t' in line or line != line.rstrip()]
    if text and (not text.endswith('\n') or text.endswith('\n\n')):
        complaints.append(': must end with one line feed')
    return complaints


def opens_with_the_licence(path, text):
    head = text.split('\n', 3)[:3]
    if path.endswith(C_LIKE):
        return [] if head[0] == f'/* {SPDX} */' else [f': must open with /* {SPDX} */']
    return [] if any(SPDX in line for line in head) else [': no SPDX line']


def opens_with_a_paragraph(path, text):
    """After the licence a comment says what the file owns (meson.build files may stay silent)."""
    if path.endswith('meson.build'):
        return []
    rest = text.split(SPDX, 1)[-1].split('\n', 1)[-1].lstrip()
    if path.endswith(C_LIKE + ('.css',)):
        comment = re.match(r'/\*(.*?)\*/', rest, re.S)
    elif path.endswith('.blp'):
        comment = re.match(r'((//[^\n]*\n)+|/\*.*?\*/)', rest, re.S)
    elif path.endswith('.py'):
        comment = re.match(r'"""(.*?)"""', rest, re.S)
    else:
        comment = re.match(r'((#[^\n]*\n)+)', rest)
    letters = len(re.sub(r'[^\w]', '', comment.group(1))) if comment else 0
    return [] if letters >= PARAGRAPH_LETTERS else [': does not open by saying what it owns']


def nothing_is_left_unfinished(path, text):
    return [f':{number}: {line.strip()}' for number, line in enumerate(text.split('\n'), 1)
            if UNFINISHED.search(line)]


def a_readme_fits_a_screen(path, text):
    lines = text.count('\n')
    return [f': {lines} lines'] if path.endswith('README.md') and '/' in path \
        and lines > README_LINES else []


def needs_readme(folder):
    """Every folder of code; the tests explain themselves one level deep."""
    return folder and folder != '.ci' and not (
        folder.startswith('tests/') and folder.count('/') > 1)


def every_folder_has_a_readme(files):
    folders = {os.path.dirname(path) for path in files}
    return [f'{folder}/README.md is missing' for folder in sorted(filter(needs_readme, folders))
            if not os.path.exists(os.path.join(tree.ROOT, folder, 'README.md'))]


def self_tests(tap):
    opening = f'/* {SPDX} */\n/* {"Owns this and that. " * 4} */\n'
    tap.self_test(no_line_is_wider_than_100_columns,
                  bad=[('a.c', 'x' * 101)], good=[('a.c', 'é' * 100)])
    tap.self_test(no_tabs_and_no_blanks_at_the_end,
                  bad=[('a.c', '\tx;\n'), ('a.c', 'x; \n'), ('a.c', 'x;'), ('a.c', 'x;\n\n')],
                  good=[('a.c', '  x;\n')])
    tap.self_test(opens_with_the_licence,
                  bad=[('a.c', '/* x */\n'), ('a.py', '"""x"""\n'), ('a.c', f'// {SPDX}\n')],
                  good=[('a.c', opening), ('a.py', f'#!/usr/bin/python3\n# {SPDX}\n')])
    tap.self_test(opens_with_a_paragraph,
                  bad=[('a.c', f'/* {SPDX} */\n#include <glib.h>\n'),
                       ('a.c', f'/* {SPDX} */\n/* Short. */\n'), ('a.blp', f'// {SPDX}\nx'),
                       ('a.py', f'# {SPDX}\nimport os\n'), ('dev', f'# {SPDX}\nset -e\n')],
                  good=[('a.c', opening), ('a.blp', f'// {SPDX}\n// {"Owns this. " * 9}\n'),
                        ('a.py', f'# {SPDX}\n"""{"Owns this. " * 9}"""\n'),
                        ('dev', f'# {SPDX}\n#\n# {"Owns this. " * 9}\n')])
    tap.self_test(nothing_is_left_unfinished,
                  bad=[('a.c', '/* TO' 'DO: later */')], good=[('a.c', 'todo_list ();')])
    tap.self_test(a_readme_fits_a_screen, bad=[('x/README.md', '\n' * 61)],
                  good=[('x/README.md', '\n' * 60), ('README.md', '\n' * 99)])
    wrong = [] if every_folder_has_a_readme(['no-such-folder/a.c']) else ['not seen']
    wrong += every_folder_has_a_readme(['tests/engine/model/deep.c'])
    tap.case('self-test: every_folder_has_a_readme', wrong)


def main():
    tap = tree.Tap()
    self_tests(tap)
    files = tree.paths(*CODE)
    for rule in (no_line_is_wider_than_100_columns, no_tabs_and_no_blanks_at_the_end,
                 opens_with_the_licence, opens_with_a_paragraph, nothing_is_left_unfinished):
        tap.over_tree(rule, files)
    tap.over_tree(a_readme_fits_a_screen, tree.paths('README.md'))
    tap.case('every folder has a README',
             every_folder_has_a_readme(tree.paths('*.c', '*.h', '*.comp', '*.py', '*.blp')))
    tap.finish()


main()
