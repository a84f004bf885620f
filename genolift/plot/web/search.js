// The search of a page: words in what its table tells of a row, in its region, and in its bases.
// It stands between logo.js and store.js in one module.

const FEWEST = 3; // letters of a word that is sought among the bases; shorter ones are nearly everywhere
const MARKED = 200; // places of a sequence that are marked at most
const sequences = []; // by row, the bases of all its tracks, one after the other
let reading = null;

/** Return the words of a search. Commas within numbers are left out, so that 7,001 is found as 7001, too. */
function wordsOf(text) {
  return text.toLowerCase().replaceAll(/(?<=\d),(?=\d)/g, "").split(/\s+/).filter(Boolean);
}

/** Return the patterns of a word of bases on either strand, as [pattern, strand] pairs; none where it is another word. */
function patternsOf(word) {
  if (!/^[acgt]+(n+[acgt]+)*$/.test(word) || word.replaceAll("n", "").length < FEWEST) return [];
  const bases = word.toUpperCase(), other = { A: "T", C: "G", G: "C", T: "A", N: "N" };
  const turned = [...bases].reverse().map((base) => other[base]).join("");
  const pattern = (some) => new RegExp(some.replaceAll("N", "[ACGTN]"), "g");
  return bases === turned ? [[pattern(bases), ""]] : [[pattern(bases), "+"], [pattern(turned), "-"]];
}

/** Return the stretch that a word such as chr1:7,050 or chr1:7,001-7,100 means (from 1, both ends included), or null. */
function stretchOf(word) {
  const found = /^(\S+):(\d+)(?:-(\d+))?$/.exec(word);
  return found && { chrom: found[1], first: Number(found[2]), last: Number(found[3] ?? found[2]) };
}

/** Return a function that says of a row whether a search finds it. `told(row)` are words about it, and `regionOf(row)` its region. */
function finder(text, told, regionOf) {
  const words = wordsOf(text).map((word) => ({ word, patterns: patternsOf(word), stretch: stretchOf(word) }));
  return (row) => {
    if (!words.length) return true;
    const known = told(row).toLowerCase().replaceAll(/(?<=\d),(?=\d)/g, ""), region = regionOf(row);
    const covered = ({ chrom, first, last }) => region && chrom === region.chrom.toLowerCase() && first <= region.last && last >= region.first;
    return words.every(({ word, patterns, stretch }) => known.includes(word) || (stretch && covered(stretch)) ||
      patterns.some(([pattern]) => sequences[row]?.search(pattern) >= 0));
  };
}

/** Return whether a search has a word of bases. */
const seeksBases = (text) => wordsOf(text).some((word) => patternsOf(word).length);

/** Return where the words of bases of a search lie in a sequence, as annotations. */
function placesFound(text, sequence) {
  const found = [];
  for (const word of wordsOf(text)) {
    for (const [pattern, strand] of patternsOf(word)) {
      pattern.lastIndex = 0;
      for (let one; found.length < MARKED && (one = pattern.exec(sequence)); pattern.lastIndex = one.index + 1) {
        found.push({ start: one.index, end: one.index + word.length, label: "", strand, tone: "found" });
      }
    }
  }
  return found;
}

/** Read the bases of all rows, and say after each block how many there are. A page of many megabytes stays usable meanwhile. */
function readSequences(count, say) {
  reading ??= (async () => {
    for (let number = 0; number * content.size < count; number++) {
      const kept = decoded.has(number), block = await blockOf(number);
      if (!kept) decoded.delete(number); // The scores are not needed, and take far more room than the bases.
      block.forEach((one, at) => {
        const texts = [one.sequence, ...one.tracks.map((track) => track.sequence)].filter(Boolean).map((bases) => bases.replaceAll("-", ""));
        sequences[number * content.size + at] = [...new Set(texts)].join(" ");
      });
      say(Math.min(count, (number + 1) * content.size));
      await new Promise((resolve) => setTimeout(resolve));
    }
  })().catch((problem) => { reading = null; throw problem; });
  return reading;
}
