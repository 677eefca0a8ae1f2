// ---- labelling: put into explore.html by explore.py ---------------------------------------------

const KEY = "labels of " + D.id;                  // one per results folder, whatever its labels are
const LONG = 1500;                                // characters of a text that are shown unfolded
const HITS = 200;                                 // found texts that are listed
let items = [], others = [], shown = [];          // what is asked; the rest of the table; what the filters show
let given = {};                                   // answers by person and text
let done = [], unfolded = "", choice = 0, times = []; // for undo: lists of what answer() gives
let ended = false, unkept = false;                // all that is shown has an answer; this browser keeps none

// An answer is { row, text, label, how, who, reviewed, batch, at, saved, since, gone }; label "" is an
// answer taken back. Two tabs: the later one wins. since: when it was given, if undo has brought it back;
// gone: when the saved answers were given that it replaces.
const idOf = (text, who) => who ? who + "\n" + text : text;

function readStore() {
  try { const kept = JSON.parse(localStorage.getItem(KEY)); return kept && typeof kept === "object" ? kept : {}; } catch { return {}; }
}

let clock = 0;                                    // later than every answer that the page knows
const now = () => clock = Math.max(Date.now(), clock + 1);
const timeOf = g => g.since ?? g.at;
const goneWith = g => g?.saved && g.label ? [...(g.gone || []), timeOf(g)] : g?.gone;

function fetchAnswers() {
  for (const [id, g] of Object.entries(readStore()))
    if (g && typeof g.label === "string" && !(given[id]?.at > g.at)) given[id] = { text: id, who: "", reviewed: "", batch: "", ...g, saved: g.saved || given[id]?.at === g.at && given[id].saved };
}

function forgetTaken() {                          // what labels.csv has by now, or had: the file counts
  const place = (text, who, again) => idOf(text, who) + "\n" + !!again, last = new Map(), known = new Set(), over = new Set();
  for (const [, text, label, , who, again, , time] of D.kept) {
    const at = Date.parse(time) || Infinity, id = place(text, who, again);
    if (at < Infinity) clock = Math.max(clock, at);
    known.add(id + at);
    if (!(last.get(id)?.at > at)) last.set(id, { label, at });
    if (again) last.set(place(text, who), { ...last.get(place(text, who)), at: Infinity }); // nothing counts more than a second look
  }
  for (const [text, who, again, time] of D.gone || []) over.add(place(text, who, again) + Date.parse(time));
  const taken = Object.entries(given).filter(([id, g]) => {
    const here = id + "\n" + !!g.reviewed, file = last.get(here), at = timeOf(g);
    clock = Math.max(clock, g.at || 0);
    if (!g.label) return g.saved && (g.gone || []).every(at => over.has(here + at));
    return known.has(here + at) || over.has(here + at) || file && (file.label === g.label && !g.gone || g.saved && file.at >= at);
  });
  for (const [id] of taken) delete given[id];
  if (taken.length) try { localStorage.setItem(KEY, JSON.stringify(given)); } catch { /* store() says it */ }
}

function store() {
  fetchAnswers();
  const open = Object.values(given).filter(g => !g.saved && (g.label || g.gone)).length;
  try { localStorage.setItem(KEY, JSON.stringify(given)); unkept = false; $("saved").textContent = open ? `${open.toLocaleString("en")} answers are kept in this browser only: save labels.csv and put it into ${D.folder}.` : ""; }
  catch { unkept = open > 0; $("saved").textContent = "This browser cannot keep your answers (its storage is full or closed): save labels.csv before you close the page."; }
}

function answerOf(t) {                            // of a text with a label, what was said when it was looked at again
  const g = given[idOf(t.text, S.who)];
  return g && (g.reviewed || !t.label) ? g.label : "";
}
const guessOf = t => t.doubt ? t.model : t.likely?.[0]?.[0] ?? t.predicted ?? "";

