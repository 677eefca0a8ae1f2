"use strict";
// D, made by page/read.py: variants (what each value says, by round and text), the numbers of the
// run for the four pictures, and the texts.
const D = JSON.parse(document.getElementById("numbers").textContent);
const $ = id => document.getElementById(id), all = query => document.querySelectorAll(query);
const S = { text: "ambiguous", round: 0, epoch: 30, tcor: 0.2, border: 0.5 };
const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
const two = x => x.toFixed(2).replace("-", "−"), three = x => x.toFixed(3).replace("-", "−");
const escaped = text => text.replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const textOf = () => D.follow[S.text], R = () => D.rounds[S.round], placeInL = () => textOf().at[S.round];

// ---- values: of the chosen text, in the chosen round --------------------------------------------

function showValues() {
  for (const box of all("[data-v]")) {
    const rounds = D.variants[box.dataset.v], i = S.round in rounds ? S.round : 0;
    const [shape, same, byText] = rounds[i];
    box.innerHTML = same ?? byText[S.text];
    box.parentElement.querySelector(".shape").textContent = shape + (i !== S.round ? " (round 0)" : "");
  }
  for (const span of all(".found [data-round]")) span.hidden = +span.dataset.round !== S.round;
  for (const button of all(".choices button")) button.setAttribute("aria-pressed", String(S[button.dataset.name]) === button.dataset.value);
  const t = textOf(), at = placeInL(), pick = R().picked.indexOf(t.row) + 1;
  $("followed").innerHTML = `<b>Followed:</b> “${escaped(D.texts[t.row])}” · label ${t.label} · planted as ${t.kind} · row ${t.row} · in round ${S.round} ` +
    (at !== null ? `in L, as number ${at + 1}` : `in U${pick ? `, and CAL picks it as number ${pick}` : ""}`);
  showEpoch();
}

function showEpoch() {
  for (const i of all(".epochs i")) i.classList.toggle("now", +i.dataset.e === S.epoch);
  $("epoch").value = S.epoch; $("epoch-now").textContent = S.epoch;
}

// ---- pictures -----------------------------------------------------------------------------------

