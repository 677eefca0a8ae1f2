// ---- a text and the classes that are offered for it: put into explore.html by explore.py --------

// Where a word may begin or end, as vectors/words.py splits a text: not between two letters, unless
// one of them is of a script without spaces.
const LETTER = `(?![${D.unspaced || ""}])[\\p{L}\\p{M}\\p{N}_]`;
const EDGE = `(?:(?<!${LETTER})|(?!${LETTER}))`;
function patternOf(term) {
  const words = term.split(" ").filter(w => w !== "<s>" && w !== "</s>");
  return words.map(w => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(`\\s*${EDGE}`);
}

function put(id, ...parts) {                      // unchanged, it keeps its focus and is not read again
  const now = $(id).cloneNode();
  now.append(...parts);
  if (!now.isEqualNode($(id))) $(id).replaceChildren(...now.childNodes);
}

// A name that is written from right to left, kept apart from the numbers beside it.
const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const apart = name => RTL.test(name) ? `\u2068${name}\u2069` : name;

function drawText(t) {                            // folded if long, with what speaks for the guess marked
  const whole = t.text.length <= LONG || unfolded === t.text, text = whole ? t.text : t.text.slice(0, LONG), parts = [];
  const found = (t.terms || []).map(patternOf).filter(Boolean).join("|");
  let end = 0;
  const pattern = new RegExp(`${EDGE}(?:${found})${EDGE}(?!\\p{M})`, "giu");
  if (found) for (const m of text.matchAll(pattern)) {
    const mark = document.createElement("mark"); mark.textContent = m[0];
    parts.push(text.slice(end, m.index), mark); end = m.index + m[0].length;
  }
  parts.push(text.slice(end));
  if (!whole) { const more = document.createElement("button"); more.textContent = `… show all ${t.text.length.toLocaleString("en")} characters`; more.onclick = () => { unfolded = shown[S.item].text; drawItem(); $("text-to-label").focus(); }; parts.push(more); }
  put("text-to-label", ...parts);
}

function hintOf(t) {
  const label = apart(t.label ?? ""), guess = apart(guessOf(t)), keep = "Keep or correct it.";
  const model = t.why === "the model disagrees" ? "the model says" : `${t.why} is`;
  if (t.doubt) return `Row ${t.row} has the label ${label}; ${model} ${guess}. ${keep}`;
  if (t.label) return `Row ${t.row} has the label ${label}. ${keep}`;
  return `Row ${t.row}` + (guess && `; the model's guess: ${guess}`);
}

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

function choiceButton([name, before = "", after = ""], chosen) {
  const button = document.createElement("button"), own = document.createElement("bdi");
  own.textContent = name;
  button.append(before, own, after); button.className = chosen ? "given" : "";
  button.onclick = e => { give(name); if (!e.detail) $("text-to-label").focus(); };  // by keyboard
  return button;
}

// Classes that the letters typed so far find, as [name, what stands before it, and after it]. The
// name itself comes first, then the class that the digit alone would give.
function choices() {
  const typed = $("find").value.trim().normalize(), low = typed.toLowerCase();
  if (!typed) return [];
  if (typed === "-") return [["-", "skip: "]];
  const numbered = offered(shown[S.item])[digitOf(typed) - 1];
  const ranks = [c => c.normalize() === typed, c => c.normalize().toLowerCase() === low,
    c => c === numbered, c => c.normalize().toLowerCase().startsWith(low),
    c => c.normalize().toLowerCase().includes(low)];
  const names = classNames().sort(), sorted = ranks.flatMap(fits => names.filter(fits));
  const found = [...new Set(sorted)].slice(0, 20).map(c => c === numbered ? [c, `${typed} `] : [c]);
  if (names.some(ranks[0])) return found;
  return [...found, [typed, D.offered?.length ? "not in the list of classes: “" : "new class “", "”"]];
}

function drawChoices() {
  const found = choices();
  choice = Math.max(0, Math.min(choice, found.length - 1));
  $("find").setAttribute("aria-expanded", String(!!found.length));
  $("find").setAttribute("aria-activedescendant", found.length ? `choice-${choice}` : "");
  $("choices").replaceChildren(...found.map((c, j) => {
    const button = choiceButton(c, j === choice);
    button.id = `choice-${j}`; button.setAttribute("role", "option");
    button.setAttribute("aria-selected", String(j === choice));
    return button;
  }));
}
