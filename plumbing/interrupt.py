"""Ctrl-C at any moment, even during the imports, prints one sentence; the exit code is 130.

The same holds where a process is asked to end (TERM) or its terminal is closed (HUP): the exit code
is 128 plus the signal's number, as in a shell.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import threading

from plumbing import imports

ENDS = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


def on_interrupt(module):
    """Handle Ctrl-C. cal.py calls this with its __name__ before the imports that take seconds.

    It makes those imports quicker, too, in the command and in its workers (see imports.py).

    The handler ends the process at once, because an exception can be lost (matplotlib prints those
    of its callbacks and goes on). That is safe: run files grow by whole lines, and all other files
    are renamed when they are whole.
    """
    if module in ("__main__", "__mp_main__"):
        imports.begin()
    if module == "__main__":
        sys.excepthook = one_sentence_for_memory
        signal.signal(signal.SIGINT, end)
        for number in ENDS - {signal.SIGINT}:
            if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores HUP, which stays so
                signal.signal(number, end)
    elif module == "__mp_main__":  # a worker: it ends with the process that the user started
        be_worker()


def on_interrupt_of_a_module():
    """The same for `python -m room.module`; a room's __init__.py calls this.

    Python imports the room while it looks for the module, and sys.argv[0] is -m meanwhile.
    """
    if sys.argv[:1] == ["-m"]:
        said.append("give the same command again")
        on_interrupt("__main__")


said = ["the same command continues from the last finished round"]


def one_sentence_for_memory(kind, e, trace):
    """sys.excepthook: what Python and torch raise if there is too little memory is one sentence.

    It may come during the imports, too; any other exception that nobody has caught is printed.
    """
    little = "allocate memory", "failed to map segment"
    if issubclass(kind, MemoryError) or any(words in str(e) for words in little):
        os.write(2, b"there is too little memory; end other programs, or give fewer --jobs or"
                    b" texts; the same command continues from the last finished round\n")
        os._exit(2)
    sys.__excepthook__(kind, e, trace)


def be_worker():
    """Ignore Ctrl-C, which is for the process that started this one, and end as soon as that ends.

    TERM and HUP, which were held back while this process started, end it as ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS - {signal.SIGINT})
    if parent := multiprocessing.parent_process():
        threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent):
    parent.join()
    os._exit(1)


@contextlib.contextmanager
def held_back():
    """Hold Ctrl-C, TERM and HUP back meanwhile: they come at the end.

    Processes that are started here inherit that (see be_worker): none of them is left half started,
    and none gets a Ctrl-C that is for us. The system gives a signal that this thread blocks to
    another thread of ours (tqdm has one), so what Python then calls here only takes a note of it.
    """
    came, ours = [], {}
    if threading.current_thread() is threading.main_thread():  # the only one that can have handlers
        ours = {number: handler for number in ENDS
                if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    for number in ours:
        signal.signal(number, lambda number, _: came.append(number))
    masks = hasattr(signal, "pthread_sigmask")  # Windows has none
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS) if masks else None
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if came:
            signal.raise_signal(came[0])


def end(number=signal.SIGINT, *_):
    for other in ENDS:
        signal.signal(other, signal.SIG_IGN)
    if os.environ.get("RANK", "0") == "0":
        with contextlib.suppress(OSError):
            os.write(2, f"\nInterrupted; {said[-1]}.\n".encode())
    for worker in multiprocessing.active_children():  # one may still be importing (see be_worker)
        with contextlib.suppress(Exception):
            worker.kill()
    for path in list(open_parts):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(path)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(128 + number)


open_parts = set()  # files and folders being written, to be removed (see files.whole_file)
