"""Tests of the report against the run files, which the tests read themselves."""

import json
import shutil
import zlib

import numpy as np
import pytest

import cal
import data
import stats
from report import claims, differences, figures, long_form, sections
from test_cal import as_ever, cal_main, read_csv, run_files, tiny


def hand_made(folder, accuracy, means=None, picked=None, dataset="trec", rounds=30, seeds=5,
              **more):
    """A results directory without any training. accuracy(label, seed, t) -> a number.

    means(label, seed, t) -> (confidence, variability, correctness) of the batch picked before t;
    picked(label, seed, t) -> rows. more: other settings, or labels.
    """
    labels = more.pop("labels", cal.SIX)
    settings = {"dataset": dataset, "protocol": "paper", "vectors": "pool", "data_sha256": "0",
                "seed_size": 500, "rounds": rounds, "batch": 50, "epochs": 30, **more}
    about = {"train": 5452, "test": 500, "classes": 2, "class_counts": {"a": 4000, "b": 1452},
             "length_mean": 9.5, "length_max": 30, "types": 99, "types_known": 1.0,
             "tokens_known": 1.0, "missing": []}
    (folder / "runs").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({
        "settings": settings, "seeds": list(range(seeds)), "strategies": list(labels),
        "classes": ["a", "b"], "about": about, "versions": {}}))
    means = means or (lambda label, seed, t: (0.5, 0.1, 0.5))
    picked = picked or (lambda label, seed, t: [])
    for label in (*labels, "full"):
        for seed in range(seeds):
            lines = [{
                "round": t, "labelled": about["train"] if label == "full" else 500 + 50 * t,
                "accuracy": accuracy(label, seed, t),
                "picked": [] if t == rounds or label == "full" else picked(label, seed, t),
                "batch": dict(zip(("confidence", "variability", "correctness"),
                                  means(label, seed, t))) if t else None,
                "seconds": {"train": 2.0, "select": 1.0}, "f1": accuracy(label, seed, t) - 0.1,
                "recall": [accuracy(label, seed, t), None],
            } for t in range(1 if label == "full" else rounds + 1)]
            (folder / "runs" / f"{label}-{seed}.jsonl").write_text(
                "".join(json.dumps(line) + "\n" for line in lines))
    return stats.Results(folder)


def whole_batches(label, seed, t):
    """Fifty rows, as a run picks them, which the command line asks of every round but the last."""
    return list(range(first := 100 * t + 50 * (label == "random"), first + 50))


STRENGTH = {"random": 0.60, "lc": 0.62, "entropy": 0.63, "bald": 0.64, "dal": 0.58, "cal": 0.66,
            "full": 0.70}


def by_strength(strength, noise=0.002):
    """Accuracies that rise over the rounds from each strategy's level, with noise per seed."""
    return lambda label, seed, t: (strength[label] + 0.001 * t
                                   + noise * (zlib.crc32(f"{label}{seed}".encode()) % 7 - 3) / 3)


def judged(r):
    return {text: (word, evidence) for text, word, evidence in claims.claims(r)}


def test_every_claim_can_hold_and_fail(tmp_path):
    def batch(sign):
        def means(label, seed, t):
            confidence = 0.5 + (label == "lc") * -0.1 * sign + (label == "dal") * 0.01 * t * sign
            variability = 0.1 + (label == "cal") * 0.05 * sign
            own = 0.001 * (zlib.crc32(f"{label}{seed}{t}".encode()) % 5)  # seeds differ
            return confidence + own, variability + own, 0.5
        return means

    def picks(shared):  # each label its own rows, or all the same ones
        return lambda label, seed, t: [
            (0 if shared else 300 * cal.SIX.index(label) * 3) + 25 * t + j for j in range(25)]

    levels = {**STRENGTH, "cal-t0": 0.61, "cal-t0.4": 0.62, "cal-t0.6": 0.6, "cal-t0.8": 0.5}
    labels = [*cal.SIX, "cal-t0", "cal-t0.4", "cal-t0.6", "cal-t0.8"]
    good = hand_made(tmp_path / "good", by_strength({**levels, "full": 0.65}), batch(1),
                     lambda label, seed, t: picks(False)(label.partition("-")[0], seed, t),
                     labels=labels)
    bad = hand_made(tmp_path / "bad", by_strength({k: -v + 1 for k, v in levels.items()} | {
        "full": 0.8}), batch(-1), lambda label, seed, t: picks(True)(label, seed, t),
                    labels=labels)
    assert [word for word, _ in judged(good).values()] == [claims.HOLDS] * 9
    assert [word for word, _ in judged(bad).values()] == [claims.FAILS] * 9


