"""The next batch of a table that is being labelled: the options, as labelling/ has them."""

from pathlib import Path

import datamap
from labelling import next_batch
from plumbing.files import InputError


def is_due(plan):
    """Whether a table is being labelled: a label is missing, or answers were given for it."""
    return next_batch.is_due(plan.data, plan.folder)


def run(plan):
    """Write the next batch and say what to do; returns the exit code."""
    args = plan.args
    next_batch.run(next_batch.Request(
        data=plan.data, folder=plan.folder, table=Path(args.dataset), test=args.test,
        text_column=args.text_column, label_column=args.label_column, strategy=the_strategy(args),
        seeds=tuple(plan.seeds), t_cor=args.t_cor[0], batch=args.batch or 50,
        random_share=args.random_share, minibatch=plan.s.minibatch,
        epochs=args.epochs if args.epochs != datamap.EPOCHS else None, device=args.device))
    return 0


def the_strategy(args):
    """The one strategy that picks; an InputError if options make no sense without labels."""
    names = args.strategies or [next_batch.DEFAULT]
    if len(names) > 1 or len(args.t_cor) > 1:
        raise InputError("some rows have no label, so one strategy picks the next batch: name one"
                         " in --strategies, and one --t-cor")
    if args.protocol != "paper" or args.model != "fast":
        raise InputError("some rows have no label: the next batch goes with --protocol paper and"
                         " --model fast")
    for option in ("seed_size", "rounds", "everything", "ablate"):
        if getattr(args, option):
            raise InputError(f"some rows have no label: --{option.replace('_', '-')} is for"
                             " experiments, where every row has one, not for the next batch")
    return names[0]
