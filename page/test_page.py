"""The page in a real browser: Debian's chromium and chromedriver, headless; skipped without."""

import base64
import contextlib
import csv
import io
import json
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import cal
import data
from fast import SideBySide
from page import explore
from plumbing.arguments import script
from plumbing.files import write_csv
from plumbing.runs import Log
from stats import Results
from strategies import STRATEGIES
from test_cal import TINY, cal_main, read_csv, run_files, tiny

HOSTILE = [
    '</script><script>document.title="broken"</script>', "<!-- <script>", "=1+1", "+49 30", "-",
    '"quoted", and\n two lines', "😀 emoji 👩‍👩‍👧", "שלום עולם, مرحبا", "' apostrophe",
    "tab\there", "&amp; &lt;b&gt;", "a \u2028 separator \u2029 b", "C:\\new\\table",
    "${alert(1)} `x`", "𝕏 beyond the plane"]


class Browser:
    """A headless chromium, driven over the W3C WebDriver protocol."""

    def __init__(self, profile, *more):
        self.opened = 0
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        # Not a pipe: nobody would read it, and chromium's warnings would fill it and block it.
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        for _ in range(100):
            with contextlib.suppress(OSError):
                self.call("GET", "/status")
                break
            time.sleep(0.1)
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={profile}", *more]
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": flags},
            "pageLoadStrategy": "none",  # chromedriver's own wait missed an event now and then
            "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.base += f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method, headers={
            "Content-Type": "application/json"}, data=None if body is None else json.dumps(
            body).encode())
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, path, state=""):
        """Load the page anew with state as its address, and wait until it is drawn."""
        self.opened += 1  # a query of its own: another hash alone would not load the page again
        self.call("POST", "/url", {"url": f"{Path(path).as_uri()}?{self.opened}#{state}"})
        for _ in range(200):
            with contextlib.suppress(urllib.error.HTTPError):  # between two pages
                if self.run("return location.search + document.body.dataset.ready"
                            ) == f"?{self.opened}1":
                    return self
            time.sleep(0.05)
        raise AssertionError("the page is not ready")

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def keys(self, text):
        strokes = [stroke for c in text for stroke in ({"type": "keyDown", "value": c},
                                                       {"type": "keyUp", "value": c})]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": strokes}]})

    def drag(self, *points):
        """Press the mouse at the first point, move over the others, let go at the last."""
        moves = [{"type": "pointerMove", "x": int(x), "y": int(y), "duration": 20}
                 for x, y in points]
        self.call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [
            moves[0], {"type": "pointerDown", "button": 0}, *moves[1:],
            {"type": "pointerUp", "button": 0}]}]})

    def errors(self):
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def close(self):
        with contextlib.suppress(OSError):
            self.call("DELETE", "")
        self.driver.terminate()
        self.driver.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not shutil.which("chromedriver") or not shutil.which("chromium"):
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def quiet(browser):
    """No error in the console, and no request but for the page itself."""
    assert browser.errors() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


shown_data = explore.data_in


def test_what_is_in_the_page_is_what_the_runs_left(tiny):
    out, _ = tiny
    folder, d = out / "demo-paper-pool", data.load("demo")
    D = shown_data(folder / "explore.html")
    assert D["texts"] == d.texts and D["y"] == d.y.tolist() and D["kinds"] == d.kind.tolist()
    for name, lines in run_files(out).items():
        label, _, seed = name[:-6].rpartition("-")
        if label != "full":
            run = D["runs"][label][seed]
            assert run["picked"] == [x["picked"] for x in lines]
            assert run["accuracy"] == [round(x["accuracy"], 4) for x in lines]
    assert list(D["maps"]) == ["1", "2"]
    for seed in D["maps"]:
        with np.load(folder / "runs" / f"maps-{seed}.npz") as file:
            m = dict(file)
        for name, at in (("full", range(2500)), ("seed", m["rows"])):
            shown = D["maps"][seed][name]
            assert shown["at"] == list(map(int, at))
            gold = np.frombuffer(base64.b64decode(shown["gold"]), np.uint8).reshape(
                shown["epochs"], -1) / 255
            said = np.frombuffer(base64.b64decode(shown["said"]), np.uint8).reshape(
                shown["epochs"], -1)
            np.testing.assert_allclose(gold.mean(0), m[f"{name}_confidence"], atol=0.003)
            np.testing.assert_allclose(gold.std(0), m[f"{name}_variability"], atol=0.003)
            y = d.y if name == "full" else d.y[m["rows"]]
            np.testing.assert_allclose((said == y).mean(0), m[f"{name}_correctness"], atol=1e-6)


def test_of_many_texts_those_that_runs_are_about_come_first(tiny, monkeypatch):
    r, d = Results(tiny[0] / "demo-paper-pool"), data.load("demo")
    monkeypatch.setattr(explore, "MOST", 1500)
    rows = explore.rows_shown(r, 2500)
    picked = {row for of_seed in r.runs.values() for lines in of_seed.values() for x in lines
              for row in x["picked"]}
    assert len(set(rows.tolist())) == 1500 and picked <= set(rows.tolist())
    D = explore.shown_of(r, r.texts())
    border = json.loads((r.folder / "runs" / "border-1.json").read_text())
    assert D["borders"]["1"]["p"] == [round(border["p_high"][row], 4) for row in D["rows"]]
    assert "shows 1,500 of them, sampled" in D["about"]
    assert D["texts"] == [d.texts[row] for row in D["rows"]]
    assert D["kinds"] == d.kind[D["rows"]].tolist() and D["y"] == d.y[D["rows"]].tolist()
    assert set(D["maps"]["1"]["seed"]["at"]) <= set(range(1500))


