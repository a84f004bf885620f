// The explorer: a sequence that is edited, and the model's answer to every state of it.
// It stands behind logo.js in one module. Questions go to the server that sent the page.

const about = JSON.parse(document.getElementById("about").textContent);
const at = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const tab = crypto.randomUUID();
const FIELDS = ["method", "references", "target"];
const state = { past: [], future: [], shown: null, now: "", name: "sequence", kept: null, answer: null, number: 0, waiting: 0, changes: 0 };
const map = { open: false, changes: null, view: null, width: 0, slow: 0 }; // the effects of all substitutions
let logo = null;

async function ask(kind, more = {}) {
  const answer = await fetch(`/api/${kind}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Genolift-Token": token },
    body: JSON.stringify({ tab, number: ++state.number, sequence: state.now, name: state.name, method: at("method").value,
                           references: at("references").value.trim(), target: at("target").value.trim(), ...more }),
  }).catch(() => { throw new Error("the server does not answer; is `genolift explore` still running?"); });
  if (answer.ok && !answer.headers.get("content-type").startsWith("application/json")) return answer.blob();
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok || found.problem) throw new Error(found.problem ?? `something went wrong that was not foreseen (${answer.status}); the terminal in which genolift explore runs says what`);
  return found.stale ? null : found;
}
const tell = (problem) => { at("problem").textContent = problem?.message ?? ""; };
const guarded = (work) => async (...given) => { try { tell(null); settle(); await work(...given); } catch (problem) { tell(problem); } };
const say = (words) => { at("said").textContent = words; };

function unpacked(content, label) {
  return content.tracks.map((track) => ({ ...track, label: label ? `${label}: ${track.label}` : track.label,
    ...opened(track, track.sequence) }));
}

/** Return the name and the bases of a text that is plain or one FASTA record; other texts stay, for the server to say what is wrong. */
function record(text, isNew = false) {
  const found = /^\s*>([^\n]*)\n([^>]*)$/.exec(text), bases = (found ? found[2] : text).replace(/\s/g, "");
  // What replaces all bases has its own name, so that it is not saved under that of the sequence that was chosen before.
  const name = found?.[1].trim().split(/\s/)[0] || (found || isNew ? "sequence" : state.name);
  return text.includes(">") && !found ? [text, name] : [bases, name];
}
const fields = () => Object.fromEntries(FIELDS.map((id) => [id, at(id).value.trim()]));
/** Show a new state; the old one can be gone back to, with the method, the references and the target that it had. */
function become(sequence, name = state.name) {
  const next = { sequence, name, ...fields() }, before = state.shown;
  if (Object.keys(next).every((key) => next[key] === before[key])) return;
  if (before.sequence) state.past.push(before);
  state.future = [];
  show(next);
}
function step(from, to) {
  if (!from.length) return;
  to.push(state.shown);
  show(from.pop());
}
function show(next) {
  state.changes++; // What was asked for before, such as a shuffle, would undo what is shown now.
  state.shown = next;
  [state.now, state.name] = [next.sequence, next.name];
  for (const id of FIELDS) at(id).value = next[id];
  if (at("sequence").value !== state.now) at("sequence").value = state.now;
  at("undo").disabled = !state.past.length;
  at("redo").disabled = !state.future.length;
  at("names").selectedIndex = [...at("names").options].findIndex((one) => one.textContent === state.name);
  at("summary").textContent = `${next.method}: ${about.summaries[next.method] ?? ""}`;
  const length = state.now.replace(/\s/g, "").length, bases = (count) => `${count.toLocaleString("en-US")} base${count === 1 ? "" : "s"}`;
  at("which").textContent = length ? `${state.name}, ${bases(length)}` : about.length ? `The model takes ${bases(about.length)}.` : "The model takes sequences of any length.";
  say("");
  explain();
}

// An answer that is not of what the page shows is dimmed, and cannot be edited.
function outdated(words) {
  at("answer").textContent = words;
  at("remarks").textContent = "";
  at("logo").classList.add("stale");
  at("logo").inert = true;
}
let waiting = 0;
const explain = guarded(async () => {
  clearTimeout(waiting);
  waiting = 0;
  at("heat").classList.add("stale");
  const asked = at("target").value.trim();
  at("outputs").hidden = Boolean(asked) || !about.choose;
  if (!state.now.trim() || !at("outputs").hidden) {
    at("heat").hidden = true;
    return outdated("");
  }
  waiting = setTimeout(() => outdated("computing …"), 600);
  const mine = waiting;
  let answer;
  try { answer = await ask("explain"); } catch (problem) {
    if (mine !== waiting) return; // A later state has asked meanwhile.
    clearTimeout(mine);
    outdated("");
    at("heat").hidden = true;
    throw problem;
  }
  if (!answer || mine !== waiting) return;
  clearTimeout(mine);
  at("logo").classList.remove("stale");
  at("logo").inert = false;
  state.answer = { ...answer, target: asked };
  draw();
  if (map.open) effects();
});

function draw() {
  const { content, predictions, residual, scale, remarks } = state.answer;
  at("remarks").textContent = remarks.join("; ");
  const kept = state.kept && state.kept.content.tracks[0].sequence.length === content.tracks[0].sequence.length ? state.kept : null;
  const same = kept?.target === state.answer.target;
  const words = predictions.map((value, k) => {
    const before = kept?.predictions[k];
    if (before === undefined || before === null) return told(value);
    return `${told(value)} (kept${same ? `: ${told(before)}, change ${told(value - before)}` : `, of another target: ${told(before)}`})`;
  });
  const tracks = kept ? [...unpacked(kept.content, "kept"), ...unpacked(content, "now")] : unpacked(content);
  at("answer").textContent = `prediction ${words.join(", ")}${scale ? ` (${scale})` : ""}${residual === null ? "" : `; residual ${told(residual)}`}` +
    (state.kept && !kept ? "; what was kept has another length and is not drawn" : "") +
    (new Set(tracks.map((track) => track.scale)).size > 1 ? "; each method has limits of its own, so heights can be compared only within a method" : "");
  const changed = kept ? differences(kept.content.tracks[0].sequence, content.tracks[0].sequence) : [];
  const data = { name: content.name, tracks, annotations: changed };
  const options = {
    onSubstitute: (track, column, base) => become(state.now.slice(0, column) + base + state.now.slice(column + 1)),
    onChoose: (column) => { if (column !== null) at("at").value = column; }, // A word is written where one looks.
    onView: (view, width) => { [map.view, map.width] = [view, width]; if (map.open && map.changes) at("map").innerHTML = heat(); },
  };
  if (logo) logo.update(data, options); else logo = createLogo(at("logo"), data, options);
}
function differences(one, other) {
  const found = [];
  for (let i = 0; i < one.length; i++) {
    if (one[i] === other[i]) continue;
    if (found.length && found.at(-1).end === i) found.at(-1).end++;
    else found.push({ start: i, end: i + 1, label: "changed" });
  }
  return found;
}

/** Write a word over the bases at a position. */
function write(word, position) {
  if (!Number.isInteger(position)) throw new Error("say at which position; it is a whole number, and the first base is 0");
  const bases = word.toUpperCase().replace(/\s/g, "");
  if (!/^[ACGTN]+$/.test(bases)) throw new Error("write a word of A, C, G, T and N");
  if (position < 0 || position + bases.length > state.now.length) throw new Error(`the word does not fit at ${position}; the sequence has ${state.now.length} bases`);
  become(state.now.slice(0, position) + bases + state.now.slice(position + bases.length));
}

/** Ask what each substitution changes, and show it below the logo until it is closed again. */
const effects = guarded(async () => {
  const of = JSON.stringify(kept());
  clearTimeout(map.slow); // That of an earlier state would write over the answer to this one.
  const slow = map.slow = setTimeout(() => {
    at("heat").hidden = false;
    at("heatWords").textContent = "computing the effects of all substitutions …";
  }, 600);
  let found;
  try { found = await ask("effects"); } catch (problem) {
    if (of === JSON.stringify(kept())) toggled(false);
    throw problem;
  } finally { clearTimeout(slow); }
  // An answer to another state than the present one would be taken for that of this one.
  if (!found || !map.open || of !== JSON.stringify(kept())) return;
  const within = at("heat").contains(document.activeElement), most = largest(found.changes, Math.abs) || 0;
  map.changes = found.changes;
  at("heatWords").textContent = `What each substitution changes: blue raises the prediction, orange lowers it; the largest is ${told(most)}. Click one to make it.`;
  at("map").innerHTML = heat();
  at("strongest").replaceChildren(...strongest(found.changes, 5).map((k) => {
    const button = document.createElement("button"), position = Math.floor(k / 4);
    [button.dataset.position, button.dataset.base] = [position, BASES[k % 4]];
    button.textContent = `${position}: ${state.now[position].toUpperCase()}→${BASES[k % 4]} ${told(found.changes[k])}`;
    return button;
  }));
  at("heat").hidden = false;
  at("heat").classList.remove("stale");
  if (within) (at("strongest").firstElementChild ?? at("effects")).focus();
});
function toggled(open) {
  map.open = open;
  at("effects").setAttribute("aria-pressed", String(open));
  if (open) return;
  [at("heat").hidden, map.changes] = [true, null];
}
/** Return the numbers of the changes that raise most and that lower most, so many of either. */
function strongest(changes, count) {
  const found = [];
  for (const sign of [1, -1]) {
    const best = [];
    changes.forEach((value, k) => {
      if (!(value * sign > 0) || (best.length === count && value * sign <= changes[best[count - 1]] * sign)) return;
      const place = best.findIndex((one) => changes[one] * sign < value * sign);
      best.splice(place < 0 ? best.length : place, 0, k);
      if (best.length > count) best.pop();
    });
    found.push(...best);
  }
  return found;
}
/** Return a picture of all changes that stands below the same columns of the logo. What is below a pixel is its strongest change. */
function heat() {
  const { changes, view, width } = map, length = changes.length / 4, most = largest(changes, Math.abs) || 1;
  const right = width - MARGIN.right, pixels = (right - MARGIN.left) / (view.end - view.start), each = Math.max(1, Math.ceil(1 / pixels));
  const boxes = [];
  for (let i = Math.floor(Math.max(0, view.start) / each) * each; i < Math.min(length, view.end); i += each) for (let b = 0; b < 4; b++) {
    let k = 4 * i + b;
    for (let j = i + 1; j < Math.min(i + each, length); j++) if (Math.abs(changes[4 * j + b]) > Math.abs(changes[k])) k = 4 * j + b;
    const value = changes[k], strength = Math.abs(value) / most, from = Math.max(MARGIN.left, MARGIN.left + (i - view.start) * pixels);
    const to = Math.min(right, MARGIN.left + (i + each - view.start) * pixels), position = Math.floor(k / 4);
    if (strength < 0.02 || to <= from) continue;
    boxes.push(`<rect data-position="${position}" data-base="${BASES[b]}" x="${from.toFixed(2)}" y="${14 * b}" width="${(to - from).toFixed(2)}" height="13" ` +
      `fill="${value > 0 ? "#0072b2" : "#d55e00"}" opacity="${strength.toFixed(3)}"><title>${position}: ${BASES[b]} ${told(value)}</title></rect>`);
  }
  const letters = [...BASES].map((base, b) => `<text x="${MARGIN.left - 6}" y="${14 * b + 11}" font-size="11" text-anchor="end" fill="currentColor">${base}</text>`);
  return `<svg width="${width}" height="58" viewBox="0 0 ${width} 58" role="img" aria-label="effects of all substitutions">${letters.join("")}${boxes.join("")}</svg>`;
}

