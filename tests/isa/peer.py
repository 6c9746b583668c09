# SPDX-License-Identifier: GPL-3.0-or-later
"""What the same driver makes of llama.cpp's kernels for one token. llama.cpp runs in its own root
(tests/conformance/peer) with capture.c before the Vulkan loader and writes one token with a model
of one layer whose matrices are all of one format, so that the only product among its pipelines is
the one of that format, chosen as it would be chosen on that card.

    peer.py --model FILE         writes the model in F16; needs numpy and conformance/small"""
import json
import os
import re
import subprocess
import sys
import tempfile

import isa

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(isa.CONFORMANCE, "peer")
# Format → bytes of 32 weights in a file.
TYPES = {"Q4_0": 18, "Q4_K": 18, "Q6_K": 26.25, "Q8_0": 34}
# Wide enough that it is taken for a real one: some choices depend on the length of a row.
WIDTH, HIDDEN, HEADS, KV_HEADS, VOCABULARY = 2048, 4096, 16, 4, 256


class Failed(Exception):
    pass


def write_model(path):
    import gguf
    import numpy as np

    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("tokenizer.ggml.model", "none")
    for key, value in {"block_count": 1, "context_length": 512, "vocab_size": VOCABULARY,
                       "embedding_length": WIDTH, "feed_forward_length": HIDDEN,
                       "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS,
                       "rope.dimension_count": WIDTH // HEADS}.items():
        writer.add_uint32("llama." + key, value)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    keys = WIDTH // HEADS * KV_HEADS
    for name, rows, columns in (
            ("token_embd", VOCABULARY, WIDTH), ("output", VOCABULARY, WIDTH),
            ("blk.0.attn_q", WIDTH, WIDTH), ("blk.0.attn_k", keys, WIDTH),
            ("blk.0.attn_v", keys, WIDTH), ("blk.0.attn_output", WIDTH, WIDTH),
            ("blk.0.ffn_gate", HIDDEN, WIDTH), ("blk.0.ffn_up", HIDDEN, WIDTH),
            ("blk.0.ffn_down", WIDTH, HIDDEN)):
        values = random.standard_normal((rows, columns)) * 0.02
        writer.add_tensor(name + ".weight", values.astype(np.float16))
    for name in "output_norm", "blk.0.attn_norm", "blk.0.ffn_norm":
        writer.add_tensor(name + ".weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def call(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", check=False, **options)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise Failed(f"{os.path.basename(command[0])} {' '.join(command[1:3])}…: {said}")
    return done.stdout


def take_libraries(driver, inside, folder):
    """Copies what the driver links, and llama.cpp's root does not have, out of the build's."""
    with open(driver, encoding="utf-8") as stream:
        path = json.load(stream)["ICD"]["library_path"]
    driver = os.path.join(os.path.dirname(driver), path)
    ours = dict(re.findall(r"(\S+) => (/\S+)", call([*inside, "ldd", driver])))
    for _ in range(4):  # what they link in turn is found only then
        listed = call([PEER, "env", f"LD_LIBRARY_PATH={folder}", "ldd", driver])
        missing = sorted(set(re.findall(r"(\S+) => not found", listed)))
        if not missing:
            return
        for name in missing:
            if name not in ours:
                raise Failed(f"the driver needs {name}, which is not there")
            call([*inside, "cp", "-L", ours[name], folder])
    raise Failed(f"the driver needs {' '.join(missing)}")


def finish(pipeline, block_bytes):
    """Counts the weights that a lane takes in a turn of the loop: four for each dot product of
    bytes; without those, one for each activation (a float) and row. Activations are the buffer
    by which the bytes of the other come nearest to those of as many weights."""
    pipeline.take_code()
    loop, rows = pipeline.loop, int(pipeline.constants[1])
    guesses = [loop.dots * 4] if loop.dots else \
        [size // 4 * rows for size in loop.by_buffer.values() if size >= 4]
    pipeline.bytes = block_bytes
    pipeline.blocks = min(guesses, default=0, key=lambda weights: abs(
        sum(loop.loads) - (0 if loop.dots else 4 * weights / rows) - weights / 32 * block_bytes)
    ) / 32


def find_matvec(text, kind):
    """The one pipeline whose constants are lanes, rows and one column."""
    found = [p for p in isa.parse(text)[2] if len(p.constants) == 3 and p.constants[2] == "1"]
    if len(found) != 1:
        raise Failed(f"{len(found)} of llama.cpp's pipelines look like a product of {kind}")
    finish(found[0], TYPES[kind])
    return found[0]


def run(chips, driver, command):
    """{chip: {format: pipeline}}"""
    inside, program = command[:-1], command[-1]
    capture = os.path.join(os.path.dirname(program), "isa-capture.so")
    found = {chip: {} for chip in chips}
    with tempfile.TemporaryDirectory(prefix="bottega-isa-") as folder:
        model = os.path.join(folder, "F16.gguf")
        call([*inside, "env", f"PYTHONPATH={os.path.join(isa.CONFORMANCE, 'small')}", "python3",
              os.path.join(HERE, "peer.py"), "--model", model])
        take_libraries(driver, inside, folder)
        for kind in TYPES:
            path = os.path.join(folder, f"{kind}.gguf")
            call([PEER, "llama-quantize", "--pure", model, path, kind])
            for chip in chips:
                text = call(
                    [PEER, "env", f"LD_LIBRARY_PATH={folder}", f"VK_DRIVER_FILES={driver}",
                     f"RADV_FORCE_FAMILY={chip}", "MESA_SHADER_CACHE_DISABLE=true",
                     f"LD_PRELOAD={capture}:libvulkan.so.1", "llama-bench", "-m", path, "-ngl",
                     "99", "-p", "0", "-n", "1", "-r", "1", "--no-warmup"],
                    env=dict(os.environ, GGML_VK_VISIBLE_DEVICES="0"))
                found[chip][kind] = find_matvec(text, kind)
            os.remove(path)
    return found


COLUMNS = ("VGPR", "spills", "waves", "B/load", "cycles", "limit")


def show(ours, theirs, card):
    """Ours and theirs of each format; last, how many times our cycles theirs are."""
    of = dict(isa.COLUMNS)
    print(f"{'':8}{'Bottega':>{8 * len(COLUMNS)}}{'llama.cpp':>{8 * len(COLUMNS)}}")
    print(f"{'':8}" + 2 * "".join(f"{name:>8}" for name in COLUMNS) + f"{'times':>8}")
    for kind in TYPES:
        cells = [isa.show(of[name](p, card), name)
                 for p in (ours[kind], theirs[kind]) for name in COLUMNS]
        times = theirs[kind].cycles_a_block() / ours[kind].cycles_a_block()
        print(f"{kind:8}" + "".join(f"{cell:>8}" for cell in cells) + f"{times:8.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--model"] or len(sys.argv) != 3:
        sys.exit("usage: peer.py --model FILE")
    write_model(sys.argv[2])