def test_points_hover_and_picks(tiny, browser):
    out, _ = tiny
    page, files, d = out / "demo-paper-pool" / "explore.html", run_files(out), data.load("demo")
    browser.open(page)
    assert browser.run("return document.body.dataset.points") == "2500"
    for row in random.Random(0).sample(range(2500), 50):
        browser.run(f"location.hash = 'row={row}'")
        time.sleep(0.02)
        assert browser.run("return document.getElementById('the-text').textContent") == d.texts[row]
    for strategy, t in (("cal", 0), ("lc", 1), ("random", 2)):
        browser.open(page, f"strategy={strategy}&seed=2&round={t}")
        picked = files[f"{strategy}-2.jsonl"][t]["picked"]
        assert browser.run("return document.body.dataset.picks") == str(len(picked))
        lit = browser.run("return [...litTexts().now].map(i => D.rows[i])")
        assert sorted(lit) == sorted(picked)
    browser.open(page, "strategy=cal&strategy2=lc&seed=1&round=1")
    both = {row for s in ("cal", "lc") for row in files[f"{s}-1.jsonl"][1]["picked"]}
    assert browser.run("return document.body.dataset.picks") == str(len(both))
    quiet(browser)


def test_time_search_and_the_address(tiny, browser):
    out, _ = tiny
    page = out / "demo-paper-pool" / "explore.html"
    with np.load(out / "demo-paper-pool" / "runs" / "maps-1.npz") as m:
        gold = m["full_gold"] / 255
    for E in (2, len(gold)):
        browser.open(page, f"epoch={E}&map=full&row=7")
        mu, sigma = browser.run("return [M.full.mu[7], M.full.sigma[7]]")
        assert mu == pytest.approx(gold[:E, 7].mean(), abs=1e-5)
        assert sigma == pytest.approx(gold[:E, 7].std(), abs=1e-5)
    browser.open(page, "search=capital")
    want = sum("capital" in text.lower() for text in data.load("demo").texts)
    assert browser.run("return document.getElementById('found').textContent").startswith(f"{want} ")
    browser.run("document.getElementById('color').value = 'class';"
                "document.getElementById('color').dispatchEvent(new Event('input'))")
    browser.run("keep(12)")
    assert browser.run("return location.hash") == "#color=class&row=12&search=capital"
    browser.run("document.activeElement.blur()")
    browser.keys("[")
    assert "epoch=" in browser.run("return location.hash")
    browser.run("search.value = S.search = ''; update(); views[0].canvas.focus()".replace(
        "search.v", "document.getElementById('search').v"))
    browser.keys("\ue007")  # Enter: what a dragged box does, from the keyboard
    near = browser.run("return [...document.querySelectorAll('#list button')].map(b =>"
                       " D.numbers.indexOf(Number(b.textContent.split(' ')[0])))")
    x, y = (np.array(browser.run(f"return [...views[0].p{c}]")) for c in "xy")
    away = np.hypot(x - x[12], y - y[12])
    assert len({*near}) == 50 and away[near].max() == pytest.approx(np.sort(away)[49])
    quiet(browser)


def test_a_dragged_box_lists_its_texts_and_a_click_keeps_one(tiny, browser):
    browser.open(tiny[0] / "demo-paper-pool" / "explore.html", "map=full")
    browser.run("views[0].canvas.scrollIntoView()")
    x, y, W, H = browser.run("const r = views[0].canvas.getBoundingClientRect();"
                             "return [r.x, r.y, r.width, r.height]")
    a, b = (x + 40, y + H * 0.4), (x + W * 0.5, y + H * 0.7)
    browser.drag(a, ((a[0] + b[0]) / 2, a[1] + 9), b)
    inside = browser.run("""const [v] = views, [x, y, w, h] = v.box; return v.m.at.filter((_, i) =>
        v.px[i] >= x && v.px[i] <= x + w && v.py[i] >= y && v.py[i] <= y + h).length""")
    assert inside > 20
    found = browser.run("return document.getElementById('found').textContent")
    assert found == f"{inside:,} texts selected"
    k = browser.run("keep(-1); return [...views[0].px.keys()].find(i => views[0].px[i] > 60)")
    at = browser.run(f"return [views[0].px[{k}], views[0].py[{k}]]")
    browser.drag((x + at[0], y + at[1]))
    row = int(browser.run("return S.row"))
    near = browser.run(f"const v = views[0]; return Math.hypot(v.px[{row}] - v.px[{k}],"
                       f" v.py[{row}] - v.py[{k}])")
    assert row >= 0 and near < 3
    quiet(browser)


def test_ten_thousand_texts_are_drawn(tmp_path, browser):
    n, rng = 10_000, np.random.default_rng(0)
    gold, said = rng.integers(0, 256, (10, n)), rng.integers(0, 3, (10, n))
    explore.write(tmp_path / "big.html", {
        "title": "big", "about": "", "id": "big", "folder": "x", "classes": ["a", "b", "c"],
        "rows": list(range(n)), "numbers": list(range(n)), "texts": ["a text"] * n, "y": [0] * n,
        "names": explore.NAMES, "maps": {"": {"full": explore.map_of(gold, said, range(n))}},
        "runs": {}, "rounds": 0, "todo": [], "doubts": [], "kept": []})
    browser.open(tmp_path / "big.html")
    assert browser.run("return document.body.dataset.points") == str(n)
    quiet(browser)


