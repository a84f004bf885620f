// A sequence logo on screen: letters as high as their scores, to zoom, pan and ask.
//
// createLogo(element, data, options) draws into an element and returns a handle. What it draws is the text that
// drawing(data, view, options) returns, an SVG that stands for itself, so that what is exported is what was seen.
//
// data: { name, start, chrom, strand, annotations, tracks }
//   tracks       one or more of { label, sequence, scores, hypothetical, error, scale }. scores has a number for each
//                letter of sequence, hypothetical four (A, C, G, T) for each, and error its standard error. "-" in a
//                sequence is a gap of an alignment. Tracks of the same scale have numbers that can be compared.
//   gap          { start, end }, columns in which the genome has no base, because an allele inserts some.
//   start        the coordinate of the leftmost base on the forward strand, 0-based; chrom and strand go with it.
//   aligned      whether the columns are those of an alignment of alleles.
//   annotations  { start, end, label, strand, tone }, positions in the sequence, 0-based and half-open. The tone is
//                "mark" (the default), "motif" or "found".

export const BASES = "ACGT";

// Outlines in a unit square whose y axis points down.
const GLYPHS = {
  A: "M0 1L.38 0H.62L1 1H.77L.69.76H.31L.23 1ZM.5.2L.37.58H.63Z",
  C: "M1 .34C.96.12.78 0 .53 0 .2 0 0 .21 0 .5 0 .79.2 1 .53 1 .78 1 .96.88 1 .66L.78.6C.75.75.66.82.53.82.33.82.22.7.22.5.22.3.33.18.53.18.66.18.75.25.78.4Z",
  G: "M1 .34C.96.12.78 0 .53 0 .2 0 0 .21 0 .5 0 .79.2 1 .53 1 .73 1 .89.93 1 .81V.45H.52V.62H.79V.73C.72.79.63.82.54.82.33.82.22.7.22.5.22.3.33.18.53.18.66.18.75.24.78.38Z",
  T: "M0 0H1V.19H.61V1H.39V.19H0Z",
  N: "M0 0H.25L.75.64V0H1V1H.75L.25.36V1H0Z",
};

export const THEMES = {
  light: { ink: "#22262b", quiet: "#5d6470", line: "#dcdfe4", paper: "#ffffff", mark: "#cc79a7", motif: "#009e73", found: "#e69f00", chosen: "#e8edf5",
           raises: "#0072b2", lowers: "#d55e00", A: "#109648", C: "#255c99", G: "#b87400", T: "#d62839", N: "#8a8f98" },
  dark: { ink: "#e4e6ea", quiet: "#a2a9b4", line: "#3a3f47", paper: "#191c20", mark: "#d98bb6", motif: "#2fc295", found: "#f2b13c", chosen: "#2b3340",
          raises: "#56b4e9", lowers: "#f28c3c", A: "#4cc779", C: "#6ea8e0", G: "#f2b13c", T: "#ff7a83", N: "#8a8f98" },
};

const LETTERS_FROM = 5; // pixels for a base; below it bars are drawn
const NEAREST = 60; // pixels for a base at most
const MARGIN = { left: 56, right: 12, top: 8, bottom: 34 };
const LANE = 18, ROW = 110, GAP = 22;

/** Return a text as it may stand in HTML and SVG. */
export function escaped(text) {
  return String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);
}

/** Return a number with four digits that count, or with fewer where it is only known in steps of a size. */
export function told(value, step = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "not known";
  if (step > 0 && value !== 0) value = Number(value.toPrecision(Math.max(1, Math.min(4, Math.floor(Math.log10(Math.abs(value) / step)) + 1))));
  const small = value !== 0 && Math.abs(value) < 1e-3;
  return (small ? value.toExponential(2) : String(Number(value.toPrecision(4)))).replaceAll("-", "−");
}

