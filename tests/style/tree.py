# SPDX-License-Identifier: GPL-3.0-or-later
"""What every checker of this folder shares: the list of the project's own files, and TAP output.

A checker is a set of functions (path, text) -> list of complaints; it first proves on bad and good
snippets that each of them can fail and pass, then reads the tree. It knows no rule itself.
"""

import fnmatch
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
C_FILES = ('*.c', '*.h', '*.def')
GLSL_FILES = ('*.comp', '*.glsl')
GLSL_ENDS = ('.comp', '.glsl')


def is_ours(folder, name):
    """Build folders, caches and hidden files are not part of the tree; .ci is."""
    if name.startswith('.'):
        return name in ('.ci', '.clang-format', '.editorconfig')
    if name == '__pycache__':
        return False
    return folder != ROOT or not name.startswith(('build', '_build'))


def paths(*patterns):
    """The files of the tree that match one of the patterns, relative to its root, in order."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(d for d in folders if is_ours(folder, d))
        for name in sorted(files):
            if is_ours(folder, name) and any(fnmatch.fnmatch(name, p) for p in patterns):
                found.append(os.path.relpath(os.path.join(folder, name), ROOT))
    return found


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


class Tap:
    """One case per rule: what it found in the tree, or that it sees what it must see."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def case(self, name, complaints):
        self.count += 1
        self.failed += bool(complaints)
        print(f'{"not ok" if complaints else "ok"} {self.count} - {name}')
        for complaint in complaints:
            print(f'# {complaint}')

    def self_test(self, rule, bad=(), good=()):
        """bad and good: lists of (path, text); rule must complain about each bad one only."""
        wrong = [f'not seen in {path}: {text!r}' for path, text in bad if not rule(path, text)]
        wrong += [f'wrongly seen in {path}: {found}' for path, text in good
                  for found in rule(path, text)]
        self.case(f'self-test: {rule.__name__}', wrong)

    def over_tree(self, rule, files):
        complaints = []
        for path in files:
            complaints += [f'{path}{found}' for found in rule(path, read(path))]
        self.case(rule.__name__.replace('_', ' '), complaints)

    def finish(self):
        print(f'1..{self.count}')
        sys.exit(self.failed > 0)
