"""Training dynamics in and out, against loops that follow the definitions one by one."""

import base64
import itertools
import json
import re
import shutil
import sys
import types

import numpy as np
import pytest

import cal
import data
import datamap
from dynamics.__main__ import main
from dynamics.metrics import forgetfulness, map_of, metrics
from dynamics.reading import read
from dynamics.texts import joined, read_texts
from dynamics.writing import save_epoch, saving
from fast import SideBySide
from page import explore
from page.test_page import browser, quiet  # noqa: F401 (a fixture)
from plumbing.files import InputError, write_csv
from plumbing.runs import Log
from test_cal import HERE, TINY, cal_main, read_csv, run_files, small_data, tiny  # noqa: F401

N, E, C = 40, 5, 3
GUIDS = [f"t{i}" if i % 2 else 10**13 + i for i in range(N)]
NAMES = ["no", "</script>|yes", "__proto__"]


def logits_and_gold():
    rng = np.random.default_rng(0)
    return rng.normal(size=(E, N, C)).round(4), rng.integers(0, C, N)


def write_folder(folder):
    """The dynamics of N texts as allenai/cartography would write them, in shuffled orders."""
    logits, gold = logits_and_gold()
    rng = np.random.default_rng(1)
    (folder / "training_dynamics").mkdir(parents=True)
    for e in range(E):
        order = range(N) if e == 0 else rng.permutation(N).tolist()
        lines = [json.dumps({"guid": GUIDS[i], f"logits_epoch_{e}": logits[e, i].tolist(),
                             "gold": int(gold[i])}) for i in order]
        path = folder / "training_dynamics" / f"dynamics_epoch_{e}.jsonl"
        path.write_text("\n".join(lines) + "\n")
    rows = [(GUIDS[i], f"premise {i}", f"=hypothesis {i}", NAMES[gold[i]]) for i in range(N)]
    write_csv(folder / "texts.csv", ["guid", "premise", "hypothesis", "label"], rows[::-1])
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "model")


def run(*arguments):
    """The command line in this process; its exit code."""
    before, sys.argv = sys.argv, ["x/dynamics/__main__.py", *map(str, arguments)]
    from plumbing.arguments import script
    try:
        script(main)
    except SystemExit as e:
        return e.code
    finally:
        sys.argv = before


def by_the_definitions():
    """One dict per text, by loops: what the original computes, and Eq. (3)."""
    logits, gold = logits_and_gold()
    for i in range(N):
        p, right, state, forgotten = [], [], False, 0
        for e in range(E):
            exp = np.exp(logits[e, i])
            p.append(exp[gold[i]] / exp.sum())
            right.append(max(range(C), key=lambda c: logits[e, i, c]) == gold[i])
            if state and not right[-1]:
                forgotten += 1
            state = right[-1]
        mu = sum(p) / E
        yield {"guid": GUIDS[i], "index": i, "threshold_closeness": mu * (1 - mu),
               "confidence": mu, "variability": (sum((q - mu) ** 2 for q in p) / E) ** 0.5,
               "correctness": sum(right), "forgetfulness": forgotten if any(right) else 1000,
               "correctness_share": sum(right) / E}


def test_the_command_writes_metrics_map_and_page(folder, capsys):
    out = folder / "out"
    assert run(folder, "--texts", folder / "texts.csv", "--text-column", "premise", "hypothesis",
               "--out", out) == 0
    lines = [json.loads(line) for line in (out / "td_metrics.jsonl").read_text().splitlines()]
    expected = list(by_the_definitions())
    assert [line.keys() for line in lines] == [want.keys() for want in expected]
    for line, want in zip(lines, expected):
        assert line == pytest.approx(want, abs=1e-9)
        assert type(line["correctness"]) is type(line["forgetfulness"]) is int
    assert {0, 1000} < {line["forgetfulness"] for line in lines}
    D, (_, gold) = explore.data_in(out / "explore.html"), logits_and_gold()
    assert D["classes"] == NAMES and D["y"] == gold.tolist() and D["numbers"] == GUIDS
    assert D["texts"] == [f"premise {i}\n=hypothesis {i}" for i in range(N)]
    shown = np.frombuffer(base64.b64decode(D["maps"][""]["full"]["gold"]), np.uint8)
    confidence = (shown.reshape(E, N) / 255).mean(0)
    np.testing.assert_allclose(confidence, [w["confidence"] for w in expected], atol=0.003)
    assert (out / "map.png").stat().st_size > 0 and len(list(out.iterdir())) == 3
    told, mean = capsys.readouterr().out, np.mean([w["confidence"] for w in expected])
    assert "40 texts, 5 epochs, 3 classes" in told and f"confidence {mean:.3f}" in told
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert run(folder / "training_dynamics", "--texts", folder / "texts.csv", "--text-column",
               "premise", "hypothesis", "--out", out) == 0
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert [name for name in before if before[name] != after[name]] == ["explore.html"]  # its title


