// ---- pages and answers of earlier calls: put into explore.html by explore.py --------------------

const NEWEST = "page of " + D.id;                 // when its newest page was written

function isOld() {                                // a later call has written another page
  try { return Number(localStorage.getItem(NEWEST)) > D.written; } catch { return false; }
}

function warnIfOld() {
  if (isOld()) inform(`This page is older than the last call: open ${D.folder}/explore.html again.`
    + " Your answers are kept.");
  else try { localStorage.setItem(NEWEST, D.written || 0); } catch { /* store() says it */ }
}

function earlier() {                              // older than the page, and none is in the folder
  const known = new Set(D.kept.map(k => idOf(k[1], k[4])));
  const old = Object.keys(given).filter(id => given[id].label && given[id].at < D.written);
  return old.some(id => known.has(id)) ? [] : old;
}

const counted = n => n === 1 ? "1 answer" : `${n.toLocaleString("en")} answers`;

function drawEarlier() {
  const n = earlier().length;
  $("earlier").hidden = !n;
  $("earlier").firstChild.textContent = `From before this page was made, this browser has`
    + ` ${counted(n)} that ${D.folder} does not have.`;
}

function forget() {
  const old = earlier();
  if (!confirm(`Forget ${counted(old.length)} that ${D.folder} does not have?`)) return;
  done = [];                                      // no undo brings them back
  store(old); firstOpen();
  $("text-to-label").focus();
}
