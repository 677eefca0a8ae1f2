"""The command line's options."""

import argparse

from plumbing.arguments import Parser, at_least, share, threshold
from plumbing.files import InputError
from tables.records import is_table


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help that shows each option's default, if it has one."""

    def _get_help_string(self, action):
        told = action.default in (None, False) or "default" in action.help
        return action.help if told else super()._get_help_string(action)


def reading(args, folder):
    """The options for data.load that a dataset needs. folder: the results directory."""
    if args.dataset == "agnews":
        return {"agnews_text": args.agnews_text}
    if is_table(args.dataset):
        return {"text_column": args.text_column, "label_column": args.label_column,
                "test": args.test, "folder": folder}
    if args.test:
        raise InputError("--test works only with your own table; give its file as --dataset, or"
                         " leave out --test")
    return {}


def typed(name):
    """An option as it is typed: seed_size -> --seed-size."""
    return "--" + name.replace("_", "-")


def fork_in(arguments):
    """The file that --fork names, or None. It is read first, since it adds to other options."""
    p = Parser(prog="cal.py", add_help=False, allow_abbrev=False)
    p.add_argument("--fork")
    return p.parse_known_args(arguments)[0].fork


def parser(strategies, epochs, models=("fast", "plain")):
    """Every option. strategies, models: the names to choose from; epochs: --epochs' default."""
    p = Parser(prog="cal.py", description="Cartography Active Learning (Zhang & Plank 2021).",
               formatter_class=Help, allow_abbrev=False, meant=lambda word: meant(word, strategies))
    data_options(p.add_argument_group("data"))
    experiment_options(p.add_argument_group("experiment"), strategies, epochs, models)
    report_options(p.add_argument_group("report"))
    machine_options(p.add_argument_group("machine and output"), strategies)
    p.set_defaults(fork_sha256=None)  # no option: what the command read of --fork's file
    return p


def meant(word, strategies):
    """The option that a word without one may be for, as it is typed, or None."""
    if word in ("demo", "trec", "agnews") or is_table(word):
        return f"--dataset {word}"
    return f"--strategies {word}" if word in strategies else None


def data_options(g):
    g.add_argument("--dataset", default="demo",
                   help="demo, trec, agnews, or your own .csv, .tsv or .jsonl file; if some of its"
                   " labels are empty, the command picks the next batch to label")
    g.add_argument("--vectors", default="pool",
                   help="pool (learned from the training texts), hash (random vectors), fasttext,"
                   " a .vec, .txt (.gz, .zip) or .bin file, the URL of one, or a .npy file with a"
                   " row per text")
    g.add_argument("--data-dir", default="data",
                   help="the folder of the data files, to which missing ones are downloaded")
    g.add_argument("--text-column", default="text", metavar="NAME",
                   help="the column of your own table that holds the texts")
    g.add_argument("--label-column", default="label", metavar="NAME",
                   help="the column of your own table that holds the labels")
    g.add_argument("--test", metavar="FILE",
                   help="texts to test on (default: a stratified fifth of the file)")
    g.add_argument("--random-share", type=share, default=0.2,
                   help="the share of the next batch that is drawn at random, which gives an"
                   " unbiased estimate of the accuracy")
    g.add_argument("--accept", type=share, metavar="P",
                   help="write predictions of at least this probability into labelled.csv, marked"
                   " in its column source")
    g.add_argument("--show", nargs="+", default=[], metavar="NAME",
                   help="columns of your table to show beside each text that is to be labelled"
                   " (default: all)")
    g.add_argument("--classes", metavar="FILE",
                   help="a file with a class per line: the classes that there are, used or not")
    g.add_argument("--annotator", nargs="+", default=[], metavar="NAME",
                   help="who labels the next batch; it is divided among several people, and two of"
                   " them get every tenth text")
    g.add_argument("--no-source", action="store_true",
                   help="leave out the column of labelled.csv that says where a label comes from")
    g.add_argument("--agnews-text", default="description",
                   choices=["description", "title+description"], help="the text of each agnews row")


