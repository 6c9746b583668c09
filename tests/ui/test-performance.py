#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Performance page: what it says before there is an answer and after, the verdict under an
answer as a link to it, its button, and the report as data and as a picture."""

import json
import os
import time

import driver

# What limits an answer of a model that is loaded, with nothing beside it: a smaller one helps.
PLAIN = ('computing', 'memory bandwidth', 'reading')
PNG = b'\x89PNG\r\n\x1a\n'


class Performance:
    """One window with the starter model."""

    def __init__(self):
        self.data = driver.Data()
        self.app = driver.App(self.data, env={'XDG_DATA_HOME': self.data.path})
        self.asked = 0

    def plots(self):
        """Their names and what is said of them."""
        return {driver.name_of(node): node.get_description() or ''
                for node in driver.walk(self.app.window)
                if node.get_role_name() in ('image', 'icon') and node.get_description()}

    # ---- cases

    def empty(self):
        self.app.ready()
        self.app.key('ctrl+shift+p')
        self.app.sees('No Answers Yet')
        self.app.sees('This Computer')
        self.app.sees('GB/s')
        self.app.sees('billion multiplications')
        self.app.press('Ask a Question')
        self.app.sees_not('No Answers Yet')

    def line(self):
        """The verdict stands at the end of the numbers, and is a link."""
        def is_plain():
            words = self.app.answer()
            return len(words.split()) > 60 and any('limited by ' + what in words for what in PLAIN)

        self.asked = self.app.ask_until(is_plain)

    def diagnosis(self):
        self.app.tab_to('the verdict', lambda node: node.get_role_name() == 'link', 'shift+Tab')
        self.app.key('Return')
        self.app.find('label', 'Where the Time Went')
        self.app.sees('of waiting')
        self.app.sees('SmolLM2')
        plots = self.plots()
        assert len(plots) == 4, plots
        assert 'Writing' in plots['Where the Time Went'], plots
        assert 'the longest' in plots['Between Tokens'], plots
        assert 'tok/s' in plots['Speed and Length'], plots

    def memory(self):
        """Sampled while the page is open."""
        driver.until('samples', lambda: 'main memory' in self.plots()['Memory'], 20)

    def button(self):
        """It leads to what would help."""
        self.app.press('Choose a Smaller Model')
        self.app.find('label', 'Installed')
        self.app.key('ctrl+shift+p')

    def choose(self, steps, path):
        """By the menu of the header bar and the file dialog, whose name is typed over."""
        self.app.tab_to('the menu', lambda node: driver.name_of(node) == 'Save Report', 'shift+Tab')
        self.app.key('Return')
        time.sleep(0.7)
        self.app.key(*['Down'] * steps, 'Return')
        dialog = driver.until('the dialog', lambda: driver.window_id('--name', 'Save Report'))
        driver.xdotool('windowfocus', '--sync', dialog)
        self.app.key('ctrl+a')
        self.app.type(path)
        self.app.key('Return')
        driver.until('the report to be written',
                     lambda: os.path.exists(path) and os.path.getsize(path) > 0)
        self.app.focus()

    def report(self):
        path = os.path.join(self.data.path, 'report.json')
        self.choose(0, path)
        self.app.sees('Report saved')
        with open(path, encoding='utf-8') as file:
            report = json.load(file)
        answers = report['answers']
        assert len(answers) == self.asked, answers
        for answer in answers:
            stats = answer['stats']
            assert answer['diagnosis']['verdict'] in answer['diagnosis']['explains_s'], answer
            # Words that come together make one gap: how many do is a matter of how busy it is here.
            assert 0 < len(stats['facts']['gaps_100us']) < stats['written_tokens'], answer
        assert report['read_bytes_s'] > 1e8 and report['int8_s'] > 1e8, \
            (report['read_bytes_s'], report['int8_s'])
        assert report['devices'][-1]['id'] == 'cpu', report['devices']
        assert report['memory'], report
        assert 'carpenter' not in json.dumps(report), 'text of the conversation is in the report'

    def picture(self):
        path = os.path.join(self.data.path, 'report.png')
        self.choose(1, path)
        with open(path, 'rb') as file:
            head = file.read(24)
        width, height = (int.from_bytes(head[i:i + 4], 'big') for i in (16, 20))
        assert head.startswith(PNG) and width > 300 and height > 600, (head, width, height)

    def end(self):
        self.app.end()
        self.data.remove()


def main():
    tap = driver.Tap()
    page = Performance()
    try:
        tap.case('before an answer it says what this computer gives', page.empty)
        tap.case('the verdict under an answer', page.line)
        tap.case('its link opens the page with four plots', page.diagnosis)
        tap.case('memory is drawn', page.memory)
        tap.case('the button leads to the models', page.button)
        tap.case('a report as data', page.report)
        tap.case('a report as a picture', page.picture)
        tap.case('the window closes, and nothing complained', page.app.close)
    finally:
        page.end()
    tap.finish()


main()
