"""Every number and every dot of a report, worked out again from runs in which the mean over rounds,
the final round, seeds and rounds all disagree."""

import itertools
import zlib
from types import SimpleNamespace

import numpy as np
import pytest

import stats
from datamap import DataMap
from report import claims, figures, findings, pairs, sections, significance
from report.test_report import hand_made, judged
from test_cal import read_csv

SEEDS, ROUNDS = range(3), 6
LABELS = ["random", "lc", "cal", "cal-t0", "cal-t0.4", "cal+dal"]


def noise(*what, size=0.1):
    """A number in (-size, size) that these words fix."""
    return size * (zlib.crc32(repr(what).encode()) / 2**31 - 1)


def accuracy(label, seed, t):
    return 0.5 + 0.02 * t + noise(label) + noise(label, seed) + noise(label, seed, t)


def batch(label, seed, t):
    return tuple(0.4 + noise(name, label, seed, t) for name in "cvk")


@pytest.fixture
def noisy(tmp_path):
    r = hand_made(tmp_path / "trec-paper-pool", accuracy, batch,
                  lambda label, seed, t: [40 * t + j for j in range(20)], rounds=ROUNDS,
                  seeds=len(SEEDS), labels=LABELS)
    for lines in itertools.chain(*(runs.values() for runs in r.runs.values())):
        lines[-1]["seconds"] = {"train": 99.0, "select": 99.0}  # one slow round of many
    return r


@pytest.fixture
def drawn(monkeypatch):
    """{file name: the matplotlib figure} of what is drawn, instead of files."""
    kept = {}
    monkeypatch.setattr(figures, "save_figure", lambda figure, path: kept.update(
        {path.name: figure}))
    return kept


def scores(label, rounds=ROUNDS + 1):
    return np.array([[accuracy(label, seed, t) for t in range(rounds)] for seed in SEEDS])


def over_seeds(values):
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def first(label, goal):
    """The labels in the first round in which the mean over seeds reaches a goal, or None."""
    reached = np.flatnonzero(scores(label).mean(0) >= goal)
    return 500 + 50 * reached[0] if len(reached) else None


def test_the_main_table_and_the_efficiency(noisy):
    sections.main_table(noisy)
    rows = read_csv(noisy.folder / "results.csv")
    goal = scores("random")[:, -1].mean()
    for label, row in zip(LABELS, rows):
        s = scores(label)
        assert row["seeds"] == "3" and row["final accuracy"] == over_seeds(s[:, -1])
        assert row["mean accuracy"] == over_seeds(s.mean(1))
        assert row["labels to Random's final"] == str(first(label, goal) or "never")
        assert (row["s/round to train"], row["s/round to select"]) == ("2.00", "1.00")
    assert len({row["labels to Random's final"] for row in rows}) > 2
    full = scores("full", 1)[:, 0]
    assert rows[-1]["final accuracy"] == over_seeds(full) and (
        rows[-1]["labels to Random's final"] == "5452")
    text = sections.data_efficiency(noisy)
    assert f"accuracy is {over_seeds(full)}, with 5,452 labels and 3 seeds" in text
    cells = ("labels for 90 %", "95 %", "99 %", "100 %")
    for label, row in zip(LABELS, read_csv(noisy.folder / "efficiency.csv")):
        mean = scores(label).mean(0)
        assert row["final / full-data accuracy"] == f"{mean[-1] / full.mean():.1%}"
        for name, share in zip(cells, (0.9, 0.95, 0.99, 1)):
            n = first(label, share * full.mean())
            assert row[name] == (f"{n:,} ({n / 5452:.1%})" if n else "not reached")


def test_aso_of_pooled_rounds_and_of_one_number_per_seed(noisy):
    labels = ["random", "lc", "cal"]
    pairs.write_aso(noisy, labels)
    rows = read_csv(noisy.folder / "aso.csv")
    for which, of in (("pooled rounds", np.ravel), ("one number per seed", lambda s: s.mean(1))):
        want = stats.aso_table({label: of(scores(label)) for label in labels})
        for a, row in zip(labels, [row for row in rows if row["sample"] == which]):
            cells = [row[column] for column in ("Rand.", "LC", "CAL")]
            assert cells == [f"{want[a][b]:.4f}" if a != b else "" for b in labels]
    assert len(rows) == 6