/** Return the largest of many finite numbers, or of what a function makes of them; NaN where there are none. */
export function largest(values, of = (value) => value) {
  let found = NaN; // Math.max(...values) breaks down at some hundred thousand.
  for (const value of values) if (Number.isFinite(value) && !(of(value) <= found)) found = of(value);
  return found;
}

/** Return the number of columns, which all tracks share. */
export function columns(data) {
  return Math.max(...data.tracks.map((track) => track.sequence.length));
}

/** Return the numbers that lie in base64 as whole numbers of 16 bits with a scale, their `step`; NaN where there is none. */
export function numbers(part) {
  if (!part) return null;
  const raw = atob(part.data), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  const found = Float64Array.from(new Int16Array(bytes.buffer), (value) => (value === -32768 ? NaN : value * part.scale));
  found.step = part.scale;
  return found;
}

/** Return the numbers of a packed track. Scores that are not there are those of its bases among the hypothetical ones. */
export function opened(part, sequence) {
  const [scores, hypothetical, error] = [part.scores, part.hypothetical, part.error].map(numbers);
  if (scores) return { scores, hypothetical, error };
  const own = Float64Array.from(sequence, (base, i) => hypothetical[4 * i + BASES.indexOf(base)]);
  own.step = hypothetical.step;
  return { scores: own, hypothetical, error };
}

/** Return where a column lies in the genome, as browsers count (from 1), or null. */
export function coordinate(data, column) {
  if (!data.chrom) return null;
  const last = columns(data) - 1, gap = data.gap;
  if (gap && column >= gap.start) return column < gap.end ? null : data.start + 1 + column - (gap.end - gap.start);
  return data.start + 1 + (data.strand === "-" ? last - column : column);
}

/** Return the stretch [start, end) to show, kept inside the sequence and wide enough to be read. */
export function clamped(view, length, width) {
  const least = Math.min(length, Math.max(4, (width - MARGIN.left - MARGIN.right) / NEAREST));
  const span = Math.min(length, Math.max(least, view.end - view.start));
  const start = Math.min(Math.max(0, view.start), length - span);
  return { start, end: start + span };
}

/** Return the stretch after zooming by a factor, where the column `at` stays in its place. */
export function zoomed(view, factor, at) {
  return { start: at - (at - view.start) * factor, end: at + (view.end - at) * factor };
}

/**
 * Return the limits of each track's axis, with 0 inside: its own (options.limits "free"), those of all ("shared"), two
 * numbers that are given, or by default those of the tracks of the same scale, because numbers of other methods cannot
 * be compared and would be flat beside them.
 */
export function limits(data, options = {}) {
  const own = data.tracks.map((track) => {
    let low = 0, high = 0;
    const stacked = options.hypothetical && track.hypothetical;
    for (let i = 0; i < track.scores.length; i++) {
      // The hypothetical contributions of a base stand on each other, so it is their sums that must fit.
      const letters = stacked ? [0, 1, 2, 3].map((b) => track.hypothetical[4 * i + b]) : [track.scores[i]];
      const error = !stacked && options.errors !== false && track.error && Number.isFinite(track.error[i]) ? track.error[i] : 0;
      let [down, up] = [0, 0];
      for (const value of letters) {
        if (!Number.isFinite(value)) continue;
        down += Math.min(0, value - error);
        up += Math.max(0, value + error);
      }
      [low, high] = [Math.min(low, down), Math.max(high, up)];
    }
    return low === high ? [0, 1] : [low, high];
  });
  if (Array.isArray(options.limits)) return own.map(() => options.limits);
  if (options.limits === "free") return own;
  const scale = (number) => (options.limits === "shared" ? "" : data.tracks[number].scale ?? "");
  return own.map((_, number) => {
    const alike = own.filter((_, other) => scale(other) === scale(number));
    return [Math.min(...alike.map((one) => one[0])), Math.max(...alike.map((one) => one[1]))];
  });
}

/** Return round numbers from low to high, about `count` of them. */
export function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

