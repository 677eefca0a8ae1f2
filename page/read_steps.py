"""The steps of docs/read.html: which words of the paper stand beside which lines, and their values.

A Step's `paper` names paragraphs of read_paper.txt and equations of read_math.py. Its `codes` are
functions, whole or between two marks, with the Values to read off and the Notes to show under a
line. A Note is a row of docs/released-code.md (a number), of docs/versions.md (V1 ...), or a
finding of read_found.py.
"""

from typing import NamedTuple

from page.read_trace import Value as V


class Note(NamedTuple):
    """Something to say under the line with this mark: a row's number, or a finding's name."""

    mark: str
    about: str


class Code(NamedTuple):
    """Lines of a function, from the one with the first mark to the one with the second."""

    function: str
    values: tuple = ()
    notes: tuple = ()
    first: str = ""
    last: str = ""


class Step(NamedTuple):
    """A section of the page. say: two sentences of ours. silent: what the paper does not say;
    aside: what else to know of it.

    see: HTML to stand under the paper's words. play: the box of read.js to play in.
    """

    key: str
    title: str
    say: str
    paper: tuple
    codes: tuple
    silent: tuple = ()
    aside: tuple = ()
    play: str = ""
    predict: str = ""  # a question of read_found.PREDICT
    see: str = ""


