// The page about explained sequences: a table to sort and search, and the logo of the chosen sequence.
// It stands behind columns.js in one module, and reads what genolift.plot.web.content wrote.

const decoded = new Map();

// Blocks of sequences lie in the page, or beside it in files that are scripts, because a page on disk may not read others.
const arrived = new Map();
globalThis.genoliftBlock = (number, block) => { arrived.get(number)?.(block); };
async function blockOf(number) {
  if (!decoded.has(number)) {
    decoded.set(number, new Promise((resolve, reject) => {
      const inside = byId(`block-${number}`);
      if (inside) return resolve(JSON.parse(inside.textContent));
      arrived.set(number, resolve);
      const script = document.createElement("script");
      script.src = `${content.beside}/block-${number}.js`;
      script.onerror = () => reject(new Error(`${script.src} is missing; keep the directory beside the page`));
      document.head.append(script);
    }));
  }
  return decoded.get(number);
}

async function tracksOf(row) {
  const block = await blockOf(Math.floor(row / content.size)), at = row % content.size;
  return content.tracks.map((track, number) => {
    const one = block[at].tracks[number];
    const sequence = one.sequence ?? block[at].sequence;
    return { ...track, sequence, ...opened(one, sequence) };
  });
}

function chosenRows() {
  const named = ["name", ...(content.drawn === false ? [] : ["strongest"]), ...(content.motifs ? ["motif"] : []), ...(content.regions ? ["region"] : []), ...(content.columns ?? []).map((one) => one.name)];
  const text = (row) => [...named.map((name) => cell(name, row)), ...(content.annotations[row] ?? []).map((one) => one.label)].join(" ");
  const finds = finder(byId("search").value, text, regionOf);
  return sorted(content.names.map((_, row) => row).filter((row) => passes(row) && finds(row)));
}

/** Return the region of a row (from 1, both ends included), or the bases that a variant replaces, or null. */
function regionOf(row) {
  const variant = content.noun === "variants" && /^(.*):(\d+):([A-Za-z]+)>/.exec(content.names[row]);
  if (variant) return { chrom: variant[1], first: Number(variant[2]), last: Number(variant[2]) + variant[3].length - 1 };
  const found = /^(.*):([\d,]+)-([\d,]+) \S+$/.exec(content.regions?.[row] ?? "");
  return found && { chrom: found[1], first: Number(found[2].replaceAll(",", "")), last: Number(found[3].replaceAll(",", "")) };
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); thumbnail(entry.target); }
});
async function thumbnail(canvas) {
  const track = (await tracksOf(Number(canvas.dataset.row)))[state.track], pen = canvas.getContext("2d");
  const most = largest(track.scores, Math.abs) || 1e-30, middle = canvas.height / 2;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (let x = 0; x < canvas.width; x++) {
    const from = Math.floor((x * track.scores.length) / canvas.width), to = Math.max(from + 1, Math.floor(((x + 1) * track.scores.length) / canvas.width));
    let low = 0, high = 0;
    for (let i = from; i < to; i++) { low = Math.min(low, track.scores[i] || 0); high = Math.max(high, track.scores[i] || 0); }
    pen.fillStyle = "#0072b2";
    pen.fillRect(x, middle - (high / most) * middle, 1, (high / most) * middle);
    pen.fillStyle = "#d55e00";
    pen.fillRect(x, middle, 1, (-low / most) * middle);
  }
}