@pytest.fixture
def labelling(tmp_path):
    """A folder of a next batch: 260 texts without a label, hostile ones among them."""
    texts = HOSTILE + [f"text {i} of kind {'abc'[i % 3] * 3}" for i in range(300)]
    rows = [(text, "abc"[i % 3] if i >= 260 else "") for i, text in enumerate(texts)]
    rows[299] = (rows[299][0], "c")
    write_csv(tmp_path / "my.csv", ["text", "label"], rows)
    arguments = ["--dataset", tmp_path / "my.csv", "--out", tmp_path / "out", "--vectors", "hash",
                 "--seeds", 1, "--batch", 260, "--epochs", 15, "--random-share", 0]
    assert cal_main(*arguments) == 0
    return tmp_path / "out" / "my.csv-paper-hash", arguments


def test_two_hundred_labels_by_key_and_back(labelling, browser, tmp_path, capsys):
    folder, arguments = labelling
    batch = read_csv(folder / "next_batch.csv")
    browser.open(folder / "explore.html")
    assert browser.run("return document.title") == "my.csv: the next texts to label"
    keys = "".join("123"[i % 3] for i in range(200))
    todo = shown_data(folder / "explore.html")["todo"]
    offered = [[c for c, _ in item["likely"]] for item in todo]
    browser.keys(keys[:100])
    browser.open(folder / "explore.html")  # a reload in between: it opens where one was
    browser.keys(keys[100:])
    browser.keys("-")
    assert browser.run("return document.body.dataset.labelled") == "201"
    assert browser.run("return document.getElementById('progress').textContent").startswith(
        f"201 of {len(batch)} texts labelled")
    browser.keys("3\ue003")  # undone: Backspace
    assert browser.run("return document.body.dataset.labelled") == "201"
    browser.keys('a, new "class"\ue007')  # letters find a class, and none has this name
    saved = browser.run("return labelsCsv()")
    (folder / "labels.csv").write_text(saved, "utf-8")
    capsys.readouterr()
    assert cal_main(*arguments) == 0
    kept = {row["text"]: row["label"] for row in read_csv(folder / "labels.csv")}
    want = {row["text"]: offered[i]["123".index(keys[i])] for i, row in enumerate(batch[:200])}
    assert {text: kept[text] for text in want} == want
    assert kept[batch[200]["text"]] == "-"
    assert 'a, new "class"' in kept.values()
    done = {row["text"]: row["label"] for row in read_csv(folder / "labelled.csv")}
    assert all(done[text] == label for text, label in want.items())
    assert {row["text"] for row in batch} & set(HOSTILE)
    quiet(browser)


def test_hostile_texts_are_shown_as_they_are(labelling, browser):
    folder, _ = labelling
    batch = [row["text"] for row in read_csv(folder / "next_batch.csv")]
    seen = []
    for i, text in enumerate(batch):
        if text in HOSTILE:
            browser.open(folder / "explore.html", f"item={i}")
            seen.append(text)
            shown = browser.run("return document.getElementById('text-to-label').textContent")
            assert shown == text
    assert set(seen) == set(HOSTILE) and browser.run("return document.title") != "broken"
    quiet(browser)


def test_doubts_can_be_corrected(labelling, browser, tmp_path):
    folder, arguments = labelling
    rows = list(csv.reader(io.StringIO((tmp_path / "my.csv").read_text("utf-8-sig"))))
    rows[-1][1] = "a" if rows[-1][1] != "a" else "b"  # a wrong label, in the file itself
    for row in rows[200:-1]:
        row[1] = "abc"[int(row[0].split()[1]) % 3] if row[0].startswith("text") else row[1]
    write_csv(tmp_path / "my.csv", rows[0], rows[1:])
    assert cal_main(*arguments) == 0
    D = shown_data(folder / "explore.html")
    place = next(i for i, doubt in enumerate(D["doubts"]) if doubt["text"] == rows[-1][0])
    browser.open(folder / "explore.html", f"item={len(D['todo']) + place}")
    right = D["doubts"][place]["model"]
    browser.keys("1")  # the model's class; the second key keeps the label
    assert browser.run("return answerOf(shown[0]) || answerOf(items.find(t => t.doubt))") == right
    (folder / "labels.csv").write_text(browser.run("return labelsCsv()"), "utf-8")
    assert cal_main(*arguments) == 0
    done = {row["text"]: row["label"] for row in read_csv(folder / "labelled.csv")}
    assert done[rows[-1][0]] == right
    quiet(browser)


