#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the desktop does with Bottega: its search, "Open With", notifications, a closed window.

The program is started by the session bus, as GNOME Shell has it started; a second process of this
file (--stand-in FILE) is there instead of the Shell's notifications and the desktop's portals."""

import glob
import json
import os
import signal
import subprocess
import sys
import time

import driver

from gi.repository import Gio, GLib

NAME = 'io.github.bottega.Bottega'
PATH = '/io/github/bottega/Bottega'
SEARCH = 'org.gnome.Shell.SearchProvider2'
LONG_S = 10  # from here on an answer is worth a notification

NOTIFICATIONS = 'org.gtk.Notifications'
PORTAL = 'org.freedesktop.portal.Desktop'
XML = '''<node><interface name='org.gtk.Notifications'>
<method name='AddNotification'><arg type='s' direction='in'/><arg type='s' direction='in'/>
<arg type='a{sv}' direction='in'/></method>
<method name='RemoveNotification'><arg type='s' direction='in'/><arg type='s' direction='in'/>
</method></interface>
<interface name='org.freedesktop.portal.OpenURI'>
<method name='OpenFile'><arg type='s' direction='in'/><arg type='h' direction='in'/>
<arg type='a{sv}' direction='in'/><arg type='o' direction='out'/></method>
<method name='OpenURI'><arg type='s' direction='in'/><arg type='s' direction='in'/>
<arg type='a{sv}' direction='in'/><arg type='o' direction='out'/></method></interface>
<interface name='org.freedesktop.portal.Background'>
<method name='RequestBackground'><arg type='s' direction='in'/><arg type='a{sv}' direction='in'/>
<arg type='o' direction='out'/></method>
<method name='SetStatus'><arg type='a{sv}' direction='in'/></method></interface></node>'''


def stand_in(path):
    """Writes what is asked of the desktop, one JSON list a line. Work in the background is allowed
    unless there is a file PATH.no."""
    def request(sender, token):
        return '/org/freedesktop/portal/desktop/request/' + \
            sender[1:].replace('.', '_') + '/' + token

    def called(bus, sender, _path, _interface, method, arguments, invocation):
        what = arguments.unpack()
        if method == 'OpenFile':
            fds = invocation.get_message().get_unix_fd_list()
            what = (os.readlink(f'/proc/self/fd/{fds.get(what[1])}'),)
        with open(path, 'a', encoding='utf-8') as file:
            file.write(json.dumps([method, *what]) + '\n')
        if method.startswith('Open'):
            invocation.return_value(GLib.Variant('(o)', (request(sender, 'opened'),)))
        elif method == 'RequestBackground':
            handle = request(sender, what[1]['handle_token'])
            allowed = not os.path.exists(path + '.no')
            invocation.return_value(GLib.Variant('(o)', (handle,)))
            bus.emit_signal(sender, handle, 'org.freedesktop.portal.Request', 'Response',
                            GLib.Variant('(ua{sv})', (0 if allowed else 1, {
                                'background': GLib.Variant('b', allowed)})))
        else:
            invocation.return_value(None)

    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for interface in Gio.DBusNodeInfo.new_for_xml(XML).interfaces:
        place = '/org/gtk/Notifications' if interface.name == NOTIFICATIONS \
            else '/org/freedesktop/portal/desktop'
        bus.register_object(place, interface, called, None, None)
    for name in (NOTIFICATIONS, PORTAL):
        Gio.bus_own_name_on_connection(bus, name, Gio.BusNameOwnerFlags.NONE, None, None)
    GLib.MainLoop().run()


class Process:
    """One that the bus started: no child of this one."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        return None if os.path.exists(f'/proc/{self.pid}') else 0

    def wait(self, seconds):
        driver.until('the end of bottega', lambda: self.poll() == 0, seconds)
        return 0

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Attached(driver.App):
    """The window of a process that is there."""

    def __init__(self, pid):
        self.process = Process(pid)
        self.attach()

    def output(self):
        return ''