/** Return where everything is: the scale along the sequence, the lanes of annotations, and the rows of tracks. */
export function layout(data, view, width, options = {}) {
  const pixels = (width - MARGIN.left - MARGIN.right) / (view.end - view.start);
  const x = (column) => MARGIN.left + (column - view.start) * pixels;
  const lanes = [];
  const placed = [];
  for (const one of [...(data.annotations ?? [])].sort((a, b) => a.start - b.start)) {
    if (one.end <= view.start || one.start >= view.end) continue;
    const left = Math.max(MARGIN.left, x(one.start)), right = Math.min(width - MARGIN.right, x(one.end));
    // A label that would run out of the picture ends at its edge, and one that is wider than the picture is cut.
    const most = Math.max(4, Math.floor((width - MARGIN.left - MARGIN.right - 14) / 7)), all = String(one.label ?? "");
    const words = all.length > most ? `${all.slice(0, most - 1)}…` : all, wide = 7 * words.length + 14;
    const from = words ? Math.max(MARGIN.left, Math.min(left, width - MARGIN.right - wide)) : left;
    let lane = lanes.findIndex((free) => free <= from);
    if (lane < 0) lane = lanes.push(0) - 1;
    lanes[lane] = Math.max(right, from + wide) + 4;
    placed.push({ ...one, words, from, left, right, lane });
  }
  let top = MARGIN.top + LANE * lanes.length;
  const row = options.row ?? ROW;
  const rows = limits(data, options).map(([low, high], number) => {
    top += data.tracks.length > 1 || data.tracks[number].label ? GAP : 4;
    const at = top, y = (value) => at + (row * (high - value)) / (high - low);
    top += row;
    return { top: at, height: row, low, high, y };
  });
  return { width, height: top + MARGIN.bottom, pixels, x, rows, annotations: placed, letters: pixels >= LETTERS_FROM };
}

/** Return the logo as the text of an SVG element. */
export function drawing(data, view, options = {}) {
  const width = options.width ?? 800, theme = THEMES[options.theme ?? "light"];
  const place = layout(data, view, width, options);
  const parts = [], inside = `inside-${width}x${f(place.height)}`; // the same name in a document is the same shape
  const text = (x, y, words, more = "") => parts.push(`<text x="${f(x)}" y="${f(y)}" ${more}>${escaped(words)}</text>`);
  parts.push(`<clipPath id="${inside}"><rect x="${MARGIN.left}" y="0" width="${width - MARGIN.left - MARGIN.right}" height="${f(place.height)}"/></clipPath>`);
  if (options.paper) parts.push(`<rect width="${width}" height="${f(place.height)}" fill="${theme.paper}"/>`);
  if (options.chosen !== null && options.chosen !== undefined && options.chosen + 1 > view.start && options.chosen < view.end) {
    parts.push(`<rect class="chosen" x="${f(place.x(options.chosen))}" y="${MARGIN.top}" width="${f(Math.max(2, place.pixels))}" ` +
      `height="${f(place.height - MARGIN.top - MARGIN.bottom)}" fill="${theme.chosen}"/>`);
  }
  for (const one of place.annotations) {
    const y = MARGIN.top + LANE * one.lane, arrow = { "+": " ▸", "-": " ◂" }[one.strand] ?? "", tone = theme[one.tone] ?? theme.mark;
    const bottom = place.rows.at(-1).top + place.rows.at(-1).height;
    parts.push(`<g class="annotation ${escaped(one.tone ?? "mark")}"><rect x="${f(one.left)}" y="${y + 12}" width="${f(Math.max(2, one.right - one.left))}" height="3" fill="${tone}"/>` +
      `<rect x="${f(one.left)}" y="${y + 15}" width="${f(Math.max(2, one.right - one.left))}" height="${f(bottom - y - 15)}" fill="${tone}" opacity=".09"/>`);
    text(one.from, y + 9, `${one.words}${arrow}`, `font-size="10" fill="${theme.quiet}"`);
    parts.push("</g>");
  }
  data.tracks.forEach((track, number) => {
    const row = place.rows[number];
    if (track.label) text(MARGIN.left, row.top - 7, track.label, `font-size="11" font-weight="600" fill="${theme.ink}"`);
    for (const value of ticks(row.low, row.high, 4)) {
      text(MARGIN.left - 6, row.y(value) + 3.5, told(value), `font-size="9.5" text-anchor="end" fill="${theme.quiet}"`);
      parts.push(`<path d="M${MARGIN.left - 4} ${f(row.y(value))}h4" stroke="${theme.quiet}"/>`);
    }
    // A letter at an edge of the view is cut there, and does not run over the numbers of the axis.
    parts.push(`<g class="track" data-track="${number}" clip-path="url(#${inside})">`);
    parts.push(place.letters ? letters(track, number, row, place, view, theme, options) : bars(track, row, place, view, theme, options));
    parts.push("</g>");
    parts.push(`<path d="M${MARGIN.left} ${f(row.y(0))}H${width - MARGIN.right}" stroke="${theme.ink}" stroke-width=".8"/>`);
  });
  axis(data, view, place, theme, parts, text);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${f(place.height)}" viewBox="0 0 ${width} ${f(place.height)}" ` +
    `font-family="system-ui, sans-serif" role="img" aria-label="${escaped(data.name ?? "sequence logo")}">${parts.join("")}</svg>`;
}

