"""What a command's options and a used folder's settings do to a plan, without training."""

import json

import numpy as np
import pytest
import torch

import cal
import data
import forks
from command import experiment, options, processes
from plumbing.files import InputError
from plumbing.folder import claim, keep_texts, read_texts
from plumbing.runs import Log, read_run
from plumbing.test_downloads import vector_lines
from plumbing.test_made import SOURCES, config
from test_cal import AG_NEWS, table


def plan(*words):
    """The plan of a command line."""
    args = options.parser(["cal", "lc", "random"], 30).parse_args(list(map(str, words)))
    args.device, args.fork_sha256 = "cpu", forks.load(args.fork).sha256
    return experiment.plan_of(args)


def test_quick_is_one_seed_and_ten_rounds_and_named_numbers_count_more(table, tmp_path):
    write, _ = table
    path = write([(i, f"text {i} {'abc'[i % 3] * 3}", "abc"[i % 3]) for i in range(600)])
    words = ["--dataset", path, "--vectors", "hash", "--out", tmp_path / "out"]
    for more, rounds, seeds in (((), 30, list(cal.SEEDS)), (("--quick",), 10, [cal.SEEDS[0]]),
                                (("--quick", "--rounds", 3, "--seeds", 4, 5), 3, [4, 5])):
        found = plan(*words, *more)
        assert (found.s.rounds, found.seeds) == (rounds, seeds)


def test_a_fifth_of_a_batch_is_random_by_default():
    assert options.parser([], 30).parse_args([]).random_share == 0.2


@pytest.mark.parametrize("switch", ["pad", "respell"])
def test_what_a_protocol_reads_otherwise_gives_other_vectors(tmp_path, switch):
    vectors = tmp_path / "v.vec"
    first = data.read_demo()["train"][0][0].split()[0]  # texts are padded with it
    vectors.write_text("\n".join(vector_lines([first.lower(), "the", "is", "?"])[0]))
    words = ["--vectors", vectors, "--out", tmp_path]
    experiment.load.cache_clear()
    x, other, again = (plan(*words, "--protocol", name).data.x.copy() for name in
                       ("paper", f"paper+{switch}", "paper"))  # one cache for all
    assert (x == again).all() and (x != other).any()


def test_ag_news_by_the_command_line_and_a_spoiled_test_file(tmp_path, monkeypatch):
    monkeypatch.setitem(data.SIZE, "test.csv", len(AG_NEWS))
    (tmp_path / "agnews").mkdir()
    for file in ("train.csv", "test.csv"):
        (tmp_path / "agnews" / file).write_text(AG_NEWS)
    with pytest.raises(InputError, match=r"test.csv is not the published file \(its SHA-256"):
        data.load("agnews", tmp_path, "hash")
    for text in ("description", "title+description"):
        args = options.parser([], 30).parse_args(["--dataset", "agnews", "--agnews-text", text])
        assert options.reading(args, tmp_path) == {"agnews_text": text}


# ---- a used folder ------------------------------------------------------------------------------


@pytest.fixture
def used(tmp_path):
    (tmp_path / "runs").mkdir()
    claim(tmp_path, config(SOURCES))
    (tmp_path / "runs" / "lc-1.jsonl").write_text("")
    return tmp_path


@pytest.mark.parametrize("name, why", [
    ("data_sha256", "^the texts or labels of demo have changed since the runs in"),
    ("x_sha256", r"^the vectors of demo \(pool\) have changed since the runs in"),
    *((name, f"was made with {name} .*this command has {name} another")
      for name in ("batch", "seed_size", "protocol", "dataset"))])
def test_a_folder_of_other_data_or_settings_is_refused_and_stays(used, name, why, capsys):
    """Nothing is said of another machine, because no report will name it."""
    before = (used / "config.json").read_bytes()
    other = config(SOURCES, x=np.eye(30, 4, dtype=np.float32) if name == "x_sha256" else None)
    other["settings"][name] = "another"
    runs = sorted(used.glob("runs/*"))
    for fresh in (["random", "lc"], None):  # what is refused has deleted nothing
        with pytest.raises(InputError, match=why) as e:
            claim(used, json.loads(json.dumps(other)), fresh)
        assert (used / "config.json").read_bytes() == before and sorted(used.glob("runs/*")) == runs
    assert not capsys.readouterr().err and "_sha256" not in str(e.value)


def test_another_device_alone_is_said(used, capsys):
    claim(used, config(SOURCES, device="cuda"))
    assert "another machine or with other versions (different: device)" in capsys.readouterr().err
    assert [m["device"] for m in json.loads((used / "config.json").read_text())["machines"]] == [
        "cpu", "cuda"]


def test_config_tells_one_matrix_from_another(tmp_path):
    """An edited vector file: its x has another digest, and is not close."""
    vectors, found = tmp_path / "v.vec", []
    for words in (["what", "the", "is"], ["what", "the", "are"]):
        vectors.write_text("\n".join(vector_lines(words)[0]))
        experiment.load.cache_clear()
        found.append(experiment.config_of(plan("--vectors", vectors, "--out", tmp_path)))
    on_gpu = plan("--vectors", vectors, "--out", tmp_path)
    on_gpu.args.device = "cuda"
    assert experiment.config_of(on_gpu)["settings"]["device"] == "cuda"
    (tmp_path / "f" / "runs").mkdir(parents=True)
    claim(tmp_path / "f", found[0])
    (tmp_path / "f" / "runs" / "lc-1.jsonl").write_text("")
    with pytest.raises(InputError, match=r"^the vectors of demo .* have changed since"):
        claim(tmp_path / "f", found[1])
    claim(tmp_path / "f", found[0])
    near = json.loads(json.dumps(found[0]))  # another processor: other last bits alone
    near["settings"]["x_sha256"] = "0"
    near["projections"] = [value * (1 + 1e-7) for value in near["projections"]]
    claim(tmp_path / "f", near)


def test_a_run_file_cut_at_its_last_newline_loses_that_round(tmp_path):
    line = {"round": 0, "labelled": 60, "accuracy": 0.5, "picked": [3], "batch": None,
            "seconds": {"train": 0.1, "select": 0.1}}
    lines = [line, {**line, "round": 1, "picked": [4]}]
    path = tmp_path / "runs" / "lc-1.jsonl"
    path.parent.mkdir()
    path.write_bytes("\n".join(map(json.dumps, lines)).encode())
    assert read_run(path)[0] == lines[:1]
    assert Log(tmp_path).read(cal.Run("lc", 1)) == lines[:1]
    assert path.read_bytes().count(b"\n") == 1  # so that the next line does not join on


def test_the_page_s_row_numbers_are_the_table_s(table, tmp_path):
    write, rows = table
    rows[3] = (3, "", "a")
    d = data.load(str(write(rows)), vectors="hash")
    keep_texts(tmp_path, d)
    kept = read_texts(tmp_path, len(d.y), len(d.classes))
    number = {text: n for n, (_, text, _) in enumerate(rows, 2)}
    assert kept["numbers"] == [number[text] for text in d.texts] != list(range(len(d.texts)))
    assert kept["texts"] == d.texts and kept["y"] == d.y.tolist()
    demo = data.load("demo", vectors="hash")
    keep_texts(tmp_path / "demo", demo)
    assert read_texts(tmp_path / "demo", 2500, 6)["numbers"] == list(range(2500))


def test_each_process_of_torchrun_takes_its_own_gpu(monkeypatch):
    taken = []
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda *_, **__: None)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("WORLD_SIZE", "3")
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        processes.join_torchrun("cuda")
    assert taken == [0, 1, 0] and np.array(taken).dtype == int
