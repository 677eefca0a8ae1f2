"""Tests of merging and comparing results directories, and of making a run again."""

import json
import re
import shutil

import numpy as np
import pytest

from report import compare, differences, merge, sections
from report.test_paper import SIX_SEEDS, level, plain_csv
from report.test_report import hand_made, whole_batches
from test_cal import as_ever, cal_main, read_csv, run_files, tiny


def changed_config(folder, **more):
    """Rewrite a directory's config.json; dotted names go deeper (settings__batch=11)."""
    config = json.loads((folder / "config.json").read_text())
    for name, value in more.items():
        *way, last = name.split("__")
        part = config
        for key in way:
            part = part[key]
        part[last] = value
    (folder / "config.json").write_text(json.dumps(config))


def part_of(whole, folder, seeds, **more):
    """A copy of a results directory with some of its seeds alone."""
    shutil.copytree(whole, folder)
    for path in (folder / "runs").iterdir():
        if (seed := re.search(r"-(\d+)\.", path.name)) and int(seed[1]) not in seeds:
            path.unlink()
    changed_config(folder, seeds=list(seeds), **more)
    return folder


@pytest.fixture
def halves(tiny, tmp_path):
    whole = tiny[0] / "demo-paper-pool"
    return whole, part_of(whole, tmp_path / "a", [1]), part_of(
        whole, tmp_path / "b", [2], machines=[{"device": "cuda", "versions": {"torch": "9"},
                                               "x_sha256": "other"}],
        settings__x_sha256="other", settings__device="cuda", commands=["python cal.py --seeds 2"])


def test_merged_halves_are_the_whole(halves, tmp_path):
    whole, a, b = halves
    config = merge.merge([a, b], tmp_path / "out" / "c")
    c = tmp_path / "out" / "c"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["c"]
    kept = lambda folder: {p.relative_to(folder): p.read_bytes()
                           for p in (folder / "runs").rglob("*.*") if p.is_file()}
    assert kept(c) == kept(whole)
    assert config["seeds"] == [1, 2] and len(config["machines"]) == 2
    assert json.loads((c / "config.json").read_text()) == config
    report = (c / "report.md").read_text(encoding="utf-8")
    assert "The seeds come from 2 machines" in report and "python cal.py --seeds 2" in report
    assert plain_csv(c / "curves.csv") == plain_csv(whole / "curves.csv")
    assert read_csv(c / "results.csv") == read_csv(whole / "results.csv")
    with pytest.raises(merge.InputError, match="is there already"):
        merge.merge([a, b], c)


def test_what_cannot_be_merged_is_refused_by_name(halves, tmp_path):
    _, a, b = halves
    said = {}
    for name, more in {
            "batch": {"settings__batch": 11}, "rounds": {"settings__rounds": 3},
            "data_sha256": {"settings__data_sha256": "0"},
            "vectors": {"settings__vectors": "hash"}, "classes": {"classes": ["a", "b"]},
            "other vectors": {"projections": [1, 2, 3, 4, 5]},
            "lc": {"sources__strategies__lc": "x"},
            "datamap.py": {"sources__core__datamap.py": "x"}}.items():
        other = tmp_path / name
        shutil.copytree(b, other)
        changed_config(other, **more)
        with pytest.raises(merge.InputError, match=name) as error:
            merge.merge([a, other], tmp_path / "c")
        said[name] = str(error.value)
        assert "\n" not in said[name] and not (tmp_path / "c").exists()
    assert "differ in batch: 10 and 11" in said["batch"]
    both = part_of(halves[0], tmp_path / "both", [1, 2])
    path = both / "runs" / "lc-1.jsonl"
    path.write_text(path.read_text().replace('"round": 1, "labelled": 70, "accuracy": 0.',
                                             '"round": 1, "labelled": 70, "accuracy": 0.9'))
    with pytest.raises(merge.InputError, match=r"same run, but they differ in round 1 \(acc"):
        merge.merge([a, both], tmp_path / "c")
    with pytest.raises(merge.InputError, match="no results in"):
        merge.merge([a, tmp_path / "nowhere"], tmp_path / "c")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith((".", "c"))
                and p.name not in ("classes",)]


def test_the_longer_of_two_runs_is_taken_with_its_state(tmp_path, monkeypatch, capsys):
    whole = hand_made(tmp_path / "whole", level(SIX_SEEDS), rounds=2, seeds=3,
                      labels=["random", "cal-t0.4"], picked=whole_batches).folder
    a, b = part_of(whole, tmp_path / "a", [0, 1]), part_of(whole, tmp_path / "b", [1, 2])
    for folder, run, rounds in ((a, "random-1", 1), (b, "cal-t0.4-1", 2)):
        path = folder / "runs" / f"{run}.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:rounds]) + b'{"torn')
        (folder / "runs" / f"{run}.round{rounds - 1}.pt").write_bytes(run.encode())
    with open(b / "runs" / "random-2.jsonl", "ab") as f:
        f.write(b'{"torn')
    (b / "runs" / "cal-t0.4-2.memory.pt").write_bytes(b"kept")
    (b / "runs" / "dynamics-2").mkdir()
    (b / "runs" / "dynamics-2" / "epoch.jsonl").write_bytes(b"too")
    monkeypatch.setattr("sys.argv", ["merge", str(a), str(b), "--out", str(tmp_path / "c")])
    assert merge.main() == 0 and "has 3 seeds: 0 1 2" in capsys.readouterr().out
    runs = tmp_path / "c" / "runs"
    for path in (whole / "runs").iterdir():
        assert (runs / path.name).read_bytes() == path.read_bytes()
    assert not list(runs.glob("*.round*"))
    assert (runs / "cal-t0.4-2.memory.pt").read_bytes() == b"kept"
    assert (runs / "dynamics-2" / "epoch.jsonl").read_bytes() == b"too"
    monkeypatch.setattr("sys.argv", ["merge", str(a), "--out", str(tmp_path / "d")])
    with pytest.raises(merge.InputError, match="two or more"):
        merge.main()
    monkeypatch.chdir(tmp_path)
    for module, names in ((merge, ["x", "x", "--out", "d"]), (compare, ["x", "x"])):
        (tmp_path / "x").exists() or (tmp_path / "x").symlink_to(a)
        monkeypatch.setattr("sys.argv", ["", str(a), *names[1:]])
        with pytest.raises(merge.InputError, match="x.* (is named twice|are one directory)"):
            module.main()
    monkeypatch.setattr("sys.argv", ["compare", str(a), str(b)])
    with pytest.raises(compare.InputError, match="3 seeds in common"):
        compare.main()


