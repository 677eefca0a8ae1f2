"""Forks, by the real command line on a tiny budget."""

import contextlib
import io
import json
import shutil
import sys

import numpy as np
import pytest
import torch

import cal
import data
import forks
import strategies
from fast import SideBySide
from forks.loading import section
from forks.returned import numbers
from plumbing import made
from plumbing.files import InputError
from plumbing.folder import reopen
from plumbing.runs import Log, read_run
from test_cal import TINY, cal_main, read_csv, run_cal, run_files, small_data


@pytest.fixture(autouse=True)
def nothing_is_left():
    """A fork adds to the project's dicts; the next command without --fork takes that out."""
    forks.load()
    before = dict(strategies.STRATEGIES), dict(data.READERS)
    yield
    forks.load()
    assert before == (strategies.STRATEGIES, data.READERS)


def written(folder, text, name="mine.py", **neighbours):
    """A fork's file with its neighbours."""
    for stem, source in neighbours.items():
        (folder / f"{stem}.py").write_text(source)
    (folder / name).write_text(text)
    return folder / name


DOORS = '''
"""Every door of a fork in one file."""
import torch
from torch import nn

import cal
import strategies
from fast import SideBySide
from helper import two
from strategies import STRATEGIES


def history(view, k):
    p = view.probs()
    before = [m.get("p", own) for m, own in zip(view.memory, p)]
    for m, own in zip(view.memory, p):
        m["p"], m["round"] = own, view.round
    return view.pick((p - torch.stack(before)).abs().sum(-1) + (1 - p.amax(-1)), k)


def margin2(view, k):
    p = view.probs().topk(two, dim=-1).values
    return view.pick(p[..., 1] - p[..., 0], k)


def flips(view, k):
    said = view.dynamics.argmax(-1)                                    # [E, R, N]
    return view.pick((said[1:] != said[:-1]).sum(0).float(), k)


flips.needs, flips.reads_map, history.reads_map = {"pool_dynamics"}, False, False
margin2.reads_map = False
STRATEGIES["history"], STRATEGIES["flips"], STRATEGIES["margin2"] = history, flips, margin2


def ece(p, y):
    return (p.amax(-1).mean(-1) - (p.argmax(-1) == y).double().mean(-1)).abs()


def tiny(data_dir):
    words = ["red apple", "blue sky", "green leaf"]
    texts = [f"{words[i % 3]} number {i // 3} {words[(i + i // 7) % 3]}" for i in range(180)]
    labels = [words[i % 3].split()[0] for i in range(180)]
    return {"train": (texts[:150], labels[:150]), "test": (texts[150:], labels[150:]),
            "seed_size": 30}


def calibration(r):
    return "ece, last round: " + ", ".join(f"{lines[-1]['ece']:.3f}"
                                           for lines in r.finished("flips").values())


def on_round(view, scores, picked):
    assert isinstance(view, strategies.View) and len(scores) == len(picked) == len(view.seeds)
    print("ROUND", view.label, view.round, view.seeds, sorted(scores[0]))


class Mine(SideBySide):
    def seed_set(self, seed):
        return super().seed_set(seed + 1)


class Net(nn.Module):
    lr = 1e-3

    def __init__(self, D, C):
        super().__init__()
        self.hidden, self.dropout = nn.Linear(D, 40), nn.Dropout(0.3)
        self.out = nn.Linear(40, C)

    def psi(self, x):
        return self.dropout(torch.relu(self.hidden(x)))


assert issubclass(Mine, cal.ActiveLearning)  # `import cal` is the module that runs
MEASURES, READERS, ALGORITHM, MODEL = {"ece": ece}, {"tiny": tiny}, Mine, Net
REPORT = {"Calibration": calibration}
'''


NAME = "tiny-paper-pool-Mine+Net"


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """Every door, on a dataset of 150 texts: (folder of results, what it printed, arguments)."""
    folder = tmp_path_factory.mktemp("doors")
    mine = written(folder, DOORS, "doors.py", helper="two = 2\n")
    arguments = ["--fork", mine, "--dataset", "tiny", "--epochs", 3, "--batch", 10, "--seeds", 1, 2,
                 "--strategies", "random", "history", "flips", "margin2"]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert cal_main(*arguments, "--rounds", 2, "--jobs", 1, "--out", folder / "out") == 0
    return folder / "out" / NAME, out.getvalue(), arguments


