#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed Flatpak as a person has it, in a session of its own with portals (flatpak/session):
what its sandbox refuses, and that all of Bottega works in there. Run by ./dev flatpak; the user's
own installation is empty at first, the system's holds the runtime."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'ui'))
import documents  # noqa: E402
import driver  # noqa: E402

APP = 'io.github.bottega.Bottega'
REPOSITORY = '/mnt/flatpak/repo'
DATA = os.path.expanduser(f'~/.var/app/{APP}')
SECRET = os.path.expanduser('~/secret.txt')
SIZE_BYTES = 25_000_000
START_S = 1.5
ANSWER_TOKENS = {'vulkan': 60, 'cpu': 900}
QUESTION = 'Describe the city of Florence in detail.'
GLUED = 'How warm is hide glue?'
RENT = 'When may the rent be raised?'
DOCUMENTS = 'org.freedesktop.portal.Documents'
STARTER = 'SmolLM2-135M-Instruct-Q4_1.gguf'
NAME_KEY = b'general.name'
CHOOSER = 'xdg-desktop-portal-gtk'
PERMISSIONS = {'shared': {'ipc'}, 'sockets': {'wayland', 'fallback-x11', 'x11'}, 'devices': {'dri'}}
FRAME = re.compile(r'first frame at (\d+) us')


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 or not check, f'{command}: {done.stdout}{done.stderr}'
    return done.stdout + done.stderr


def inside(*command, check=True):
    """A command in the sandbox of the application."""
    return run('flatpak', 'run', f'--command={command[0]}', APP, *command[1:], check=check)


def say(words):
    print('# ' + words, flush=True)


class Sandboxed(driver.App):
    """The installed application; the window is drawn by cairo, as there is no graphics card."""

    def __init__(self, device='cpu'):
        settings = os.path.join(DATA, 'config/glib-2.0/settings')
        os.makedirs(settings, exist_ok=True)
        with open(os.path.join(settings, 'keyfile'), 'w', encoding='utf-8') as file:
            file.write(f"[io/github/bottega/Bottega]\ndevice='{device}'\n"
                       f'max-answer-tokens=uint32 {ANSWER_TOKENS[device]}\n')
        super().__init__(None, command=[
            'flatpak', 'run', '--env=G_MESSAGES_DEBUG=bottega-application',
            '--env=GSK_RENDERER=cairo', APP])

    def is_ours(self, app):
        return 'bottega' in (app.get_name() or '').lower()


def stored(query):
    """A question to the database of the space, outside of the sandbox."""
    path = os.path.join(DATA, 'data/bottega/spaces/personal.sqlite')
    with sqlite3.connect(f'file:{path}?mode=ro', uri=True) as database:
        return database.execute(query).fetchall()


# ---- the installation

def installed():
    """Both refs come at one command."""
    run('flatpak', 'remote-add', '--user', '--no-gpg-verify', 'bottega', f'file://{REPOSITORY}')
    run('flatpak', 'install', '--user', '-y', '--noninteractive', 'bottega', APP)
    refs = run('flatpak', 'list', '--user', '--columns=ref')
    for ref in (APP, APP + '.Models'):
        assert f'{ref}/' in refs, f'{ref} was not installed: {refs}'


def bundled():
    """It needs no repository."""
    elsewhere, bundle = os.path.expanduser('~/elsewhere'), '/mnt/flatpak/bottega.flatpak'
    flatpak = ('env', 'FLATPAK_USER_DIR=' + elsewhere, 'flatpak')
    run(*flatpak, 'install', '--user', '-y', '--noninteractive', bundle)
    assert f'{APP}/' in run(*flatpak, 'list', '--user', '--columns=ref')
    say(f'{os.path.getsize(bundle) / 1e6:.1f} MB')
    shutil.rmtree(elsewhere)


def size():
    folder = run('flatpak', 'info', '--user', '--show-location', APP).strip() + '/files'
    used = sum(os.lstat(os.path.join(path, name)).st_size
               for path, _, names in os.walk(folder) for name in names)
    say(f'{used / 1e6:.1f} MB without the models')
    assert used < SIZE_BYTES, f'{used} bytes'