function startLabels() {
  items = [...D.todo.map(t => ({ ...t, doubt: false })), ...D.doubts.map(t => ({ ...t, doubt: true, how: "doubted" }))];
  $("labels").hidden = !items.length;
  if (!items.length) return;
  takeRest();
  given = Object.create(null); fetchAnswers(); forgetTaken(); store();
  const people = D.people || [];
  $("whose").hidden = people.length < 2;
  if (people.length && !people.includes(S.who)) S.who = people[0];
  options($("who"), people.length ? people : [""]);
  $("back").onclick = undo; $("later").onclick = () => go(S.item + 1); $("skip").onclick = () => give("-"); $("save").onclick = save; $("accept").onclick = acceptAll;
  for (const id of ["only", "by", "order", "who"]) $(id).onchange = e => { S[id] = e.target.value; filter(); firstOpen(); };
  $("look").oninput = e => { S.look = e.target.value; filter(); S.item = 0; writeAddress(); drawItem(); };
  $("look").onkeydown = e => { e.stopPropagation(); if (e.key === "Escape") { e.target.value = S.look = ""; filter(); firstOpen(); } if (e.key === "Enter" || e.key === "Escape") e.target.blur(); };
  $("find").oninput = e => { choice = 0; drawChoices(); if (!e.target.value && !e.isComposing) e.target.blur(); }; // emptied: 1 to 9 are classes again
  $("find").onkeydown = find;
  addEventListener("storage", e => { if (e.key === KEY) { fetchAnswers(); forgetTaken(); drawItem(); } if (e.key === "batch of " + D.id && Number(e.newValue) > D.batch) sayStale(); });
  addEventListener("beforeunload", e => { if (unkept) e.preventDefault(); });
  addEventListener("keydown", e => { if ((e.ctrlKey || e.metaKey) && e.key === "s") { e.preventDefault(); save(); } else if (e.key === "Escape" && e.target.tagName === "SELECT") e.target.blur(); }, true);
  $("labels").addEventListener("click", e => { if (e.detail && e.target.tagName === "BUTTON") e.target.blur(); }); // so that Enter is the likeliest class again
  try { localStorage.setItem("batch of " + D.id, D.batch); } catch { /* store() says it */ }
  filter();
  if (!location.hash.includes("item=") || S.batch && S.batch !== D.batch) firstOpen();
}

function sayStale() { inform("There is a newer batch: load this page again. Your answers are kept."); }

function takeRest() {                             // texts that nobody is asked for: without a label, and labelled
  const R = D.rest || { rows: [], texts: [], likely: [], all: 0 }, asked = new Set(items.map(t => t.text));
  others = R.rows.map((row, i) => ({ row, text: R.texts[i], how: "searched", likely: R.likely[i].map(([c, p]) => [D.classes[c], p]) }));
  others.push(...D.rows.map((_, i) => ({ row: D.numbers[i], text: D.texts[i], label: D.classes[D.y[i]], how: "labelled", likely: [] })).filter(t => !asked.has(t.text)));
}

function filter() {                               // the items shown, in order, and what the filters offer
  const sure = t => t.likely?.[0]?.[1] ?? 0, word = S.look.trim().toLowerCase();
  const mine = items.filter(t => !S.who || !t.who || t.who.includes(S.who));
  const base = word ? [...items, ...others].filter(t => t.text.toLowerCase().includes(word)) : mine;
  const offer = (id, of, first) => {
    const counts = new Map();
    for (const t of base) counts.set(of(t), (counts.get(of(t)) || 0) + 1);
    const values = [...counts.keys()].filter(Boolean).sort();
    options($(id), ["", ...values], [first, ...values.map(v => `${v} (${counts.get(v)})`)]);
    if (!counts.has(S[id])) S[id] = "";
  };
  offer("only", guessOf, "every class"); offer("by", t => t.how, "every way");
  shown = base.filter(t => (!S.only || guessOf(t) === S.only) && (!S.by || t.how === S.by));
  if (!shown.length && (S.only || S.by)) { S.only = S.by = ""; return filter(); }
  if (S.order) shown.sort((a, b) => S.order === "sure" ? sure(b) - sure(a) : sure(a) - sure(b));
  drawHits(word, base.length);
}

function drawHits(word, n) {                      // the texts found by a search
  const R = D.rest, known = R && R.rows.length < R.all ? ` The page knows ${R.rows.length.toLocaleString("en")} of the ${R.all.toLocaleString("en")} other texts without a label.` : "";
  $("looked").textContent = word ? `${n.toLocaleString("en")} texts with “${S.look.trim()}”, ${items.filter(t => t.text.toLowerCase().includes(word)).length} of them asked for.${known}` : "";
  $("hits").hidden = !word;
  $("hits").replaceChildren(...(word ? shown.slice(0, HITS) : []).map((t, i) => {
    const line = document.createElement("li"), button = document.createElement("button");
    button.textContent = `${t.row}  ${t.text.slice(0, 200)}`; button.dir = "auto"; button.onclick = () => go(i);
    line.append(button);
    return line;
  }));
  if (word && shown.length > HITS) $("hits").append(`... and ${shown.length - HITS} more`);
}

function firstOpen() { const i = shown.findIndex(t => !answerOf(t)); go(i < 0 ? 0 : i); }

const classNames = () => [...new Set([...D.classes, ...(D.offered || []), ...Object.values(given).map(g => g.label)])].filter(c => c && c !== "-");
function oftenGiven() {                           // classes by how often they were given, for texts of which nothing is known
  const counts = new Map(classNames().map(c => [c, 0]));
  for (const label of [...D.kept.map(k => k[2]), ...Object.values(given).map(g => g.label)]) if (counts.has(label)) counts.set(label, counts.get(label) + 1);
  return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
}
function offered(t) {                             // the nine likeliest for this text
  if (!t || ended) return [];
  const first = t.doubt ? [t.model, t.label] : t.label ? [t.label] : (t.likely || []).map(l => l[0]);
  return [...new Set([...first, ...oftenGiven()])].slice(0, 9);
}