def test_the_map_is_datamap_s_also_from_arrays(folder, tmp_path):
    logits, gold = logits_and_gold()
    probs = np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
    want = datamap.data_map(probs, gold)
    path = tmp_path / "mine.npz"
    np.savez(path, probs=probs, y=gold)
    d = read(path)
    assert d.guids == list(range(N)) and isinstance(want.confidence, np.ndarray)
    for found in (map_of(read(folder)), map_of(d)):
        for a, b in zip(found, want):
            np.testing.assert_allclose(a, b, atol=1e-12)
    np.savez(path, probs=probs.astype(np.float16), y=gold.astype(float), guid=np.array(
        [str(guid) for guid in GUIDS]))
    np.testing.assert_allclose(map_of(read(path))[0], want[0], atol=1e-3)
    table = read_texts(folder / "texts.csv", ["premise"])
    assert joined(read(path), table, "")[0] == [f"premise {i}" for i in range(N)]


def test_forgetfulness_of_every_course_of_six_epochs():
    courses = np.array(list(itertools.product([False, True], repeat=6))).T
    for course, found in zip(courses.T, forgetfulness(courses)):
        text = "".join(".x"[int(right)] for right in course)
        assert found == (len(re.findall(r"x\.", text)) if "x" in text else 1000)


FIRST, LAST = "dynamics_epoch_0.jsonl", f"dynamics_epoch_{E - 1}.jsonl"


def lines_of(name, change):
    """Change the list of the lines of one file."""
    def spoil(folder):
        path = folder / "training_dynamics" / name
        lines = path.read_text().splitlines()
        path.write_text("\n".join(change(lines) or lines) + "\n")
    return spoil


