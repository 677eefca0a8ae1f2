"""Formulas for docs/read.html: a few marks of TeX to MathML, which browsers draw by themselves.

x_i and x^2 are scripts (of {a group}, or of one letter), \\frac{a}{b}, \\sqrt{a}, \\sum_{a}^{b},
\\argmin_{a}; a letter with a combining hat has one; t_cor, d_emb and ϵ_min keep their words whole.
"""

import html
import re
import unicodedata

TOKEN = re.compile(r"\\[a-z]+|cor\b|emb\b|min\b|\d+e−\d+|[\d,.]*\d|[^\W\d_][\u0300-\u036f]*′?|\S")
# What a symbol stands for, so that it lights up in formulas, code and values alike.
SYMBOLS = {"μ": "mu", "σ": "sigma", "φ": "phi", "θ": "theta", "θ′": "binary", "Ψ": "psi", "L": "L",
           "U": "U", "E": "E", "t": "t_cor", "P": "p", "p": "p", "e": "E"}
UPRIGHT = 'mathvariant="normal"'  # and italic by CSS: few fonts have the letters of mathematics
OPERATORS = {"\\argmin": "argmin", "\\argmax": "argmax", "\\log": "log",
             "\\sum": "∑", "\\setminus": "∖"}


def mathml(formula, display=False):
    """A formula as a <math> element. display: on a line of its own."""
    nodes, rest = group(TOKEN.findall(unicodedata.normalize("NFC", formula)), display)
    assert not rest, formula
    block = ' display="block"' if display else ""
    return f"<math{block}>{nodes}</math>"


def with_formulas(text):
    """A text in HTML, with what is between dollars as MathML (and its brackets beside it)."""
    parts = re.split(r"(\(?)\$(.*?)\$(th\b|[.,;:)]*)", text.replace(" ¦ ", " "))
    found = html.escape(parts[0], quote=False)
    for before, formula, after, rest in zip(*(parts[k::4] for k in (1, 2, 3, 4))):
        found += (f'<span class="whole">{before}{mathml(formula)}{after}</span>'
                  + html.escape(rest, quote=False))
    return found


def group(tokens, display, end=None):
    """(MathML of the tokens up to `end`, the tokens behind it)."""
    nodes = []
    while tokens and tokens[0] != end:
        node, tokens = scripted(tokens, display)
        nodes.append(node)
    return "<mrow>" + "".join(nodes) + "</mrow>", tokens[1:]


def scripted(tokens, display):
    """(the first node with its scripts, the tokens behind it)."""
    name = tokens[0]
    base, tokens = ("<mrow></mrow>", tokens) if name in "_^" else single(tokens, display)
    scripts = {}
    while tokens and tokens[0] in "_^":
        mark = tokens[0]
        scripts[mark], tokens = single(tokens[1:], display)
    if not scripts:
        return base, tokens
    limits = display and name in ("\\sum", "\\argmin", "\\argmax")
    kind = {"_": "under" if limits else "sub", "^": "over" if limits else "sup"}
    tag = "m" + "".join(kind[mark] for mark in "_^" if mark in scripts)
    inside = "".join(scripts[mark] for mark in "_^" if mark in scripts)
    return f"<{tag}>{base}{inside}</{tag}>", tokens


def single(tokens, display):
    """(one node without scripts, the tokens behind it)."""
    token, tokens = tokens[0], tokens[1:]
    if token == "{":
        return group(tokens, display, "}")
    if token == "\\frac":
        above, tokens = single(tokens, display)
        below, tokens = single(tokens, display)
        return f"<mfrac>{above}{below}</mfrac>", tokens
    if token == "\\sqrt":  # not <msqrt>: without a font for mathematics, its sign does not stretch
        under, tokens = single(tokens, display)
        return f'<mrow class="root" intent="square-root">{under}</mrow>', tokens
    if token in OPERATORS:
        return f"<mo>{OPERATORS[token]}</mo>", tokens
    return leaf(token), tokens


def leaf(token):
    """A letter, a number or an operator."""
    letter = "".join(c for c in unicodedata.normalize("NFKD", token)
                     if not unicodedata.combining(c))
    if letter in ("cor", "emb", "min"):
        return f"<mtext>{letter}</mtext>"
    if letter[0].isdigit():
        return f"<mn>{html.escape(token)}</mn>"
    if not letter[0].isalpha():
        flat = ' stretchy="false"' if token in "()|" else ""
        return f"<mo{flat}>{html.escape(token)}</mo>"
    symbol = SYMBOLS.get(letter.replace("ϕ", "φ"))
    mark = f' data-s="{symbol}"' if symbol else ""
    if unicodedata.normalize("NFD", token)[1:2] == "\u0302":
        return f"<mover{mark}><mi {UPRIGHT}>{letter}</mi><mo>^</mo></mover>"
    return f"<mi {UPRIGHT}{mark}>{letter}</mi>"


# ---- the displayed equations, and what stands around them in the paper's text -------------------

GOLD = "p_{θ^{(e)}}(y^*_i | x_i)"
EQUATIONS = {  # name: (formula, its number, the paper's text before it and behind it)
    "eq1": ("μ̂_i = \\frac{1}{E} \\sum_{e=1}^{E} " + GOLD, "(1)", "et al. (2020):", "Confidence2"),
    "eq2": ("σ̂_i = \\sqrt{\\frac{\\sum_{e=1}^{E} (" + GOLD + " − μ̂_i)^2}{E}}", "(2)",
            "used in AL literature.", "Then, variability"),
    "eq3": ("φ̂_i = \\frac{1}{E} \\sum_{e=1}^{E} 1(ŷ_i = y^*_i | x_i)", "(3)",
            "the spread across epochs E.", "Last, correctness"),
}


def squeezed(text):
    """A text's letters, digits and = < > ≤ |, so that typesetting and hyphens do not count."""
    text = re.sub(r"\\(frac|sqrt|sum|setminus)", "", text).replace("\\", "")
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if c.isalnum() or c in "=<>≤|")