STEPS = (
    Step("data", "The data, and a vector for every text",
         "A text becomes one fixed vector before anything is trained: the sum of the vectors of its"
         " words. The network never sees more of the text than these 300 numbers.",
         ("setup", "datasets", "vectors"), (
             Code("data.sums", (
                 V("words, ids, ends =",
                   "[[words[i] for i in ids[a:b]] for a, b in zip([0, *ends], ends)]",
                   "N+T words", "the text’s words"),
                 V("table = (pool_vectors", "table", "V D-", "the words’ vectors")), (
                 Note("words, ids, ends =", "15"), Note("else load_vectors", "16"),
                 Note("yield x + fill", "3")),
                 "words, ids, ends =", "yield x + fill"),
             Code("data.sum_vectors", (
                 V("return bag(", "returned", "N+T D", "x, the text’s vector"),)),
         ),
         (), ("The paper’s fastText file was not available. Three kinds of word vectors take its"
              " place on this page. <code>pool</code>: learned from the training texts themselves,"
              " by counting which words occur together (PPMI and SVD); this run has them."
              " <code>hash</code>: random, so that they know nothing. “Vector file”: real"
              " ones, <code>en_300d</code> from spaCy.",)),
    Step("algorithm", "Algorithm 1, whole",
         "This is the whole method: train θ on L, draw the data map of L, train θ′ on what the map"
         " says, pick the batch, and start over with new networks. Each line of the paper links to"
         " the place in the code where it happens.",
         ("next",), (
             Code("cal.ActiveLearning.learn", (
                 V("L = self.labelled", "L", "R L*"),
                 V("scores = self.measure", "scores[0]['accuracy']", "", "test accuracy"),
                 V("view = self.look", "view.U", "R N", "U: is this text in it?"),
                 V("picked = self.pick", "picked", "R k")), (
                 Note("theta, data_map = self.train", "V1"),)),
             Code("cal.ActiveLearning.new_theta", (), (Note("return self.Theta", "1"),)),
         ),
         (), ("K is the number of texts that may be labelled, in n rounds. Here K/n is 50.",
              "A run is one strategy with one random seed. A stack is a number of runs that are"
              " trained side by side; here it is one run.",
              "In the paper’s listing “return” stands inside the loop. It is meant after it.")),
    Step("model", "The model θ",
         "θ is a plain network with three hidden layers, trained from new weights in every round."
         " Its last hidden layer, Ψ, is how θ has come to see a"
         " text, and it is what θ′ will look at.",
         ("main", "psi", "epochs"), (
             Code("datamap.MLP.__init__", (
                 V("widths =", "widths", "list", "widths: input, hidden layers"),), (
                 Note("widths =", "4"),)),
             Code("datamap.MLP.psi", (
                 V("def psi", "x", "B D-", "x, the first mini-batch"),
                 V("x = self.dropout", "x", "B W-", "h₁, behind the first layer"),
                 V("return x", "returned", "B W-", "Ψ, with dropout on")), ()),
             Code("datamap.Models.__init__", (
                 V("self.optimizers =", "sum(w.numel() for w in network.parameters())", "",
                   "numbers to learn"),), (Note("self.optimizers =", "V3"),)),
             Code("datamap.Models.fit", (
                 V("order = draws", "order", "R L-", "order of the texts, first epoch"),
                 V("logits =", "logits", "B C-", "logits: one number per class"),
                 V("loss =", "loss", "", "loss, mini-batch by mini-batch", "each")), (
                 Note("for _epoch in range", "V2"), Note("order = draws", "6"))),
             Code("datamap.Models.psi", (), (Note("return torch.stack", "2"),)),
         ),
         ("The paper does not say whether mini-batches are shuffled. Here they are, anew in every"
          " epoch.",
          "The paper does not say where dropout stands. Here it is behind each hidden layer, Ψ"
          " included."),
         ('All of round 0, from the words to the picks, is one file of sixty lines to run and to'
          ' change: <a href="../page/one_round.py">page/one_round.py</a>'
          " (<code>python -m page.one_round</code>). It prints the numbers of this page.",)),
    Step("dynamics", "The training dynamics",
         "After each epoch θ is asked about every labelled text, with dropout off. Its"
         " answers, epoch by epoch, are all that the data map is made of. The label that a text"
         " came with is called its gold label.",
         ("key", "mapping"), (
             Code("cal.ActiveLearning.train", (
                 V("theta, x, y, probs =", "x", "R L D"),
                 V("theta, x, y, probs =", "y", "R L", "y, the class number (ABBR: 0)"),
                 V("probs.append", "probs[-1]", "R L C", "p after the first epoch"),
                 V("probs.append", "probs[-1]", "R L C", "p after the last epoch", "last")), (
                 Note("probs.append", "7"),)),
         ), (), (), "", "first"),
    Step("equations", "Confidence, variability, correctness",
         "The three statistics summarize the same E numbers: their mean, their spread, and how"
         " often the label was the likeliest class. They are taken on the very texts that θ is"
         " trained on, so nothing more has to be labelled.",
         ("eq1", "confidence", "footnote", "eq2", "variability", "eq3", "correctness", "regions",
          "optimal", "seedmap"), (
             Code("datamap.data_map", (
                 V("p, gold =", "p", "E R L C"),
                 V("p, gold =", "gold", "R L", "gold, the class number"),
                 V("p_gold = p.take", "p_gold", "E R L", "p_gold, epoch by epoch"),
                 V("mu = p_gold.mean", "mu", "R L"), V("sigma = ((p_gold", "sigma", "R L"),
                 V("phi = (p.argmax", "phi", "R L"))),
         ), (), (), "map", "regions",
         'Figures 1 and 2 here: <a href="figures/trec-maps.png">TREC, all texts and 500</a>, <a'
         ' href="figures/agnews-maps.png">AG News</a>; <a href="trec-explore.html">TREC to play'
         ' with</a>. In the demo every text was planted as easy, ambiguous or mislabelled, so the'
         ' three regions <a href="results-demo.md">can be checked</a>.'),
    Step("threshold", "t_cor, and the second classifier θ′",
         "Each labelled text becomes an example for a second, binary classifier. Its input is Ψ(x),"
         " and its label says whether θ was right about the text in more than a fifth of the"
         " epochs: high-cor (1), otherwise low-cor (0).",
         ("label", "binary", "thirty", "properly", "threshold"), (
             Code("strategies.View.high_cor", (
                 V("return (self.map", "returned", "R L", "label (1: high-cor)"),), (
                 Note("return (self.map", "8"), Note("return (self.map", "low"))),
             Code("strategies.View.psi_labelled", (
                 V("return self.theta.psi", "returned", "R L W", "Ψ(L)"),), (
                 Note("return self.theta.psi", "9"), Note("return self.theta.psi", "V5"))),
             Code("strategies.View.classifier", (
                 V("def classifier", "features", "R L W", "features: Ψ(L)"),
                 V("return theta", "theta.probs(features)[..., 1]", "R L", "P(high-cor) of L")), (
                 Note("for _epoch in", "V4"), Note("return theta", "accuracy"))),
             Code("strategies.View.new_classifier", (), (Note("return self.Binary", "11"),)),
         ),
         ("The paper gives neither dropout nor a mini-batch size for θ′. Here it has no dropout,"
          " and θ’s mini-batch size.",
          "The paper does not say what to do if all of L is in one class. Here CAL then picks at"
          " random, and says so."), (
             "The paper takes the accuracy of θ′ as a sign that it has learned something. Measured"
             " anew, it is the accuracy of always naming the larger class"
             ' (<a href="#found">section 12</a>).',), "threshold", "low", "table 3"),
    Step("choice", "The choice: nearest to the border",
         "θ′ gives every text a probability of being high-cor. CAL takes the fifty texts of U for"
         " which it is nearest to one half.",
         ("border",), (
             Code("strategies.cartography", (
                 V("label = view.high_cor", "label", "R L", "label (1: high-cor)"),
                 V("p_high = view.score", "p_high", "R N", "p_high"),
                 V("score = at_random", "score", "R N", "score = −|0.5 − p_high|")), (
                 Note("p_high = view.score", "10"), Note("p_high = view.score", "length"),
                 Note("score = at_random", "12"))),
             Code("strategies.View.pick", (
                 V("k, score = min", "score", "R N", "score, −∞ outside U"),
                 V("row = score.max", "row", "R", "row that is picked first"),
                 V("score.scatter_", "score", "R N", "score, after the first pick"),
                 V("return picked", "picked", "R k")), (
                 Note("row = score.max", "border"), Note("return picked", "kind"))),
         ), (), (), "border", "kind"),
    Step("others", "The other strategies",
         "Random draws lots. LC (least confidence), Entropy and BALD (Bayesian active learning by"
         " disagreement) take the texts about which θ is least sure. DAL (discriminative active"
         " learning) trains a classifier to tell L from U, and takes what looks least like L. All"
         " end in the same <code>pick</code>, so they are one short function each.",
         ("acquisition", "lc", "entropy", "bald", "dal", "overlap"), (
             Code("strategies.random", (V("return view.pick", "returned", "R k", "picked"),)),
             Code("strategies.least_confidence", (
                 V("return view.pick", "view.probs()", "R N C", "p of each class"),
                 V("return view.pick", "1 - view.probs().amax(dim=-1)", "R N", "1 − max p"),
                 V("return view.pick", "returned", "R k", "picked"))),
             Code("strategies.max_entropy", (
                 V("return view.pick", "entropy(view.probs())", "R N", "entropy, in bits"),
                 V("return view.pick", "returned", "R k", "picked"))),
             Code("strategies.bald", (
                 V("p = view.in_pieces", "p / MC_PASSES", "R N C", "the mean of ten"),
                 V("return view.pick", "entropy(p / MC_PASSES)", "R N", "its entropy, in bits"),
                 V("return view.pick", "returned", "R k", "picked")), (
                 Note("return view.pick", "14"),)),
             Code("strategies.dal", (
                 V("psi = view.score", "psi", "R N W"),
                 V("binary = view.classifier", "(~view.U).long()", "R N", "label (1: in L)"),
                 V("return view.pick", "binary.probs(psi)[..., 0]", "R N", "P(in U)"),
                 V("return view.pick", "returned", "R k", "picked")), (
                 Note("binary = view.classifier", "13"), Note("binary = view.classifier", "V6"))),
         ),
         (), ("BALD’s first authors subtract the mean entropy of the ten predictions (mutual"
          " information). The paper says “max-entropy acquisition function”, and so does this"
          " code.", "DAL’s θ′ was trained in the quick form of the same network here (fast/)."),
         "", "shared", "table 4"),
    Step("seed-set", "The seed set",
         "A run starts from labels that are drawn with the classes’ shares of the whole corpus"
         " (stratified). For that one has to know every label, which is a privilege of"
         " simulations.",
         ("seedset", "seeds"), (
             Code("data.seed_set", (
                 V("share =", "share", "C", "share: labels per class, exact"),
                 V("count[np.argsort", "count", "C", "count: whole labels"),
                 V("return rng.permutation", "returned", "seed*", "L")), (
                 Note("return rng.permutation", "5"),)),
         )),
    Step("aso", "Almost Stochastic Order",
         "ASO asks whether strategy A is better than B, from a few scores of each. Sort the scores"
         " and lay them side by side: where those of A"
         " lie below those of B, they contradict “A is better”. ε is the share of the squared gap"
         " that contradicts, and ε_min is ε plus a margin for its uncertainty.",
         ("aso", "hardware"), (
             Code("stats.aso", (
                 V("def aso", "a", "S", "a: CAL’s accuracies"),
                 V("def aso", "b", "S", "b: Random’s accuracies"),
                 V("eps = violation_ratio", "eps", "", "ε"),
                 V("sigma = np.std", "sigma", "", "spread of √(nm/(n + m)) · ε, resampled"),
                 V("eps_min = eps - sigma * np", "eps_min", "", "ε_min, before it is cut to [0,1]")
                 ), (
                 Note("a, b = _scores", "17"),)),
             Code("stats._ratios", (
                 V("gap = a[", "gap[0]", "pieces", "gap of the sorted scores, A − B"),
                 V("width = np.diff", "width", "pieces", "width of each piece"))),
         ),
         (), ("The paper takes all rounds of all seeds as one sample. Rounds of one run are not"
          " independent; the report shows a test with one number per seed as well.",),
         "aso", "epsilon"),
)


def wanted():
    """{function: [Value]} of all steps."""
    found = {}
    for code in (code for step in STEPS for code in step.codes):
        found.setdefault(code.function, []).extend(code.values)
    return found