function table() {
  state.shown = chosenRows();
  count();
  heads();
  if (state.made !== state.track) made.clear();
  state.made = state.track;
  const body = byId("rows");
  body.replaceChildren();
  byId("list").scrollTop = 0;
  extend();
  const first = body.querySelector("[aria-selected=true]") ?? body.firstElementChild;
  if (first) first.tabIndex = 0;
}
// A browser takes long to lay out a thousand lines, so further ones come when the last are near.
const TOGETHER = 200;
function extend() {
  const body = byId("rows"), from = body.children.length;
  body.append(...state.shown.slice(from, from + TOGETHER).map(lineOf).map((line) => {
    line.setAttribute("aria-selected", String(Number(line.dataset.row) === state.row));
    line.tabIndex = -1;
    return line;
  }));
}
byId("list").addEventListener("scroll", (event) => {
  const { scrollTop, clientHeight, scrollHeight } = event.target;
  if (scrollTop + 3 * clientHeight > scrollHeight && byId("rows").children.length < state.shown.length) extend();
});
// Lines of the table are made once for each track, so that a search shows others without drawing them anew.
const made = new Map();
function lineOf(row) {
  if (!made.has(row)) {
    const line = document.createElement("tr");
    line.dataset.row = row;
    line.style.scrollMarginTop = "2.2rem"; // so that a line with the focus is not below the head, which stays in sight
    line.innerHTML = columnsOfTable.map((one) => `<td class="${escaped(one.name)}${typeof one.value(row) === "number" ? " told" : ""}">${escaped(cell(one.name, row))}</td>`).join("");
    if (content.drawn !== false) {
      line.insertAdjacentHTML("beforeend", `<td><canvas data-row="${row}" width="160" height="24" aria-hidden="true"></canvas></td>`);
      seen.observe(line.querySelector("canvas"));
    }
    made.set(row, line);
  }
  return made.get(row);
}

/** Say how many rows are shown, and how far the bases have been read. */
function count() {
  const all = content.names.length, some = (number) => number.toLocaleString("en-US");
  byId("count").textContent = `${some(state.shown.length)} of ${some(all)} ${content.noun ?? "sequences"}` +
    (state.problem ? `; ${state.problem}` : content.drawn !== false && state.read < all && seeksBases(byId("search").value) ? `; their bases are being read, ${some(state.read)} so far` : "");
}

// The bases are read when they are first sought, and what was found until then is shown.
async function search() {
  table();
  mark();
  if (content.drawn === false || state.read === content.names.length || !seeksBases(byId("search").value)) return;
  state.problem = "";
  try {
    await readSequences(content.names.length, (read) => { state.read = read; count(); });
  } catch (problem) { state.problem = problem.message; }
  table(); // with the bases that could be read
}
// The logo is drawn anew where other places are to be marked in it.
function mark() {
  const words = wordsOf(byId("search").value).filter((word) => patternsOf(word).length).join(" ");
  if (words === state.marked) return;
  state.marked = words;
  if (state.row !== null) choose(state.row);
}

let logo = null;
async function choose(row) {
  state.row = row;
  for (const one of byId("rows").children) one.setAttribute("aria-selected", String(Number(one.dataset.row) === row));
  if (content.drawn === false) {
    byId("chosen").textContent = content.names[row];
    card(row, content.tracks);
    return;
  }
  let tracks;
  try { tracks = await tracksOf(row); } catch (problem) { byId("about").textContent = problem.message; return; }
  if (state.row !== row) return; // Another one was chosen meanwhile.
  // The tracks of a group, such as both alleles, are always shown together.
  const chosen = tracks[state.track], shown = byId("every").checked ? tracks : tracks.filter((track) => track === chosen || (track.group && track.group === chosen.group));
  const place = content.places?.[row] ?? {};
  const data = { name: content.names[row], start: place.start ?? 0, chrom: place.chrom ?? null, strand: place.strand ?? null, gap: place.gap ?? null, aligned: content.noun === "variants",
                 annotations: [...(content.annotations[row] ?? []), ...placesFound(byId("search").value, shown[0].sequence)], tracks: shown };
  const options = { limits: byId("limits").value };
  byId("comparable").textContent = comparable(shown);
  if (logo) logo.update(data, options); else logo = createLogo(byId("logo"), data, options);
  byId("chosen").textContent = content.names[row];
  const about = shown.map((track) => {
    const residual = track.residual?.[row];
    return `${track.label}: prediction ${content.columns ? "with this window " : ""}${told(track.predictions[row])}` + (residual === undefined || residual === null ? "" : `, residual ${told(residual)}`) +
      spreadIn(track);
  });
  byId("about").textContent = about.join("\n");
  document.dispatchEvent(new CustomEvent("genolift-chosen", { detail: data }));
  if (content.columns) card(row, shown);
}

