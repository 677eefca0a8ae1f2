"""Tests of what a paper needs: curves.csv, tables in LaTeX, tests of differences, the arena."""

import csv
import itertools
import json
import re
import shutil

import numpy as np
import pytest

import stats
from report import backend, differences, paper_table, samples, sections
from report.test_report import STRENGTH, by_strength, hand_made, whole_batches
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
    path = r.folder / "runs" / "my-trick-0.jsonl"
    path.write_text(path.read_text().replace('"f1"', '"brier": 0.25, "f1"'))
    sections.write_report(r.folder)
    rows = plain_csv(r.folder / "curves.csv")
    mine = [row for row in rows if (row["strategy"], row["seed"]) == ("my-trick", "1")]
    assert [(row["finished"], row["macro_f1"], row["ece"], row["brier"]) for row in mine] == [
        ("False", "", "", ""), ("False", repr(lines[1]["f1"]), "0.125", "1")]
    assert {row["t_cor"] for row in rows if row["strategy"] == "cal"} == {"0.4"}
    cells = tex_rows(r.folder)[1]  # of the seeds that both have finished, so of seed 0
    assert cells[""][:5] == ["Mean accuracy", "Final accuracy", "Macro-F1", "brier", "ece"]
    assert cells["my-trick"][2:] == ["\\textbf{0.430}", "0.250", "--"]
    assert {row["made"] for row in rows} == {""}


# ---- differences --------------------------------------------------------------------------------


def test_runs_are_paired_by_their_seeds_in_whatever_order_they_were_read():
    one, other = {3: 0.7, 1: 0.5, 2: 0.6}, {1: 0.4, 9: 0.0, 2: 0.55, 3: 0.69}
    np.testing.assert_allclose(differences.paired(float, one, other), [0.01, 0.1, 0.05])


SIX_SEEDS = {  # accuracies; the tests of differences to random are below
    "random": [0.8, 0.803, 0.797, 0.791, 0.795, 0.79],
    "a": [0.812, 0.823, 0.806, 0.799, 0.81, 0.804], "b": [0.801, 0.8, 0.798, 0.795, 0.791, 0.789],
    "c": [0.789, 0.786, 0.785, 0.763, 0.778, 0.757],
    "d": [0.807, 0.803, 0.751, 0.784, 0.798, 0.796]}
# From scipy 1.17.1 (ttest_rel and its interval, permutation_test of all signs) and statsmodels
# 0.15.0 (ttost_paired with a margin of 0.01, multipletests with Holm's method).
BY_OTHERS = {
    "95 % from": [0.008401603, -0.003422788, -0.02899819, -0.027316549],
    "95 % to": [0.017598397, 0.002756122, -0.010335144, 0.014983215],
    "p (t)": [0.0007711845, 0.792612871, 0.0029006332, 0.487297791],
    "p (t, Holm)": [0.0030847379, 0.974595582, 0.0087018995, 0.974595582],
    "p (signs)": [0.03125, 0.9375, 0.03125, 0.8125], "p (signs, Holm)": [0.125, 1, 0.125, 1],
    "p (same)": [0.922811375, 0.0002403127, 0.977636172, 0.330436190],
    "p (same, Holm)": [1, 0.0009612508, 1, 0.9913085701]}


def level(samples, slope=0.0):
    """Accuracies of hand-made runs: each seed's number, the same in every round or rising."""
    return lambda label, seed, t: samples.get(label, [0.9] * 20)[seed] + slope * t