def permissions():
    text = run('flatpak', 'info', '--user', '--show-permissions', APP)
    found = {key: set(filter(None, value.split(';')))
             for key, value in re.findall(r'^(\w+)=(.*)$', text, re.M)}
    assert found == PERMISSIONS and text.count('[') == 1, text


# ---- what is refused

def no_network():
    """The same connection succeeds outside."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(('127.0.0.1', port), timeout=10).close()
        for address in ('127.0.0.1', '192.0.2.1'):
            out = inside('python3', '-c', 'import socket; socket.create_connection'
                         f"(('{address}', {port}), timeout=10)", check=False)
            assert 'refused' in out or 'unreachable' in out, out
            say(f'{address}: {out.strip().splitlines()[-1]}')
    out = inside('cat', '/proc/net/dev')
    assert re.findall(r'^ *(\w+):', out, re.M) == ['lo'], out


def no_home():
    """What lies in the home, and the home itself, are not there."""
    with open(SECRET, 'w', encoding='utf-8') as file:
        file.write('of the person')
    assert 'No such file' in inside('cat', SECRET, check=False)
    home = os.path.dirname(SECRET)
    files = inside('find', home, '-path', home + '/.var', '-prune', '-o', '-not', '-type', 'd',
                   '-print')
    assert not files, files
    found = inside('grep', '-rslD', 'skip', 'of the person', '/mnt', '/home', '/root', '/run',
                   '/tmp', '/var', check=False)
    assert not found, found


def no_rights():
    out = inside('cat', '/proc/self/status')
    assert re.search(r'^CapBnd:\s0+$', out, re.M) and re.search(r'^Seccomp:\s2$', out, re.M), out


def no_bus():
    """Of the session bus the portals alone are to be seen."""
    out = inside('gdbus', 'call', '--session', '--dest', 'org.freedesktop.DBus', '--object-path',
                 '/', '--method', 'org.freedesktop.DBus.ListNames')
    others = [name for name in re.findall(r"'([a-zA-Z][^']*)'", out)
              if not name.startswith(('org.freedesktop.portal.', 'org.freedesktop.DBus', APP))]
    assert not [name for name in others if not name.startswith('org.a11y.')], others


def extractor():
    """Its own locks, inside of the sandbox's."""
    out = inside('/app/libexec/bottega/bottega-extract', '--self-test')
    assert 'not ok' not in out and re.search(r'^1\.\.\d+$', out, re.M), out
    say(f'{len(re.findall("^ok", out, re.M))} attempts of bottega-extract --self-test went as they '
        f'must, {"without" if "lacks Landlock" in out else "with"} Landlock')


# ---- the window

def start_s():
    app = Sandboxed()
    try:
        match = driver.until('the first frame', lambda: FRAME.search(app.output()))
        return (int(match.group(1)) - app.started_us) / 1e6
    finally:
        app.close()


def starts_in_time():
    """From the call of flatpak to the first frame; the first start makes caches."""
    times = [start_s() for _ in range(5)]
    say('first frame after ' + ', '.join(f'{t:.2f} s' for t in times))
    assert min(times[1:]) < START_S, times


