# SPDX-License-Identifier: GPL-3.0-or-later
"""Strings that tokenizers find hard, for the comparisons beside this file."""

FIXED = [
    "Hello world",
    "Ciao, come stai? L'università è chiusa perché c'è lo sciopero.",
    "def f(x):\n    return x**2  # quadrato\n\n\tif x>=10: pass",
    "Привет мир", "日本語のテキスト と 中文", "مرحبا بالعالم", "עברית", "हिन्दी में", "ไทย", "한국어",
    "👋🏽👨‍👩‍👧‍👦🇮🇹", "a\u0301 e\u0300", "   leading", "trailing   ",
    "\n\n\n", "\t\ta", "a\r\nb\r\n\r\nc",
    "I'm you're he'll WE'LL it'S don't 'tis 'Re", "x'LL'd'm",
    "1234567890 12 345 1,234.56 ½ ² Ⅷ ٣٤٥ 〇", "#include <stdio.h>\nint main(void) { return 0; }",
    "<|im_start|>user\nhi<|im_end|>", "<|endoftext|>", "<repo_name>x<reponame>", "$$a^2+b^2=c^2$$",
    "https://example.org/a?b=c&d=%20", "€ £ ¥ © ® ™", "\u00a0nbsp\u00a0 x", "\u2003em\u2003space",
    "\u3000全角\u3000", "\u0085x\u2028y\u2029z", "zero\u200bwidth\u200d", "\ufeffbom",
    "a" * 300, "ab" * 200,
    " " * 130 + "x", "é" * 100, "_" * 70, "..." * 20, "A1B2C3", "foo_bar-baz", "''''", "'s's's",
    "\x01\x02\x7f\x1b[0m", "\x00a", "tab\tsep\tval", "ﬁ ﬂ ŉ ſ K Å", "𝒳𝔘 𝟘𝟙", "Ωmega ß ẞ İ ı",
    "…—–“”«»",
    "~~strike~~ **bold** `code`",
]

POOLS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "àèéìòùÀÈÉ", "0123456789",
    " ", "  \t\n\r",
    "'.,;:!?-_()[]{}<>/\\|@#$%^&*+=~`\"", "'s't're've'm'll'd'S'LL",
    "\u00a0\u2003\u3000\u2028\u0085\x0b\x0c\x1c\x1d\x1e\x1f", "абвгдАБВ", "日本語中文字かなカナ",
    "مرحباابت٠١٢٣",
    "हिन्दीमें१२", "😀👍🏽❤️‍🔥🇮🇹", "½²³ⅧⅨ〇①", "\u0300\u0301\u0308\u20e3",
    "\x01\x02\x07\x08\x1b\x7f\x80\x9f", "ΑΒΓαβγ", "ﷺ\u200b\u200d\u200e\ufeff", "한국어", "€£¥©®™§¶",
]

WORDS = (
    "the of and to in is you that it he was for on are with as his they at be this have from il la "
    "di che è un una per non sono con mi si ho lo ma ti ha le cosa function "
    "return import class void static const"
).split()

# As tokens some vocabularies have.
TOKENS = ["<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>", "<|end|>", "<tool>", "[INST]",
          "<0x0A>", "\u2581"]


def random_string(rng):
    kind, out = rng.random(), ""
    if rng.random() < 0.1:
        spaces = [random_string(rng), " ", "\n", "  ", "\n\n", ""]
        return "".join(rng.choice(spaces) + rng.choice(TOKENS) + rng.choice(spaces)
                       for _ in range(rng.randint(1, 3)))
    if kind < 0.3:
        for _ in range(rng.randint(1, 25)):
            out += rng.choice(["", "", " ", "  ", "\n", "'"]) + rng.choice(WORDS)
            out += rng.choice(["", " ", ", ", ".\n", " 12 ", "'s "])
    elif kind < 0.9:
        pools = rng.sample(POOLS, rng.randint(1, 5))
        for _ in range(rng.randint(1, 60)):
            out += rng.choice(rng.choice(pools)) if rng.random() < 0.6 else rng.choice(WORDS)
    else:
        n = rng.randint(1, 30)
        while len(out) < n:
            c = rng.randrange(0x110000) if rng.random() < 0.2 else rng.randrange(0x3000)
            if not 0xd800 <= c < 0xe000:
                out += chr(c)
    return out


def random_strings(rng, n):
    """n strings: the fixed ones first."""
    return (FIXED + [random_string(rng) for _ in range(n - len(FIXED))])[:n]