const f = (number) => Number(number.toFixed(2));

function letters(track, number, row, place, view, theme, options) {
  const first = Math.max(0, Math.floor(view.start)), last = Math.min(track.sequence.length, Math.ceil(view.end));
  const drawn = [], errors = [], wide = f(place.pixels * 0.94);
  const letter = (base, column, from, to) => {
    const high = Math.abs(row.y(to) - row.y(from));
    if (high < 0.05) return;
    const upside = to < from;
    drawn.push(`<path class="base" data-track="${number}" data-position="${column}" data-base="${base}" d="${GLYPHS[base] ?? GLYPHS.N}" ` +
      `fill="${theme[base] ?? theme.N}" fill-rule="evenodd" transform="translate(${f(place.x(column))} ${f(row.y(to))}) scale(${wide} ${f(upside ? -high : high)})"/>`);
  };
  for (let column = first; column < last; column++) {
    const base = track.sequence[column].toUpperCase();
    if (base === "-") continue;
    if (options.hypothetical && track.hypothetical) {
      for (const sign of [1, -1]) {
        const stack = [0, 1, 2, 3].map((b) => [BASES[b], track.hypothetical[4 * column + b]]).filter(([, v]) => v * sign > 0);
        let from = 0;
        for (const [b, v] of stack.sort((a, c) => Math.abs(a[1]) - Math.abs(c[1]))) letter(b, column, from, (from += v));
      }
      continue;
    }
    const score = track.scores[column];
    if (!Number.isFinite(score)) continue;
    letter(BASES.includes(base) ? base : "N", column, 0, score);
    const error = options.errors === false ? NaN : track.error?.[column];
    if (Number.isFinite(error) && error > 0) {
      // The caps show where a mark ends in front of a letter.
      const [x, half, up, down] = [place.x(column + 0.47), Math.min(4, place.pixels / 5), row.y(score + error), row.y(score - error)];
      errors.push(`M${f(x)} ${f(down)}V${f(up)}M${f(x - half)} ${f(up)}h${f(2 * half)}M${f(x - half)} ${f(down)}h${f(2 * half)}`);
    }
  }
  if (errors.length) {
    drawn.push(`<path class="error" d="${errors.join("")}" stroke="${theme.paper}" stroke-width="2.6" opacity=".7"/>`);
    drawn.push(`<path class="error" d="${errors.join("")}" stroke="${theme.ink}" stroke-width="1"/>`);
  }
  return drawn.join("");
}

