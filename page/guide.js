// ---- the guide: steps that set the controls, and say what this page's own data shows -------------

const GUIDE = "guide of " + D.id;                 // remembered: the step one was at, or "left"
const T_COR = 0.2;                                // Section 3: low-cor is a correctness of at most this
let STEPS = [], F = null;                         // F: the whole map's numbers, over all its epochs

const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
const wordsOf = i => D.texts[i].split(/\s+/).filter(Boolean).length;
const quote = i => "“" + (D.texts[i].length > 90 ? D.texts[i].slice(0, 88) + "…" : D.texts[i]) + "”";
const named = i => `row ${D.numbers[i]}, ${quote(i)}, label ${D.classes[D.y[i]]}`;
const number = n => n.toLocaleString("en");
const two = x => x.toFixed(2);
const percent = x => `${Math.round(100 * x)} %`;
const placesOf = rows => rows.map(row => PLACE.get(row)).filter(i => i !== undefined);
const best = (places, score) => places.reduce((a, b) => score(b) > score(a) ? b : a);
const capital = text => text[0].toUpperCase() + text.slice(1);

function beside(values, others) {                 // the sign of a difference that two standard errors bear
  const m = mean(values), error = Math.sqrt(mean(values.map(v => (v - m) ** 2)) / Math.max(1, values.length - 1));
  const d = m - mean(others);
  return Math.abs(d) > 2 * error ? Math.sign(d) : 0;
}

function largestClass(places) {                   // the share of its largest class in a batch
  const count = new Map();
  for (const i of places) count.set(D.y[i], (count.get(D.y[i]) || 0) + 1);
  return Math.max(...count.values()) / places.length;
}

// A measure of every batch of a run, its mean per seed: [[one strategy's, the other's], ...] of the seeds with both.
function overSeeds(one, other, measure) {
  const of = run => mean(run.picked.map(placesOf).filter(batch => batch.length).map(measure));
  const seeds = Object.keys(D.runs[one]).filter(seed => D.runs[other][seed] && D.runs[one][seed].picked[0]?.length && D.runs[other][seed].picked[0]?.length);
  return seeds.map(seed => [of(D.runs[one][seed]), of(D.runs[other][seed])]);
}

function inSeeds(pairs, more) {                   // "in 4 of 5 seeds"; a sign that all of several seeds share
  const k = pairs.filter(([a, b]) => more * (a - b) > 0).length;
  return { text: `in ${k} of ${pairs.length} ${pairs.length === 1 ? "seed" : "seeds"}`, all: pairs.length > 1 && k === pairs.length };
}

const oneSeed = pairs => pairs.length === 1 ? " One seed proves nothing." : "";

function batchOf(name, t = INITIAL.round) { return placesOf(D.runs[name]?.[INITIAL.seed]?.picked[t] || []); }

function whereItLies(name) {                      // a batch's place on the map, beside that of all texts
  const batch = batchOf(name), confidence = batch.map(i => F.mu[i]), variability = batch.map(i => F.sigma[i]);
  const way = beside(confidence, F.all.map(i => F.mu[i])), spread = beside(variability, F.all.map(i => F.sigma[i]));
  const said = { 1: "higher than", "-1": "lower than", 0: "not clearly different from" };
  return `On this map the mean confidence of these texts is ${two(mean(confidence))}, ${said[way]} that of all texts (${two(mean(F.all.map(i => F.mu[i])))}).`
    + ` Their mean variability is ${two(mean(variability))}, ${said[spread]} that of all texts (${two(mean(F.all.map(i => F.sigma[i])))}).`;
}

// Every step: head, set (controls), look (what it points at), say() (paragraphs; [mark, place] is a text's button).
function dotStep() {
  const sorted = [...F.all].sort((a, b) => F.mu[a] - F.mu[b]), i = sorted[sorted.length >> 1];
  return { head: "A dot is a text", set: { row: D.rows[i] }, look: ["canvases", "text"], say: () => [
    `The map shows ${number(F.all.length)} training texts, one dot per text. The ring marks ${named(i)}. A model was trained on all texts. After each of ${F.epochs} epochs it gave every text's own label a probability.`,
    `The height is the mean of these probabilities, the confidence (here ${two(F.mu[i])}). The distance to the right is their standard deviation, the variability (${two(F.sigma[i])}). The colour is the correctness, the share of epochs in which the label was the model's likeliest class (${two(F.phi[i])}); a cross is a text whose correctness is at most ${T_COR}.`,
    "Try it: hover over a dot or tap it, or press the arrow keys on the map, and read the texts."] };
}

