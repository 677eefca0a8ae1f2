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

function readStore() {                            // null if there is nothing that can be read
  try { const kept = JSON.parse(localStorage.getItem(KEY)); return typeof kept === "object" ? kept : null; } catch { return null; }
}

function sound(id, g) {                           // what a damaged store has lost is empty
  const whole = { row: "", text: id, how: "", who: "", reviewed: "", batch: "" };
  for (const k in whole) if (/string|number/.test(typeof g[k])) whole[k] = g[k];
  const at = Number.isSafeInteger(g.at) ? g.at : 0;
  const gone = Array.isArray(g.gone) ? g.gone.filter(Number.isSafeInteger) : undefined;
  const since = Number.isSafeInteger(g.since) ? g.since : undefined;
  return { ...g, ...whole, at, saved: !!g.saved, since, gone };
}

let clock = 0;                                    // later than every answer that the page knows
const later = g => clock = Math.max(Date.now(), clock + 1, (g?.at ?? 0) + 1);
const timeOf = g => g.since ?? g.at;
const goneWith = g => g?.saved && g.label ? [...(g.gone || []), timeOf(g)] : g?.gone;

function fetchAnswers() {
  for (const [id, kept] of Object.entries(readStore() || {})) {
    if (typeof kept?.label !== "string") continue;
    const g = sound(id, kept), mine = given[id];
    if (mine && mine.at === g.at) g.saved ||= mine.saved;
    if (!mine || mine.at <= g.at) given[id] = g;
  }
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

function store(gone = []) {                       // gone: answers that leave no trace
  fetchAnswers();
  for (const id of gone) delete given[id];
  const open = Object.values(given).filter(g => !g.saved && (g.label || g.gone)).length;
  try {
    localStorage.setItem(KEY, JSON.stringify(given));
    unkept = false;
    $("saved").textContent = open ? `${counted(open)} ${open === 1 ? "is" : "are"} kept in this`
      + ` browser only: save labels.csv and put it into ${D.folder}.` : "";
  } catch {
    unkept = open > 0;
    $("saved").textContent = "This browser cannot keep your answers (its storage is full or"
      + " closed): save labels.csv before you close the page.";
  }
  drawEarlier();
}

// Another tab has written the store, and may have undone an answer. (A newer page also removes what
// its labels.csv has: this page has no other copy of that.)
function takeStore() {
  const there = readStore(), whole = there && !unkept && !isOld();
  for (const id in given) if (whole && !Object.hasOwn(there, id)) delete given[id];
  fetchAnswers(); forgetTaken(); drawEarlier(); drawItem();
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
  warnIfOld();
  given = Object.create(null); fetchAnswers(); forgetTaken(); store();
  const people = D.people || [];
  $("whose").hidden = people.length < 2;
  options($("who"), people.length ? people : [""]);
  $("forget").onclick = forget;
  $("back").onclick = undo; $("later").onclick = () => go(S.item + 1); $("skip").onclick = () => give("-"); $("save").onclick = save; $("accept").onclick = acceptAll;
  for (const id of ["only", "by", "order", "who"]) $(id).onchange = e => { S[id] = e.target.value; filter(); firstOpen(); };
  $("look").oninput = e => { S.look = e.target.value; filter(); S.item = 0; writeAddress(); drawItem(); };
  $("find").oninput = e => { choice = 0; drawChoices(); if (!e.target.value && !e.isComposing) e.target.blur(); }; // emptied: 1 to 9 are classes again
  listenToKeys();
  const wake = () => { takeStore(); warnIfOld(); };
  addEventListener("storage", e => { if ([KEY, NEWEST].includes(e.key)) wake(); });
  addEventListener("pageshow", e => { if (e.persisted) wake(); });  // gone back to: it has slept
  addEventListener("beforeunload", e => { if (unkept) e.preventDefault(); });
  showAddress();
}

function takePerson(before) {                     // whomever the address names: one of this batch
  const people = D.people || [], asked = S.who;
  if (people.length ? people.includes(asked) : !asked) return [];
  S.who = people.includes(before) ? before : people[0] ?? "";
  return asked ? [`no person “${asked}”${S.who && `, ${S.who} is shown`}`] : [];
}

function showAddress() {                          // its person's list, and its text
  if (!items.length) return;
  filter(); warnIfOld();
  if (!location.hash.includes("item=") || S.batch && S.batch !== D.batch) firstOpen();
}

function takeRest() {                             // texts that nobody is asked for: without a label, and labelled
  const R = D.rest || { rows: [], texts: [], likely: [], all: 0 }, asked = new Set(items.map(t => t.text));
  others = R.rows.map((row, i) => ({ row, text: R.texts[i], how: "searched", likely: R.likely[i].map(([c, p]) => [D.classes[c], p]) }));
  const more = D.labelled || { rows: [], texts: [], y: [], all: 0 };
  const take = (rows, texts, y) => others.push(...rows.map((row, i) => (
    { row, text: texts[i], label: D.classes[y[i]], how: "labelled", likely: [] }
  )).filter(t => !asked.has(t.text)));
  take(D.numbers, D.texts, D.y); take(more.rows, more.texts, more.y);
}

function filter() {                               // the items shown, in order, and what the filters offer
  const sure = t => t.likely?.[0]?.[1] ?? 0, word = S.look.trim().toLowerCase();
  const mine = items.filter(t => !S.who || !t.who || t.who.includes(S.who));
  const base = word ? [...items, ...others].filter(t => t.text.toLowerCase().includes(word)) : mine;
  const offer = (id, of, first) => {
    const counts = new Map();
    for (const t of base) counts.set(of(t), (counts.get(of(t)) || 0) + 1);
    const values = [...counts.keys()].filter(Boolean).sort();
    options($(id), ["", ...values], [first, ...values.map(v => `${apart(v)} (${counts.get(v)})`)]);
    if (!counts.has(S[id])) S[id] = "";
  };
  ended = false;                                  // of another list
  offer("only", guessOf, "every class"); offer("by", t => t.how, "every way");
  shown = base.filter(t => (!S.only || guessOf(t) === S.only) && (!S.by || t.how === S.by));
  if (!shown.length && (S.only || S.by)) { S.only = S.by = ""; return filter(); }
  if (S.order) shown.sort((a, b) => S.order === "sure" ? sure(b) - sure(a) : sure(a) - sure(b));
  drawHits(word, base.length);
}

function drawHits(word, n) {                      // the texts found by a search
  const part = (has, all, what) => has < all
    ? ` It has ${has.toLocaleString("en")} of the ${all.toLocaleString("en")} ${what}.` : "";
  const R = D.rest, more = D.labelled, n0 = D.rows.length;
  const lacks = (R ? part(R.rows.length, R.all, "other texts without a label") : "")
    + (more ? part(n0 + more.rows.length, n0 + more.all, "texts with a label") : "");
  const known = lacks && ` This page cannot find every text.${lacks}`;
  const asked = items.filter(t => t.text.toLowerCase().includes(word)).length;
  $("looked").textContent = word ? `${n.toLocaleString("en")} texts with “${apart(S.look.trim())}”,`
    + ` ${asked} of them asked for.${known}` : "";
  $("hits").hidden = !word;
  $("hits").replaceChildren(...(word ? shown.slice(0, HITS) : []).map((t, i) => {
    const line = document.createElement("li"), button = document.createElement("button");
    button.textContent = `${t.row}  ${t.text.slice(0, 200)}`; button.dir = "auto";
    button.onclick = e => { go(i); if (!e.detail) $("text-to-label").focus(); };
    line.append(button);
    return line;
  }));
  if (word && shown.length > HITS) $("hits").append(`... and ${shown.length - HITS} more`);
}

function firstOpen() { const i = shown.findIndex(t => !answerOf(t)); go(i < 0 ? 0 : i); }

function drawItem() {
  if (!items.length) return;
  for (const id of ["only", "by", "order", "who", "look"]) $(id).value = S[id];
  if (!shown.length) {
    put("text-to-label"); put("hint", "No text has these letters."); put("classes");
    return;
  }
  const t = shown[S.item = Math.max(0, Math.min(S.item, shown.length - 1))], answer = answerOf(t);
  ended &&= shown.every(answerOf);                // another tab may have taken one back
  if (ended) {
    put("text-to-label", "Every text shown here has an answer. Ctrl+S saves labels.csv;"
      + " ← goes back to the last one.");
    put("hint"); put("classes"); drawChoices();
    return drawProgress();
  }
  drawText(t);
  const likely = new Map(t.likely || []), percent = p => p >= .005 ? ` ${Math.round(100 * p)} %` : "";
  const beside = (t.context || []).filter(([, value]) => value)
    .map(([name, value]) => `${apart(name)}: ${apart(value.slice(0, 300))}`);
  const said = answer === "-" ? "skipped" : apart(answer);
  put("hint", [hintOf(t), t.copies > 1 && `this text stands in ${t.copies} rows`, ...beside,
    said && `answered: ${said}`].filter(Boolean).join(" · "));
  put("classes", ...offered(t).map((name, j) =>
    choiceButton([name, `${j + 1} `, percent(likely.get(name) ?? 0)], answer === name)));
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

function go(i) { ended = false; S.batch = D.batch ?? 0; S.item = Math.max(0, Math.min(shown.length - 1, i)); choice = 0; $("find").value = ""; $("find").blur(); writeAddress(); drawItem(); }
function goBack() { go(ended ? S.item : S.item - 1); }
// [item, what tells its person and text, the answer before, the label]
function answer(t, label) {
  const id = idOf(t.text, S.who), before = given[id], again = t.label;
  given[id] = {
    row: t.row, text: t.text, label, how: again ? "" : t.how, who: S.who, reviewed: again || "",
    batch: again ? "" : D.batch ?? "", at: later(before), gone: goneWith(before),
  };
  return [t, id, before, label];
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
// One key takes back this person's last answer, or all that were accepted at once.
function undo() {
  const at = done.findLastIndex(([[t, id]]) => id === idOf(t.text, S.who));
  if (at < 0) return goBack();
  const [last] = done.splice(at, 1), never = [];
  for (const [, id, before, label] of last) {
    const g = given[id];
    if (g?.label !== label) continue;             // another tab has another answer since
    if (!before && !g.saved) never.push(id);      // no file has it: nothing of it fills the storage
    else if (!g.saved) given[id] = { ...before, since: timeOf(before), at: later(g) };
    else given[id] = {
      ...(before || g), label: before?.label ?? "", saved: false, since: undefined, at: later(g),
      gone: goneWith(g),
    };
  }
  store(never);
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
