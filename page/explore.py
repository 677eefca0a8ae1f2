"""explore.html: the results of the runs and the texts, as one page that needs no network.

The page itself is explore.html in this directory. This module adds the data and trains nothing.

    python -m page.explore docs/trec-explore.html     # the same data in this version of the page
"""

import base64
import contextlib
import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np

from page.border import read_border
from plumbing.arguments import script
from plumbing.files import InputError, write_text
from plumbing.maps import STATISTICS
from tables import merge
from tables.copies import key
from vectors.words import UNSPACED

MOST = 10_000  # texts on a page
MOST_REST, MOST_CHARACTERS = 20_000, 4_000_000  # of other texts with a label, and without one
NAMES = {"full": "all training texts", "seed": "the seed set",
         "cal": "the seed set as CAL saw it"}


def write(path, shown):
    """Write the page with a dict in it. No text can inject HTML, and the page sends no request.

    `<` is written \\u003c in the JSON, and the page's content-security policy allows only the
    page's own script, by its hash.
    """
    here = Path(__file__).parent
    page = (here / "explore.html").read_text("utf-8")
    for name in ("guide", "labels", "earlier", "one_text", "keys"):
        page = page.replace(f"@{name.upper()}@", (here / f"{name}.js").read_text("utf-8"))
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = json.dumps(shown, ensure_ascii=False).replace("<", "\\u003c")
    write_text(path, page.replace("@HASH@", digest).replace("@DATA@", text))


def data_in(path):
    """The dict in a page."""
    text = Path(path).read_text(encoding="utf-8").split('id="data">')[-1].split("</script>")[0]
    try:
        return json.loads(text)
    except ValueError:
        raise InputError(f"{path} is not a page with data in it; name an explore.html")


def write_page(r):
    """Write the page of a results directory (stats.Results); no page if no texts were kept."""
    if kept := r.texts():
        write(r.folder / "explore.html", shown_of(r, kept))


def shown_of(r, kept):
    """The page's data, from Results r and the kept texts; the head of its script describes them."""
    runs = {label: {str(seed): run_of(lines) for seed, lines in r.runs[label].items() if lines}
            for label in r.config["strategies"]}
    runs = {label: of_seed for label, of_seed in runs.items() if of_seed}
    rows, N = rows_shown(r, len(kept["texts"])), len(kept["texts"])
    place = {int(row): i for i, row in enumerate(rows)}
    maps = {str(seed): maps_of(m, rows, place) for seed, m in r.maps.items() if "full_gold" in m}
    borders = {str(seed): border_shown(b, rows, place) for seed in r.config["seeds"]
               if "cal" in runs and (b := read_border(r.folder, seed, N))}
    m = next(iter(r.maps.values()), {})
    pick = lambda values: [values[row] for row in rows]
    sample = f" The page shows {len(rows):,} of them, sampled at random." if len(rows) < N else ""
    s = r.settings
    return {
        "title": f"{r.dataset}: its texts on the data map",
        "about": f"{N:,} training texts, {len(r.config['classes'])} classes, {s['vectors']}"
                 f" vectors, protocol {s['protocol']}.{sample} Confidence (Eq. 1), variability"
                 " (Eq. 2) and correctness (Eq. 3) are taken over the first epochs of a training"
                 " on all the data and of one on the seed set.",
        "id": f"{r.dataset} {s.get('data_sha256', '')[:16]}", "folder": r.folder.name,
        "classes": r.config["classes"], "rows": [int(row) for row in rows],
        "numbers": pick(kept["numbers"]), "texts": pick(kept["texts"]), "y": pick(kept["y"]),
        "names": NAMES, "maps": maps, "borders": borders, "runs": runs, "rounds": r.rounds,
        **kinds_of(m, rows), "todo": [], "doubts": [], "kept": [],
    }


def write_labelling(request, answers, batch, todo, labelled=(), watched=None, doubted=(), p=None,
                    free=()):
    """The page of a next batch: what is to be labelled, labels to look at again, and the map.

    request: labelling.next_batch.Request. batch: its number. todo: dicts of what is asked
    (labelling.asking.asked). labelled [n] rows. watched: how networks took them, epoch by epoch
    (labelling.committee.Watched). doubted: [(row, likelier class, why)]. p [N, C]: the model's
    probabilities. free [N]: True for texts that could be asked for.
    """
    folder, data = request.folder, request.data
    rows = np.random.default_rng(0).permutation(labelled)[:MOST].astype(int)
    place = {int(row): i for i, row in enumerate(labelled)}
    maps, at = {}, [place[int(row)] for row in rows]
    if watched is not None and len(data.classes) <= 256:
        epochs = len(watched.gold)
        shown = np.linspace(0, epochs - 1, min(30, epochs)).round().astype(int)
        maps[""] = {"full": map_of((watched.gold[shown] * 255).round()[:, at],
                              watched.said[shown][:, at], range(len(at)))}
    number = lambda row: int(data.row_numbers[row])
    asked = {item["row"] for item in todo}
    shown = {
        "title": f"{data.name}: the next texts to label",
        "about": f"{int((data.y >= 0).sum()):,} texts have a label, {int((data.y < 0).sum()):,}"
                 f" have none. The map shows {len(rows):,} of the labelled ones, each text once, as"
                 " the models trained on them saw them (30 epochs, spread over the training).",
        "id": str(Path(folder).resolve()), "folder": str(folder), "classes": data.classes,
        "rows": [int(row) for row in rows], "numbers": [number(row) for row in rows],
        "texts": [data.texts[row] for row in rows], "y": [int(data.y[row]) for row in rows],
        "names": {"full": "the labelled texts"}, "maps": maps, "runs": {}, "rounds": 0,
        "batch": batch, "people": list(request.annotators), "offered": list(request.classes),
        "todo": todo,
        "doubts": [{"row": number(row), "text": data.texts[row], "model": data.classes[c],
                    "label": data.classes[data.y[row]], "why": why} for row, c, why in doubted],
        "kept": answers.kept(),
        "gone": [[a.text, a.who, a.place[-1], merge.written(a.at)] for a in answers.taken],
        "rest": rest_of(data, p, [row for row in np.flatnonzero(free) if number(row) not in asked]),
        "labelled": labelled_of(data, rows), "unspaced": UNSPACED,
    }
    path = folder / "explore.html"
    write(path, shown | {"written": written(path, shown)})


