#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources are laid out as clang-format (.clang-format) and blueprint-compiler lay them out.

./dev format mends every complaint of this check.
"""

import os
import subprocess
import sys
import tempfile

import tree


def clang_format(path, text):
    done = subprocess.run(['clang-format', '--style=file', f'--assume-filename={path}'],
                          input=text, capture_output=True, text=True, cwd=tree.ROOT, check=False)
    if done.returncode:
        return [f': {done.stderr.strip()}']
    for number, (ours, theirs) in enumerate(zip(text.split('\n'), done.stdout.split('\n')), 1):
        if ours != theirs:
            return [f':{number}: is {ours!r}, should be {theirs!r} (./dev format)']
    return [] if done.stdout == text else [': has too many or too few lines (./dev format)']


def blueprint_format(path, text):
    with tempfile.NamedTemporaryFile('w', suffix='.blp', encoding='utf-8') as file:
        file.write(text)
        file.flush()
        done = subprocess.run(['blueprint-compiler', 'format', '--no-diff', file.name],
                              capture_output=True, text=True, check=False)
    return [': is laid out differently (./dev format)'] if done.returncode else []


def main():
    tap = tree.Tap()
    tap.self_test(clang_format,
                  bad=[('engine/a.c', 'int f(int a) { return a; }\n'),
                       ('shaders/a.comp', 'void main(){x=1;}\n')],
                  good=[('engine/a.c', 'int\nf (int a)\n{\n  return a;\n}\n')])
    tap.self_test(blueprint_format,
                  bad=[('a.blp', 'using Gtk 4.0;\nLabel{label:"x";}\n')],
                  good=[('a.blp', 'using Gtk 4.0;\n\nLabel {\n  label: "x";\n}\n')])
    tap.over_tree(clang_format, tree.paths('*.c', '*.h', *tree.GLSL_FILES))
    tap.over_tree(blueprint_format, tree.paths('*.blp'))
    tap.finish()


if __name__ == '__main__':
    os.chdir(tree.ROOT)
    sys.exit(main())