def test_differences_are_scipy_s_and_statsmodels(tmp_path):
    r = hand_made(tmp_path, level(SIX_SEEDS), rounds=2, seeds=6, labels=list(SIX_SEEDS))
    text = sections.differences(r)
    rows = read_csv(tmp_path / "differences.csv")
    assert [row["strategy"] for row in rows] == list("abcd")
    for name, expected in BY_OTHERS.items():
        assert [float(row[name]) for row in rows] == pytest.approx(
            expected, rel=0.05 if name[0] == "p" else 0, abs=5e-4 if name[0] == "9" else 0), name
    assert [row["answer"] for row in rows] == [
        "better", "the same within 0.01", "worse", "inconclusive"]
    assert "smallest p of flipped signs is 2/2^6 = 0.0312, or 0.125 after" in text
    pairs = {(row["strategy"], row["compared with"]): row for row in read_csv(
        tmp_path / "pairs.csv")}
    assert len(pairs) == 10  # with more digits, and with Holm over ten
    first = pairs["Rand.", "a"]
    assert -float(first["95 % to"]) == pytest.approx(BY_OTHERS["95 % from"][0], abs=1e-6)
    assert float(first["p (t)"]) == pytest.approx(BY_OTHERS["p (t)"][0], rel=1e-4)
    assert float(first["p (t, Holm)"]) > 2 * BY_OTHERS["p (t, Holm)"][0]
    r.margin = 0.02
    sections.differences(r)
    first = read_csv(tmp_path / "differences.csv")[0]
    assert first["answer"] == "better by less than 0.02" and float(first["p (same)"]) < 0.01
    aso = {(row["sample"], row["row over column"]): row for row in read_csv(tmp_path / "aso.csv")}
    assert float(aso["one number per seed", "a"]["c"]) == pytest.approx(stats.aso(
        SIX_SEEDS["a"], SIX_SEEDS["c"], 0.05 / 10), abs=1e-4)


def test_differences_of_few_seeds_and_without_the_baseline(tmp_path):
    r = hand_made(tmp_path / "two", level(SIX_SEEDS), rounds=2, seeds=2, labels=list(SIX_SEEDS))
    assert "nothing is tested" in sections.differences(r)
    assert len(read_csv(tmp_path / "two" / "pairs.csv")) == 0
    r = hand_made(tmp_path / "none", level(SIX_SEEDS), rounds=2, seeds=6, labels=["a", "b"])
    assert "The baseline, Rand., has no finished run" in sections.differences(r)
    assert read_csv(tmp_path / "none" / "pairs.csv")[0]["answer"] == "better"
    r.baseline = "b"
    assert "| a | 6 |" in sections.differences(r)
    one = hand_made(tmp_path / "one", level(SIX_SEEDS), rounds=2, seeds=1, labels=["a"])
    assert sections.differences(one) == ""


@pytest.mark.parametrize("S", [1, 3, 7])
def test_both_sides_of_flipped_signs_against_a_loop(S):
    d = np.random.default_rng(S).normal(0.3, 1, S)
    ways = [abs(np.dot(signs, d)) >= abs(d.sum()) - 1e-12
            for signs in itertools.product((1, -1), repeat=S)]
    assert differences.sign_flip_two_sided(d) == np.mean(ways)
    assert differences.sign_flip_two_sided(-np.abs(d)) == 2 / 2**S
    assert np.isnan(differences.sign_flip_two_sided(np.ones(13)))


# ---- labels to a goal ---------------------------------------------------------------------------


def test_labels_to_random_s_final_and_their_interval(tmp_path):
    rng = np.random.default_rng(5)
    curve = {label: 0.7 + rise * np.arange(21) + rng.normal(0, 0.02, (5, 21))
             for label, rise in (("random", 0.003), ("cal", 0.005))}
    curve["lc"] = curve["random"] - 0.2
    r = hand_made(tmp_path, lambda label, seed, t: float(curve.get(label, curve["cal"])[seed, t]),
                  rounds=20, labels=list(curve))
    rows = np.array(list(itertools.product(range(5), repeat=5)))  # every way to draw five seeds
    for label in ("random", "cal"):
        n, low, high = samples.labels_to(r, label, "random", range(5))
        means, goals = curve[label][rows].mean(1), curve["random"][rows, -1].mean(1)
        every = np.array([next((500 + 50 * t for t, x in enumerate(mean) if x >= goal - 1e-9),
                               np.inf) for mean, goal in zip(means, goals)])
        assert np.mean(every < low) < 0.035 < np.mean(every <= low)
        assert np.mean(every > high) < 0.035 < np.mean(every >= high)
        mean = curve[label].mean(0)
        assert n == 500 + 50 * int(np.argmax(mean >= curve["random"].mean(0)[-1] - 1e-9))
    assert samples.labels_to(r, "lc", "random", range(5))[0] == np.inf
    assert np.isnan(samples.labels_to(r, "lc", "random", range(2))[1])
    sections.main_table(r)
    row = {row["strategy"]: row for row in read_csv(tmp_path / "results.csv")}["LC"]
    assert row["labels to Random's final"] == "never" and row["95 % interval"].endswith("never")
    ten = hand_made(tmp_path / "ten", lambda label, seed, t: 0.1 + 0.1 * t + seed / 30, rounds=3,
                    seeds=10)  # where means of the same ten numbers may differ in their last bits
    assert {row["labels to Random's final"] for row in main_rows_of(ten)} <= {"650", "5452"}


