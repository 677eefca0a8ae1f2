"""The code of docs/fork.md and of the README's section for a forker runs as printed."""

import json
import re
import signal
import sys

import numpy as np
import pytest
import torch

import cal
import data
import forks
from command.library import experiment
from plumbing.draws import Draws
from plumbing.runs import Log
from test_cal import HERE, arrays_of_one_s_own, small_data

GUIDE = (HERE / "docs" / "fork.md").read_text("utf-8")
CODE = dict(re.findall(r'```python\n"""(\w+)\.py(.*?)```', GUIDE, re.S))
README = re.findall(r"```python\n(.*?)```", (HERE / "README.md").read_text("utf-8"), re.S)


def fork_of(name, tmp_path):
    path = tmp_path / f"{name}.py"
    path.write_text(f'"""{name}.py{CODE[name]}')
    return forks.load(path)


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    forks.load()


def learnt(fork, tmp_path, names, d=None, rounds=2):
    """{name: lines} of a fork's strategies on made-up data."""
    log, runs = Log(tmp_path / "runs"), cal.runs_of(names, [1, 2])
    algorithm = forks.opened(fork.learning(), fork)(d or small_data(),
                                                    cal.Settings(40, rounds, 10, 3, 8), log)
    algorithm.learn(runs)
    return {run.strategy: log.read(run) for run in runs if run.seed == 1}, algorithm


def test_the_guide_has_every_kind_in_forty_lines():
    assert list(CODE) == ["history", "dynamics_of_u", "cnn", "calibration", "rest"]
    assert max(code.count("\n") for code in CODE.values()) <= 40
    defined = {name for code in CODE.values() for name in ("STRATEGIES", "MODEL", "READERS",
               "MEASURES", "REPORT", "ALGORITHM", "def on_round") if name in code}
    assert len(defined) == 7


def test_the_guide_s_strategies(tmp_path, capsys):
    fork = fork_of("history", tmp_path)
    lines, algorithm = learnt(fork, tmp_path, ["history", "lc"])
    assert lines["history"][0]["picked"] == lines["lc"][0]["picked"]  # LC in round 0
    p = []  # by hand: the models of rounds 0 and 1 on what was labelled then
    for i in (0, 1):
        run = cal.Run("history", 1)
        theta, _ = algorithm.train(i, [run], algorithm.labelled([run], i))
        p.append(theta.probs(algorithm.x[None])[0].double().numpy())
    L = algorithm.labelled([run], 1)[0].tolist()
    moved = abs(p[1] - p[0]).sum(1)
    want = sorted(set(range(140)) - set(L), key=lambda row: -moved[row])[:10]
    assert len(set(want) & set(lines["history"][1]["picked"])) >= 9  # ties in the last bits
    fork = fork_of("dynamics_of_u", tmp_path)
    lines, algorithm = learnt(fork, tmp_path / "u", list(fork.names["STRATEGIES"]), rounds=1)
    L, run = algorithm.labelled([run], 0), cal.Run("flips", 1)
    theta = algorithm.new_theta(0, [cal.Run("any", 1)])
    said = [theta.probs(algorithm.x[None])[0].argmax(-1).numpy() for _ in theta.fit(
        algorithm.x[L], algorithm.y[L], 3, 8, algorithm.draws([run], 0, "train"))]
    flips = sum((a != b).astype(int) for a, b in zip(said, said[1:]))
    free = sorted(set(range(140)) - set(L[0].tolist()), key=lambda row: (-flips[row], row))
    assert lines["flips"][0]["picked"] == free[:10]
    fork = fork_of("rest", tmp_path)
    lines, algorithm = learnt(fork, tmp_path / "rest", ["cal-median"], rounds=1)
    assert len(lines["cal-median"][0]["picked"]) == 10 and capsys.readouterr().err == ""
    assert set(algorithm.seed_set(1)) != set(data.seed_set(small_data().y, 40, 1))


def test_the_guide_s_network_and_dataset(tmp_path):
    fork = fork_of("cnn", tmp_path)
    d = data.load("demo-ids")
    first = d.texts[0].lower().split()
    assert d.x.shape == (len(d.y), 42) and len(set(d.x[0]) - {0}) <= len(first) + 1
    assert (d.x[0] > 0).sum() >= len(first) and d.x.max() < 30_000
    theta = fork.learning().Theta(42, 6, [1], **fork.learning().shape)
    x, y = torch.as_tensor(d.x[None, :400]), torch.as_tensor(d.y[None, :400])
    for _epoch in theta.fit(x, y, 3, 16, Draws([1], "t")):
        pass
    right = (theta.probs(torch.as_tensor(d.x_test[None]))[0].argmax(-1).numpy() == d.y_test).mean()
    assert right > 0.4  # of six classes