def test_labelling_by_keyboard_alone(labelling, browser):
    folder, arguments = labelling
    assert cal_main(*arguments, "--strategies", "margin") == 0
    D = shown_data(folder / "explore.html")
    browser.open(folder / "explore.html")
    answers = "return shown.filter(answerOf).map(t => [t.text, answerOf(t)])"
    first, second = D["todo"][:2]
    browser.run("views.length && views[0].canvas.focus()")
    browser.keys("-\ue007")  # on the map these zoom and list: nothing is skipped or labelled
    assert browser.run(answers) == [] and browser.run("return S.item") == 0
    browser.run("document.activeElement.blur()")
    browser.keys("\ue007")  # Enter: the likeliest
    assert browser.run(answers) == [[first["text"], first["likely"][0][0]]]
    browser.keys("skip")  # letters find classes, and never skip or undo
    assert browser.run(answers) == [[first["text"], first["likely"][0][0]]]
    assert browser.run("return document.getElementById('find').value") == "skip"
    browser.keys("\ue00c")  # Escape leaves the field
    browser.keys("b\ue007")  # the class whose name begins with b
    assert browser.run(answers)[1] == [second["text"], "b"]
    browser.run("window.confirm = () => true; acceptAll()")
    assert len(browser.run(answers)) == len(D["todo"])
    browser.keys("\ue003")  # one key takes all of them back
    assert len(browser.run(answers)) == 2
    browser.run("localStorage.setItem(KEY, JSON.stringify({[shown[2].text]: {row: shown[2].row,"
                " label: 'c', how: 'x', at: Date.now() + 9e6}})); store()")  # another tab's answer
    assert browser.run("return answerOf(shown[2])") == "c" and len(browser.run(answers)) == 3
    browser.keys("x")  # a letter, and taken back: the field is left, and 1 is a class again
    browser.keys("\ue003")
    assert browser.run("return document.activeElement.tagName + S.item") == "BODY2"
    held = ("for (const repeat of [false, true, true]) dispatchEvent(new KeyboardEvent('keydown',"
            " {key: '1', repeat})); return S.item")
    assert browser.run(held) == 3  # a key that is held down answers one text
    browser.run("done.push(shown.slice(0, -2).map(t => answer(t, 'a'))); go(1); give('b')")
    assert browser.run("return S.item") == len(D["todo"]) - 2  # the next without an answer
    browser.keys("\ue014-")  # later, then the last one: back to what was left out
    assert browser.run("return S.item") == len(D["todo"]) - 2
    browser.keys("211\ue007")  # all have one: a key too many changes none
    assert browser.run("return answerOf(shown.at(-2)) + answerOf(shown.at(-1)) + ended"
                       ) == D["todo"][-2]["likely"][1][0] + "-true"
    browser.keys("\ue012")
    assert browser.run("return ended + ' ' + S.item") == f"false {len(D['todo']) - 2}"
    browser.open(folder / "explore.html", "batch=9&item=3")  # of another batch: its first open text
    assert browser.run("return S.item") == 0
    browser.run("Storage.prototype.setItem = () => { throw new Error('full') }; store()")
    assert "cannot keep" in browser.run("return document.getElementById('saved').textContent")
    assert browser.run("const e = new Event('beforeunload', {cancelable: true});"
                       " dispatchEvent(e); return e.defaultPrevented")  # it asks before it closes
    browser.run("unkept = false")
    quiet(browser)


def test_the_whole_table_two_people_and_answers_that_survive_the_next_call(browser, tmp_path):
    kinds = ("a cat sat", "a dog ran", "the game is on")
    rows = [(i, f"{kinds[i % 3]} {i // 3}", "abg"[i % 3] if i < 40 else "") for i in range(120)]
    rows[119] = (119, rows[41][1].upper(), "")
    write_csv(tmp_path / "my.csv", ["id", "text", "label"], rows)
    (tmp_path / "classes.txt").write_text("a\nb\ng\nnever used\n")
    arguments = ["--dataset", tmp_path / "my.csv", "--out", tmp_path / "out", "--vectors", "hash",
                 "--seeds", 1, "--batch", 10, "--epochs", 5, "--classes", tmp_path / "classes.txt",
                 "--annotator", "ann", "bob"]
    assert cal_main(*arguments) == 0
    folder = tmp_path / "out" / "my.csv-paper-hash"
    browser.open(folder / "explore.html")
    text, mine = "return shown[S.item].text", "return shown.map(t => t.text)"
    batch = read_csv(folder / "next_batch.csv")
    of = lambda who: [row["text"] for row in batch if row["who"] == who]
    assert browser.run(mine) == of("ann") and len(of("ann")) < 10
    browser.keys("/game\ue007")  # the whole table is searched: labelled texts and others too
    found = [t for _, t, _ in rows if "game" in t.lower()]
    assert set(browser.run(mine)) <= set(found) and len(browser.run(mine)) == 39  # and a copy
    hits = "return [...document.querySelectorAll('#hits button')].map(b => b.textContent)"
    assert len(browser.run(hits)) == len(browser.run(mine))
    one = browser.run("return shown.findIndex(t => t.how === 'searched')")
    browser.run("document.querySelectorAll('#hits button')[arguments[0]].click()", one)
    searched = browser.run(text)
    browser.keys("never\ue007")  # a class that nobody has used
    labelled = browser.run("return shown.findIndex(t => t.label)")
    browser.run("go(arguments[0])", labelled)
    looked = browser.run("return [shown[S.item].text, shown[S.item].label]")
    browser.keys("1")  # keeps its label
    browser.keys("/\ue00c")  # Escape leaves the search
    assert browser.run(mine) == of("ann")
    browser.keys("1")
    browser.open(folder / "explore.html")  # the next one without an answer
    assert browser.run(text) == of("ann")[1]
    browser.open(folder / "explore.html", "who=bob")
    assert browser.run(mine) == of("bob") and browser.run("return answerOf(shown[0])") == ""
    browser.keys("2")
    assert "4 answers are kept in this browser only" in browser.run(
        "return document.getElementById('saved').textContent")
    write_csv(tmp_path / "my.csv", ["id", "text", "label"],
              [(i, t, "a" if i == 50 else c) for i, t, c in rows])
    assert cal_main(*arguments) == 0  # another call before anything was saved
    browser.open(folder / "explore.html")
    saved = browser.run("const text = labelsCsv(); save(); return text")
    (folder / "labels.csv").write_text(saved, "utf-8")
    assert cal_main(*arguments) == 0
    kept = {(row["text"], row["who"]): row for row in read_csv(folder / "labels.csv")}
    assert len(kept) == 4 and {row["batch"] for row in kept.values()} == {"1", ""}
    first = browser.run("return offered({likely: [], label: ''})")
    assert kept[searched, "ann"]["label"] == "never used" in first
    assert kept[searched, "ann"]["how"] == "searched"
    assert [kept[looked[0], "ann"][name] for name in ("label", "reviewed")] == [looked[1]] * 2
    assert kept[of("ann")[0], "ann"]["how"] == batch[0]["how"] and (of("bob")[0], "bob") in kept
    (folder / "labels.csv").write_text(saved.replace("never used", "g"), "utf-8")
    assert cal_main(*arguments) == 0
    browser.open(folder / "explore.html")  # what was saved is the file's now
    assert browser.run("return Object.keys(given).length") == 0
    assert "never used" not in browser.run("return labelsCsv()")
    shutil.copy(folder / "explore.html", tmp_path / "old.html")
    open_text = next(r["text"] for r in read_csv(folder / "next_batch.csv") if r["who"] == "ann")
    browser.keys("1")  # in the old page; then the file has one label more, and a new call is made
    browser.open(tmp_path / "old.html")
    kept, more = read_csv(folder / "labels.csv"), [200, "a cat came", "a", "", "", "", ""]
    write_csv(folder / "labels.csv", list(kept[0]), [*(r.values() for r in kept), more])
    assert cal_main(*arguments) == 0
    browser.keys("1")  # the old page again: what it keeps is found by the new one
    old = browser.run("return labelsCsv()")
    browser.open(folder / "explore.html")
    assert browser.run("return Object.keys(given).length") == 2
    assert browser.run("return given['ann\\n' + arguments[0]].label", open_text)
    (folder / "labels.csv").write_text(old, "utf-8")  # saved over a newer one: nothing is lost
    assert cal_main(*arguments) == 0
    assert {r["text"] for r in read_csv(folder / "labels.csv")} >= {"a cat came", open_text}
    quiet(browser)


