"""Tables in LaTeX, for the package booktabs."""

import re

from plumbing.files import write_text

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
           "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
           "±": r"$\pm$", "−": "$-$", **{c: "\\" + c for c in "&%$#_{}"}}


def tex(text):
    """Somebody's text (a strategy, a file's name) for LaTeX: shown as it is, on one line."""
    return "".join(SPECIAL.get(c, c) for c in " ".join(str(text).split()))


def write_tex(path, remarks, caption, header, groups, label):
    """Write a table, whole or not at all. Cells and caption are LaTeX; remarks become comments.

    groups: lists of rows, divided by a rule. The first column is set left, the others right.
    """
    rule = "\\midrule\n"
    line = lambda cells: " & ".join(cells) + r" \\" + "\n"
    comments = "".join(f"% {part}\n" for remark in remarks
                       for part in re.split(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+", remark))
    body = rule.join("".join(map(line, rows)) for rows in groups if rows)
    write_text(path, rf"""{comments}% It needs \usepackage{{booktabs}}.
\begin{{table}}
\centering\footnotesize
\caption{{{caption}}}
\label{{{label}}}
\begin{{tabular}}{{@{{}}l{'r' * (len(header) - 1)}@{{}}}}
\toprule
{line(header)}{rule}{body}\bottomrule
\end{{tabular}}
\end{{table}}
""")