def test_the_readme_s_fork_and_the_notebook_s_call_end_in_a_report(tmp_path, monkeypatch, capsys):
    strategy, call = (next(code for code in README if word in code)
                      for word in ("def shortest", "experiment"))
    (tmp_path / "mine.py").write_text(strategy, "utf-8")
    assert list(forks.load(tmp_path / "mine.py").names["STRATEGIES"]) == ["shortest"]
    forks.load()
    names = dict(zip(("x", "y", "x_test", "y_test"), arrays_of_one_s_own()))
    exec(strategy, names)
    monkeypatch.chdir(tmp_path)
    matplotlib = sys.modules["matplotlib"]  # report/backend.py has imported it
    backend, handler = matplotlib.get_backend(), signal.getsignal(signal.SIGINT)
    threads, rc = torch.get_num_threads(), dict(matplotlib.rcParams)
    call = call.replace("rounds=10", "rounds=2, epochs=2")
    exec(call, names)
    assert names["curves"].shape == (3, 3)
    assert (matplotlib.get_backend(), signal.getsignal(signal.SIGINT)) == (backend, handler)
    assert torch.get_num_threads() == threads and dict(matplotlib.rcParams) == rc
    folder = tmp_path / "my-results"
    for file in ("report.md", "curves.csv", "fig3_accuracy.png", "explore.html"):
        assert (folder / file).stat().st_size > 0
    assert '"row 7"' in (folder / "explore.html").read_text("utf-8")
    with open(folder / "runs" / "shortest-3.jsonl", encoding="utf-8") as f:
        line = json.loads(f.readline())
    found = names["results"].curves()
    assert found["shortest"]["accuracy"][2, 0] == line["accuracy"] and list(found["shortest"]) == [
        "accuracy", "f1", "train", "select"]
    again = "out='again', rounds=1, batch=20, epochs=2, measures={'ece': ece}"
    guide = GUIDE[GUIDE.index("## From a notebook") :]
    for name in ("history", "calibration"):
        exec(f'"""{CODE[name]}', names)
    code = re.search(r"```python\n(.*?)```", guide, re.S)[1]
    code = re.sub(r"seeds=.*?\)\n", f"seeds=[1], {again})\n", code, flags=re.S)
    exec(code, names)
    assert names["results"].curves()["history"]["ece"].shape == (1, 2)
    assert "history" not in cal.strategies.STRATEGIES
    names["history"] = lambda view, k: view.pick(-view.probs()[..., 0], k)
    names["history"].__name__ = "history"
    with pytest.raises(ValueError, match="source of history has changed"):
        exec(code, names)
    for bad, message in (({"strategies": ["cla"]}, "no strategy 'cla'"),
                         ({"rounds": 100}, "more than the 400 rows"),
                         ({"measures": {"f1": print}}, r"^experiment\(\): measures: .* 'f1' is"),
                         ({"strategies": {"cal": print}}, "the name 'cal' is taken"),
                         ({"seed_size": 500}, "more than the 400 rows"),
                         ({"rounds": 0}, "rounds is 0"), ({"batch": 2.5}, "batch is 2.5"),
                         ({"strategies": [names["shortest"], lambda: 0]},
                          r"^experiment\(\): strategies: the name '<lambda>' cannot be that"),
                         ({"strategies": {"a": lambda view: 0}}, "a is called with .*view, k"),
                         ({"strategies": {1: print}}, "1 is no name"),
                         ({"strategies": []}, "strategies is empty"),
                         ({"measures": {"m": lambda p: 0}}, "m is called with .*(p, y)"),
                         ({"measures": [print]}, "measures has to be a dict"),
                         ({"network": 3}, "network has to be a class"),
                         ({"seeds": [1.5]}, "a seed is 1.5"), ({"seeds": [True]}, "seed is True"),
                         ({"seeds": [-1]}, "a seed is -1"), ({"rounds": True}, "rounds is True"),
                         ({"seeds": [float("nan")]}, "a seed is nan"),
                         ({"t_cor": [0.2, 1]}, "t_cor is 1"),
                         ({"strategies": [("a", print), ("a", len)]}, "two strategies are called"),
                         ({"data": arrays_of_one_s_own()[:3]}, "four arrays are needed"),
                         ({"data": None}, "data is None instead of"), ({"data": "trec"}, "data is"),
                         ({"data": (*names["x"][:2], 1, 2)}, "has 1 dimensions"),
                         ({"data": (names["x"], names["y"] * 0, names["x_test"], names["y_test"])},
                          "data has one class in its training data"),
                         ({"out": ""}, "out is ''; give"), ({"out": " "}, "out is ' '; give"),
                         ({"out": None}, "out is None"), ({"device": "tpu"}, "device is 'tpu'"),
                         ({"device": "meta"}, "is 'meta'"), ({"device": "cuda:99"}, "cuda"),
                         ({"out": "again", "rounds": 1}, "was made with .*; delete that folder")):
        with pytest.raises(ValueError, match=message):
            experiment(**{"data": arrays_of_one_s_own(), "out": tmp_path / "bad", **bad})
    assert not (tmp_path / "bad").exists() and np.isfinite(names["curves"]).all()
