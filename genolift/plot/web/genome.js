// The genome view: the chosen sequence and its scores in igv.js, which stands before this module as `igv`.
// The reference is a text of the sequence alone, so that nothing is fetched. It stands behind store.js in one module.

const genome = byId("genome"), partner = { A: "T", C: "G", G: "C", T: "A" };
// igv.js writes names on a canvas, where they may not be escaped, and into markup, where they may hold none.
const plain = (text) => String(text).replaceAll("<", "‹").replaceAll(">", "›");
let browser = null, wanted = null, waiting = Promise.resolve();

/** Return what igv.js is to show of a sequence: its bases, scores and marks as they lie on the forward strand. */
function genomeView(data) {
  const bases = data.tracks[0].sequence, length = bases.length, turned = data.strand === "-";
  const chrom = data.chrom.replaceAll(/[^!-~]|[:;,<>]/g, "_"), end = data.start + length;
  const at = (i) => data.start + (turned ? length - 1 - i : i);
  const forward = turned ? [...bases].reverse().map((base) => partner[base] ?? "N").join("") : bases;
  const tracks = data.tracks.map((track) => ({
    name: plain(track.label), type: "wig", graphType: "dynseq", height: 90, autoscale: true, autoscaleGroup: { shared: "scores", method: `scores of ${track.scale}` }[byId("limits").value],
    features: Array.from(track.scores, (value, i) => ({ chr: chrom, start: at(i), end: at(i) + 1, value })).filter((one) => Number.isFinite(one.value)).sort((a, b) => a.start - b.start),
  }));
  const marks = (data.annotations ?? []).map((one) => ({
    chr: chrom, start: turned ? end - one.end : data.start + one.start, end: turned ? end - one.start : data.start + one.end, name: plain(one.label),
    strand: turned ? { "+": "-", "-": "+" }[one.strand] : one.strand || undefined,
  })).sort((a, b) => a.start - b.start);
  if (marks.length) tracks.unshift({ name: "marked", type: "annotation", displayMode: "EXPANDED", height: 50, features: marks });
  const text = `>${chrom}:${data.start + 1}-${end} @len=${end}\n${forward}\n`;
  return {
    reference: { id: "sequence", name: plain(data.name).slice(0, 40), fastaURL: `data:application/octet-stream;base64,${btoa(text)}`, indexed: false },
    locus: `${chrom}:${data.start + 1}-${end}`, showChromosomeWidget: false, showSampleNames: false, showSampleNameButton: false, showTrackLabelButton: false, loadDefaultGenomes: false,
    tracks: [{ type: "sequence", order: -1 }, ...tracks],
  };
}

// igv.js builds one browser at a time, and what was chosen meanwhile is all that is built next.
function drawGenome() {
  if (!genome.open || !wanted) return;
  waiting = waiting.then(async () => {
    const data = wanted;
    if (!data) return;
    wanted = null;
    const box = byId("browser"), view = genomeView(data);
    delete box.dataset.name;
    if (browser) await browser.loadSessionObject(view); else browser = await igv.createBrowser(box, view);
    box.dataset.name = data.name;
    byId("undrawn").textContent = ""; // What could not be drawn before is no longer chosen.
  }).catch((problem) => { byId("undrawn").textContent = `The genome view cannot be drawn: ${problem.message ?? problem}`; });
}
document.addEventListener("genolift-chosen", (event) => { wanted = event.detail; drawGenome(); });
genome.addEventListener("toggle", drawGenome);