def test_a_comparison_is_within_seeds(tmp_path, monkeypatch, capsys):
    names = list(SIX_SEEDS)
    hand_made(tmp_path / "a", level(SIX_SEEDS), rounds=2, seeds=6, labels=names)
    moved = {name: [x + 0.02 + 0.001 * seed * (name == "a") for seed, x in enumerate(values)]
             for name, values in SIX_SEEDS.items()}
    hand_made(tmp_path / "b", level(moved, 0.001), rounds=2, seeds=6, labels=names[:3],
              vectors="hash")
    out = tmp_path / "table.csv"
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out",
                                     str(out)])
    assert compare.main() == 0
    assert "within seeds: vectors hash instead of pool." in capsys.readouterr().out
    rows = {(row["table"], row["strategy"]): row for row in read_csv(out)}
    assert set(row for _, row in rows) == {"Rand.", "a", "b"}
    d = np.array(moved["a"]) - SIX_SEEDS["a"]
    mean = rows["Accuracy, mean accuracy", "a"]
    assert float(mean["difference"]) == pytest.approx(d.mean() + 0.001, abs=5e-4)
    assert float(rows["Accuracy, final accuracy", "a"]["difference"]) == pytest.approx(
        d.mean() + 0.002, abs=5e-4)
    lead = rows["The lead over Rand., mean accuracy", "a"]
    assert float(lead["difference"]) == pytest.approx(0.0025, abs=5e-4)
    assert float(lead["p (t)"]) == pytest.approx(differences.paired_t(
        np.arange(6) * 0.001), rel=0.05)
    assert rows["The lead over Rand., final accuracy", "b"]["answer"] == "the same within 0.01"
    assert ("The lead over Rand., mean accuracy", "Rand.") not in rows
    monkeypatch.setattr("sys.argv", ["compare", str(tmp_path / "a"), str(tmp_path / "b"),
                                     "--baseline", "d"])
    with pytest.raises(compare.InputError, match="no runs of it in common"):
        compare.main()


@pytest.mark.parametrize("other, message", [
    ({"vectors": "hash", "protocol": "code"}, "more than one setting: protocol, vectors"),
    ({"data_sha256": "1"}, "other data"), ({"batch": 25}, "differ in batch"),
    ({"rounds": 3}, "rounds")])
def test_what_cannot_be_compared_is_refused(tmp_path, other, message):
    one = hand_made(tmp_path / "a", level({}), rounds=2, seeds=3)
    two = hand_made(tmp_path / "b", level({}), **{"rounds": 2, "seeds": 3, **other})
    with pytest.raises(compare.InputError, match=message):
        compare.setting_of(one, two)
    assert compare.setting_of(one, one) == "nothing that config.json records differs"
    one.config["settings"]["x_sha256"] = "x"
    two = hand_made(tmp_path / "c", level({}), rounds=2, seeds=3)
    assert compare.setting_of(one, two) == "other vectors of the texts"


def test_a_run_is_made_again_and_found_the_same_or_not(tiny, tmp_path, capsys):
    folder = tmp_path / "demo-paper-pool"
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    assert cal_main("--again", folder, "cal-t0.4", 2) == 0
    said = capsys.readouterr().out
    assert said.startswith("python cal.py --strategies cal --seeds 2 --rounds 2 --batch 10")
    assert "is the same in all 3 rounds" in said and "--t-cor 0.4" in said
    path = folder / "runs" / "lc-2.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[1]["accuracy"] += 0.001
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    changed_config(folder, commands=[])  # as an older version left it
    assert cal_main("--again", folder, "lc", 2) == 1
    assert "not the same: they differ in round 1 (accuracy)" in capsys.readouterr().out
    assert cal_main("--again", folder, "full", 1) == 0
    path = folder / "runs" / "full-1.jsonl"
    path.write_text(path.read_text() + json.dumps(lines[1]) + "\n")  # a round too many
    assert cal_main("--again", folder, "full", 1) == 1
    assert "it had 2 rounds, and now it has 1" in capsys.readouterr().out
    changed_config(folder, settings__data_sha256="0")
    capsys.readouterr()
    for arguments, message in (((folder, "lc", 2, "--rounds", 5), "leave out --rounds"),
                               ((folder, "lc", 9), "there is no run"),
                               ((tmp_path, "lc", 1), "no results"),
                               ((folder, "lc", 2), "made with other data_sha256")):
        assert cal_main("--again", *arguments) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    changed_config(folder, commands=["experiment(..., ['lc'], [2], 'it\"s')"])
    assert cal_main("--again", folder, "lc", 2) == 2 and "from Python" in capsys.readouterr().err
    assert run_files(tiny[0])  # and what there was is untouched