def test_table_3_and_table_1(noisy, drawn):
    sections.threshold_table(noisy)
    rows = read_csv(noisy.folder / "table3.csv")
    labels = ["cal-t0", "cal", "cal-t0.4", "cal+dal"]
    assert [(row["strategy"], row["t_cor"]) for row in rows] == [
        ("CAL", "0"), ("CAL", "0.2"), ("CAL", "0.4"), ("CAL+DAL", "0.2")]
    for label, row in zip(labels, rows):
        assert row["final accuracy"] == over_seeds(scores(label)[:, -1])
        assert row["mean accuracy"] == over_seeds(scores(label).mean(1))
    (ax,) = drawn["table3.png"].axes
    curves_are_means(ax, labels)
    noisy.about.update(test=321, class_counts={"a": 4000, "b": 1452})
    sections.dataset_table(noisy)
    rows = {row[""]: row["as loaded"] for row in read_csv(noisy.folder / "table1.csv")}
    assert (rows["training texts"], rows["test texts"]) == ("5,452", "321")
    assert rows["classes"] == "2: a 73.4%, b 26.6%" and rows["seed set"] == "500"
    said = sections.opening(noisy)
    assert "5,452 training texts and 321 test texts" in said and "reaches 800 in" in said


def curves_are_means(ax, labels):
    """The first lines of an axes are mean curves of these labels, and end beside their names."""
    for label, line in zip(labels, ax.lines):
        np.testing.assert_allclose(line.get_ydata(), scores(label).mean(0))
        np.testing.assert_allclose(line.get_xdata(), (500 + 50 * np.arange(7)) / 5452)


def test_fig_3_and_fig_4(noisy, drawn):
    sections.curves(noisy)
    (ax,) = drawn["fig3_accuracy.png"].axes
    shown = figures.pictured(LABELS)
    assert shown == ["random", "lc", "cal", "cal+dal"]
    assert [line.get_label() for line in ax.lines[:4]] == ["Rand.", "LC", "CAL", "CAL+DAL"]
    curves_are_means(ax, shown)
    assert ax.lines[4].get_ydata()[0] == pytest.approx(scores("full", 1).mean())
    best = max(shown, key=lambda label: scores(label)[:, -1].mean())
    banded = [label for label in shown if label in ("random", "cal", best)]
    for label, band in zip(banded, ax.collections):
        mean, sd = scores(label).mean(0), scores(label).std(0)
        heights = band.get_paths()[0].vertices[:, 1]
        assert heights.min() == pytest.approx((mean - sd).min())
        assert heights.max() == pytest.approx((mean + sd).max())
    sections.batches(noisy)
    for i, (ax, name) in enumerate(zip(drawn["fig4_batches.png"].axes, (
            "confidence", "variability", "correctness"))):
        assert name in ax.get_ylabel()
        for label, line in zip(shown, ax.lines):
            want = [np.mean([batch(label, seed, t)[i] for seed in SEEDS]) for t in range(1, 7)]
            np.testing.assert_allclose(line.get_ydata(), want)


def test_table_2_reads_row_over_column_in_its_cells_and_squares(noisy, drawn):
    noisy.config["strategies"] = ["random", "lc", "cal"]
    text = significance.aso_tables(noisy)
    labels, names = ["random", "lc", "cal"], ["Rand.", "LC", "CAL"]
    samples = {"pooled rounds": {x: scores(x).ravel() for x in labels},
               "one number per seed": {x: scores(x).mean(1) for x in labels}}
    rows = {(row["sample"], row["row over column"]): row for row in read_csv(
        noisy.folder / "table2.csv")}
    for (title, of), ax in zip(samples.items(), drawn["table2.png"].axes):
        grid = ax.images[0].get_array()
        for (i, a), (j, b) in itertools.permutations(enumerate(labels), 2):
            want = stats.aso(of[a], of[b], 0.05 / 3)
            assert rows[title, names[i]][names[j]] == f"{want:.2f}"
            assert grid[i, j] == pytest.approx(want)
        assert [t.get_text() for t in ax.get_yticklabels()] == names
    p = {(i, j): np.mean([np.dot(signs, d) >= d.sum() - 1e-12 for signs in itertools.product(
        (1, -1), repeat=3)]) for i, j in itertools.permutations(range(3), 2)
        for d in [scores(labels[i]).mean(1) - scores(labels[j]).mean(1)]}
    for (i, j), value in p.items():
        assert rows["p, signs flipped", names[i]][names[j]] == f"{value:.2f}"
    assert "1/2^3 = 0.125" in text and "table's 6 tests, the limit of 0.05 becomes 0.0083" in text