def test_two_workers_write_the_same_files(doors, tmp_path):
    folder, _, arguments = doors
    assert cal_main(*arguments[:-4], "history", "flips", "--rounds", 2, "--jobs", 2, "--out",
                    tmp_path) == 0
    two, one = run_files(tmp_path), run_files(folder.parent)
    assert two == {name: one[name] for name in two} and len(two) == 6
    assert "| flips | 2 |" in (tmp_path / NAME / "report.md").read_text()


def test_a_reader_measures_a_hook_and_a_section(doors):
    folder, said, _ = doors
    config = json.loads((folder / "config.json").read_text())
    assert config["classes"] == ["blue", "green", "red"] and config["about"]["train"] == 150
    lines = run_files(folder.parent)["history-1.jsonl"]
    assert len(lines) == 3 and all(0 <= line["ece"] <= 1 for line in lines)
    assert "ROUND flips 2 (2,) ['accuracy', 'ece', 'f1', 'recall']" in said
    report = (folder / "report.md").read_text()
    assert "## Calibration\n\nece, last round: 0." in report and "| macro-F1 | ece |" in report
    rows = read_csv(folder / "curves.csv")
    assert float(rows[-1]["ece"]) >= 0 and {row["model"] for row in rows} == {"Mine+Net"}
    assert {"doors.Net", "doors.Mine", "network"} <= set(config["sources"]["core"])
    assert {"measure ece", "history"} <= set(config["sources"]["strategies"])
    seed = data.seed_set(np.repeat([0, 1, 2], 50), 30, 2)  # Mine starts from the next seed's set
    picked = sum((line["picked"] for line in lines), [])
    with np.load(folder / "runs" / "maps-1.npz") as maps:
        rows = maps["rows"].tolist()
    assert len(rows) == len(seed) and not set(picked) & set(rows)


def test_a_report_alone_keeps_a_fork_s_sections(doors, tmp_path, capsys):
    folder, _, arguments = doors
    report = (folder / "report.md").read_text()
    shutil.copytree(folder, tmp_path / "tiny-paper-pool")  # where a command without --fork looks
    words = "--dataset", "tiny", "--model", "fast", "--out", tmp_path, "--report-only"
    assert cal_main(*arguments[:2], *words) == 0
    assert (tmp_path / "tiny-paper-pool" / "report.md").read_text() == report
    assert capsys.readouterr().err == ""


def test_a_fork_that_a_folder_names_is_not_run_unless_the_command_names_it(doors, tmp_path, capsys):
    folder, _, arguments = doors
    results = tmp_path / "tiny-paper-pool"
    shutil.copytree(folder, results)  # somebody else's folder, which names a file of theirs
    theirs = written(tmp_path, f"open({str(tmp_path / 'harm')!r}, 'w')")
    config = results / "config.json"
    config.write_text(config.read_text().replace(str(arguments[1]), str(theirs)))
    assert cal_main("--dataset", "tiny", "--out", tmp_path, "--report-only") == 0
    error = capsys.readouterr().err
    assert f"was made with the fork {theirs}, whose code is not run unless --fork names" in error
    assert "Calibration" not in (results / "report.md").read_text()
    assert cal_main("--again", results, "history", 1) == 2
    assert f"made with the fork {theirs}; add --fork" in capsys.readouterr().err
    assert cal_main("--again", results, "history", 1, "--fork", arguments[1]) == 0
    assert "is the same in all 3 rounds" in capsys.readouterr().out
    assert not (tmp_path / "harm").exists()
    old = json.loads(config.read_text())
    for command, message in (("python cal.py 'x", "a command that is none"),
                             ("python cal.py --model fast", "made without a fork; leave out")):
        config.write_text(json.dumps({**old, "commands": [command]}))
        assert cal_main("--again", results, "history", 1, "--fork", arguments[1]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]


def remembering(fork, folder, rounds):
    """The run files after so many rounds of a fork's `history`, on made-up data."""
    log, runs = Log(folder), cal.runs_of(["history", "flips"], [1, 2])
    settings = cal.Settings(30, rounds, 10, 2, 8)
    forks.opened(fork.learning(), fork)(small_data(), settings, log).learn(runs)
    return {run: [{**line, "seconds": 0} for line in log.read(run)] for run in runs}