function regionStep() {
  const easy = best(F.all, i => F.mu[i] - F.sigma[i]), ambiguous = best(F.all, i => F.sigma[i]), hard = best(F.all, i => -F.mu[i]);
  const right = F.all.filter(i => F.phi[i] === 1).length, never = F.all.filter(i => F.phi[i] === 0).length;
  const corner = F.sigma[easy] < F.sigma[ambiguous] / 2, planted = i => D.kinds ? ` (made to be ${D.kinds[i]})` : "";
  return { head: "The map has three regions", set: {}, look: ["canvases"], marks: [easy, ambiguous, hard], say: () => [
    (corner ? "Easy texts lie at the top left, ambiguous texts at the right, and hard texts at the bottom left."
      : `Easy texts lie at the top, ambiguous texts at the right, and hard texts at the bottom left. Hardly a text lies at the top left here: the probability of even the easiest text rose over the ${F.epochs} epochs, so it varied.`) + " One real text of each:",
    [`1 easy${planted(easy)}`, easy], [`2 ambiguous${planted(ambiguous)}`, ambiguous], [`3 hard${planted(hard)}`, hard],
    `The model was right about ${number(right)} of the ${number(F.all.length)} texts in every epoch, and about ${number(never)} in none.`] };
}

function epochStep() {
  const i = best(F.all, i => -Math.abs(F.phi[i] - .5) + F.sigma[i] / 100), k = F.place.get(i), p = e => F.gold[e * F.n + k] / 255;
  const early = F.all.map(j => (F.gold[F.place.get(j)] + F.gold[F.n + F.place.get(j)]) / 510);
  return { head: "A text crosses the map while the model learns", set: { row: D.rows[i], epoch: 2 }, look: ["canvases", "time"], plays: true, say: () => [
    `The ring marks ${named(i)}. Its label had the probability ${two(p(0))} after the first epoch and ${two(p(F.epochs - 1))} after the last. The label was the model's likeliest class in ${Math.round(F.phi[i] * F.epochs)} of ${F.epochs} epochs. The line is its way over the map.`,
    `The mean confidence of all texts is ${two(mean(early))} over two epochs and ${two(mean(F.all.map(j => F.mu[j])))} over ${F.epochs}.`,
    "Try it: play the epochs, or move the slider."] };
}

function seedStep() {
  const m = dynamics({ ...M.seed }, M.seed.epochs), low = m.phi.filter(phi => phi <= T_COR + 1e-6).length;
  const b = D.borders?.[INITIAL.seed], fewer = b?.correctness.filter(phi => phi <= T_COR + 1e-6).length;
  const ofCal = b ? ` CAL itself decides after ${b.epochs} epochs. In its own first round ${number(fewer)} of ${number(b.at.length)} were low-cor (${percent(fewer / b.at.length)}).` : "";
  const both = b ? [{ text: `the seed set over ${m.epochs} epochs`, map: "both" }, { text: `the seed set over ${b.epochs} epochs, as CAL saw it`, map: "cal" }] : [];
  return { head: "A strategy sees only the map of the labelled texts", set: { map: "both" }, look: ["canvases"], say: () => [
    "Active learning goes in rounds. In every round a model is trained on the labelled texts, a strategy picks a batch of other texts, and a person gives them labels.",
    `The map of all texts needs all labels, so no strategy has it. Before the first round only the ${number(m.n)} texts of the seed set have a label. The second map shows them, as a model that was trained on them alone saw them over ${m.epochs} epochs. No other text has a place there.`,
    `CAL splits the labelled texts by their correctness: low-cor (at most ${T_COR}, the crosses) and high-cor. Over ${m.epochs} epochs ${number(low)} of ${number(m.n)} texts are low-cor (${percent(low / m.n)}).${ofCal}`, ...both,
    "Try it: click a text of the seed set, and compare its two places."] };
}