// What is below a pixel is drawn as its largest and its smallest score, so that no peak is lost.
function bars(track, row, place, view, theme, options) {
  const left = MARGIN.left, right = place.width - MARGIN.right, above = [], below = [], errors = [], zero = f(row.y(0));
  const step = Math.max(1, Math.min(place.pixels, 4));
  for (let pixel = left; pixel < right; pixel += step) {
    const from = Math.max(0, Math.floor(view.start + (pixel - left) / place.pixels));
    const to = Math.min(track.scores.length, Math.max(from + 1, Math.floor(view.start + (pixel + step - left) / place.pixels)));
    let low = 0, high = 0, most = from;
    for (let column = from; column < to; column++) {
      low = Math.min(low, track.scores[column] || 0);
      high = Math.max(high, track.scores[column] || 0);
      if (Math.abs(track.scores[column]) > Math.abs(track.scores[most] || 0)) most = column;
    }
    const [score, error] = [track.scores[most], options.errors === false ? NaN : track.error?.[most]];
    if (error > 0 && Number.isFinite(score)) errors.push(`M${f(pixel + step / 2)} ${f(row.y(score - error))}V${f(row.y(score + error))}`);
    if (high > 0) above.push(`M${f(pixel)} ${zero}V${f(row.y(high))}h${f(step)}V${zero}Z`);
    if (low < 0) below.push(`M${f(pixel)} ${zero}V${f(row.y(low))}h${f(step)}V${zero}Z`);
  }
  return `<path class="bars" d="${above.join("")}" fill="${theme.raises}"/><path class="bars" d="${below.join("")}" fill="${theme.lowers}"/>` +
    (errors.length ? `<path class="error" d="${errors.join("")}" stroke="${theme.quiet}" stroke-width="${f(Math.min(1, step / 2))}" opacity=".8"/>` : "");
}

function axis(data, view, place, theme, parts, text) {
  const y = place.height - MARGIN.bottom + 4;
  const first = data.chrom && data.strand !== "-" ? data.start + 1 : 0; // Positions of the genome are round ones, too.
  const round = ticks(view.start + first, view.end - 1 + first, Math.max(2, Math.floor(place.width / 110)));
  const shown = round.map((t) => t - first).filter((t) => Number.isInteger(t) && t >= 0 && t < columns(data));
  for (const column of shown) {
    const at = place.x(column + 0.47), where = coordinate(data, column);
    if (data.chrom && where === null) continue; // The genome has no base there.
    parts.push(`<path d="M${f(at)} ${f(y - 4)}v4" stroke="${theme.quiet}"/>`);
    text(at, y + 11, (where ?? column).toLocaleString("en-US"), `font-size="9.5" text-anchor="middle" fill="${theme.quiet}"`);
  }
  const words = data.chrom ? `${data.chrom}, strand ${data.strand ?? "+"} (from 1)` : `position from the start of the ${data.aligned ? "window" : "sequence"} (from 0)`;
  text((MARGIN.left + place.width - MARGIN.right) / 2, y + 25, words, `font-size="9.5" text-anchor="middle" fill="${theme.quiet}"`);
}

/** Return what is to be said of a base, as [name, value] pairs; the first says where it is. */
export function facts(data, column) {
  const where = coordinate(data, column);
  const inserted = where === null && data.chrom ? `inserted behind ${data.chrom}:${(data.start + data.gap.start).toLocaleString("en-US")}` : "";
  const place = where === null ? inserted || `${column.toLocaleString("en-US")} of the window (from 0)` : `${data.chrom}:${where.toLocaleString("en-US")}`;
  // Columns of aligned alleles are neither positions of the genome nor of a sequence.
  const found = data.aligned ? [[inserted ? "base" : "position", place]] : [["position", `${column.toLocaleString("en-US")}${where === null ? "" : ` (${data.chrom}:${where.toLocaleString("en-US")} ${data.strand ?? "+"})`}`]];
  for (const track of data.tracks) {
    if (column >= track.sequence.length || track.sequence[column] === "-") continue;
    const error = track.error?.[column], label = track.label ? `${track.label}: ` : "";
    found.push([`${label}${track.sequence[column]}`, `${told(track.scores[column], track.scores.step)}${Number.isFinite(error) ? ` ± ${told(error, track.error.step)}` : ""}`]);
  }
  for (const one of data.annotations ?? []) if (one.start <= column && column < one.end) found.push(["in", one.label || { found: "what was searched" }[one.tone] || "what is marked"]);
  return found;
}

