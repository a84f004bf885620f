// The columns of a page's table: what their heads mean, how rows are sorted by them, and which values are wanted.
// It stands between search.js and store.js in one module.

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const content = read("content");
const byId = (id) => document.getElementById(id);
const state = { sort: content.sort?.[0] ?? "number", way: content.sort?.[1] ?? "up", row: null, track: 0, shown: [], read: 0, marked: "", problem: "" };

const inWords = (found, name) => (found === null ? "" : typeof found === "number" && name !== "number" ? told(found) : String(found));
const percent = (share) => `${Number((100 * share).toPrecision(2))} %`;
const placeOf = (found) => found.at ?? found.start.toLocaleString("en-US");
const ofTrack = (field) => (row) => content.tracks[state.track][field]?.[row] ?? null;

// Each column has a name, a title, what it is about, and the value of a row. What is signed can be sorted by its size.
const columnsOfTable = [
  { name: "number", title: "#", about: "The number of the sequence in the store, from 1.", value: (row) => row + 1, low: true },
  { name: "name", title: "name", about: "The name of the sequence in the store.", value: (row) => content.names[row], low: true },
  ...(content.regions ? [{ name: "region", title: "region", about: "Where the sequence lies, as the store knows it: chromosome, first and last base (from 1), and strand.",
    value: (row) => content.regions[row], order: (row) => content.regionOrder[row], low: true }] : []),
  ...(content.columns ?? [
    { name: "prediction", title: "prediction", about: "What the model predicts for the chosen target, in the units that are explained. Source: the store.", value: ofTrack("predictions") },
    { name: "residual", title: "residual", about: "By how much the contributions miss the difference f(x) − f(reference) that they should sum to: the largest miss over the references, in the units of the prediction. Source: the store.", value: ofTrack("residual") },
    ...(content.tracks.some((track) => track.spread) ? [{ name: "spread", title: "standard error", value: ofTrack("spread"), words: (found) => (found === null ? "" : percent(found)),
      about: "How far the contributions may be off: the median, over the ten largest, of standard error over size, in per cent. A contribution is a mean over references or other random draws. Source: the store." }] : []),
  ]).map((one) => ({ value: (row) => content.tracks[state.track].columns[one.name][row], ...one })),
  ...(content.drawn === false ? [] : [{ name: "strongest", title: "strongest stretch", signed: true,
    about: "The ten bases whose scores have the largest sum, by size. They begin at the base that is named, counted from 0 at the start of the sequence. Rows are sorted by that sum, in the units of the prediction.",
    value: ofTrack("strongest"), order: (row) => content.tracks[state.track].strongest[row]?.sum ?? null,
    words: (found) => (found ? `${found.label ? `${found.label} ` : ""}${found.bases} at ${placeOf(found)}` : "") }]),
  ...(content.motifs ? [{ name: "motif", title: "motif under it", low: true, value: (row) => content.tracks[state.track].strongest[row]?.motif ?? null,
    about: `The motif that the bases of the strongest stretch resemble, where that is more than chance, and which stands under more of the strong stretches than chance explains. It is marked in green in the logo, as it is under up to two other strong stretches. It says what the bases resemble, and not which factor binds. Source: ${content.motifs}.` }] : []),
].map((one) => ({ order: one.value, words: (found) => inWords(found, one.name), ...one, ...(content.heads?.[one.name] ?? {}) }));
const ABOUT_SCORES = "The scores along the sequence: blue above zero and orange below, each row on a scale of its own.";
const columnOf = (name) => columnsOfTable.find((one) => one.name === name);
const cell = (name, row) => columnOf(name).words(columnOf(name).value(row));

// The ways to sort by a column, the first of them first: by size whichever the sign, from the largest, from the smallest.
const WORDS = { size: "strongest of either sign first", down: "largest first", up: "smallest first" };
const MARKS = { size: " |▾|", down: " ▾", up: " ▴" }, ARIA = { size: "other", down: "descending", up: "ascending" };
const isText = (one) => content.names.some((_, row) => typeof one.order(row) === "string");
const waysOf = (one) => (one.signed ? ["size", "down", "up"] : one.low ? ["up", "down"] : ["down", "up"]);

/** Return rows in the order that is wanted. What is not known comes last, whichever way. */
function sorted(rows) {
  const one = columnOf(state.sort), collator = new Intl.Collator("en", { numeric: true });
  const key = (row) => { const found = one.order(row); return found === null || Number.isNaN(found) ? null : state.way === "size" ? Math.abs(found) : found; };
  const keys = new Map(rows.map((row) => [row, key(row)])), sign = state.way === "up" ? 1 : -1;
  return rows.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === y) return a - b;
    if (x === null) return 1;
    if (y === null) return -1;
    return sign * (typeof x === "string" ? collator.compare(x, y) : x - y) || a - b;
  });
}

