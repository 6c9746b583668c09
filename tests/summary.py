#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds up what `meson test` wrote: each TAP case is one, and a program that crashed is one failed.

summary.py [--failed NAME]… TESTLOG.json…: names what failed, and ends with `N passed, N failed`.
NAME is something that failed before any test could run, a build say. Exit code 1 if any failed.
It knows TAP and Meson's log, and no test.
"""

import json
import re
import sys

CASE = re.compile(r'^\s*(not )?ok\b[ \t]*\d*[ \t]*(?:- )?([^#\n]*)(#\s*(?:skip|todo)\b)?',
                  re.I | re.M)
SHOWN_LINES = 120
PASSING = ('OK', 'SKIP', 'EXPECTEDFAIL')


class Count:
    def __init__(self):
        self.passed = self.skipped = 0
        self.failures = []

    def add_program(self, entry):
        """One program: its TAP cases, or itself where it has none."""
        name, result = entry['name'].split(' / ')[-1], entry['result']
        failures, cases = [], 0
        for failed, case, directive in CASE.findall(entry.get('stdout') or ''):
            cases += 1
            if directive:
                self.skipped += 1
            elif failed:
                failures.append(f'{name}: {case.strip()}')
            else:
                self.passed += 1
        if result not in PASSING and not failures:
            # It ended before it could say which case went wrong.
            how = {'TIMEOUT': 'ran out of time'}.get(result)
            failures.append(f'{name}: {how or "ended with code " + str(entry["returncode"])}')
        elif not cases:
            self.passed += result != 'SKIP'
            self.skipped += result == 'SKIP'
        self.failures += failures
        if failures:
            show(name, entry)


def show(name, entry):
    """The end of what a failed program wrote, without its good cases."""
    lines = [line for line in (entry.get('stdout') or '').split('\n')
             if not re.match(r'\s*(ok |\d+\.\.\d+|TAP version|$)', line)]
    lines += (entry.get('stderr') or '').split('\n')
    print(f'--- {name}')
    print('\n'.join(line[:400] for line in lines[-SHOWN_LINES:] if line))


def main(arguments):
    count = Count()
    while arguments and arguments[0] == '--failed':
        count.failures.append(arguments[1])
        arguments = arguments[2:]
    for path in arguments:
        with open(path, encoding='utf-8') as log:
            for line in log:
                count.add_program(json.loads(line))
    for failure in count.failures:
        print(f'failed: {failure}')
    if count.skipped:
        print(f'skipped: {count.skipped}')
    print(f'{count.passed} passed, {len(count.failures)} failed')
    return 1 if count.failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
