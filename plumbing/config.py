"""config.json of a results directory, which another person or version may have written."""

import json

from plumbing.files import InputError, refuse_odd, shortened

MOST = 10**8  # texts, or anything else that is counted
RUNS = 1_000  # seeds, or strategies: each has files, which take time to look for


def count(value, least=0):
    return type(value) is int and least <= value <= MOST


def one_or_more(value):
    return count(value, 1)


def text(value):
    """Whether a value is a text that can be written: half a surrogate pair cannot."""
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value


def name(value):
    """Whether a text can be a part of a file's name: it leads to no other folder."""
    return text(value) and 0 < len(value) < 200 and not {"/", "\0"} & set(value)


def many(kind, least=0, most=MOST):
    """Whether a value is a list of different values of a kind."""
    return lambda value: (isinstance(value, list) and least <= len(value) <= most
                          and all(map(kind, value)) and len(set(value)) == len(value))


def number(value):
    return type(value) in (int, float) and value == value


def named(kind):
    """Whether a value is a dict whose values are of a kind."""
    return lambda value: isinstance(value, dict) and all(map(kind, value.values()))


def machine(value):
    return (isinstance(value, dict) and {"device", "versions"} <= value.keys()
            and (value["device"] is None or text(value["device"]))
            and (value["versions"] is None or named(text)(value["versions"])))


def sources(value):
    return value == {} or named(named(text))(value) and {"core", "strategies"} <= value.keys()


# What must be there, and what may be there; older versions wrote less.
NEEDED = {
    "settings.dataset": text, "settings.protocol": text, "settings.vectors": text,
    "settings.rounds": count, "settings.batch": one_or_more, "settings.seed_size": one_or_more,
    "seeds": many(lambda seed: type(seed) is int and seed >= 0, 0, RUNS),
    "strategies": many(name, 0, RUNS),
    "classes": many(text, 1), "about.train": one_or_more, "about.test": one_or_more,
    "about.classes": one_or_more, "about.class_counts": named(count),
}
POSSIBLE = {
    "settings.data_sha256": text, "settings.x_sha256": text, "settings.model": text,
    "settings.device": text, "settings.epochs": one_or_more, "settings.minibatch": one_or_more,
    "about.length_mean": number, "about.length_max": count,
    "about.types": count, "about.types_known": number, "about.tokens_known": number,
    "about.missing": many(text), "sources": sources, "commands": many(text),
    "machines": lambda value: isinstance(value, list) and all(map(machine, value)),
    "projections": lambda value: isinstance(value, list) and all(map(number, value)),
    "versions": named(text), "forks": named(text), "measures": many(text),
}


def read_config(path):
    """What config.json holds; an InputError says where it is damaged."""
    refuse_odd(path.parent)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise damaged(path, "it is not JSON")
    for key, sound in {**NEEDED, **POSSIBLE}.items():
        value, missing = at(config, key.split("."))
        if missing and key in NEEDED:
            raise damaged(path, f"it has no {key}")
        if not missing and not sound(value):
            raise damaged(path, f"{key} is {shortened(json.dumps(value), 60)}")
    settings, about = config["settings"], config["about"]
    if settings["rounds"] * settings["batch"] + settings["seed_size"] > about["train"]:
        raise damaged(path, f"{settings['rounds']} rounds are more than its texts allow")
    if about["classes"] != len(config["classes"]) or (
            about["class_counts"].keys() != set(config["classes"])):
        raise damaged(path, "about has other classes than classes")
    if "types" in about and not {"types_known", "tokens_known", "length_max",
                                 "length_mean"} <= about.keys():
        raise damaged(path, "about lacks some of its numbers")
    return config


def at(value, keys):
    """(the value under some keys, False), or (None, True) if there is none."""
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return None, True
        value = value[key]
    return value, False


def damaged(path, why):
    return InputError(f"{path} is damaged ({why}); start over with --fresh, or choose another"
                      " --out")
