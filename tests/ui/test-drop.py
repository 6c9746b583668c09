#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model file is dragged from another window onto Bottega's, and is the model that answers."""

import os

import driver

class Drop:
    """Two windows beside each other on one screen."""

    def __init__(self):
        self.data = driver.Data(model=False)
        self.app = driver.App(self.data)

    def other_file(self):
        path = os.path.join(self.data.path, 'holiday.mp4')
        with open(path, 'wb') as file:
            file.write(b'\0' * 100)
        drag = driver.Drag(self.app, path)
        self.app.sees('This cannot be added')
        drag.release()
        self.app.sees('“holiday.mp4” is not a document that can be read.')
        self.app.sees_not('This cannot be added')

    def model(self):
        self.app.sees('No model yet')
        drag = driver.Drag(self.app, os.environ['BOTTEGA_TEST_MODEL'])
        self.app.sees('Drop to add this model')
        drag.release()
        self.app.sees('Use it where it lies')
        self.app.press('Add')
        self.app.sees('added')
        self.app.ready()
        name = os.path.basename(os.environ['BOTTEGA_TEST_MODEL'])
        assert os.path.exists(os.path.join(self.data.path, 'models', name)), 'it was not copied'
        self.app.ask('Who are you?')
        driver.until('an answer', lambda: 'tok/s' in self.app.answer())

    def end(self):
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
