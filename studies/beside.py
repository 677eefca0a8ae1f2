"""The tables of docs/results-trec.md: results directories side by side.

    for v in pool hash en_300d.vec.gz; do
        python cal.py --dataset trec --vectors $v --t-cor 0.2 0 0.4 0.6 0.8
        python cal.py --dataset trec --vectors $v --strategies cal+dal; done
    python -m studies.beside results/trec-paper-{pool,hash,en_300d}

The script reads the tables that the reports of these commands wrote, and calculates nothing.
"""

from plumbing.arguments import Parser, script
from plumbing.files import InputError, coded, read_csv
from report.markdown import markdown
from report.names import vectors_of
from stats import Results
from tables.records import is_table

TABLES = (  # title, name.csv, what a row is about, the columns to show, that of the paper's numbers
    ("Accuracy", "results", ["strategy"], ["final accuracy", "mean accuracy"], "paper"),
    ("Labels to Random's final accuracy", "results", ["strategy"],
     ["labels to Random's final", "95 % interval"], ""),
    ("The paper's claims", "claims", ["the paper's claim"], ["verdict"], ""),
    ("Table 2", "table2", ["ε_min"], ["pooled rounds", "one number per seed"], "the paper"),
    ("Table 3", "table3", ["strategy", "t_cor"], ["final accuracy"], "paper"),
    ("Table 4", "table4", ["pair"], ["same round", "whole run"], "paper"),
    ("Data efficiency", "efficiency", ["strategy"], ["final / full-data accuracy", "95 %"], ""),
)


def rows_of(r, name):
    """The rows of a table as dicts of texts; InputError if the report has not written it."""
    path = r.folder / f"{name}.csv"
    if not path.exists():
        raise InputError(f"{r.folder} has no {name}.csv; " + (
            "the report of a table of your own has the paper's tables only with --everything, so"
            " add it to the command that made the folder" if is_table(r.dataset) else
            "it needs the strategies and thresholds of the commands at the top of"
            " studies/beside.py, so run these first"))
    rows = read_csv(path)
    if name == "claims":  # a column per kind of vectors
        mine = f"with {coded(vectors_of(r))} vectors"
        return [{**row, "verdict": row.get(mine, "")} for row in rows]
    return {"table2": of_cal, "table4": with_chance}.get(name, list)(rows)


def of_cal(rows):
    """Table 2's cells of CAL over another strategy, then of another over CAL, one row each."""
    cells = {(row["sample"], row["row over column"], b): cell for row in rows
             for b, cell in row.items()}
    samples = list(dict.fromkeys(row["sample"] for row in rows))
    others = [name for name in dict.fromkeys(row["row over column"] for row in rows)
              if name != "CAL"]
    pairs = [("CAL", b) for b in others] + [(a, "CAL") for a in others]
    return [{"ε_min": f"{a} over {b}", **{s: cells.get((s, a, b), "") for s in samples}}
            for a, b in pairs]


def with_chance(rows):
    """Table 4's rows, then one for what chance gives if all pairs have the same number of picks."""
    chance = {(row["by chance"], row["by chance "]) for row in rows}
    if len(chance) > 1:
        return rows
    [(one, whole)] = chance
    return [*rows, {"pair": "by chance", "same round": one, "whole run": whole}]


def beside(results, name, keys, columns, paper):
    """(header, rows) of one table: its columns of every directory, then the paper's."""
    by_key = [{tuple(row[key] for key in keys): row for row in rows_of(r, name)}
              for r in results]
    header = [*keys, *(f"`{vectors_of(r)}` {column}" for r in results for column in columns)]
    theirs = {key: row.get(paper, "") for found in reversed(by_key) for key, row in found.items()}
    rows = [[*key, *(found.get(key, {}).get(c, "") for found in by_key for c in columns),
             *([theirs[key]] if paper else [])]
            for key in dict.fromkeys(key for found in by_key for key in found)]
    return [*header, *(["paper"] if paper else [])], rows


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("folders", nargs="+", metavar="FOLDER", help="results directories")
    results = [Results(folder) for folder in p.parse_args().folders]
    print("\n\n".join([f"{title}\n\n{markdown(*beside(results, *table))}"
                       for title, *table in TABLES]))


if __name__ == "__main__":
    script(main)
