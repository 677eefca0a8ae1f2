"""Word vectors, vectors from files and URLs, kept matrices: each against an oracle."""

import contextlib
import csv
import gzip
import hashlib
import http.server
import io
import itertools
import os
import struct
import sys
import threading
import zipfile

import numpy as np
import pytest
import torch

import data
from command.main import main
from plumbing import downloads
from plumbing.files import InputError
from plumbing.test_downloads import Reply, odd_server, vector_lines
from test_cal import HERE, SHARED, cal_main, run_files, table
from vectors import kept, pool
from vectors.fasttext import subwords
from vectors.given import given
from vectors.sources import hash_vectors, load_vectors
from vectors.words import tokens


def test_a_mapped_matrix_is_the_same_after_it_was_released(tmp_path):
    x = np.arange(400_000, dtype=np.float32).reshape(1000, 400)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="c")
    for part in (mapped, mapped[10:20], x):
        kept.release(part)
        np.testing.assert_array_equal(part, x[10:20] if len(part) == 10 else x)


def test_hash_vectors_are_the_same_on_every_machine_and_know_their_kin():
    v = hash_vectors(["how", "serfdom", "?", "naïve"])
    assert hashlib.sha256(v.tobytes()).hexdigest().startswith("220c68592092e135")
    assert (v[[3]] == hash_vectors(["naïve"])).all()  # whatever the vocabulary
    a, b, c = hash_vectors(["interesting", "interestingly", "zebra"])
    assert a @ b > 0.5 > abs(a @ c) and 0.8 < a @ a < 1.2


def test_ppmi_against_counting_by_hand():
    bags = [["a", "b", "a", "c"], ["b", "b"], ["c"] * 12]
    words = ["a", "b", "c"]
    count = np.zeros((3, 3))
    for bag in bags:
        for (i, v), (j, w) in itertools.permutations(enumerate(bag), 2):
            if abs(i - j) <= 10:
                count[words.index(v), words.index(w)] += 1
    context = count.sum(0) ** 0.75
    expected = np.log(np.maximum(count, 1e-300) / np.outer(count.sum(1), context / context.sum()))
    ids = np.array([words.index(w) for bag in bags for w in bag])
    text = np.repeat(np.arange(3), [4, 2, 12])
    got = pool.positive_pmi(ids, text, 3).to_dense().numpy()
    np.testing.assert_allclose(got, np.maximum(expected, 0), atol=1e-6)


def test_truncated_svd_against_numpy():
    rng = np.random.default_rng(1)
    M = (rng.normal(size=(90, 12)) * 0.7 ** np.arange(12)) @ rng.normal(size=(12, 90))
    U, S = pool.truncated_svd(torch.from_numpy(M.astype(np.float32)).to_sparse(), 5)
    u, s, _ = np.linalg.svd(M)
    np.testing.assert_allclose(S, s[:5], rtol=1e-4)
    np.testing.assert_allclose(np.abs(U.numpy().T @ u[:, :5]), np.eye(5), atol=1e-3)


def test_pool_vectors_of_a_small_vocabulary_are_padded_with_zeros():
    bags = [f"w{i} w{i + 1} w{i + 2}" for i in range(20)]
    words, ids, ends = data.index_tokens(bags, str.split, 10)
    v = pool.pool_vectors(ids, ends, len(words) + 1)  # and one more that does not occur
    assert v.shape == (23, 300) and not v[:, 22:].any() and not v[-1].any()
    assert abs(np.linalg.norm(v[:-1], axis=1).mean() - 1) < 1e-5


