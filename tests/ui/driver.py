# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the real window through the accessibility bus, as a screen reader would, with real keys.

Runs under with-display. Knows the words of the window (in English), nothing of the code behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import gi

gi.require_version('Atspi', '2.0')
from gi.repository import Atspi, GLib  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_S = float(os.environ.get('BOTTEGA_TEST_PATIENCE', '60'))
TALES = ('Describe a day of a carpenter.', 'Write a story about a river.',
         'Write a long story about a ship that comes home.', 'Describe a journey by train.',
         'Write a long letter to a friend about a garden.', 'Write a story about a lighthouse.')
BUTTONS = ('push button', 'button', 'toggle button')
# With the likeliest words, one by one, this has 2,048 tokens in every run: several seconds on the
# fastest machine. Words that are drawn end after 500 now and then, which is over before a next
# question is typed.
LONG = 'Write a long story about a carpenter.'
STEADY = {'temperature': '0.0', 'speculate': 'false'}


class Tap:
    """One line per case; the first failure of a case says what was on the screen."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def case(self, name, function):
        self.count += 1
        try:
            function()
            print(f'ok {self.count} - {name}', flush=True)
        except Exception as error:  # every failure is a failed case, none ends the run
            self.failed += 1
            print(f'not ok {self.count} - {name}')
            for line in f'{type(error).__name__}: {error}'.split('\n'):
                print('# ' + line, flush=True)

    def finish(self):
        print(f'1..{self.count}', flush=True)
        sys.exit(1 if self.failed else 0)


def until(what, function, patience_s=None):
    """The first true result of function; a sentence about what was awaited when there is none."""
    end = time.monotonic() + (patience_s or PATIENCE_S)
    while True:
        try:
            result = function()
        except GLib.Error:  # the widget went away between two questions
            result = None
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain for {what}')
        time.sleep(0.05)


def name_of(node):
    return node.get_name() or ''


def is_shown(node):
    states = node.get_state_set()
    return states.contains(Atspi.StateType.SHOWING) and states.contains(Atspi.StateType.VISIBLE)


def has_state(node, state):
    return node.get_state_set().contains(state)


def walk(node, shown=True):
    """Every descendant that is on the screen, in reading order."""
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child is None or (shown and not is_shown(child)):
            continue
        yield child
        yield from walk(child, shown)


def text_of(node):
    """What a screen reader can read of one node."""
    try:
        text = node.get_text_iface()
        if text is not None:
            return Atspi.Text.get_text(text, 0, Atspi.Text.get_character_count(text))
    except GLib.Error:
        pass
    return ''


def all_text(node):
    """All words on the screen below a node, one piece a line."""
    pieces = []
    for child in walk(node):
        for piece in (name_of(child), text_of(child)):
            if piece and (not pieces or pieces[-1] != piece):
                pieces.append(piece)
    return '\n'.join(pieces)


class Data:
    """A throw-away data folder, with the starter model unless it is to be empty."""

    def __init__(self, model=True, path=None):
        self.path = path or tempfile.mkdtemp(prefix='bottega-ui-')
        os.makedirs(os.path.join(self.path, 'models'))
        if model:
            starter = os.environ['BOTTEGA_TEST_MODEL']
            os.symlink(starter, os.path.join(self.path, 'models', os.path.basename(starter)))

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def xdotool(*arguments):
    return subprocess.run(['xdotool', *map(str, arguments)], check=True, timeout=20,
                          capture_output=True, text=True).stdout.strip()


def window_id(*search):
    """The newest window in sight that xdotool finds so; None: there is none."""
    done = subprocess.run(['xdotool', 'search', '--onlyvisible', *search], capture_output=True,
                          text=True, check=False)
    return done.stdout.split()[-1] if done.stdout.strip() else None


def settings(values):
    """The environment in which bottega starts with these settings, and keeps what is changed."""
    folder = os.path.join(os.environ['XDG_CONFIG_HOME'], 'glib-2.0', 'settings')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'keyfile'), 'w', encoding='utf-8') as file:
        file.write('[io/github/bottega/Bottega]\n')
        file.writelines(f'{key}={value}\n' for key, value in values.items())
    return {'GSETTINGS_BACKEND': 'keyfile'}


class Drag:
    """A file that is picked up in another window and held over Bottega's, which it moves to the
    left of the screen."""

    def __init__(self, app, path):
        self.app = app
        xdotool('windowmove', app.id, 0, 0)
        app.resize(700, 600)
        self.source = subprocess.Popen([sys.executable, os.path.join(HERE, 'drag-source.py'), path])
        window = until('the other window', lambda: window_id('--name', 'drag-source'))
        xdotool('windowmove', '--sync', window, 800, 100)
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
        self.app.focus()


class App:
    """One run of bottega."""

    def __init__(self, data, arguments=(), env=None, command=None):
        self.started_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.log = tempfile.TemporaryFile(mode='w+')
        self.process = subprocess.Popen(
            command or ['bottega', '--data-dir', data.path, *arguments],
            stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, 'G_MESSAGES_DEBUG': 'bottega-application', **(env or {})})
        self.attach()

    def attach(self):
        """Finds the window of the process."""
        self.window = until('the window', self._find_window)
        self.id = until('the window on the display', lambda: window_id('--class', 'bottega'))
        self.focus()

    def is_ours(self, app):
        return app.get_process_id() == self.process.pid

    def _find_window(self):
        assert self.process.poll() is None, 'bottega ended: ' + self.output()
        desktop = Atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            app = desktop.get_child_at_index(i)
            if app is not None and self.is_ours(app) and app.get_child_count() > 0:
                return app.get_child_at_index(0)
        return None

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def complaints(self):
        """Warnings and worse of GTK or of ours; that there is no portal here is not one."""
        return [line for line in self.output().split('\n')
                if ('-WARNING' in line or '-CRITICAL' in line or 'Sanitizer' in line)
                and 'OpenURI portal' not in line]

    # ---- keys and buttons

    def focus(self):
        subprocess.run(['xdotool', 'windowfocus', '--sync', self.id], check=False, timeout=10)

    def resize(self, width, height):
        subprocess.run(['xdotool', 'windowsize', '--sync', self.id, str(width), str(height)],
                       check=False, timeout=10)
        time.sleep(0.5)

    def key(self, *keys):
        for key in keys:
            subprocess.run(['xdotool', 'key', '--clearmodifiers', key], check=True, timeout=10)
            time.sleep(0.1)

    def tab_to(self, what, matches, key='Tab'):
        """Until the focus is where it should be, for what offers no action to the bus."""
        def reached():
            for node in walk(self.window):
                if has_state(node, Atspi.StateType.FOCUSED) and matches(node):
                    return True
            self.key(key)
            return False
        until('the focus to reach ' + what, reached)

    def type(self, text):
        subprocess.run(['xdotool', 'type', '--delay', '8', text], check=True, timeout=60)

    def can_press(self, name):
        return has_state(self.find(BUTTONS, name), Atspi.StateType.SENSITIVE)

    def press(self, name):
        button = self.find(BUTTONS, name)
        until(f'the button {name} to be sensitive',
              lambda: has_state(button, Atspi.StateType.SENSITIVE))
        assert button.get_action_iface() is not None, f'{name} has no action'
        Atspi.Action.do_action(button.get_action_iface(), 0)

    def open_page(self, name):
        """A page of the preferences."""
        tab = self.find('page tab', name)
        Atspi.Action.do_action(tab.get_action_iface(), 0)
        time.sleep(0.7)  # it slides in

    def click(self, node):
        """With the mouse, at its end, where the button of a row is."""
        self.hover(node)
        xdotool('click', 1)
        time.sleep(0.5)

    def hover(self, node):
        """The pointer at its end; a page of a dialog is scrolled until it is in sight."""
        component = node.get_component_iface()
        before = None
        for _ in range(60):
            box = Atspi.Component.get_extents(component, Atspi.CoordType.WINDOW)
            at = (box.x + box.width - min(40, box.width // 2), box.y + box.height // 2)
            if 150 < at[1] < 560 or at == before:  # in the middle, or at the page's end
                break
            before = at
            xdotool('mousemove', '--window', self.id, 550, 400, 'click', '--repeat',
                    4 if abs(at[1] - 350) > 500 else 1, 4 if at[1] < 150 else 5)
            time.sleep(0.3)  # it glides
        xdotool('mousemove', '--window', self.id, *at)

    def choose(self, row, *keys):
        """Opens the list of a row, goes through it by keys, takes what is there."""
        self.click(self.find('combo box', row))
        self.key(*keys, 'Return')
        time.sleep(0.3)

    # ---- what is on the screen

    def query(self, roles, name=None):
        roles = (roles,) if isinstance(roles, str) else roles
        for node in walk(self.window):
            if node.get_role_name() in roles and (name is None or name_of(node) == name):
                return node
        return None

    def find(self, roles, name=None, patience_s=None):
        return until(f'{roles} “{name}”', lambda: self.query(roles, name), patience_s)

    def text(self):
        return all_text(self.window)

    def sees(self, words, patience_s=None):
        until(f'“{words}” on the screen', lambda: words in self.text(), patience_s)

    def sees_not(self, words, patience_s=None):
        until(f'“{words}” to go from the screen', lambda: words not in self.text(), patience_s)

    # ---- conversations

    def ready(self):
        """The composer is there and a model is on its way."""
        return self.find('text', 'Question')

    def ask(self, question):
        self.key('ctrl+l')
        self.type(question)
        written = []

        def is_written():
            written.append(text_of(self.find('text', 'Question')))
            return written[-1] == question
        try:
            until('the question in the composer', is_written)
        except AssertionError as error:
            raise AssertionError(f'{error}, which has “{written[-1]}”') from error
        self.key('Return')

    def ask_until(self, enough):
        """Asks until the answer is enough for the case: the model draws its words, and some answers
        are short. Returns how many it took."""
        for n, question in enumerate(TALES, 1):
            before = len(self.answers())
            self.ask(question)
            until('an answer', lambda n=before: len(self.answers()) > n)
            until('its numbers', lambda: 'tok/s' in self.answer())
            self.wait_written()
            if enough():
                return n
        raise AssertionError('no answer was enough; the last one: ' + self.answer())

    def is_writing(self):
        return self.query(BUTTONS, 'Stop the answer') is not None

    def wait_written(self):
        until('the answer to end', lambda: self.query(BUTTONS, 'Send the question'))

    def answers(self):
        return [node for node in walk(self.window) if name_of(node) == 'Answer']

    def answer(self):
        """The words of the last answer, with its line of numbers."""
        answers = self.answers()
        return all_text(answers[-1]) if answers else ''

    def waiting(self):
        """The questions that wait above the composer."""
        box = self.query('list', 'Waiting questions')
        return [name_of(node) for node in walk(box) if node.get_role_name() == 'list item'] \
            if box else []

    def rows(self):
        box = self.query('list', 'Conversations')
        return [name_of(node) for node in walk(box) if node.get_role_name() == 'list item'] \
            if box else []

    # ---- the end

    def close(self):
        self.key('ctrl+q')
        status = self.process.wait(20)
        assert status == 0, f'bottega ended with {status}: {self.output()}'
        assert not self.complaints(), '\n'.join(self.complaints())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def end(self):
        """For the end of a test, however it went."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
