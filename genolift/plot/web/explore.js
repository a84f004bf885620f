// The explorer: a sequence that is edited, and the model's answer to every state of it.
// It stands behind logo.js in one module. Questions go to the server that sent the page.

const about = JSON.parse(document.getElementById("about").textContent);
const at = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const tab = crypto.randomUUID();
const state = { past: [], future: [], now: "", name: "sequence", kept: null, answer: null, number: 0, waiting: 0 };
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
const guarded = (work) => async (...given) => { try { tell(null); await work(...given); } catch (problem) { tell(problem); } };

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
/** Show a new state; the old one can be gone back to. */
function become(sequence, name = state.name) {
  if (sequence === state.now && name === state.name) return;
  if (state.now) state.past.push([state.now, state.name]);
  state.future = [];
  [state.now, state.name] = [sequence, name];
  shown();
}
function step(from, to) {
  if (!from.length) return;
  to.push([state.now, state.name]);
  [state.now, state.name] = from.pop();
  shown();
}
function shown() {
  if (at("sequence").value !== state.now) at("sequence").value = state.now;
  at("undo").disabled = !state.past.length;
  at("redo").disabled = !state.future.length;
  at("heat").hidden = true;
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
  if (!state.now.trim()) return outdated("");
  const asked = at("target").value.trim();
  waiting = setTimeout(() => outdated("computing …"), 600);
  const mine = waiting;
  let answer;
  try { answer = await ask("explain"); } catch (problem) {
    if (mine !== waiting) return; // A later state has asked meanwhile.
    clearTimeout(mine);
    outdated("");
    throw problem;
  }
  if (!answer || mine !== waiting) return;
  clearTimeout(mine);
  at("logo").classList.remove("stale");
  at("logo").inert = false;
  state.answer = { ...answer, target: asked };
  draw();
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
  const options = { onSubstitute: (track, column, base) => become(state.now.slice(0, column) + base + state.now.slice(column + 1)) };
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

function heat(changes) {
  const length = changes.length / 4, width = 1000, cell = (width - 30) / length, most = largest(changes, Math.abs) || 1;
  const boxes = [];
  for (let i = 0; i < length; i++) for (let b = 0; b < 4; b++) {
    const value = changes[4 * i + b], strength = Math.abs(value) / most;
    if (strength < 0.02) continue;
    boxes.push(`<rect data-position="${i}" data-base="${BASES[b]}" x="${(30 + i * cell).toFixed(2)}" y="${14 * b}" width="${Math.max(cell, 0.5).toFixed(2)}" height="13" ` +
      `fill="${value > 0 ? "#0072b2" : "#d55e00"}" opacity="${strength.toFixed(3)}"><title>${i}: ${BASES[b]} ${told(value)}</title></rect>`);
  }
  const letters = [...BASES].map((base, b) => `<text x="14" y="${14 * b + 11}" font-size="11" fill="currentColor">${base}</text>`);
  at("heat").innerHTML = `<p class="quiet">What each substitution changes: blue raises the prediction, orange lowers it; the largest is ${told(most)}. Click one to make it.</p>` +
    `<svg viewBox="0 0 ${width} 58" role="img" aria-label="effects of all substitutions">${letters.join("")}${boxes.join("")}</svg>`;
  at("heat").hidden = false;
}

function save(name, content, type) {
  const link = document.createElement("a"), url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
const kept = () => ({ sequence: state.now, name: state.name, method: at("method").value, references: at("references").value, target: at("target").value });
function restore(told) {
  if (typeof told?.sequence !== "string") throw new Error("this is not a state that was saved here");
  if (told.method && !about.methods.includes(told.method)) throw new Error(`the state is of the method ${told.method}, which is not known here`);
  for (const id of ["method", "references", "target"]) if (typeof told[id] === "string") at(id).value = told[id];
  become(record(told.sequence)[0], String(told.name ?? "sequence"));
}
const file = () => state.name.replace(/[^\w.-]+/g, "_").slice(0, 80) || "sequence";

at("method").innerHTML = about.methods.map((name) => `<option>${escaped(name)}</option>`).join("");
at("method").value = about.method;
at("references").value = about.references ?? "";
at("target").value = about.target ?? "";

/** Show the names that were found, and say how many others there are. */
function list({ listed, count }, all, text, what, say, each) {
  each(listed);
  const some = listed.length.toLocaleString("en-US"), found = count.toLocaleString("en-US");
  at(say).textContent = !count && text ? `no ${what} has “${text}” in its name`
    : listed.length < count ? `${some} of ${found} are listed; find others by ${text ? "more" : "a part"} of their name`
      : text ? `${found} of ${all.toLocaleString("en-US")}` : "";
}
function listSequences(found, text = "") {
  list(found, about.sequences.count, text, "sequence", "left", (listed) => {
    at("names").innerHTML = listed.map(([row, name]) => `<option value="${row}">${escaped(name)}</option>`).join("");
    at("names").selectedIndex = text ? -1 : 0; // What was found is yet to be chosen.
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
  const chosen = at("names").selectedOptions[0], found = await ask("sequence", { row: Number(chosen.value) });
  if (found) become(found.sequence, chosen.textContent);
});
at("names").addEventListener("change", pick);
let replaced = false;
at("sequence").addEventListener("paste", ({ target }) => { replaced = target.selectionEnd - target.selectionStart === target.value.length; });
at("sequence").addEventListener("input", () => {
  clearTimeout(state.waiting);
  state.waiting = setTimeout(() => {
    const isNew = replaced || !state.now.trim();
    replaced = false;
    become(...record(at("sequence").value, isNew));
  }, 120);
});
for (const id of ["method", "references", "target"]) at(id).addEventListener("change", explain);
at("undo").addEventListener("click", () => step(state.past, state.future));
at("redo").addEventListener("click", () => step(state.future, state.past));
at("write").addEventListener("click", guarded(() => write(at("word").value, at("at").valueAsNumber)));
at("shuffle").addEventListener("click", guarded(async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const found = await ask("shuffle", { start: at("from").valueAsNumber, end: at("to").valueAsNumber, seed });
  if (found) become(found.sequence);
}));
at("keep").addEventListener("click", () => {
  if (!state.answer || at("logo").inert) return;
  state.kept = state.answer;
  at("drop").hidden = false;
  draw();
});
at("drop").addEventListener("click", () => { state.kept = null; at("drop").hidden = true; if (!at("logo").inert) draw(); });
at("effects").addEventListener("click", guarded(async () => { const found = await ask("effects"); if (found) heat(found.changes); }));
at("heat").addEventListener("click", (event) => {
  const { position, base } = event.target.dataset ?? {};
  if (position !== undefined) guarded(() => write(base, Number(position)))();
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
at("fasta").addEventListener("click", () => save(`${file()}.fa`, `>${state.name.replace(/[\r\n]/g, " ")}\n${state.now.replace(/(.{60})/g, "$1\n").trim()}\n`, "text/plain"));
at("store").addEventListener("click", guarded(async () => { const found = await ask("store"); if (found) save(`${file()}.zarr.zip`, found); }));
at("save").addEventListener("click", () => save(`${file()}.json`, JSON.stringify(kept(), null, 1), "application/json"));
at("open").addEventListener("change", guarded(async () => {
  let told;
  try { told = JSON.parse(await at("open").files[0].text()); } catch { throw new Error("this is not a state that was saved here"); }
  finally { at("open").value = ""; } // The same file can be opened again.
  restore(told);
}));
at("link").addEventListener("click", guarded(async () => {
  location.hash = encodeURIComponent(JSON.stringify(kept()));
  await navigator.clipboard?.writeText(location.href);
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
if (location.hash.length > 1) guarded(() => {
  let told;
  try { told = JSON.parse(decodeURIComponent(location.hash.slice(1))); } catch { throw new Error("the address holds no state that can be read"); }
  restore(told);
})();
else if (about.sequences.count) pick();
