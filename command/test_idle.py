"""Options that would do nothing are refused in one sentence, before anything is read or written."""

import subprocess
import sys

import pytest

import baselines
from command import bench
from plumbing.files import InputError, write_csv
from strategies import STRATEGIES
from test_cal import HERE, cal_main


@pytest.mark.parametrize("words, option", [
    (["--pool", 1000], "--pool works only with --bench"),
    (["--agnews-text", "title+description"], "--agnews-text works only with --dataset agnews"),
    (["--text-column", "body"], "--text-column works only with your own table"),
    (["--accept", 0.9], "--accept works only"), (["--show", "id"], "--show works only"),
    (["--no-source"], "--no-source works only"), (["--random-share", 0], "--random-share works"),
    (["--classes", "x.txt"], "--classes works only"), (["--annotator", "a"], "--annotator works"),
    (["--report-only", "--fresh"], "--fresh has no effect with --report-only"),
    (["--report-only", "--fresh", "lc"], "--fresh has no effect with --report-only"),
    (["--bench", "--save-dynamics"], "--save-dynamics has no effect with --bench"),
    (["--bench", "--report-only"], "--report-only has no effect with --bench"),
    (["--bench", "--device", "cpu", "--seeds", 1], "--seeds has no effect with --bench"),
    (["--new-fork", "x.py", "--jobs", 2], "--jobs has no effect with --new-fork"),
    (["--quick", "--rounds", 2, "--seeds", 1], "--quick has no effect beside --seeds and --rounds"),
    (["--dataset", "x.csv", "--margin", 0.1], "--margin has no effect on a table of your own"),
    (["--noise", 0.0001, "--vectors", "hash"], "--noise 0.0001 of 2,500 labels is not even one"),
    (["--strategies", "lc", "dal", "--t-cor", 0.4, "--vectors", "hash"],
     "--t-cor has no effect on lc, dal, which read no data map"),
    (["--again", "x", "lc", "1", "--jobs", 2], "leave out --jobs"),
    (["--again", "x", "lc", "first"], "the last word has to be a seed"),
])
def test_idle_options_are_refused(tmp_path, monkeypatch, capsys, words, option):
    monkeypatch.chdir(tmp_path)
    assert cal_main(*words) == 2
    error = capsys.readouterr().err
    assert option in error and error.count("\n") == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("labels, words, option", [
    ("half", ["--quick"], "--quick is for experiments"),
    ("half", ["--jobs", 1], "--jobs is for experiments"),
    ("half", ["--t-cor", 0.4], "--t-cor has no effect on margin"),
    ("half", ["--strategies", "random", "--random-share", 0.1], "--random-share has no effect"),
    ("half", ["--fresh"], "--fresh is for experiments"),
    ("half", ["--fresh", "lc"], "--fresh is for experiments"),
    ("half", ["--format", "pdf"], "--format is for experiments"),
    ("half", ["--baseline", "lc"], "--baseline is for experiments"),
    ("all", ["--random-share", 0.5], "--random-share is for tables that are being labelled"),
    ("all", ["--accept", 0.5], "--accept is for tables"),
])
def test_options_of_the_other_use_of_a_table_are_refused(tmp_path, capsys, labels, words, option):
    write_csv(tmp_path / "t.csv", ["text", "label"], [
        [f"text {i} of {'ab'[i % 2] * 3}", "ab"[i % 2] if labels == "all" or i < 30 else ""]
        for i in range(60)])
    assert cal_main("--dataset", tmp_path / "t.csv", "--vectors", "hash", "--seeds", 1, "--out",
                    tmp_path / "out", *words) == 2
    error = capsys.readouterr().err.splitlines()
    assert option in error[-1] and not list((tmp_path / "out").glob("t.csv-*"))


def test_a_report_alone_says_which_options_it_takes_no_notice_of(tmp_path, capsys):
    assert cal_main("--report-only", "--out", tmp_path, "--seeds", 1, "--rounds", 2, "--noise", 0.1,
                    "--format", "pdf", "--margin", 0.1) == 2
    said, error = capsys.readouterr().err.splitlines()
    assert said.startswith("note: --seeds, --rounds: no effect with --report-only")
    assert "no results in" in error and "noise0.1" in error


def test_a_pool_is_timed_with_every_strategy_and_a_process_that_ends_is_said(monkeypatch):
    code = "import command.bench as b; print(*b.STRATEGIES)"  # as a spawned process sees it
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True)
    assert done.stdout.split() == list(STRATEGIES)
    monkeypatch.setattr(bench, "STRATEGIES", {"no such": None})
    with pytest.raises(InputError, match="the process that times no such ended without an answer"):
        next(bench.selection_at_scale(200, "cpu", D=8, C=2, labelled=20, k=5))
