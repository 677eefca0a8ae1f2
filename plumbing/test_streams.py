"""Streams that are closed, full or end, and what is printed of somebody's text."""

import io
import os
import subprocess
import sys

import pytest

from plumbing import streams
from plumbing.arguments import script
from test_cal import HERE

CODE = """
import sys
from plumbing.arguments import script
def main():
    print("one" * 9000)
    print("note", file=sys.stderr)
    open(sys.argv[1], "w").write("made")
    return 0
script(main)
"""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("redirection, code, message", [
    (">/dev/full", 2, "cannot print to stdout: No space left on device; what this command makes"),
    ("2>/dev/full", 0, ""), (">&-", 0, ""), ("2>&-", 0, ""), ("<&- >&- 2>&-", 0, ""),
    ("| head -c 1", 0, "")])
def test_the_work_goes_on_without_its_streams(tmp_path, redirection, code, message):
    command = f'"$0" -c "$1" made {redirection}; echo code ${{PIPESTATUS[0]}} >code'
    done = subprocess.run(["bash", "-c", command, sys.executable, CODE], cwd=tmp_path, text=True,
                          env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True)
    assert (tmp_path / "made").read_text() == "made"
    assert (tmp_path / "code").read_text() == f"code {code}\n"
    assert message in done.stderr and "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_no_terminal_obeys_what_is_printed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["x.py"])

    def main():
        print("a\x1b[2Jb\x9b1m\x07\u202ec\ttab é")
        print("bar\r\x1b[A", file=sys.stderr)  # tqdm's own
        return 3

    with pytest.raises(SystemExit) as e:
        script(main)
    out, err = capsys.readouterr()
    assert out == "a\\x1b[2Jb\\x9b1m\\x07\\u202ec\ttab é\n" and err == "bar\r\x1b[A\n"
    assert e.value.code == 3 and not isinstance(sys.stdout, streams.Output)


def test_a_stream_that_cannot_be_written_to_is_taken_for_the_null_device(tmp_path):
    with open(tmp_path / "f", "w") as file:
        class Full(io.TextIOWrapper):
            def write(self, _):
                raise OSError(28, "full")

        full = Full(io.BytesIO())
        full.fileno = file.fileno
        out = streams.Output(full)
        assert out.write("x") is None and out.error.errno == 28
        file.write("to nowhere")
    assert (tmp_path / "f").read_text() == ""


@pytest.mark.parametrize("what, code, message", [
    ("MemoryError()", 2, "there is too little memory"),
    ("RuntimeError('CPUAllocator: cannot allocate memory')", 2, "too little memory"),
    ("ImportError('x.so: failed to map segment from shared object')", 2, "too little memory"),
    ("KeyError('x')", 1, "KeyError: 'x'")])
def test_too_little_memory_is_one_sentence(what, code, message):
    script = f"from plumbing.interrupt import on_interrupt\non_interrupt('__main__')\nraise {what}"
    done = subprocess.run([sys.executable, "-c", script], cwd=HERE, capture_output=True, text=True)
    assert done.returncode == code and message in done.stderr
    assert (done.stderr.count("\n") == 1) == (code == 2)
