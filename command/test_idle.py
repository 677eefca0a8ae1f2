"""Options that would do nothing are refused in one sentence, before anything is read or written."""

import pytest

from plumbing.files import write_csv
from test_cal import cal_main


@pytest.mark.parametrize("words, option", [
    (["--pool", 1000], "--pool works only with --bench"),
    (["--agnews-text", "title+description"], "--agnews-text works only with --dataset agnews"),
    (["--text-column", "body"], "--text-column works only with your own table"),
    (["--accept", 0.9], "--accept works only"), (["--show", "id"], "--show works only"),
    (["--no-source"], "--no-source works only"), (["--random-share", 0], "--random-share works"),
    (["--classes", "x.txt"], "--classes works only"), (["--annotator", "a"], "--annotator works"),
    (["--report-only", "--fresh"], "--fresh has no effect with --report-only"),
    (["--report-only", "--fresh", "lc"], "--fresh has no effect with --report-only"),
])
def test_idle_options_are_refused(tmp_path, monkeypatch, capsys, words, option):
    monkeypatch.chdir(tmp_path)
    assert cal_main(*words) == 2
    error = capsys.readouterr().err
    assert option in error and error.count("\n") == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("labels, words, option", [
    ("half", ["--quick"], "--quick is for experiments"),
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