function save(name, content, type) {
  const link = document.createElement("a"), url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
const kept = () => ({ model: about.model, sequence: state.now, name: state.name, ...fields() });
function restore(told) {
  const known = Object.keys(kept());
  if (typeof told?.sequence !== "string" || known.some((key) => key in told && typeof told[key] !== "string")) throw new Error("this is not a state that was saved here");
  const other = Object.keys(told).find((key) => !known.includes(key));
  if (other) throw new Error(`the state holds “${other}”, which is not known here`);
  if (told.method && !(told.method in about.summaries)) throw new Error(`the state is of the method ${told.method}, which is not known here`);
  for (const id of FIELDS) if (told[id] !== undefined && (told[id] || id !== "method")) at(id).value = told[id];
  become(record(told.sequence)[0], told.name || "sequence");
  if (told.model && told.model !== about.model) tell(new Error(`the state was saved with the model ${told.model}, and this page is of ${about.model}`));
}
function savable() {
  if (!state.now.trim()) throw new Error("there is no sequence to save; paste one, or choose one from the list");
}
const file = () => state.name.replace(/[^\w.-]+/g, "_").slice(0, 80) || "sequence";

at("method").innerHTML = about.methods.map(([kind, names]) => `<optgroup label="${escaped(kind)}">${names.map((name) => `<option value="${escaped(name)}">${escaped(name)}</option>`).join("")}</optgroup>`).join("");
at("method").value = about.method;
at("references").value = about.references ?? "";
at("target").value = about.target ?? "";
state.shown = { sequence: "", name: state.name, ...fields() };
const targets = about.outputs.flatMap((output) => output.targets);
at("targets").innerHTML = targets.map(([text, meaning]) => `<option value="${escaped(text)}">${escaped(meaning)}</option>`).join("");
at("offered").replaceChildren(...targets.map(([text, meaning]) => {
  const button = document.createElement("button");
  button.textContent = `${text} (${meaning})`;
  button.addEventListener("click", () => { at("target").value = text; become(state.now); });
  return button;
}));
if (about.length) at("sequence").placeholder = `Paste a sequence of ${about.length.toLocaleString("en-US")} bases, plain or FASTA`;

/** Show the names that were found, and say how many others there are. */
function list({ listed, count }, all, text, what, where, each) {
  each(listed);
  const some = listed.length.toLocaleString("en-US"), found = count.toLocaleString("en-US");
  at(where).textContent = !count && text ? `no ${what} has “${text}” in its name`
    : listed.length < count ? `${some} of ${found} are listed; find others by ${text ? "more" : "a part"} of their name`
      : text ? `${found} of ${all.toLocaleString("en-US")}` : "";
}
function listSequences(found, text = "") {
  list(found, about.sequences.count, text, "sequence", "left", (listed) => {
    at("names").innerHTML = listed.map(([row, name]) => `<option value="${row}">${escaped(name)}</option>`).join("");
    at("names").selectedIndex = text || state.now ? -1 : 0; // What was found is yet to be chosen.
  });
}
function listMotifs(found, text = "") {
  list(found, about.motifs.count, text, "motif", "leftMotifs", (listed) => at("chips").replaceChildren(...listed.map(([name, word]) => {
    const chip = document.createElement("button");
    chip.className = "motif";
    chip.textContent = `${name} ${word}`;
    chip.draggable = true;
    chip.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", word));
    chip.addEventListener("click", () => { at("word").value = word; });
    return chip;
  })));
}
/** Ask for names as they are typed. An answer to what is no longer typed is not shown. */
function finding(id, label, kind, first, show) {
  at(label).hidden = first.count <= SEARCHED;
  show(first);
  let last = 0;
  at(id).addEventListener("input", guarded(async () => {
    const mine = ++last, text = at(id).value.trim();
    const found = text ? await ask(kind, { text }) : first;
    if (mine === last) show(found, text);
  }));
}
const SEARCHED = 20; // A list of so few names is looked through at a glance.
at("choosing").hidden = !about.sequences.count;
at("motifs").hidden = !about.motifs.count;
finding("find", "finding", "find-sequences", about.sequences, listSequences);
finding("findMotif", "findingMotifs", "find-motifs", about.motifs, listMotifs);
const pick = guarded(async () => {
  const chosen = at("names").selectedOptions[0], mine = ++state.changes, found = await ask("sequence", { row: Number(chosen.value) });
  if (found && mine === state.changes) become(found.sequence, chosen.textContent);
});
at("names").addEventListener("change", pick);
at("random").addEventListener("click", guarded(() => {
  const length = about.length ?? (state.now.length || 200);
  become(Array.from({ length }, () => BASES[Math.floor(4 * Math.random())]).join(""), "random");
}));
let replaced = false;
at("sequence").addEventListener("paste", ({ target }) => { replaced = target.selectionEnd - target.selectionStart === target.value.length; });
at("sequence").addEventListener("input", () => {
  clearTimeout(state.waiting);
  state.waiting = setTimeout(settle, 120);
});
/** Take what was typed into the text, at once where a button is clicked before one has stopped typing. */
function settle() {
  if (!state.waiting) return;
  clearTimeout(state.waiting);
  const isNew = replaced || !state.now.trim();
  [state.waiting, replaced] = [0, false];
  become(...record(at("sequence").value, isNew));
}
// What is selected in the text is what is shuffled or written over.
at("sequence").addEventListener("select", ({ target }) => {
  [at("from").value, at("to").value, at("at").value] = [target.selectionStart, target.selectionEnd, target.selectionStart];
});
for (const id of FIELDS) at(id).addEventListener("change", () => { settle(); become(state.now); });
for (const [field, button] of [["word", "write"], ["at", "write"], ["from", "shuffle"], ["to", "shuffle"]]) {
  at(field).addEventListener("keydown", (event) => { if (event.key === "Enter") at(button).click(); });
}
// Methods that refuse the model are marked when somebody looks for one, because it takes a second or more to ask them all.
let refusing = "";
at("method").addEventListener("focus", async () => {
  const of = at("target").value.trim();
  if (refusing === of || !state.now.trim()) return;
  const found = await ask("refusals").catch(() => null); // It is only a help.
  if (!found) return;
  refusing = of;
  for (const one of at("method").options) one.textContent = one.value + (found.refused.includes(one.value) ? " (not for this model and page)" : "");
});
at("undo").addEventListener("click", () => step(state.past, state.future));
at("redo").addEventListener("click", () => step(state.future, state.past));
at("write").addEventListener("click", guarded(() => write(at("word").value, at("at").valueAsNumber)));
at("shuffle").addEventListener("click", guarded(async () => {
  const seed = Math.floor(Math.random() * 2 ** 31), mine = ++state.changes;
  const found = await ask("shuffle", { start: at("from").valueAsNumber, end: at("to").valueAsNumber, seed });
  if (found && mine === state.changes) become(found.sequence);
}));
at("keep").addEventListener("click", guarded(() => {
  if (!state.answer || at("logo").inert) throw new Error("there is no answer to keep; it comes when the sequence can be explained");
  state.kept = state.answer;
  at("drop").hidden = false;
  draw();
}));
at("drop").addEventListener("click", () => { state.kept = null; at("drop").hidden = true; if (!at("logo").inert) draw(); });
at("effects").addEventListener("click", () => {
  toggled(!map.open);
  if (map.open) effects();
});
at("heat").addEventListener("click", (event) => {
  const { position, base } = event.target.dataset ?? {};
  if (position !== undefined && !at("heat").classList.contains("stale")) guarded(() => write(base, Number(position)))();
});
at("logo").addEventListener("dragover", (event) => { event.preventDefault(); at("logo").classList.add("over"); });
at("logo").addEventListener("dragleave", () => at("logo").classList.remove("over"));
at("logo").addEventListener("drop", guarded((event) => {
  event.preventDefault();
  at("logo").classList.remove("over");
  const column = logo?.columnAt(event) ?? null;
  if (column === null) throw new Error("drop it on the letters");
  write(event.dataTransfer.getData("text/plain"), column);
}));
at("fasta").addEventListener("click", guarded(() => {
  savable();
  save(`${file()}.fa`, `>${state.name.replace(/[\r\n]/g, " ")}\n${state.now.replace(/(.{60})/g, "$1\n").trim()}\n`, "text/plain");
}));
at("store").addEventListener("click", guarded(async () => {
  savable();
  say("computing the store …");
  try {
    const found = await ask("store");
    if (found) save(`${file()}.zarr.zip`, found);
  } finally { say(""); }
}));
at("save").addEventListener("click", guarded(() => { savable(); save(`${file()}.json`, JSON.stringify(kept(), null, 1), "application/json"); }));
at("open").addEventListener("change", guarded(async () => {
  let told;
  try { told = JSON.parse(await at("open").files[0].text()); } catch { throw new Error("this is not a state that was saved here"); }
  finally { at("open").value = ""; } // The same file can be opened again.
  restore(told);
}));
at("link").addEventListener("click", guarded(async () => {
  savable();
  location.hash = encodeURIComponent(JSON.stringify(kept()));
  try {
    await navigator.clipboard.writeText(location.href);
    say("the link is copied; it works as long as genolift explore runs");
  } catch { say("the browser does not let the page copy it; the link stands in the address bar"); }
}));
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || ["TEXTAREA", "INPUT"].includes(event.target.tagName)) return;
  const key = event.key.toLowerCase(); // With Shift it is a capital letter.
  if (key === "z" && !event.shiftKey) step(state.past, state.future);
  else if (key === "y" || key === "z") step(state.future, state.past);
  else return;
  event.preventDefault();
});
at("undo").disabled = at("redo").disabled = true;
const linked = guarded(() => {
  let told;
  try { told = JSON.parse(decodeURIComponent(location.hash.slice(1))); } catch { throw new Error("the address holds no state that can be read"); }
  restore(told);
});
window.addEventListener("hashchange", () => { if (location.hash.length > 1) linked(); });
show(state.shown);
if (location.hash.length > 1) linked();
else if (about.sequences.count) {
  at("names").selectedIndex = 0;
  pick();
}
