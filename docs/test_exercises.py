"""Every check of docs/exercises.md passes its folded solution, and fails a wrong answer."""

import re
from pathlib import Path

import pytest

from studies import check

TEXT = (Path(__file__).parent / "exercises.md").read_text(encoding="utf-8")
PARTS = dict(enumerate(re.split(r"\n## \d+\. ", TEXT)))
WRONG = {  # answers that a reader might give
    1: "def eqs(p, y):\n    gold = p[:, range(len(y)), y]\n"
       "    return gold.mean(0), gold.std(0, ddof=min(1, len(p) - 1)), (p.argmax(-1) == y).mean(0)",
    2: "def extreme(mu, E):\n    return [mu] * E",
    3: "def margin(view, k):\n    return view.pick(1 - view.probs().amax(-1), k)",  # LC
    4: "def balanced(phi, E):\n"
       "    return min(range(E), key=lambda t: abs((phi * E >= t - 1e-9).mean() - .5)) / E",
    5: "def example(reaches):\n"
       "    return [.4, .45, .56, .7, .8, .9] if reaches else [.55, .6, .7, .8, .9, .95]",
    6: "import cal\nclass Kept(cal.ActiveLearning):\n    kept = None\n"
       "    def new_theta(self, i, stack):\n"
       "        self.kept = self.kept or super().new_theta(i, stack)\n        return self.kept",
    7: "import numpy as np\ndef violation(a, b):\n    gap = np.sort(a) - np.sort(b)\n"
       "    return -gap[gap < 0].sum() / abs(gap).sum() if gap.any() else .5",
    8: "def suspects(confidence, variability, correctness, k):\n"
       "    return variability.argsort()[-k:]",
    9: "def errors(a, b):\n    one = ((a.var(ddof=1) + b.var(ddof=1)) / len(a)) ** .5\n"
       "    return one, one",
    10: "def power(difference, sd, seeds, t):\n"
        "    return float(abs(difference) > t * sd / seeds ** .5)",
}


def defined(code):
    names = {}
    exec(compile(code, "mine.py", "exec"), names)
    return names


def solution(number):
    return re.search(r"Solution</summary>.*?```python\n(.*?)```", PARTS[number], re.S)[1]


@pytest.mark.parametrize("number", check.CHECKS)
def test_a_check_passes_the_solution_and_fails_a_wrong_answer(number):
    part = PARTS[number]
    assert part.count("<details>") == 2 and f"studies.check {number} mine.py" in part
    assert "**Before:**" in part and "**Time:**" in part and len(PARTS) == 11
    code, said = check.checked(number, defined(solution(number)))
    assert code == 0, said
    code, said = check.checked(number, defined(WRONG[number]))
    assert code == 1 and "not right yet" in said and "line" not in said, said


def test_the_command_says_in_one_line_what_is_wrong_with_a_file(tmp_path, monkeypatch, capsys):
    mine = tmp_path / "mine.py"

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["studies.check", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            check.script(check.main)
        out, err = capsys.readouterr()
        assert (out + err).count("\n") == 1, out + err
        return left.value.code, out + err

    assert run(2, mine)[0] == run(11, mine)[0] == run("x", mine)[0] == 2
    mine.write_text("def other(): pass")
    code, said = run(2, mine)
    assert code == 2 and "does not define" in said
    mine.write_text("1 / 0")
    assert run(2, mine)[0] == 2
    mine.write_text("def extreme(mu, E):\n    return 1 / 0")
    code, said = run(2, mine)
    assert code == 1 and "ZeroDivisionError" in said and "line 2" in said
    for wrong in ("None", "[mu] * 3", "['a'] * E", "[float('nan')] * E", "[2.0] * E"):
        mine.write_text(f"def extreme(mu, E):\n    return {wrong}")
        assert run(2, mine)[0] == 1
    mine.write_text(solution(2))
    assert run(2, mine) == (0, "exercise 2 is right: no other numbers with these means vary more\n")