function drawText(t) {                            // folded if long, with what speaks for the guess marked
  const whole = t.text.length <= LONG || unfolded === t.text, text = whole ? t.text : t.text.slice(0, LONG), parts = [];
  const words = (t.terms || []).map(term => term.split(" ").filter(w => w !== "<s>" && w !== "</s>").map(w => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s*")).filter(Boolean);
  let end = 0;
  if (words.length) for (const m of text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join("|")})(?![\\p{L}\\p{N}])`, "giu"))) {
    const mark = document.createElement("mark"); mark.textContent = m[0];
    parts.push(text.slice(end, m.index), mark); end = m.index + m[0].length;
  }
  parts.push(text.slice(end));
  if (!whole) { const more = document.createElement("button"); more.textContent = `… show all ${t.text.length.toLocaleString("en")} characters`; more.onclick = () => { unfolded = t.text; drawItem(); }; parts.push(more); }
  $("text-to-label").replaceChildren(...parts);
}

function hintOf(t) {
  if (t.doubt) return `Row ${t.row} has the label ${t.label}; ${t.why === "the model disagrees" ? "the model says" : `${t.why} is`} ${t.model}. Keep or correct it.`;
  return `Row ${t.row}` + (t.label ? ` has the label ${t.label}. Keep or correct it.` : guessOf(t) ? `; the model's guess: ${guessOf(t)}` : "");
}

function drawItem() {
  if (!items.length) return;
  for (const id of ["only", "by", "order", "who", "look"]) $(id).value = S[id];
  if (!shown.length) { $("text-to-label").textContent = ""; $("hint").textContent = "No text has these letters."; $("classes").replaceChildren(); return; }
  const t = shown[S.item = Math.max(0, Math.min(S.item, shown.length - 1))], answer = answerOf(t);
  if (ended) { $("text-to-label").textContent = "Every text shown here has an answer. Ctrl+S saves labels.csv; ← goes back to the last one."; $("hint").textContent = ""; $("classes").replaceChildren(); drawChoices(); return drawProgress(); }
  drawText(t);
  const likely = new Map(t.likely || []), percent = p => p >= .005 ? ` ${Math.round(100 * p)} %` : "";
  $("hint").textContent = [hintOf(t), t.copies > 1 ? `this text stands in ${t.copies} rows` : "", ...(t.context || []).filter(([, value]) => value).map(([name, value]) => `${name}: ${value.slice(0, 300)}`),
    answer ? `answered: ${answer === "-" ? "skipped" : answer}` : ""].filter(Boolean).join(" · ");
  $("classes").replaceChildren(...offered(t).map((name, j) => choiceButton(`${j + 1} ${name}${likely.has(name) ? percent(likely.get(name)) : ""}`, name, answer === name)));
  drawChoices();
  drawProgress();
}

function drawProgress() {
  const mine = items.filter(t => !S.who || !t.who || t.who.includes(S.who)), asked = mine.filter(t => !t.doubt);
  const ready = asked.filter(answerOf).length, doubts = mine.length - asked.length, seen = mine.filter(t => t.doubt && answerOf(t)).length;
  const pace = times.slice(-20).map((at, i, all) => i ? Math.min(60, (at - all[i - 1]) / 1000) : 0).slice(1).sort((a, b) => a - b);
  const left = pace.length > 4 && ready < asked.length ? `; about ${minutes(pace[pace.length >> 1] * (asked.length - ready))} left` : "";
  $("progress").textContent = `${ready} of ${asked.length} texts labelled` + (doubts ? `, ${seen} of ${doubts} doubts looked at` : "") + left + (shown.length !== mine.length ? ` (${shown.length} shown)` : "");
  document.body.dataset.labelled = Object.values(given).filter(g => g.label).length;
}

const minutes = seconds => seconds < 90 ? "a minute" : `${Math.round(seconds / 60)} minutes`;

function choiceButton(text, name, chosen) {
  const button = document.createElement("button");
  button.textContent = text; button.className = chosen ? "given" : "";
  button.onclick = () => give(name);
  return button;
}

function choices() {                              // classes that the letters typed so far find
  const typed = $("find").value.trim(), low = typed.toLowerCase();
  if (!typed) return [];
  const names = classNames().sort(), that = names.filter(c => c.toLowerCase() === low), starts = names.filter(c => c.toLowerCase().startsWith(low)), has = names.filter(c => c.toLowerCase().includes(low));
  const found = [...new Set([...that, ...starts, ...has])].slice(0, 20).map(c => [c, c]);
  return names.includes(typed) ? found : [...found, [typed, D.offered?.length ? `not in the list of classes: “${typed}”` : `new class “${typed}”`]];
}

function drawChoices() {
  const found = choices();
  choice = Math.max(0, Math.min(choice, found.length - 1));
  $("find").setAttribute("aria-expanded", String(!!found.length));
  $("choices").replaceChildren(...found.map(([name, text], j) => { const b = choiceButton(text, name, j === choice); b.setAttribute("role", "option"); b.setAttribute("aria-selected", String(j === choice)); return b; }));
}

function find(e) {
  e.stopPropagation();
  if (e.isComposing || e.repeat && e.key === "Enter") return; // an input method's Enter ends a word
  if (e.ctrlKey && e.key === "z" && !e.target.value) { e.preventDefault(); undo(); }
  else if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); choice += e.key === "ArrowDown" ? 1 : -1; drawChoices(); }
  else if (e.key === "Escape") { e.target.value = ""; drawChoices(); e.target.blur(); }
  else if (e.key === "Enter") { const found = choices()[choice]; if (found) give(found[0]); }
}

