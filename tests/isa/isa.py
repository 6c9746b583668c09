#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Mesa's driver makes of the kernels for AMD cards that are not there, and what follows.
usage: isa.py [options] --driver ICD.json --model GGUF -- COMMAND…      what ./dev isa calls
       isa.py --test ISA_PIPELINES        TAP, decode alone; BOTTEGA_TEST_RADV: the driver's file

Of each pipeline: registers, spills, scratch, waves a SIMD, what the driver calls inverse
throughput (cycles of a SIMD, loops taken 8 times), and, of its loop over weights, bytes of weights
for each memory instruction and cycles of a SIMD for 32 weights of each lane. From these: up to what
share of the card's bandwidth its arithmetic keeps up. Beyond that, decode is limited by arithmetic.

What a wave's instruction takes of a SIMD of 32 lanes: CYCLES. Memory instructions, scalar ones and
waiting overlap with it as long as there are waves enough."""
import argparse
import collections
import functools
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CONFORMANCE = os.path.join(os.path.dirname(HERE), "conformance")
KERNELS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "shaders", "kernels.def")

Card = collections.namedtuple("Card", "name units mhz gb_s source")
# One row a chip of Mesa: the fastest card of it that people have, at the clock that AMD promises
# under load ("game frequency"; of the processor's unit the highest).
CARDS = {
    "navi10": Card("Radeon RX 5700 XT", 40, 1755, 448, "amd.com, 256 bit GDDR6 at 14 Gbit/s"),
    "navi21": Card("Radeon RX 6800 XT", 72, 2015, 512, "amd.com, 256 bit GDDR6 at 16 Gbit/s"),
    "navi31": Card("Radeon RX 7900 XTX", 96, 2300, 960, "amd.com, 384 bit GDDR6 at 20 Gbit/s"),
    "gfx1151": Card("Radeon 8060S", 40, 2900, 256, "amd.com, 256 bit LPDDR5X-8000"),
    "gfx1201": Card("Radeon RX 9070 XT", 64, 2400, 640, "amd.com, 256 bit GDDR6 at 20 Gbit/s"),
}
SIMDS = 2  # of a compute unit, 32 lanes each

# Of 64 lanes; a row is (pattern, cycles), the first that matches counts.
CYCLES = [
    (r"v_(exp|log|rcp|rsq|sqrt|sin|cos)_|v_mul_(lo|hi)_|v_mad_[iu]64", 8),
    (r"v_\w+64_|v_\w+_b64\b|v_\w+_f64", 4),
    (r"v_", 2),
]
LOAD = re.compile(r"(?:global|buffer|flat)_load_(?:d16_)?(?:[us](?=short|byte))?"
                  r"(dwordx[234]|dword|short|byte|[bui]\d+)")
BYTES = {"dwordx4": 16, "dwordx3": 12, "dwordx2": 8, "dword": 4, "short": 2, "byte": 1}
DOT = re.compile(r"v_dot4c?_i32_i")

# What the test holds to.
HELD = ("Q4_0", "Q4_K", "Q6_K", "Q8_0")
LEAST_WAVES = 8
LEAST_BYTES = 8


def load_bytes(kind):
    return BYTES.get(kind) or int(kind[1:]) // 8


class Loop:
    """The instructions of a loop that loads most, without those of loops inside it."""

    def __init__(self, code):
        lines = [line.split(";")[0].strip() for line in code.splitlines()]
        at = {line[:-1]: i for i, line in enumerate(lines) if re.match(r"BB\d+:$", line)}
        spans = []
        for i, line in enumerate(lines):
            jump = re.match(r"s_c?branch\w* (BB\d+)", line)
            if jump and at.get(jump[1], i) < i:
                spans.append((at[jump[1]], i))
        best = []
        for first, last in spans:
            inner = [s for s in spans if s != (first, last) and first <= s[0] and s[1] <= last]
            own = [line for i, line in enumerate(lines[first:last], first)
                   if not any(a <= i <= b for a, b in inner)]
            if sum(map(bool, map(LOAD.match, own))) > sum(map(bool, map(LOAD.match, best))):
                best = own
        self.loads = [load_bytes(m[1]) for m in map(LOAD.match, best) if m]
        self.by_buffer = collections.Counter()  # bytes, by the registers that describe a buffer
        for line, m in ((line, LOAD.match(line)) for line in best):
            buffer = m and re.search(r"s\[\d+:\d+\]", line)
            self.by_buffer[buffer and buffer[0]] += load_bytes(m[1]) if m else 0
        self.dots = sum(map(bool, map(DOT.match, best)))
        self.cycles = sum(next((cycles for pattern, cycles in CYCLES if re.match(pattern, line)), 0)
                          for line in best)


class Pipeline:
    def __init__(self, name, constants):
        self.name, self.constants, self.stats, self.code = name, constants, {}, ""

    def take_code(self):
        self.loop = Loop(self.code)
        self.wave = 64 if re.search(r"\b(exec|vcc)\b", self.code) or "_lo" not in self.code else 32
        # The driver counts a wave of 64 lanes as two.
        self.waves = self.stats.get("Subgroups per SIMD", 0) * 32 // self.wave

    def finish(self, forms):
        self.take_code()
        # Of 32 weights, that a lane takes in a turn of the loop: bytes that are loaded for them,
        # and not more than there are products.
        self.bytes = forms.get(self.form)
        self.blocks = round(sum(self.loop.loads) / self.bytes) if self.is_matvec and self.bytes \
            else 0
        if self.loop.dots:
            self.blocks = min(self.blocks, self.loop.dots // 8)

    @property
    def key(self):
        return self.name, self.constants

    @property
    def spills(self):
        return self.stats.get("Spilled SGPRs", 0) + self.stats.get("Spilled VGPRs", 0)

    @property
    def columns(self):
        return int(self.constants[2]) if self.is_product else 0

    @property
    def is_product(self):
        return re.match(r"(MATMUL|EXPERTS)(_INT)?_(?!SORT|MIX|PACK)", self.name) is not None

    @property
    def is_matvec(self):
        return self.is_product and self.columns == 1

    @property
    def form(self):
        return re.sub(r"^(MATMUL|EXPERTS)(_INT)?_", "", self.name)

    def bytes_a_load(self):
        return self.bytes * self.blocks / len(self.loop.loads) if self.blocks else None

    def cycles_a_block(self):
        return self.loop.cycles * 64 / self.wave / self.blocks if self.blocks else None

    def share(self, card):
        """Of the card's bandwidth that the arithmetic of one column keeps up with."""
        if not self.blocks:
            return None
        rate = card.units * SIMDS * card.mhz * 1e6 / self.cycles_a_block() * 64
        return rate * self.bytes / (card.gb_s * 1e9)


