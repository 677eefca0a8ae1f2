"""Tests of what a paper needs: curves.csv, tables in LaTeX, tests of differences, the arena."""

import csv
import json

import numpy as np
import pytest

import stats
from report import sections
from report.test_report import STRENGTH, by_strength, hand_made
from test_cal import as_ever, cal_main, read_csv, run_files, tiny


def plain_csv(path):
    """The rows of a CSV file without a byte order mark, as dicts."""
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def test_curves_csv_is_every_line_of_every_run_file(tiny):
    folder, files = tiny[0] / "demo-paper-pool", run_files(tiny[0])
    rows = plain_csv(folder / "curves.csv")
    assert list(rows[0])[:13] == [
        "dataset", "data_sha256", "vectors", "protocol", "model", "strategy", "t_cor", "seed",
        "round", "labelled", "finished", "accuracy", "macro_f1"]
    assert len(rows) == sum(map(len, files.values()))
    config = json.loads((folder / "config.json").read_text())
    for row in rows:
        label = row["strategy"] + (f"-t{row['t_cor']}" if row["t_cor"] not in ("", "0.2") else "")
        line = files[f"{label}-{row['seed']}.jsonl"][int(row["round"])]
        assert float(row["accuracy"]) == line["accuracy"]  # in full precision
        assert float(row["macro_f1"]) == line["f1"] and int(row["labelled"]) == line["labelled"]
        batch = line["batch"]
        assert row["variability"] == (repr(batch["variability"]) if batch else "")
        assert row["data_sha256"] == config["settings"]["data_sha256"]
        assert float(row["train_seconds"]) >= 0 and row["finished"] == "True"
        assert (row["t_cor"] == "") == (row["strategy"] == "full") and row["dataset"] == "demo"
    made = {row["strategy"]: row["made"] for row in rows}
    assert len(set(made.values())) == len(made) and all(made.values())


def test_curves_csv_of_runs_under_way_of_an_older_version_and_of_a_fork(tmp_path):
    r = hand_made(tmp_path / "a", lambda label, seed, t: 0.5 + t / 100, rounds=3, seeds=2,
                  labels=["my-trick", "cal-t0.4"])
    path = r.folder / "runs" / "my-trick-1.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    del lines[0]["f1"]
    lines[1] |= {"ece": 0.125, "brier": 1}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines[:2]))
    sections.write_report(r.folder)
    rows = plain_csv(r.folder / "curves.csv")
    mine = [row for row in rows if (row["strategy"], row["seed"]) == ("my-trick", "1")]
    assert [(row["finished"], row["macro_f1"], row["ece"], row["brier"]) for row in mine] == [
        ("False", "", "", ""), ("False", repr(lines[1]["f1"]), "0.125", "1")]
    assert {row["t_cor"] for row in rows if row["strategy"] == "cal"} == {"0.4"}
    assert {row["made"] for row in rows} == {""}
