import { setImmediate as pause } from "node:timers/promises";
import { describeError } from "@agentmesh/errors";
import { sha256Hex } from "@agentmesh/ids";
import type { Logger } from "@agentmesh/telemetry";
import { learnedBound, MAX_LOWERING } from "../domain/learned-bound.ts";
import type { Payer } from "../domain/payer.ts";
import { compareQuestions, type Veto } from "../domain/questions/compare-questions.ts";
import { readQuestion } from "../domain/questions/read-question.ts";
import type { Embedder } from "../embedders/embedder.ts";
import { quantise } from "../vectors/quantise.ts";
import type { SemanticLog } from "./semantic-log.ts";
import type { Filed } from "./shelf.ts";
import type { Shelves } from "./shelves.ts";

/** Where a question belongs: its tenant, the partition of its epochs, and the hash of all of its key but the input. */
export type SemanticPlace = { readonly tenant: string; readonly partition: string; readonly policyHash: string };

/** An answered question that is alike. */
export type Candidate = {
  /** Hash of its key. */
  readonly id: string;
  /** 0 to 1: the mean of the vectors' cosine and of how the words align. */
  readonly score: number;
  /** The score from which it answers others. */
  readonly bound: number;
  /** How often its answer was compared with another's. */
  readonly observations: number;
};

export type SemanticTier = {
  /** For each question the candidates that nothing speaks against, best first. A failing embedder finds nothing. */
  find(asked: readonly { place: SemanticPlace; question: string; threshold: number; payer: Payer }[]): Promise<Found[]>;
  /** Files a question whose answer was stored. */
  file(place: SemanticPlace, id: string, asked: { question: string; payer: Payer }, expiresAtMs: number): Promise<void>;
  /** Notes whether the answer of a candidate was that of the question after all. */
  observe(place: SemanticPlace, id: string, score: number, same: boolean): Promise<void>;
  /** Its answer is gone. */
  forget(place: SemanticPlace, id: string): void;
  /** What this process holds of a tenant. */
  sizeOf(tenant: string): { entries: number; bytes: number };
};

export type Found = { readonly candidates: readonly Candidate[]; readonly vetoes: readonly Veto[] };

/** Searches of a batch, some ten milliseconds of them, before others have their turn. */
const BEFORE_PAUSE = 16;

const NOTHING: Found = { candidates: [], vetoes: [] };

export function createSemanticTier(options: {
  embedder: Embedder;
  log: SemanticLog;
  shelves: Shelves;
  /** Neighbours that are looked at more closely. */
  candidates: number;
  logger: Logger;
}): SemanticTier {
  const { embedder, log, shelves, logger } = options;

  /** All in one call, which the first of them pays: a pass is one caller's. */
  async function embed(asked: readonly { question: string; payer: Payer }[]): Promise<readonly Float32Array[]> {
    const [first] = asked;
    if (!first) return [];
    const texts = asked.map(({ question }) => question);
    try {
      return await embedder.embed(texts, first.payer);
    } catch (error) {
      logger.debug({ reason: describeError(error) }, "the semantic tier goes without its embedder");
      return [];
    }
  }

  async function findOne(place: SemanticPlace, text: string, threshold: number, vector: Float32Array): Promise<Found> {
    const shelf = await shelves.upToDate(nameOf(place), place.tenant);
    const question = readQuestion(text);
    const found: Candidate[] = [];
    const vetoes: Veto[] = [];
    for (const { filed, cosine } of shelf.nearest(quantise(vector), options.candidates)) {
      const compared = isExpired(filed) ? undefined : compareQuestions(question, readQuestion(filed.text));
      if (!compared) shelf.remove(filed.id);
      else if (compared.veto) vetoes.push(compared.veto);
      else found.push(candidate(filed, (cosine + compared.alignment) / 2, threshold));
    }
    const candidates = found.filter(({ score }) => score >= threshold - MAX_LOWERING);
    return { candidates: candidates.sort((a, b) => b.score - a.score), vetoes };
  }

  function nameOf({ partition, policyHash }: SemanticPlace): string {
    return `${partition}:${sha256Hex(`${embedder.name}/${embedder.dimensions}/${policyHash}`)}`;
  }

  return {
    async find(asked) {
      const vectors = await embed(asked);
      const found: Found[] = [];
      for (const [index, { place, question, threshold }] of asked.entries()) {
        const vector = vectors[index];
        found.push(vector ? await findOne(place, question, threshold, vector) : NOTHING);
        if (index % BEFORE_PAUSE === BEFORE_PAUSE - 1) await pause();
      }
      return found;
    },
    async file(place, id, asked, expiresAtMs) {
      const [vector] = await embed([asked]);
      if (!vector) return;
      const event = { is: "stored", id, text: asked.question, vector: quantise(vector), expiresAtMs } as const;
      shelves.apply(nameOf(place), place.tenant, event);
      await log.append(nameOf(place), event);
    },
    async observe(place, id, score, same) {
      await log.append(nameOf(place), { is: "observed", id, score, same });
      shelves.expire(nameOf(place));
    },
    forget: (place, id) => shelves.get(nameOf(place))?.remove(id),
    sizeOf: (tenant) => shelves.sizeOf(tenant),
  };
}

function candidate(filed: Filed, score: number, threshold: number): Candidate {
  const { id, observations } = filed;
  return { id, score, bound: learnedBound(threshold, observations), observations: observations.length };
}

function isExpired({ expiresAtMs }: Filed): boolean {
  return expiresAtMs <= Date.now();
}
