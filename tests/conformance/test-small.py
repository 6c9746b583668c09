#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole models of several architectures on every back end, in each test run: tiny random ones, made
by make-models.py, against the exact result (small.json). What holds is what run.py says, with less
room above the peer.

usage: test-small.py BOTTEGA_CLI
       test-small.py --write DIR > small.json
DIR holds NAME.ref.json and NAME.peer.json of each model: what `peer logits MODEL FILE 8` or `peer
embed MODEL FILE` says of TEXT with the file's weights expanded to F32 by llama-quantize, and with
the file itself."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, 'small.json')
TEXT = ('Una bottega nel Trecento: il maestro, gli apprendisti, il pigmento macinato a mano. '
        'In 1348 the plague closed half of them.')
SEED = '1'
TOP = 6
EVERY = 2  # of the positions one in so many is kept
TARGETS = (('cpu', 'portable'), ('cpu', 'avx2'), ('cpu', 'avx512'), ('vulkan', ''))
# What a back end that cannot run a model, or a processor without a tier, says.
CANNOT = ('is no instruction set that this processor runs', 'No Vulkan device can be used',
          'choose the processor')

n_tests = 0


def say(ok, name, comment=''):
    global n_tests
    n_tests += 1
    print(f'{"ok" if ok else "not ok"} {n_tests} - {name}{comment}', flush=True)


def log_probabilities(told):
    return [dict(map(tuple, position['top'][:TOP])) for position in told['positions']]


def logit_distances(got, exact):
    """Of the tokens that both lists have, position by position."""
    return [[abs(p[token] - q[token]) for token in p if token in q] or [9.0]
            for p, q in zip(got, exact)]


def vector_distance(got, exact):
    return sum((a - b) ** 2 for a, b in zip(got, exact)) ** 0.5


def written(folder, name):
    """The entry of one model."""
    exact, peer = (json.load(open(os.path.join(folder, f'{name}.{kind}.json'))) for kind in
                   ('ref', 'peer'))
    if 'vectors' in exact:
        return {'model': name, 'vector': [round(x, 7) for x in exact['vectors'][0]],
                'peer': round(vector_distance(peer['vectors'][0], exact['vectors'][0]), 6)}
    distances = sum(logit_distances(log_probabilities(peer), log_probabilities(exact)), [])
    return {'model': name, 'tokens': exact['tokens'],
            'peer_mean': round(sum(distances) / len(distances), 5),
            'peer_worst': round(max(distances), 5),
            'top': [[[token, round(p, 4)] for token, p in position['top'][:TOP]]
                    for position in exact['positions'][::EVERY]]}


def judge_logits(told, entry):
    exact = [dict(map(tuple, top)) for top in entry['top']]
    got = log_probabilities(told)[::EVERY]
    found = logit_distances(got, exact)
    every = sum(found, [])
    mean, worst = sum(every) / len(every), max(every)
    same = 0
    for ours, top, here in zip(got, entry['top'], found):
        same += max(ours, key=ours.get) == top[0][0] or top[0][1] - top[1][1] < 2 * max(here)
    near = mean <= 1.15 * entry['peer_mean'] + 0.001 and worst <= 1.5 * entry['peer_worst'] + 0.005
    return (told['tokens'] == entry['tokens'] and len(got) == len(exact) == same and near,
            f'mean {mean:.5f} (peer {entry["peer_mean"]}), worst {worst:.4f} '
            f'(peer {entry["peer_worst"]}), same {same} of {len(exact)}')


def judge_vector(told, entry):
    distance = vector_distance(told['vectors'][0], entry['vector'])
    return (len(told['vectors'][0]) == len(entry['vector']) and
            distance <= 1.15 * entry['peer'] + 2e-4,
            f'{distance:.6f} (peer {entry["peer"]})')


def case(cli, path, entry, device, tier):
    name = f'{entry["model"]} on {tier or device}'
    embeds = 'vector' in entry
    command = [cli, '--json', '--device', device, *(['--cpu-tier', tier] if tier else []),
               *(['embed', path, TEXT] if embeds else ['logits', path, TEXT, '--top', str(TOP)])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        why = done.stderr.strip().replace('\n', ' ')
        print(f'# {why}')
        cannot = any(words in why for words in CANNOT)
        return say(cannot, name, ' # SKIP it does not run there' if cannot else '')
    ok, figures = (judge_vector if embeds else judge_logits)(json.loads(done.stdout), entry)
    print(f'# {figures}')
    return say(ok, name)


def main():
    if sys.argv[1] == '--write':
        names = sorted(f[:-9] for f in os.listdir(sys.argv[2]) if f.endswith('.ref.json'))
        entries = (json.dumps(written(sys.argv[2], name), separators=(',', ':')) for name in names)
        print('[' + ',\n'.join(entries) + ']')
        return
    with open(VECTORS, encoding='utf-8') as file:
        entries = json.load(file)
    print('TAP version 14')
    with tempfile.TemporaryDirectory(prefix='bottega-small-') as folder:
        env = dict(os.environ, PYTHONPATH=os.path.join(HERE, 'small'), PYTHONDONTWRITEBYTECODE='1',
                   TOKENIZER_GGUF=os.environ['BOTTEGA_TEST_MODEL'])
        for entry in entries:
            subprocess.run([sys.executable, os.path.join(HERE, 'make-models.py'), folder, SEED,
                            entry['model']], env=env, check=True)
            path = os.path.join(folder, entry['model'] + '.gguf')
            for device, tier in TARGETS:
                case(sys.argv[1], path, entry, device, tier)
            os.unlink(path)
    print(f'1..{n_tests}')


main()