/** Return in words how sure the ten largest contributions of a track are. */
function spreadIn(track) {
  if (!track.error) return "";
  const known = [...track.scores.keys()].filter((i) => Number.isFinite(track.scores[i]) && Number.isFinite(track.error[i]) && track.scores[i] !== 0);
  const ratios = known.sort((a, b) => Math.abs(track.scores[b]) - Math.abs(track.scores[a])).slice(0, 10).map((i) => track.error[i] / Math.abs(track.scores[i])).sort((a, b) => a - b);
  if (!ratios.length) return "";
  const middle = (ratios[Math.floor((ratios.length - 1) / 2)] + ratios[Math.ceil((ratios.length - 1) / 2)]) / 2;
  return `, ± ${percent(middle)} of the ${ratios.length} largest contributions (median; at most ${percent(ratios.at(-1))}), ` +
    `${ratios.filter((ratio) => ratio < 0.5).length} of them more than two standard errors from 0`;
}

// Whether heights of the tracks that are shown can be compared.
function comparable(shown) {
  if (shown.length < 2) return "";
  const how = byId("limits").value, several = new Set(shown.map((track) => track.scale)).size > 1;
  if (how === "free") return "Each logo has limits of its own, so heights cannot be compared.";
  if (how === "shared") return `All logos have the same limits${several ? ". Methods on a smaller scale look flat." : ", so heights can be compared."}`;
  return several ? "Heights can be compared within a method; each method has limits of its own." : "All logos have the same limits, so heights can be compared.";
}

// Everything the table knows of the chosen row, a line for each group of tracks.
function card(row, shown) {
  const groups = shown.filter((track, k) => shown.findIndex((other) => other.group === track.group) === k);
  byId("card").innerHTML = `<table><thead><tr><th></th>${content.columns.map(({ title, about }) => `<th tabindex="0" data-about="${escaped(about)}">${escaped(title)}</th>`).join("")}</tr></thead><tbody>` +
    groups.map((track) => `<tr><th>${escaped(track.group)}</th>${content.columns.map(({ name }) => {
      const found = track.columns[name][row];
      return `<td>${found === null ? "" : escaped(typeof found === "number" ? told(found) : found)}</td>`;
    }).join("")}</tr>`).join("") + "</tbody></table>";
}

/** Return words in lines of so many letters at most. */
function broken(words, most) {
  const found = [];
  for (const word of words.split(" ")) {
    if (found.length && found.at(-1).length + 1 + word.length <= most) found.push(`${found.pop()} ${word}`);
    else found.push(word);
  }
  return found;
}