class Desktop:
    """The person's own folder, with a conversation and a document in it."""

    def __init__(self):
        self.data = driver.Data(path=os.path.join(os.environ['XDG_DATA_HOME'], 'bottega'))
        model = os.environ['BOTTEGA_TEST_EMBED_MODEL']
        os.mkdir(os.path.join(self.data.path, 'models', 'embed'))
        os.symlink(model, os.path.join(self.data.path, 'models', 'embed', os.path.basename(model)))
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        self.log = os.path.join(self.data.path, 'asked')
        self.shell = subprocess.Popen([sys.executable, __file__, '--stand-in', self.log])
        self.app = None
        self.conversation = None
        self.document = None
        self.story = None

    def write(self, name, text):
        path = os.path.join(self.data.path, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    # ---- the bus

    def call(self, method, *arguments, interface=SEARCH, path=PATH + '/SearchProvider',
             signature='(as)'):
        reply = self.bus.call_sync(NAME, path, interface, method,
                                   GLib.Variant(signature, arguments), None,
                                   Gio.DBusCallFlags.NONE, 30000, None)
        return reply.unpack()[0] if reply.n_children() else None

    def owner(self):
        """The process that has the name, or 0."""
        try:
            return self.bus.call_sync(
                'org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'GetConnectionUnixProcessID',
                GLib.Variant('(s)', (NAME,)), None, Gio.DBusCallFlags.NONE, 5000, None).unpack()[0]
        except GLib.Error:
            return 0

    def action(self, name, *targets):
        self.call('ActivateAction', name, targets, {}, interface='org.freedesktop.Application',
                  path=PATH, signature='(sava{sv})')

    def asked(self, method):
        """What was asked of the desktop by this name."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
        return [line[1:] for line in lines if line[0] == method]

    # ---- the cases

    def prepare(self):
        lease = self.write('lease.md', '# Lease\n\nThe notice period is a month. Perché no?\n')
        subprocess.run(['bottega-cli', 'index', lease], check=True, capture_output=True, timeout=60)
        self.app = driver.App(self.data, command=['bottega'])
        self.app.ready()
        self.app.ask('Which cheese melts best?')
        driver.until('an answer', lambda: 'tok/s' in self.app.answer())
        self.app.close()
        assert self.owner() == 0

    def finds(self):
        """With no window and no model; the times are the program's own once it is there."""
        before = time.monotonic()
        found = self.call('GetInitialResultSet', ['Cheese'])
        print(f'# started and answered in {time.monotonic() - before:.2f} s')
        assert len(found) == 1 and found[0].startswith('c:') and found[0].endswith(':personal'), \
            found
        self.conversation = found[0]
        found = self.call('GetInitialResultSet', ['perche', 'noti'])
        assert len(found) == 1 and found[0].startswith('d:'), found
        self.document = found[0]
        assert self.call('GetSubsearchResultSet', found, ['lease.md'],
                         signature='(asas)') == found
        metas, = [self.call('GetResultMetas', found)]
        assert metas[0]['id'] == self.document and metas[0]['name'] == 'Lease', metas
        assert metas[0]['description'].endswith('bottega') and metas[0]['gicon'], metas
        for nothing in (['zebra'], ['"'], ['cheese', 'zebra'], ['']):
            assert self.call('GetInitialResultSet', nothing) == [], nothing

    def is_quick(self):
        times = []
        for _ in range(9):
            before = time.monotonic()
            self.call('GetInitialResultSet', ['notice'])
            times.append(1e3 * (time.monotonic() - before))
        print(f'# a search takes {sorted(times)[4]:.1f} ms')
        assert min(times) < 100, times

    def is_light(self):
        pid = self.owner()
        with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
            text = maps.read()
        assert '.gguf' not in text and 'vulkan_lvp' not in text, 'a model or a driver is there'
        fds = [os.readlink(fd) for fd in glob.glob(f'/proc/{pid}/fd/*') if os.path.islink(fd)]
        assert not any('.sqlite' in fd for fd in fds), fds
        windows = [app for app in self.applications() if app.get_process_id() == pid
                   and app.get_child_count()]
        assert not windows, 'there is a window'

    @staticmethod
    def applications():
        desktop = driver.Atspi.get_desktop(0)
        every = [desktop.get_child_at_index(i) for i in range(desktop.get_child_count())]
        return [app for app in every if app is not None]

    def goes(self):
        driver.until('the service to go', lambda: self.owner() == 0, 40)

    def opens_conversation(self):
        """From nothing: the program is started by the choice itself."""
        self.call('ActivateResult', self.conversation, ['cheese'], 0, signature='(sasu)')
        self.app = Attached(driver.until('the program', self.owner))
        self.app.sees('Which cheese melts best?')
        driver.until('its answer', lambda: 'tok/s' in self.app.answer())

    def opens_document(self):
        self.call('ActivateResult', self.document, ['lease'], 0, signature='(sasu)')
        self.app.find(driver.BUTTONS, 'Do not ask in lease.md')

    def launches_search(self):
        self.call('LaunchSearch', ['melts', 'best'], 0, signature='(asu)')
        driver.until('one conversation in the list',
                     lambda: ['cheese' in row for row in self.app.rows()] == [True])
        self.call('LaunchSearch', ['zebra'], 0, signature='(asu)')
        self.app.sees('Nothing found')
        self.app.key('Escape')

    def opens_files(self):
        """A second process hands them to the first, and ends."""
        files = [self.write('one.txt', 'The first text is about ferries.\n'),
                 self.write('two.md', '# Second\n\nAbout trams.\n'),
                 self.write('other.gguf', 'no model')]
        subprocess.run(['bottega', *files], check=True, timeout=30)
        self.app.sees('other.gguf')
        self.app.key('Escape')
        self.app.sees_not('other.gguf')
        self.app.find(driver.BUTTONS, 'Do not ask in one.txt')
        self.app.find(driver.BUTTONS, 'Do not ask in two.md')

    def actions(self):
        """Those of the launcher's menu."""
        self.action('library')
        driver.until('the composer to go', lambda: self.app.query('text', 'Question') is None)
        self.action('new-conversation')
        self.app.ready()

    def is_opened(self):
        """What Bottega starts itself would be as sealed as it is: the portal is asked."""
        self.app.key('ctrl+shift+l')
        row = self.app.find('list item', 'Lease')
        self.app.tab_to('the row', lambda node: node == row)
        self.app.key('Return')
        opened = driver.until('the portal to be asked', lambda: self.asked('OpenFile'))
        assert opened == [[os.path.join(self.data.path, 'lease.md')]], opened
        self.app.key('ctrl+l')

    def close_and_hold(self, seconds=0):
        """Closes the window while the process is held for so long, so that what it does takes that
        long whatever the machine: it finds the key when it goes on."""
        pid = self.app.process.pid
        os.kill(pid, signal.SIGSTOP)
        self.app.key('ctrl+w')
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
        driver.until('the window to go', lambda: not driver.window_id('--class', 'bottega'))

    def begin_story(self):
        """Some answers are short, and end before they are seen: then the next one is asked for."""
        for question in driver.TALES:
            self.app.key('ctrl+n')
            self.app.ask(question)
            driver.until('an answer', lambda: self.app.is_writing() or self.app.answer())
            if self.app.is_writing():
                return question
        raise AssertionError('every answer was short')

    def sent(self, number):
        """The notification of this number: title, body and the rest."""
        def enough():
            every = self.asked('AddNotification')
            return every if len(every) >= number else None
        all_sent = driver.until('a notification', enough)
        assert len(all_sent) == number and all_sent[-1][0] == NAME, all_sent
        return all_sent[-1][2]

    def goes_on(self):
        """It comes to its end out of sight, which is said, and the program ends."""
        self.story = self.begin_story()
        self.close_and_hold(LONG_S)
        driver.until('the portal to be asked', lambda: self.asked('RequestBackground'))
        self.app.process.wait(driver.PATIENCE_S)
        assert self.asked('SetStatus') == [[{'message': 'An answer is being written to its end.'}]]
        what = self.sent(1)
        assert what['title'].startswith(self.story[:20]), what
        assert what['body'] == 'The answer is there.', what
        assert what['default-action'] == 'app.open-conversation', what
        self.conversation = what['default-action-target']

    def comes_back(self):
        """The notification is chosen: the Shell has the program started for it."""
        self.action('open-conversation', GLib.Variant('(ss)', self.conversation))
        self.app = Attached(driver.until('the program', self.owner))
        self.app.sees(self.story)
        driver.until('the whole answer', lambda: 'tok/s' in self.app.answer())
        self.app.sees_not('The answer was interrupted.')

    def is_forbidden(self):
        """The desktop says no: it ends at once, and the answer can go on another day."""
        with open(self.log + '.no', 'w', encoding='utf-8'):
            pass
        self.begin_story()
        self.close_and_hold()
        self.app.process.wait(driver.PATIENCE_S)
        assert len(self.asked('AddNotification')) == 1, 'it said that an answer was there'
        self.app = driver.App(self.data, command=['bottega'])
        self.app.key('F9', 'Home', 'Return')
        self.app.sees('The answer was interrupted.')
        os.remove(self.log + '.no')

    def reads_on(self):
        """The same with documents, whose meaning takes a while."""
        text = '\n\n'.join(f'# Pier {i}\n\nBoats of line {i} leave from pier {i}, past the old '
                           f'lighthouse and the {i} islands behind it.' for i in range(600))
        before = len(self.asked('SetStatus'))
        self.app.key('ctrl+shift+l')
        subprocess.run(['bottega', self.write('piers.md', text)], check=True, timeout=30)
        self.app.key('ctrl+shift+l')
        self.app.sees('meaning')
        self.close_and_hold(LONG_S)
        self.app.process.wait(driver.PATIENCE_S)
        assert self.asked('SetStatus')[before:] == [
            [{'message': 'Documents are being read to their end.'}]]
        what = self.sent(2)
        assert what['title'] == 'Library' and what['default-action'] == 'app.library', what
        assert what['body'] == '4 documents can be asked about.', what
        self.app = driver.App(self.data, command=['bottega'])
        self.app.ready()

    def end(self):
        self.shell.kill()
        self.shell.wait()
        if self.app is not None:
            self.app.end()


def main():
    tap = driver.Tap()
    desktop = Desktop()
    try:
        tap.case('a first run, by its name on the bus', desktop.prepare)
        tap.case('the desktop finds conversations and documents', desktop.finds)
        tap.case('a search is quick', desktop.is_quick)
        tap.case('without window, model, driver or open file', desktop.is_light)
        tap.case('nobody asks: the service goes', desktop.goes)
        tap.case('a conversation is chosen', desktop.opens_conversation)
        tap.case('a document is chosen', desktop.opens_document)
        tap.case('the whole list is asked for', desktop.launches_search)
        tap.case('files are opened while it runs', desktop.opens_files)
        tap.case('the launcher’s actions', desktop.actions)
        tap.case('another program opens a document', desktop.is_opened)
        tap.case('a closed window, a long answer, a notification', desktop.goes_on)
        tap.case('the notification leads to the answer', desktop.comes_back)
        tap.case('the desktop may forbid it', desktop.is_forbidden)
        tap.case('a closed window, many documents, a notification', desktop.reads_on)
        tap.case('the window closes', lambda: desktop.app.close())
    finally:
        desktop.end()
    tap.finish()


if len(sys.argv) == 3 and sys.argv[1] == '--stand-in':
    stand_in(sys.argv[2])
else:
    main()
