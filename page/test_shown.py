"""What the page shows of each text, batch and colour, on a page made by hand."""

import base64
import gzip
import json

import numpy as np
import pytest

from page import explore
from page.test_page import browser, quiet  # noqa: F401 (a fixture)
from plumbing.folder import read_texts
from report.test_report import hand_made
from stats import Results

MEANS = {(1, 1): (0.11, 0.12, 0.13), (1, 2): (0.21, 0.22, 0.23)}


@pytest.fixture
def shown(tmp_path):
    """The data of a page: six texts, two rounds, a seed set of rows 4 and 2."""
    r = hand_made(tmp_path, lambda label, seed, t: 0.5 + 0.1 * t,
                  lambda label, seed, t: MEANS[1, t], lambda label, seed, t: [t], rounds=2, seeds=1,
                  labels=["cal"])
    kept = {"texts": [f"text {i}" for i in range(6)], "y": [0, 1, 0, 1, 1, 0],
            "numbers": [2, 3, 5, 8, 9, 11]}  # rows of a table that has blank ones
    (r.folder / "runs" / "texts.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode()))
    phi = np.array([0, 0.2, 0.4, 0.6, 0.8, 1])
    said = np.array([[y if e < 5 * p else 1 - y for y, p in zip(kept["y"], phi)] for e in range(5)])
    gold = np.tile((40 * np.arange(6)), (5, 1))
    rows = np.array([4, 2])
    r.maps[0] = {"y": np.array(kept["y"]), "rows": rows, "full_gold": gold, "full_said": said,
                 "seed_gold": gold[:, rows], "seed_said": said[:, rows]}
    return r, explore.shown_of(r, read_texts(r.folder, 6, 2))


def test_the_data_of_a_page(shown):
    r, D = shown
    assert D["numbers"] == [2, 3, 5, 8, 9, 11] and D["y"] == [0, 1, 0, 1, 1, 0]
    run = D["runs"]["cal"]["0"]
    assert run["batch"] == [None, [0.11, 0.12, 0.13], [0.21, 0.22, 0.23]]
    assert run["picked"] == [[0], [1], []] and run["labelled"] == [500, 550, 600]
    assert D["maps"]["0"]["seed"]["at"] == [4, 2]
    some = explore.maps_of(r.maps[0], np.array([0, 2, 5]), {0: 0, 2: 1, 5: 2})  # without row 4
    assert some["seed"]["at"] == [1] and set(base64.b64decode(some["seed"]["gold"])) == {80}
    assert base64.b64decode(some["full"]["gold"])[:3] == bytes([0, 80, 200])
    config = json.loads((r.folder / "config.json").read_text())
    config["settings"]["data_sha256"] = "another"
    (r.folder / "config.json").write_text(json.dumps(config))
    other = explore.shown_of(Results(r.folder), read_texts(r.folder, 6, 2))
    assert other["id"] != D["id"]  # so that a browser keeps their answers apart


def test_colours_classes_and_the_batch_that_is_shown(shown, browser, tmp_path):  # noqa: F811
    _, D = shown
    explore.write(tmp_path / "page.html", D)
    for t, means in ((0, "confidence is 0.110, its variability 0.120, its correctness 0.130"),
                     (1, "confidence is 0.210, its variability 0.220, its correctness 0.230")):
        browser.open(tmp_path / "page.html", f"strategy=cal&seed=0&round={t}&map=full")
        assert means in browser.run("return document.getElementById('batch').textContent")
    begun = {**D["runs"]["cal"]["0"], "accuracy": [0.5], "labelled": [500], "picked": [[0]]}
    explore.write(tmp_path / "begun.html", {**D, "runs": {"cal": {"0": begun}}})
    browser.open(tmp_path / "begun.html")  # a run that has only begun: what there is of it
    assert browser.run("return S.round") == 0
    browser.open(tmp_path / "begun.html", "round=2")
    said = browser.run("return document.body.innerText")
    assert "round 2 has not been run" in said and "NaN" not in said
    browser.open(tmp_path / "page.html")
    phi = browser.run("return Array.from(M.full.phi)")
    np.testing.assert_allclose(phi, [0, 0.2, 0.4, 0.6, 0.8, 1], atol=1e-6)
    same = "return [0, 1, 2, 3, 4, 5].map(i => colorsOf.correctness(M.full, i) === colours[i])"
    assert browser.run(same) == [True] * 6 and len(set(browser.run("return colours"))) == 6
    browser.open(tmp_path / "page.html", "seed=0&map=seed&color=class")
    assert browser.run("return M.seed.at.map((_, i) => shapeOf(M.seed, i))") == [1, 0]
    colours = browser.run("return M.seed.at.map((_, i) => colorsOf.class(M.seed, i))")
    assert colours == browser.run("return [OKABE[1], OKABE[0]]")
    quiet(browser)


# ---- the map, on a page made by hand whose places, rows and numbers are all different -----------

ROWS, AT = [3, 8, 9, 12, 20, 31], [4, 2, 0]  # the rows shown; the seed set's places among them


def dynamics(seed, n, epochs):
    rng = np.random.default_rng([seed, n])
    return rng.integers(0, 256, (epochs, n)), rng.integers(0, 3, (epochs, n))


@pytest.fixture
def handmade(browser, tmp_path):  # noqa: F811
    """(a page of six texts, two seeds and two strategies, opened at an address; its data)."""
    maps = {seed: {"full": explore.map_of(*dynamics(int(seed), 6, 10), range(6)),
                   "seed": explore.map_of(*dynamics(int(seed), 3, 5), AT)} for seed in "12"}
    run = lambda picked, up: {"labelled": [3, 4, 5], "accuracy": [0.5, 0.5 + up, 0.5 + 2 * up],
                              "picked": [*picked, []], "batch": [None, [.1, .2, .3], [.4, .5, .6]]}
    runs = {"lc": {"1": run([[8], [12, 31]], 0.1), "2": run([[31], [8]], 0.2)},
            "random": {"1": run([[12], [8]], 0.05), "2": run([[3], [12]], 0.15)}}
    D = {"title": "t", "about": "", "id": str(tmp_path), "folder": "x", "classes": ["a", "b", "c"],
         "rows": ROWS, "numbers": [row + 2 for row in ROWS], "rounds": 2, "runs": runs,
         "texts": [f"{'Word' if i % 2 else 'other'} {i}" for i in range(6)],
         "y": [0, 1, 2, 0, 1, 2], "names": explore.NAMES, "maps": maps, "borders": {},
         "kinds": ["z", "y", "x", "y", "x", "z"], "kindNames": ["x", "y", "z"],
         "todo": [], "doubts": [], "kept": []}
    explore.write(tmp_path / "page.html", D)
    return lambda state="": browser.open(tmp_path / "page.html", state), D


def statistics(gold, said, y):
    gold = gold / 255
    return gold.mean(0), gold.std(0), (said == y).mean(0)


def at_dot(page, k):
    """The k-th dot of the first map, in the window."""
    page.run("views[0].canvas.scrollIntoView()")
    x, y = page.run("const r = views[0].canvas.getBoundingClientRect();"
                    "return [r.x + views[0].px[arguments[0]], r.y + views[0].py[arguments[0]]]", k)
    return int(round(x)), int(round(y))


def over(page, x, y):
    page.call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [
        {"type": "pointerMove", "x": x, "y": y, "duration": 0}]}]})


