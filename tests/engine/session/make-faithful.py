#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes faithful.json, the log-probabilities that test-faithful.c holds every back end to.

usage: make-faithful.py DIR > faithful.json

DIR holds, per text, NAME.txt, NAME.ref.json and NAME.peer.json: what another engine says of it on
the starter model's weights expanded to F32 (the exact result) and on the starter model itself, in
the shape that `bottega-cli --json logits` prints. The other engine's own distance from the exact
result is the bar."""
import glob
import json
import os
import sys

TOP = 8


def distances(ours, reference):
    found = []
    for a, b in zip(ours["positions"], reference["positions"]):
        p, q = dict(map(tuple, a["top"][:TOP])), dict(map(tuple, b["top"][:TOP]))
        found += [abs(p[t] - q[t]) for t in p if t in q] or [9.0]
    return found


texts = []
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.txt"))):
    stem = path[: -len(".txt")]
    reference, peer = (json.load(open(f"{stem}.{kind}.json")) for kind in ("ref", "peer"))
    assert reference["tokens"] == peer["tokens"]
    found = distances(peer, reference)
    texts.append({
        "name": os.path.basename(stem),
        "text": open(path, encoding="utf-8").read(),
        "tokens": reference["tokens"],
        "peer_mean": round(sum(found) / len(found), 5),
        "peer_worst": round(max(found), 5),
        "mean_nll": reference["mean_nll"],
        "top": [[[t, round(p, 3)] for t, p in position["top"][:TOP]]
                for position in reference["positions"]],
    })
lines = (json.dumps(text, ensure_ascii=False, separators=(",", ":")) for text in texts)
print("[" + ",\n".join(lines) + "]")
