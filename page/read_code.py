"""The modules' own lines for docs/read.html, and where each line of Algorithm 1 happens."""

import functools
import html
import io
import keyword
import re
import tokenize
from pathlib import Path

from page.read_math import with_formulas
from page.read_trace import function_of, line_of, lines_of

ROOT = Path(__file__).resolve().parent.parent
BACK = "../"  # from docs/ to the modules

# Which symbol a name stands for, so that it lights up in formulas, code and values alike.
SYMBOLS = {"mu": "mu", "confidence": "mu", "sigma": "sigma", "variability": "sigma", "phi": "phi",
           "correctness": "phi", "p_gold": "p", "probs": "p", "p": "p", "psi": "psi", "L": "L",
           "theta": "theta", "U": "U", "t_cor": "t_cor", "binary": "binary", "epochs": "E",
           "psi_labelled": "psi", "p_high": "p_high", "Ψ": "psi", "P": "p_high"}
OF_BINARY = "strategies.View.classifier", "strategies.View.new_classifier"  # theta is θ′ there

# Algorithm 1, line by line (read_math.py has the marks); a test compares it with the paper.
ALGORITHM = (
    "input: Labeled seed set $L$, Unlabeled set $U$, Total budget $K$, Number of queries $n$,"
    " Correctness threshold $t_cor = 0.2$;",
    "for $i = 1, ..., n$ do",
    "  $Ψ(L), Ψ(U) ←$ train main classifier $θ$ on $L$, get representations of $L$ and $U$;",
    "  $μ̂, σ̂, φ̂ ←$ get data map statistics of $L$ with $θ$;",
    "  $P_θ′ ←$ train binary classifier $θ′$ on $Ψ(L)$ with $y_Ψ(x̂_i) =$ { 1, if $φ̂_i > t_cor$;"
    " 0, else",
    "  for $j = 1, ..., \\frac{K}{n}$ do",
    "    $x̂ ← \\argmin_{x ∈ Ψ(U)}$ $|0.5 − P_θ′(ŷ = 1 | x)|$;",
    "    $L ← L ∪ x̂$;",
    "    $U ← U \\setminus x̂$;",
    "  end",
    "  reset parameters $θ$ and $θ′$;",
    "  return $L, U$",
    "end",
)


def symbol_of(name):
    """The mark of what a value's name begins with, if it is a symbol."""
    symbol = SYMBOLS.get(re.match(r"\w*", name)[0])
    return f' data-s="{symbol}"' if symbol else ""


def file_of(function):
    """The path of a function's module below the project."""
    return f"{function.partition('.')[0]}.py"


@functools.cache
def tokens_of(file):
    """{line: [(column, end, kind, text)]} of a module's names, comments, strings and keywords."""
    found = {}
    source = (ROOT / file).read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = {tokenize.COMMENT: "com", tokenize.STRING: "str", tokenize.NAME: "name"}.get(
            token.type)
        if kind == "name" and keyword.iskeyword(token.string):
            kind = "key"
        if kind and token.start[0] == token.end[0]:
            found.setdefault(token.start[0], []).append(
                (token.start[1], token.end[1], kind, token.string))
    return found


def line_html(function, number, text, indent):
    """A line with its colours and symbols; two spaces before a comment are enough here."""
    out, at = "", indent
    for start, end, kind, string in tokens_of(file_of(function)).get(number, ()):
        gap = text[at:start]
        if kind == "com" and text[:start].strip():
            gap = gap.rstrip() + "  "
        out += html.escape(gap)
        symbol = SYMBOLS.get(string) if kind == "name" else None
        if symbol == "theta" and function in OF_BINARY:
            symbol = "binary"
        if function.startswith("stats."):  # sigma is the spread of another number there
            symbol = None
        mark = f'data-s="{symbol}"' if symbol else f'class="{kind}"'
        out += html.escape(string) if kind == "name" and not symbol else (
            f"<i {mark}>{html.escape(string)}</i>")
        at = end
    return out + html.escape(text[at:])


def shown_lines(code):
    """{line number: text} of a Code: its function's, or the head and those between its marks."""
    lines = lines_of(code.function)
    if not code.first:
        return lines
    first, last = (line_of(code.function, mark) for mark in (code.first, code.last))
    return {i: text for i, text in lines.items() if i == min(lines) or first <= i <= last}


def code_of(code, notes):
    """HTML of a Code: its lines with their numbers; notes {line: HTML} stand under their lines."""
    lines, file = shown_lines(code), file_of(code.function)
    indent = min(len(text) - len(text.lstrip()) for text in lines.values() if text.strip())
    rows, before = [], None
    for i, text in lines.items():
        if before and i > before + 1 and code.first and before == min(lines):
            rows.append('<div class="gap">⋯</div>')
        rows.append(f'<div class="line" id="{code.function}:{i}"><a class="n" href="{BACK}{file}'
                    f'#L{i}">{i}</a><code>{line_html(code.function, i, text, indent)}</code></div>')
        rows.append(f'<div class="notes">{notes[i]}</div>' if i in notes else "")
        before = i
    name = function_of(code.function).__qualname__
    return f'<p class="where"><a href="{BACK}{file}">{file}</a> · {name}</p>' + "".join(rows)


def places():
    """{line of Algorithm 1: [(file, line)]}, from comments such as `# lines 3-4`."""
    found = {n: [] for n in range(1, len(ALGORITHM) + 1)}
    for file in ("cal.py", "strategies.py"):
        for i, text in enumerate((ROOT / file).read_text(encoding="utf-8").splitlines(), 1):
            for a, b in re.findall(r"\b[Ll]ines? (\d+)(?:(?:-| and )(\d+))?", text):
                for n in range(int(a), int(b or a) + 1):
                    if (file, i) not in found[n]:
                        found[n].append((file, i))
    return found


def link(file, i, codes):
    """A link to line i of a file: to its place on the page, if one of the Codes shows it."""
    target = f"{BACK}{file}#L{i}"
    for code in codes:
        lines = shown_lines(code)
        if file_of(code.function) == file and min(lines) <= i <= max(lines):
            target = f"#{code.function}:{min(line for line in lines if line >= i)}"
    return f'<a href="{target}">{file}:{i}</a>'


def algorithm(where, codes):
    """HTML of Algorithm 1, each line linked to where it happens. codes: what the page shows."""
    rows = []
    for n, text in enumerate(ALGORITHM, 1):
        said = with_formulas(text.strip())
        links = " ".join(link(file, i, codes) for file, i in where[n])
        depth = (len(text) - len(text.lstrip())) // 2
        rows.append(f'<li style="--depth:{depth}"><span>{said}</span> <small>{links}</small>')
    return f'<ol class="algorithm">{"".join(rows)}</ol>'