# ---- claims -------------------------------------------------------------------------------------

LEVEL = {"random": (0.60, 0.70), "lc": (0.65, 0.66), "entropy": (0.65, 0.66), "bald": (0.65, 0.66),
         "dal": (0.62, 0.66), "cal": (0.70, 0.64), "cal-t0": (0.75, 0.60),
         "cal-t0.4": (0.75, 0.60), "cal-t0.6": (0.75, 0.60), "cal-t0.8": (0.75, 0.60),
         "full": (0.66, 0.66)}  # before the final round, and in it


def crossing(label, seed, t):
    body, final = LEVEL[label]
    return (final if t == ROUNDS else body) + noise(label, seed, t, size=0.004)


def crossing_batch(label, seed, t):
    """LC's confidence is below Random's in the first batch alone, CAL's in all; DAL's falls."""
    level = {"lc": 0.3 if t == 1 else 0.7, "cal": 0.2, "dal": 0.7 - 0.05 * t}.get(label, 0.5)
    tail = noise("batch", label, seed, t, size=0.004)
    return level + tail, (0.3 if label == "cal" else 0.1) + tail, 0.5 + tail


def test_claims_are_judged_on_what_they_say(tmp_path):
    picks = {"cal": [0, 1, 2, 3, 4, 5], "dal": [1, 2, 3, 4, 5, 0], "lc": [2, 3, 4, 5, 0, 1],
             "random": [3, 4, 5, 0, 1, 2]}  # the same rows, never in the same round
    r = hand_made(tmp_path, crossing, crossing_batch, lambda label, seed, t: [
        20 * picks.get(label, range(9))[t] + j for j in range(20)], rounds=ROUNDS,
        labels=[label for label in LEVEL if label != "full"])
    found = [word for word, _ in judged(r).values()]
    assert found == [claims.HOLDS, claims.HOLDS, claims.HOLDS,  # on the mean over rounds
                     claims.HOLDS, claims.HOLDS, claims.FAILS,  # variability, LC, DAL's drift
                     claims.HOLDS, claims.FAILS,                # on the final round
                     claims.FAILS]                              # texts, whatever the round
    evidence = judged(r)["DAL drifts to easy rows: its batches' confidence rises more than"
                         " Random's"][1]
    drift = float(evidence.split(" ± ")[0].rpartition(" ")[2])
    assert drift == pytest.approx(-0.2, abs=0.01)  # rounds 5, 6 less 1, 2: four times 0.05


def test_results_with_other_settings_do_not_stand_beside(tmp_path):
    r = hand_made(tmp_path / "trec-paper-pool", accuracy, rounds=3, labels=["random", "cal"])
    for i, other in enumerate(({"batch": 51}, {"seed_size": 501}, {"epochs": 31}, {"rounds": 4})):
        hand_made(tmp_path / f"other{i}", accuracy, labels=["random", "cal"], vectors=f"v{i}",
                  **{"rounds": 3, **other})
    same = hand_made(tmp_path / "same", accuracy, labels=["random", "cal"], vectors="hash",
                     rounds=3)
    assert [other.folder for other in sections.siblings_of(r)] == [same.folder, r.folder]


def test_cal_s_place_is_by_mean_accuracy(tmp_path, monkeypatch):
    r = hand_made(tmp_path, lambda label, seed, t: {"cal": 0.7 - 0.05 * t, "random": 0.6, "lc": 0.5,
                  "full": 1}[label], None, lambda label, seed, t: [t], rounds=3,
                  labels=["lc", "random", "cal"])
    monkeypatch.setattr(r, "texts", lambda: {"texts": ["a"] * 9, "y": [0] * 9, "numbers": []})
    assert "CAL is number 1 of 3" in findings.why_cal(r)  # by final accuracy it is the last but one


