#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every dialog opens by its key, and every control has a name for screen readers."""

import driver

NAMED = driver.BUTTONS + ('check box', 'radio button', 'combo box', 'spin button', 'menu button',
                          'slider', 'switch')


def unnamed(app):
    """Controls on the screen that a screen reader could only call “button”."""
    found = []
    for node in driver.walk(app.window):
        if node.get_role_name() in NAMED and not driver.name_of(node) and \
                not any(driver.name_of(child) for child in driver.walk(node)):
            parent = node.get_parent()
            found.append(f'{node.get_role_name()} in {parent.get_role_name()} '
                         f'“{driver.name_of(parent)}”')
    return found


class Dialogs:
    """One window with the starter model."""

    def __init__(self):
        self.data = driver.Data()
        self.app = driver.App(self.data)
        self.app.ready()

    def all_named(self):
        # A page may be made anew while it is looked at: until tries again when a control went.
        bare, = driver.until('the controls to stay', lambda: (unnamed(self.app),))
        assert not bare, '\n'.join(bare)

    def opens(self, key, words):
        def check():
            self.app.key(key)
            try:
                self.app.sees(words)
                self.all_named()
            finally:
                self.app.key('Escape')
            self.app.sees_not(words)
        return check

    def models(self):
        self.app.key('ctrl+m')
        self.app.sees('Models to Get')
        self.all_named()
        self.app.key('ctrl+l')
        self.app.sees_not('Models to Get')

    def wheel(self):
        """A page that is scrolled with the pointer on a number does not change it."""
        self.app.key('ctrl+comma')
        self.app.open_page('Memory and Speed')
        number = self.app.find('spin button', 'Kept on disk, in MB')
        def value():
            return driver.text_of(number) or number.get_value_iface().get_current_value()

        before = value()
        for button in 5, 4, 5:  # it is brought into sight, and turned over
            self.app.hover(number)
            driver.xdotool('click', '--repeat', 3, '--delay', 30, button)
            driver.time.sleep(0.5)
        after = value()
        self.app.key('Escape')
        assert after == before, f'{before} became {after}'

    def loads_again(self):
        """Another context length holds once the model is loaded again."""
        self.app.key('ctrl+comma')
        self.app.open_page('Memory and Speed')
        self.app.choose('Context length', 'Down', 'Down')
        self.app.press('Load Now')
        self.app.sees_not('Load Now')
        self.app.key('Escape')
        self.app.sees('2,048 tokens')

    def menu(self):
        """GTK 4.18 gives the items no names of their own."""
        self.app.key('F10')
        menu = self.app.find('menu', 'Main Menu')
        items = [node for node in driver.walk(menu) if node.get_role_name() == 'menu item']
        self.app.key('Escape')
        assert len(items) == 6, f'{len(items)} items'

    def offline(self):
        """The window itself is sealed, whatever the machine."""
        self.app.key('F10', 'Up', 'Up', 'Return')
        try:
            self.app.sees('Bottega cannot reach any network')
            self.app.sees('IPv4 socket: Permission denied · IPv6 socket: Permission denied')
            self.all_named()
            self.app.press('Copy as Text')
            self.app.sees('Copied as text')
        finally:
            self.app.key('Escape')
        self.app.sees_not('Bottega cannot reach any network')

    def end(self):
        self.app.end()
        self.data.remove()


def main():
    tap = driver.Tap()
    dialogs = Dialogs()
    try:
        tap.case('every control of the window has a name', dialogs.all_named)
        tap.case('preferences', dialogs.opens('ctrl+comma', 'Longest answer'))
        tap.case('models', dialogs.models)
        tap.case('shortcuts', dialogs.opens('ctrl+question', 'Go to the list of conversations'))
        tap.case('main menu', dialogs.menu)
        tap.case('offline proof', dialogs.offline)
        tap.case('the wheel changes no number', dialogs.wheel)
        tap.case('another context length', dialogs.loads_again)
        tap.case('the window closes', dialogs.app.close)
    finally:
        dialogs.end()
    tap.finish()


main()