// Limits of what is listed; by default the prediction's. A blank one lets everything pass, and others what is known.
const filters = content.filters ?? [{ column: "prediction", side: "low", label: "prediction from" }, { column: "prediction", side: "high", label: "to" }];
const NAMES = content.filters ? filters.map((_, k) => `filter-${k}`) : ["low", "high"];
function passes(row) {
  return filters.every(({ column, side, size }, k) => {
    const limit = byId(NAMES[k]).value, found = limit === "" ? null : columnOf(column).order(row);
    if (limit === "") return true;
    if (found === null) return false;
    return side === "low" ? (size ? Math.abs(found) : found) >= Number(limit) : (size ? Math.abs(found) : found) <= Number(limit);
  });
}

function heads() {
  byId("head").innerHTML = columnsOfTable.map(({ name, title, about }) => {
    const mine = state.sort === name;
    return `<th aria-sort="${mine ? ARIA[state.way] : "none"}"><button data-sort="${escaped(name)}" data-about="${escaped(about)}">${escaped(title)}${mine ? MARKS[state.way] : ""}</button></th>`;
  }).join("") + (content.drawn === false ? "" : `<th><span tabindex="0" data-about="${escaped(content.heads?.scores?.about ?? ABOUT_SCORES)}">scores</span></th>`);
  byId("order").value = JSON.stringify([state.sort, state.way]);
}
function sortBy(name, way) {
  [state.sort, state.way] = [name, way];
  table();
}

// A head says what it means where the pointer or the keyboard is on it, and Escape takes that away.
const tip = document.createElement("div");
Object.assign(tip, { id: "tip", hidden: true });
tip.setAttribute("role", "tooltip");
document.body.append(tip);
function say(element) {
  document.querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
  tip.hidden = !element;
  if (!element) return;
  element.setAttribute("aria-describedby", "tip");
  tip.textContent = element.dataset.about;
  const box = element.getBoundingClientRect(), below = box.bottom + 6 + tip.offsetHeight <= innerHeight;
  tip.style.left = `${Math.max(4, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${below ? box.bottom + 6 : Math.max(4, box.top - 6 - tip.offsetHeight)}px`;
}
const headOf = (event) => event.target.closest?.("[data-about]");
document.addEventListener("focusin", (event) => say(event.target.matches("[data-about]:focus-visible") ? event.target : null));
document.addEventListener("focusout", () => say(null));
// A pointer that rests somewhere while the page scrolls under it does not speak for the keyboard.
const byKeyboard = () => document.activeElement?.matches("[data-about]:focus-visible");
document.addEventListener("mouseover", (event) => { if (headOf(event) && !byKeyboard()) say(headOf(event)); });
document.addEventListener("mouseout", (event) => { if (headOf(event) && !byKeyboard()) say(null); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") say(null); });
document.addEventListener("scroll", () => { if (!tip.hidden && !byKeyboard()) say(null); }, true);

/** Write what is chosen from: the ways to sort, the limits, and what all heads mean, for who has neither pointer nor keyboard. */
function controls() {
  byId("order").innerHTML = columnsOfTable.map((one) => {
    const text = isText(one), words = (way) => (text ? { up: "A to Z", down: "Z to A" }[way] : WORDS[way]);
    const ways = waysOf(one).map((way) => `<option value="${escaped(JSON.stringify([one.name, way]))}">${escaped(one.title)}, ${words(way)}</option>`);
    return `<optgroup label="${escaped(one.title)}">${ways.join("")}</optgroup>`;
  }).join("");
  byId("filters").innerHTML = filters.map(({ label }, k) => `<label>${escaped(label)} <input id="${NAMES[k]}" type="number" step="any"></label>`).join("\n");
  const all = [...columnsOfTable, ...(content.drawn === false ? [] : [{ title: "scores", about: content.heads?.scores?.about ?? ABOUT_SCORES }])];
  byId("meanings").innerHTML = all.map(({ title, about }) => `<dt>${escaped(title)}</dt><dd>${escaped(about)}</dd>`).join("");
  byId("order").addEventListener("change", (event) => sortBy(...JSON.parse(event.target.value)));
  for (const name of NAMES) byId(name).addEventListener("input", () => table());
  byId("head").addEventListener("click", (event) => {
    const name = event.target.dataset?.sort;
    if (!name) return;
    const ways = waysOf(columnOf(name));
    sortBy(name, state.sort === name ? ways[(ways.indexOf(state.way) + 1) % ways.length] : ways[0]);
    [...byId("head").querySelectorAll("[data-sort]")].find((one) => one.dataset.sort === name).focus();
  });
}