def parse(text):
    """(device, names of all kernels, pipelines) of what capture.c and pipelines.c print."""
    device, kernels, pipelines, modules, at = "", [], [], {}, 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        words = text[at:end].split(" ")
        at = end + 1
        if words[0] == "device":
            device = " ".join(words[1:])
        elif words[0] == "kernel":
            kernels.append(words[1])
        elif words[0] == "module":
            modules[words[1]] = words[2]
        elif words[0] == "pipeline":
            pipelines.append(Pipeline(modules.get(words[2], words[2]),
                                      tuple(words[3:])))
        elif words[0] == "stat" and pipelines:
            pipelines[-1].stats[" ".join(words[2:])] = int(words[1])
        elif words[0] == "code":
            pipelines[-1].code = text[at:at + int(words[1])]
            at += int(words[1])
    return device, kernels, list({p.key: p for p in pipelines}.values())


def read(text):
    """The same, and what follows from the code of our kernels."""
    device, kernels, pipelines = parse(text)
    forms = form_bytes()
    for pipeline in pipelines:
        pipeline.finish(forms)
    return device, kernels, pipelines


def run(chips, driver, command):
    """{chip: (device, kernels, pipelines)}; two at a time. A string instead: why there are none."""
    found, waiting = {}, list(chips)
    while waiting:
        now, waiting = waiting[:2], waiting[2:]
        started = []
        for chip in now:
            env = dict(os.environ, RADV_FORCE_FAMILY=chip, VK_DRIVER_FILES=driver,
                       MESA_SHADER_CACHE_DISABLE="true")
            if command[-1] == "decode":  # with the numbers that cards begin with
                env["BOTTEGA_VULKAN_TUNE"] = "0"
            started.append((chip, subprocess.Popen(command, env=env, stdout=subprocess.PIPE,
                                                   stderr=subprocess.PIPE, text=True,
                                                   errors="replace")))
        for chip, process in started:
            out, said = process.communicate()
            if process.returncode != 0:
                return f"{chip}: {(said.strip().splitlines() or ['no message'])[-1]}"
            found[chip] = read(out)
    return found


