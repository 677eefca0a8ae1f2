"""The next batch of a table that is being labelled: turns options into a Request."""

import re
import unicodedata
from pathlib import Path

import datamap
from command import idle
from labelling import next_batch, outcome
from plumbing.files import InputError
from tables.labels import read_classes, warn_of_others


def is_due(plan):
    """Whether a table is being labelled: a label is missing, or labels were filled in for it."""
    return next_batch.is_due(plan.data, plan.folder)


def run(plan, classes):
    """Write the next batch and print what to do; returns the exit code. classes: of --classes."""
    args, data = plan.args, plan.data
    if classes:
        labelled = data.y >= 0
        warn_of_others(args.classes, classes, [(int(number), data.classes[c]) for number, c in
                                               zip(data.row_numbers[labelled], data.y[labelled])])
    request = next_batch.Request(
        data=data, folder=plan.folder, table=Path(args.dataset), test=args.test,
        text_column=args.text_column, label_column=args.label_column, strategy=the_strategy(args),
        seeds=tuple(plan.seeds), t_cor=args.t_cor[0], batch=args.batch or 50,
        random_share=args.random_share, minibatch=plan.s.minibatch,
        epochs=args.epochs if args.epochs != datamap.EPOCHS else None, device=args.device,
        accept=args.accept, source=not args.no_source, show=tuple(args.show),
        classes=classes, annotators=tuple(args.annotator),
        cache=Path(args.out) / "cache")
    outcome.columns_of(request, [])  # an InputError for a --show that there is not, before any file
    next_batch.run(request)
    return 0


def classes_of(args):
    """The classes that --classes lists, or (); an InputError for a bad list or doubled names.

    Spaces around a name are taken off, as they are where the column `who` is read. Names that
    differ only in case or punctuation are doubled: one person's file would replace another's.
    """
    args.annotator = [unicodedata.normalize("NFC", name.strip()) for name in args.annotator]
    files = {}
    for name in args.annotator:
        file = file_of(name)
        if file in files:
            alike = "is there twice" if name == files[file] else (
                f"and {name!r} differ in case or punctuation alone")
            raise InputError(f"--annotator takes different names, and {files[file]!r} {alike}; give"
                             " each person another one")
        files[file] = name
    return read_classes(Path(args.classes)) if args.classes else ()


def file_of(name):
    """A person's part of a file's name as page/labels.js writes it, in one case.

    Marks count: in many scripts two names differ in them alone.
    """
    parts = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else "-" for c in name)
    return re.sub("-+", "-", parts).casefold()


def refuse_its_options(args):
    """An InputError for options that do nothing if every row has a label."""
    if found := idle.given(args, idle.OF_LABELLING):
        raise InputError(f"every row of {args.dataset} has a label, and {found[0]} is for tables"
                         " that are being labelled; leave it out")


def the_strategy(args):
    """The one strategy that picks; an InputError for options that need a label in every row."""
    names = args.strategies or [None]  # None: the default, which depends on the labels
    if len(names) > 1 or len(args.t_cor) > 1:
        raise InputError("some rows have no label, so one strategy picks the next batch; name one"
                         " in --strategies, and one --t-cor")
    if args.protocol != "paper" or args.model != "fast":
        raise InputError("some rows have no label, and the next batch works only with --protocol"
                         " paper and --model fast; leave out --protocol, and give --model fast if"
                         " --fork names a network or an algorithm")
    if found := idle.given(args, idle.OF_EXPERIMENTS):
        raise InputError(f"some rows have no label, and {found[0]} is for experiments, in which"
                         " every row has one; leave it out")
    idle.refuse_thresholds(args, [names[0] or next_batch.DEFAULT])
    if names[0] == "random" and args.random_share not in (0, 0.2):
        raise InputError("--random-share has no effect with --strategies random, which draws every"
                         " text at random; leave it out")
    return names[0]