const STYLE = `
:host { display: block; font: 13px/1.4 system-ui, sans-serif; }
.frame { position: relative; border-radius: 4px; touch-action: pan-y; }
.frame:focus-visible { outline: 2px solid #0072b2; outline-offset: 2px; }
svg { display: block; max-width: 100%; cursor: crosshair; }
.bar { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; margin-bottom: 2px; }
button { font: inherit; padding: 1px 8px; border: 1px solid var(--line); border-radius: 4px; background: none; color: inherit; cursor: pointer; }
button:focus-visible { outline: 2px solid #0072b2; }
button[aria-pressed=true] { background: var(--chosen); }
.tip { position: absolute; pointer-events: none; background: var(--paper); border: 1px solid var(--line); border-radius: 4px;
       padding: 3px 7px; white-space: nowrap; z-index: 2; }
.panel { border-top: 1px solid var(--line); padding: 4px 0; }
.panel table { border-collapse: collapse; } .panel th { text-align: left; font-weight: 600; padding-right: 12px; }
.panel td { padding: 1px 10px 1px 0; font-variant-numeric: tabular-nums; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
:host { color: var(--ink); }
`;

/**
 * Draw a logo into an element.
 *
 * options: { limits: "shared" | "free" | [low, high], hypothetical, view: { start, end }, onChoose(column),
 *   onSubstitute(track, column, base), onView(view, width) }. With onSubstitute, the four bases of the panel are
 *   buttons, and letters that are typed are written over the chosen base.
 */
