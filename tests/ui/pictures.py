#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the states of the window, for tests/ui/screenshots. Drives it by keys alone, so that
it works in every language, and keeps one data folder for all so that the model answers once."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import documents
import driver

QUESTIONS = ('Write a short Python function that reverses a string, and explain it.',
             'Name three tools of a carpenter and what each is for.')


class Pictures:
    """One language, size and colour scheme."""

    def __init__(self, folder, suffix, size):
        self.folder = folder
        self.suffix = suffix
        self.size = [int(n) for n in size.split('x')]
        self.narrow = self.size[0] < 560
        self.kept = os.path.join(folder, 'data')

    def run(self, data, env=None):
        app = driver.App(data, env=env)
        # Without a compositor GTK draws a frame of 5 pixels, which is put outside the screen.
        subprocess.run(['xdotool', 'windowmove', app.id, '-5', '-5'], check=False)
        app.resize(self.size[0] + 10, self.size[1] + 10)
        time.sleep(1)
        return app

    def grab(self, name):
        """As it is, while something moves."""
        path = os.path.join(self.folder, f'{name}-{self.suffix}.png')
        subprocess.run(['import', '-window', 'root', path], check=True)
        return path

    def take(self, name):
        """Once nothing moves."""
        before = None
        for _ in range(20):
            time.sleep(0.4)
            path = self.grab(name)
            now = subprocess.run(['identify', '-format', '%#', path], capture_output=True,
                                 check=True).stdout
            if now == before:
                break
            before = now

    def ask(self, app):
        """Each of the questions in a conversation of its own, until it is answered."""
        for question in QUESTIONS:
            app.key('ctrl+n', 'ctrl+l')
            app.type(question)
            app.key('Return')
            time.sleep(2)
            driver.until('the answer to end', lambda: 'tok/s' in app.text(), 90)

    def data(self):
        """The folder with two conversations, made by the first who asks."""
        data = driver.Data()
        if os.path.isdir(self.kept):
            data.remove()
            data.path = self.kept
            return data
        app = self.run(data)
        self.ask(app)
        app.close()
        shutil.move(data.path, self.kept)
        data.path = self.kept
        return data

    def open_last(self, app):
        app.key('F9', 'Home', 'Return')
        time.sleep(1)

    def space(self, folder):
        """A data folder with documents, read and not."""
        data = driver.Data()
        documents.write_all(folder)
        subprocess.run(['bottega-cli', '--data-dir', data.path, 'index', folder, '--space',
                        'personal'], check=True, capture_output=True)
        # The likeliest words, so that pictures are alike.
        model = os.path.basename(os.environ['BOTTEGA_TEST_MODEL'])
        with open(os.path.join(data.path, 'models.ini'), 'w', encoding='utf-8') as file:
            file.write(f'[model {data.path}/models/{model}]\ntemperature=0\n')
        return data

    def scroll(self, app):
        """To the end of what lies under the middle of the window."""
        subprocess.run(['xdotool', 'mousemove', '--window', app.id, str(self.size[0] * 2 // 3),
                        str(self.size[1] // 2), 'click', '--repeat', '40', '--delay', '10', '5'],
                       check=True)
        time.sleep(0.5)

    # ---- states

    def streams(self):
        """Two conversations that are answered at once, and the menu of one of them."""
        data = driver.Data()
        app = self.run(data)
        for question in ('Write a long story about a carpenter.',
                         'Write a long story about an old oak.'):
            app.key('ctrl+n', 'ctrl+l')
            app.type(question)
            app.key('Return')
        app.key('F9', 'Home')
        self.grab('streams')
        app.key('Menu')
        self.grab('streams-menu')
        app.end()
        data.remove()

    def models(self):
        """The page, a model's details, and the question before one is added."""
        with tempfile.TemporaryDirectory() as folder:
            data = driver.Data()
            app = self.run(data)
            time.sleep(2)
            app.key('ctrl+m')
            time.sleep(2)
            self.take('models')
            app.key('Page_Down')
            for _ in range(4):
                app.key('Tab')
            app.key('Return')
            self.take('models-to-get')
            app.end()
            app = self.run(data)
            app.key('ctrl+m')
            time.sleep(2)
            app.key('Tab', 'Return')
            time.sleep(0.5)
            app.key('Return')
            self.take('model-details')
            app.key('Escape')
            time.sleep(0.6)
            for name, content in (('bad.gguf', b'broken'), ('copy.gguf', None)):
                path = os.path.join(folder, name)
                with open(path, 'wb') as file:
                    if content is None:
                        with open(os.environ['BOTTEGA_TEST_EMBED_MODEL'], 'rb') as source:
                            content = source.read()
                    file.write(content)
                app.key('ctrl+o')
                time.sleep(1)
                app.type(path)
                app.key('Return')
                time.sleep(1)
                self.take('add-' + name.split('.')[0])
                app.key('Escape')
                time.sleep(0.6)
            app.end()
            data.remove()

    def library(self):
        with tempfile.TemporaryDirectory() as folder:
            empty = driver.Data()
            app = self.run(empty)
            app.key('ctrl+shift+l')
            self.take('library-empty')
            app.end()
            empty.remove()
            data = self.space(folder)
            app = self.run(data)
            app.key('ctrl+shift+l')
            self.take('library')
            app.key('Menu')
            self.take('library-menu')
            app.end()
            data.remove()

    def sources(self):
        with tempfile.TemporaryDirectory() as folder:
            data = self.space(folder)
            app = self.run(data)
            time.sleep(2)
            app.key('ctrl+l')
            app.type('When is the rent paid?')
            app.key('Return')
            driver.until('the answer to end', lambda: 'tok/s' in app.text(), 90)
            self.take('answer')
            app.key('shift+F9')
            self.take('sources')
            app.key('Escape', 'ctrl+n', 'ctrl+l')
            app.type('@gl')
            self.take('completion')
            app.key('Return')
            self.take('scope')
            app.end()
            data.remove()

    def welcome(self):
        data = driver.Data()
        app = self.run(data)
        time.sleep(2)
        self.take('welcome')
        app.end()
        data.remove()

    def no_model(self):
        data = driver.Data(model=False)
        app = self.run(data)
        self.take('no-model')
        app.end()
        data.remove()

    def broken(self):
        data = driver.Data(model=False)
        with open(os.environ['BOTTEGA_TEST_MODEL'], 'rb') as whole:
            with open(os.path.join(data.path, 'models', 'cut.gguf'), 'wb') as cut:
                cut.write(whole.read(100_000))
        app = self.run(data)
        self.take('broken')
        app.key('ctrl+m')
        self.take('broken-models')
        app.end()
        data.remove()

    def chat(self):
        app = self.run(self.data())
        time.sleep(2)
        self.open_last(app)
        self.take('chat')
        if self.narrow:
            app.key('F9')
            self.take('sidebar')
        app.end()

    def writing(self):
        data = driver.Data()
        app = self.run(data)
        time.sleep(2)
        app.key('ctrl+l')
        app.type('Write a long story about a carpenter.')
        app.key('Return')
        time.sleep(1)
        app.type('And then?')
        app.key('Return')
        time.sleep(0.5)
        self.grab('writing')
        app.end()
        data.remove()

    def dialogs(self):
        app = self.run(self.data())
        time.sleep(2)
        self.open_last(app)
        for key, name in (('ctrl+m', 'models'), ('ctrl+question', 'shortcuts')):
            app.key(key)
            self.take(name)
            app.key('Escape')
            time.sleep(0.6)
        app.key('F10')
        self.take('menu')
        app.key('Up', 'Return')
        self.take('about')
        app.key('Escape')
        time.sleep(0.6)
        app.key('F10', 'Up', 'Up', 'Return')
        self.take('offline')
        app.key('Escape')
        time.sleep(0.6)
        app.key('F9', 'Home', 'Menu')
        self.take('context-menu')
        app.key('Escape', 'F2')
        self.take('rename')
        app.end()

    def preferences(self):
        """Both pages, the second from its head to its end."""
        app = self.run(self.data())
        time.sleep(2)
        app.key('ctrl+comma')
        self.take('preferences')
        tabs = [node for node in driver.walk(app.window) if node.get_role_name() == 'page tab']
        driver.Atspi.Action.do_action(tabs[1].get_action_iface(), 0)
        time.sleep(10)  # how fast this computer is, is measured first
        self.take('engine')
        self.scroll(app)
        self.take('engine-end')
        app.end()

    def performance(self):
        """The page after two answers, from its head to its end."""
        data = driver.Data()
        app = self.run(data)
        self.ask(app)
        app.key('ctrl+shift+p')
        time.sleep(2)
        self.take('performance')
        self.scroll(app)
        self.take('performance-end')
        app.end()
        data.remove()

    def recap(self):
        """Questions until the first of them are summarised; the summary closed and open."""
        data = driver.Data()
        settings = os.path.join(os.environ['XDG_CONFIG_HOME'], 'glib-2.0', 'settings')
        os.makedirs(settings, exist_ok=True)
        with open(os.path.join(settings, 'keyfile'), 'w', encoding='utf-8') as file:
            file.write('[io/github/bottega/Bottega]\ncontext-length=uint32 1024\n'
                       'max-answer-tokens=uint32 160\ntemperature=0.0\n')
        app = self.run(data, {'GSETTINGS_BACKEND': 'keyfile'})
        app.key('ctrl+l')
        for i in range(12):
            if expanders(app):
                break
            app.type(driver.TALES[i % len(driver.TALES)])
            app.key('Return')
            time.sleep(8)
        app.tab_to('the summary', lambda node: node in expanders(app), 'shift+Tab')
        self.take('recap')
        app.key('space')
        self.take('recap-open')
        app.end()
        data.remove()


def expanders(app):
    return [node for node in driver.walk(app.window, shown=False)
            if driver.has_state(node, driver.Atspi.StateType.EXPANDABLE)]


def main():
    folder, suffix, size, *states = sys.argv[1:]
    pictures = Pictures(folder, suffix, size)
    for state in states or ('welcome', 'no_model', 'broken', 'chat', 'writing', 'dialogs',
                            'preferences', 'performance', 'recap', 'library', 'sources',
                            'models'):
        getattr(pictures, state)()


main()