def test_a_page_is_renewed_with_its_own_data_and_nothing_else_is_touched(tmp_path, monkeypatch,
                                                                         capsys):
    explore.write(tmp_path / "a.html", {"texts": HOSTILE})
    before = (tmp_path / "a.html").read_bytes()
    (tmp_path / "a.html").write_bytes(before.replace(b"<h1", b"<h2 old"))
    (tmp_path / "b.html").write_text("<p>a page of another kind</p>")
    for name, code in (("a.html", 0), ("b.html", 2), ("none.html", 2)):
        monkeypatch.setattr("sys.argv", ["page.explore", str(tmp_path / name)])
        with pytest.raises(SystemExit) as left:
            script(explore.renew)
        assert (left.value.code or 0) == code and capsys.readouterr().err.count("\n") == bool(code)
    assert (tmp_path / "a.html").read_bytes() == before
    assert (tmp_path / "b.html").read_text() == "<p>a page of another kind</p>"


def test_two_folders_of_one_table_keep_their_answers_apart(labelling, tmp_path):
    folder, arguments = labelling
    elsewhere = [a if a != tmp_path / "out" else tmp_path / "other" for a in arguments]
    assert cal_main(*elsewhere) == 0
    ids = [shown_data(where / "explore.html")["id"]
           for where in (folder, tmp_path / "other" / folder.name)]
    assert ids[0] != ids[1]


def test_an_address_that_asks_for_what_is_not_there_says_so(tiny, browser):
    page = tiny[0] / "demo-paper-pool" / "explore.html"
    notice = "return [notice.hidden, notice.textContent]"
    assert browser.open(page).run(notice) == [True, ""]
    last, epochs = browser.run("return [D.rounds, epochs]")
    for asked, key, found in (("seed=1003", "seed", "2"), ("strategy=xyz", "strategy", "cal"),
                              ("round=99", "round", last), ("round=-4", "round", 0),
                              ("epoch=99", "epoch", epochs), ("map=xyz", "map", "full"),
                              ("color=red", "color", "correctness"), ("row=9999", "row", -1)):
        browser.open(page, asked)
        assert browser.run(f"return S.{key}") == found
        hidden, said = browser.run(notice)
        assert not hidden and asked.split("=")[1] in said
        assert browser.run("return document.body.dataset.points") == "2500"
        assert "NaN" not in browser.run("return document.body.innerText")
    browser.open(page, "speed=3")
    assert "speed" in browser.run(notice)[1]
    quiet(browser)


def test_the_map_is_that_of_the_chosen_seed_and_its_picks_are_listed(tiny, browser):
    out, _ = tiny
    page = out / "demo-paper-pool" / "explore.html"
    for seed in (1, 2):
        browser.open(page, f"seed={seed}&map=seed&strategy=cal&round=0")
        with np.load(out / "demo-paper-pool" / "runs" / f"maps-{seed}.npz") as m:
            begun = m["rows"].tolist()
        assert browser.run("return M.seed.at.map(i => D.rows[i])") == begun
        picked = run_files(out)[f"cal-{seed}.jsonl"][0]["picked"]
        assert not set(picked) & set(begun)
        heads = browser.run("return [...list.children].map(item => item.textContent)"
                            .replace("list.", "document.getElementById('list')."))
        assert {int(head.split()[0]) for head in heads} == {
            browser.run(f"return D.numbers[PLACE.get({row})]") for row in picked}
        assert f"seed {seed}" in browser.run("return views[0].caption.textContent")
    quiet(browser)


# ---- the guide ----------------------------------------------------------------------------------

SAID = "return document.getElementById('guide').innerText.replaceAll('\\u00a0', ' ')"


def hidden(browser, name):
    return browser.run(f"return document.getElementById('{name}').hidden")


def pressed(browser, name):
    browser.run(f"document.getElementById('{name}').click()")


