#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources are laid out as clang-format (.clang-format) and blueprint-compiler lay them out.

./dev format mends every complaint of this check.
"""

import os
import re
import subprocess
import tempfile

import tree

STYLE = os.path.join(tree.ROOT, '.clang-format')
VIOLATION = re.compile(r'^(.*?):(\d+):\d+: error: .*\[-Wclang-format-violations\]$', re.M)


def clang_format(paths):
    """One complaint a file, at its first place; one process for all, as starting it is slow."""
    command = ['clang-format', f'--style=file:{STYLE}', '--dry-run', '--Werror', *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tree.ROOT, check=False)
    first = {}
    for path, line in VIOLATION.findall(done.stderr):
        first.setdefault(path, line)
    if done.returncode and not first:
        return [done.stderr.strip()]
    return [f'{path}:{line}: is laid out differently' for path, line in first.items()]


def blueprint_format(paths):
    return [f'{path}: is laid out differently' for path in paths
            if subprocess.run(['blueprint-compiler', 'format', '--no-diff', path],
                              capture_output=True, cwd=tree.ROOT, check=False).returncode]


def self_test(tap, rule, suffix, bad, good):
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'snippet' + suffix)
        for text, is_bad in ((bad, True), (good, False)):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            if bool(rule([path])) != is_bad:
                wrong.append(f'{"not" if is_bad else "wrongly"} seen in {text!r}')
    tap.case(f'self-test: {rule.__name__} of {suffix}', wrong)


def main():
    tap = tree.Tap()
    good = 'int\nf (int a)\n{\n  return a;\n}\n'
    self_test(tap, clang_format, '.c', 'int f(int a) { return a; }\n', good)
    self_test(tap, clang_format, '.comp', 'void main(){x=1;}\n', good)
    self_test(tap, blueprint_format, '.blp', 'using Gtk 4.0;\nLabel{label:"x";}\n',
              'using Gtk 4.0;\n\nLabel {\n  label: "x";\n}\n')
    for rule, patterns in ((clang_format, ('*.c', '*.h', *tree.GLSL_FILES)),
                           (blueprint_format, ('*.blp',))):
        found = rule(tree.paths(*patterns))
        tap.case(rule.__name__.replace('_', ' '), found and found + ['./dev format mends it'])
    tap.finish()


main()
