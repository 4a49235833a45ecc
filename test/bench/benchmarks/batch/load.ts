/** Inputs of one batch. */
export const inputs = 500;
/** Of these, equal to another one of the same batch. */
export const duplicates = 100;
/** Of these, answered before. */
export const known = 100;
/** How long the upstream takes for one, in milliseconds. */
export const upstreamMs = 100;
/** At a time, in all subjects. */
export const concurrency = 20;
/** The repeating workload: so many questions, drawn by Zipf's law (exponent 1) from so many different ones. */
export const asked = 1_000;
export const different = 500;

export const agentName = "bench-answers";
export const instructions = "You answer questions about the office in one sentence.";

/** Nothing that was asked in another repeat, or under another name. */
export function question(name: string, repeat: number, index: number): string {
  return `${name} ${repeat}: where is room ${index}?`;
}

/** The questions that have to be answered in the batch of a repeat: the first ones are known, the last come again. */
export function batchOf(repeat: number): string[] {
  const distinct = Array.from({ length: inputs - duplicates }, (_, index) => question("mixed", repeat, index));
  return [...distinct, ...distinct.slice(known, known + duplicates)];
}

/** Indexes into the different questions, the same in every run. */
export function zipf(): number[] {
  const weights = Array.from({ length: different }, (_, index) => 1 / (index + 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const random = lcg(42);
  return Array.from({ length: asked }, () => {
    let left = random() * sum;
    return Math.max(
      0,
      weights.findIndex((weight) => {
        left -= weight;
        return left <= 0;
      }),
    );
  });
}

/** Numerical Recipes' generator: what counts is that it is the same everywhere. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
