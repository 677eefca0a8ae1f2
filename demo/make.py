"""The demo corpus: questions from a grammar, so that the true kind of every row is known.

    python demo/make.py        rebuilds demo/questions.csv (text, label, kind, split)

The corpus has TREC-style questions of six classes, 2,500 for training and 500 for testing. A
training row's kind is easy (75 %), ambiguous (15 %: its template belongs to two classes, half the
time each) or mislabelled (10 %: an easy row whose label was changed). No label of a test row is
changed, but 15 % of the test rows are ambiguous, as in the pool, and no model can be sure of their
class. So the paper's interpretation of the data map can be measured, not only seen.
"""

import csv
import random
import re
from pathlib import Path

# Frames belong to all six classes: only the noun in the slot determines the class.
FRAMES = """What {noun} is associated with {person} ?
Which {noun} did {person} mention in {book} ?
Name the {noun} that {company} chose in {year} .
Tell me the {noun} {person} was looking for in {city} ."""

# {class: its templates}, which belong to no other class.
TEMPLATES = {
    "ABBR": """What does {abbr} stand for ?
What is {abbr} short for ?
What do the letters {abbr} mean ?
How is {company} written in short ?
What is the full form of {abbr} in {country} ?""",
    "DESC": """Why does {thing} matter to {person} ?
How does {thing} work in a {animal} ?
What is the difference between {thing} and {thing2} ?
Why did {person} leave {city} ?
How do you explain {thing} to a child ?
What causes {thing} in {country} ?""",
    "ENTY": """What kind of {animal} lives near {city} ?
Which food goes well with {food} ?
What do you call a young {animal} ?
What is {person} 's favorite {goods} ?
Which {goods} did {company} sell first ?
What is made from {food} and {food2} ?""",
    "HUM": """Who wrote {book} ?
Who founded {company} ?
Who was the first to cross {country} with a {animal} ?
Whose idea was {thing} ?
Who taught {person} about {thing} ?
Who painted the walls of {city} ?""",
    "LOC": """Where was {person} born ?
Where is {city} ?
Where can I buy {goods} made by {company} ?
Where do {animal} herds spend the winter ?
In what part of {country} is {city} ?
Where did {person} write {book} ?""",
    "NUM": """How many {animal} herds live in {country} ?
When did {company} open in {city} ?
How much does a {goods} cost in {country} ?
How old was {person} in {year} ?
How far is {city} from {city2} ?
What year was {book} printed ?""",
}

# Ambiguous templates belong to two classes, half the time each.
AMBIGUOUS = {
    ("ABBR", "DESC"): """What is {abbr} in {country} ?
What does the term {abbr} mean to {person} ?""",
    ("DESC", "ENTY"): """What is {food} made of in {country} ?
What made {person} famous in {country} ?""",
    ("ENTY", "HUM"): """What won the prize in {city} in {year} ?
Which team did {company} back in {year} ?""",
    ("HUM", "LOC"): """Which club of {city} met {person} ?
Which school of {city} taught {person} ?""",
    ("LOC", "NUM"): """What is the address of {company} in {city} ?
At which point did {person} stop in {year} ?""",
    ("DESC", "NUM"): """How did {city} grow after {year} ?
How big is {company} in {country} ?""",
}

NOUNS = {
    "ABBR": """abbreviation acronym initialism shorthand monogram code-name ticker
        callsign postcode-letters contraction short-form cipher""",
    "DESC": """reason meaning cause purpose definition origin explanation
        method principle function story process""",
    "ENTY": """color instrument dish disease language breed currency
        gem sport dance vitamin fruit""",
    "HUM": """actor inventor president singer author king coach
        pilot doctor sculptor astronaut senator""",
    "LOC": """river mountain island capital province desert bay
        village street lake continent planet""",
    "NUM": """percentage distance date price temperature speed population
        weight age salary length score""",
}

