import { setTimeout as wait } from "node:timers/promises";
import type { RunningMesh } from "@agentmesh/local";

export type Killed = { readonly kills: ReadonlyMap<string, number>; readonly freezes: number };

export type KillerOptions = {
  readonly mesh: RunningMesh;
  readonly kills: number;
  readonly random: () => number;
  /** Called before each kill with how many there were. */
  readonly onKill: (done: number) => Promise<void>;
};

/** How often one is chosen, in parts; services that are not named count 1. */
const weights: Readonly<Record<string, number>> = {
  orchestrator: 6,
  "agent-runner": 4,
  nats: 3,
  postgres: 2,
  redis: 1,
};
const gapMs = [300, 1_500] as const;
/** A mesh of which most is dead does nothing that could go wrong. */
const mostDown = 4;
const freezeEvery = 5;
/** From shorter than a heartbeat to longer than a lease. */
const freezeMs = [500, 15_000] as const;

/** Kills processes one after the other and freezes some for a while, services and servers alike. All run at the end. */
export async function killAtRandom({ mesh, kills, random, onKill }: KillerOptions): Promise<Killed> {
  const counts = new Map<string, number>();
  const down = new Set<Promise<void>>();
  const frozen = new Set<string>();
  const thaws: Promise<void>[] = [];
  let failed: unknown;
  // Whoever waits for none of them any more, because it was interrupted, must not be ended by one that fails then.
  const noteFailure = (error: unknown) => {
    failed ??= error;
  };
  for (let done = 0; done < kills && failed === undefined; done++) {
    await onKill(done);
    await wait(between(gapMs, random));
    while (down.size >= mostDown) await Promise.race(down);
    if (done % freezeEvery === 0) thaws.push(freeze(mesh, frozen, random).catch(noteFailure));
    const victim = choose(mesh, frozen, random);
    counts.set(victim, (counts.get(victim) ?? 0) + 1);
    await mesh.kill(victim);
    const back = mesh
      .waitReady(victim)
      .catch(noteFailure)
      .finally(() => down.delete(back));
    down.add(back);
  }
  await Promise.all([...thaws, ...down]);
  if (failed !== undefined) throw failed;
  return { kills: counts, freezes: thaws.length };
}

async function freeze(mesh: RunningMesh, frozen: Set<string>, random: () => number): Promise<void> {
  const services = new Set(mesh.services.map(({ name }) => name));
  const running = mesh.processes().filter(({ name }) => services.has(name) && !frozen.has(name));
  const victim = running[Math.floor(random() * running.length)];
  const forMs = between(freezeMs, random);
  if (!victim) return;
  frozen.add(victim.name);
  await mesh.kill(victim.name, "SIGSTOP");
  await wait(forMs);
  await mesh.kill(victim.name, "SIGCONT");
  frozen.delete(victim.name);
}

function choose(mesh: RunningMesh, frozen: ReadonlySet<string>, random: () => number): string {
  const running = mesh.processes().filter(({ name }) => !frozen.has(name));
  const weightOf = (name: string) => weights[name.replace(/-\d+$/, "")] ?? 1;
  let left = random() * running.reduce((sum, { name }) => sum + weightOf(name), 0);
  for (const { name } of running) {
    left -= weightOf(name);
    if (left < 0) return name;
  }
  throw new Error("no process of the mesh runs");
}

function between([least, most]: readonly [number, number], random: () => number): number {
  return least + random() * (most - least);
}