def test_memory_survives_a_cut_and_more_rounds(doors, tmp_path):
    fork = forks.load(doors[2][1])
    once = remembering(fork, tmp_path / "once", 4)
    assert remembering(fork, tmp_path / "more", 2) != once
    for path in (tmp_path / "more" / "runs").glob("*.jsonl"):
        reopen({path: read_run(path)[0]}, 4)  # as a command with more --rounds does
    assert remembering(fork, tmp_path / "more", 4) == once
    kept = tmp_path / "more" / "runs"
    assert {path.name for path in kept.glob("*.pt")} == {
        f"history-{seed}.memory{i}.pt" for seed in (1, 2) for i in (3, 4)}
    # A process that is killed has written the memory of a round, and perhaps not its line.
    for seed, lines in ((1, 4), (2, 5)):
        path = kept / f"history-{seed}.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(True)[:lines]))
    assert remembering(fork, tmp_path / "more", 4) == once


def test_a_lost_memory_is_refused(doors, tmp_path, capsys):
    folder, _, arguments = doors
    shutil.copytree(folder, tmp_path / folder.name)
    (tmp_path / folder.name / "runs" / "history-2.memory1.pt").write_bytes(b"no")
    before = run_files(tmp_path)
    assert cal_main(*arguments, "--jobs", 1, "--rounds", 4, "--out", tmp_path) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "history-2.memory1.pt" in error and "--fresh history" in error
    assert run_files(tmp_path) == before  # no round is reopened


# ---- what is refused ----------------------------------------------------------------------------


def opened(text, tmp_path):
    """An algorithm with a fork's strategies on made-up data, which learns one round of `idea`."""
    fork = forks.load(written(tmp_path, text))
    algorithm = forks.opened(fork.learning(), fork)(small_data(), cal.Settings(40, 1, 5, 1, 8),
                                                    Log(tmp_path / "runs"))
    with forks.blamed():
        algorithm.learn(cal.runs_of(["idea"], [3, 4]))


@pytest.mark.parametrize(("body", "message"), [
    ("view.pick(view.probs()[..., 0], k)[:, :-1]", "seeds 3, 4: returned int64 [2, 4]"),
    ("view.pick(view.probs()[..., 0], k)[:1]", "returned int64 [1, 5]"),
    ("view.pick(view.probs()[..., 0], k).float()", "returned float32 [2, 5]"),
    ("view.pick(view.probs()[..., 0], k)[:, [0, 1, 2, 3, 0]]", "seed 3: returned row"),
    ("view.pick(view.probs()[..., 0], k)[:, [0, 1, 2, 3, 0]]", "which is there twice"),
    ("view.L[:, :5]", "which is in L already"), ("view.L[:, -5:]", "which is in L already"),
    ("view.L[:, :5] + 999", "is not one of 0 ... 139"),
    ("None", "returned NoneType"), ("view.pick(view.probs(), k)", "a score [R, N] = [2, 140]"),
    ("view.pick(view.probs()[..., 0].log() * 0 + view.map.confidence.sum(), k)[:, :0]", "[2, 0]"),
    ("view.pick(view.probs()[..., 0] / 0 * 0, k)", "seed 3: the score of row"),
    ("view.nothing", "mine.py, line 2, in idea: AttributeError"),
    ("1 / 0", "strategy idea, round 0, seeds 3, 4: "),
    ("[view.U.fill_(True), view.L.fill_(0), view.pick(view.probs()[..., 0] * 0, 200)][2][:, :5]",
     "which is in L already"),
    ("view.pick(view.x.mul_(2)[:, 0] + 0 * view.probs()[..., 0], k)", "changed view.x in place"),
    ("[view.x.numpy().__imul__(2), view.L[:, :5]][1]", "round 0, seeds 3, 4: changed view.x in"),
    ("[view.x.data[[0, 1]].copy_(view.x[:2]), view.x.data.copy_(view.x.flip(0)), 0][2]",
     "changed view.x in place"),
    ("view.pick(view.probs()[..., 0] * -float('inf'), k)", "seed 3: view.pick needs 5 rows of the "
     "pool with a score above -inf, but there are 0"),
    ("view.pick((view.x[:, 0] * 0 - float('inf')).index_fill(0, view.U[0].nonzero()[:4, 0], 1)"
     ".expand(2, -1), k)", "with a score above -inf, but there are "),
    ("view.pick(view.U, k)", "view.pick needs a score of numbers, but this is bool"),
    ("view.L[:, :5].to_sparse()", "which is in L already"),
    ("view.L[:, :5].to('meta')", "returned Tensor; a tensor of row numbers [R, k] = [2, 5] is"),
    ("view.memory[0].update(a=view.memory[0]) or view.pick(view.probs()[..., 0], k)",
     "round 0, seed 3: view.memory holds something that cannot be kept: RecursionError"),
    ("view.memory[1].update(a=view.L.to_sparse()) or view.pick(view.probs()[..., 0], k)",
     "round 0, seed 4: view.memory holds something that cannot be kept: "),
    ("view.memory[0].update(a={(1, 2): 3}) or view.pick(view.probs()[..., 0], k)",
     "dicts whose keys are strings or whole numbers, but not (1, 2)"),
    ("view.memory.clear() or view.pick(view.probs()[..., 0], k)",
     "round 0, seeds 3, 4: view.memory has to stay a list of 2 dicts, one per run"),
    ("view.memory.__setitem__(1, 5) or view.pick(view.probs()[..., 0], k)", "a list of 2 dicts"),
    ("view.memory[0].update(a=view) or view.pick(view.probs()[..., 0], k)", "but not View"),
])
def test_what_a_strategy_returns_is_checked(body, message, tmp_path):
    with pytest.raises(InputError) as e:
        opened(f"def idea(view, k):\n    return {body}\nSTRATEGIES = {{'idea': idea}}\n", tmp_path)
    assert message in str(e.value) and "\n" not in str(e.value)


