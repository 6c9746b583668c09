#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole session under strace: start, a document, a question about it, a search, the end. None of
its processes so much as asks for a socket of a network."""

import os
import re
import subprocess
import sys
import tempfile

import driver

LOCAL = {'AF_UNIX', 'AF_NETLINK'}
# Without --seccomp-bpf, which does not see what a filter refuses. -D: the program stays our child.
STRACE = ['strace', '-D', '-f', '-qq', '-e', 'trace=socket,io_uring_setup,execve',
          '-e', 'signal=none', '-o']


def may_trace():
    return subprocess.run([*STRACE, '/dev/null', 'true'], check=False,
                          capture_output=True).returncode == 0


class Session:
    """One window, whose process and all that it starts are traced."""

    def __init__(self, folder):
        self.folder = folder
        self.trace = os.path.join(folder, 'trace')
        self.data = driver.Data()
        embed = os.path.join(self.data.path, 'models', 'embed')
        os.mkdir(embed)
        model = os.environ['BOTTEGA_TEST_EMBED_MODEL']
        os.symlink(model, os.path.join(embed, os.path.basename(model)))
        self.app = None

    def read(self):
        with open(self.trace, encoding='utf-8', errors='replace') as file:
            return file.read()

    def sees_attempts(self):
        """What is refused is seen too, or all that follows would prove nothing."""
        subprocess.run(['strace', *STRACE[2:], self.trace, 'bottega-cli', 'doctor'], check=True,
                       capture_output=True, timeout=120)
        text = self.read()
        assert re.search(r'socket\(AF_INET, .*= -1 EACCES', text), text
        assert re.search(r'socket\(AF_INET6, .*= -1 EACCES', text), text
        os.remove(self.trace)

    def runs(self):
        lease = os.path.join(self.folder, 'lease.md')
        with open(lease, 'w', encoding='utf-8') as file:
            file.write('# Lease\n\nThe rent may be raised once a year, in March.\n')
        self.app = driver.App(self.data, command=[*STRACE, self.trace, 'bottega', '--data-dir',
                                                  self.data.path, lease])
        self.app.find(driver.BUTTONS, 'Read lease.md whole in every answer')  # it has been read
        self.app.ask('When may the rent be raised?')
        driver.until('an answer', lambda: 'tok/s' in self.app.answer())
        self.app.key('ctrl+f')
        self.app.type('rent')
        driver.until('the conversation to be found', lambda: len(self.app.rows()) == 1)
        self.app.key('Escape')
        self.app.close()

    def is_local(self):
        text = self.read()
        families = set(re.findall(r'socket\((\w+)', text))
        assert families and families <= LOCAL, families
        assert 'bottega-extract' in text, 'no document was read'
        assert 'io_uring_setup' not in text
        programs = sorted({os.path.basename(path)
                           for path in re.findall(r'execve\("([^"]+)".*= 0', text)})
        print(f'# {text.count("socket(")} sockets, all of {", ".join(sorted(families))}; '
              f'programs: {", ".join(programs)}')

    def end(self):
        if self.app is not None:
            self.app.end()
        self.data.remove()


def main():
    if not may_trace():
        print('1..0 # SKIP no process may be traced here')
        sys.exit(0)
    tap = driver.Tap()
    with tempfile.TemporaryDirectory(prefix='bottega-offline-') as folder:
        session = Session(folder)
        try:
            tap.case('strace sees what is refused', session.sees_attempts)
            tap.case('a session: start, document, question, search, end', session.runs)
            tap.case('no socket of a network was asked for', session.is_local)
        finally:
            session.end()
    tap.finish()


main()
