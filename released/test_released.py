"""Tests of the released code's rows, each against an oracle; of the ladder; of the benchmark."""

import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

import cal
import data
import datamap
import stats
import strategies
from command import ablation, bench, options
from fast import SideBySide, Stack, View
from plumbing.draws import Draws
from plumbing.files import InputError
from plumbing.runs import Log
from released import ladder, model, protocols
from report import differences
from test_cal import (
    HERE,
    TINY,
    X4,
    best_rows,
    cal_main,
    limited,
    probabilities,
    read_csv,
    run_files,
    small_table,
    two_clusters,
    view_of,
)
from vectors.sources import hash_vectors, load_vectors


def algorithm(name, settings=None, log=None, dim=300, classes=6):
    """A protocol's algorithm on generated data of 90 texts."""
    g = np.random.default_rng(0)
    y = np.arange(90) % classes
    x = g.normal(size=(90, dim)).astype(np.float32) + 0.2 * np.eye(classes, dim)[y]
    d = data.Data("made up", x, y, [], list(range(classes)), x[:9], y[:9], 20, 8, 42, "")
    return protocols.protocol(name)[0](d, settings or cal.Settings(20, 2, 5, 2, 8), log)


def test_protocols_by_name():
    rows = {**protocols.ROWS, **protocols.ROWS_2021}
    own = {row: {c[1] if isinstance(c, tuple) else c for c in over} - {protocols.Recording}
           for row, over in rows.items()}  # several rows ask for Recording
    everything = set().union(*own.values())
    code = set().union(*(own[row] for row in protocols.ROWS))

    def turned(name):
        made, reading = protocols.protocol(name)
        return everything & {*made.__mro__, *made.View.__mro__, *reading.values()}

    assert turned("paper") == set() and turned("code") == code
    assert turned("code2021") == everything and everything > code
    for row in rows:
        brought = own["reset"] if row == "twice" else set()  # V1 needs row 1
        assert own[row] and turned(f"paper+{row}") == own[row] | brought
        assert turned(f"code+{row}") == code ^ own[row]
        assert turned(f"code2021+{row}") == everything - own[row] | (
            own[row] if row == "reset" else set())
    assert turned("code+reset-pad") == code - own["reset"] - own["pad"]
    for bad in ("papers", "paper+nothing", "", "+pad", "code2022"):
        with pytest.raises(InputError, match="is not paper, code or code2021"):
            protocols.protocol(bad)
    for bad in ("code2021+ten+ten", "code-pad+pad", "paper+pad+reset+pad"):
        with pytest.raises(InputError, match="turns (ten|pad) more than once"):
            protocols.protocol(bad)


def test_the_fast_algorithm_is_that_of_paper():
    made, reading = protocols.protocol("paper")
    assert made.__mro__[1] is SideBySide and not reading
    assert made.View.__mro__[1] is View


def picks(name, strategy, folder):
    """What a strategy picks under a protocol, and the statistics of its batches."""
    run, log = cal.Run(strategy, 1), Log(folder / f"{name}-{strategy}")
    algorithm(name, cal.Settings(40, 2, 10, 7, 8), log).learn([run])
    return [(line["picked"], line["batch"]) for line in log.read(run)]


def test_every_row_changes_something(tmp_path):
    ours = ["cal", "random", "bald", "dal"]  # the slowest last: only if no other differs
    plain = {name: picks("paper", name, tmp_path) for name in ours}
    for row, over in protocols.ROWS.items():
        if all(isinstance(c, type) for c in over):
            assert any(picks(f"paper+{row}", name, tmp_path) != plain[name] for name in ours), row
    with_vectors = [name for name, over in protocols.ROWS.items() if isinstance(over[0], tuple)]
    assert with_vectors == ["pad", "respell"]  # tested below


# ---- row 1 --------------------------------------------------------------------------------------


def test_row_1_without_reset_round_1_starts_where_round_0_ended(tmp_path):
    never = algorithm("paper+reset", log=Log(tmp_path))
    stack, L = [cal.Run("cal", 1), cal.Run("random", 2)], torch.arange(40).view(2, 20)
    theta, _ = never.train(0, stack, L)
    later = never.new_theta(1, stack[::-1])
    for old, new in zip(theta.state, later.state):
        assert torch.equal(old, new.flip(0))
    assert later.steps == theta.steps == 2 * 3  # two epochs of three mini-batches