const line = (x1, y1, x2, y2, kind) => `<path class="${kind}" d="M${x1} ${y1}L${x2} ${y2}"/>`;
const said = (x, y, text, anchor = "start") => `<text x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;
const wide = () => innerWidth < 700 ? 400 : 520;  // letters stay readable on a phone
const symbol = (s, text) => `<tspan data-s="${s}">${text}</tspan>`;
const svg = (w, h, label, inside) => `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="${label}">${inside}</svg>`;

function statistics(i, E) {                       // mu, sigma and phi of L's text i over the first E epochs
  const p = R().gold[i].slice(0, E).map(v => v / 1000), mu = mean(p);
  const right = [...R().right[i].slice(0, E)].filter(c => c === "1").length;
  return { mu, sigma: Math.sqrt(mean(p.map(v => (v - mu) ** 2))), phi: right / E };
}

const W = 420, H = 300, X = s => 44 + s / 0.5 * (W - 56), Y = m => 12 + (1 - m) * (H - 48);

function mapFrame() {
  let out = line(44, 12, 44, H - 36, "axis") + line(44, H - 36, W - 12, H - 36, "axis");
  for (const v of [0, 0.25, 0.5]) out += said(X(v), H - 22, v, "middle");
  for (const v of [0, 0.5, 1]) out += said(38, Y(v) + 4, v, "end");
  return out + said(W / 2 + 16, H - 6, symbol("sigma", "variability σ"), "middle") + `<text transform="translate(12 ${H / 2}) rotate(-90)" text-anchor="middle">${symbol("mu", "confidence μ")}</text>`;
}

const dot = ({ mu, sigma, phi }) => phi > S.tcor ? `<circle class="high" cx="${X(sigma)}" cy="${Y(mu)}" r="3.2"/>` :
  `<path class="low" d="M${X(sigma) - 3.5} ${Y(mu) - 3.5}l7 7m0 -7l-7 7"/>`;

function drawMap() {
  const box = $("play-map"), L = R().L, i = placeInL();
  let dots = L.map((_, k) => dot(statistics(k, S.epoch))).join("");
  let bars = "", words = "This text is in U: it has no label, so it has no place on the map.";
  const w = 420, h = 220, x = e => 44 + (e - 0.5) / 30 * (w - 56), y = p => 12 + (1 - p) * (h - 48);
  if (i !== null) {
    const trail = Array.from({ length: S.epoch }, (_, e) => statistics(i, e + 1)), now = trail.at(-1);
    dots += `<polyline class="trail" points="${trail.map(t => `${X(t.sigma)},${Y(t.mu)}`).join(" ")}"/><circle class="ring" cx="${X(now.sigma)}" cy="${Y(now.mu)}" r="8"/>`;
    R().gold[i].forEach((v, e) => {
      const right = R().right[i][e] === "1", seen = e < S.epoch;
      bars += `<rect class="${right ? "high" : "chosen"}" opacity="${seen ? 1 : 0.25}" x="${x(e + 1) - 4}" width="8" y="${y(v / 1000)}" height="${y(0) - y(v / 1000)}"/>`;
    });
    bars += line(44, y(now.mu), w - 12, y(now.mu), "edge") + said(x(1) - 4, y(now.mu) - 4, symbol("mu", `μ = ${two(now.mu)}`));
    words = `After ${S.epoch} ${S.epoch === 1 ? "epoch" : "epochs"}: confidence μ = ${three(now.mu)}, variability σ = ${three(now.sigma)}, correctness φ = ${Math.round(now.phi * S.epoch)}/${S.epoch} = ${three(now.phi)}.`;
  }
  bars += line(44, 12, 44, h - 36, "axis") + line(44, h - 36, w - 12, h - 36, "axis") + said(38, y(0) + 4, 0, "end") + said(38, y(1) + 4, 1, "end") + said(w / 2 + 16, h - 6, "epoch", "middle");
  for (const e of [1, 10, 20, 30]) bars += said(x(e), h - 22, e, "middle");
  box.querySelector(".pictures").innerHTML =
    `<figure>${svg(w, h, "the followed text's probability of its label by epoch", bars)}<figcaption>p(gold label) after each epoch. Blue: the label is the likeliest class; orange: it is not.</figcaption></figure>` +
    `<figure>${svg(W, H, "data map of L", mapFrame() + dots)}<figcaption>The map of L over these epochs. Circle: φ &gt; ${S.tcor}; cross: φ ≤ ${S.tcor}. Ring and line: the followed text and its way.</figcaption></figure>`;
  box.querySelector(".now").textContent = `“${D.texts[textOf().row]}”, label ${textOf().label}. ${words}`;
}

function drawThreshold() {
  const phis = R().L.map((_, k) => statistics(k, 30)), high = phis.filter(s => s.phi > S.tcor).length, n = phis.length;
  const w = 420, h = 220, count = Array(31).fill(0);
  for (const s of phis) count[Math.round(s.phi * 30)]++;
  const top = Math.max(...count), x = c => 40 + c / 31 * (w - 52), y = v => 16 + (1 - v / top) * (h - 52);
  let bars = count.map((v, c) => `<rect class="${c / 30 > S.tcor + 1e-9 ? "high" : "chosen"}" x="${x(c)}" width="10" y="${y(v)}" height="${y(0) - y(v)}"/>`).join("");
  bars += line(40, y(0), w - 10, y(0), "axis") + said(34, y(top) + 4, top, "end") + said(34, y(0) + 4, 0, "end") + said(w / 2, h - 4, symbol("phi", "correctness φ"), "middle");
  for (const c of [0, 6, 12, 18, 24, 30]) bars += said(x(c) + 5, y(0) + 14, (c / 30).toFixed(1), "middle");
  const edge = x(Math.floor(S.tcor * 30 + 1e-9) + 1) - 1;
  bars += line(edge, 10, edge, y(0), "edge");
  $("play-threshold").querySelector(".pictures").innerHTML = `<figure>${svg(w, h, "how often each correctness occurs in L", bars)}<figcaption>How many texts of L have each correctness over 30 epochs. Dashed: t_cor. Orange: low-cor; blue: high-cor.</figcaption></figure><figure>${svg(W, H, "data map of L", mapFrame() + phis.map(dot).join(""))}<figcaption>The map of L. Cross: low-cor; circle: high-cor.</figcaption></figure>`;
  $("play-threshold").querySelector(".now").textContent = `t_cor = ${two(S.tcor)}: ${high} of ${n} labelled texts are high-cor (${Math.round(100 * high / n)} %), ${n - high} are low-cor.`
    + (high === n || high === 0 ? " All of L is in one class: there is nothing to learn, and CAL picks at random." : "");
}

function chosenAt(border) {                       // the 50 texts of U nearest to a border
  const inL = new Set(R().L), p = R().p;
  const U = p.map((_, row) => row).filter(row => !inL.has(row));
  return { U, rows: [...U].sort((a, b) => Math.abs(p[a] / 1e5 - border) - Math.abs(p[b] / 1e5 - border) || a - b).slice(0, 50) };
}

function drawBorder() {
  const { U, rows } = chosenAt(S.border), p = R().p, bins = 50, w = wide(), h = 230;
  const count = Array(bins).fill(0), mine = Array(bins).fill(0), bin = row => Math.min(bins - 1, Math.floor(p[row] / 1e5 * bins));
  for (const row of U) count[bin(row)]++;
  for (const row of rows) mine[bin(row)]++;
  const top = Math.max(...count), x = v => 44 + v * (w - 56), y = v => 14 + (1 - v / top) * (h - 52);
  let bars = count.map((v, k) => `<rect class="bar" x="${x(k / bins)}" width="${(w - 56) / bins - 1}" y="${y(v)}" height="${y(0) - y(v)}"/><rect class="chosen" x="${x(k / bins)}" width="${(w - 56) / bins - 1}" y="${y(mine[k])}" height="${y(0) - y(mine[k])}"/>`).join("");
  bars += line(44, y(0), w - 12, y(0), "axis") + line(x(S.border), 8, x(S.border), y(0), "edge") + said(38, y(top) + 4, top, "end") + said(38, y(0) + 4, 0, "end") + said(w / 2, h - 4, "P(high-cor), by θ′", "middle");
  for (const v of [0, 0.25, 0.5, 0.75, 1]) bars += said(x(v), y(0) + 14, v, "middle");
  const t = textOf().row;
  bars += `<path class="ring" d="M${x(p[t] / 1e5)} ${y(0) + 2}l-5 8h10z"/>`;
  const classes = D.classes.map((_, c) => rows.filter(row => D.y[row] === c).length), largest = classes.indexOf(Math.max(...classes));
  const words = row => D.texts[row].split(/\s+/).length, kinds = k => rows.filter(row => D.kinds[row] === k).length;
  const box = $("play-border");
  box.querySelector(".pictures").innerHTML = `<figure style="max-width:46rem;flex:2 1 26rem">${svg(w, h, "how P(high-cor) is spread over U", bars)}<figcaption>Grey: the ${U.length.toLocaleString("en")} texts of U. Orange: the 50 nearest to the border. Triangle: the followed text.</figcaption></figure>` +
    `<figure><table><tr><th>P(high)<th>the first six picks<th>label${rows.slice(0, 6).map(row => `<tr><td>${three(p[row] / 1e5)}<td>${escaped(D.texts[row])}<td>${D.classes[D.y[row]]}`).join("")}</table></figure>`;
  const reached = U.some(row => p[row] / 1e5 < S.border) && U.some(row => p[row] / 1e5 > S.border);
  box.querySelector(".now").textContent = `Border at ${two(S.border)}, which ${reached ? "runs through U" : "no text of U reaches from the other side"}. Of the 50 picks, ${classes[largest]} are ${D.classes[largest]}; they have ${mean(rows.map(words)).toFixed(1)} words (U: ${mean(U.map(words)).toFixed(1)}); planted among them: ${kinds("a")} ambiguous, ${kinds("m")} mislabelled.`;
}

// ---- ASO: two samples whose sorted scores can be dragged ----------------------------------------

let scores = null;
const resetScores = () => { scores = { A: [...D.samples.cal].sort((a, b) => a - b), B: [...D.samples.random].sort((a, b) => a - b) }; };

function ratio(a, b) {                            // Dror et al. (2019), Eq. 5, for two samples of one size
  let against = 0, total = 0;
  a.forEach((v, i) => { const gap = v - b[i]; total += gap * gap; if (gap < 0) against += gap * gap; });
  return total > 0 ? against / total : 0.5;
}

function margin(a, b) {                           // Eq. 6 at alpha = 0.05, with 1,000 bootstrap samples
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32, n = a.length, root = Math.sqrt(n / 2);
  const again = v => v.map(() => v[Math.floor(random() * n)]).sort((p, q) => p - q);
  const found = Array.from({ length: 1000 }, () => root * ratio(again(a), again(b))), m = mean(found);
  return 1.6449 * Math.sqrt(mean(found.map(v => (v - m) ** 2))) / root;
}

const ASO = { get w() { return wide(); }, h: 300, low: 0.78, high: 0.86 };
const ax = t => 50 + t * (ASO.w - 64), ay = v => 12 + (ASO.high - v) / (ASO.high - ASO.low) * (ASO.h - 52);

function drawAso() {
  const { A, B } = scores, n = A.length, eps = ratio(A, B), box = $("play-aso");
  let out = "";
  for (let i = 0; i < n; i++) out += `<rect class="${A[i] < B[i] ? "against" : "for"}" x="${ax(i / n)}" width="${ax(1 / n) - ax(0)}" y="${ay(Math.max(A[i], B[i]))}" height="${Math.abs(ay(A[i]) - ay(B[i]))}"/>`;
  for (const v of [0.78, 0.8, 0.82, 0.84, 0.86]) out += line(50, ay(v), ASO.w - 14, ay(v), "grid") + said(44, ay(v) + 4, v.toFixed(2), "end");
  for (const [name, s] of [["B", B], ["A", A]]) {
    out += `<path class="${name.toLowerCase()}" d="${s.map((v, i) => `M${ax(i / n)} ${ay(v)}H${ax((i + 1) / n)}`).join("")}"/>`;
    s.forEach((v, i) => { out += `<circle class="knob ${name}" data-name="${name}" data-i="${i}" tabindex="0" role="slider" aria-label="${name === "A" ? "CAL" : "Random"}, score ${i + 1}" aria-valuemin="${ASO.low}" aria-valuemax="${ASO.high}" aria-valuenow="${v.toFixed(3)}" cx="${ax((i + (name === "A" ? 0.35 : 0.65)) / n)}" cy="${ay(v)}" r="9"/>`; });
  }
  out += said(ASO.w / 2, ASO.h - 6, "quantile t, from the lowest score to the highest", "middle");
  for (const t of [0, 0.2, 0.4, 0.6, 0.8, 1]) out += said(ax(t), ASO.h - 24, t, "middle");
  box.querySelector(".pictures").innerHTML = `<figure style="max-width:46rem;flex:2 1 26rem">${svg(ASO.w, ASO.h, "quantile functions of two samples", out)}<figcaption>Final accuracies on TREC, five seeds each, as in docs/trec-explore.html. Blue, A: CAL. Orange, B: Random. Orange areas contradict “A is better”.</figcaption></figure>`;
  const least = Math.min(1, eps + margin(A, B));
  box.querySelector(".now").textContent = `ε = ${three(eps)}: ${Math.round(100 * eps)} % of the squared gap contradicts “CAL is better than Random”. With its margin, ε_min = ${three(least)}: ${least < 0.5 ? "CAL is better at this confidence." : "that CAL is better is not shown."}`;
}

function moveKnob(name, i, value) {               // a score; sorted scores stay sorted
  const s = scores[name], low = s[i - 1] ?? ASO.low, high = s[i + 1] ?? ASO.high;
  s[i] = Math.min(high, Math.max(low, Math.round(value * 1000) / 1000));
  drawAso();
}

function listenToKnobs(box) {
  let held = null;
  const valueAt = event => { const r = box.querySelector("svg").getBoundingClientRect(); return ASO.high - ((event.clientY - r.top) / r.height * ASO.h - 12) / (ASO.h - 52) * (ASO.high - ASO.low); };
  box.addEventListener("pointerdown", event => { if (event.target.dataset?.name) { held = event.target.dataset; event.preventDefault(); } });
  addEventListener("pointermove", event => { if (held) moveKnob(held.name, +held.i, valueAt(event)); });
  addEventListener("pointerup", () => { held = null; });
  box.addEventListener("keydown", event => {
    const step = { ArrowUp: 0.002, ArrowRight: 0.002, ArrowDown: -0.002, ArrowLeft: -0.002 }[event.key], { name, i } = event.target.dataset ?? {};
    if (!step || !name) return;
    event.preventDefault();
    moveKnob(name, +i, scores[name][i] + step);
    box.querySelector(`[data-name="${name}"][data-i="${i}"]`).focus();
  });
}

// ---- the boxes to play in -----------------------------------------------------------------------

function box(id, title, tryThis, controls) {
  $(id).innerHTML = `<h3>Try it: ${title}</h3><p>${tryThis}</p><p class="reveal"><button>Answer the question above first, or show the picture</button></p>${controls}<p class="now" aria-live="polite"></p><div class="pictures"></div>`;
  const question = $(id).closest("section").querySelector(".predict");
  $(id).querySelector(".reveal button").addEventListener("click", () => {
    question.open = true;
    answered(question);                            // now, so that the focus has a place to go
    $(id).querySelector(".choices button, label input, :scope > button").focus();
  });
  return $(id);
}

function slider(label, id, max, step, value) {
  return `<label>${label} <input type="range" id="${id}" min="0" max="${max}" step="${step}" value="${value}"></label>`;
}

function makeBoxes() {
  box("play-map", "the epochs", "Move the epoch from 1 to 30 and watch the ring and the bars. You see the probability of a text that θ learns climb away from one sixth, so the text goes up and to the right; one that θ does not learn stays at the bottom left. Try the easy and the hard text, and CAL’s first pick in round 1.",
    `<p class="choices">${[...all("#bar input[type=radio]")].map(radio => `<button data-name="${radio.name}" data-value="${radio.value}">${radio.name === "round" ? "round " : ""}${radio.parentElement.textContent.trim()}</button>`).join("")}</p>` +
    `<label>epoch <input type="range" id="epoch2" min="1" max="30" value="30"></label>`);
  for (const button of all(".choices button")) button.addEventListener("click", () => document.querySelector(`#bar [name=${button.dataset.name}][value="${button.dataset.value}"]`).click());
  box("play-threshold", "t_cor", "Raise t_cor. You see circles become crosses: the two classes of θ′ come nearer to equal sizes, and the line between them moves up the map.", slider("t_cor", "tcor", 0.95, 0.05, 0.2));
  box("play-border", "the border", "CAL’s border is 0.5. Move it among the grey bars. You see what the 50 picks would then be: of which class, how long, and how many planted as ambiguous or mislabelled.", slider("border", "border", 1, 0.01, 0.5));
  listenToKnobs(box("play-aso", "Almost Stochastic Order", "Drag a dot up or down (or use the arrow keys). Lower CAL’s best score, the top right dot, below Random’s. You see how much of the squared gap one score decides.", `<button id="again">back to the runs’ scores</button>`));
  $("epoch2").addEventListener("input", event => setEpoch(+event.target.value));
  $("tcor").addEventListener("input", event => { S.tcor = +event.target.value; drawThreshold(); drawMap(); });
  $("border").addEventListener("input", event => { S.border = +event.target.value; drawBorder(); });
  $("again").addEventListener("click", () => { resetScores(); drawAso(); });
}