def test_the_guide_moves_the_controls_remembers_its_step_and_can_be_left(tiny, browser):
    page = tiny[0] / "demo-paper-pool" / "explore.html"
    browser.open(page).run("localStorage.removeItem(GUIDE)")
    assert "New here?" in browser.open(page).run(SAID) and browser.run("return S.step") == 0
    pressed(browser, "guide-next")
    heads, settings = [], []
    steps = browser.run("return STEPS.length")
    for step in range(1, steps + 1):
        said = browser.run(SAID)
        assert said.startswith(f"{step} of {steps}: ") and not re.search("NaN|undefined|null", said)
        assert browser.run("return document.querySelectorAll('.look').length") > 0
        assert int(browser.run("return document.body.dataset.points")) == 2500
        assert f"step={step}" in browser.run("return location.hash")
        heads.append(said.splitlines()[0])
        settings.append(browser.run("return [S.map, S.strategy, S.strategy2, S.color]"))
        browser.keys("n" if step < steps else "p")
    assert 7 <= steps <= 9 and len(set(heads)) == steps and len({*map(tuple, settings)}) > 4
    assert ["full", "cal", "random", "correctness"] in settings
    here = browser.run("return location.hash")[1:]  # the last step but one, after a step back
    assert f"{steps - 1} of" in browser.open(page, here).run(SAID)
    assert f"go on at step {steps - 1}" in browser.open(page).run(SAID)
    pressed(browser, "guide-next")
    assert browser.run(SAID).startswith(f"{steps - 1} of")
    browser.open(page, "step=6&strategy=random&strategy2=lc&round=0")  # the address goes first
    assert browser.run("return [S.strategy, S.strategy2, S.round]") == ["random", "lc", 0]
    back = browser.run("return location.hash")[1:]
    assert browser.open(page, back).run("return [S.strategy, S.round, S.step]") == ["random", 0, 6]
    pressed(browser, "guide-leave")
    assert hidden(browser.open(page), "guide") and not hidden(browser, "guide-open")
    pressed(browser, "guide-open")
    assert browser.run(SAID).startswith("1 of")
    browser.open(page, "step=44")
    assert "no step “44”" in browser.run("return document.getElementById('notice').textContent")
    quiet(browser)


def paragraphs(browser, page, words):
    """The text of the guide's step whose head has these words."""
    step = browser.run(f"return STEPS.findIndex(s => s.head.includes('{words}')) + 1")
    assert step, words
    return browser.open(page, f"step={step}").run(SAID)


def test_what_the_guide_says_is_what_the_runs_left(tiny, browser):
    out, d = tiny[0], data.load("demo")
    page, files = out / "demo-paper-pool" / "explore.html", run_files(out)
    with np.load(out / "demo-paper-pool" / "runs" / "maps-1.npz") as file:
        m = dict(file)
    mu, sigma, phi = (m[f"full_{name}"] for name in ("confidence", "variability", "correctness"))
    browser.open(page)
    said = paragraphs(browser, page, "three regions")
    assert f"right about {(phi > 0.999).sum():,} of the 2,500" in said
    assert d.texts[sigma.argmax()][:80] in said and d.texts[mu.argmin()][:80] in said
    assert f"2 ambiguous (made to be {d.kind[sigma.argmax()]})" in said
    marks = browser.run("return STEPS.find(s => s.head.includes('three regions')).marks")
    assert marks[1:] == [sigma.argmax(), mu.argmin()]
    assert (mu - sigma)[marks[0]] > (mu - sigma).max() - 0.01  # the page has p in steps of 1/255
    corner = sigma[(mu - sigma).argmax()] < sigma.max() / 2  # else easy texts lie further right
    assert ("at the top left, ambiguous" in said) == corner
    low = (m["seed_correctness"] <= 0.2 + 1e-6).sum()
    said = paragraphs(browser, page, "sees only")
    assert f"{low} of {len(m['rows'])} texts are low-cor" in said
    seen = np.array(browser.run("return D.borders[INITIAL.seed].correctness"))
    assert f"In its own first round {(seen <= 0.2 + 1e-6).sum()} of {len(seen)} were low" in said
    t = browser.run("return INITIAL.round")
    picked = files["lc-1.jsonl"][t]["picked"]
    said = paragraphs(browser, page, "unsure")
    assert f"mean confidence of these texts is {mu[picked].mean():.2f}" in said
    for name in ("lc", "random"):
        picked = files[f"{name}-1.jsonl"][t]["picked"]
        said = paragraphs(browser, page, "unsure" if name == "lc" else "Random picks")
        for values, verb in ((mu, "On this map the mean"), (sigma, "Their mean")):
            gap = values[picked].mean() - values.mean()
            clear = abs(gap) > 2 * values[picked].std() / np.sqrt(len(picked) - 1)
            how = "not clearly different from" if not clear else "higher than" if gap > 0 else (
                "lower than")
            assert f"is {values[picked].mean():.2f}, {how} that of all texts" in said, (name, verb)
    wrong = (d.kind[np.argsort(mu, kind="stable")[:50]] == "mislabelled").sum()
    said = paragraphs(browser, page, "nobody")
    assert f"50 texts with the lowest confidence, {wrong} are" in said
    assert "Click the dot" in paragraphs(browser, page, "yourself")
    rare = sorted(np.flatnonzero(d.y == np.bincount(d.y).argmin()), key=lambda row: mu[row])
    other = next(row for row in range(2500) if row not in rare)
    for row, verdict in ((other, "No: "), (rare[0], "Right: "), (rare[-1], "Not yet: ")):
        browser.run(f"keep({row})")
        assert verdict in browser.run(SAID)
    quiet(browser)