function randomStep() {
  const batch = batchOf("random"), t = INITIAL.round;
  return { head: "Random picks from everywhere", set: { strategy: "random" }, look: ["canvases", "strategies"], say: () => [
    `The large circles are the ${batch.length} texts that Random picked in round ${t}, drawn on the map of all texts. The smaller, fading circles are its earlier picks. The texts are listed under “What strategies pick”.`,
    "Every text without a label had the same chance. " + whereItLies("random") + " A difference here is luck.",
    "Try it: move the round slider. Does the batch move to another part of the map?"] };
}

function unsureStep(name, what) {
  const batch = batchOf(name), other = D.runs.random ? batchOf("random") : [];
  return { head: `${what} picks what the model is unsure about`, set: { strategy: name, strategy2: other.length ? "random" : "" }, look: ["canvases", "strategies"], say: () => [
    `The large circles are the ${batch.length} texts that ${what} picked in round ${INITIAL.round}.${other.length ? " The squares are Random's. A diamond is a text that both picked." : ""} ${what} has no labels of these texts. It asks how unsure the round's model is about their class.`,
    whereItLies(name),
    "Try it: read the list under “What strategies pick”. Why was the model unsure about these texts? Their labels stand in brackets."] };
}

function calStep() {
  const border = D.borders?.[INITIAL.seed], t = border ? 0 : INITIAL.round, batch = batchOf("cal", t), pairs = measure => overSeeds("cal", "random", measure), rival = D.runs.random;
  const length = rival ? pairs(batch => mean(batch.map(wordsOf))) : [], one = rival ? pairs(largestClass) : [];
  const shorter = inSeeds(length, -1), larger = inSeeds(one, 1);
  const same = D.classes[best(batch.map(i => D.y[i]), c => batch.filter(i => D.y[i] === c).length)], other = ["margin", "lc", "entropy", "random"].find(name => batchOf(name, t).length);
  return { head: "CAL picks at the border of low-cor and high-cor", set: { strategy: "cal", strategy2: rival ? "random" : "", round: t }, look: ["canvases", "strategies"], say: () => [
    `CAL trains a second classifier to tell low-cor from high-cor texts, and picks where that classifier is nearest to 0.5.${border ? " The histogram shows what it said of every text without a label before the first round (round 0)." : ""} The circles are its ${batch.length} texts of round ${t}${rival ? ", and the squares Random's" : ""}. ${percent(largestClass(batch))} of CAL's texts have the same label, ${same}, which ${percent(mean(D.y.map(c => +(c === D.y[best(batch, i => batch.filter(j => D.y[j] === D.y[i]).length)]))))} of the texts shown have.`,
    ...(!rival || !length.length ? [] : [`Over all rounds a batch's largest class has ${percent(mean(one.map(([a]) => a)))} of CAL's texts and ${percent(mean(one.map(([, b]) => b)))} of Random's (more with CAL ${larger.text}). CAL's texts have ${mean(length.map(([a]) => a)).toFixed(1)} words and Random's ${mean(length.map(([, b]) => b)).toFixed(1)} (fewer with CAL ${shorter.text}).${oneSeed(length)}`
      + (shorter.all && larger.all ? " Short texts of one class fit what docs/why-cal-loses.md measured: the classifier orders texts by the length of their representation." : "")]),
    accuracySentence(),
    other ? `Try it: how many of the texts that ${other} picked in round ${t} have the label ${same}? Guess, choose ${other} as the strategy and none as the second, and count in the list.` : "",
    Object.keys(D.runs.cal).length > 1 ? "Try it: choose another seed, which is another random start with other labelled texts. Are CAL's texts of the same class?" : ""].filter(Boolean) };
}

function accuracySentence() {                     // the last round that every run of the two has
  if (!D.runs.random) return "";
  const seeds = Object.keys(D.runs.cal).filter(seed => D.runs.random[seed]?.accuracy.length === D.runs.cal[seed].accuracy.length);
  if (!seeds.length) return "";
  const pairs = seeds.map(seed => [D.runs.cal[seed].accuracy.at(-1), D.runs.random[seed].accuracy.at(-1)]), more = inSeeds(pairs, 1);
  return `In the last round CAL's accuracy is ${mean(pairs.map(([a]) => a)).toFixed(3)} and Random's ${mean(pairs.map(([, b]) => b)).toFixed(3)}, means over ${pairs.length === 1 ? "one seed" : `${pairs.length} seeds`}. CAL's is the higher one ${more.text}.`;
}