def text_of(page):
    return page.run("return document.getElementById('text').innerText")


def test_a_dot_is_where_its_numbers_are_and_is_that_of_its_text(handmade):
    opened, D = handmade
    page = opened("map=seed&seed=2&epoch=4")  # two of the seed map's five epochs, four of ten
    gold, said = dynamics(2, 3, 5)
    y = np.array(D["y"])[AT]
    mu, sigma, phi = statistics(gold[:2], said[:2], y)
    px, py = (np.array(page.run(f"return [...views[0].p{c}]")) for c in "xy")
    assert (np.argsort(px) == np.argsort(sigma)).all() and (np.argsort(py) == np.argsort(-mu)).all()
    for k, i in enumerate(AT):
        over(page, *at_dot(page, k))
        shown = text_of(page)
        assert shown.splitlines()[0] == D["texts"][i]
        assert shown.splitlines()[-1] == (
            f"row {ROWS[i] + 2} · label {D['classes'][y[k]]} · the model's"
            f" {D['classes'][said[1, k]]} · confidence {mu[k]:.3f} · variability {sigma[k]:.3f} ·"
            f" correctness {phi[k]:.2f} · {D['kinds'][i]}")
    page.drag(at_dot(page, 1))
    assert page.run("return S.row") == ROWS[AT[1]] and f"row={ROWS[AT[1]]}" in page.run(
        "return location.hash")
    for color, want in (("prediction", said[1]), ("kind", [0, 0, 2]), ("class", y)):
        page.run("S.color = arguments[0]; update()", color)
        drawn = "return [0, 1, 2].map(k => [colorsOf[S.color](M.seed, k), shapeOf(M.seed, k)])"
        assert page.run(drawn) == [[page.run(f"return OKABE[{c}]"), c] for c in want]
    page.run("S.color = 'correctness'; update()")
    assert page.run(drawn) == [[page.run(f"return colours[{int(5 * p + 0.5)}]"),
                                page.run("return CROSS") if p <= 0.2 else 0] for p in phi]
    legend = page.run("""return [...document.querySelectorAll('#legend span')].map(s => [
        s.textContent, [...s.firstChild.getContext('2d').getImageData(7, 7, 1, 1).data]])""")
    rgb = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in page.run("return colours")]
    assert [name for name, _ in legend] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert all(np.abs(np.array(pixel[:3]) - c).max() < 12 for (_, pixel), c in zip(legend[2:],
                                                                                   rgb[2:]))
    page.run("M.seed.phi.fill(0.2)")
    assert page.run("return shapeOf(M.seed, 0)") == page.run("return CROSS")  # at most t_cor
    quiet(page)