@pytest.mark.parametrize("spoil", [lambda p: p.unlink(), lambda p: p.write_bytes(b""),
                                   lambda p: p.write_bytes(p.read_bytes()[:-999])])
def test_row_1_a_lost_or_torn_state_is_trained_again(tmp_path, spoil):
    run, log = cal.Run("random", 1), Log(tmp_path)
    never = algorithm("code", cal.Settings(20, 3, 5, 2, 8), log)
    never.learn = lambda runs: SideBySide.learn(never, runs)  # which keeps the last state
    never.learn([run])
    lines = (tmp_path / "runs" / "random-1.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "runs" / "random-1.jsonl").write_text("".join(lines[:3]))
    for path in tmp_path.glob("runs/*.pt"):
        spoil(path)
    log.lines.clear()
    never.learn([run])
    again = (tmp_path / "runs" / "random-1.jsonl").read_text().splitlines()
    assert len(again) == 4
    for a, b in zip(lines, again):
        a, b = json.loads(a), json.loads(b)
        assert {**a, "seconds": 0} == {**b, "seconds": 0}


# ---- the other rows -----------------------------------------------------------------------------


def test_row_2_dropout_stays_on_and_a_run_does_not_depend_on_its_stack():
    noisy = algorithm("paper+quiet")
    runs = [cal.Run("cal", 1), cal.Run("random", 1), cal.Run("cal", 2)]
    x = torch.randn(1, 50, 300, generator=torch.Generator().manual_seed(0))
    alone, together = noisy.new_theta(0, runs[:1]), noisy.new_theta(0, runs)
    first, second = alone.probs(x), alone.probs(x)
    assert not torch.equal(first, second)
    taken = together.take(slice(None, None, 2))
    assert torch.equal(taken.probs(x)[0], first[0])
    assert torch.equal(together.take(slice(0, 1)).probs(x)[0], second[0])


def test_row_3_padding_adds_the_first_word(monkeypatch):
    texts = ["How do you", "what is this now"]
    raw = {"train": (texts, ["a", "b"]), "test": (["what"], ["a"]), "max_len": 5, "batch_size": 1,
           "seed_size": 1}
    monkeypatch.setitem(data.READERS, "tiny", lambda _: raw)
    reading = protocols.protocol("paper+pad")[1]
    plain, padded = data.load("tiny", vectors="hash"), data.load("tiny", vectors="hash", **reading)
    how = hash_vectors(["how"])[0]
    np.testing.assert_allclose(padded.x[0] - plain.x[0], 2 * how, atol=1e-6)
    np.testing.assert_allclose(padded.x[1] - plain.x[1], how, atol=1e-6)
    np.testing.assert_allclose(padded.x_test[0] - plain.x_test[0], 4 * how, atol=1e-6)


def test_row_4_two_hidden_layers():
    run = [cal.Run("cal", 1)]
    assert algorithm("paper").new_theta(0, run).widths == (300, 300, 300, 8)
    assert algorithm("code").new_theta(0, run).widths == (300, 300, 8)


def test_row_5_one_seed_set_for_all():
    one = algorithm("code")
    rows = [one.seed_set(seed) for seed in (1, 2)]
    assert (rows[0] == rows[1]).all()
    assert (rows[0] == np.random.RandomState(42).permutation(90)[70:]).all()


SMALL = {"hidden": (20,), "dropout": 0}


def recorded_stack(D, C, seeds, **options):
    stack = protocols.laid(model.Recorded, Stack)(D, C, seeds, **options)
    stack.record()
    return stack


def test_rows_6_and_7_order_of_labelling_and_what_the_passes_saw():
    x, y = torch.randn(2, 13, 30), torch.randint(3, (2, 13))
    stack, twin = recorded_stack(30, 3, [1, 2], **SMALL), Stack(30, 3, [1, 2], **SMALL)
    draws = model.InOrder([1, 2], "t")
    order = next(stack.fit(x, y, 1, 4, draws))
    p, psi = stack.settle(order)
    onehot = torch.nn.functional.one_hot(y, 8).float()
    for i in range(0, 13, 4):  # the passes of one epoch, by hand: before each step
        now = slice(i, i + 4)
        torch.testing.assert_close(p[:, now, :3], twin.probs(x[:, now]))
        torch.testing.assert_close(psi[:, now], twin.psi(x[:, now]))
        twin.step(x[:, now], onehot[:, now])
    assert torch.equal(stack.flat, twin.flat)


def test_what_the_passes_saw_is_in_the_order_of_the_instances():
    x, y = torch.randn(2, 13, 30), torch.randint(3, (2, 13))
    stack = recorded_stack(30, 3, [1, 2], lr=0.0, **SMALL)  # its weights never change
    for order in stack.fit(x, y, 2, 4, Draws([1, 2], "t")):
        torch.testing.assert_close(stack.settle(order)[0][..., :3], stack.probs(x))


def test_row_7_the_map_is_of_the_training_passes(monkeypatch):
    mid, seen = algorithm("paper+settled"), []
    settle = model.Recorded.settle
    monkeypatch.setattr(model.Recorded, "settle",
                        lambda self, order: seen.append(settle(self, order)[0]) or self.epochs[-1])
    L = torch.arange(20)[None]
    _theta, got = mid.train(0, [cal.Run("cal", 1)], L)
    want = datamap.data_map(torch.stack([p[..., :6] for p in seen]), mid.y[L])
    assert len(seen) == 2 and torch.equal(got.confidence, want.confidence)


def test_row_8_correctness_to_the_nearest_fifth():
    phi = [0.0, 0.2, 0.29, 0.3 - 1e-9, 0.31, 0.5, 1.0]
    phi = torch.tensor([phi], dtype=torch.float64)
    view = replace(view_of(X4, range(7)), map=datamap.DataMap(phi, phi, phi))
    assert view.high_cor().tolist() == [[0, 0, 1, 1, 1, 1, 1]]
    assert as_in(protocols.NearestFifth, view).high_cor().tolist() == [[0, 0, 0, 0, 1, 1, 1]]


def as_in(row, view):
    """A view under one row's class."""
    return protocols.laid(row, View)(**vars(view))


def test_row_9_psi_of_the_first_epoch():
    nine = algorithm("paper+trained_psi")
    stack, L = [cal.Run("cal", 1), cal.Run("cal", 2)], torch.arange(40).view(2, 20)
    theta, data_map = nine.train(0, stack, L)
    one = slice(1, 2)
    view = nine.look(0, stack[one], L[one], theta.take(one),
                     datamap.DataMap(*(f[one] for f in data_map)))
    assert torch.equal(view.psi_labelled(), theta.epochs[0][1][[1]])
    plain = view_of(X4, range(7))
    assert torch.equal(plain.psi_labelled(), plain.theta.psi(plain.x[plain.L]))


def test_row_11_linear_layer_with_a_relu_on_its_outputs():
    view = as_in(protocols.UnshuffledBinary, view_of(X4, range(24)))
    view = protocols.laid(protocols.LinearBinary, type(view))(**vars(view))
    y = torch.tensor([[0, 1] * 12])
    head = view.classifier(view.x[None, :24], y)
    assert head.widths == (8,)
    twin = Stack(4, 2, view.seeds, view.round, "binary", hidden=())
    linear = torch.nn.Linear(4, 2)
    linear.weight.data = twin.W[0][0, :, :2].T.clone()
    linear.bias.data = twin.b[0][0, 0, :2].clone()
    optimizer = torch.optim.AdamW(linear.parameters(), lr=5e-5)
    for i in [0, 16] * 30:  # in the order of labelling
        optimizer.zero_grad()
        out = torch.relu(linear(view.x[i : min(i + 16, 24)]))
        torch.nn.functional.cross_entropy(out, y[0, i : min(i + 16, 24)]).backward()
        optimizer.step()
    want = torch.softmax(torch.relu(linear(view.x)), dim=-1)
    torch.testing.assert_close(head.probs(view.x[None])[0], want)


def test_row_13_dal_learns_from_every_epoch():
    x = torch.from_numpy(two_clusters(400, far=9)).float()
    view = as_in(protocols.RecordedBinary, view_of(x, range(100)))
    view.theta.epochs, view.theta.mine = [(None, x[None, :100])] * 30, [0]
    assert (protocols.dal(view, 150)[0] >= 200).all()


def test_row_14_bald_averages_logarithms():
    view = view_of(X4, range(10))
    draws, total = view.draws("bald"), 0
    for _ in range(10):
        mask = draws.dropout(60, 4, 0.3)[0].numpy()
        total = total + np.log(probabilities((X4.astype(np.float32) * mask).astype(np.float64)))
    p = probabilities(total / 10)
    assert protocols.bald(view, 15)[0].tolist() == best_rows(
        -(p * np.log2(p)).sum(1), range(10, 60), 15)


def test_row_16_words_as_they_are_written(tmp_path):
    (tmp_path / "v.vec").write_text("how 1 2\n")
    got = load_vectors(str(tmp_path / "v.vec"), ["How", "how"], protocols.as_written)
    np.testing.assert_array_equal(got, np.array([[0, 0], [1, 2]], np.float32))


# ---- the command line ---------------------------------------------------------------------------


def test_the_released_protocol_after_kill_9_does_not_depend_on_the_stack(tmp_path):
    arguments = [*TINY, "--seeds", 1, "--protocol", "code", "--dataset", small_table(tmp_path),
                 "--out"]
    cal_main(*arguments, tmp_path / "all", "--strategies", "random", "bald", "dal", "cal")
    arguments += [tmp_path / "cut", "--strategies", "cal", "dal"]
    process = subprocess.Popen([sys.executable, str(HERE / "cal.py"), *map(str, arguments)],
                               stderr=subprocess.PIPE)
    while process.poll() is None and not list(tmp_path.glob("cut/*/runs/cal-1.round*.pt")):
        time.sleep(0.001)
    process.kill()
    process.communicate()
    cal_main(*arguments)
    assert not list((tmp_path / "cut").glob("*/runs/*.pt"))  # finished runs keep no state
    want = run_files(tmp_path / "all")
    assert len(want) == 5
    assert run_files(tmp_path / "cut") == {n: want[n] for n in run_files(tmp_path / "cut")}
    assert len(run_files(tmp_path / "cut")) == 3


def test_a_strategy_of_ones_own_under_the_released_protocol(tmp_path, monkeypatch):
    monkeypatch.setitem(strategies.STRATEGIES, "mine", strategies.least_confidence)
    assert cal_main(*TINY, "--seeds", 1, "--vectors", "hash", "--protocol", "code", "--strategies",
                    "mine", "--out", tmp_path) == 0
    assert len(run_files(tmp_path)["mine-1.jsonl"]) == 3


def test_a_full_disk_under_the_released_protocol(tmp_path, capsys):
    with limited("RLIMIT_FSIZE", 500_000):
        assert cal_main(*TINY, "--seeds", 1, "--strategies", "cal", "--protocol", "code",
                        "--vectors", "hash", "--out", tmp_path) == 2
    error = capsys.readouterr().err
    assert "File too large" in error.splitlines()[-1] and "Traceback" not in error
    assert not list(tmp_path.rglob("*.p*t"))


def test_all_the_data_trains_as_long_as_a_run_that_never_resets():
    args = options.parser(list(strategies.STRATEGIES), 30).parse_args(["--vectors", "hash"])
    for name, want in (("paper", {"full": 1, "full-long": 11}), ("paper+pad", {"full": 1}),
                       ("code", {"full": 1, "full-long": 11})):
        plan = ablation.step_plan(ablation.step_of(args, name), "cpu")
        assert plan.baselines == want and plan.s.rounds == 10 and len(plan.seeds) == 3
    made, _ = protocols.protocol("paper")
    d = data.of_arrays(X4, np.arange(60) % 2, X4, np.arange(60) % 2, 20, 8)
    with tempfile.TemporaryDirectory() as folder:
        long = made(d, cal.Settings(20, 2, 5, 4, 8), Log(folder))
        theta = []
        monitor = long.new_theta
        long.new_theta = lambda *a: theta.append(monitor(*a)) or theta[-1]
        cal.all_the_data(long, [1], "full-long", 3)
    assert theta[0].steps == 3 * 4 * 8  # three rounds of four epochs of eight mini-batches


def test_the_ladder_turns_one_row_at_a_time():
    names = ladder.ladder()
    rows = {**protocols.ROWS, **protocols.ROWS_2021}
    assert len(names) == len(set(names)) == 3 + 2 * (len(rows) - 2)
    for name in names[3:]:
        base, row = name.split("+")
        assert base in (("paper", "code") if row in protocols.ROWS else ("code", "code2021"))
        assert row in rows
    assert set(ladder.OF_CAL) < set(rows)


def test_the_ladder(tmp_path, capsys, monkeypatch):
    some = ["paper", "code", "paper+pad", "code+deep", "paper+exact"]  # all of it is above
    monkeypatch.setattr(ablation, "ladder", lambda: some)
    arguments = ["--ablate", *TINY, "--vectors", "hash", "--seeds", 1, 2, "--out", tmp_path,
                 "--dataset", small_table(tmp_path)]
    arguments[arguments.index("--rounds") + 1] = 1
    arguments[arguments.index("--epochs") + 1] = 1
    assert cal_main(*arguments) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "small.csv-ladder-hash"
    rows = {row["protocol"]: row for row in read_csv(folder / "ladder.csv")}
    assert list(rows) == some

    def accuracy(name, label):
        return np.array([[json.loads(line)["accuracy"] for line in
                          open(tmp_path / f"small.csv-{name}-hash/runs/{label}-{s}.jsonl")]
                         for s in (1, 2)])

    for name, (label, head, change) in itertools.product(
            ("paper+pad", "code+deep"),
            (("cal", "CAL", "change"), ("full", "all data", "change  "))):
        now, before = accuracy(name, label), accuracy(name.partition("+")[0], label)
        assert rows[name][head] == stats.plus_minus(now[:, -1])
        d = (now - before)[:, -1]
        assert rows[name][change] == ("+" if d.mean() >= 0 else "") + stats.plus_minus(d)
        if label == "cal":
            d = (now - before).mean(1)
            assert float(rows[name]["mean's change"].split()[0]) == pytest.approx(
                d.mean(), abs=6e-4)
    assert rows["paper+exact"]["Random"] == "as before"
    assert "for as many epochs" in said
    assert (folder / "ladder.png").stat().st_size > 0


def test_the_benchmark_prints_a_ratio():
    name, time_, ratio = next(bench.lines("cpu"))
    assert name == "training step, 1 run side by side" and time_.endswith(" ms")
    assert 0.5 < float(ratio.split()[0]) < 20


def test_the_document_has_every_row_and_names_its_class():
    text = (HERE / "docs" / "released-code.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in text.replace("\\|", "").splitlines()
            if line.startswith("| ")]
    numbers = [int(cells[0]) for cells in rows if cells[0].strip().isdigit()]
    assert numbers == list(range(1, 19))
    switch = " ".join(cells[4] for cells in rows if cells[0].strip().isdigit())
    for row, over in protocols.ROWS.items():
        for c in over:
            name = (c[1] if isinstance(c, tuple) else c).__name__
            assert f"`{row}`" in switch and name in switch or name == "Recording", name


# ---- the code of 2021 ---------------------------------------------------------------------------


def lines_of(name, folder, strategy, rounds=3):
    """The run file's lines of one run under a protocol."""
    folder.mkdir(exist_ok=True)
    run = cal.Run(strategy, 1)
    algorithm(name, cal.Settings(20, rounds, 5, 2, 8), Log(folder)).learn([run])
    lines = [json.loads(line) for line in
             (folder / f"runs/{strategy}-1.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def test_v1_trains_cal_and_dal_twice_and_nobody_else(tmp_path):
    once = lines_of("paper+reset", tmp_path / "once", "lc")
    assert lines_of("paper+twice", tmp_path / "twice", "lc") == once
    once = lines_of("paper+reset", tmp_path / "once", "cal")
    twice = lines_of("paper+twice", tmp_path / "twice", "cal")
    assert twice[0] == once[0]  # once in the first round
    # Of the second round the accuracy is that of before the second training; the map, the batch's
    # means and the picks are that of after it.
    assert twice[1]["accuracy"] == once[1]["accuracy"] and twice[1]["batch"] != once[1]["batch"]
    assert twice[1]["picked"] != once[1]["picked"]


def test_v1_goes_on_from_the_second_training(tmp_path):
    made = algorithm("paper+twice", cal.Settings(20, 3, 5, 2, 8), Log(tmp_path))
    run = [cal.Run("cal", 1)]
    steps = []
    for i in range(3):
        L = torch.arange(20 + 5 * i)[None]
        theta, _ = made.train(i, run, L)
        steps.append((float(theta.steps), hasattr(theta, "once")))
        if i:  # what is measured is the state of before, what is kept that of after
            assert not torch.equal(theta.once.W[0], theta.W[0])
            kept = torch.load(made.state_path(i, run[0]), weights_only=True)
            assert torch.equal(kept[0], theta.state[0][0])
    assert [once for _, once in steps] == [False, True, True]
    batches = [2 * -(-(20 + 5 * i) // 8) for i in range(3)]  # mini-batches of two epochs
    assert [n for n, _ in steps] == [batches[0], batches[0] + 2 * batches[1],
                                     batches[0] + 2 * batches[1] + 2 * batches[2]]


def test_v1_is_resumed_as_if_nothing_had_happened(tmp_path):
    whole = lines_of("paper+twice", tmp_path / "whole", "cal")
    part = tmp_path / "part"
    part.mkdir()
    run = cal.Run("cal", 1)

    class Cut(Exception):
        pass

    cut = algorithm("paper+twice", cal.Settings(20, 3, 5, 2, 8), Log(part))
    pick = cut.pick
    cut.pick = lambda runs, view: (_ for _ in ()).throw(Cut()) if view.round == 2 else pick(
        runs, view)
    with pytest.raises(Cut):
        cut.learn([run])
    for path in part.rglob("*.pt"):
        path.unlink()  # the states are lost as well
    assert lines_of("paper+twice", part, "cal") == whole


def test_v2_ten_epochs_unless_the_options_say_otherwise():
    ten = algorithm("paper+ten", cal.Settings(20, 2, 5))
    assert (ten.s.epochs, cal.Settings(20, 2, 5).epochs) == (10, 30)
    assert algorithm("paper+ten", cal.Settings(20, 2, 5, 4)).s.epochs == 4


def test_v3_is_adam_for_both():
    adam = algorithm("paper+adam")
    theta = adam.Theta(30, 3, [1], **SMALL)
    twin = [p.clone().requires_grad_() for p in (*theta.W, *theta.b)]
    optimiser = torch.optim.Adam(twin, lr=theta.lr)
    for _step in range(3):
        x, y = torch.randn(1, 8, 30), torch.randint(3, (1, 8))
        theta.step(x, torch.nn.functional.one_hot(y, 8).float())
        optimiser.zero_grad()
        h = torch.relu(x[0] @ twin[0][0] + twin[2][0])
        torch.nn.functional.cross_entropy(h @ twin[1][0] + twin[3][0], y[0]).backward()
        optimiser.step()
    torch.testing.assert_close(theta.W[0], twin[0].detach(), atol=1e-6, rtol=1e-4)
    view = as_in(protocols.protocol("paper+adam")[0].View, view_of(X4, range(7)))
    assert view.binary["lr"] == 1e-4 and view.new_classifier(4, 2).decay == 0


def test_v4_weighs_classes_as_pytorch_does():
    from released.first import Weighted

    stack = protocols.laid(Weighted, Stack)(30, 2, [1], **SMALL)
    twin = [p.clone().requires_grad_() for p in (*stack.W, *stack.b)]
    x, y = torch.randn(1, 8, 30), torch.tensor([[1, 1, 1, 1, 1, 1, 0, 0]])
    next(stack.fit(x, y, 1, 8, model.InOrder([1], "t")))
    h = torch.relu(x[0] @ twin[0][0] + twin[2][0])
    torch.nn.functional.cross_entropy((h @ twin[1][0] + twin[3][0])[:, :2], y[0],
                                      weight=torch.tensor([1 - 0.25, 1 - 0.75])).backward()
    torch.testing.assert_close(stack.dW[0], twin[0].grad, atol=1e-7, rtol=1e-4)
    torch.testing.assert_close(stack.dW[1][..., :2], twin[1].grad[..., :2], atol=1e-7, rtol=1e-4)


def test_v5_and_v6_are_of_the_last_epoch(tmp_path):
    made = algorithm("code2021", log=Log(tmp_path))
    stack, L = [cal.Run("dal", 1)], torch.arange(20)[None]
    theta, data_map = made.train(0, stack, L)
    view = made.look(0, stack, L, theta.take(slice(0, 1)), data_map)
    assert torch.equal(view.psi_labelled(), theta.epochs[-1][1][[0]])
    assert not torch.equal(view.psi_labelled(), theta.epochs[0][1][[0]])
    seen = []

    class Watching(type(view)):
        @property
        def Binary(self):
            binary = super().Binary

            class Seen(binary):
                def fit(self, x, y, *rest):
                    seen.append(tuple(x.shape))
                    return super().fit(x, y, *rest)
            return Seen

    made.strategies["dal"](Watching(**vars(view)), 5)
    made.strategies["dal"](type("All", (Watching,), {"epochs_of_L": slice(None)})(**vars(view)), 5)
    assert [shape[1] for shape in seen] == [20 + 70, 2 * 20 + 70]
