"""A results directory that somebody else made, or that was damaged: one sentence per file."""

import copy
import gzip
import io
import json
import os
import shutil

import numpy as np
import pytest

import cal
from command.progress import described
from plumbing import files, folder
from plumbing.config import NEEDED, read_config
from plumbing.files import InputError
from plumbing.folder import locked, read_texts
from plumbing.maps import STATISTICS, is_sound
from plumbing.runs import Log
from test_cal import TINY, cal_main, run_files, tiny  # noqa: F401

FOLDER = "demo-paper-pool"


@pytest.mark.parametrize(("key", "value"), [
    ("settings.dataset", []), ("settings.protocol", {}), ("settings.vectors", float("nan")),
    ("settings.rounds", -1), ("settings.rounds", 10**9), ("settings.rounds", 2.0),
    ("settings.rounds", True), ("settings.batch", 0), ("settings.seed_size", "60"),
    ("settings.epochs", {}), ("settings.data_sha256", True), ("seeds", [[]]), ("seeds", [1, 1]),
    ("seeds", [-1]), ("strategies", [None]), ("strategies", ["../../x"]), ("strategies", [""]),
    ("classes", [{}]), ("classes", []), ("classes", ["other"]), ("about.train", "many"),
    ("about.train", 10**12), ("about.test", None), ("about.classes", 7), ("about.types", {}),
    ("about.tokens_known", "x"), ("about.class_counts", {"ABBR": 3}), ("sources", {"core": 3}),
    ("machines", [3]), ("machines", [{}]),
    ("machines", [{"device": {}, "versions": None}]), ("commands", [[]]), ("versions", 3),
    ("projections", ["x"]), ("forks", ["x"]), ("about", None), ("settings", []),
    ("seeds", list(range(1001))), ("settings.vectors", "\ud800"),
])
def test_a_config_with_a_wrong_value_is_one_sentence(tiny, tmp_path, key, value):  # noqa: F811
    config = json.loads((tiny[0] / FOLDER / "config.json").read_text())
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    assert read_config(path) == config
    spoiled = copy.deepcopy(config)
    *parents, last = key.split(".")
    place = spoiled
    for name in parents:
        place = place[name]
    place[last] = value
    path.write_text(json.dumps(spoiled))
    with pytest.raises(InputError) as e:
        read_config(path)
    assert f"{path} is damaged (" in str(e.value) and len(str(e.value)) < 400


def test_a_config_that_lacks_a_value_is_one_sentence(tiny, tmp_path):  # noqa: F811
    path, text = tmp_path / "config.json", (tiny[0] / FOLDER / "config.json").read_text()
    for key in NEEDED:
        config = json.loads(text)
        parent = config if "." not in key else config[key.partition(".")[0]]
        del parent[key.rpartition(".")[2]]
        path.write_text(json.dumps(config))
        with pytest.raises(InputError, match=f"is damaged \\(it has no {key}\\)"):
            read_config(path)


@pytest.mark.parametrize("changes", [
    {"y": None}, {"y": [1.0] * 4}, {"y": [1] * 3},
    {"rows": None}, {"rows": [9, 2]}, {"rows": [0.5, 1.5]}, {"rows": []}, {"full_confidence": None},
    {"full_confidence": [0.1] * 3}, {"seed_variability": [np.nan, 0]},
    {"full_correctness": [2] * 4},
    {"full_gold": np.zeros((2, 3), np.uint8)}, {"full_said": None}, {"full_gold": np.zeros((2, 4))},
    {"seed_gold": None, "seed_said": None}, {"kind": ["easy"]}, {"kind": [1, 2, 3, 4]},
    {"seed_gold": np.zeros((0, 2), np.uint8), "seed_said": np.zeros((0, 2), np.uint8)},
])
def test_maps_of_another_shape_or_kind_are_damaged(changes):
    m = {"rows": np.array([2, 0]), "y": np.array([0, 1, 1, 0]), "kind": np.array(["easy"] * 4)}
    for name, n in (("full", 4), ("seed", 2)):
        m |= {f"{name}_{s}": np.full(n, 0.5) for s in ("confidence", "variability", "correctness")}
        m |= {f"{name}_{s}": np.zeros((3, n), np.uint8) for s in ("gold", "said")}
    assert is_sound(m, 4) and not is_sound(m, 5) and not is_sound({}, 4)
    assert is_sound({k: v for k, v in m.items() if k[5:] not in ("gold", "said")}, 4)  # 257 classes
    m |= {name: np.array(value) for name, value in changes.items() if value is not None}
    assert not is_sound({k: v for k, v in m.items() if changes.get(k, 0) is not None}, 4)


