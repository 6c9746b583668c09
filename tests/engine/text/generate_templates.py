# SPDX-License-Identifier: GPL-3.0-or-later
"""Random templates over the grammar that chat templates use; the same for the same seed.

They set no variable of the caller: Jinja2 hides those from blocks inside, even before the set."""

NAMES = ['messages', 'a', 'd', 's', 'n', 'f', 't', 'no', 'missing', 'x', 'y']
STRINGS = ["'a'", "'b c'", "''", "'\\n'", "' x '", "'Hello World'", "'é日'", "'role'", "'o'"]
BINARY = ['+', '-', '*', '/', '//', '%', '~', '==', '!=', '<', '<=', '>', '>=', 'in', 'not in',
          'and', 'or']
FILTERS = ['tojson', 'length', 'trim', 'string', 'items', 'default(7)', "default('q', true)",
           'safe', "join(',')", 'list', 'upper', 'lower', 'dictsort', "replace('o', 'xy')",
           'reverse', 'reverse|list', 'first', 'last', 'sort', 'unique|list', 'capitalize',
           'title', 'int', 'float', 'abs', 'round', 'round(1)', 'indent', 'indent(2, true)',
           'wordcount', 'sum', 'min', 'max', 'batch(2)|list', 'slice(2)|list',
           "map('string')|list", 'escape', "map('upper')|join", "selectattr('role')|list",
           "select('string')|list", 'truncate(5)', "reject('none')|list",
           "map(attribute='role')|list", "rejectattr('x')|list", 'center(9)', "groupby('role')",
           'tojson(indent=2)', 'string|length', 'tojson|from_json', 'striptags', 'urlencode',
           'format(1)', 'count', 'e', "attr('x')", 'tojson(sort_keys=true)']
TESTS = ['defined', 'undefined', 'none', 'string', 'mapping', 'iterable', 'sequence', 'boolean',
         'true', 'false', 'number', 'integer', 'float', 'odd', 'even', 'divisibleby 2', 'lower',
         'upper', "eq('a')", 'in [1, 2]', 'gt(1)', 'escaped', 'sameas none']
METHODS = ['split()', "split('o')", "split('l', 1)", 'strip()', "lstrip('H ')", 'rstrip()',
           "startswith('H')", "endswith('d')", "replace('l', 'L')", 'upper()', 'title()', 'items()',
           "get('x')", "get('zz', 3)", 'keys()', 'values()', 'splitlines()', "find('o')",
           "count('l')", "partition('o')", "rsplit(' ', 1)", 'isdigit()', 'isalpha()',
           "removeprefix('He')", "join(['a', 'b'])", 'zfill(4)', 'capitalize()', 'swapcase()',
           "format(1, x=2)", 'index(1)', "center(8, '*')", 'copy()']
SIGNS = [('', ''), ('', ''), ('-', ''), ('', '-'), ('-', '-'), ('+', ''), ('', '+')]
SPACES = ['', ' ', '\n', '  \n', 'text ', '\n  ', 'x\n\n', '\t']


