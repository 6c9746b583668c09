# SPDX-License-Identifier: GPL-3.0-or-later
"""What templates are tried on: conversations of one and several turns, with and without a system
message, with reasoning and tools, and odd ones; and the variables of snippets."""

BASE = {'bos_token': '<s>', 'eos_token': '</s>', 'add_generation_prompt': True}
TOOLS = [{'type': 'function', 'function': {
    'name': 'get_weather', 'description': 'Tells the "weather" <now>',
    'parameters': {'type': 'object', 'required': ['city'], 'properties': {
        'city': {'type': 'string', 'description': 'Where'},
        'unit': {'type': 'string', 'enum': ['c', 'f'], 'default': 'c'},
        'days': {'type': ['integer', 'null'], 'minimum': 1}}}}}]
CALL = {'id': 'abc123def', 'type': 'function',
        'function': {'name': 'get_weather', 'arguments': {'city': 'Zürich', 'days': 2}}}


def message(role, content, **more):
    return {'role': role, 'content': content, **more}


SYSTEM = message('system', 'You are  brief.\n')
QUESTION = message('user', '  What is 2 + 2?  ')
THOUGHT = message('assistant', '<think>\nEasy.\n</think>\n\nFour.')
REASONED = message('assistant', 'Four.', reasoning_content='Easy.')
CALLING = message('assistant', '', tool_calls=[CALL])
RESULT = message('tool', '{"temp": 21.5}', name='get_weather', tool_call_id='abc123def')
PARTS = message('user', [{'type': 'text', 'text': 'one'}, {'type': 'image'},
                         {'type': 'text', 'text': 'two'}])

CONVERSATIONS = [(title, {**BASE, **more, 'messages': messages}) for title, messages, more in [
    ('one question', [QUESTION], {}),
    ('one question without a generation prompt', [QUESTION], {'add_generation_prompt': False}),
    ('a system message', [SYSTEM, QUESTION], {}),
    ('two turns', [SYSTEM, QUESTION, message('assistant', 'Four.'), message('user', 'Sure?')], {}),
    ('a thought in the text', [QUESTION, THOUGHT, message('user', 'And 3 + 3?')], {}),
    ('a thought beside the text', [QUESTION, REASONED, message('user', 'And 3 + 3?')], {}),
    ('no thinking', [QUESTION], {'enable_thinking': False}),
    ('thinking', [QUESTION], {'enable_thinking': True}),
    ('an answer at the end', [QUESTION, message('assistant', 'Four.')], {}),
    ('no messages', [], {}),
    ('a role twice', [QUESTION, QUESTION], {}),
    ('an unknown role', [message('critic', 'Bad.')], {}),
    ('empty content', [message('user', '')], {}),
    ('no content', [message('user', None)], {}),
    ('hard text', [message('user', 'é 日本 👋 \u2028 "q" \\ \' <b> & {{ x }} {% y %}\r\n\ttab')], {}),
    ('content in parts', [SYSTEM, PARTS], {}),
    ('tools', [SYSTEM, QUESTION], {'tools': TOOLS}),
    ('a tool call', [QUESTION, CALLING, RESULT, message('assistant', 'Warm.')], {'tools': TOOLS}),
    ('a call at the end', [QUESTION, CALLING], {'tools': TOOLS}),
    ('two results', [QUESTION, CALLING, RESULT, RESULT], {'tools': TOOLS}),
]]

SNIPPET_VARIABLES = {
    'messages': [
        message('system', 'Be  brief.'),
        message('user', 'It\'s <b>"x"</b>\n€ 日本 ß'),
        message('assistant', '<think>hm</think>\n\nYes', tool_calls=[
            {'function': {'name': 'f', 'arguments': {'b': 1, 'A': [1.5, None, True]}}}]),
    ],
    'a': [3, 1, 2], 'd': {'x': 1, 'Y': 'two', 'z': [1, {'q': None}]}, 's': 'Hello World', 'n': -7,
    'f': 2.5, 't': True, 'no': None, **BASE,
}