export function createLogo(element, data, options = {}) {
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  root.innerHTML = `<style>${STYLE}</style><div class="bar" role="toolbar" aria-label="logo">
    <button data-do="closer" aria-label="zoom in">+</button><button data-do="farther" aria-label="zoom out">−</button>
    <button data-do="all">all</button><button data-do="hypothetical" aria-pressed="false">hypothetical</button>
    <button data-do="errors" aria-pressed="true" aria-label="standard errors">± error</button>
    <button data-do="svg" title="save what is seen as SVG, on white">SVG</button><button data-do="png" title="save what is seen as PNG, on white">PNG</button></div>
    <div class="frame" tabindex="0" role="application" aria-label="sequence logo; arrows move along the bases, plus and minus zoom, Enter tells more">
    <div class="picture"></div><div class="tip" hidden></div></div>
    <div class="panel" hidden></div><output class="hidden" aria-live="polite"></output>`;
  const find = (selector) => root.querySelector(selector);
  const frame = find(".frame"), picture = find(".picture"), tip = find(".tip"), panel = find(".panel"), said = find("output");
  const dark = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  const state = { data, options: { ...options }, view: options.view ?? { start: 0, end: columns(data) }, chosen: null, open: false };
  let waiting = 0;

  const theme = () => state.options.theme ?? (dark?.matches ? "dark" : "light");
  const width = () => Math.max(280, Math.floor(frame.clientWidth || element.clientWidth || 800));
  const place = () => layout(state.data, state.view, width(), state.options);
  const columnAt = (event) => {
    const x = event.clientX - frame.getBoundingClientRect().left;
    const column = Math.floor(state.view.start + (x - MARGIN.left) / place().pixels);
    return x < MARGIN.left || column < state.view.start - 1 || column >= Math.min(columns(state.data), state.view.end) ? null : Math.max(0, column);
  };
  function draw() {
    waiting = 0;
    state.view = clamped(state.view, columns(state.data), width());
    const colours = THEMES[theme()];
    for (const name of ["ink", "line", "paper", "chosen"]) element.style.setProperty(`--${name}`, colours[name]);
    picture.innerHTML = drawing(state.data, state.view, { ...state.options, width: width(), theme: theme(), chosen: state.chosen });
    const able = state.data.tracks.some((track) => track.hypothetical);
    find("[data-do=hypothetical]").hidden = !able;
    find("[data-do=hypothetical]").setAttribute("aria-pressed", String(Boolean(state.options.hypothetical)));
    find("[data-do=errors]").hidden = !state.data.tracks.some((track) => track.error);
    find("[data-do=errors]").setAttribute("aria-pressed", String(state.options.errors !== false));
    state.options.onView?.({ ...state.view }, width());
  }
  const later = () => { waiting ||= requestAnimationFrame(draw); };
  function show(view) { state.view = clamped(view, columns(state.data), width()); later(); }
  const zoom = (factor, at = state.chosen ?? (state.view.start + state.view.end) / 2) => show(zoomed(state.view, factor, at));

  function choose(column, open = state.open) {
    state.chosen = column === null ? null : Math.min(Math.max(0, column), columns(state.data) - 1);
    state.open = open && state.chosen !== null;
    if (state.chosen !== null) {
      const { start, end } = state.view;
      if (state.chosen < start || state.chosen + 1 > end) {
        const span = end - start, from = state.chosen < start ? state.chosen : state.chosen + 1 - span;
        state.view = clamped({ start: from, end: from + span }, columns(state.data), width());
      }
      said.textContent = facts(state.data, state.chosen).map((pair) => pair.join(" ")).join(", ");
    }
    fill();
    later();
    state.options.onChoose?.(state.chosen);
  }
  function fill() {
    panel.hidden = !state.open;
    if (!state.open) return;
    const [first, ...rest] = facts(state.data, state.chosen);
    const values = state.data.tracks.map((track, number) => {
      if (!track.hypothetical || (track.sequence[state.chosen] ?? "-") === "-") return "";
      const cells = [...BASES].map((base, b) => {
        const value = told(track.hypothetical[4 * state.chosen + b], track.hypothetical.step), own = base === track.sequence[state.chosen].toUpperCase();
        const name = state.options.onSubstitute && !own
          ? `<button data-track="${number}" data-base="${base}" aria-label="make it ${base}">${base}</button>` : own ? `<b>${base}</b>` : base;
        return `<td data-base="${base}">${name} ${value}</td>`;
      });
      return `<tr><th>${escaped(track.label || "hypothetical")}</th>${cells.join("")}</tr>`;
    });
    const focused = panel.contains(root.activeElement) ? root.activeElement.dataset : null;
    panel.innerHTML = `<div>${escaped(first.join(" "))}; ${rest.map((pair) => escaped(pair.join(" "))).join("; ")}</div><table>${values.join("")}</table>`;
    // By the keyboard one goes on where one was, although the button of the base that is there now is gone.
    if (focused) (panel.querySelector(`[data-track="${focused.track}"][data-base="${focused.base}"]`) ?? frame).focus();
  }
  function tell(event) {
    const column = columnAt(event);
    tip.hidden = column === null;
    if (column === null) return;
    tip.innerHTML = facts(state.data, column).map(([name, value]) => `<div>${escaped(name)} <b>${escaped(value)}</b></div>`).join("");
    const box = frame.getBoundingClientRect(), x = event.clientX - box.left;
    tip.style.left = `${Math.max(0, Math.min(x + 14, box.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${event.clientY - box.top + 16}px`;
  }
  function save(name, url) {
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
  }
  const file = () => String(state.data.name ?? "logo").replace(/[^\w.-]+/g, "_").slice(0, 80) || "logo";
  const toSVG = () => drawing(state.data, state.view, { ...state.options, width: width(), theme: "light", paper: true });
  async function toPNG(scale = 2) {
    const image = new Image(), height = layout(state.data, state.view, width(), state.options).height;
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(toSVG())}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width() * scale, Math.ceil(height * scale)];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  }
  const actions = {
    closer: () => zoom(0.5), farther: () => zoom(2), all: () => show({ start: 0, end: columns(state.data) }),
    hypothetical: () => { state.options.hypothetical = !state.options.hypothetical; later(); },
    errors: () => { state.options.errors = state.options.errors === false; later(); },
    svg: () => save(`${file()}.svg`, `data:image/svg+xml;charset=utf-8,${encodeURIComponent(toSVG())}`),
    png: async () => save(`${file()}.png`, await toPNG()),
  };
  find(".bar").addEventListener("click", (event) => actions[event.target.dataset?.do]?.());
  panel.addEventListener("click", (event) => {
    const { track, base } = event.target.dataset ?? {};
    if (event.target.tagName === "BUTTON") state.options.onSubstitute(Number(track), state.chosen, base);
  });
  frame.addEventListener("keydown", (event) => {
    const span = state.view.end - state.view.start, at = state.chosen ?? Math.floor((state.view.start + state.view.end) / 2);
    const pan = (share) => show({ start: state.view.start + share * span, end: state.view.end + share * span });
    const keys = {
      ArrowLeft: () => (event.shiftKey ? pan(-0.5) : choose(state.chosen === null ? at : at - 1)),
      ArrowRight: () => (event.shiftKey ? pan(0.5) : choose(state.chosen === null ? at : at + 1)),
      Home: () => choose(0), End: () => choose(columns(state.data) - 1),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: actions.all,
      Enter: () => choose(at, true), " ": () => choose(at, true), Escape: () => choose(null, false),
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (state.options.onSubstitute && state.chosen !== null && /^[acgtn]$/i.test(event.key)) {
      const column = state.chosen;
      choose(Math.min(column + 1, columns(state.data) - 1)); // What is typed next is written behind it.
      state.options.onSubstitute(0, column, event.key.toUpperCase());
      event.preventDefault();
      return;
    }
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaY) < Math.abs(event.deltaX)) {
      const moved = event.deltaX / place().pixels;
      show({ start: state.view.start + moved, end: state.view.end + moved });
    } else if (event.ctrlKey || event.shiftKey || frame.matches(":focus")) {
      // A page that is scrolled is not to get caught in a logo, so the wheel zooms only one that has been clicked.
      zoom(Math.exp((event.deltaY || event.deltaX) * 0.0015), columnAt(event) ?? undefined);
    } else return;
    event.preventDefault();
  }, { passive: false });
  let dragged = null;
  frame.addEventListener("pointerdown", (event) => { dragged = { x: event.clientX, view: state.view, far: false }; });
  frame.addEventListener("pointermove", (event) => {
    if (dragged && event.buttons) {
      const moved = (event.clientX - dragged.x) / place().pixels;
      dragged.far ||= Math.abs(event.clientX - dragged.x) > 4;
      if (dragged.far) show({ start: dragged.view.start - moved, end: dragged.view.end - moved });
    }
    tell(event);
  });
  frame.addEventListener("pointerup", (event) => {
    const column = columnAt(event);
    if (dragged && !dragged.far && column !== null) choose(column, true);
    dragged = null;
  });
  frame.addEventListener("pointerleave", () => { tip.hidden = true; });
  frame.addEventListener("dblclick", (event) => zoom(0.4, columnAt(event) ?? undefined));
  dark?.addEventListener?.("change", later);
  const watcher = globalThis.ResizeObserver ? new ResizeObserver(later) : null;
  watcher?.observe(element);
  draw();
  return {
    element, toSVG, toPNG, choose, show,
    view: () => ({ ...state.view }),
    chosen: () => state.chosen,
    columnAt,
    update(next, more = {}) {
      const stays = columns(next) === columns(state.data);
      state.data = next;
      Object.assign(state.options, more);
      if (!stays) { state.view = { start: 0, end: columns(next) }; state.chosen = null; state.open = false; }
      fill();
      draw();
    },
    destroy() { cancelAnimationFrame(waiting); watcher?.disconnect(); dark?.removeEventListener?.("change", later); root.innerHTML = ""; },
  };
}