def damage(runs):
    """Damage a directory's maps, texts, border and a run file, each in a way that parses."""
    with np.load(runs / "maps-1.npz") as file:
        maps = dict(file)
    maps["full_confidence"][5] = np.nan
    np.savez(runs / "maps-1.npz", **maps)
    (runs / "maps-2.npz").write_bytes(objects())
    kept = json.loads(gzip.decompress((runs / "texts.json.gz").read_bytes()))
    kept["y"][3] = 77
    (runs / "texts.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode()))
    border = json.loads((runs / "border-1.json").read_text())
    (runs / "border-1.json").write_text(json.dumps({**border, "p_high": ["x"] * 2500}))
    (runs / "lc-1.jsonl").write_bytes((runs / "lc-1.jsonl").read_bytes()[:-9])  # a torn last line


def test_half_a_surrogate_pair_in_a_text_is_damage(tmp_path, capsys):
    for text, sound in (("\u00e9", True), ("\ud800", False)):
        kept = {"texts": ["a", text], "y": [0, 1], "numbers": [2, 3]}
        (tmp_path / "runs").mkdir(exist_ok=True)
        path = tmp_path / "runs" / "texts.json.gz"
        path.write_bytes(gzip.compress(json.dumps(kept).encode()))
        assert bool(read_texts(tmp_path, 2, 2)) == sound
    assert f"{path} is damaged" in capsys.readouterr().err


def test_what_unpacks_to_more_than_the_limit_is_left_out(tmp_path, monkeypatch):
    kept = {"texts": ["a" * 1000] * 2, "y": [0, 1], "numbers": [2, 3]}
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "texts.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode()))
    files.write_arrays(tmp_path / "a.npz", {"a": np.zeros(1000)})
    assert read_texts(tmp_path, 2, 2) and files.read_arrays(tmp_path / "a.npz")
    for module in (files, folder):
        monkeypatch.setattr(module, "LARGEST", 2000)
    assert not read_texts(tmp_path, 2, 2) and not files.read_arrays(tmp_path / "a.npz")


def test_a_pipe_or_a_directory_in_place_of_a_file_is_refused_at_once(
        tiny, tmp_path, capsys):  # noqa: F811
    out = shutil.copytree(tiny[0] / FOLDER, tmp_path / FOLDER)
    for name, kind in (("config.json", "pipe"), (".lock", "pipe"), ("runs/maps-1.npz", "directory"),
                       ("report.md", "directory"), ("explore.html", "directory"),
                       ("table2.csv", "directory"), ("fig3_accuracy.png", "directory"),
                       ("runs/texts.json.gz", "directory"), ("runs/cal-1.jsonl", "pipe")):
        path = out / name
        path.replace(tmp_path / "aside")
        os.mkfifo(path) if kind == "pipe" else path.mkdir()
        for door in (lambda: read_config(out / "config.json"), locked(out).__enter__):
            with pytest.raises(InputError, match=f"{name} is a {kind}"):
                door()
        if name == "runs/cal-1.jsonl":
            break
        path.unlink() if kind == "pipe" else path.rmdir()
        (tmp_path / "aside").replace(path)
    for more in (["--report-only"], [*TINY, "--seeds", 1]):
        assert cal_main("--out", tmp_path, *more) == 2
        assert f"{path} is a pipe or device" in capsys.readouterr().err.splitlines()[-1]


def test_a_run_that_picked_more_than_a_batch_is_not_taken_up(tmp_path):
    line = {"round": 0, "labelled": 9, "accuracy": 0.5, "picked": [3, 4], "batch": None,
            "seconds": {"train": 0.1, "select": 0.1}}
    log = Log(tmp_path)
    log.made_with({"data": "x", "batch": 1}, 9)
    log.path(cal.Run("lc", 1)).write_text(
        json.dumps(line) + "\n" + json.dumps({**line, "round": 1, "picked": [],
                                              "batch": dict.fromkeys(STATISTICS, 0)}) + "\n")
    with pytest.raises(InputError, match="lc-1.jsonl, line 1: it picks 2 rows instead of 1, but"):
        log.read(cal.Run("lc", 1))


def test_the_progress_bar_bears_a_damaged_run_file():
    for content in (b"[" * 10**6, b"3", b"", b'{"labelled": 3, "accuracy": "x"}'):
        assert described("cal-1", content) == "cal-1"


def objects():
    """A .npz file that would run code if it were unpickled."""
    file = io.BytesIO()
    np.savez(file, rows=np.array([None, {}], dtype=object))
    return file.getvalue()


def test_damaged_files_are_named_left_out_and_made_again(tiny, tmp_path, capsys):  # noqa: F811
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    runs = tmp_path / FOLDER / "runs"
    whole = {name: (runs / name).read_bytes() for name in ("maps-1.npz", "maps-2.npz",
                                                           "texts.json.gz")}
    damage(runs)
    assert cal_main("--report-only", "--out", tmp_path) == 0
    error = capsys.readouterr().err
    for name in (*whole, "border-1.json"):
        assert error.count(f"{runs / name} is damaged and is left out") <= 1
    assert all(f"{name} is damaged" in error for name in ("maps-1.npz", "maps-2.npz",
                                                          "texts.json.gz"))
    assert "27 of 28 runs are finished" in (tmp_path / FOLDER / "report.md").read_text()
    assert cal_main(*TINY, "--seeds", 1, 2, "--strategies", "lc", "--out", tmp_path) == 0
    assert run_files(tmp_path) == run_files(tiny[0])
    assert {name: (runs / name).read_bytes() for name in whole} == whole