@functools.cache
def form_bytes():
    """Bytes of a block of 32 weights in each form's planes."""
    form = re.compile(r'^SHADER_FORM \((\w+), "[^"]+", (\d+), (\d+), (\d+), (\d+), (\d+),', re.M)
    with open(KERNELS, encoding="utf-8") as stream:
        return {name: 4 * int(words) + 4 * int(high) + int(scale) / int(of) + int(supers) / 8
                for name, words, high, scale, of, supers in form.findall(stream.read())}


# ---- the test -----------------------------------------------------------------------------------


def judge(chip, pipelines):
    """(name, whether it holds, what was found) of each rule."""
    held = [p for p in pipelines if p.is_matvec and p.form in HELD]
    spilled = [p.name for p in pipelines if p.spills or p.stats.get("Scratch size", 0)]
    waves = min((p.waves, p.name) for p in held)
    loads = min((p.bytes_a_load() or 0, p.name) for p in held)
    share = min((p.share(CARDS[chip]) or 0, p.name) for p in held)
    return [
        (f"{len(pipelines)} pipelines without spills and scratch", not spilled, " ".join(spilled)),
        (f"{LEAST_WAVES} waves a SIMD", waves[0] >= LEAST_WAVES, f"{waves[0]} of {waves[1]}"),
        (f"{LEAST_BYTES} bytes of weights a memory instruction", loads[0] >= LEAST_BYTES,
         f"{loads[0]:.1f} of {loads[1]}"),
        ("arithmetic takes less time than memory", share[0] > 1,
         f"keeps up with {share[0]:.2f} times the bandwidth: {share[1]}"),
    ]


def test(program):
    driver = os.environ.get("BOTTEGA_TEST_RADV", "")
    if not os.path.exists(driver):
        print("1..0 # SKIP Mesa's driver for AMD cards could not be fetched: no mirror, or no apt")
        return 0
    found = run(CARDS, driver, [program, "decode"])
    if isinstance(found, str) and "no device" in found:
        print(f"1..0 # SKIP this driver makes no code for cards that are not there: {found}")
        return 0
    if isinstance(found, str):
        print(f"not ok 1 - the pipelines are made\n# {found}\n1..1")
        return 1
    number, failed = 0, False
    for chip, (_, _, pipelines) in found.items():
        for name, holds, what in judge(chip, pipelines):
            number += 1
            failed |= not holds
            print(f"{'ok' if holds else 'not ok'} {number} - {chip}: {name}")
            print(f"# {what}" if what else "#")
    print(f"1..{number}")
    return failed


# ---- the table ----------------------------------------------------------------------------------

COLUMNS = [
    ("VGPR", lambda p, card: p.stats.get("VGPRs")),
    ("SGPR", lambda p, card: p.stats.get("SGPRs")),
    ("spills", lambda p, card: p.spills),
    ("scratch", lambda p, card: p.stats.get("Scratch size")),
    ("waves", lambda p, card: p.waves),
    ("code", lambda p, card: p.stats.get("Code size")),
    ("loads", lambda p, card: p.stats.get("VMEM")),
    ("B/load", lambda p, card: p.bytes_a_load()),
    ("inverse", lambda p, card: p.stats.get("Inverse Throughput")),
    ("cycles", lambda p, card: p.cycles_a_block()),
    ("limit", lambda p, card: p.share(card)),
]


