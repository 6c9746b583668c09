#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Models page: a model is added through the dialog, looked at, given defaults of its own, used
where it lies, removed with undo; a copy is cancelled; a broken file is refused in the engine's
words; the catalogue says what suits this computer."""

import os
import shutil
import time

import driver

GIB = 1024 ** 3


def sparse_copy(source, path, size):
    """A model with a long end of nothing, which takes no room and long to copy."""
    shutil.copyfile(source, path)
    with open(path, 'r+b') as file:
        file.truncate(size)


class Models:
    """One window, which begins without a model, on a folder of its own."""

    def __init__(self):
        self.data = driver.Data(model=False)
        self.files = os.path.join(self.data.path, 'downloads')
        os.makedirs(self.files)
        self.starter = os.path.join(self.files, 'starter.gguf')
        shutil.copyfile(os.environ['BOTTEGA_TEST_MODEL'], self.starter)
        # What is removed goes to a trash of our own.
        self.app = driver.App(self.data, env={'XDG_DATA_HOME': self.data.path})

    def models(self):
        """The files in the folder of models, half-written ones too."""
        found = []
        for folder, _, names in os.walk(os.path.join(self.data.path, 'models')):
            found += [os.path.join(folder, name) for name in names]
        return found

    def choose(self, path):
        """Drops a file on the window."""
        drag = driver.Drag(self.app, path)
        self.app.sees('Drop to add this model')
        drag.release()

    def menu(self, steps):
        """The menu of the first model's row, by keys: the page gives that row the focus."""
        self.app.key('ctrl+m')
        time.sleep(0.5)
        self.app.key('Tab', 'Tab', 'Return')
        time.sleep(0.7)
        self.app.key(*['Down'] * steps, 'Return')

    # ---- cases

    def catalogue(self):
        self.app.key('ctrl+m')
        self.app.sees('No model yet')
        self.app.sees('Models to Get')
        self.app.sees('Qwen3 4B')
        self.app.sees('Fits')
        self.app.find(driver.BUTTONS, 'Get Qwen3 4B')

    def refused(self):
        path = os.path.join(self.files, 'broken.gguf')
        with open(path, 'wb') as file:
            file.write(b'GGUF' + b'\0' * 100)
        self.choose(path)
        self.app.sees('This file cannot be added')
        self.app.sees('broken.gguf')
        self.app.press('Close')
        self.app.sees_not('This file cannot be added')
        assert not self.models(), self.models()

    def cancelled(self):
        path = os.path.join(self.files, 'long.gguf')
        sparse_copy(self.starter, path, 3 * GIB)
        self.choose(path)
        self.app.sees('Use it where it lies')
        self.app.sees('Apache 2.0')
        self.app.press('Add')
        self.app.sees('Adding long.gguf')
        self.app.press('Cancel')
        self.app.sees_not('Adding long.gguf')
        self.app.sees('No model yet')
        os.remove(path)
        assert not self.models(), self.models()

    def added(self):
        self.choose(self.starter)
        self.app.sees('135 million')
        self.app.press('Add')
        self.app.sees('“starter” added')
        self.app.sees('Fits: about')
        assert len(self.models()) == 1, self.models()

    def details(self):
        self.menu(0)
        for words in ('Apache 2.0', 'English', '8,192 tokens', 'Q4_1', 'of this computer’s',
                      'Checksum'):
            self.app.sees(words)
        self.app.sees('Not known yet: the first answer will tell')
        self.app.key('Escape')
        self.app.sees_not('Calls itself')

    def shown(self):
        self.menu(1)
        self.app.sees('No file manager showed ' + os.path.join(self.data.path, 'models'))

    def measured(self):
        """Short answers are not counted."""
        def is_kept():
            with open(os.path.join(self.data.path, 'models.ini'), encoding='utf-8') as file:
                return 'decode-tok-s-cpu' in file.read()

        self.app.ask_until(is_kept)
        self.app.key('ctrl+m')
        self.app.sees('measured')

    def twice(self):
        self.choose(self.starter)
        self.app.sees('This model is here already')
        self.app.press('Close')

    def removed(self):
        self.menu(2)
        self.app.sees('“starter” removed')
        self.app.press('Undo')
        self.app.find('toggle button', 'More about starter')
        self.menu(2)
        self.app.sees('No model yet')
        driver.until('the file to go', lambda: not self.models())

    def in_place(self):
        self.choose(self.starter)
        self.app.find(('check box', 'radio button'), 'Use it where it lies')
        self.app.tab_to('the choice',
                        lambda node: driver.name_of(node).startswith('Copy to Bottega’s'))
        self.app.key('Down', 'space')
        self.app.press('Add')
        self.app.sees('Used where it lies')
        assert not self.models(), self.models()
        os.rename(self.starter, self.starter + '.away')
        self.app.key('ctrl+l', 'ctrl+m')
        self.app.sees('any more. Put it back there')
        os.rename(self.starter + '.away', self.starter)
        self.app.key('ctrl+l', 'ctrl+m')
        self.app.sees_not('any more. Put it back there')
        self.menu(2)
        self.app.sees('“starter” taken off the list')
        self.app.sees('No model yet')
        assert os.path.exists(self.starter), 'the person’s own file was deleted'

    def end(self):
        self.app.end()
        self.data.remove()


def main():
    tap = driver.Tap()
    models = Models()
    try:
        tap.case('the catalogue says what fits', models.catalogue)
        tap.case('a broken file is refused with a sentence', models.refused)
        tap.case('a cancelled copy leaves nothing', models.cancelled)
        tap.case('a model is added through the dialog', models.added)
        tap.case('its facts', models.details)
        tap.case('where no file manager shows its file, that is said', models.shown)
        tap.case('its measured speed', models.measured)
        tap.case('it is not added twice', models.twice)
        tap.case('it is removed, with undo', models.removed)
        tap.case('a model is used where it lies', models.in_place)
        tap.case('the window closes, and nothing complained', models.app.close)
    finally:
        models.end()
    tap.finish()


main()
