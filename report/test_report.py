"""The report against the run files, read here a second time."""

import csv

import numpy as np
import pytest

import cal
import data
import stats
from report import claims
from test_cal import cal_main, run_files, tiny


def test_verdicts():
    up, down = np.array([0.1, 0.12, 0.11]), np.array([-0.1, -0.12, -0.11])
    open_ = np.array([1, -1, 0.2])
    assert claims.verdict({"a": up})[0] == claims.HOLDS
    assert claims.verdict({"a": up, "b": down})[0] == claims.FAILS
    assert claims.verdict({"a": up, "b": open_})[0] == claims.UNSURE
    assert claims.verdict({"a": up[:1]})[0] == claims.UNSURE


def test_the_report_is_what_the_run_files_say(tiny):
    out, _ = tiny
    folder, files = out / "demo-paper-pool", run_files(out)
    with open(folder / "results.csv", encoding="utf-8") as f:
        rows = {row["strategy"]: row for row in csv.DictReader(f)}
    for label, name in (("cal", "CAL"), ("random", "Rand."), ("cal-t0.4", "CAL (t_cor 0.4)")):
        scores = np.array([[x["accuracy"] for x in files[f"{label}-{s}.jsonl"]] for s in (1, 2)])
        final = f"{scores[:, -1].mean():.3f} ± {scores[:, -1].std(ddof=1):.3f}"
        assert rows[name]["final accuracy"] == final
        assert rows[name]["mean accuracy"].startswith(f"{scores.mean():.3f}")
    with open(folder / "table4.csv", encoding="utf-8") as f:
        table4 = {row["pair"]: row for row in csv.DictReader(f)}
    shared = sum(len(set(a["picked"]) & set(b["picked"])) for s in (1, 2)
                 for a, b in zip(files[f"cal-{s}.jsonl"], files[f"random-{s}.jsonl"]))
    assert table4["CAL ∩ Rand."]["same round"] == str(shared)
    assert float(table4["CAL ∩ Rand."]["by chance"]) == pytest.approx(2 * 2 * 100 / 2440, abs=0.05)
    with open(folder / "table2.csv", encoding="utf-8") as f:
        cell = next(row for row in csv.DictReader(f)
                    if (row["sample"], row["row over column"]) == ("pooled rounds", "CAL"))
    pools = {label: np.ravel([[x["accuracy"] for x in files[f"{label}-{s}.jsonl"]] for s in (1, 2)])
             for label in cal.SIX}
    assert float(cell["Rand."]) == pytest.approx(
        stats.aso(pools["cal"], pools["random"], 0.05 / 15), abs=0.005)
    with open(folder / "planted.csv", encoding="utf-8") as f:
        planted = {row["share of the picks"]: row for row in csv.DictReader(f)}
    kind = data.load("demo").kind
    share = [np.mean([kind[row] == "mislabelled" for x in files[f"dal-{s}.jsonl"]
                      for row in x["picked"]]) for s in (1, 2)]
    assert planted["DAL"]["mislabelled"].startswith(f"{np.mean(share):.3f}")
    report = (folder / "report.md").read_text(encoding="utf-8")
    for heading in ("Results", "The paper's claims", "Data efficiency", "Table 1", "Table 2",
                    "Table 3", "Table 4", "Data maps", "Planted truth"):
        assert f"# {heading}" in report
    assert "All runs are finished." in report


def test_report_only_redraws_the_same_bytes(tiny):
    out, _ = tiny
    folder = out / "demo-paper-pool"
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    for name in before:
        if name != "config.json":
            (folder / name).unlink()
    assert not cal_main("--report-only", "--out", out)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