SLOTS = {
    "abbr": """NARO UCEP DLM BTRO FESO IPCA KLT MPS NHO OBE PQR RTA SDI TGV UWO VHC WPA XLR YMK
        ZTO AFB BCD CEO DPI EKG FAQ GMT HQ ISBN JPG LCD MRI NGO OCR PDF RSVP SOS TBA UFO VIP""",
    "person": """Ada Bruno Clara Dmitri Elena Farid Greta Hugo Ingrid Jamal Keiko Lars Mira Nadia
        Omar Petra Quentin Rosa Stefan Tariq Ursula Viktor Wanda Xavier Yusuf Zelda Anton Bella
        Carlo Daria Emil Fiona Gustav Helga Igor Judith Kamal Lena Marco Nora""",
    "book": """Moonrise Saltwater Bluebird Ironwood Daybreak Foxglove Landfall Nightjar Overcoat
        Pilgrim Quicksand Riverbend Snowdrift Tidemark Undertow Vineyard Windmill Yellowtail
        Ashfall Birdsong Cornfield Driftwood Evergreen Firelight Gravel Hourglass Inkwell""",
    "company": """Acmetra Boldware Cindex Dynaco Everlux Fabrico Gigastep Heliosys Intermax Jetline
        Kilnworks Lumina Metacorp Nordtek Omnipart Polycast Quantix Rotoplan Solaris Terrafab
        Unibrew Vectron Wavecom Xylotech Yarnhouse Zenith Altus Brightway Corex Deltagen""",
    "city": """Lisbon Oslo Quito Hanoi Perth Lyon Turin Basel Kyoto Delhi Cairo Lima Riga Sofia
        Tunis Accra Bogota Dakar Essen Fargo Ghent Haifa Izmir Jaffa Kiel Leeds Malmo Nice Osaka
        Porto Reno Split Tampa Utica Vigo Waco Xian Yalta Zagreb Bergen""",
    "country": """Norway Peru Ghana Japan Chile Egypt Latvia Nepal Kenya Spain Tonga Yemen Brazil
        Canada Cuba Fiji Greece Haiti India Italy Jordan Laos Malta Mexico Oman Qatar Samoa Togo""",
    "animal": """horse camel goat otter falcon lizard badger heron beaver moose panda rabbit salmon
        tiger walrus zebra donkey ferret gecko hyena ibex jackal koala lemur mule newt ox puma""",
    "thing": """gravity inflation rust thunder erosion yeast magnetism dew friction fever laughter
        static hunger gossip fog sleep boredom echo lightning mold memory rainbow frost jealousy
        tides drought insulin oxygen credit rhythm""",
    "food": """bread rice cheese honey pepper garlic ginger mustard butter lentils olives barley
        spinach cocoa vanilla tofu oats saffron vinegar almonds figs pumpkin cream sesame""",
    "goods": """lamp bicycle carpet violin kettle jacket mirror wallet camera ladder blanket watch
        hammer saddle umbrella radio drill tent canoe helmet pillow notebook piano scooter""",
    "year": " ".join(str(y) for y in range(1871, 1999, 3)),
}

WEIGHTS = {"ABBR": 7, "DESC": 18, "ENTY": 20, "HUM": 20, "LOC": 17, "NUM": 18}
TRAIN, TEST, PLANTED = 2500, 500, {"ambiguous": 0.15, "mislabelled": 0.10}

PAIRS = [(pair, t) for pair, ts in AMBIGUOUS.items() for t in ts.split("\n")]
EASY = {c: ts.split("\n") + FRAMES.split("\n") for c, ts in TEMPLATES.items()}


class Grammar:
    """Draws questions without repetition; every run and every machine gives the same ones."""

    def __init__(self):
        self.rng, self.seen = random.Random(2021), set()

    def pick(self, items):
        """A random item of a list; every Python version draws the same one."""
        return items[int(self.rng.random() * len(items))]

    def question(self, template, label):
        """A template with filled slots."""
        for slot in re.findall(r"{(\w+)}", template):
            words = NOUNS[label] if slot == "noun" else SLOTS[slot.rstrip("2")]
            template = template.replace(f"{{{slot}}}", self.pick(words.split()), 1)
        return template

    def row(self, kind, turn):
        """(text, label) of a kind. Ambiguous templates take turns, and so do their two classes."""
        if kind == "ambiguous":
            pair, template = PAIRS[turn // 2 % len(PAIRS)]
            return self.question(template, pair[turn % 2]), pair[turn % 2]
        label = self.pick([c for c, n in WEIGHTS.items() for _ in range(n)])
        text = self.question(self.pick(EASY[label]), label)
        if kind == "mislabelled":
            label = self.pick([c for c in WEIGHTS if c != label])
        return text, label

    def split(self, size, planted):
        """`size` rows (text, label, kind) in a random order; planted: {kind: how many}."""
        kinds = [kind for kind, n in planted.items() for _ in range(n)]
        kinds += ["easy"] * (size - len(kinds))
        rows, turn = [], 0
        while len(rows) < size:
            kind = kinds[len(rows)]
            text, label = self.row(kind, turn)
            if text not in self.seen:
                self.seen.add(text)
                rows.append((text, label, kind))
                turn += kind == "ambiguous"
        return sorted(rows, key=lambda _: self.rng.random())


def rows():
    """Every row of questions.csv: (text, label, kind, split)."""
    grammar = Grammar()
    train = grammar.split(TRAIN, {kind: int(TRAIN * share) for kind, share in PLANTED.items()})
    test = grammar.split(TEST, {"ambiguous": int(TEST * PLANTED["ambiguous"])})
    return [(*row, "train") for row in train] + [(*row, "test") for row in test]


def write(path):
    """Write questions.csv to `path`."""
    with open(path, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerows([("text", "label", "kind", "split"), *rows()])


if __name__ == "__main__":
    write(Path(__file__).parent / "questions.csv")
