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