def value_of(name, number, **changes):
    """Change some values of one line (its number in the file)."""
    def change(lines):
        lines[number - 1] = json.dumps({**json.loads(lines[number - 1]), **changes})
    return lines_of(name, change)


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda f: shutil.rmtree(f / "training_dynamics"), "has no dynamics_epoch_0.jsonl"),
    (lambda f: (f / "training_dynamics" / "dynamics_epoch_2.jsonl").unlink(),
     "dynamics_epoch_2.jsonl is missing, but there is a dynamics_epoch_4.jsonl"),
    (lines_of(LAST, lambda lines: lines[:-1]), f"{FIRST}, line "),
    (lines_of(FIRST, lambda lines: ["", *lines[1:]]), "is not in "),
    (lines_of(FIRST, lambda lines: [*lines, lines[4]]), "line 41: the guid 10000000000004 is in"
     " line 5, too"),
    (lines_of(LAST, lambda lines: [*lines, lines[4]]), f"{LAST}, line 41: the guid"),
    (lines_of(FIRST, lambda _: [""]), f"{FIRST} is empty"),
    (lines_of(LAST, lambda lines: [*lines[:-1], lines[-1][:30]]), "line 40: this is not JSON"),
    (lines_of(LAST, lambda lines: [*lines[:-1], "[1]"]), "line 40: this is no JSON object"),
    (value_of(LAST, 3, gold=1.5), f"{LAST}, line 3: gold is 1.5; it has to be the number"),
    (value_of(FIRST, 3, gold=-100), f"{FIRST}, line 3: gold is -100"),
    (value_of(FIRST, 3, gold=3), "3 logits are of classes 0 to 2"),
    (value_of(FIRST, 3, logits_epoch_0=[1, 2]), f"{FIRST}, line 3: 2 logits, but 3 in"),
    (value_of(LAST, 3, logits_epoch_4=[1, 2, 3, 4]), f"{LAST}, line 3: 4 logits, but 3 in"),
    (value_of(LAST, 3, logits_epoch_4=[1, float("nan"), 2]), f"{LAST}, line 3: the logits [1, nan"),
    (value_of(LAST, 3, logits_epoch_4=[1, 10**400, 2]), "line 3: the logits [1, 1000"),
    (value_of(LAST, 3, logits_epoch_4=[1, None, 2]), "line 3: the logits [1, None, 2] are not all"),
    (value_of(LAST, 3, logits_epoch_4=7), "line 3: its logits_epoch_4 is no list"),
    (value_of(LAST, 3, guid=None), "line 3: the guid None is no whole number or text"),
    (value_of(LAST, 3, guid="new"), f"{LAST}, line 3: the guid 'new' is not in"),
    (lines_of(LAST, lambda lines: [x.replace("_epoch_4", "_epoch_3") for x in lines]),
     f"{LAST}, line 1: it has no 'logits_epoch_4'"),
    (lambda f: (f / "training_dynamics" / LAST).write_bytes(b"\xff\xfe\x00"), "is not UTF-8"),
    (lambda f: (f / "texts.csv").unlink(), "there is no file"),
    (lambda f: (f / "texts.csv").write_text("guid,text,label\nt1,a,no\n"),
     f"{FIRST}, line 1: the guid '10000000000000' has no text in"),
    (lambda f: (f / "texts.csv").write_text("guid,text,label\nq,a,no\n"), "has other guids than"),
    (lambda f: (f / "texts.csv").write_text("text,label\na,no\n"), "has no column 'guid'"),
    (lambda f: (f / "texts.csv").write_text(
        (f / "texts.csv").read_text() + "t99,a,b,no\n"), "row 42: the guid 't99' has no dynamics"),
    (lambda f: (f / "texts.csv").write_text(
        (f / "texts.csv").read_text() + "t1,a,b,no\n"), "row 42: the guid 't1' is in row 40, too"),
])
def test_what_does_not_fit_is_named_with_file_and_line(folder, capsys, spoil, message):
    _, gold = logits_and_gold()
    spoil(folder)
    column = ["--text-column", "premise"] if "premise" in (
        (folder / "texts.csv").read_text() if (folder / "texts.csv").exists() else "") else []
    assert run(folder, "--texts", folder / "texts.csv", *column, "--out", folder / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("dynamics: ") and message in error and error.count("\n") == 1
    assert not (folder / "out").exists() and len(error) < 600


@pytest.mark.parametrize(("options", "of_json"), [
    (["--label-column", "klass"], "has no label in its column 'klass'; name another with --label"),
    (["--text-column", "body"], "has no text in 'body'; name another column with --text-column"),
    (["--guid-column", "url"], "row 1: it has no guid"),
])
@pytest.mark.parametrize("name", ["texts.csv", "texts.jsonl"])
def test_a_column_that_is_named_has_to_be_there(folder, capsys, name, options, of_json):
    rows = read_csv(folder / "texts.csv")
    (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    premise = ["--text-column", "premise"] if "--text-column" not in options else []
    assert run(folder, "--texts", folder / name, *premise, *options, "--out", folder / "out") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and not (folder / "out").exists()
    assert (of_json if name == "texts.jsonl" else f"has no column {options[1]!r}") in error
    assert run(folder, *options, "--out", folder / "out") == 2  # and the table that has it
    assert f"{options[0]} works only with --texts" in capsys.readouterr().err


def test_a_label_that_changes_between_epochs(folder):
    _, gold = logits_and_gold()
    value_of(LAST, 1, guid=GUIDS[7], gold=int((gold[7] + 1) % C))(folder)
    with pytest.raises(InputError, match="line 1: gold is ., but . in .*epoch_0.jsonl, line 8"):
        read(folder)


@pytest.mark.parametrize(("changes", "message"), [
    ({"probs": None}, "is no .npz file with the arrays probs [E, N, C] and y [N]; it has y"),
    ({"probs": np.ones((2, 3))}, "probs is float64 [2, 3]"),
    ({"probs": np.ones((2, 3, 1))}, "at least two classes"),
    ({"probs": np.ones((2, 3, 2), int)}, "probs is int64"),
    ({"probs": np.full((2, 3, 2), 0.7)}, "probs[0, 0] is [0.7, 0.7], which are no probabilities"),
    ({"probs": np.array([[[1.5, -0.5]] * 3])}, "no probabilities"),
    ({"probs": np.array([[[0.5, 0.5]] * 3, [[0.5, np.nan]] * 3])}, "probs[1, 0]"),
    ({"y": np.array([0, 1])}, "y has 2 values"), ({"y": np.array([0, 1, 2])}, "up to 2"),
    ({"y": np.array([0, -1, 1])}, "y, row 1: -1 is no class number"),
    ({"y": np.array(["a", "b", "c"])}, "y"), ({"y": np.array([None] * 3)}, "no .npz file"),
    ({"guid": np.array([1, 2, 1])}, "the guid 1 is there more than once, the second time in row 2"),
    ({"guid": np.array([1, 2])}, "guid is int64 [2]"),
])
def test_what_does_not_fit_in_a_npz_file(tmp_path, changes, message):
    arrays = {"probs": np.full((2, 3, 2), 0.5), "y": np.array([0, 1, 1]), **changes}
    np.savez(tmp_path / "a.npz", **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(InputError) as e:
        read(tmp_path / "a.npz")
    assert message in str(e.value) and "a.npz" in str(e.value)


def test_a_path_that_is_no_dynamics(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK")
    for name in ("x.npz", "nothing", "."):
        with pytest.raises(InputError, match="give a folder|is no .npz file|has no dynamics"):
            read(tmp_path / name)


def test_labels_that_contradict_the_classes_are_said(folder, capsys):
    table = folder / "texts.csv"
    text = table.read_text(encoding="utf-8-sig").replace("premise,hypothesis", "text,more")
    table.write_text(text.replace(",no\n", ",yes\n", 1))
    assert run(folder, "--texts", table, "--out", folder / "out") == 0
    error = capsys.readouterr().err
    assert f"{table}, row " in error and "are these the guids of the training?" in error
    assert explore.data_in(folder / "out" / "explore.html")["classes"] == ["0", "1", "2"]


def test_no_texts_many_texts_and_one_epoch(folder, browser, monkeypatch):  # noqa: F811
    for e in range(1, E):
        (folder / "training_dynamics" / f"dynamics_epoch_{e}.jsonl").unlink()
    monkeypatch.setattr(explore, "MOST", 30)
    assert run(folder, "--out", folder / "out") == 0
    page = folder / "out" / "explore.html"
    D = explore.data_in(page)
    assert "shows 30 of them, sampled at random" in D["about"] and len(D["texts"]) == 30
    assert D["texts"] == [str(guid) for guid in D["numbers"]]
    browser.open(page, f"row={D['rows'][3]}")
    assert browser.run("return document.body.dataset.points") == "30"
    assert browser.run("return document.getElementById('the-text').textContent") == D["texts"][3]
    assert f"guid {D['texts'][3]}" in browser.run(
        "return document.getElementById('text').textContent")
    quiet(browser)


# ---- --save-dynamics ----------------------------------------------------------------------------


def test_what_an_experiment_saves_is_its_map(tiny):  # noqa: F811
    runs, d = tiny[0] / "demo-paper-pool" / "runs", data.load("demo")
    for seed in (1, 2):
        saved = read(runs / f"dynamics-{seed}")
        with np.load(runs / f"maps-{seed}.npz") as m:
            for name, values in map_of(saved)._asdict().items():
                np.testing.assert_allclose(values, m[f"full_{name}"], atol=1e-6)
            assert (saved.said == m["full_said"]).all()
        assert saved.guids == list(range(len(d.y))) and (saved.gold == d.y).all()
        files = list((runs / f"dynamics-{seed}").rglob("*"))
        assert len(files) == 3 and str(seed) in tiny[1] or "dynamics-SEED" in tiny[1]
    table = read_texts(runs / "texts.csv")
    assert joined(saved, table, "") == (d.texts, [d.classes[c] for c in d.y])
    assert set(metrics(saved)["correctness"]) <= {0, 1, 2}


def test_dynamics_that_are_missing_are_made_good(tmp_path):
    d, s = small_data(), cal.Settings(120, 1, 5, 3, 8)
    d.texts = [f"text\n{i}" for i in range(len(d.y))]
    cal.all_the_data(SideBySide(d, s, Log(tmp_path)), [1, 2])
    before = {path.name: path.read_bytes() for path in (tmp_path / "runs").iterdir()}
    half = tmp_path / "runs" / "dynamics-1.new" / "training_dynamics"
    half.mkdir(parents=True)
    (half / "dynamics_epoch_7.jsonl").write_text("left by a killed process")
    algorithm = saving(SideBySide)(d, s, Log(tmp_path))
    cal.all_the_data(algorithm, [1, 2])
    after = {path.name: path.read_bytes() for path in (tmp_path / "runs").glob("*.*")}
    assert set(after) - set(before) == {"texts.csv"} and not half.exists()
    assert all(after[name] == before[name] for name in before)  # also the lines' times
    first = (tmp_path / "runs" / "dynamics-1" / "training_dynamics" / FIRST).read_bytes()
    assert len(read(tmp_path / "runs" / "dynamics-1").said) == 3
    again = tmp_path / "runs" / "dynamics-1" / "training_dynamics" / FIRST
    table = tmp_path / "runs" / "texts.csv"
    for path, spoil in (
            (again, lambda: shutil.rmtree(again.parent.parent)), (again, again.unlink),
            (again, lambda: again.write_bytes(first[:99])), (table, table.unlink),
            (again, lambda: again.write_bytes(b"".join(first.splitlines(True)[:-1]))),
            (again, lambda: again.write_bytes(bytes(len(first)))),
            (table, lambda: table.write_bytes(bytes(99))), (table, lambda: table.write_bytes(b"")),
            (table, lambda: table.write_bytes(after["texts.csv"][:-9]))):
        spoil()
        cal.all_the_data(algorithm, [1, 2])
        assert path.read_bytes() == (first if path == again else after["texts.csv"])
    assert algorithm.has_maps(1) and algorithm.has_maps(2)


def test_save_dynamics_is_for_experiments(tmp_path, capsys):
    (tmp_path / "my.csv").write_text("text,label\na,x\nb,y\nc,\n")
    assert cal_main("--dataset", tmp_path / "my.csv", "--save-dynamics", "--vectors",
                    "hash", "--out", tmp_path) == 2
    assert "--save-dynamics is for experiments" in capsys.readouterr().err


def test_save_epoch_refuses_what_does_not_fit(tmp_path):
    with pytest.raises(ValueError, match="2 guids, logits \\[3, 2\\] and 3 gold"):
        save_epoch(tmp_path, 0, [1, 2], np.zeros((3, 2)), [0, 1, 0])
    assert not list(tmp_path.iterdir())


def test_the_callback_in_the_docs_runs_on_a_trainer_of_its_shape(tmp_path, monkeypatch):
    """transformers is not installed for tests; docs/dynamics.md says what was run with it."""
    logits, gold = logits_and_gold()
    now = types.SimpleNamespace(epoch=0.0)
    trainer = types.SimpleNamespace(
        predict=lambda _: types.SimpleNamespace(predictions=logits[round(now.epoch) - 1]),
        add_callback=lambda callback: setattr(trainer, "callback", callback))
    stand_in = types.ModuleType("transformers")
    stand_in.TrainerCallback = object
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    monkeypatch.chdir(tmp_path)
    code = next(block for block in re.findall(r"```python\n(.*?)```", (
        HERE / "docs" / "dynamics.md").read_text("utf-8"), re.S) if "TrainerCallback" in block)
    exec(code, {"trainer": trainer, "train_dataset": None, "guids": GUIDS, "gold": gold})
    for epoch in range(E):
        now.epoch = epoch + 1.0
        trainer.callback.on_epoch_end(None, now, None, model=None)
    found = list(by_the_definitions())
    np.testing.assert_allclose(map_of(read(tmp_path / "my-model"))[0],
                               [want["confidence"] for want in found], atol=1e-9)
