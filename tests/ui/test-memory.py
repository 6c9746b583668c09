#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory and speed in the real window: what the starter model takes is foreseen by the planner, and
changes with the options; presets, what needs loading again, reset and undo."""

import re

import driver


class Memory:
    """One window with the starter model and its preferences."""

    def __init__(self):
        self.data = driver.Data()
        self.app = driver.App(self.data)
        self.app.ready()

    def conversation_mb(self):
        """What the context takes, by the words of its row."""
        found = re.search(r'They take ([\d.]+)\s(k|M|G)B', self.app.text())
        return float(found[1]) * {'k': 1e-3, 'M': 1, 'G': 1e3}[found[2]] if found else 0

    def foreseen(self):
        self.app.key('ctrl+comma')
        self.app.open_page('Memory and Speed')
        self.app.sees('weights')
        self.app.sees('used by others')
        self.app.sees('First word of a 1,000-token question')
        names = [driver.name_of(node) for node in driver.walk(self.app.window)]
        assert any(name.startswith('Memory: weights ') and ', free ' in name for name in names), \
            'no bar can be heard'

    def options_move(self):
        before = driver.until('a price', self.conversation_mb)
        self.app.choose('Context length', 'Down')
        driver.until('a lower price', lambda: 0 < self.conversation_mb() < before / 4)
        assert self.app.can_press('Load Now')
        middle = self.conversation_mb()
        self.app.choose('Precision', 'Down')
        driver.until('a compact price', lambda: 0 < self.conversation_mb() < middle * 0.6)

    def chosen(self):
        """A dialog is found twice below its window."""
        return {driver.name_of(node) for node in driver.walk(self.app.window)
                if node.get_role_name() == 'radio button'
                and driver.has_state(node, driver.Atspi.StateType.CHECKED)}

    def press_preset(self, name):
        self.app.click(self.app.find('radio button', name))

    def presets(self):
        """None is chosen while the settings are somebody's own; each sets the rows."""
        assert not self.chosen(), self.chosen()
        self.press_preset('Low Power')
        driver.until('low power', lambda: self.chosen() == {'Low Power'})
        self.app.sees('4,096 tokens')
        self.app.sees('After 5 minutes')
        self.app.choose('Unload when idle', 'Up')
        driver.until('none of them', lambda: not self.chosen())

    def reset(self):
        button = self.app.find('button', 'Reset to Defaults')
        assert driver.has_state(button, driver.Atspi.StateType.SENSITIVE)
        self.app.click(button)
        driver.until('balanced', lambda: self.chosen() == {'Balanced'})
        assert not driver.has_state(button, driver.Atspi.StateType.SENSITIVE)
        self.app.press('Undo')
        driver.until('what was set', lambda: not self.chosen())
        self.app.sees('Never')
        self.app.sees('4,096 tokens')

    def loads(self):
        self.app.press('Load Now')
        self.app.sees_not('Load Now')
        self.app.key('Escape')
        self.app.sees_not('Context length')
        self.app.sees('4,096 tokens')

    def end(self):
        self.app.end()
        self.data.remove()


def main():
    tap = driver.Tap()
    memory = Memory()
    try:
        tap.case('what the model takes is foreseen, seen and heard', memory.foreseen)
        tap.case('options change what it takes', memory.options_move)
        tap.case('presets', memory.presets)
        tap.case('reset and undo', memory.reset)
        tap.case('what is set is loaded', memory.loads)
        tap.case('the window closes', memory.app.close)
    finally:
        memory.end()
    tap.finish()


main()
