// ---- keys: put into explore.html by explore.py --------------------------------------------------

// A key is what is printed on it (e.key). Where the layout is of another script, a shortcut is where
// it lies on a Latin keyboard (e.code).
const PLACES = { BracketLeft: "[", BracketRight: "]", Comma: ",", Period: "." };

function isShortcut(e, letter) {                  // Ctrl or Cmd; Alt too would be AltGr, a letter
  if (!(e.ctrlKey || e.metaKey) || e.altKey || e.shiftKey) return false;
  const latin = /^[a-z]$/i.test(e.key);
  return latin ? e.key.toLowerCase() === letter : e.code === "Key" + letter.toUpperCase();
}

function latinOf(e) {
  if (e.key.length > 1) return e.key;
  if (/^[ -~]$/.test(e.key)) return e.key.toLowerCase();
  return /^Key([A-Z])$/.exec(e.code)?.[1].toLowerCase() ?? PLACES[e.code] ?? e.key;
}

function digitOf(key) {                           // of any script: its ten digits stand in a row
  const isDigit = code => /^\p{Nd}$/u.test(String.fromCodePoint(code)), code = key.codePointAt(0);
  if ([...key].length > 1 || !isDigit(code)) return NaN;
  let zero = code;
  while (isDigit(zero - 1)) zero--;
  return (code - zero) % 10;
}

function isOwn(e) {                               // what the focused control is used with
  const { tagName, type } = e.target, moves = /^(Arrow|Home|End|Page)/.test(e.key);
  if (tagName === "BUTTON") return e.key === "Enter" || e.key === " ";
  if (tagName !== "INPUT" && tagName !== "SELECT") return false;
  if (!items.length || type === "search" || type === "text") return true;
  return moves || tagName === "SELECT" && e.key === " ";  // 1 to 9 and letters are classes
}

const MAP_KEYS = {
  " ": () => $("play").click(), "0": () => $("home").click(),
  "[": () => step("epoch", -1, 2, epochs), "]": () => step("epoch", 1, 2, epochs),
  ",": () => step("round", -1, 0, D.rounds), ".": () => step("round", 1, 0, D.rounds),
  n: () => STEPS.length && $("guide-next").click(), p: () => S.step > 1 && $("guide-back").click(),
  Escape: () => { views.forEach(v => delete v.box); keep(-1); },
};
const LABEL_KEYS = {
  Enter: giveLikeliest, Backspace: () => undo(), "-": () => give("-"),
  "/": () => $("look").focus(), "=": () => typeName(""),
  ArrowRight: () => go(S.item + 1), ArrowLeft: () => goBack(),
};

function labelKey(e) {
  if (LABEL_KEYS[e.key]) return LABEL_KEYS[e.key];
  const digit = digitOf(e.key), name = offered(shown[S.item])[digit - 1];
  if (digit) return name && (() => give(name));
  const types = /^\p{L}$/u.test(e.key) || [...e.key].length === 1 && !MAP_KEYS[e.key];
  return types && (() => typeName(e.key));        // a symbol or an emoji begins a name too
}

function pressed(e) {
  if (e.isComposing) return;
  if (items.length && isShortcut(e, "z") && !/^(search|text)$/.test(e.target.type)) {
    e.preventDefault();
    if (!e.repeat) undo();
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const own = isOwn(e), act = !own && (items.length && labelKey(e) || MAP_KEYS[latinOf(e)]);
  const held = items.length && e.repeat && !/^Arrow/.test(e.key);
  if (act || held && own && e.target.tagName === "BUTTON") e.preventDefault();
  if (act && !held) act();                        // a key that is held down answers one text
}

// ---- the field that finds a class ---------------------------------------------------------------

function giveLikeliest() { if (shown.length) give(guessOf(shown[S.item])); }

function typeName(letter) {
  $("find").focus(); $("find").value += letter;
  choice = 0; drawChoices();
}

function find(e) {
  e.stopPropagation();
  const field = e.target, way = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (e.isComposing || e.repeat && e.key === "Enter") return;  // an input method's Enter ends a word
  if (isShortcut(e, "z") && !field.value) { e.preventDefault(); if (!e.repeat) undo(); }
  else if (way) { e.preventDefault(); choice += way; drawChoices(); }
  else if (e.key === "Escape" || e.key === "Backspace" && !field.value) {
    e.preventDefault(); field.value = ""; drawChoices(); field.blur();
  } else if (e.key === "Enter") {
    if (!field.value.trim()) giveLikeliest();
    else if (choices()[choice]) give(choices()[choice][0]);
  }
}

function look(e) {                                // the field that finds texts
  e.stopPropagation();
  if (e.isComposing) return;
  if (e.key === "Escape") { e.target.value = S.look = ""; filter(); firstOpen(); }
  if (e.key === "Enter" || e.key === "Escape") e.target.blur();
}

function listenToKeys() {                         // where one labels
  addEventListener("keydown", e => {              // before any field sees it
    const leaves = e.target.tagName === "SELECT" || e.target === $("search");
    if (isShortcut(e, "s")) { e.preventDefault(); if (!e.repeat) save(); }
    else if (e.key === "Escape" && leaves) e.target.blur();
    else if (e.key === "Enter" && e.target === $("search") && !e.isComposing) e.target.blur();
  }, true);
  addEventListener("click", e => {                // so that Enter is the likeliest class again
    if (e.detail && e.target.tagName === "BUTTON") e.target.blur();
  });
  $("find").onkeydown = find; $("look").onkeydown = look;
}
