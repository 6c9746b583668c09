#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PDF is dropped on the window, read, asked about and shown at the page with its passage marked;
then it is taken out again. Another one that is damaged says why it cannot be read."""

import os
import subprocess
import sys
import tempfile
import time

import documents
import driver

HERE = os.path.dirname(os.path.abspath(__file__))
QUESTION = 'When may the rent be raised?'
YELLOW = (255, 232, 89)  # of the wash, on white paper


def pixels_near(color, tolerance=6):
    """How many pixels of the screen have this colour."""
    picture = subprocess.run(['import', '-window', 'root', '-depth', '8', 'rgb:-'], check=True,
                             capture_output=True, timeout=30).stdout
    red, green, blue = color
    return sum(1 for r, g, b in zip(picture[0::3], picture[1::3], picture[2::3])
               if abs(r - red) <= tolerance and abs(g - green) <= tolerance
               and abs(b - blue) <= tolerance)


class Documents:
    """One window beside another, out of which documents are dragged."""

    def __init__(self):
        self.data = driver.Data()
        self.folder = tempfile.TemporaryDirectory(prefix='bottega-documents-')
        self.paths = documents.write_all(self.folder.name)
        self.app = driver.App(self.data)
        self.app.ready()
        driver.xdotool('windowmove', self.app.id, 0, 0)
        self.app.resize(950, 700)

    def drop(self, *paths, words):
        source = subprocess.Popen([sys.executable, os.path.join(HERE, 'drag-source.py'), *paths])
        try:
            window = driver.until('the other window',
                                  lambda: driver.window_id('--name', 'drag-source'))
            driver.xdotool('windowmove', '--sync', window, 970, 100)
            time.sleep(0.5)
            driver.xdotool('mousemove', 1020, 150)
            driver.xdotool('mousedown', 1)
            for x, y in ((1010, 160), (980, 180), (900, 250), (700, 300), (600, 310), (550, 320)):
                driver.xdotool('mousemove', x, y)
                time.sleep(0.1)
            self.app.sees(words)
        finally:
            driver.xdotool('mouseup', 1)
            time.sleep(1)  # what is dropped is handed over by the other window
            source.kill()
            source.wait()
        self.app.sees_not(words)
        self.app.focus()

    def rows(self):
        """Title and state of each document of the library page."""
        box = self.app.query('list', 'Documents')
        return {driver.name_of(node): node.get_description() or '' for node in driver.walk(box)
                if node.get_role_name() == 'list item'} if box else {}

    # ---- cases

    def empty(self):
        self.app.key('ctrl+shift+l')
        self.app.sees('No documents yet')
        self.app.find(driver.BUTTONS, 'Add Files…')
        self.app.find(driver.BUTTONS, 'Add Folder…')

    def dropped(self):
        self.drop(self.paths['lease'], self.paths['glue'],
                  words='Drop documents to add them to Personal')
        driver.until('both documents to be ready', lambda: [
            title for title, state in self.rows().items() if '1 page' in state or '3 pages' in state
        ] and all('Ready' in state or 'Words ready' in state for state in self.rows().values())
            and len(self.rows()) == 2)
        assert documents.LEASE[0] in self.rows(), self.rows()

    def broken(self):
        self.drop(self.paths['broken'], words='Drop documents to add them to Personal')
        driver.until('the reason', lambda: 'is damaged' in self.rows().get('broken.pdf', ''))

    def found(self):
        """The search of the page, and back."""
        self.app.key('ctrl+f')
        self.app.type('glue')
        driver.until('one row', lambda: list(self.rows()) == [documents.GLUE[0]])
        self.app.key('Escape')
        driver.until('all rows', lambda: len(self.rows()) == 3)

    def asked(self):
        self.app.key('ctrl+n')
        self.app.ask(QUESTION)
        chip = f'Source 1, {documents.LEASE[0]}, page 2'
        self.app.find(driver.BUTTONS, chip)
        self.app.wait_written()

    def shown(self):
        self.app.press(f'Source 1, {documents.LEASE[0]}, page 2')
        self.app.find('image', f'Page 2 of {documents.LEASE[0]}, with the passage marked')
        self.app.sees('Page 2 of 3')
        driver.until('the wash', lambda: pixels_near(YELLOW) > 200)
        self.app.find(driver.BUTTONS, 'Open in Document Viewer')

    def stepped(self):
        """A neighbour is on another page; the arrow keys go there too. The passage may be the last
        one: its rank is another as long as meanings are not ready."""
        before = driver.until('the list', lambda: self.app.query('list', 'Passages'))
        items = [node for node in driver.walk(before) if node.get_role_name() == 'list item']
        assert items, 'no passages are listed'
        assert len(items) > 1, f'one passage only: {items}'
        ways = [('Next Passage', 'Down'), ('Previous Passage', 'Up')]
        there, back = ways if self.app.can_press('Next Passage') else reversed(ways)
        for act, way in ((self.app.press, 0), (self.app.key, 1)):
            act(there[way])
            self.app.sees_not('Page 2 of 3')
            act(back[way])
            self.app.sees('Page 2 of 3')

    def closed(self):
        self.app.key('shift+F9')
        self.app.sees_not('Open in Document Viewer')
        self.app.key('shift+F9')
        self.app.sees('Open in Document Viewer')
        self.app.key('Escape')
        self.app.sees_not('Open in Document Viewer')
        assert pixels_near(YELLOW) < 20, 'the wash is still there'

    def scoped(self):
        """@ completes a document, and the question says where it was asked."""
        self.app.key('ctrl+n', 'ctrl+l')
        self.app.type('@glue')
        driver.until('the list of documents', lambda: self.app.query('list', 'Documents to ask in'))
        self.app.key('Return')
        self.app.find(driver.BUTTONS, f'Do not ask in {documents.GLUE[0]}')
        self.app.type('How long are joints clamped?')
        self.app.key('Return')
        self.app.sees(f'In {documents.GLUE[0]}')
        self.app.find(driver.BUTTONS, f'Source 1, {documents.GLUE[0]}, page 1')
        self.app.wait_written()

    def pinned(self):
        """The toggle of a pill pins its document, which stays there after the question, and lets go
        of it again; then the pill is that of a document to ask in."""
        title = documents.GLUE[0]
        pin = f'Read {title} whole in every answer'
        self.app.type('@glue')
        driver.until('the list of documents', lambda: self.app.query('list', 'Documents to ask in'))
        self.app.key('Return')
        self.app.press(pin)
        self.app.find(driver.BUTTONS, f'Do not read {title} any more')
        self.app.key('ctrl+l')
        self.app.ask('How warm is hide glue?')
        self.app.wait_written()
        self.app.find(driver.BUTTONS, f'Do not read {title} any more')
        self.app.press(pin)
        self.app.press(f'Do not ask in {title}')
        driver.until('no pill', lambda: not self.app.query(driver.BUTTONS, pin))

    def another_space(self):
        """A new space is empty, the first one is as it was, and the new one can be deleted."""
        self.app.key('ctrl+shift+l')
        driver.until('the rows', lambda: len(self.rows()) == 3)
        self.choose('Space: Personal', 1)
        self.app.sees('A space has conversations and documents of its own.')
        self.app.type('Work')
        self.app.press('Create')
        self.app.find(driver.BUTTONS, 'Space: Work')
        self.app.sees('No documents yet')
        assert self.app.rows() == [], self.app.rows()
        self.choose('Space: Work', 0)
        driver.until('the rows', lambda: len(self.rows()) == 3)
        assert len(self.app.rows()) == 2, self.app.rows()
        self.choose('Space: Personal', 1)
        self.app.sees('No documents yet')
        self.choose('Space: Work', 3)
        self.app.sees('Delete “Work”?')
        self.app.press('Delete')
        driver.until('the rows', lambda: len(self.rows()) == 3)
        assert os.listdir(os.path.join(self.data.path, 'spaces')) and not [
            name for name in os.listdir(os.path.join(self.data.path, 'spaces'))
            if name.startswith('Work')], 'files of the space are left'

    def choose(self, button, downs):
        """The item of the menu of spaces that so many presses of Down reach."""
        node = self.app.find(driver.BUTTONS, button).get_component_iface()
        box = driver.Atspi.Component.get_extents(node, driver.Atspi.CoordType.WINDOW)
        subprocess.run(['xdotool', 'mousemove', '--window', self.app.id,
                        str(box.x + box.width // 2), str(box.y + box.height // 2), 'click', '1'],
                       check=True)
        time.sleep(0.5)  # the menu has no name to wait for
        self.app.key(*['Down'] * downs, 'Return')

    def removed(self):
        self.app.key('ctrl+shift+l')
        driver.until('the rows', lambda: len(self.rows()) == 3)
        self.app.key('Home', 'Delete')
        self.app.sees('removed')
        driver.until('two rows', lambda: len(self.rows()) == 2)
        self.app.press('Undo')
        driver.until('three rows', lambda: len(self.rows()) == 3)
        for n in (2, 1, 0):
            driver.until('the focus', lambda: self.app.key('Home') or True)
            self.app.key('Delete')
            driver.until(f'{n} rows', lambda n=n: len(self.rows()) == n)
        self.app.sees('No documents yet')
        for path in self.paths.values():
            assert os.path.exists(path), f'{path} itself was deleted'

    def narrow(self):
        self.app.key('ctrl+shift+l')
        self.app.resize(360, 600)
        self.app.sees('No documents yet')
        self.app.resize(950, 700)

    def end(self):
        self.app.end()
        self.data.remove()
        self.folder.cleanup()


def main():
    tap = driver.Tap()
    test = Documents()
    try:
        tap.case('a library without documents says how to add some', test.empty)
        tap.case('documents are dropped, read and listed', test.dropped)
        tap.case('a damaged one says why', test.broken)
        tap.case('documents are found by title', test.found)
        tap.case('a question shows its sources', test.asked)
        tap.case('a source opens its page with the passage marked', test.shown)
        tap.case('the next passage', test.stepped)
        tap.case('the pane closes by its keys', test.closed)
        tap.case('@ asks in one document', test.scoped)
        tap.case('a document is pinned, stays, and is let go of', test.pinned)
        tap.case('another space is made, opened and deleted', test.another_space)
        tap.case('documents are removed, with undo; the files stay', test.removed)
        tap.case('the library from 360 px', test.narrow)
        tap.case('the window closes, and nothing complained', test.app.close)
    finally:
        test.end()
    tap.finish()


main()
