#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model file is dragged from another window onto Bottega's, and is the model that answers."""

import os
import subprocess
import sys
import time

import driver

HERE = os.path.dirname(os.path.abspath(__file__))


def xdotool(*arguments):
    return subprocess.run(['xdotool', *map(str, arguments)], check=True, timeout=20,
                          capture_output=True, text=True).stdout.strip()


class Drop:
    """Two windows beside each other on one screen."""

    def __init__(self):
        self.data = driver.Data(model=False)
        self.app = driver.App(self.data)
        xdotool('windowmove', self.app.id, 0, 0)
        self.app.resize(700, 600)
        self.source = None

    def drag(self, path):
        """Picks the file up in the other window and holds it over ours."""
        self.source = subprocess.Popen([sys.executable, os.path.join(HERE, 'drag-source.py'), path])
        window = driver.until('the other window', lambda: subprocess.run(
            ['xdotool', 'search', '--onlyvisible', '--name', 'drag-source'],
            capture_output=True, text=True, check=False).stdout.strip())
        xdotool('windowmove', '--sync', window.split()[-1], 800, 100)
        time.sleep(0.5)
        xdotool('mousemove', 850, 150)
        xdotool('mousedown', 1)
        for x, y in ((840, 160), (820, 180), (700, 250), (500, 300), (450, 310), (400, 320)):
            xdotool('mousemove', x, y)
            time.sleep(0.1)

    def release(self):
        xdotool('mouseup', 1)
        time.sleep(0.3)
        self.source.kill()
        self.source.wait()
        self.source = None

    def other_file(self):
        path = os.path.join(self.data.path, 'holiday.mp4')
        with open(path, 'wb') as file:
            file.write(b'\0' * 100)
        self.drag(path)
        self.app.sees('This cannot be added')
        self.release()
        self.app.sees('“holiday.mp4” is not a document that can be read.')
        self.app.sees_not('This cannot be added')

    def model(self):
        self.app.sees('No model yet')
        self.drag(os.environ['BOTTEGA_TEST_MODEL'])
        self.app.sees('Drop to add this model')
        self.release()
        self.app.sees('Use it where it lies')
        self.app.press('Add')
        self.app.sees('added')
        self.app.ready()
        name = os.path.basename(os.environ['BOTTEGA_TEST_MODEL'])
        assert os.path.exists(os.path.join(self.data.path, 'models', name)), 'it was not copied'
        self.app.ask('Who are you?')
        driver.until('an answer', lambda: 'tok/s' in self.app.answer())

    def end(self):
        if self.source:
            self.source.kill()
            self.source.wait()
        self.app.end()
        self.data.remove()


def main():
    tap = driver.Tap()
    drop = Drop()
    try:
        tap.case('another kind of file is refused with a sentence', drop.other_file)
        tap.case('a model is added, and answers', drop.model)
        tap.case('the window closes, and nothing complained', drop.app.close)
    finally:
        drop.end()
    tap.finish()


main()
