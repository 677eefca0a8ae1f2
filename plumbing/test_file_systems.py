"""File systems without locks, folders that somebody else made, a full disk, few handles."""

import errno
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import cal
from plumbing import files, folder
from plumbing.downloads import cause
from plumbing.files import InputError, sentence
from plumbing.runs import Log
from test_cal import cal_main, limited

LINE = {"round": 0, "labelled": 60, "accuracy": 0.5, "picked": [3], "batch": None,
        "seconds": {"train": 0.1, "select": 0.1}}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_goes_on_with_a_sentence(tmp_path, monkeypatch, capsys, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / ".a.txt.7.part").write_text("of a process that may be alive")
    monkeypatch.setattr(files, "fcntl", SimpleNamespace(flock=flock, LOCK_EX=2, LOCK_NB=4))
    with folder.locked(tmp_path):
        files.write_text(tmp_path / "b.txt", "whole")
    assert "has no locks; run one command at a time" in capsys.readouterr().err
    assert (tmp_path / "b.txt").read_text() == "whole" and (tmp_path / ".a.txt.7.part").exists()


@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_lock_that_another_process_has_is_refused(tmp_path, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / ".lock").write_text("77")
    monkeypatch.setattr(files, "fcntl", SimpleNamespace(flock=flock, LOCK_EX=2, LOCK_NB=4))
    with pytest.raises(InputError, match="is in use by process 77"), folder.locked(tmp_path):
        pass
    assert (tmp_path / ".lock").read_text() == "77"


def test_nothing_is_written_through_a_link_to_a_file_outside(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "results"
    outside.write_text("precious")
    (inside / "runs").mkdir(parents=True)
    (inside / ".lock").symlink_to(outside)
    with pytest.raises(InputError, match=".lock is a link"), folder.locked(inside):
        pass
    for torn in (b"precious", json.dumps(LINE).encode() + b"\n{"):
        outside.write_bytes(torn)
        (inside / "runs" / "lc-1.jsonl").unlink(missing_ok=True)
        (inside / "runs" / "lc-1.jsonl").symlink_to(outside)
        with pytest.raises(InputError, match="lc-1.jsonl is a link"):
            Log(inside).append(cal.Run("lc", 1), {**LINE, "round": 1})
        assert outside.read_bytes() == torn
    (inside / "report.md").symlink_to(outside)  # a file that is replaced: the link goes
    files.write_text(inside / "report.md", "ours")
    part = inside / f".next.csv.{os.getpid()}.part"
    part.symlink_to(outside)
    files.write_text(inside / "next.csv", "ours")
    assert outside.read_bytes() == torn and (inside / "next.csv").read_text() == "ours"


def test_runs_may_be_a_link_to_a_bigger_disk_and_fresh_removes_our_files_alone(tmp_path):
    big, results = tmp_path / "big", tmp_path / "results"
    big.mkdir()
    results.mkdir()
    (results / "runs").symlink_to(big)
    log = Log(results)
    log.append(cal.Run("cal+dal", 1), LINE)
    ours = ["cal+dal-1.jsonl", "maps-1.npz", "cal-1.round3.pt", "made-with.json", "texts.json.gz",
            "border-1.json", ".maps-1.npz.9.part"]
    for name in (*ours, "thesis.docx", "notes.json", "photo.png"):
        (big / name).touch()
    folder.empty(results / "runs")
    assert {path.name for path in big.iterdir()} == {"thesis.docx", "notes.json", "photo.png"}
    assert (results / "runs").is_symlink()


@pytest.mark.parametrize("name, value, message", [
    ("RLIMIT_FSIZE", 3000, "File too large"), ("RLIMIT_NOFILE", 4, "Too many open files")])
def test_limits_are_one_sentence_and_the_same_command_goes_on(name, value, message, tmp_path,
                                                              capsys):
    table, out = tmp_path / "my.csv", tmp_path / "out"
    table.write_text("text,label\n" + "".join(f"text {i} of {'ab'[i % 2] * 3},{'ab'[i % 2]}\n"
                                              if i < 50 else f"text {i},\n" for i in range(90)))
    words = ["--dataset", table, "--out", out, "--vectors", "hash", "--seeds", "1", "--epochs", "2"]
    with limited(name, value):
        assert cal_main(*words) == 2
    error = capsys.readouterr().err
    assert message in error.splitlines()[-1] and "Traceback" not in error
    assert not list(tmp_path.rglob("*.part"))
    assert cal_main(*words) == 0
    assert len(list(out.glob("my.csv-*/next_batch.csv"))) == 1


def test_an_exception_without_words_gets_some():
    assert cause(EOFError()) == "the file breaks off"
    assert cause(TimeoutError()) == "the server does not answer" and cause(OSError("a\nb")) == "a b"
    assert cause(ValueError("''")) == "ValueError"


@pytest.mark.parametrize(("error", "said"), [
    (PermissionError(13, "Permission denied", "/a/my.py"), "Permission denied (/a/my.py); you may"),
    (PermissionError(13, "Permission denied", "/a/.my.py.77.part"), "denied (/a/my.py); you may"),
    (OSError(30, "Read-only file system", ".a b.77.part"), "Read-only file system (a b); you may"),
    (OSError(28, "No space left on device", "/a"), "No space left on device (/a); go on"),
    (OSError(36, "File name too long"), "File name too long; give it a shorter name"),
    (OSError("odd"), "odd; go on"),
])
def test_an_oserror_is_a_sentence_that_is_true(error, said):
    assert said in sentence(error, "go on") and "[Errno" not in sentence(error)
    assert ("go on" in sentence(error, "go on")) == said.endswith("go on")
