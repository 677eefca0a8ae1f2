"""What is asked of a person: next_batch.csv, and the same texts on the labelling page."""

from collections import Counter

from labelling import kernel, outcome
from plumbing.files import write_csv
from tables.answers import NEXT, key, saved_since


def ask(request, answers, rows, how, scores, predicted, regions):
    """Write next_batch.csv: the picked rows in order, with a last column for their labels.

    Returns the answers, with those that a person saved while this command ran.
    """
    answers = saved_since(request.folder, answers)
    data = request.data
    beside = outcome.columns_of(request, [int(data.row_numbers[i]) for i in rows])
    names = ["row", "text", "how", "score", "region", "predicted", "label"]
    own = [outcome.free_name(name, names) for name in request.show]
    write_csv(request.folder / NEXT, [*names[:-1], *own, names[-1]], [
        [data.row_numbers[i], data.texts[i], how[i], f"{scores[i]:.6f}" if i in scores else "",
         regions.get(i, ""), data.classes[predicted[i].argmax()] if len(predicted) else "",
         *beside[int(data.row_numbers[i])], ""] for i in rows])
    return answers


def asked(request, rows, how, team=None):
    """What the page shows of each row that is asked for, as dicts.

    likely: the nine likeliest classes and their probabilities; terms: the words that speak for the
    first; copies: how many rows have the text; context: columns of the table.
    """
    data, wanted = request.data, {key(request.data.texts[row]) for row in rows}
    copies = Counter(k for k in map(key, data.texts) if k in wanted)
    beside = outcome.columns_of(request, [int(data.row_numbers[row]) for row in rows])
    terms = kernel.speaking(team.features, team.rows, team.fitted, rows, data.texts) if team else {}
    shown = []
    for row in rows:
        number = int(data.row_numbers[row])
        best = team.p[row].argsort(kind="stable")[::-1][:9] if team else []
        shown.append({
            "row": number, "text": data.texts[row], "how": how[row],
            "predicted": data.classes[best[0]] if team else "",
            "likely": [[data.classes[c], round(float(team.p[row, c]), 3)] for c in best],
            "terms": terms.get(row, []), "copies": copies[key(data.texts[row])],
            "context": list(zip(request.show, beside[number]))})
    return shown