def test_a_claim_is_judged_where_all_it_names_has_run(tmp_path):
    r = hand_made(tmp_path, by_strength(STRENGTH), labels=["random", "cal", "lc", "bald"])
    words = {text: word for text, (word, _) in judged(r).items()}
    named = [text for text, word in words.items() if word == claims.NOT_RUN]
    assert len(named) == 7  # all but LC's first batches and all the data
    one = hand_made(tmp_path / "one", by_strength(STRENGTH), seeds=1)
    assert {word for word, _ in judged(one).values()} <= {claims.ONE_SEED, claims.HOLDS,
                                                          claims.FAILS, claims.NOT_RUN}
    assert judged(one)["CAL beats BALD and DAL (mean accuracy)"][0] == claims.ONE_SEED


def test_verdicts():
    rng = np.random.default_rng(0)
    up, open_ = 0.1 + 0.01 * rng.normal(size=5), np.array([1, -1, 0.2, 0.3, -0.4])
    assert claims.verdict({"a": up})[0] == claims.HOLDS
    assert claims.verdict({"a": up, "b": -up})[0] == claims.FAILS
    assert claims.verdict({"a": up, "b": open_})[0] == claims.UNSURE
    assert claims.verdict({"a": up[:1]})[0] == claims.ONE_SEED
    assert claims.verdict({"a": up, "b": up[:0]})[0] == claims.NOT_RUN
    just = np.array([0.01, 0.02, 0.035, 0.005, 0.05])  # p = 0.044 alone, twice that of two
    assert differences.paired_t(just) == pytest.approx(0.0441, abs=1e-4)
    assert claims.verdict({"a": just})[0] == claims.HOLDS
    assert claims.verdict({"a": just, "b": just})[0] == claims.UNSURE
    close = np.array([0.001, -0.001, 0.002, -0.002, 0.0005])
    assert claims.verdict({"a": close})[0] == claims.UNSURE
    word, evidence = claims.verdict({"a": up, "b": close}, 0.01)
    assert word == claims.FAILS and evidence.endswith("(the same within 0.01)")
    both = differences.interval(close, 0.975)[1]  # 95 % for the two together
    assert f"b +0.000 ± {both:.3f}" in evidence
    word, evidence = claims.verdict({"X": just})
    assert evidence == f"X +0.024 ± {differences.interval(just)[1]:.3f}, p 0.044"


def test_the_paper_stands_beside_its_own_budget_alone(tmp_path):
    r = hand_made(tmp_path / "a", by_strength(STRENGTH, 0))
    sections.main_table(r)
    rows = {row["strategy"]: row for row in read_csv(tmp_path / "a" / "results.csv")}
    assert (rows["CAL"]["paper"], rows["CAL"]["difference"]) == ("0.724", "-0.034")  # .69 - .724
    assert (rows["all data"]["paper"], rows["all data"]["difference"]) == ("0.634", "+0.066")
    for other in ({"rounds": 29}, {"batch": 49}, {"epochs": 10}, {"seed_size": 499},
                  {"dataset": "demo"}):
        short = hand_made(tmp_path / str(other), by_strength(STRENGTH, 0), **other)
        text = "".join(section(short) for section in (
            sections.main_table, sections.aso_tables, sections.overlap_table))
        assert "0.724" not in text and "the paper |" not in text


def test_data_efficiency_takes_the_first_round_and_the_last_accuracy(tmp_path):
    curve = [0.5, 0.64, 0.6, 0.66, 0.69, 0.62]  # reaches 90 % of 0.7 in round 1, ends at 0.62
    r = hand_made(tmp_path, lambda label, seed, t: 0.7 if label == "full" else curve[t], rounds=5,
                  labels=["cal", "random"])
    sections.data_efficiency(r)
    row = read_csv(tmp_path / "efficiency.csv")[0]
    assert row["final / full-data accuracy"] == f"{0.62 / 0.7:.1%}" == "88.6%"
    assert row["labels for 90 %"] == "550 (10.1%)" and row["95 %"] == "700 (12.8%)"
    assert row["100 %"] == "not reached"
    sections.main_table(r)
    assert read_csv(tmp_path / "results.csv")[0]["labels to Random's final"] == "550"
    alone = hand_made(tmp_path / "alone", by_strength(STRENGTH), rounds=5, labels=["cal"])
    assert "Random's" not in sections.main_table(alone)  # which has no run: nothing to reach


