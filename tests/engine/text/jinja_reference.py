# SPDX-License-Identifier: GPL-3.0-or-later
"""Jinja2 set up as `transformers` sets it up for chat templates, and our own interpreter beside it.

It knows no templates. strftime_now gives what Python gives at that moment on both sides.
"""

import json
import struct
import subprocess
from datetime import datetime

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    """{% generation %} … {% endgeneration %}: a body in a scope of its own."""

    tags = {'generation'}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(['name:endgeneration'], drop_needle=True)
        call = self.call_method('_support', [])
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _support(self, caller):
        return caller()


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                         extensions=[Generation, jinja2.ext.loopcontrols])
    made.filters['tojson'] = tojson
    made.filters['from_json'] = json.loads
    made.globals['raise_exception'] = raise_exception
    made.globals['strftime_now'] = lambda format: datetime.now().strftime(format)
    return made


ENVIRONMENT = environment()


def reference(template, variables):
    """(True, text) or (False, error)."""
    try:
        return True, ENVIRONMENT.from_string(template).render(**variables)
    except Exception as error:  # whatever a template raises is its failure
        return False, f'{type(error).__name__}: {error}'


class Ours:
    """test-jinja --serve, one process for all templates."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, '--serve'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def render(self, template, variables):
        for text in (template, json.dumps(variables)):
            data = text.encode('utf-8', 'surrogatepass')
            self.process.stdin.write(struct.pack('<I', len(data)) + data)
        self.process.stdin.flush()
        status = self.process.stdout.read(1)
        if not status:
            raise RuntimeError(f'the interpreter ended with code {self.process.wait()} on '
                               f'{template!r} with {variables!r}')
        size, = struct.unpack('<I', self.process.stdout.read(4))
        return status == b'+', self.process.stdout.read(size).decode()

    def close(self):
        self.process.stdin.close()
        return self.process.wait()