RECORDED = """const seen = [], noted = ['lineTo', 'fillText'], g = new Proxy({}, {set: () => true,
    get: (_, name) => (...a) => { if (noted.includes(name)) seen.push(a); }}); """


def test_a_text_s_way_the_axes_and_what_is_around_it(handmade):
    opened, _ = handmade
    page = opened("map=full&seed=1&strategy=&search=")
    gold = dynamics(1, 6, 10)[0] / 255
    scale = "const v = views[0], x = c => [v.X(c[0]), v.Y(c[1])]; "
    for k in (0, 4):  # after each epoch, the map of the epochs so far
        way = [[gold[: e + 1, k].std(), gold[: e + 1, k].mean()] for e in range(10)]
        drawn, want = page.run(RECORDED + scale + "path(g, v, arguments[0]);"
                               "return [seen, arguments[1].map(x)]", k, way)
        np.testing.assert_allclose(drawn, want, atol=0.01)
    drawn, places = page.run(RECORDED + scale + "axes(g, v); return [seen, [0, .2, .4, .6, .8, 1]"
                             ".map(t => [t.toFixed(1), v.Y(t) + 4])]")
    assert [[t, y] for t, x, y in drawn if x == 31] == places
    near = page.run("S.row = D.rows[4]; around(views[0]); const v = views[0], k = 4;"
                    "return [...document.querySelectorAll('#list button')].map(b => "
                    "+b.textContent.split('  ')[0])")
    spots = np.array(page.run("return M.full.at.map((_, i) => [views[0].px[i], views[0].py[i]])"))
    order = np.argsort(np.hypot(*(spots - spots[4]).T), kind="stable")
    assert near == [ROWS[i] + 2 for i in order]
    quiet(page)