function go(i) { ended = false; S.batch = D.batch ?? 0; S.item = Math.max(0, Math.min(shown.length - 1, i)); choice = 0; $("find").value = ""; $("find").blur(); writeAddress(); drawItem(); }
function goBack() { go(ended ? S.item : S.item - 1); }
function answer(t, label) {                       // [item, what tells its person and text, the answer before]
  const id = idOf(t.text, S.who), before = given[id], again = t.label;
  given[id] = { row: t.row, text: t.text, label, how: again ? "" : t.how, who: S.who, reviewed: again || "", batch: again ? "" : D.batch ?? "", at: now(), gone: goneWith(before) };
  return [t, id, before];
}
function give(label) {                            // then to the next text without an answer
  if (!shown.length || !label || ended) return;
  const anew = !answerOf(shown[S.item]), last = S.item === shown.length - 1;
  done.push([answer(shown[S.item], label)]); times.push(Date.now()); store();
  const open = t => !answerOf(t), after = shown.findIndex((t, i) => i > S.item && open(t)), i = after < 0 ? shown.findIndex(open) : after;
  go(i >= 0 ? i : anew ? S.item : S.item + 1);
  if (i < 0 && (anew || last)) { ended = true; drawItem(); }
}
function acceptAll() {
  const open = shown.filter(t => !answerOf(t) && guessOf(t) && !t.label);
  if (!open.length || !confirm(`Give ${open.length} texts their likeliest class?`)) return;
  done.push(open.map(t => answer(t, guessOf(t)))); store(); drawItem();
}
function undo() {                                 // one key takes back one answer, or all that were accepted at once
  const last = done.pop();
  if (!last) return goBack();
  for (const [, id, before] of last) {
    const g = given[id];
    given[id] = before && !g.saved ? { ...before, since: timeOf(before), at: now() } : { ...(before || g), label: before?.label ?? "", saved: false, since: undefined, at: now(), gone: goneWith(g) };
  }
  store();
  const i = shown.indexOf(last[0][0]);
  go(i < 0 ? S.item : i);
}

function labelsCsv() {                            // as tables/answers.py keeps them
  const cell = v => { let s = String(v ?? ""); if (/^'*[=+\-@\t\r]/.test(s) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(s.trim())) s = "'" + s; return /[",\r\n]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s; };
  const row = (g, label, at) => [g.row, g.text, label, g.how, g.who, g.reviewed, g.batch, at > 0 ? new Date(at).toISOString() : ""];
  const mine = Object.values(given), told = mine.filter(g => g.label).map(g => row(g, g.label, timeOf(g)));
  const back = mine.flatMap(g => (g.gone || []).map(at => row(g, "", at)));
  const same = r => JSON.stringify([r[1], r[2], r[4], !!r[5]]), spot = r => JSON.stringify([r[1], r[7], r[4], !!r[5]]);
  const fresh = new Set([...told.map(same), ...back.map(spot)]);
  const rows = [...D.kept.filter(k => !fresh.has(same(k)) && !fresh.has(spot(k))), ...told, ...back];
  return "\ufeffrow,text,label,how,who,reviewed,batch,at\n" + rows.sort((a, b) => a[0] - b[0]).map(r => r.map(cell).join(",") + "\n").join("");
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([labelsCsv()], { type: "text/csv" }));
  link.download = S.who ? `labels-${S.who.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-")}.csv` : "labels.csv"; // two people's files beside each other
  link.click();
  for (const g of Object.values(given)) g.saved = true;
  store();
  $("saved").textContent = `Saved. Put ${link.download} into ${D.folder} and run the same command again.`;
}