class Generator:
    def __init__(self, source):
        self.random = source

    def pick(self, choices):
        return self.random.choice(choices)

    def number(self):
        return str(self.pick([0, 1, 2, 3, -1, -2, 5, 10, 1.5, 0.1, 1e16, 100]))

    def leaf(self):
        return self.pick([lambda: self.pick(NAMES), lambda: self.pick(STRINGS), self.number,
                          lambda: self.pick(['true', 'false', 'none', '[]', '{}', 'loop.index'])])()

    def bound(self):
        """Of a slice; of a constant Jinja2 makes another error when it folds it."""
        return self.pick(['', '', 'n', 'f', '0', '1', '-1', '2', '-3', '100'])

    def expression(self, depth):
        if depth <= 0:
            return self.leaf()
        sub = lambda: self.expression(depth - 1)  # noqa: E731
        return self.pick([
            self.leaf,
            lambda: f'{sub()} {self.pick(BINARY)} {sub()}',
            lambda: f'({sub()})',
            lambda: f'{self.pick(NAMES)}|{self.pick(FILTERS)}',
            lambda: f'({sub()})|{self.pick(FILTERS)}',
            lambda: f'{sub()} is {self.pick(["", "not "])}{self.pick(TESTS)}',
            lambda: f'({sub()}).{self.pick(METHODS)}',
            lambda: f'{self.pick(NAMES)}.{self.pick(METHODS)}',
            lambda: f'{self.pick(NAMES)}[{sub()}]',
            lambda: f'{self.pick(NAMES)}[{self.bound()}:{self.bound()}:{self.bound()}]',
            lambda: f'{self.pick(NAMES)}.{self.pick(["x", "role", "content", "items", "zz"])}',
            lambda: f'({sub()} if {sub()} else {sub()})',
            lambda: f'({sub()} if {sub()})',
            lambda: f'[{sub()}, {sub()}]',
            lambda: f'({sub()}, {sub()})',
            lambda: f'{{{self.pick(STRINGS)}: {sub()}}}',
            lambda: f'not {sub()}',
            lambda: f'-{sub()}',
            lambda: f'range({self.pick(["3", "1, 4", "5, 0, -2", "n"])})',
            lambda: f'{self.pick(STRINGS)} ~ {sub()}',
            lambda: f'm({sub()})',
        ])()

    def tag(self, text):
        before, after = self.pick(SIGNS)
        return f'{{%{before} {text} {after}%}}'

    def body(self, depth):
        return ''.join(self.statement(depth - 1) for _ in range(self.random.randint(1, 3)))

    def statement(self, depth):
        if depth <= 0:
            before, after = self.pick([('', ''), ('-', ''), ('', '-'), ('-', '-')])
            return (self.pick(SPACES) + f'{{{{{before} {self.expression(2)} {after}}}}}' +
                    self.pick(SPACES))
        expression = self.expression(2)
        safe = self.pick(['messages', 'a', 'd.items()', 's', 'range(3)', 'd|dictsort', expression])
        return self.pick([
            lambda: self.statement(0),
            lambda: self.pick(SPACES),
            lambda: self.tag(f'if {expression}') + self.body(depth) + self.tag('endif'),
            lambda: self.tag(f'if {expression}') + self.body(depth) + self.tag('else') +
            self.body(depth) + self.tag('endif'),
            lambda: self.tag(f'for x in {safe}') + self.body(depth) + self.tag('endfor'),
            lambda: self.tag(f'for x in {safe} if x') + self.body(depth) + self.tag('else') +
            self.body(depth) + self.tag('endfor'),
            lambda: self.tag('for x, y in d.items()') + self.body(depth) + self.tag('endfor'),
            lambda: self.tag(f'set {self.pick(["x", "y"])} = {expression}') + self.body(depth),
            lambda: self.tag('set x') + self.body(depth) + self.tag('endset') + '{{ x }}',
            lambda: self.tag(f'filter {self.pick(["upper", "trim", "tojson", "indent(2)"])}') +
            self.body(depth) + self.tag('endfilter'),
            lambda: self.tag('macro m(x, y=1)') + self.body(depth) + self.tag('endmacro') +
            f'{{{{ m({expression}) }}}}',
            lambda: self.tag('for x in a') + self.body(depth) +
            self.tag(f'if {expression}') + self.tag(self.pick(['break', 'continue'])) +
            self.tag('endif') + self.tag('endfor'),
            lambda: '{#' + self.pick(['', '-']) + ' note ' + self.pick(['', '-']) + '#}',
            lambda: self.tag('with y = 2') + self.body(depth) + self.tag('endwith'),
            lambda: self.tag('raw') + self.pick(SPACES) + '{{ x }}' + self.tag('endraw'),
        ])()

    def template(self):
        return ''.join(self.statement(3) for _ in range(self.random.randint(1, 3)))