def test_what_would_have_helped_is_beside_random_s_mean_final(noisy):
    said, goal = findings.helped(noisy), scores("random")[:, -1].mean()
    own = first("random", goal)  # as the table gives it, perhaps before the last round
    for label, name in (("lc", "LC"), ("cal", "CAL"), ("cal+dal", "CAL+DAL")):
        (line,) = [line for line in said.splitlines() if line.startswith(f"- {name}: ")]
        d = scores(label).mean(1) - scores("random").mean(1)
        assert line.startswith(f"- {name}: {d.mean():+.3f} ± ")
        n = first(label, goal)
        assert ("does not reach" in line if n is None else f"with {n} labels" in line)
        assert n is None or (f" instead of {own}" if n < own else ", as many as Random" if n == own
                             else f", more than Random's {own}") in line


def test_random_s_final_accuracy_is_its_mean_over_seeds(tmp_path):
    r = hand_made(tmp_path, lambda label, seed, t: {
        "random": 0.3 + 0.1 * t + 0.2 * seed, "lc": min(0.2 + 0.2 * t, 0.75), "full": 1}[label],
        rounds=3, labels=["random", "lc"], seeds=2)
    assert "with 650 labels, as many as Random" in findings.helped(r)  # 0.75; Random's: 0.6, 0.8


def test_labels_to_random_s_final_accuracy_are_those_of_the_table(tmp_path):
    """Random is as good as at its end after one round already, and then falls for a while."""
    curves = {"random": [0.3, 0.6, 0.5, 0.6], "lc": [0.6] * 4, "cal": [0.3, 0.4, 0.6, 0.6],
              "full": [1]}
    r = hand_made(tmp_path, lambda label, seed, t: curves[label][t], rounds=3,
                  labels=["random", "lc", "cal"], seeds=2)
    said = findings.helped(r)
    sections.main_table(r)
    table = {row["strategy"]: row["labels to Random's final"] for row in read_csv(
        tmp_path / "results.csv")}
    assert [table[name] for name in ("Rand.", "LC", "CAL")] == ["550", "500", "600"]
    assert "with 500 labels instead of 550" in said
    assert "with 600 labels, more than Random's 550" in said


@pytest.mark.filterwarnings("error")
def test_a_report_of_accuracies_of_0_divides_by_none(tmp_path):
    """The classes of the test texts may be none that a model has learned."""
    r = hand_made(tmp_path, lambda label, seed, t: 0.1, rounds=2, labels=["random", "cal"])
    for line in (line for runs in r.runs.values() for lines in runs.values() for line in lines):
        line["accuracy"] = 0.0
    assert "| Rand. |  |  |  |  |  |" in sections.data_efficiency(r)
    assert set(read_csv(tmp_path / "efficiency.csv")[1].values()) == {"CAL", ""}
    assert "nan" not in findings.helped(r) + sections.main_table(r)


@pytest.mark.filterwarnings("error")
def test_without_a_seed_in_common_nothing_is_compared(tmp_path):
    r = hand_made(tmp_path, accuracy, rounds=2, labels=["random", "cal"], seeds=2)
    del r.runs["random"][0], r.runs["cal"][1]
    assert "- CAL: no seed has finished with it and with picking at random" in findings.helped(r)


def test_an_auc_is_of_the_seeds_that_have_one():
    assert findings.auc_of([np.nan, 0.5, 0.7]) == "0.60 ± 0.14"
    assert findings.auc_of([np.nan]) == "nothing (none of them is there)"


# ---- kinds and maps -----------------------------------------------------------------------------


def made_up_maps(r, N=60):
    rng = np.random.default_rng(0)
    r.about["train"] = N
    for seed in SEEDS:
        rows = rng.permutation(np.arange(30, N))[:20]
        r.maps[seed] = {"kind": np.where(np.arange(N) < 35, "easy", "mislabelled"), "rows": rows,
                        "y": np.zeros(N), **{f"{name}_{k}": rng.random(n) * (1, 0.5, 1)[i]
                        for name, n in (("full", N), ("seed", 20))
                        for i, k in enumerate(("confidence", "variability", "correctness"))}}


def auc(score, positive):
    pairs = [(p > q) + 0.5 * (p == q) for p in score[positive] for q in score[~positive]]
    return np.mean(pairs)


