#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our interpreter of chat templates against Jinja2, live: what one renders the other must.

usage: compare-jinja.py TEST-JINJA [--seed S] [--generated N]

Snippets (one a line, with \\n, \\r, \\t, \\s and \\\\), whole templates of ours over conversations,
templates that the packages at hand carry, and generated ones. Speaks TAP; without Jinja2 it says
that it was skipped."""

import argparse
import os
import random
import re
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
try:
    from jinja_reference import Ours, reference
except ImportError:
    print('1..0 # SKIP Jinja2 is not installed')
    sys.exit(0)
from conversations import CONVERSATIONS, SNIPPET_VARIABLES  # noqa: E402
from generate_templates import Generator  # noqa: E402

SHOWN = 10
# What Python shows of objects that have no text of their own.
NO_VALUE = re.compile(r' at 0x[0-9a-f]+|<Macro')
warnings.simplefilter('ignore')


def snippets():
    with open(os.path.join(HERE, 'jinja-snippets.txt'), encoding='utf-8') as file:
        for line in file.read().split('\n')[:-1]:
            yield re.sub(r'\\(.)', lambda m: {'n': '\n', 'r': '\r', 't': '\t', 's': ' '}.get(
                m.group(1), m.group(1)), line)


def own_templates():
    folder = os.path.join(HERE, 'templates')
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding='utf-8', newline='') as file:
            yield name, file.read()


def packaged_templates():
    """Chat templates in files of installed Python packages; none of them is in our tree."""
    for root in sys.path:
        for folder, folders, files in os.walk(root) if os.path.isdir(root) else ():
            folders[:] = [name for name in folders if not name.startswith(('.', '__'))]
            for name in files:
                if re.search(r'chat.*\.(jinja2?|j2)$|^template.*\.jinja$', name):
                    with open(os.path.join(folder, name), encoding='utf-8') as file:
                        yield name, file.read()


def model_template(path):
    """tokenizer.chat_template of a GGUF, found by its key."""
    with open(path, 'rb') as file:
        head = file.read(32 << 20)
    key = b'tokenizer.chat_template'
    at = head.find(len(key).to_bytes(8, 'little') + key)
    if at < 0:
        return None
    at += 8 + len(key) + 4
    size = int.from_bytes(head[at:at + 8], 'little')
    return head[at + 8:at + 8 + size].decode()


class Tap:
    def __init__(self, ours):
        self.ours, self.count, self.failed = ours, 0, 0

    def compare(self, name, cases, refusals_too=True):
        """cases: (what, template, variables). refusals_too: what one refuses both must."""
        wrong, total, accepted = [], 0, 0
        for what, template, variables in cases:
            expected, got = reference(template, variables), self.ours.render(template, variables)
            total += 1
            if expected[0] and NO_VALUE.search(expected[1]):
                continue
            accepted += expected[0] and got[0]
            if expected[0] and got[0] and expected[1] != got[1]:
                wrong.append((what, expected, got))
            elif refusals_too and expected[0] != got[0]:
                wrong.append((what, expected, got))
        self.count += 1
        self.failed += bool(wrong) or not total
        print(f'{"not ok" if wrong or not total else "ok"} {self.count} - {name}: {total} cases, '
              f'{accepted} rendered, {len(wrong)} differences')
        for what, expected, got in wrong[:SHOWN]:
            print(f'# {what!r}\n#   Jinja2 {expected!r}\n#   ours   {got!r}')


def over_conversations(templates):
    return [(f'{name} over {title}', template, variables)
            for name, template in templates for title, variables in CONVERSATIONS]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--generated', type=int, default=2000)
    args = parser.parse_args()
    tap = Tap(Ours(args.program))
    tap.compare('snippets', [(text, text, SNIPPET_VARIABLES) for text in snippets()])
    tap.compare('templates of ours', over_conversations(own_templates()))
    foreign = list(packaged_templates())
    model = os.environ.get('BOTTEGA_TEST_MODEL')
    if model:
        foreign.append(('the starter model', model_template(model)))
    if foreign:
        tap.compare('templates at hand', over_conversations(foreign))
    generator = Generator(random.Random(args.seed))
    cases = [generator.template() for _ in range(args.generated)]
    tap.compare('generated templates', [(text, text, SNIPPET_VARIABLES) for text in cases])
    if tap.ours.close():
        tap.failed += 1
        print('# the interpreter did not end well')
    print(f'1..{tap.count}')
    return tap.failed > 0


if __name__ == '__main__':
    sys.exit(main())