class Story:
    """One window, an answer on each device, then documents."""

    def __init__(self):
        self.app = None
        self.paths = documents.write_all(os.path.expanduser('~'))

    def restart(self, device):
        self.end()
        self.app = Sandboxed(device)
        self.app.ready()

    def streamed(self):
        """The lengths that the answer was seen to have while it was written."""
        lengths = set()
        driver.until('the Stop button', self.app.is_writing, 240)

        def ended():
            lengths.add(len(self.app.answer()))
            return self.app.query(driver.BUTTONS, 'Send the question')
        driver.until('the answer to end', ended, 300)
        return lengths

    def answers(self, device, named):
        """An answer grows on the screen; who wrote it stands in the person's data."""
        self.restart(device)
        self.app.key('ctrl+n')
        self.app.ask(QUESTION)
        lengths = self.streamed()
        for _ in range(5):  # an answer may be over before it was looked at three times
            if len(lengths) < 3:
                self.app.press('Answer again')
                lengths = self.streamed()
        assert len(lengths) >= 3, f'the text did not grow while it was written: {lengths}'
        self.app.sees('tok/s')
        figures = re.findall(r'[^\n]*tok/s[^\n]*', self.app.answer())
        writer = stored("SELECT device FROM messages WHERE device IS NOT NULL AND device != ''"
                        ' ORDER BY seq DESC LIMIT 1')[0][0]
        say(f'{writer}: {figures[0] if figures else ""} ({len(lengths)} lengths were seen)')
        assert named in writer.lower(), writer

    def on_cpu(self):
        self.answers('cpu', 'threads')

    def on_lavapipe(self):
        self.answers('vulkan', 'llvmpipe')

    def models_in_place(self):
        """What just answered is the extension's: no model was copied, and there is no other."""
        assert STARTER in inside('ls', '/app/share/bottega/models')
        copies = [name for _, _, names in os.walk(DATA) for name in names
                  if name.endswith('.gguf')]
        assert not copies, copies

    def state_of(self, title):
        box = self.app.query('list', 'Documents')
        rows = {driver.name_of(node): node.get_description() or '' for node in driver.walk(box)
                if node.get_role_name() == 'list item'} if box else {}
        return rows.get(title, '')

    def document_is_ready(self, title):
        driver.until(f'“{title}” to be read',
                     lambda: 'Ready' in self.state_of(title), 120)

    def chosen(self):
        """Through the portal's own file chooser."""
        self.app.key('ctrl+shift+l')
        self.app.press('Add Files…')
        self.choose(self.paths['lease'])
        self.document_is_ready(documents.LEASE[0])
        paths = [row[0] for row in stored('SELECT path FROM documents')]
        say(f'read as {paths[0]}')
        assert all(path.startswith('/run/') and '/doc/' in path for path in paths), paths

    def choose(self, path):
        window = driver.until('the file chooser', lambda: driver.window_id('--class', CHOOSER))
        driver.xdotool('windowfocus', '--sync', window)
        driver.until('the path to be taken', lambda: self.typed(window, path), 60)
        self.app.focus()

    def typed(self, window, path):
        """A chooser that is not ready loses keys: they are typed until it closes."""
        driver.xdotool('key', '--clearmodifiers', 'ctrl+a')
        driver.xdotool('type', '--delay', '30', path)
        driver.xdotool('key', 'Return')
        try:
            return driver.until('it to close',
                                lambda: driver.window_id('--class', CHOOSER) != window, 5)
        except AssertionError:
            return False

    def dropped(self):
        drag = driver.Drag(self.app, self.paths['glue'])
        self.app.sees('Drop documents to add them to Personal')
        drag.release()
        self.document_is_ready(documents.GLUE[0])

    def cited(self):
        self.app.key('ctrl+n')
        self.app.ask(RENT)
        chip = f'Source 1, {documents.LEASE[0]}, page 2'
        self.app.find(driver.BUTTONS, chip)
        self.app.wait_written()
        self.app.press(chip)
        self.app.find('image', f'Page 2 of {documents.LEASE[0]}, with the passage marked')

    def kept(self):
        """The portal of documents ends, as with a session. What was chosen is there again, what was
        dropped is not; what was read of it stays."""
        self.end()
        before = [row[0] for row in stored('SELECT path FROM documents')]
        pid = re.search(r'\d+', run('gdbus', 'call', '--session', '--dest', 'org.freedesktop.DBus',
                                    '--object-path', '/', '--method', 'org.freedesktop.DBus.'
                                    'GetConnectionUnixProcessID', DOCUMENTS).split()[-1])
        os.kill(int(pid.group()), signal.SIGTERM)
        driver.until('the portal of documents to end', lambda: not os.path.exists(before[0]))
        self.restart('cpu')
        say(f'after a session: {[os.path.basename(p) for p in before if os.path.exists(p)]} there')
        self.app.key('ctrl+shift+l')
        for title in (documents.LEASE[0], documents.GLUE[0]):
            self.document_is_ready(title)
        for question, title, page in ((RENT, documents.LEASE[0], 2), (GLUED, documents.GLUE[0], 1)):
            self.app.key('ctrl+n')
            self.app.ask(question)
            self.app.find(driver.BUTTONS, f'Source 1, {title}, page {page}')
            self.app.wait_written()

    def another_model(self, name):
        """The starter model in the home, which calls itself something else."""
        folder = run('flatpak', 'info', '--user', '--show-location', APP + '.Models').strip()
        path = os.path.expanduser(f'~/{name}.gguf')
        with open(os.path.join(folder, 'files', STARTER), 'rb') as file:
            model = bytearray(file.read())
        value = model.index(NAME_KEY) + len(NAME_KEY) + 12  # after its type and its length
        model[value:value + 6] = name[:6].encode()
        with open(path, 'wb') as file:
            file.write(model)
        return path

    def model_dropped(self):
        """It is handed over for a session, so that it is copied, unasked."""
        self.app.key('ctrl+m')
        drag = driver.Drag(self.app, self.another_model('Dropped'))
        self.app.sees('Drop to add this model')
        drag.release()
        self.app.sees('Apache 2.0')
        assert 'Use it where it lies' not in self.app.text()
        self.app.press('Add')
        self.app.sees('“Dropped” added')
        assert os.path.exists(os.path.join(DATA, 'data/bottega/models/Dropped.gguf'))

    def model_chosen(self):
        """It is handed over for good, so that it can be used where it lies."""
        self.app.press('Add a Model…')
        self.choose(self.another_model('Chosen'))
        self.app.find(('check box', 'radio button'), 'Use it where it lies')
        self.app.tab_to('the choice',
                        lambda node: driver.name_of(node).startswith('Copy to Bottega’s'))
        self.app.key('Down', 'space')
        self.app.press('Add')
        self.app.sees('Used where it lies')
        assert not os.path.exists(os.path.join(DATA, 'data/bottega/models/Chosen.gguf'))

    def own_folder(self):
        """All that was written lies below the application's own folder."""
        written = run('find', os.path.expanduser('~'), '-ipath', '*bottega*', '-not', '-path',
                      '*/.var/*', '-not', '-path', '*/.local/share/flatpak/*', '-type', 'f')
        assert not written, written
        assert stored('SELECT count(*) FROM messages')[0][0] > 0

    def end(self):
        if self.app is not None:
            self.app.close()
        self.app = None


