"""The command line's options."""

import argparse
import sys

from plumbing.arguments import Parser, at_least, share, threshold
from plumbing.files import InputError
from tables.records import is_table


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Defaults in the help, where there are any."""

    def _get_help_string(self, action):
        told = action.default in (None, False) or "default" in action.help
        return action.help if told else super()._get_help_string(action)


def reading(args, folder):
    """What data.load is to know of a dataset, out of the options. folder: of the results."""
    if args.dataset == "agnews":
        return {"agnews_text": args.agnews_text}
    if is_table(args.dataset):
        return {"text_column": args.text_column, "label_column": args.label_column,
                "test": args.test, "folder": folder}
    if args.test:
        raise InputError("--test goes with a file of your own as --dataset")
    return {}


def prepare_terminal():
    """A terminal that does not know ± or an accent shows ? for it; arguments must be UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    for word in sys.argv:
        try:
            word.encode()
        except UnicodeEncodeError:
            print(f"cal.py: the argument {ascii(word)} is not UTF-8; rename the file",
                  file=sys.stderr)
            sys.exit(2)


def parser(strategies, epochs):
    """Every option; strategies: the names to choose from, epochs: the default."""
    p = Parser(prog="cal.py", description="Cartography Active Learning (Zhang & Plank 2021).",
               formatter_class=Help, allow_abbrev=False)
    data_options(p.add_argument_group("data"))
    experiment_options(p.add_argument_group("experiment"), strategies, epochs)
    machine_options(p.add_argument_group("machine and output"))
    return p


def data_options(g):
    g.add_argument("--dataset", default="demo",
                   help="demo, trec, agnews, or a .csv, .tsv or .jsonl file; where some of its"
                   " labels are empty: the next batch to label")
    g.add_argument("--vectors", default="pool",
                   help="pool, hash, fasttext, or a .vec, .txt (.gz, .zip) or .bin file, or a URL;"
                   " or a .npy file with a row a text")
    g.add_argument("--data-dir", default="data", help="where the data files are, or are put")
    g.add_argument("--text-column", default="text", metavar="NAME", help="of a file")
    g.add_argument("--label-column", default="label", metavar="NAME", help="of a file")
    g.add_argument("--test", metavar="FILE",
                   help="texts to test on (default: a stratified fifth of the file)")
    g.add_argument("--random-share", type=share, default=0.2,
                   help="of a next batch to draw at random, which makes its estimates honest")
    g.add_argument("--agnews-text", default="description",
                   choices=["description", "title+description"], help="what agnews reads")


def experiment_options(g, strategies, epochs):
    g.add_argument("--strategies", nargs="+", choices=strategies, metavar="NAME",
                   help=f"of {' '.join(strategies)} (default: the first six, on the demo"
                   " margin and cal+unit too; a table of your own: random lc margin cal; its next"
                   " batch: margin)")
    g.add_argument("--seeds", nargs="+", type=at_least(0), help="default: the paper's (demo: 3)")
    g.add_argument("--rounds", type=at_least(1), help="batches to pick (default: 30; demo: 10)")
    g.add_argument("--batch", type=at_least(1), help="texts to pick a round (default: 50)")
    g.add_argument("--seed-size", type=at_least(1), help="default: the dataset's (Table 1)")
    g.add_argument("--epochs", type=at_least(1), default=epochs, help="of each training")
    g.add_argument("--t-cor", nargs="+", type=threshold, default=[0.2],
                   help="correctness above which CAL calls a text high-cor; several: Table 3")
    g.add_argument("--protocol", default="paper",
                   help="paper: what its text says; code: what its authors' released code does;"
                   " paper+SWITCH, code+SWITCH ...: with a switch of released/protocols.py turned")
    g.add_argument("--model", choices=["fast", "plain"], default="fast",
                   help="plain: datamap.Models, as the paper would be written, and slower")
    g.add_argument("--noise", type=threshold, default=0.0,
                   help="make this share of the training labels wrong, never of the test's")
    g.add_argument("--everything", action="store_true",
                   help="Table 3, DAL + CAL, and the best beyond the paper as well")
    g.add_argument("--ablate", action="store_true",
                   help="CAL and Random under paper, code, and each with one switch turned")
    g.add_argument("--quick", action="store_true", help="one seed, ten rounds")


def machine_options(g):
    g.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="to train on")
    g.add_argument("--jobs", type=at_least(1), help="processes (default: a physical core a seed)")
    g.add_argument("--bench", action="store_true", help="time the parts on this machine, and stop")
    g.add_argument("--pool", type=at_least(100), metavar="N",
                   help="with --bench: time every strategy on N made-up texts")
    g.add_argument("--out", default="results", help="where results go")
    g.add_argument("--fresh", action="store_true", help="forget the runs already there")
    g.add_argument("--report-only", action="store_true", help="redraw the report, train nothing")