def main_rows_of(r):
    sections.main_table(r)
    return read_csv(r.folder / "results.csv")


# ---- the table in LaTeX -------------------------------------------------------------------------


def tex_rows(folder):
    """{first cell: other cells} of table_main.tex."""
    text = (folder / "table_main.tex").read_text(encoding="utf-8")
    body = text.partition("\\toprule")[2].partition("\\bottomrule")[0]
    rows = [line[:-3].split(" & ") for line in body.splitlines() if line.endswith("\\\\")]
    return text, {row[0]: row[1:] for row in rows}


def test_the_table_in_latex(tmp_path):
    names = {"random": "Rand.", "a": "my_50%&co", "b": "b", "c": "c", "d": "x^{2}~\\$#"}
    data = {names[k] if k != "random" else k: v for k, v in SIX_SEEDS.items()}
    r = hand_made(tmp_path, level(data, 0.001), rounds=2, seeds=6, labels=list(data))
    sections.for_a_paper(r)
    text, rows = tex_rows(tmp_path)
    first = rows.pop("")
    assert first == ["Mean accuracy", "Final accuracy", "Macro-F1", "Labels to Rand.'s final"]
    assert list(rows) == ["Rand.", r"my\_50\%\&co", "b", "c", r"x\textasciicircum{}\{2\}"
                          r"\textasciitilde{}\textbackslash{}\$\#", "all data"]
    a, rand, full = rows[r"my\_50\%\&co"], rows["Rand."], rows["all data"]
    mean, sd = np.mean(SIX_SEEDS["a"]), np.std(SIX_SEEDS["a"], ddof=1)
    assert a[1] == rf"\textbf{{{mean + 0.002:.3f}}} $\pm$ {sd:.3f}$^{{\ast}}$"
    assert rand[0] == f"{np.mean(SIX_SEEDS['random']) + 0.001:.3f} $\\pm$ 0.005"
    marked = [name for name, cells in rows.items() if r"\ast" in cells[0]]
    assert marked == [r"my\_50\%\&co", "c"]  # what Holm leaves of BY_OTHERS
    assert full[1].startswith("0.900") and full[3] == "5{,}452" and "textbf" not in full[1]
    assert rand[3] == "600 (600)" and a[3] == r"\textbf{500} (500)" and rows["c"][3][:5] == "never"
    assert "over 6 seeds." in text and "over the 4 comparisons" in text and "% seeds: 0 1 2" in text


def test_the_table_in_latex_takes_common_seeds_and_marks_none_of_two(tmp_path):
    r = hand_made(tmp_path, level(SIX_SEEDS), rounds=2, seeds=6, labels=list(SIX_SEEDS))
    (tmp_path / "runs" / "a-5.jsonl").unlink()
    r = stats.Results(tmp_path)
    sections.for_a_paper(r)
    text, rows = tex_rows(tmp_path)
    assert "over 5 seeds (those that every strategy has finished)" in text
    assert rows["c"][0].startswith(f"{np.mean(SIX_SEEDS['c'][:5]):.3f}")
    for seed in (1, 3, 4):
        (tmp_path / "runs" / f"b-{seed}.jsonl").unlink()
    sections.for_a_paper(stats.Results(tmp_path))
    text, rows = tex_rows(tmp_path)
    assert r"\ast" not in text and "Fewer than 3 seeds allow no test" in text
    for seed in (0, 2):
        (tmp_path / "runs" / f"b-{seed}.jsonl").unlink()  # b has seed 5 alone, which a lacks
    assert "no seed has been finished by all" in sections.for_a_paper(stats.Results(tmp_path))
    assert not (tmp_path / "table_main.tex").exists()
    line = tmp_path / "runs" / "c-0.jsonl"
    line.write_text(re.sub(r', "f1": [\d.]+', "", line.read_text()))  # an older version's
    r = stats.Results(tmp_path)
    r.config["strategies"] = ["c"]
    sections.for_a_paper(r)
    text, rows = tex_rows(tmp_path)
    assert rows["c"][2] == "--" and rows[""][-1] == "Macro-F1"  # and no goal