def main():
    tap = driver.Tap()
    tap.case('one command installs the application and its models', installed)
    tap.case('the bundle installs too', bundled)
    tap.case('it is under 25 MB', size)
    tap.case('the sandbox has four permissions', permissions)
    tap.case('connect() fails', no_network)
    tap.case('the home cannot be read', no_home)
    tap.case('no capability is left, and a filter is in force', no_rights)
    tap.case('on the bus there are the portals alone', no_bus)
    tap.case('the extractor is confined in the sandbox too', extractor)
    tap.case('the window is there within 1.5 seconds', starts_in_time)
    story = Story()
    def told(case):
        """With what is on the screen where it fails."""
        try:
            case()
        except Exception:
            say('on the screen: ' + story.app.text().replace('\n', ' · ')[-1500:]
                if story.app is not None else 'there is no window')
            raise

    for name, case in (('an answer streams on lavapipe', story.on_lavapipe),
                       ('an answer streams on the processor', story.on_cpu),
                       ('the models are used where they lie', story.models_in_place),
                       ('a document comes through the file portal', story.chosen),
                       ('a document is dropped from another window', story.dropped),
                       ('it is cited, and its page is drawn', story.cited),
                       ('documents stay after the end of a session', story.kept),
                       ('a dropped model is copied', story.model_dropped),
                       ('a chosen model is used where it lies', story.model_chosen),
                       ('data lies in the application\'s own folder', story.own_folder),
                       ('the window closes, and nothing complained', story.end)):
        tap.case(name, lambda case=case: told(case))
    if story.app is not None:
        story.app.end()
    shutil.rmtree(DATA, ignore_errors=True)
    tap.finish()


main()