def test_what_the_guide_says_of_cal_is_what_its_runs_left(tiny, browser):
    d, files = data.load("demo"), run_files(tiny[0])
    page = tiny[0] / "demo-paper-pool" / "explore.html"
    browser.open(page)
    cal, random = ([files[f"{name}-{seed}.jsonl"] for seed in (1, 2)] for name in ("cal", "random"))

    def batches(measure, lines):
        return np.mean([measure(x["picked"]) for x in lines[:-1]])

    words = [[batches(lambda rows: np.mean([len(d.texts[r].split()) for r in rows]), lines)
              for lines in of_seed] for of_seed in (cal, random)]
    said = paragraphs(browser, page, "CAL picks")
    first = np.bincount(d.y[cal[0][0]["picked"]])  # round 0 of seed 1
    assert (f"{np.floor(100 * first.max() / first.sum() + 0.5):.0f} % of CAL's texts have the same"
            f" label, {d.classes[first.argmax()]}") in said
    share = [np.mean([batches(lambda rows: np.bincount(d.y[rows]).max() / len(rows), lines)
                      for lines in of_seed]) for of_seed in (cal, random)]
    assert "largest class has {:.0f} % of CAL's texts and {:.0f} %".format(
        *np.floor(100 * np.array(share) + 0.5)) in said
    last = [np.array([lines[-1]["accuracy"] for lines in of_seed]) for of_seed in (cal, random)]
    assert ("accuracy is {:.3f} and Random's {:.3f}, means over 2 seeds. CAL's is the higher one in"
            " {} of 2").format(*(of.mean() for of in last), (last[0] > last[1]).sum()) in said
    assert f"CAL's texts have {np.mean(words[0]):.1f} words" in said
    assert f"fewer with CAL in {sum(a < b for a, b in zip(*words))} of 2 seeds" in said
    quiet(browser)


def test_the_guide_says_nothing_that_the_data_does_not_bear(browser, tmp_path):
    """Long texts, one seed, no CAL: no sentence about short texts, and no step about CAL."""
    rng, n = np.random.default_rng(0), 60
    dynamics = explore.map_of(rng.integers(0, 256, (10, n)), rng.integers(0, 2, (10, n)), range(n))
    run = {"labelled": [10, 20], "accuracy": [0.5, 0.6], "batch": [None, [0.5, 0.2, 0.5]]}
    for name, of_cal in (("with", {"picked": [list(range(10)), []], **run}), ("without", None)):
        runs = {"random": {"1": {"picked": [list(range(20, 30)), []], **run}}}
        runs |= {"cal": {"1": of_cal, "2": of_cal}} if of_cal else {}  # Random has one seed
        texts = ["many words " * (9 if i < 10 else 2) + str(i) for i in range(n)]
        texts[41] = texts[40].upper()  # a copy, under the other label
        explore.write(tmp_path / f"{name}.html", {
            "title": name, "about": "", "id": name, "folder": "x", "classes": ["a", "b"],
            "rows": list(range(n)), "numbers": list(range(100, 100 + n)), "texts": texts,
            "y": [i % 2 for i in range(n)], "names": explore.NAMES, "rounds": 1, "runs": runs,
            "maps": {"1": {"full": dynamics}}, "todo": [], "doubts": [], "kept": []})
    browser.open(tmp_path / "without.html")
    heads = browser.run("return STEPS.map(step => step.head)")
    assert not any("CAL" in head or "labelled texts" in head for head in heads)
    browser.open(tmp_path / "with.html")
    said = browser.run("return STEPS.map(step => step.say().join(' ')).join(' ')")
    p = np.frombuffer(base64.b64decode(dynamics["gold"]), np.uint8).reshape(10, n) / 255
    row = browser.run("return begun(STEPS.findIndex(s => s.plays) + 1).row")
    assert f"{p[0, row]:.2f} after the first epoch and {p[-1, row]:.2f} after the last" in said
    at = browser.run("return STEPS.findIndex(s => s.plays) + 1")  # the epochs play by themselves,
    assert browser.run(f"goTo({at}); return [S.epoch, playing > 0]") == [2, True]
    assert browser.run(f"matchMedia = () => ({{matches: true}}); goTo({at}); return playing") == 0
    four = "[1, 1.1, .9, 1]"  # the standard error of their mean is 0.041
    assert browser.run(f"return [1.2, 1.05, .8].map(v => beside({four}, [v]))") == [-1, 0, 1]
    assert "fewer with CAL in 0 of 1 seed)" in said and "One seed proves nothing" in said
    assert "2 of the 60 texts have a copy under another label" in said
    assert re.search(r"ring marks row 14[01],.*also has the label [ab],", said)
    assert "Short texts" not in said and not re.search("NaN|undefined", said)
    quiet(browser)


# Texts whose contrast with what lies under them is below 4.5, as the browser draws them.
LOW = """
const rgb = c => (c.match(/[\\d.]+/g).map(Number).concat(1)).slice(0, 4);
const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
const part = v => v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) + 0.05;
for (const d of document.querySelectorAll('details')) d.open = true;
return [...document.querySelectorAll('body *')].filter(e => {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
      || !e.getClientRects().length || e.matches('script, style, .on')) return false;
  let opacity = 1, grounds = [];
  for (let p = e; p; p = p.parentElement) {
    opacity *= getComputedStyle(p).opacity;
    grounds.unshift(rgb(getComputedStyle(p).backgroundColor));
  }
  const under = grounds.reduce((below, c) => over(c, below), [255, 255, 255, 1]);
  const ink = rgb(getComputedStyle(e)[e.closest('svg') ? 'fill' : 'color']);
  const [a, b] = [over([...ink.slice(0, 3), ink[3] * opacity], under), under].map(light);
  return Math.max(a, b) / Math.min(a, b) < 4.5;
}).map(e => e.outerHTML.slice(0, 80))"""


