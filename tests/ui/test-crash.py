#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in the middle of an answer: what was written is there, and it is said to be cut."""

import time

import driver


class Crash:
    """One answer, killed."""

    def __init__(self):
        self.data = driver.Data()
        self.settings = driver.settings(driver.STEADY)
        self.app = driver.App(self.data, env=self.settings)
        self.seen = ''

    def begun(self, seconds):
        """Asks until an answer has been written for so long. Returns what was there before."""
        self.app.ask(driver.LONG)
        driver.until('the answer to begin', lambda: len(self.app.answer()) > 200)
        seen = self.app.answer()
        time.sleep(seconds)
        assert self.app.is_writing(), 'the answer ended before it could be cut'
        return seen

    def killed(self):
        self.app.ready()
        # What is older than a second must be on the disk.
        self.seen = self.begun(1.2)
        self.app.kill()

    def reopened(self):
        self.app = driver.App(self.data, env=self.settings)
        driver.until('the conversation', lambda: len(self.app.rows()) == 1)
        self.app.key('F9', 'Home', 'Return')
        self.app.sees('The answer was interrupted')
        first = self.seen.strip().split('\n')[0][:60]
        assert first in self.app.text(), f'“{first}” was lost'

    def continued(self):
        self.app.find(driver.BUTTONS, 'Ask again')

    def closed(self):
        self.app.key('ctrl+n')
        first = self.begun(0).strip().split('\n')[0][:60]
        self.app.close()
        self.app = driver.App(self.data, env=self.settings)
        driver.until('the conversations', lambda: len(self.app.rows()) == 2)
        self.app.key('F9', 'Home', 'Return')
        self.app.sees('The answer was interrupted')
        assert first in self.app.text(), f'“{first}” was lost'

    def end(self):
        self.app.end()
        self.data.remove()


def main():
    tap = driver.Tap()
    crash = Crash()
    try:
        tap.case('an answer is killed in the middle', crash.killed)
        tap.case('it is there again, and said to be cut', crash.reopened)
        tap.case('it can be asked again', crash.continued)
        tap.case('closing the window in the middle keeps the answer', crash.closed)
    finally:
        crash.end()
    tap.finish()


main()
