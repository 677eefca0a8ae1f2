"""Options that would have no effect are refused, so that nobody believes that they had one."""

import datamap
from command import options
from plumbing.files import InputError
from tables.records import is_table

OF_A_TABLE = ("text_column", "label_column", "accept", "show", "no_source", "random_share",
              "classes", "annotator")
OF_EXPERIMENTS = ("seed_size", "rounds", "everything", "ablate", "save_dynamics", "quick", "fresh",
                  "baseline", "margin", "format")


def given(args, names):
    """The options among `names` that have another value than their default, as they are typed."""
    usual = vars(options.parser([], datamap.EPOCHS).parse_args([]))
    return ["--" + name.replace("_", "-") for name in names
            if getattr(args, name, usual[name]) != usual[name]]


def refuse(args):
    """Raise InputError for options that have no effect whatever the data are."""
    for names, idle, what in (
            (["pool"], not args.bench, "works only with --bench"),
            (["agnews_text"], args.dataset != "agnews", "works only with --dataset agnews"),
            (OF_A_TABLE, not is_table(args.dataset), "works only with your own table"),
            (["fresh", "save_dynamics"], args.report_only,
             "has no effect with --report-only, which trains nothing")):
        if idle and (found := given(args, names)):
            raise InputError(f"{found[0]} {what}; leave it out")