def show(value, name):
    if value is None:
        return "-"
    if name == "limit":
        return f"{100 * value:.0f} %"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def print_card(chip, device):
    card = CARDS[chip]
    print(f"\n{chip} ({device}), as {card.name}: {card.units} compute units, {card.mhz} MHz, "
          f"{card.gb_s} GB/s ({card.source})")


def print_chip(chip, device, pipelines):
    card = CARDS[chip]
    print_card(chip, device)
    print(f"{'kernel and constants':44}" + "".join(f"{name:>9}" for name, _ in COLUMNS))
    for p in sorted(pipelines, key=lambda p: p.key):
        label = f"{p.name} {' '.join(p.constants)}"
        print(f"{label:44}" + "".join(f"{show(of(p, card), name):>9}"
                                      for name, of in COLUMNS))


def print_unasked(found):
    asked = {p.name for _, _, pipelines in found.values() for p in pipelines}
    kernels = next(iter(found.values()))[1]
    rest = [name for name in kernels if name not in asked]
    print(f"\nNo plan asks for these on such a card ({len(rest)} of {len(kernels)} kernels): "
          f"{' '.join(rest)}")


def make_models(folder, model, inside):
    """Tiny models of every architecture."""
    command = [*inside, "env", f"TOKENIZER_GGUF={model}",
               f"PYTHONPATH={os.path.join(CONFORMANCE, 'small')}", "python3",
               os.path.join(CONFORMANCE, "make-models.py"), folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def beside_peer(chips, options, command):
    """The kernels of one token beside those of llama.cpp."""
    import peer  # it needs what stands above
    found = run(chips, options.driver, [*command, "decode"])
    try:
        theirs = peer.run(chips, options.driver, command)
    except peer.Failed as failed:
        theirs = str(failed)
    for problem in (found, theirs):
        if isinstance(problem, str):
            sys.exit(f"isa: {problem}")
    for chip in chips:
        print_card(chip, found[chip][0])
        peer.show({p.form: p for p in sorted(found[chip][2], key=lambda p: p.cycles_a_block() or 0)
                   if p.is_matvec}, theirs[chip], CARDS[chip])


def table(options, command):
    if not os.path.exists(options.driver):
        sys.exit("isa: Mesa's driver for AMD cards could not be fetched: see radv-*.log in the "
                 "cache folder.")
    chips = options.chips.split(",")
    if options.peer:
        return beside_peer(chips, options, command)
    with tempfile.TemporaryDirectory(prefix="bottega-isa-") as folder:
        what = ["decode"] if options.decode else \
            ["all", *make_models(folder, options.model, command[:-1])]
        found = run(chips, options.driver, [*command, *what])
    if isinstance(found, str):
        sys.exit(f"isa: {found}")
    for chip, (device, _, pipelines) in found.items():
        print_chip(chip, device, pipelines)
    if not options.decode:
        print_unasked(found)
    broken = [f"{chip}: {name}: {what}" for chip, (_, _, pipelines) in found.items()
              for name, holds, what in judge(chip, pipelines) if not holds]
    print("\n" + "\n".join(broken or ["All that the test asks for holds."]))
    return bool(broken)


def main():
    if sys.argv[1:2] == ["--test"]:
        return test(sys.argv[2])
    parser = argparse.ArgumentParser(prog="./dev isa")
    parser.add_argument("--chips", default=",".join(CARDS), help="default: %(default)s")
    parser.add_argument("--decode", action="store_true", help="what the test looks at, alone")
    parser.add_argument("--peer", action="store_true",
                        help="the kernels of one token beside llama.cpp's, which is set up for it")
    parser.add_argument("--driver", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    return table(parser.parse_args(sys.argv[1:split]), sys.argv[split + 1:])


if __name__ == "__main__":
    sys.exit(main())
