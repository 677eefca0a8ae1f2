"""Options that would have no effect are refused or said, so that nobody believes that they had one.

With --report-only they are said, because it is given beside the words of the command that trained.
"""

import cal
from command.experiment import defaults_of
from command.options import typed
from plumbing.files import InputError, note
from tables.records import is_table

OF_LABELLING = ("accept", "no_source", "show", "classes", "annotator", "random_share")
OF_A_TABLE = ("text_column", "label_column", *OF_LABELLING)
OF_EXPERIMENTS = ("seed_size", "rounds", "everything", "ablate", "save_dynamics", "quick", "fresh",
                  "baseline", "margin", "format", "jobs")
OF_A_REPORT = ("dataset", "protocol", "vectors", "noise", "model", "out", "fork", "baseline",
               "margin", "format", "report_only", "ablate", "fresh", "save_dynamics")


def given(args, names):
    """The options among `names` that have another value than their default, as they are typed."""
    usual = defaults_of(args)
    return [typed(name) for name in names if getattr(args, name, usual[name]) != usual[name]]


def others(args, *names):
    """The options that are given besides `names`."""
    return given(args, [name for name in vars(args) if name not in (*names, "fork_sha256")])


def refuse(args):
    """Raise InputError for options that have no effect whatever the data are; --report-only says
    which have none there."""
    for mode, beside in (("new_fork", ()), ("bench", ("device", "pool"))):
        if getattr(args, mode) and (found := others(args, mode, *beside)):
            raise InputError(f"{found[0]} has no effect with {typed(mode)}; leave it out")
    if args.again:  # it refuses others by itself
        return
    table = is_table(args.dataset)
    for names, idle, what in (
            (["pool"], not args.bench, "works only with --bench"),
            (["agnews_text"], args.dataset != "agnews", "works only with --dataset agnews"),
            (OF_A_TABLE, not table, "works only with your own table"),
            (["fresh", "save_dynamics"], args.report_only,
             "has no effect with --report-only, which trains nothing"),
            (["quick"], args.seeds and args.rounds, "has no effect beside --seeds and --rounds"),
            (["margin"], table and not (args.everything or args.report_only or args.t_cor[1:]),
             "has no effect on a table of your own, whose report has no tests")):
        if idle and (found := given(args, names)):
            raise InputError(f"{found[0]} {what}; leave it out")
    if args.report_only and (found := others(args, *OF_A_REPORT)):
        note(f"note: {', '.join(found)}: no effect with --report-only, which draws what there is")


def refuse_thresholds(args, names):
    """Raise InputError for a --t-cor that none of the strategies reads."""
    if args.t_cor != [0.2] and not any(map(cal.reads_map, names)):
        raise InputError(f"--t-cor has no effect on {', '.join(dict.fromkeys(names))}, which read"
                         " no data map; leave it out")
