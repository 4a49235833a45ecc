import { setTimeout as wait } from "node:timers/promises";
import type { MeshClient } from "@agentmesh/client";
import { pickWeighted, type Random, wholeBelow } from "../random.ts";
import { kinds } from "./kinds/all.ts";
import type { RunBook } from "./run-book.ts";
import type { Tally } from "./tally.ts";

export type LoadOptions = {
  readonly clients: readonly [MeshClient, ...MeshClient[]];
  readonly ratePerS: number;
  readonly forMs: number;
  readonly random: Random;
  readonly runs: RunBook;
  readonly tally: Tally;
  /** Ends the load early; what is under way is awaited. */
  readonly signal: AbortSignal;
};

export type LoadDone = {
  /** Requests that were not made because too many were under way: the mesh, or the machine, cannot keep up. */
  readonly heldBack: number;
};

const mostUnderWay = 300;
const endWithinMs = 90_000;

/**
 * Makes requests at a pace, whatever becomes of those before, with exponential pauses as independent callers would; then
 * waits for those under way.
 */
export async function drive(options: LoadOptions): Promise<LoadDone> {
  const { ratePerS, forMs, random, signal } = options;
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  let heldBack = 0;
  let dueMs = 0;
  for (let number = 1; dueMs < forMs && !signal.aborted; number++) {
    const lateMs = performance.now() - began - dueMs;
    if (lateMs < 0) await wait(-lateMs, undefined, { signal }).catch(() => undefined);
    if (underWay.size >= mostUnderWay) heldBack += 1;
    else start(number);
    dueMs += (-Math.log(1 - random()) * 1000) / ratePerS;
  }
  await Promise.race([Promise.all(underWay), wait(endWithinMs, undefined, { ref: false })]);
  return { heldBack };

  function start(number: number): void {
    const request = ask(options, number).finally(() => underWay.delete(request));
    underWay.add(request);
  }
}

async function ask({ clients, random, runs, tally }: LoadOptions, number: number): Promise<void> {
  const kind = pickWeighted(kinds, random);
  tally.asked(kind.name);
  try {
    await kind.run({ client: clients[wholeBelow(clients.length, random)] ?? clients[0], random, number, runs });
    tally.done(kind.name);
  } catch (error) {
    tally.failed(kind.name, error);
  }
}