function setEpoch(e) {
  S.epoch = Math.max(1, Math.min(30, e));
  $("epoch2").value = S.epoch;
  showEpoch(); drawMap(); light(kept);
}

function draw() { showValues(); drawMap(); drawThreshold(); drawBorder(); drawAso(); light(kept); }

// ---- predictions: what was found, and the pictures, wait for the answer --------------------------

function answered(question) {
  const section = question.closest("section");
  for (const note of section.querySelectorAll(".found")) note.open = question.open;
  section.querySelector(".play")?.classList.toggle("waits", !question.open);
  $("answers").setAttribute("aria-pressed", [...all(".predict")].every(other => other.open));
}

function listenToQuestions() {
  for (const question of all(".predict")) { answered(question); question.addEventListener("toggle", () => answered(question)); }
  $("answers").addEventListener("click", () => {
    const open = $("answers").getAttribute("aria-pressed") !== "true";
    for (const question of all(".predict")) question.open = open;
  });
}

// ---- what lights up, and the keyboard -----------------------------------------------------------

let kept = null;                                  // a letter's button that is pressed
function light(symbol) { for (const node of all("[data-s]")) node.classList.toggle("on", node.dataset.s === symbol && node.tagName !== "BUTTON"); }
addEventListener("mouseover", event => {
  const symbol = event.target.closest?.("[data-s]")?.dataset.s, at = event.target.closest?.(".value, .line");
  light(symbol ?? kept);
  const key = at?.dataset.at ?? at?.id;
  for (const node of all(".value, .line")) node.classList.toggle("lit", key !== undefined && (node.dataset.at === key || node.id === key) && hasValue(key));
});
const valued = new Set([...all(".value")].map(node => node.dataset.at)), hasValue = key => valued.has(key);
for (const button of all(".letters button")) button.addEventListener("click", () => {
  kept = kept === button.dataset.s ? null : button.dataset.s;
  for (const other of all(".letters button")) other.setAttribute("aria-pressed", other.dataset.s === kept);
  light(kept);
});
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || ["INPUT", "BUTTON"].includes(event.target.tagName) && event.target.type !== "radio") return;
  const sections = [...all("section")], here = sections.findLastIndex(s => s.getBoundingClientRect().top < 140);
  if (event.key === "n") sections[Math.min(sections.length - 1, here + 1)].scrollIntoView();
  if (event.key === "p") sections[Math.max(0, here - 1)].scrollIntoView();
  if (event.key === "]") setEpoch(S.epoch + 1);
  if (event.key === "[") setEpoch(S.epoch - 1);
});
for (const radio of all("#bar input[type=radio]")) radio.addEventListener("change", () => { S[radio.name] = radio.name === "round" ? +radio.value : radio.value; draw(); });
$("epoch").addEventListener("input", event => setEpoch(+event.target.value));
for (const code of all(".code")) code.classList.toggle("tall", code.offsetHeight > innerHeight - 120);

for (const link of all("#bar a")) link.addEventListener("click", () => { link.closest("details").open = false; });
addEventListener("resize", draw);
addEventListener("beforeprint", () => { for (const d of all("main details")) d.open = true; });

resetScores(); makeBoxes(); draw(); listenToQuestions();
document.body.dataset.ready = "1";
