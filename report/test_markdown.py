"""A table in Markdown keeps its columns, whatever its cells hold."""

import re

from report.markdown import markdown


def test_bars_tags_and_line_breaks_are_shown_and_do_not_act():
    text = markdown(["a|b", "c"], [["x\ny", "<b>"], ["\\| kept", 0.5]])
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()} == {3}
    assert text.splitlines() == [r"| a\|b | c |", "| --- | --- |", r"| x y | \<b> |",
                                 r"| \| kept | 0.5 |"]