def test_planted_kinds_are_counted_among_what_could_be_picked(noisy):
    made_up_maps(noisy)
    noisy.runs["lc"] = {seed: [{**line, "picked": [seed, 36 + line["round"]]} for line in lines]
                        for seed, lines in noisy.runs["lc"].items()}
    noisy.config["strategies"] = ["lc"]
    text, rows = findings.planted(noisy), read_csv(noisy.folder / "planted.csv")
    outside = [np.delete(m["kind"], m["rows"]) for m in noisy.maps.values()]
    assert rows[0]["easy"] == over_seeds([np.mean(kind == "easy") for kind in outside])
    assert rows[0]["easy"] != over_seeds([35 / 60] * 3)
    assert rows[1]["mislabelled"] == over_seeds([0.5] * 3)
    for name, where in (("seed", "the seed-set map"), ("full", "the map of all")):
        found = [auc(-m[f"{name}_confidence"], (m["kind"] if name == "full" else m["kind"][
            m["rows"]]) == "mislabelled") for m in noisy.maps.values()]
        assert f"{np.mean(found):.2f} ± {np.std(found, ddof=1):.2f} on {where}" in " ".join(
            text.split())


def test_the_two_maps_and_their_dots(noisy, drawn):
    made_up_maps(noisy)
    m = noisy.maps[0]
    del m["kind"]
    sections.data_maps(noisy)
    maps = [ax for ax in drawn["fig1_data_maps.png"].axes if ax.get_title()]
    assert [ax.get_title() for ax in maps] == ["all 60 training texts", "the seed set, 20 texts"]
    for ax, name in zip(maps, ("full", "seed")):
        fifth = np.round(m[f"{name}_correctness"] * 5).astype(int)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("variability", "confidence")
        for k, dots in enumerate(ax.collections):
            want = np.c_[m[f"{name}_variability"], m[f"{name}_confidence"]][fifth == k]
            np.testing.assert_allclose(dots.get_offsets(), want.reshape(-1, 2))
            assert dots.get_label() == f"{k / 5:.1f}"
    sides = [ax for ax in drawn["fig1_data_maps.png"].axes if not ax.get_title()]
    for ax, (name, k) in zip(sides, itertools.product(("full", "seed"), figures.BINS)):
        assert ax.get_xlabel() == k
        counts, edges = np.histogram(m[f"{name}_{k}"], figures.BINS[k])
        (steps,) = ax.patches
        assert steps.get_data().values.tolist() == counts.tolist() and steps.get_fill()
        assert steps.get_data().edges.tolist() == edges.tolist()


def test_planted_kinds_are_drawn_where_their_texts_are(noisy, drawn):
    made_up_maps(noisy)
    m = noisy.maps[0]
    full = DataMap(*(m[f"full_{name}"] for name in DataMap._fields))
    figures.draw_kinds(SimpleNamespace(name="kinds.png"), full, m["kind"], ["easy", "mislabelled"])
    places = np.c_[m["full_variability"], m["full_confidence"]]
    for ax, kind, n in zip(drawn["kinds.png"].axes, ("easy", "mislabelled"), (35, 25)):
        assert ax.get_title() == f"{kind}: {n} texts"
        others, dots = ax.collections
        np.testing.assert_allclose(dots.get_offsets(), places[m["kind"] == kind])
        np.testing.assert_allclose(others.get_offsets(), places[m["kind"] != kind])


def test_the_ladder_s_dots_are_at_their_names(drawn):
    names = ["paper+reset", "code+reset", "paper+pad", "code+pad", "code+exact"]
    changes = {label: {name: np.array([noise(label, name), noise(label, name, 1)])
                       for name in names if (label, name) != ("random", "code+exact")}
               for label in ("cal", "random")}
    figures.draw_ladder(SimpleNamespace(name="ladder.png"), changes)
    for ax, base in zip(drawn["ladder.png"].axes, ("paper", "code")):
        assert ax.get_title().startswith(base)
        at = {tick.get_text(): y for tick, y in zip(ax.get_yticklabels(), ax.get_yticks())}
        for box, of in zip(ax.containers, changes.values()):
            found = {round(y): x for x, y in zip(*box.lines[0].get_data())}
            assert found == {at[name.partition("+")[2]]: pytest.approx(d.mean())
                             for name, d in of.items() if name.startswith(base)}