def written(path, shown):
    """When the page of this data was written, in milliseconds: before, if it is there already, so
    that a call that is given again changes nothing."""
    with contextlib.suppress(OSError, ValueError, InputError, AttributeError):
        before = data_in(path)
        if (when := before.pop("written", None)) and json.dumps(before) == json.dumps(shown):
            return when
    return round(1000 * time.time())


def some_of(data, rows):
    """Those rows, sorted, or a sample of them if their texts are too many to be searched."""
    rows = np.random.default_rng(0).permutation(rows).astype(int)
    sizes = np.cumsum([len(data.texts[row]) for row in rows])
    return sorted(rows[: min(MOST_REST, int((sizes <= MOST_CHARACTERS).sum()))].tolist())


def labelled_of(data, shown):
    """The labelled texts, each once, that are not among the rows shown, as rest_of has the others:
    the model has only some of very many, and one of those that differ in punctuation alone."""
    seen, rows = {key(data.texts[row]) for row in shown}, []
    for row in np.flatnonzero(data.y >= 0):
        if (k := key(data.texts[row])) not in seen:
            seen.add(k)
            rows.append(row)
    some = some_of(data, rows)
    return {"rows": [int(data.row_numbers[row]) for row in some], "all": len(rows),
            "texts": [data.texts[row] for row in some], "y": [int(data.y[row]) for row in some]}


def rest_of(data, p, rows):
    """The texts without a label that are not asked for, to be searched; a sample if they are many.

    likely: the three likeliest classes, as numbers, with their probabilities. all: how many there
    are.
    """
    some = some_of(data, rows)
    best = [] if p is None else p[some].argsort(axis=1, kind="stable")[:, ::-1][:, :3].tolist()
    return {"rows": [int(data.row_numbers[row]) for row in some], "all": len(rows),
            "texts": [data.texts[row] for row in some],
            "likely": [[[c, round(float(p[row, c]), 2)] for c in classes]
                       for row, classes in zip(some, best)] or [[] for _ in some]}


def kinds_of(m, rows):
    """The kinds of the rows, if they are known."""
    if "kind" not in m:
        return {}
    kinds = [str(kind) for kind in m["kind"][rows]]
    return {"kinds": kinds, "kindNames": sorted(set(kinds))}


def rows_shown(r, N):
    """All rows, or 10,000: first the rows of picks and seed sets, then others."""
    if N <= MOST:
        return np.arange(N)
    picked = {row for of_seed in r.runs.values() for lines in of_seed.values()
              for line in lines for row in line["picked"]}
    rng, begun = np.random.default_rng(0), {int(row) for m in r.maps.values() for row in m["rows"]}
    first = np.array(sorted(picked | begun), dtype=np.int64)
    others = np.setdiff1d(np.arange(N), first)
    return np.sort(np.concatenate([rng.permutation(first)[:MOST],
                                   rng.permutation(others)[: max(0, MOST - len(first))]]))


def run_of(lines):
    """A run's curve, its picks and its batches' means, by round."""
    return {"labelled": [x["labelled"] for x in lines],
            "accuracy": [round(x["accuracy"], 4) for x in lines],
            "picked": [x["picked"] for x in lines],
            "batch": [x["batch"] and [round(v, 4) for v in x["batch"].values()] for x in lines]}


def maps_of(m, rows, place):
    """The two maps of a seed: of the rows shown, and of the seed set's texts among them."""
    at = [i for i, row in enumerate(m["rows"]) if int(row) in place]
    return {"full": map_of(m["full_gold"][:, rows], m["full_said"][:, rows], range(len(rows))),
            "seed": map_of(m["seed_gold"][:, at], m["seed_said"][:, at],
                           [place[int(row)] for row in m["rows"][at]])}


def border_shown(b, rows, place):
    """CAL's border before round 0: the map of L after all epochs, P(high-cor) of the rows shown."""
    at = [i for i, row in enumerate(b["rows"]) if row in place]
    return {"at": [place[b["rows"][i]] for i in at], "epochs": b["epochs"],
            "p": [round(b["p_high"][row], 4) for row in rows],
            **{name: [round(b[name][i], 4) for i in at] for name in STATISTICS}}


def map_of(gold, said, at):
    """A map's dynamics [E, n] in base64, and the positions of its texts in the page's rows."""
    text = lambda a: base64.b64encode(np.ascontiguousarray(a, np.uint8).tobytes()).decode()
    return {"at": [int(i) for i in at], "epochs": len(gold), "gold": text(gold),
            "said": text(said)}


def renew():
    """Write the pages named on the command line again, each with its own data."""
    for path in sys.argv[1:] or ["explore.html"]:
        write(path, data_in(path))


if __name__ == "__main__":
    script(renew)