function wrongStep() {
  const lowest = [...F.all].sort((a, b) => F.mu[a] - F.mu[b]).slice(0, 50), head = "A label that nobody can learn may be wrong";
  if (D.kinds?.includes("mislabelled")) {
    const planted = i => D.kinds[i] === "mislabelled", found = lowest.filter(planted).length;
    return { head, set: { color: "kind", row: D.rows[best(F.all.filter(planted), i => -F.mu[i])] }, look: ["canvases", "legend"], say: () => [
      `Some labels of this corpus were changed on purpose: ${percent(mean(F.all.map(i => +planted(i))))} of all texts. Of the ${lowest.length} texts with the lowest confidence, ${found} are among them.`,
      `The ring marks the one with the lowest confidence, ${named(F.all.filter(planted).sort((a, b) => F.mu[a] - F.mu[b])[0])}.`,
      "Try it: find a mislabelled text that has a high confidence. The model has learned its wrong label."] };
  }
  const others = new Map(), key = i => D.texts[i].toLowerCase().replace(/\W+/g, " ").trim();
  F.all.forEach(i => others.set(key(i), (others.get(key(i)) || new Set()).add(D.y[i])));
  const clash = F.all.filter(i => others.get(key(i)).size > 1), i = clash.length ? best(clash, i => -F.mu[i]) : lowest[0];
  const texts = lowest.filter((j, n) => key(j) !== key(i) && lowest.findIndex(k => key(k) === key(j)) === n).slice(0, 3);
  const pair = clash.length ? ` The same text also has the label ${[...others.get(key(i))].filter(c => c !== D.y[i]).map(c => D.classes[c]).join(", ")}, so at least one of the labels is wrong.` : "";
  return { head, set: { row: D.rows[i] }, look: ["canvases", "text"], say: () => [
    `Nobody marked wrong labels in this table. ${clash.length || "None"} of the ${number(F.all.length)} texts ${clash.length === 1 ? "has" : "have"} a copy under another label. The ring marks ${named(i)}, confidence ${two(F.mu[i])}.${pair}`,
    "The texts with the lowest confidence are the first to read again:", ...texts.map(j => ["read it", j]),
    "Try it: is the label wrong, or is the text hard?"] };
}

function questionStep() {
  const count = D.classes.map((_, c) => F.all.filter(i => D.y[i] === c).length);
  const c = best(D.classes.map((_, c) => c).filter(c => count[c] >= 2), c => -count[c]), target = best(F.all.filter(i => D.y[i] === c), i => -F.mu[i]);
  return { head: "Find a text yourself", set: { color: "class", map: "full" }, look: ["canvases", "legend"], say: () => {
    const i = PLACE.get(S.row), name = D.classes[c];
    const verdict = i === undefined || !F.place.has(i) ? "Click the dot that you think it is."
      : D.y[i] !== c ? `No: the label of row ${D.numbers[i]} is ${D.classes[D.y[i]]}.`
      : F.mu[i] > F.mu[target] ? `Not yet: row ${D.numbers[i]} has the label ${name} and the confidence ${F.mu[i].toFixed(3)}, and another text of ${name} lies lower.`
      : `Right: ${named(i)}, has the confidence ${F.mu[i].toFixed(3)}. Would you have given it this label?`;
    return [`The dots now have the colour and the shape of their class. Which of the ${number(count[c])} texts of ${name} has the lowest confidence? (Control and the wheel, or two fingers, zoom.)`, verdict];
  } };
}

function prepareGuide() {                         // after takeMaps, of the first seed
  if (!M.full || !Object.keys(D.runs).length || M.full.epochs < 2) return;
  F = dynamics({ ...M.full, E: 0 }, M.full.epochs);
  F.all = F.at;                                   // places; F's numbers by place, not by the map's order
  for (const field of ["mu", "sigma", "phi"]) { const by = []; F.at.forEach((i, k) => by[i] = F[field][k]); F[field] = by; }
  const has = name => D.runs[name] && batchOf(name).length, unsure = [["lc", "LC"], ["margin", "Margin"], ["entropy", "Entropy"], ["bald", "BALD"]].find(([name]) => has(name));
  STEPS = [dotStep(), regionStep(), F.epochs > 2 && epochStep(), M.seed?.n && seedStep(), has("random") && randomStep(), unsure && unsureStep(...unsure), has("cal") && calStep(), wrongStep(), questionStep()].filter(Boolean);
}

