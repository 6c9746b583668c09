#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files stay under 800 lines and functions under 60, so that each can be read in one go."""

import ast
import re

import tree

FILE_LINES = 800
FUNCTION_LINES = 60

# 'path' or 'path:function': why it may be longer.
EXCEPTIONS = {
    # 'engine/x/y.c:y_table': 'one row per quantisation format',
}

BASH_FUNCTION = re.compile(r'^(\w+)\(\) \{')


def c_functions(text):
    """(name, lines) of each function: the layout puts its braces alone in the first column."""
    lines = text.split('\n')
    start = None
    for number, line in enumerate(lines):
        if line == '{':
            start = number
            while start > 0 and not re.match(r'\w', lines[start]):
                start -= 1
        elif line == '}' and start is not None:
            name = re.match(r'[\w\s*]*?(\w+) ?\(', lines[start])
            yield name.group(1) if name else f'line {start + 1}', number - start + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def bash_functions(text):
    name, start = None, 0
    for number, line in enumerate(text.split('\n')):
        match = BASH_FUNCTION.match(line)
        if match:
            name, start = match.group(1), number
        elif line == '}' and name:
            yield name, number - start + 1
            name = None


def functions(path, text):
    if path.endswith(('.c', '.h', '.comp', '.glsl')):
        return c_functions(text)
    if path.endswith('.py'):
        return python_functions(text)
    return bash_functions(text)


def files_are_under_800_lines(path, text):
    lines = text.count('\n')
    return [f': {lines} lines'] if lines >= FILE_LINES and path not in EXCEPTIONS else []


def functions_are_under_60_lines(path, text):
    return [f': {name} has {lines} lines' for name, lines in functions(path, text)
            if lines >= FUNCTION_LINES and f'{path}:{name}' not in EXCEPTIONS]


def exceptions_are_needed(path, _text):
    """Every exception names something that exists and is still too long."""
    file, _, function = path.partition(':')
    try:
        text = tree.read(file)
    except FileNotFoundError:
        return [': no such file']
    if not function:
        return [] if text.count('\n') >= FILE_LINES else [': is short enough by now']
    long = [name for name, lines in functions(file, text) if lines >= FUNCTION_LINES]
    return [] if function in long else [': is short enough by now']


def main():
    tap = tree.Tap()
    body = '  x ();\n' * 57
    tap.self_test(files_are_under_800_lines,
                  bad=[('a.c', '\n' * 800)], good=[('a.c', '\n' * 799)])
    tap.self_test(functions_are_under_60_lines,
                  bad=[('a.c', f'static void\nf (int a,\n   int b)\n{{\n{body}}}\n'),
                       ('a.comp', f'void\nmain ()\n{{\n{body}}}\n'),
                       ('a.py', 'def f():\n' + '    x()\n' * 60),
                       ('a', 'f() {\n' + '  x\n' * 60 + '}\n')],
                  good=[('a.c', f'static void\nf (int a)\n{{\n{body[8:]}}}\n'),
                        ('a.c', 'static int x[] = {\n' + '  1,\n' * 100 + '};\n'),
                        ('a.py', 'def f():\n' + '    x()\n' * 50)])
    tap.self_test(exceptions_are_needed,
                  bad=[('no/such/file.c', ''), ('meson.build', ''), ('meson.build:f', '')])
    files = tree.paths('*.c', '*.h', '*.comp', '*.glsl', '*.py', '*.blp', 'meson.build',
                       'dev', 'test-dev', 'with-display', 'screenshot', 'standin', 'session',
                       'build', '*.css')
    tap.over_tree(files_are_under_800_lines, files)
    tap.over_tree(functions_are_under_60_lines, files)
    tap.case('exceptions are needed',
             [f'{path}{found}' for path in EXCEPTIONS for found in exceptions_are_needed(path, '')])
    tap.finish()


main()
