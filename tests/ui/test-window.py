#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job in the real window with the real model: ask, read, stop, reopen, rename, delete."""

import time

import driver

QUESTION = 'Describe the city of Florence in detail.'


class Story:
    """The cases follow each other in one window, as an evening of use does."""

    def __init__(self):
        self.data = driver.Data()
        self.settings = driver.settings(driver.STEADY)
        self.app = driver.App(self.data, env=self.settings)

    def welcome(self):
        self.app.find(driver.BUTTONS, 'Start Chatting')
        driver.until('the line about the device',
                     lambda: any(word in self.app.text().lower()
                                 for word in ('vulkan', 'processor', 'graphics')))
        self.app.press('Start Chatting')
        driver.until('the focus in the composer',
                     lambda: driver.has_state(self.app.find('text', 'Question'),
                                              driver.Atspi.StateType.FOCUSED))

    def watch(self):
        """The lengths that an answer was seen to have while it was written."""
        driver.until('the Stop button', self.app.is_writing)
        lengths = set()

        def ended():
            lengths.add(len(self.app.answer()))
            return self.app.query(driver.BUTTONS, 'Send the question')
        driver.until('the answer to end', ended)
        return lengths

    def answer_streams_and_ends(self):
        self.app.ask(QUESTION)
        lengths = self.watch()
        assert len(lengths) >= 3, f'the text did not grow while it was written: {lengths}'
        assert QUESTION in self.app.text(), 'the question is not in the transcript'
        self.app.sees('tok/s')
        question = self.app.find('text', 'Question')
        assert driver.text_of(question) == '', 'the composer was not emptied'

    def answer_is_copied(self):
        self.app.key('ctrl+shift+c')
        self.app.sees('Answer copied')

    def keys_break_lines(self):
        self.app.key('ctrl+l')
        self.app.type('one')
        self.app.key('shift+Return')
        self.app.type('two')
        driver.until('two rows',
                     lambda: driver.text_of(self.app.find('text', 'Question')) == 'one\ntwo')
        self.app.key('ctrl+a', 'BackSpace')

    def answer_is_stopped(self):
        self.app.key('ctrl+n')
        self.app.ask(driver.LONG)
        driver.until('the answer to begin',
                     lambda: self.app.is_writing() and len(self.app.answer()) > 200)
        self.app.key('Escape')
        began = time.monotonic()
        self.app.wait_written()
        took_s = time.monotonic() - began
        assert took_s < 5, f'stopping took {took_s:.1f} s'
        before = self.app.answer()
        time.sleep(1)
        assert self.app.answer() == before, 'the answer went on after it was stopped'

    def question_waits_its_turn(self):
        self.app.key('ctrl+n')
        self.app.ask(driver.LONG)
        driver.until('the answer to begin', self.app.is_writing)
        self.app.ask('Who are you?')
        driver.until('the waiting question', lambda: 'Who are you?' in self.app.waiting())
        self.app.key('Escape')
        self.app.wait_written()
        assert 'Who are you?' in self.app.waiting(), 'stopping the answer lost the question'
        self.app.press('Edit this waiting question')
        question = self.app.find('text', 'Question')
        driver.until('the question back in the composer',
                     lambda: driver.text_of(question) == 'Who are you?')
        self.app.key('Return')
        driver.until('the composer to empty', lambda: driver.text_of(question) == '')
        self.app.wait_written()
        self.app.sees('Who are you?')
        assert not self.app.waiting(), 'the question still waits'

    def draft_stays(self):
        self.app.key('ctrl+l')
        self.app.type('half a thought')
        self.app.key('F9', 'Home', 'Delete')
        driver.until('two conversations', lambda: len(self.app.rows()) == 2)
        self.app.press('Undo')
        driver.until('the draft', lambda: driver.text_of(self.app.find('text', 'Question'))
                     == 'half a thought')
        self.app.key('F9', 'Home', 'Delete')
        driver.until('two conversations', lambda: len(self.app.rows()) == 2)

    def both_are_listed(self):
        driver.until('two conversations', lambda: len(self.app.rows()) == 2)

    def reopened(self):
        self.app.close()
        self.app = driver.App(self.data, env=self.settings)
        driver.until('two conversations', lambda: len(self.app.rows()) == 2)
        for row, words in ((0, driver.LONG), (1, QUESTION)):
            self.app.key('F9')
            self.app.key('Home', *['Down'] * row, 'Return')
            self.app.sees(words)
            assert len(self.app.answer()) > 50, f'no answer below {words}'

    def renamed(self):
        self.app.key('F9', 'Home', 'F2')
        self.app.find('text', 'Title')
        self.app.key('ctrl+a')
        self.app.type('The carpenter')
        self.app.key('Return')
        driver.until('the new title', lambda: 'The carpenter' in self.app.rows())

    def searched(self):
        self.app.key('ctrl+f')
        self.app.type('carpenter')
        driver.until('one row', lambda: self.app.rows() == ['The carpenter'])
        self.app.key('ctrl+a', 'BackSpace')
        self.app.type('xyzzyx')
        self.app.sees('Nothing found')
        self.app.key('Escape')
        driver.until('all rows', lambda: len(self.app.rows()) == 2)

    def stops(self):
        """The buttons of the rows whose answers are on their way."""
        return [node for node in driver.walk(self.app.find('list', 'Conversations'))
                if node.get_role_name() in driver.BUTTONS
                and driver.name_of(node) == 'Stop this answer']

    def two_at_once(self):
        for keys in (('Home',), ('Home', 'Down')):
            self.app.key('F9', *keys, 'Return')
            self.app.ask(driver.LONG)
        driver.until('both to be written',
                     lambda: self.app.text().count('Writing…') == 2 and len(self.stops()) == 2)
        # The one that was asked last is the first row.
        other = self.stops()[-1]
        driver.Atspi.Action.do_action(other.get_action_iface(), 0)
        driver.until('one to be stopped', lambda: len(self.stops()) < 2)
        self.app.key('Escape')
        self.app.wait_written()
        driver.until('all to have ended', lambda: not self.stops())

    def deleted_and_undone(self):
        self.app.key('F9', 'Home', 'Delete')
        driver.until('one row', lambda: len(self.app.rows()) == 1)
        self.app.press('Undo')
        driver.until('two rows', lambda: len(self.app.rows()) == 2)
        self.app.key('F9', 'Home', 'Delete')
        driver.until('one row', lambda: len(self.app.rows()) == 1)

    def narrow(self):
        self.app.resize(360, 640)
        self.app.key('ctrl+l')
        driver.until('the sidebar to fold', lambda: not self.app.query('list', 'Conversations'))
        for roles, name in (('text', 'Question'), (driver.BUTTONS, 'Send the question')):
            box = self.app.find(roles, name).get_component_iface()
            extents = driver.Atspi.Component.get_extents(box, driver.Atspi.CoordType.WINDOW)
            right = extents.x + extents.width
            assert right <= 360, f'{name} ends {right} pixels from the left'
        self.app.key('F9')
        driver.until('the list of conversations', lambda: self.app.query('list', 'Conversations'))

    def closed(self):
        self.app.close()

    def end(self):
        self.app.end()
        self.data.remove()


def main():
    tap = driver.Tap()
    story = Story()
    try:
        tap.case('the starting page names the device', story.welcome)
        tap.case('an answer streams and ends', story.answer_streams_and_ends)
        tap.case('the answer is copied', story.answer_is_copied)
        tap.case('Shift+Enter breaks the line', story.keys_break_lines)
        tap.case('an answer is stopped midway', story.answer_is_stopped)
        tap.case('a second question waits its turn', story.question_waits_its_turn)
        tap.case('a draft stays with its conversation', story.draft_stays)
        tap.case('both conversations are listed', story.both_are_listed)
        tap.case('both are there after reopening', story.reopened)
        tap.case('a conversation is renamed', story.renamed)
        tap.case('titles and messages are searched', story.searched)
        tap.case('two conversations are answered at once', story.two_at_once)
        tap.case('a conversation is deleted, and undone', story.deleted_and_undone)
        tap.case('360 pixels are enough', story.narrow)
        tap.case('the window closes, and nothing complained', story.closed)
    finally:
        story.end()
    tap.finish()


main()