def test_overlap_and_what_chance_gives(tmp_path):
    rng = np.random.default_rng(0)
    picks = {(label, seed): rng.choice(5452, (2, 50), replace=False).tolist()
             for label in ("cal", "dal", "lc", "random") for seed in range(3)}
    r = hand_made(tmp_path, by_strength(STRENGTH), None,
                  lambda label, seed, t: picks[label, seed][t], rounds=2, seeds=3,
                  labels=["cal", "dal", "lc", "random"])
    sections.overlap_table(r)
    row = {row["pair"]: row for row in read_csv(tmp_path / "table4.csv")}["CAL ∩ LC"]
    same = sum(len(set(picks["cal", s][t]) & set(picks["lc", s][t])) for s in range(3)
               for t in range(2))
    whole = sum(len(set(sum(picks["cal", s], [])) & set(sum(picks["lc", s], []))) for s in range(3))
    assert (row["same round"], row["whole run"], row["out of"]) == (str(same), str(whole), "300")
    assert row["by chance"] == f"{6 * 50 * 50 / (5452 - 500):.1f}"
    assert row["by chance "] == f"{3 * 100 * 100 / (5452 - 500):.1f}"


@pytest.mark.parametrize("seeds, said", [
    (1, "no verdict"), (5, "1/2^5 = 0.0312"), (12, "which can be reached")])
def test_table_2_says_what_its_seeds_allow(tmp_path, seeds, said):
    r = hand_made(tmp_path, by_strength(STRENGTH), rounds=3, seeds=seeds)
    text = sections.aso_tables(r)
    rows = read_csv(tmp_path / "table2.csv")
    assert said in text
    by_seed = [row for row in rows if row["sample"] == "one number per seed"]
    p = {row["row over column"]: row for row in rows if row["sample"] == "p, signs flipped"}
    assert bool(by_seed) == bool(p) == (seeds > 1)
    if p:  # CAL lies above Random in every seed
        least = "0.03" if seeds == 5 else "0.00"
        assert (p["CAL"]["Rand."], p["Rand."]["CAL"]) == (least, "1.00")
        assert ("which cannot be reached" in text) == (seeds == 5)  # 1/32 against 0.05/30


