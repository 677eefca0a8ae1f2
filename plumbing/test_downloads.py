"""Downloads from servers that the tests start, good ones and faulty ones."""

import contextlib
import hashlib
import http.server
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import data
from plumbing import downloads
from plumbing.files import InputError, shortened
from test_cal import HERE

BODY = bytes(range(256)) * 1000

class Handler(http.server.BaseHTTPRequestHandler):
    """Serves BODY; /missing is a 404, /drop-N breaks off the first N times; /changed-drop-1 is
    another file after that, /web%20page a page, and /odd no HTTP."""

    asked = {}

    def do_GET(self):
        n = Handler.asked[self.path] = Handler.asked.get(self.path, 0) + 1
        if self.path == "/missing":
            return self.send_error(404)
        if self.path == "/odd":
            return self.wfile.write(b"\x1b[31m" * 9)
        self.send_response(200)
        body = b"<!DOCTYPE html>" * 2 if "web" in self.path else BODY
        self.send_header("Content-Length", str(500 if "changed" in self.path and n > 1
                                               else len(body)))
        self.end_headers()
        if "web" in self.path:
            return self.wfile.write(body)
        drops = int(self.path.rpartition("-")[2]) if "drop" in self.path else 0
        self.wfile.write(BODY if n > drops else BODY[:1000])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{s.server_address[1]}"
        s.shutdown()


SHA = hashlib.sha256(BODY).hexdigest()

@pytest.mark.parametrize("path", ["/good", "/drop-1", "/drop-2"])
def test_fetch_checks_and_tries_again(server, tmp_path, path):
    file = tmp_path / "new" / "file.bin"
    downloads.fetch(server + path, file, SHA, len(BODY))
    assert file.read_bytes() == BODY and os.listdir(file.parent) == ["file.bin"]


@pytest.mark.parametrize("path, sha, size, message", [
    ("/drop-3x-99", SHA, len(BODY), "breaks off after 1,000 bytes"),
    ("/missing", SHA, None, "404"),
    ("/good", "0" * 64, len(BODY), "SHA-256"),
    ("/good", SHA, len(BODY) + 1, "256,000 bytes instead of 256,001"),
    ("/web page", SHA, len(BODY), "30 bytes instead of 256,000; it is a web page"),
    ("/web page", SHA, None, "SHA-256 is not the published one; it is a web page"),
    ("/changed-drop-1", SHA, len(BODY), "had 256,000 bytes, and now it has 500; it has changed"),
    ("/odd", SHA, None, "the server's answer is not one of a web server"),
    (None, SHA, None, "refused"),
])
def test_fetch_failures_say_what_to_do(server, tmp_path, path, sha, size, message):
    url = "http://127.0.0.1:9/closed" if path is None else server + path
    file = tmp_path / "trec" / "file.bin"
    with pytest.raises(InputError) as e:
        downloads.fetch(url, file, sha, size)
    for part in (message, "file.bin", url, str(file.parent), "python cal.py"):
        assert part in str(e.value)
    assert "\n" not in str(e.value) and os.listdir(tmp_path) == []  # nor is the folder left


def test_fetch_to_a_full_disk(server, tmp_path):
    code = ("import resource, signal, sys; from plumbing import downloads;"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (70000, 70000));"
            "from pathlib import Path\n"
            "try: downloads.fetch(sys.argv[1], Path(sys.argv[2]), 'x')\n"
            "except ValueError as e: print(e)")
    done = subprocess.run([sys.executable, "-c", code, server + "/good", str(tmp_path / "f.bin")],
                          cwd=HERE, capture_output=True, text=True)
    assert "File too large" in done.stdout and "python cal.py" in done.stdout
    assert os.listdir(tmp_path) == []


def test_trec_is_fetched_where_it_is_missing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "TREC_URL", server + "/missing?")
    with pytest.raises(InputError, match="train_5500.label"):
        data.load("trec", tmp_path)
    (tmp_path / "trec").mkdir()
    (tmp_path / "trec" / "train_5500.label").write_text("DESC:x spoiled ?\n")
    with pytest.raises(InputError, match="not the published file"):
        data.load("trec", tmp_path)


def vector_lines(words, header=True):
    rng = np.random.default_rng(0)
    v = {w: np.round(rng.normal(size=300), 4) for w in words}
    lines = [f"{w} " + " ".join(f"{x:g}" for x in v[w]) for w in words]
    return ([f"{len(words)} 300"] if header else []) + lines, v


class Reply(http.server.BaseHTTPRequestHandler):
    """Replies of a faulty server: /length-X, /none (no length), /html, /endless, /to-URL."""

    def do_GET(self):
        kind = self.path.rpartition("/")[2].partition(".")[0]
        self.send_response(302 if kind.startswith("to-") else 200)
        if kind.startswith("to-"):
            self.send_header("Location", bytes.fromhex(kind[3:]).decode())
        if kind.startswith("length-"):
            self.send_header("Content-Length", kind[7:])
        self.end_headers()
        lines, _ = vector_lines(["how", "you"])
        body = b"<html>" * 10 if kind == "html" else ("\n".join(lines) + "\n").encode()
        with contextlib.suppress(OSError):
            for _ in range(10**6 if kind == "endless" else 1):
                self.wfile.write(body)
                Reply.sent += len(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def odd_server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reply) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{s.server_address[1]}"
        s.shutdown()


def test_an_endless_reply_is_read_no_further_than_the_file_is_long(odd_server, tmp_path):
    Reply.sent = 0
    with pytest.raises(InputError, match="more than 60,000 bytes"):
        downloads.fetch(f"{odd_server}/endless", tmp_path / "f", SHA, 60_000)
    assert Reply.sent < 20_000_000  # what the buffers between us have taken


def test_vectors_of_a_faulty_server_are_refused_by_name(server, odd_server):
    for url, message in ((f"{odd_server}/html.vec", "html.vec is a web page"),
                         (f"{server}/odd.bin?x=1", "a .bin cannot be streamed"),
                         (f"{server}/odd.npy", "a .npy cannot be streamed"),
                         (f"{server}/good.vec", "cannot read the vectors in .*/good.vec: it is not"
                          " a text in UTF-8; download it in another way and give its path")):
        with pytest.raises(InputError, match=message):
            data.load("demo", vectors=url)


def test_a_line_that_has_other_values_than_the_header_says_is_refused(tmp_path):
    (tmp_path / "v.vec").write_text("2 3\nhow 1 2")  # cut off in its first line
    with pytest.raises(InputError, match="v.vec, line 2: 2 values instead of 3, as its first line"):
        data.load("demo", vectors=str(tmp_path / "v.vec"))


def test_what_is_printed_of_somebody_s_text_is_no_command_to_a_terminal():
    assert shortened("a\x1b[31m\x9b1m\u202eb\n\tc") == "a\\x1b[31m\\x9b1m\\u202eb c"
    assert shortened("né ไทย 👩\u200d🔬") == "né ไทย 👩\u200d🔬"  # an emoji's own joiner stays