@pytest.mark.parametrize(("text", "message"), [
    ("def f(:\n", "mine.py, line 1: SyntaxError"), ("x = 1\0", "null bytes"),
    ("1 / 0", "mine.py, line 1: ZeroDivisionError"),
    ("import helper", "helper.py, line 2"), ("x = 1", "defines none of STRATEGIES"),
    ("STRATEGIES = [1]", "STRATEGIES has to be a dict"),
    ("STRATEGIES = {'cal': print}", "'cal' is taken"),
    ("STRATEGIES = {'Full': print}", "'Full' is taken"),
    ("STRATEGIES = {'full-long': print}", "is taken"), ("STRATEGIES = {'maps': print}", "is taken"),
    ("STRATEGIES = {'mine-t0.4': print}", "cannot be that of a run file"),
    ("STRATEGIES = {'a/b': print}", "cannot be that of a run file"),
    ("import strategies as s\ns.STRATEGIES['lc'] = print", "the name lc is taken"),
    ("READERS = {'trec': print}", "'trec' is taken"), ("MEASURES = {'f1': print}", "'f1' is taken"),
    ("MEASURES = {'train': print}", "'train' is taken"),
    ("import cal\nclass A(cal.ActiveLearning): pass\ncal.ActiveLearning = A", "write ALGORITHM"),
    ("ALGORITHM = 3", "subclass of cal.ActiveLearning"), ("MODEL = 3", "has to be a class"),
    ("from torch.nn import Module\nclass A(Module): pass\nclass B(Module): pass", "A, B; name one"),
    ("def f(view, k): pass\nf.needs = {'more'}\nSTRATEGIES = {'f': f}", "needs has 'more'"),
    ("import sys\nsys.exit(3)", "mine.py, line 2: SystemExit: 3"),
    ("def f(view): pass\nSTRATEGIES = {'a': f}", "{file}: STRATEGIES: a is called with the"
     " arguments (view, k), but it is written with (view)\n"),
    ("import strategies as s\ns.STRATEGIES['a'] = lambda view, k, more: 0", "with (view, k, more)"),
    ("class A:\n    def __call__(self): pass\nSTRATEGIES = {'a': A()}", "a is called with"),
    ("def f(view, k, *, more): pass\nSTRATEGIES = {'a': f}", "written with (view, k, *, more)"),
    ("MEASURES = {'m': lambda p: 0}", "MEASURES: m is called with the arguments (p, y)"),
    ("READERS = {'r': lambda: 0}", "READERS: r is called with the arguments (data_dir)"),
    ("REPORT = {'A title': lambda: 0}", "A title is called with the arguments (results)"),
    ("def on_round(view): pass", "on_round is called with the arguments (view, scores, picked)"),
    ("on_round = 3", "on_round is 3 instead of a function of (view, scores, picked)"),
    ("import cal\nclass A(cal.ActiveLearning):\n    def seed_set(self): pass\nALGORITHM = A",
     "ALGORITHM: A.seed_set is called with the arguments (self, seed), but it is written with (se"),
    ("from fast import SideBySide as S\nclass A(S):\n    def draws(self, stack, i): pass\n"
     "ALGORITHM = A", "A.draws is called with the arguments (self, stack, purpose, purpose)"),
    ("import cal\nclass A(cal.ActiveLearning):\n    def __init__(self, data): pass\nALGORITHM = A",
     "A.__init__ is called with the arguments (self, data, settings, log, device)"),
    ("def f(view, k): pass\nf.needs = 3\nSTRATEGIES = {'f': f}", "needs has to be a set of names"),
    ("REPORT = {'a\\ud800': lambda r: ''}", "{file}: REPORT: the title 'a\\ud800' is no"),
])
def test_a_fork_that_cannot_be_used_is_one_sentence(text, message, tmp_path, capsys):
    mine = written(tmp_path, text, helper="\n1 / 0")
    path = list(sys.path)
    assert cal_main("--fork", mine, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert message.replace("{file}", str(mine)) in error and error.count("\n") == 1
    assert str(tmp_path) in error and not (tmp_path / "out").exists() and sys.path == path


CALLABLE = """
import functools, torch, cal
def one(view): return view
@functools.wraps(one)
def wrapper(view, k): return one(view)
class Callable:
    def __call__(self, view, k, more=1): pass
class Mine(cal.ActiveLearning):
    @staticmethod
    def seed_set(seed): pass
    def draws(self, *a): pass
    def labelled(self, stack): pass
STRATEGIES = {"wrapper": wrapper, "partial": functools.partial(lambda n, view, k: 0, 1),
              "callable": Callable(), "any": lambda *a, **b: 0, "class": slice,
              "method": Callable().__call__, "builtin": torch.add}
MEASURES, on_round, ALGORITHM = {"m": lambda p, y, n=10: 0}, None, Mine
"""


def test_what_can_be_called_is_let_through(tmp_path):
    fork = forks.load(written(tmp_path, CALLABLE))
    assert fork.algorithm.__name__ == "Mine" and len(fork.names["STRATEGIES"]) == 7
    for function in fork.names["STRATEGIES"].values():
        function(torch.ones(1), 1)  # no TypeError


WRITES = """
from strategies import least_confidence
def idea(view, k):
    rows = least_confidence(view, k)
    view.U.fill_(True), view.L.fill_(0), [field.fill_(0.5) for field in view.map]
    return rows
def m(p, y):
    p.fill_(0), y.fill_(0)
    return p[:, 0, 0]
def on_round(view, scores, picked):
    [rows.reverse() for rows in picked], scores[0].clear()
    [own.update(accuracy=15.6, extra=view) or own.get("recall", []).clear() for own in scores]
    view.L.resize_(0), [field.fill_(0.5) for field in view.map]
STRATEGIES, MEASURES = {"idea": idea}, {"m": m}
"""


def test_what_a_fork_writes_into_a_round_is_not_in_its_run_files(tmp_path):
    fork, log = forks.load(written(tmp_path, WRITES)), Log(tmp_path)
    runs = cal.runs_of(["idea", "lc"], [1, 2])
    forks.opened(fork.learning(), fork)(small_data(), cal.Settings(40, 2, 9, 2, 8), log).learn(runs)
    plain, settings = Log(tmp_path / "plain"), cal.Settings(40, 2, 9, 2, 8)
    SideBySide(small_data(), settings, plain).learn(lc := cal.runs_of(["lc"], [1, 2]))
    for run in runs:
        want = next(plain.read(other) for other in lc if other.seed == run.seed)
        got = [{k: v for k, v in line.items() if k != "m"} | {"seconds": 0} for line in
               log.read(run)]
        assert len(want) == 3
        for line, other in zip(got, want):
            batch, other_batch = line.pop("batch"), other["batch"]
            assert line == {k: v for k, v in {**other, "seconds": 0}.items() if k != "batch"}
            assert batch == (other_batch and pytest.approx(other_batch, rel=1e-5))


SEED_SET = """
import numpy as np
import cal
def own(data_dir):
    texts = [f"text {i}" for i in range(60)]
    return {"train": (texts[:50], ["a", "b"] * 25), "test": (texts[50:], ["a", "b"] * 5),
            "x": np.eye(60)}
class Mine(cal.ActiveLearning):
    def seed_set(self, seed):
        return %s
READERS, ALGORITHM = {"own": own}, Mine
"""


@pytest.mark.parametrize(("rows", "message"), [
    ("[0, 0, 1]", "returned int64 [3]; a seed set is 20 different rows"),
    ("[0] + list(range(19))", "seed_set(1) returned row 0 more than once"),
    ("np.arange(19 + seed)", "seed_set(2) returned int64 [21]"), ("[]", "returned float32 [0]"),
    ("np.arange(40, 60)", "returned row 50, which is not one of 0 ... 49"),
    ("np.arange(-5, 15)", "returned row -5"), ("np.arange(20.0)", "returned float64 [20]"),
    ("None", "returned NoneType"), ("np.arange(50) < 20", "returned bool [50]"),
    ("np.random.permutation(50)[:20]", "other rows when it was asked again"),
    ("self.nothing", "seed_set(1): {file}, line 10, in seed_set: AttributeError"),
])
def test_a_seed_set_is_checked_before_anything_is_trained(rows, message, tmp_path, capsys):
    mine = written(tmp_path, SEED_SET % rows)
    assert cal_main("--fork", mine, "--dataset", "own", "--strategies", "random", "--seeds", 1, 2,
                    "--seed-size", 20, "--batch", 5, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "cal.py: Mine of mine.py: seed_set(" in error and error.count("\n") == 1
    assert message.replace("{file}", str(mine)) in error and not (tmp_path / "out").exists()


@pytest.mark.parametrize(("lines", "message"), [
    ("measure(self, theta): pass", "Mine: measure returned None instead of a list of dicts"),
    ("scored(self, p): return [{'accuracy': float('nan'), 'f1': 0.5}]",
     "full, round 0, seed 1: its accuracy is NaN, which a run file cannot hold"),
    ("scored(self, p): return [{'accuracy': 0.5, 'more': p}]", "its line is no JSON: Object of"),
    ("train(self, i, stack, L): pass", "Mine: TypeError: cannot unpack"),
    ("look(self, i, runs, L, theta, data_map): pass", "Mine: TypeError: "),
])
def test_an_algorithm_that_gives_something_else_is_one_sentence(lines, message, tmp_path, capsys):
    mine = SEED_SET % "range(20)"
    mine = written(tmp_path, mine.replace("READERS,", f"    def {lines}\nREADERS,"))
    assert cal_main("--fork", mine, "--dataset", "own", "--strategies", "random", "--seeds", 1,
                    "--seed-size", 20, "--batch", 5, "--rounds", 1, "--epochs", 1, "--jobs", 1,
                    "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error and error.startswith("cal.py: ")
    assert not list(tmp_path.rglob("random-1.jsonl"))


def test_what_a_measure_or_a_section_returns_is_checked():
    assert numbers("m", torch.tensor([1.0, 2]).to_sparse(), 2) == [1, 2]
    for wrong in ([10**400] * 2, torch.ones(2) * 1j, torch.ones(2, device="meta"), [1, "a"], None):
        with pytest.raises(InputError, match="^the measure m returned "):
            numbers("m", wrong, 2)
    with pytest.raises(InputError, match="REPORT, A: returned half of a surrogate pair instead"):
        section("A", lambda results: "\ud800")(None)


def test_an_algorithm_s_own_lines_are_run_and_checked(tmp_path):
    d, s, runs = small_data(), cal.Settings(20, 1, 5, 1, 8), cal.runs_of(["random"], [1])
    own = "    def pick(self, runs, view):\n        return [[100, 90, 80, 70, 60]]\nREADERS,"
    for rows, message in (("range(20)", ""), ("[0] * 20", "row 0 more than once"),
                          ("range(70, 90)", "strategy random, round 0, seed 1: returned row 80")):
        fork = forks.load(written(tmp_path, (SEED_SET % rows).replace("READERS,", own)))
        log = Log(tmp_path / str(len(message)))
        with pytest.raises(InputError, match=message) if message else contextlib.nullcontext():
            forks.opened(fork.learning(), fork)(d, s, log).learn(runs)
        lines = [(line["labelled"], line["picked"]) for line in log.read(runs[0])]
        assert lines == ([] if message else [(20, [100, 90, 80, 70, 60]), (25, [])])


def test_a_function_without_lines_is_named(tmp_path):
    with pytest.raises(InputError, match="round 0, seeds 3, 4: add: TypeError: add"):
        opened("import torch\nSTRATEGIES = {'idea': torch.add}", tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="round 0, seeds 3, 4: idea: TypeError: unhashable"):
        opened("import functools\n@functools.lru_cache\ndef idea(view, k):\n    return view.L\n"
               "STRATEGIES = {'idea': idea}", tmp_path / "b")


def test_one_network_needs_no_name(tmp_path, capsys):
    text = "from torch.nn import Linear, Module\nclass Block(Module): pass\nclass Net(Module):\n"
    fork = forks.load(written(tmp_path, text + "    def psi(self, x): return x\n"))
    assert fork.model == "Net" and "the network is Net of mine.py" in capsys.readouterr().err
    fork = forks.load(written(tmp_path, text + "    def psi(self, x): return x\nMODEL = None"))
    assert fork.model is None and capsys.readouterr().err == ""


NETWORK = """from torch import nn
class Net(nn.Module):
    def __init__(self, D, C):
        super().__init__()
        self.hidden, self.out = nn.Linear(D, 7), {out}
    def psi(self, x):
        return self.hidden({x})
"""


@pytest.mark.parametrize(("out", "x", "message"), [
    ("nn.Linear(8, C)", "x", "the network Net: RuntimeError: mat1 and mat2"),
    ("nn.Linear(7, C + 1)", "x", "has the shape [4, 4]; logits [4, 3] are needed"),
    ("nn.Identity()", "x", "has the shape [4, 7]"), ("None", "x", "the network Net has no `out`"),
    ("nn.Linear(7, C)", "x.nothing", "mine.py, line 7, in psi: AttributeError"),
    ("nn.Linear(7, C)", "x.mul_(2)", "the network Net: changed x in place"),
    ("nn.Linear(7, C)", "x / 0 * 0", "its training diverged"), ("nn.Linear(7, C)", "x", ""),
])
def test_a_network_is_tried_before_anything_is_written(out, x, message, tmp_path):
    fork = forks.load(written(tmp_path, NETWORK.format(out=out, x=x)))
    with pytest.raises(InputError) if message else contextlib.nullcontext() as e:
        forks.try_out(fork.learning(), fork, small_data())
    assert not message or message in str(e.value)


@pytest.mark.parametrize(("raw", "message"), [
    ("None", "returned NoneType instead of a dict"), ("{}", "train is not a pair"),
    ("{'train': (['a'], []), 'test': (['b'], ['c'])}", "train has 1 texts and 0 labels"),
    ("{'train': (['a'], [None]), 'test': (['b'], ['c'])}", "train, row 0: 'a' with the label N"),
    ("{'train': (['a'], ['c']), 'test': (['b'], ['c']), 'x': [[1]]}", "x has 1 rows, but"),
    ("{'train': (['a'], ['c']), 'test': (['b'], ['c']), 'x': [[1], [1e99]]}", "x, row 1"),
    ("{'train': (['a'], ['c']), 'test': (['b'], ['c']), 'seed_size': 0}", "seed_size is 0"),
    ("{'train': (['a'], ['c']), 'test': (['b'], ['c']), 'kind': []}", "kind has the shape [0]"),
    ("{'train': (['a'], ['c']), 'test': (['b'], ['c']), 'picks': 'x'}", "picks is 'x'"),
    ("{**GOOD, 'kind': [None, 'a']}", "kind, row 0 is None instead of a name"),
    ("{**GOOD, 'kind': ['a', 'a\\ud800']}", "kind, row 1 is 'a\\ud800' instead of a name"),
    ("{'train': (['a'] * 20, ['b', 'c'] * 10), 'test': (['b'], ['c']),"
     " 'kind': list('abcdefghijklmnopqrst')}", "kind has 20 different names; give at most 12"),
    ("{**GOOD, 'batch_size': 10**30}", "batch_size is 1000000000"),
    ("{**GOOD, 'x': __import__('torch').ones(3, 2) * 1j}", "x, row 0: not a row of numbers"),
    ("{**GOOD, 'x': [[1, 1], [1, 1j], [1, 1]]}", "x, row 1: not a row of numbers"),
    ("{**GOOD, 'x': __import__('numpy').ones((3, 2)) * (1 + 1j)}", "x, row 0: not a row of num"),
    ("{**GOOD, 'x': __import__('torch').ones(3, 2, device='meta')}", "x, row 0: not a row of nu"),
    ("{**GOOD, 'train': (['a', 'a\\ud800'], ['b', 'c'])}", "train, row 1: 'a\\ud800' with the"),
    ("{**GOOD, 'test': (['a'], ['\\ud800'])}", "row 0: 'a' with the label '\\ud800' has half"),
    ("{**GOOD, 'train': (['a', 'b'], ['c', 'c'])}", "reader of mine has one class in its training"),
    ("open('/nowhere')", "the reader of mine: {file}, line 2, in read: FileNotFoundError"),
    ("{}['a']", "mine.py, line 2, in read"),
])
def test_what_a_reader_gives_is_checked(raw, message, tmp_path, capsys):
    mine = written(tmp_path, f"def read(folder):\n    return {raw}\nREADERS = {{'mine': read}}\n"
                   "GOOD = {'train': (['a', 'b'], ['b', 'c']), 'test': (['b'], ['c'])}\n")
    assert cal_main("--fork", mine, "--dataset", "mine", "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    message = message.replace("{file}", str(mine))
    assert message in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


OWN_KINDS = """
import torch
def own(data_dir):
    texts = [f"text {i}" for i in range(60)]
    return {"train": (texts[:50], ["a", "b"] * 25), "test": (texts[50:], ["a", "c"] * 5),
            "x": torch.eye(60, requires_grad=True), "kind": ["clean", "n|o*isy"] * 25}
READERS = {"own": own}
"""


def test_kinds_with_names_of_one_s_own_are_drawn_and_counted(tmp_path, capsys):
    assert cal_main("--fork", written(tmp_path, OWN_KINDS), "--dataset", "own", "--rounds", 1,
                    "--epochs", 1, "--seeds", 1, "--strategies", "random", "--seed-size", 10,
                    "--batch", 5, "--jobs", 1, "--out", tmp_path) == 0
    assert "own has test texts of classes without a training text: c;" in capsys.readouterr().err
    folder = tmp_path / "own-paper-pool"
    report = (folder / "report.md").read_text()
    assert (folder / "fig1_planted_kinds.png").exists() and "ROC" not in report
    assert "| share of the picks | clean | n\\|o\\*isy |" in report


def test_options_that_do_not_go_with_a_fork(doors, tmp_path, capsys):
    mine, bad = doors[2][1], written(tmp_path, "STRATEGIES = {}", "torch.py")
    for arguments, message in (
            (["--fork", tmp_path / "no.py"], "there is no such file"),
            (["--fork", tmp_path], "not a .py file"), (["--fork", bad], "a module named torch"),
            (["--fork", mine, "--protocol", "code"], "Mine+Net works only with --protocol paper"),
            (["--fork", mine, "--model", "fast", "--protocol", "code", "--dataset", "tiny",
              "--strategies", "flips"], "flips asks for the training dynamics"),
            (["--new-fork", mine], "it stays as it is"),
            (["--new-fork", tmp_path / "random.py"], "there is a module named random already"),
            (["--new-fork", tmp_path / "data.py"], "there is a module named data already"),
            (["--new-fork", tmp_path / "a" / "b.py"], "there is no folder"),
            (["--new-fork", tmp_path / "b.txt"], "ends in .py")):
        code = cal_main(*arguments)
        error = capsys.readouterr().err
        assert code == 2 and message in error and error.count("\n") == 1


def test_changed_source_is_refused_by_name(doors, tmp_path, capsys):
    folder, _, arguments = doors
    shutil.copytree(folder, tmp_path / NAME)
    arguments = [*arguments[2:-5], "--strategies", "margin2", "--jobs", 1, "--rounds", 2, "--out",
                 tmp_path]
    for old, new, two, message in (
            ("p[..., 0], k)", "p[..., 0] * 2, k)", 2, "source of margin2 has changed"),
            ("Dropout(0.3)", "Dropout(0.4)", 2, "other source of doors.Net, network"),
            ("seed + 1", "seed + 2", 2, "other source of doors.Mine"),
            (".abs()\n\n\ndef tiny", "\n\n\ndef tiny", 2, "source of the measure ece"),
            ("two", "two", 3, "source of margin2 has changed")):
        mine = written(tmp_path, DOORS.replace(old, new), "doors.py", helper=f"two = {two}\n")
        assert cal_main("--fork", mine, *arguments) == 2 and message in capsys.readouterr().err
    same = DOORS.replace("import torch\n", "import torch  # as ever\n")
    fork = forks.load(written(tmp_path, same, "doors.py", helper="two = 2\n"))
    sources = json.loads((folder / "config.json").read_text())["sources"]
    assert made.sources(fork.learning(), list(fork.names["STRATEGIES"]) + ["random"],
                        fork.measures) == sources


def test_the_new_fork_runs_as_it_stands(tmp_path, capsys):
    mine = tmp_path / "my idea.py"
    assert cal_main("--new-fork", mine) == 0 and f"--fork '{mine}' --quick" in (
        capsys.readouterr().out)
    fork, log = forks.load(mine), Log(tmp_path)
    mine, margin = runs = cal.runs_of(["mine", "margin"], [1])
    forks.opened(fork.learning(), fork)(small_data(), cal.Settings(40, 2, 9, 2, 8), log).learn(runs)
    got, want = ([{**line, "seconds": 0} for line in log.read(run)] for run in (mine, margin))
    assert got == want and all(0 < line["brier"] < 2 for line in got)