// What the controls are in a step if nobody moves them; the address has only what differs from it.
const begun = step => step && STEPS[step - 1] ? { ...INITIAL, strategy: "", strategy2: "", ...STEPS[step - 1].set, step } : INITIAL;
const stepNow = () => STEPS[S.step - 1];

function remember(value) { try { localStorage.setItem(GUIDE, value); } catch { /* then it is not remembered */ } }
function remembered() { try { return localStorage.getItem(GUIDE); } catch { return null; } }

function goTo(step) {
  stopPlaying();
  Object.assign(S, begun(step));
  remember(step || "left");
  takeMaps(); layOut(); update(); point();
  const moves = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (moves && stepNow()?.plays) $("play").click();
}

function point() {                                // to what the step is about
  for (const e of document.querySelectorAll(".look")) e.classList.remove("look");
  for (const id of stepNow()?.look || []) $(id).classList.add("look");
  for (const id of [...stepNow()?.look || []].reverse()) $(id).scrollIntoView({ block: "nearest" });  // the first in any case
}

function mapButton({ text, map }) {
  const button = document.createElement("button");
  button.textContent = text; button.title = "Show this map"; button.setAttribute("aria-pressed", S.map === map);
  button.onclick = () => {
    S.map = map; layOut(); update();
    [...$("guide-say").querySelectorAll("button")].find(other => other.textContent === text)?.focus();
  };
  return button;
}

function textButton([mark, i]) {
  const button = document.createElement("button");
  button.textContent = `${mark}: ${quote(i)}, ${D.classes[D.y[i]]}`; button.dir = "auto"; button.title = "Mark this text on the map";
  button.onclick = () => { keep(D.rows[i]); drawGuide(); };
  return button;
}

function drawGuide() {
  const step = stepNow(), at = Number(remembered()) || 0, offered = STEPS.length && !S.step && remembered() !== "left";
  $("guide").hidden = !step && !offered;
  $("guide-open").hidden = !STEPS.length || !$("guide").hidden;
  document.body.classList.toggle("guided", !!step);  // a lower map, so that the bar does not hide it
  if ($("guide").hidden) { document.body.style.paddingBottom = document.documentElement.style.scrollPaddingBottom = ""; return; }
  $("guide-head").textContent = step ? `${S.step} of ${STEPS.length}: ${step.head}` : `New here? A guide of ${STEPS.length} short steps explains this page.`;
  $("guide-back").hidden = !step; $("guide-back").disabled = S.step < 2;
  $("guide-next").textContent = step ? S.step < STEPS.length ? "next (n)" : "finish" : at > 1 && at <= STEPS.length ? `go on at step ${at}` : "start";
  const said = (step ? step.say() : []).filter(part => part.length !== 0), key = JSON.stringify([S.step, said, S.map]);
  if ($("guide-say").dataset.key !== key) {       // an unchanged text keeps its focus, and is not read out again
    $("guide-say").dataset.key = key;
    $("guide-say").replaceChildren(...said.map(part => { if (Array.isArray(part)) return textButton(part); if (part.map) return mapButton(part); const p = document.createElement("p"); p.textContent = part; p.dir = "auto"; return p; }));
    $("guide-say").scrollTop = 0;
  }
  document.body.style.paddingBottom = document.documentElement.style.scrollPaddingBottom = `${$("guide").offsetHeight + 10}px`;
}

function guideControls() {
  $("guide-next").onclick = () => goTo(!S.step ? Math.min(STEPS.length, Number(remembered()) || 1) : S.step < STEPS.length ? S.step + 1 : 0);
  $("guide-back").onclick = () => goTo(Math.max(1, S.step - 1));
  $("guide-leave").onclick = () => { stopPlaying(); S.step = 0; remember("left"); point(); update(); $("guide-open").focus(); };
  $("guide-open").onclick = () => { goTo(1); $("guide-next").focus(); };
}