def experiment_options(g, strategies, epochs, models):
    g.add_argument("--strategies", nargs="+", choices=strategies, metavar="NAME",
                   help=f"one or more of {' '.join(strategies)} (default: the first six, with the"
                   " demo also margin and cal+unit; with your own table random lc margin cal, or"
                   " margin alone to pick the next batch)")
    g.add_argument("--seeds", nargs="+", type=at_least(0),
                   help="random seeds, one per run of a strategy (default: the paper's five, with"
                   " the demo three of them)")
    g.add_argument("--rounds", type=at_least(1),
                   help="the number of batches to pick (default: 30, with the demo 10)")
    g.add_argument("--batch", type=at_least(1),
                   help="the number of texts to pick per round (default: 50; fewer from a small"
                   " table)")
    g.add_argument("--seed-size", type=at_least(1),
                   help="the number of texts in the seed set (default: the dataset's, Table 1)")
    g.add_argument("--epochs", type=at_least(1), default=epochs,
                   help="the number of epochs of each training")
    g.add_argument("--t-cor", nargs="+", type=threshold, default=[0.2],
                   help="the correctness above which CAL calls a text high-cor; with several"
                   " thresholds the report has Table 3")
    g.add_argument("--protocol", default="paper",
                   help="paper follows the paper's text, code the authors' released code, code2021"
                   " that code as first released; paper+SWITCH, say, changes one difference"
                   " (docs/released-code.md, docs/versions.md)")
    g.add_argument("--fork", metavar="FILE",
                   help="a Python file with strategies, a network, measures or a dataset of your"
                   " own (docs/fork.md)")
    g.add_argument("--new-fork", metavar="FILE", help="only write a file to start from, for --fork")
    g.add_argument("--model", choices=models, default=models[0],
                   help="plain is the paper in plain PyTorch (datamap.Models); fast does the same"
                   " calculation in less time; a --fork may add one")
    g.add_argument("--noise", type=threshold, default=0.0,
                   help="make this share of the training labels wrong; the test labels stay")
    g.add_argument("--everything", action="store_true",
                   help="also run what Table 3 needs, DAL + CAL, and the best strategies since the"
                   " paper")
    g.add_argument("--ablate", action="store_true",
                   help="run CAL and Random under the protocols paper and code, and under each of"
                   " them with one difference changed")
    g.add_argument("--save-dynamics", action="store_true",
                   help="also keep what the model trained on all the data said of every text after"
                   " each epoch, in the format of allenai/cartography (docs/dynamics.md)")
    g.add_argument("--quick", action="store_true", help="run one seed and ten rounds")


def report_options(g):
    g.add_argument("--baseline", metavar="NAME",
                   help="the strategy that the report compares every other with (default: random)")
    g.add_argument("--margin", type=share,
                   help="two strategies are called the same if their accuracies are shown to differ"
                   " by less than this (default: 0.01)")
    g.add_argument("--format", nargs="+", choices=["pdf", "svg"], default=[], metavar="NAME",
                   help="also write every figure as pdf or svg")


def machine_options(g, strategies):
    g.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto",
                   help="the device to train on; auto takes a GPU if there is one")
    g.add_argument("--jobs", type=at_least(1),
                   help="the number of processes (default: one per seed, but no more than physical"
                   " cores)")
    g.add_argument("--bench", action="store_true", help="only time the parts on this machine")
    g.add_argument("--pool", type=at_least(100), metavar="N",
                   help="with --bench, time every strategy on N made-up texts instead")
    g.add_argument("--out", default="results", help="the folder for results")
    g.add_argument("--fresh", nargs="*", choices=[*strategies, "full"], metavar="NAME",
                   help="first delete the runs in the results directory, or those of the strategies"
                   " NAME alone")
    g.add_argument("--again", nargs=3, metavar=("FOLDER", "STRATEGY", "SEED"),
                   help="make one run of a results directory again, and say whether it is the same")
    g.add_argument("--report-only", action="store_true",
                   help="only redraw the report, without training")