def low_contrast(browser):
    """The texts of the page that are hard to read, in the light theme and in the dark one."""
    found = []
    for scheme in ("dark", "light"):
        browser.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]}})
        found += browser.run(LOW)
    return found


def test_every_control_has_a_label_and_every_text_its_contrast(tiny, browser):
    browser.open(tiny[0] / "demo-paper-pool" / "explore.html", "step=2")
    assert browser.run("""return [...document.querySelectorAll('select, input, main button')]
        .filter(e => e.id && !e.closest('#labels'))
        .filter(e => !e.title || !e.labels?.length && !e.innerText).map(e => e.id)""") == []
    assert low_contrast(browser) == []


def test_cal_s_border_is_that_of_its_first_round(tiny, browser, tmp_path):
    """An independent run of Algorithm 1 with the same seed sees and says the same."""
    out, d, seen = tiny[0], data.load("demo"), {}

    def watched(view, k):
        seen["rows"], seen["phi"] = view.L[0].tolist(), view.map.correctness[0].numpy()
        classifier = view.classifier(view.psi_labelled(), view.high_cor())
        seen["p"] = view.score(classifier.probs)[0, :, 1].numpy()
        return STRATEGIES["cal"](view, k)

    config = json.loads((out / "demo-paper-pool" / "config.json").read_text())["settings"]
    s = cal.Settings(config["seed_size"], 1, config["batch"], config["epochs"],
                     config["minibatch"])

    class Watched(SideBySide):
        strategies = {"cal": watched}

    Watched(d, s, Log(tmp_path)).learn([cal.Run("cal", 2)])
    browser.open(out / "demo-paper-pool" / "explore.html", "seed=2&map=cal&strategy=cal&round=0")
    at, phi, p = browser.run("return [M.cal.at, M.cal.phi, D.borders[2].p]")
    assert at == seen["rows"]
    np.testing.assert_allclose(phi, seen["phi"], atol=1e-3)
    np.testing.assert_allclose(p, seen["p"], atol=2e-3)
    U = np.setdiff1d(np.arange(2500), at)
    assert f"{(np.array(p)[U] < 0.5).sum():,} of {len(U):,} texts without a label" in browser.run(
        "return document.getElementById('border').textContent")
    assert "all" in browser.run("return views[0].caption.textContent")
    step = browser.run("return STEPS.findIndex(s => s.head.includes('sees only')) + 1")
    browser.open(out / "demo-paper-pool" / "explore.html", f"seed=2&step={step}")
    pressed = "[...document.querySelectorAll('#guide-say button')].at(-1)"
    browser.run(f"{pressed}.click()")  # the guide's own toggle of 10 epochs and 30
    assert browser.run(f"return [S.map, {pressed}.ariaPressed]") == ["cal", "true"]
    assert browser.run("return document.activeElement.textContent").endswith("as CAL saw it")
    browser.open(out / "demo-paper-pool" / "explore.html", "strategy=random")
    assert browser.run("return document.getElementById('border').textContent") == ""
    quiet(browser)


def test_a_border_that_was_not_kept_is_not_shown(tiny, browser, tmp_path):
    folder = shutil.copytree(tiny[0], tmp_path / "out") / "demo-paper-pool"
    D = shown_data(folder / "explore.html")
    explore.write(folder / "one.html", {**D, "borders": {"1": D["borders"]["1"]}})
    said = "return [S.map, document.getElementById('notice').textContent]"
    shown, why = browser.open(folder / "one.html", "seed=2&map=cal").run(said)
    assert shown == "both" and "seed 2 kept no map over all of CAL's epochs" in why
    browser.open(folder / "one.html", "seed=1&map=cal")
    assert browser.run(said) == ["cal", ""]
    browser.run("const s = document.getElementById('seed'); s.value = 2;"
                "s.dispatchEvent(new Event('input'))")
    assert browser.run(said)[1].startswith("Seed 2 kept no map") and browser.run(
        "return [views.length, document.body.dataset.points]") == [2, "2500"]
    for seed, text in ((1, None), (2, '{"rows": [1], "p_high": [2]}')):
        path = folder / "runs" / f"border-{seed}.json"
        path.write_text(text) if text else path.unlink()
    explore.write_page(Results(folder))
    assert shown_data(folder / "explore.html")["borders"] == {}
    browser.open(folder / "explore.html", "strategy=cal&map=cal")
    assert "kept no" in browser.run("return document.getElementById('border').textContent")
    assert "no map “cal”" in browser.run("return document.getElementById('notice').textContent")
    assert browser.run("return document.body.dataset.points") == "2500"
    quiet(browser)


def test_the_page_of_trec_in_docs_opens_with_its_guide(browser, tmp_path):
    page = Path(explore.__file__).parents[1] / "docs" / "trec-explore.html"
    D = shown_data(page)
    assert len(D["runs"]["cal"]) == len(D["maps"]) == len(D["borders"]) == 10
    browser.open(page, "step=7")
    assert "CAL picks" in browser.run(SAID) and browser.run("return STEPS.length") == 9
    assert browser.run("return document.body.dataset.points") == str(len(D["texts"])) == "5452"
    explore.write(tmp_path / "again.html", D)
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes(), (
        "the page has changed: python -m page.explore docs/trec-explore.html")
    quiet(browser)