@pytest.mark.parametrize("suffix", [".vec", ".txt", ".vec.gz", ".vec.zip"])
@pytest.mark.parametrize("header", [True, False])
def test_text_vectors(tmp_path, suffix, header):
    lines, v = vector_lines(["How", "how", "obama", "naïve", "New York", "'"], header)
    path, text = tmp_path / f"v{suffix}", "\n".join(lines) + "\n"
    if suffix.endswith("gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif suffix.endswith("zip"):
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("v.vec", text)
    else:
        path.write_text(text, encoding="utf-8")
    asked = ["How", "HOW", "Obama", "obama,", "(Obama!)", "naïve", "xyz"]
    got = load_vectors(str(path), asked)
    want = [v["How"], v["how"], v["obama"], v["obama"], v["obama"], v["naïve"], np.zeros(300)]
    np.testing.assert_allclose(got, np.array(want, np.float32))


def test_text_vectors_of_another_dimension_and_words_with_spaces(tmp_path):
    (tmp_path / "v.txt").write_text("a 1 2\n. . 3 4\nb 5 6\n")
    got = load_vectors(str(tmp_path / "v.txt"), ["b", ". .", "c"])
    np.testing.assert_array_equal(got, np.array([[5, 6], [3, 4], [0, 0]], np.float32))


FIXTURE = HERE / ".ci" / "fasttext-demo.bin"  # skipgram, dim 8, minn 2, maxn 4, 60 buckets

def test_fasttext_models_give_the_official_library_s_vectors():
    lines = FIXTURE.with_suffix(".vec").read_text(encoding="utf-8").splitlines()
    want = {word: [float.fromhex(v) for v in values]
            for word, *values in (line.split(" ") for line in lines)}
    assert {"naïveté", "北京大学", "unseenword", "</s>"} < set(want)
    got = load_vectors(str(FIXTURE), list(want))
    assert (got == np.array(list(want.values()), np.float32)).all()  # bit for bit


@pytest.mark.parametrize("change, message", [
    (lambda b: b[:4] + b"\x63" + b[5:], "not a fastText model"),
    (lambda b: b[:36] + b"\x03" + b[37:], "supervised"),
    (lambda b: b[: len(b) // 3], "not a whole fastText model"),
    (lambda b: b"", "not a whole fastText model"),
])
def test_other_binary_models_are_refused(tmp_path, change, message):
    path = tmp_path / "m.bin"
    path.write_bytes(change(FIXTURE.read_bytes()))
    with pytest.raises(InputError, match=message):
        load_vectors(str(path), ["how"])


def test_subwords_by_hand():
    grams = [g.decode() for g in subwords("<né>".encode(), 1, 3)]
    assert grams == ["<n", "<né", "n", "né", "né>", "é", "é>"]


@pytest.mark.parametrize("spoil, message", [
    (lambda lines: lines[:3] + [lines[3].rsplit(" ", 2)[0]], "line 4: 298 values instead of 300"),
    (lambda lines: lines[:2] + [lines[2][:-1] + "x"], "line 3: a value is not a number"),
    (lambda lines: ["a 1 2 3", "b 1 2 3 4"], "line 2: 4 values instead of 3"),
    (lambda lines: [], "holds no vectors"),
    (lambda lines: ["id,text,label", "0,Who,HUM"], "line 1: no values"),
])
def test_malformed_vectors_are_named_by_line(tmp_path, spoil, message):
    path = tmp_path / "v.vec"
    path.write_text("".join(line + "\n" for line in spoil(vector_lines(["a", "b", "c"])[0])))
    with pytest.raises(InputError, match=message):
        load_vectors(str(path), ["a", "b", "c"])


def test_a_matrix_is_made_once_and_made_anew_where_it_is_damaged(table, tmp_path, capsys):
    write, rows = table
    path, kept = write(rows), tmp_path / "out" / "cache"
    first = data.load(str(path), cache=kept)
    assert isinstance(first.x, np.ndarray) and not list(kept.glob("*.part"))
    (cache,) = kept.glob("my.csv-pool-*.npy")
    want, whole = np.array(first.x), cache.read_bytes()
    built = os.stat(cache).st_mtime_ns
    again = data.load(str(path), cache=kept)
    assert os.stat(cache).st_mtime_ns == built and isinstance(again.x, np.memmap)
    assert (again.x == want).all() and again.about == first.about
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for damaged in (whole[:-100], b"", pickled.getvalue(), flipped):
        cache.write_bytes(damaged)
        assert (data.load(str(path), cache=kept).x == want).all() and cache.read_bytes() == whole
        assert f"{cache} is damaged" in capsys.readouterr().err
    cache.with_name(cache.name + ".json").write_text("{")
    assert (data.load(str(path), cache=kept).x == want).all()
    assert [p.name for p in tmp_path.iterdir()] in (["my.csv", "out"], ["out", "my.csv"])


def test_of_a_file_s_matrices_the_newest_alone_is_kept(table, tmp_path):
    write, rows = table
    path, vectors, kept = write(rows), tmp_path / "v.vec", tmp_path / "cache"
    lines, _ = vector_lines(["text", "of"])
    vectors.write_text("\n".join(lines))
    a = np.array(data.load(str(path), vectors=str(vectors), cache=kept).x)
    vectors.write_text("\n".join(lines[:-1]))
    b = np.array(data.load(str(path), vectors=str(vectors), cache=kept).x)
    assert (a != b).any() and len(list(kept.glob("my.csv-v-vec-*.npy"))) == 1
    write([(*row[:2], "") if i < 9 else row for i, row in enumerate(rows)])
    data.load(str(path), cache=kept)
    caches = set(kept.glob("my.csv-pool-*"))
    write([(*row[:2], "") if i < 5 else row for i, row in enumerate(rows)])
    data.load(str(path), cache=kept)  # labels do not change a text's vector
    assert set(kept.glob("my.csv-pool-*")) == caches and len(caches) == 2
    write([(i, text + "!", c) for i, text, c in rows])
    data.load(str(path), cache=kept)
    assert not caches & set(kept.glob("my.csv-pool-*")) and len(list(kept.iterdir())) == 4
    data.load(str(write(rows, "my.csv-pool-x.csv")), cache=kept)  # of another file
    assert len(list(kept.iterdir())) == 6


def test_no_matrix_is_left_in_a_read_only_folder(table, tmp_path):
    write, rows = table
    path, kept = write(rows), tmp_path / "cache"
    kept.mkdir()
    os.chmod(kept, 0o555)
    x = data.load(str(path), cache=kept).x
    os.chmod(kept, 0o755)
    assert not list(kept.iterdir()) and not isinstance(x, np.memmap)
    assert (x == data.load(str(path), cache=kept).x).all()
    assert (x == data.load(str(path), cache="/dev/null/cache").x).all()


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_vectors_of_one_s_own_encoder(table, tmp_path, kind):
    write, rows = table
    rows[3] = (3, "", "a")  # a row without a text is counted, a blank line is not
    path, mine = write(rows), tmp_path / "mine.npy"
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\r\n\r\n", 2))
    x = np.random.default_rng(0).normal(size=(60, 7)).astype(kind)
    np.save(mine, x)
    d = data.load(str(path), vectors=str(mine))
    place = {text: i for i, (_, text, _) in enumerate(rows)}
    assert d.x.dtype == np.float32 and d.x.shape == (48, 7) and d.x_test.shape == (11, 7)
    assert (d.x == x[[place[text] for text in d.texts]].astype("f4")).all()
    rows = [(i, text or "x", c if i < 9 else "") for i, text, c in rows]
    d = data.load(str(write(rows)), vectors=str(mine))
    assert (d.x == x.astype("f4")).all() and isinstance(d.x, np.memmap) == (kind == "f4")


@pytest.mark.parametrize("content, message", [
    (np.zeros((59, 7)), "has 59 rows, but there are 60 texts"),
    (np.zeros(60), r"shape \(60,\) and type float64"), (np.zeros((60, 0)), r"shape \(60, 0\)"),
    (np.zeros((60, 3), int), "type int64"), (np.array([{}] * 60), "it holds Python objects"),
    (np.where(np.arange(120).reshape(60, 2) == 75, np.nan, 1), "row 37 .from 0.: a value is not"),
    (np.where(np.arange(120).reshape(60, 2) == 75, np.inf, 1), "row 37 .from 0.: a value is not"),
    (b"", "not a whole .npy file"), (b"\x93NUMPY\x01\x00v\x00{", "not a whole .npy file"),
    (b"not an array", "not a whole .npy file"), (None, "no vector file"),
])
def test_vectors_that_do_not_fit_are_one_sentence(table, tmp_path, content, message):
    write, rows = table
    mine = tmp_path / "mine.npy"
    if isinstance(content, bytes):
        mine.write_bytes(content)
    elif content is not None:
        np.save(mine, content)
    with pytest.raises(InputError, match=message) as e:
        data.load(str(write(rows)), vectors=str(mine))
    assert "\n" not in str(e.value)


def test_an_archive_of_arrays_is_no_matrix(table, tmp_path):
    write, rows = table
    np.savez(tmp_path / "a.npz", np.zeros((60, 2)))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(InputError, match="an archive of several arrays"):
        data.load(str(write(rows)), vectors=str(tmp_path / "a.npy"))


@pytest.mark.parametrize("text, want", [
    ("The cat's 2 hats.", ["the", "cat", "'", "s", "2", "hats", "."]),
    ("Café DÉJÀ-vu", ["café", "déjà", "-", "vu"]), ("cafe\u0301", ["cafe\u0301"]),
    ("हिन्दी में", ["हिन्दी", "में"]),
    ("我喜欢AI。", ["我", "喜", "欢", "我喜", "喜欢", "ai", "。"]),
    ("한국어 문장", ["한국어", "문장"]), ("ง่าย", ["ง่", "า", "ย", "ง่า", "าย"]),
])
def test_tokens_in_any_script(text, want):
    assert tokens(text) == want


def test_a_chinese_table_can_be_learned(tmp_path):
    words = {"天气": "今天下雨很冷热晴风雪云", "食物": "米饭面条好吃甜辣汤鱼肉",
             "运动": "足球比赛跑步游泳赢输队"}
    rng, rows = np.random.default_rng(0), []
    for i in range(240):
        c = list(words)[i % 3]
        rows.append(("".join(rng.choice(list(words[c] + "我你他的是了在不有这"), 8)), c))
    with open(tmp_path / "zh.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("text", "label"), *rows])
    assert cal_main("--dataset", tmp_path / "zh.csv", "--strategies", "random", "--seeds", 1,
                    "--rounds", 1, "--batch", 100, "--seed-size", 80, "--out", tmp_path,
                    "--jobs", 1) == 0
    assert run_files(tmp_path)["full-1.jsonl"][0]["accuracy"] > 0.9


class VectorHandler(http.server.BaseHTTPRequestHandler):
    """Serves a vector file at /NAME, breaking off each reply after `piece` bytes."""

    body, piece, ranges, sent = b"", 1 << 30, True, 0

    def do_GET(self):
        asked = self.headers.get("Range") if self.ranges else None
        start = int(asked[6:-1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(self.body) - start))
        self.end_headers()
        end = start + self.piece if self.ranges else VectorHandler.sent + self.piece
        with contextlib.suppress(OSError):
            self.wfile.write(self.body[start:end])
        VectorHandler.sent = end

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("ending", [".vec", ".vec.gz"])
def test_vectors_from_a_url_over_a_breaking_connection(monkeypatch, ranges, ending):
    lines, v = vector_lines([f"word{i}" for i in range(200)])
    text = "\n".join(lines).encode()
    for name, value in (("body", gzip.compress(text) if ending == ".vec.gz" else text),
                        ("piece", 100_000), ("ranges", ranges), ("sent", 0)):
        monkeypatch.setattr(VectorHandler, name, value)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), VectorHandler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{s.server_address[1]}/v{ending}"
        got = load_vectors(url, ["word199", "word3", "no-such-word"])
        with pytest.raises(InputError, match="cannot be streamed"):
            load_vectors(url.partition("/v")[0] + "/v.zip", ["a"])
        s.shutdown()
    np.testing.assert_array_equal(got, np.array([v["word199"], v["word3"], np.zeros(300)], "f4"))


def test_a_stream_stops_when_every_word_is_found(monkeypatch, capsys):
    lines, _ = vector_lines([f"word{i}" for i in range(2000)])
    monkeypatch.setattr(VectorHandler, "body", "\n".join(lines).encode())
    seen = []
    monkeypatch.setattr(downloads.Download, "close", lambda self: seen.append(self.at))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), VectorHandler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        load_vectors(f"http://127.0.0.1:{s.server_address[1]}/v.vec", ["word1", "word1100"])
        s.shutdown()
    assert seen[0] < len(VectorHandler.body) * 0.7
    assert "1 of 2 words" in capsys.readouterr().err  # on the progress bar


def test_vectors_from_an_address_that_does_not_answer(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cal.py", "--vectors", "http://127.0.0.1:9/x.vec"])
    assert main() == 2
    error = capsys.readouterr().err
    assert "http://127.0.0.1:9/x.vec" in error and error.count("\n") == 1


def vec_gz(lines):
    return gzip.compress("\n".join(lines).encode())


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members.items():
            z.writestr(name, content)
    return out.getvalue()


WORD = "how " + " ".join(["0.25"] * 300)

@pytest.mark.parametrize("name, content, message", [
    ("v.vec", WORD.replace("0.25", "nan", 1), "line 1: a value is not finite"),
    ("v.vec", f"2 300\n{WORD}\n{WORD.replace('how', 'you').replace('0.25', 'inf', 1)}",
     "line 3: a value is not finite"),
    ("v.vec", WORD.replace("0.25", "1e39", 1), "line 1: a value is not finite"),
    ("v.vec", "how" + " 1" * 2_000_000, "line 1: 2000000 values"),
    ("v.vec", "<!DOCTYPE html>\n<html><body>Not</body></html>", "is a web page"),
    ("v.vec", "<html lang=en>\n", "is a web page"),
    ("v.vec", WORD.replace("how", "never"), "holds none of the texts' 2 words"),
    ("v.vec", b"\xff\xfe\x00", "cannot read the vectors"),
    ("v.vec.gz", b"", "holds no vectors"),
    ("v.vec.gz", b"not gzip at all", "cannot read the vectors"),
    ("v.vec.gz", vec_gz([WORD] * 50)[:-30], "cannot read the vectors"),
    ("v.vec.gz", vec_gz([WORD] * 50)[:60] + b"garbage" * 30, "cannot read the vectors"),
    ("v.vec.zip", b"", "cannot read the vectors"), ("v.vec.zip", zipped(), "is an empty archive"),
    ("v.vec.zip", zipped(v=WORD * 9)[:70] + bytes(40) + zipped(v=WORD * 9)[110:], "cannot read"),
])
def test_damaged_vector_files_are_one_sentence(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as e:
        load_vectors(str(path), ["how", "you"])
    assert message in str(e.value) and len(str(e.value)) < 400 and "\n" not in str(e.value)


def changed(b, at, *values):
    return b[:at] + struct.pack(f"<{len(values)}i", *values) + b[at + 4 * len(values) :]


DICTIONARY = 64  # where the model's dictionary begins: its size, words, labels, tokens, pruned

@pytest.mark.parametrize("spoil", [
    lambda b: b[: b.rindex(b"\0", 0, len(b) // 2)], lambda b: b[:100], lambda b: b[:64],
    lambda b: b[: DICTIONARY + 28], lambda b: b[: len(b) * 2 // 5],
    lambda b: changed(b, DICTIONARY, 10**9), lambda b: changed(b, DICTIONARY + 4, 10**6),
    lambda b: changed(b, 8, -3), lambda b: changed(b, 8, 10**9), lambda b: changed(b, 40, 10**6),
    lambda b: changed(b, 40, -5),
    lambda b: b[: len(b) // 2] + b"\xff" * 800 + b[len(b) // 2 + 800 :],  # not a number
])
def test_damaged_models_are_one_sentence(tmp_path, spoil):
    whole = FIXTURE.read_bytes()
    path = tmp_path / "m.bin"
    path.write_bytes(spoil(whole))
    lines = FIXTURE.with_suffix(".vec").read_text(encoding="utf-8").splitlines()
    with pytest.raises(InputError, match="m.bin"):
        load_vectors(str(path), [line.split(" ")[0] for line in lines])


def test_mutated_models_never_leave_a_traceback(tmp_path):
    whole, rng = FIXTURE.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "m.bin"
    for _ in range(300):
        b = bytearray(whole)
        for at in rng.integers(0, 400 if rng.random() < 0.7 else len(b), rng.integers(1, 5)):
            b[at] = rng.integers(256)
        path.write_bytes(b[: rng.integers(len(b))] if rng.random() < 0.3 else b)
        with contextlib.suppress(InputError):
            assert np.isfinite(load_vectors(str(path), ["how", "naïveté"])).all()


@pytest.mark.parametrize("path", ["none.vec", "length-abc.vec", "length--5.vec"])
def test_vectors_from_a_server_that_does_not_say_how_long_they_are(odd_server, path):
    Reply.sent = 0
    got = load_vectors(f"{odd_server}/{path}", ["how", "you"])
    np.testing.assert_array_equal(got, load_vectors_of(["how", "you"]))


def load_vectors_of(words):
    return np.array([vector_lines(words)[1][word] for word in words], np.float32)


@pytest.mark.parametrize("source", [
    "html.vec", "to-" + b"http://[::1".hex() + ".vec", "to-" + b"file:///etc/passwd".hex() + ".vec",
    "to-" + b"http://127.0.0.1:99999/".hex() + ".vec", "length-99999999.vec",
])
def test_odd_replies_are_one_sentence(odd_server, source):
    Reply.sent = 0
    with pytest.raises(InputError) as e:
        load_vectors(f"{odd_server}/{source}", ["how", "absent"])
    assert "\n" not in str(e.value) and len(str(e.value)) < 400


@pytest.mark.parametrize("url", ["http://[::1/x.vec", "http://a b/x.vec", "ftp://127.0.0.1/x.vec",
                                 "http://127.0.0.1:99999/x.vec", "http:///x.vec", "x://y.vec"])
def test_malformed_addresses_are_one_sentence(tmp_path, url):
    with pytest.raises(InputError) as e:
        load_vectors(url, ["how"])
    assert "\n" not in str(e.value)
    with pytest.raises(InputError, match="by hand"):
        downloads.fetch(url, tmp_path / "a" / "b", "0")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("header", [
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (60, 300), }",
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'shape': (60, -300), 'fortran_order': False}",
    b"\x93NUMPY\x01\x00v\x00{'descr': [('a', 'b')], 'fortran_order': False, 'shape': (60,)}",
    b"\x93NUMPY\x01\x00v\x00((((((((((", b"\x93NUMPY\x09\x09", b"\x93NUMPY\x01\x00\xff\xff",
])
def test_a_kept_matrix_with_a_damaged_header_is_made_anew(table, tmp_path, capsys, header):
    write, rows = table
    path = write(rows)
    want = np.array(data.load(str(path), vectors="hash", cache=tmp_path).x)
    (cache,) = tmp_path.glob("my.csv-hash-*.npy")
    whole = cache.read_bytes()
    cache.write_bytes(header.ljust(128) + whole[128:][: 60 * 300])
    assert (data.load(str(path), vectors="hash", cache=tmp_path).x == want).all()
    assert cache.read_bytes() == whole
    assert "is damaged and is rebuilt" in capsys.readouterr().err


@pytest.mark.parametrize("content", [
    "\ufeffone 1 2\ntwo 3 4\n", "one\t1\t2\ntwo\t3\t4\n", "2\t2\none\t1\t2\ntwo\t3\t4\n",
    "\ufeff2 2\none 1 2\ntwo 3 4\n"], ids=["mark", "tabs", "tabs and a header", "mark and header"])
def test_files_as_other_tools_write_them(tmp_path, content, capsys):
    (tmp_path / "v.vec").write_text(content, encoding="utf-8")
    found = load_vectors(tmp_path / "v.vec", ["one", "two"])
    assert found.tolist() == [[1, 2], [3, 4]] and capsys.readouterr().err == ""


def test_a_file_that_ends_early_is_said(tmp_path, capsys):
    (tmp_path / "v.vec").write_text("900 2\none 1 2\ntwo 3 4\n")
    assert load_vectors(tmp_path / "v.vec", ["one", "three"]).tolist() == [[1, 2], [0, 0]]
    assert "ends after 2 words, and its first line says 900" in capsys.readouterr().err


def test_of_an_archive_s_files_the_one_that_fits_is_read_and_named(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr("vectors/", "")
        archive.writestr("__MACOSX/v.vec", "nothing")
        archive.writestr("README.md", "read me")
        archive.writestr("vectors/v.50d.txt", "one 1 2\n")
    assert load_vectors(tmp_path / "v.zip", ["one"]).tolist() == [[1, 2]]
    assert "holds 2 files; vectors/v.50d.txt is read" in capsys.readouterr().err


def test_texts_of_one_word_have_no_pool_vectors():
    with pytest.raises(InputError, match="no two words of a text"):
        pool.pool_vectors(np.arange(40) % 7, np.arange(1, 41), 7)


def test_a_value_that_float32_cannot_square_is_refused(tmp_path):
    x = np.zeros((9, 3))
    np.save(tmp_path / "x.npy", x + 1e14)
    assert given(tmp_path / "x.npy", np.arange(9), 9, ["a"] * 9)[0].dtype == np.float32
    x[5, 1] = -1e300
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(InputError, match="row 5 .*does not fit float32"):
        given(tmp_path / "x.npy", np.arange(9), 9, ["a"] * 9)