def test_marks_are_after_holm():
    zero, just = np.zeros(5), np.array([0.01, 0.02, 0.035, 0.005, 0.05])  # p = 0.044
    assert paper_table.differing({"random": zero, "a": just}, "random") == {"a"}
    assert paper_table.differing({"random": zero, "a": just, "b": just}, "random") == set()


def test_a_baseline_that_did_not_run_is_refused(tiny, tmp_path, capsys):
    assert cal_main("--report-only", "--out", tiny[0], "--baseline", "badge") == 2
    error = capsys.readouterr().err
    assert "--baseline badge: there is no run of it" in error and error.count("\n") == 1
    assert cal_main("--strategies", "cal", "--baseline", "lc", "--out", tmp_path) == 2
    assert not list(tmp_path.glob("*/config.json"))


def test_options_of_a_report_are_refused_where_they_do_nothing(tmp_path, capsys):
    (tmp_path / "f.csv").write_text("text,label\nwhat is it,a\nwho is it,b\nwhere,\n")
    for arguments in (("--ablate", "--margin", 0.1), ("--ablate", "--format", "pdf"),
                      ("--dataset", tmp_path / "f.csv", "--baseline", "lc"),
                      ("--dataset", tmp_path / "f.csv", "--format", "svg")):
        assert cal_main(*arguments, "--out", tmp_path / "out") == 2
        assert f"{arguments[-2]} is for" in capsys.readouterr().err


def test_options_of_a_report_and_figures_that_are_the_same_bytes_twice(tmp_path):
    folder = tmp_path / "$^$-paper-pool"
    r = hand_made(folder, level({**SIX_SEEDS, "lc": SIX_SEEDS["a"]}), rounds=2, seeds=3,
                  labels=["random", "lc"], dataset="$^$", picked=whole_batches)
    assert not cal_main("--dataset", "$^$", "--report-only", "--out", tmp_path, "--baseline", "lc",
                        "--margin", 0.5, "--format", "pdf", "svg")
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "within 0.5: two one-sided" in text and "Labels to LC's" in tex_rows(folder)[0]
    assert [row["strategy"] for row in read_csv(folder / "differences.csv")] == ["Rand."]
    files = {p.name: p.read_bytes() for p in folder.glob("*.*")}
    stems = {name[:-4] for name in files if name.endswith(".png")}
    assert stems >= {"fig3_accuracy", "fig4_batches", "arena", "profile"}
    assert {f"{stem}.{kind}" for stem in stems for kind in ("pdf", "svg")} <= set(files)
    pdf, svg = files["fig3_accuracy.pdf"], files["fig3_accuracy.svg"]
    assert pdf.startswith(b"%PDF") and b"/Subtype /Type3" not in pdf and b"Date" not in pdf
    assert b"<svg" in svg and b"<dc:date>" not in svg
    assert backend.formats == []  # the next report has PNG alone
    with backend.also_as(("pdf", "svg")):
        sections.curves(r)
    for kind in ("png", "pdf", "svg"):
        assert (folder / f"fig3_accuracy.{kind}").read_bytes() == files[f"fig3_accuracy.{kind}"]


def test_the_interval_of_labels_leaves_out_five_in_a_hundred_bootstraps(tmp_path):
    noise = np.random.default_rng(1).normal(0, 0.05, (2, 8, 91))
    r = hand_made(tmp_path, lambda label, seed, t: (
        0.4 + 0.1 * (label == "lc") + 0.004 * t + noise[int(label == "lc"), seed, t]
        if label != "full" else 0.9), rounds=90, seeds=8, labels=["random", "lc"])
    low, high = samples.labels_to(r, "lc", "random", list(range(8)))[1:]
    random, lc = (np.array([[x["accuracy"] for x in r.runs[name][s]] for s in range(8)])
                  for name in ("random", "lc"))
    found = []
    for drawn in np.random.default_rng(0).integers(8, size=(2000, 8)):
        reached = lc[drawn].mean(0) >= random[drawn, -1].mean() - 1e-12
        found.append(500 + 50 * reached.argmax() if reached.any() else np.inf)
    found = np.array(found)
    assert (found < low).sum() <= 50 < (found <= low).sum()  # 2.5 % below, 2.5 % above
    assert (found > high).sum() <= 50 <= (found >= high).sum()
    assert low < np.sort(found)[100] and high > np.sort(found)[1899]  # 90 % is another interval