// The box is drawn anew where its width changes, so that its words keep their size.
function lines(box, series, words, [from, to] = [0, series[0].values.length - 1], log = false) {
  // The keys stand above the curves, and words that are wider than the box go on in another line.
  const width = Math.max(280, Math.min(720, Math.floor(box.clientWidth) || 720)), left = 48, top = 8 + (series.length > 1 ? 14 * series.length : 0);
  const said = broken(words, Math.floor((width - 16) / 6.2)), bottom = 28 + 14 * said.length, height = top + 144 + bottom;
  let low = 0, high = 0;
  for (const one of series) for (const v of one.values) if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
  high = Math.max(high, low + 1e-30);
  const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
  const y = (v) => top + ((height - bottom - top) * (high - v)) / (high - low);
  const drawn = series.map((one, k) => {
    const x = (i) => left + ((width - left - 8) * (i + 0.5)) / one.values.length;
    let pen = "M"; // What is not known is a gap.
    const way = one.values.map((v, i) => {
      if (!Number.isFinite(v)) { pen = "M"; return ""; }
      const part = `${pen}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = "L";
      return part;
    });
    return `<path fill="none" stroke="${colours[k % 6]}" d="${way.join("")}"/>`;
  });
  // Positions stand in the middle of their column, and powers of ten at the edges of bins.
  const across = (v) => left + ((width - left - 8) * (log ? (v - from) / (to - from) : (v + 0.5) / series[0].values.length));
  for (const v of ticks(from, to, Math.floor(width / (log ? 60 : 110))).filter(Number.isInteger)) {
    const anchor = across(v) > width - 20 ? "end" : "middle"; // so that the last number stays in the picture
    drawn.push(`<text x="${Math.min(across(v), width - 2).toFixed(1)}" y="${height - bottom + 14}" text-anchor="${anchor}">${log ? `10${raised(v)}` : told(v)}</text>`);
  }
  const marks = ticks(low, high, 4).map((v) => `<text x="${left - 6}" y="${y(v) + 4}" text-anchor="end">${told(v)}</text>`);
  const keys = series.length < 2 ? [] : series.map((one, k) => `<text x="${left + 8}" y="${14 + 14 * k}" fill="${colours[k % 6]}">${escaped(one.label)}</text>`);
  box.innerHTML = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(words)}" font-size="11" fill="currentColor">` +
    `${drawn.join("")}${marks.join("")}${keys.join("")}` +
    `${said.map((line, k) => `<text x="${width / 2}" y="${height - 6 - 14 * (said.length - 1 - k)}" text-anchor="middle">${escaped(line)}</text>`).join("")}</svg>`;
}

const raised = (number) => [...String(number)].map((one) => ({ "-": "⁻" })[one] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[one]).join("");
function charts() {
  if (content.average) lines(byId("average"), content.average.series, content.average.words);
  if (content.residuals) lines(byId("residuals"), content.residuals.series, "pairs of a sequence and a reference by the size of their residual", content.residuals.range, true);
}
charts();
addEventListener("resize", charts);
controls();
byId("track").innerHTML = content.tracks.map((track, k) => `<option value="${k}">${escaped(track.label)}</option>`).join("");
byId("track").addEventListener("change", (event) => { state.track = Number(event.target.value); table(); if (state.row !== null) choose(state.row); });
for (const id of content.drawn === false ? [] : ["every", "limits"]) byId(id).addEventListener("change", () => state.row !== null && choose(state.row));
byId("search").addEventListener("input", search);
const rowOf = (event) => event.target.closest("tr");
byId("rows").addEventListener("click", (event) => { const tr = rowOf(event); if (tr) choose(Number(tr.dataset.row)); });
/** Return the line that a key leads to from another, or null for other keys. A page is what can be seen at once. */
function ledTo(key, line) {
  const lines = byId("rows").children, at = [...lines].indexOf(line), last = state.shown.length - 1;
  const page = Math.max(1, Math.floor((byId("list").clientHeight - byId("head").offsetHeight) / line.offsetHeight));
  const wanted = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last }[key];
  if (wanted === undefined) return null;
  const next = Math.max(0, Math.min(last, wanted));
  while (lines.length <= next) extend();
  return lines[next];
}
byId("rows").addEventListener("keydown", (event) => {
  const tr = rowOf(event);
  if (!tr || event.ctrlKey || event.altKey || event.metaKey) return; // These are keys of the browser.
  const next = ledTo(event.key, tr);
  if (next && next !== tr) { tr.tabIndex = -1; next.tabIndex = 0; next.focus(); choose(Number(next.dataset.row)); }
  else if (event.key === "Enter" || event.key === " ") choose(Number(tr.dataset.row));
  else if (!next) return;
  event.preventDefault();
});
table();
if (state.shown.length) choose(state.shown[0]);