def test_only_like_results_stand_side_by_side(tmp_path, capsys):
    r = hand_made(tmp_path / "trec-paper-pool", by_strength(STRENGTH), rounds=3)
    for name, other in (("trec-paper-hash", {"vectors": "hash"}),
                        ("trec-paper+pad-file", {"vectors": "file", "protocol": "paper+pad"}),
                        ("trec-paper-short", {"vectors": "short", "epochs": 3}),
                        ("trec-paper-other", {"vectors": "other", "data_sha256": "1"}),
                        ("trec-paper-long", {"vectors": "long", "rounds": 4})):
        hand_made(tmp_path / name, by_strength(STRENGTH), **{"rounds": 3, **other})
    for name, config in (("trec-paper-torn", "{"), ("a", "null"), ("b", "[]"), ("c", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config)
    assert "with `hash` vectors | with `pool` vectors" in sections.claims_table(r)
    head = list(read_csv(tmp_path / "trec-paper-pool" / "claims.csv")[0])
    assert head == ["the paper's claim", "with `hash` vectors", "with `pool` vectors"]
    assert capsys.readouterr().err.count("is damaged") == 4


def test_damaged_maps_are_left_out(tmp_path):
    hand_made(tmp_path, by_strength(STRENGTH), rounds=2)
    (tmp_path / "runs" / "maps-0.npz").write_bytes(b"PK\x03\x04 and no more")
    assert stats.Results(tmp_path).maps == {}


@pytest.mark.filterwarnings("error")
def test_the_curves_of_a_run_under_way(tmp_path, as_ever):
    hand_made(tmp_path, by_strength(STRENGTH), seeds=2)
    for path in (tmp_path / "runs").iterdir():
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert "fig3_accuracy.png" in sections.curves(stats.Results(tmp_path))


def test_names_of_curves_are_a_step_apart_and_near_their_ends():
    _, ax = figures.picture(4, 3)
    ax.set_ylim(0, 1)
    ends = {"a": 0.5, "b": 0.5, "c": 0.51, "alone": 0.8, "top": 1, "high": 0.99}
    figures.name_ends(ax, {name: (1, y, "red") for name, y in ends.items()})
    at = {text.get_text(): text.xyann[1] for text in ax.texts}
    assert at["b"] - at["a"] == pytest.approx(at["c"] - at["b"]) == pytest.approx(0.045)
    assert at["high"] == pytest.approx(at["top"] - 0.045) and at["top"] == pytest.approx(1)
    lower = (1.0175 - 1) * np.ones(4)  # so much do the topmost push all down
    assert [at["alone"], at["a"] + at["b"] + at["c"]] == pytest.approx(
        [0.8 - lower[0], 1.51 - 3 * lower[0]])


def test_a_name_with_dollars_is_drawn_as_it_is(tmp_path):
    r = hand_made(tmp_path, by_strength(STRENGTH), rounds=2, dataset="$^$.csv")
    assert sections.curves(r) and (tmp_path / "fig3_accuracy.png").stat().st_size > 0


def test_the_report_is_what_the_run_files_say(tiny):
    out, _ = tiny
    folder, files = out / "demo-paper-pool", run_files(out)
    rows = {row["strategy"]: row for row in read_csv(folder / "results.csv")}
    for label, name in (("cal", "CAL"), ("random", "Rand."), ("cal-t0.4", "CAL (t_cor 0.4)")):
        scores = np.array([[x["accuracy"] for x in files[f"{label}-{s}.jsonl"]] for s in (1, 2)])
        final = f"{scores[:, -1].mean():.3f} ± {scores[:, -1].std(ddof=1):.3f}"
        assert rows[name]["final accuracy"] == final
        assert rows[name]["mean accuracy"].startswith(f"{scores.mean():.3f}")
    table4 = {row["pair"]: row for row in read_csv(folder / "table4.csv")}
    shared = sum(len(set(a["picked"]) & set(b["picked"])) for s in (1, 2)
                 for a, b in zip(files[f"cal-{s}.jsonl"], files[f"random-{s}.jsonl"]))
    assert table4["CAL ∩ Rand."]["same round"] == str(shared)
    assert float(table4["CAL ∩ Rand."]["by chance"]) == pytest.approx(2 * 2 * 100 / 2440, abs=0.05)
    cell = next(row for row in read_csv(folder / "table2.csv")
                if (row["sample"], row["row over column"]) == ("pooled rounds", "CAL"))
    pools = {label: np.ravel([[x["accuracy"] for x in files[f"{label}-{s}.jsonl"]] for s in (1, 2)])
             for label in cal.SIX}
    assert float(cell["Rand."]) == pytest.approx(
        stats.aso(pools["cal"], pools["random"], 0.05 / 15), abs=0.005)
    planted = {row["share of the picks"]: row for row in read_csv(folder / "planted.csv")}
    kind = data.load("demo").kind
    share = [np.mean([kind[row] == "mislabelled" for x in files[f"dal-{s}.jsonl"]
                      for row in x["picked"]]) for s in (1, 2)]
    assert planted["DAL"]["mislabelled"].startswith(f"{np.mean(share):.3f}")
    report = (folder / "report.md").read_text(encoding="utf-8")
    for heading in ("Results", "The paper's claims", "Data efficiency", "Table 1", "Table 2",
                    "Table 3", "Table 4", "Data maps", "Planted truth"):
        assert f"# {heading}" in report
    assert "All runs are finished." in report


def test_report_only_redraws_the_same_bytes(tiny, tmp_path, as_ever):
    out = shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    folder = out / "demo-paper-pool"
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    for name in before:
        if name not in ("config.json", ".lock"):
            (folder / name).unlink()
    assert not cal_main("--report-only", "--out", out)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
    assert len(before["explore.html"]) < 2e6


def test_a_strategy_whose_name_begins_as_all_data_s_is_a_strategy(tmp_path):
    r = hand_made(tmp_path, lambda label, seed, t: 0.5, rounds=2, labels=["fullcal"], seeds=2)
    assert r.labels() == ["fullcal"] and r.accuracy("fullcal").shape == (2, 3)
    assert r.accuracy("full").shape == (2, 1)
    long_form.write_curves(r)
    rows = [row for row in read_csv(tmp_path / "curves.csv") if row["strategy"] == "fullcal"]
    assert len(rows) == 6 and {row["t_cor"] for row in rows} == {"0.2"}


def test_no_recorded_command_ends_its_block_of_code(tmp_path):
    r = hand_made(tmp_path, lambda label, seed, t: 0.5, rounds=1, seeds=1)
    r.config["commands"] = ["python cal.py --out a\n```\n# a title", "x ````` y"]
    lines = sections.again(r).splitlines()
    fence = next(line for line in lines if line.startswith("`"))
    inside = lines[lines.index(fence) + 1 : lines.index(fence, lines.index(fence) + 1)]
    assert inside == "\n".join(r.config["commands"]).splitlines() and fence == "`" * 6
