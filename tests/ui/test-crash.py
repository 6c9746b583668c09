#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in the middle of an answer: what was written is there, and it is said to be cut."""

import time

import driver

LONG = 'Write a long story about a carpenter.'


class Crash:
    """One answer, killed."""

    def __init__(self):
        self.data = driver.Data()
        self.app = driver.App(self.data)
        self.seen = ''
        self.asked = 0

    def is_well_begun(self):
        answer = self.app.answer()
        return len(answer) > 200 or (answer and not self.app.is_writing())

    def begun(self, seconds):
        """Asks until an answer is still being written after so long: some of the model's are short.
        Returns what was there before the wait."""
        for _ in range(12):
            if self.asked:
                self.app.key('ctrl+n')
            self.asked += 1
            self.app.ask(LONG)
            driver.until('the answer to begin', self.is_well_begun)
            seen = self.app.answer()
            time.sleep(seconds)
            if self.app.is_writing():
                return seen
        raise AssertionError('every answer ended before it could be cut')

    def killed(self):
        self.app.ready()
        # What is older than a second must be on the disk.
        self.seen = self.begun(1.2)
        self.app.kill()

    def reopened(self):
        self.app = driver.App(self.data)
        driver.until('the conversations', lambda: len(self.app.rows()) == self.asked)
        self.app.key('F9', 'Home', 'Return')
        self.app.sees('The answer was interrupted')
        first = self.seen.strip().split('\n')[0][:60]
        assert first in self.app.text(), f'“{first}” was lost'

    def continued(self):
        self.app.find(driver.BUTTONS, 'Ask again')

    def closed(self):
        first = self.begun(0).strip().split('\n')[0][:60]
        self.app.close()
        self.app = driver.App(self.data)
        driver.until('the conversations', lambda: len(self.app.rows()) == self.asked)
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
