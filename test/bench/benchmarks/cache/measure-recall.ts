import { embedWords } from "@agentmesh/cache/embed-words";
import { quantise } from "@agentmesh/cache/quantise";
import { createVectorArena } from "@agentmesh/cache/vector-arena";
import { createVectorIndex } from "@agentmesh/cache/vector-index";
import { quantile } from "../../harness/statistics.ts";
import { questions, reworded } from "./questions.ts";

const dimensions = 384;
const queries = 200;
const nearest = 5;

/** Of the five nearest by exact arithmetic on 32-bit floats, the share that the index finds in its bytes. */
export function measureRecall(repeat: number): { recall: number; indexMs: number; floatMs: number } {
  const vectors = questions.map(embedWords);
  const index = createVectorIndex(createVectorArena({ dimensions, maxBytes: 64 * 1024 * 1024 }));
  for (const [id, vector] of vectors.entries()) index.set(String(id), quantise(vector));
  const flat = new Float32Array(vectors.length * dimensions);
  for (const [id, vector] of vectors.entries()) flat.set(vector, id * dimensions);
  const [indexMs, floatMs]: [number[], number[]] = [[], []];
  let found = 0;
  for (let at = 0; at < queries; at++) {
    const query = embedWords(
      reworded(questions[(at * 7_919) % questions.length] ?? "", repeat).replace("office", "site"),
    );
    const began = performance.now();
    const approximate = index.search(quantise(query), nearest);
    const between = performance.now();
    const exact = exactScores(flat, query);
    floatMs.push(performance.now() - between);
    indexMs.push(between - began);
    // Rounding decides between questions that are equally near, so what counts is how near, not which.
    const least = [...exact].sort((a, b) => b - a)[nearest - 1] ?? 0;
    found += approximate.filter(({ id }) => (exact[Number(id)] ?? 0) >= least - 1e-6).length;
  }
  return { recall: found / (queries * nearest), indexMs: quantile(indexMs, 0.5), floatMs: quantile(floatMs, 0.5) };
}

function exactScores(flat: Float32Array, query: Float32Array): Float32Array {
  const scores = new Float32Array(flat.length / dimensions);
  for (let row = 0; row < scores.length; row++) {
    const from = row * dimensions;
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let at = 0; at < dimensions; at += 4) {
      a += (flat[from + at] ?? 0) * (query[at] ?? 0);
      b += (flat[from + at + 1] ?? 0) * (query[at + 1] ?? 0);
      c += (flat[from + at + 2] ?? 0) * (query[at + 2] ?? 0);
      d += (flat[from + at + 3] ?? 0) * (query[at + 3] ?? 0);
    }
    scores[row] = a + b + c + d;
  }
  return scores;
}