def test_a_box_lists_its_texts_and_the_arrows_walk(handmade):
    opened, D = handmade
    page = opened("map=seed&seed=1&strategy=&search=")
    dots = [at_dot(page, k) for k in range(3)]
    x, y = min(dots)  # the leftmost
    k = dots.index((x, y))
    page.drag((x - 6, y - 6), (x, y), (x + 6, y + 6))
    heads = "return [...document.querySelectorAll('#list button')].map(b => b.textContent)"
    inside = [i for i, (u, v) in zip(AT, dots) if abs(u - x) <= 6 and abs(v - y) <= 6]
    assert page.run(heads) == [
        f"{ROWS[i] + 2}  {D['texts'][i]} [{D['classes'][D['y'][i]]}]" for i in inside]
    page.run("document.querySelector('#list button').click()")
    assert page.run("return S.row") == ROWS[AT[k]]
    page.run("views[0].canvas.focus()")
    page.keys("\ue014")  # right
    assert page.run("return views[0].px[M.seed.place.get(PLACE.get(S.row))]") > page.run(
        f"return views[0].px[{k}]")
    page.run("document.activeElement.blur(); const e = document.getElementById('search');"
             "e.value = 'word'; e.dispatchEvent(new Event('input'))")
    assert [head.split("  ")[1] for head in page.run(heads)] == ["Word 1 [b]", "Word 3 [a]",
                                                                "Word 5 [c]"]
    quiet(page)


def test_picks_and_curves_are_those_of_their_strategy_seed_and_round(handmade):
    opened, D = handmade
    page = opened("strategy=lc&strategy2=random&seed=1&round=1&map=full")
    lit = page.run("const l = litTexts(), rows = s => [...s].map(i => D.rows[i]); return ["
                   "rows(l.now), rows(l.first), rows(l.second), [...l.all].map(([i, age]) =>"
                   " [D.rows[i], age])]")
    assert [set(s) for s in lit[:3]] == [{12, 31, 8}, {8, 12, 31}, {12, 8}]
    assert dict(lit[3]) == {8: 0, 12: 0, 31: 0}  # 8 was lc's in round 0, and is random's now
    page = opened("strategy=lc&seed=2&round=1&map=full")
    assert dict(page.run("return [...litTexts().all].map(([i, age]) => [D.rows[i], age])")) == {
        31: 1, 8: 0}
    said = page.run("return document.getElementById('batch').textContent")
    assert said.startswith("lc: 4 labels, accuracy 0.700; in the next round's training") and (
        "confidence is 0.400" in said)
    page = opened("strategy=lc&strategy2=random&seed=1&round=2&map=full")
    lines = page.run("return [...document.querySelectorAll('#curve polyline')].map(p => ["
                     "p.getAttribute('stroke'), p.getAttribute('points')])")
    assert [stroke for stroke, _ in lines] == page.run("return [css('--lit'), css('--lit2')]")
    heights = [[float(point.split(",")[1]) for point in points.split()] for _, points in lines]
    for name, found in zip(("lc", "random"), heights):
        accuracy = np.array(D["runs"][name]["1"]["accuracy"])
        np.testing.assert_allclose(found, 110 - (accuracy - 0.5) / 0.2 * 95, atol=1e-6)
    page.keys("[")  # one epoch less
    assert page.run("return S.epoch") == 9
    page = opened("strategy=lc&strategy2=random&seed=1&round=0&map=full")
    pixels = page.run("""const [v] = views, c = v.canvas, r = c.width / v.W, all = c.getContext(
        '2d').getImageData(0, 0, c.width, c.height).data;
        return [1, 3].map(k => 4 * (Math.round(v.py[k] * r) * c.width + Math.round(v.px[k] * r))
        ).map(at => [...all.slice(at, at + 3)])""")
    for pixel, name in zip(pixels, ("--lit", "--lit2")):  # rows 8 and 12: circle and square
        want = page.run("return css(arguments[0])", name)
        assert np.abs(np.array(pixel) - [int(want[i : i + 2], 16) for i in (1, 3, 5)]).max() < 12
    quiet(page)
