import { fileURLToPath } from "node:url";
import type { Benchmark, Measured, Subject } from "../../harness/benchmark.ts";
import { numberIn, runChild } from "../../harness/run-child.ts";
import { authzPeers } from "../../peers/catalog.ts";
import { folderOf, type InstalledPeer } from "../../peers/install.ts";

const childWithinMs = 120_000;
const ours = fileURLToPath(new URL("./decide-agentmesh.ts", import.meta.url));
const sets = fileURLToPath(new URL("../../peers/scripts/authz/sets.mjs", import.meta.url));

export const authz: Benchmark = {
  name: "authz",
  summary: "microseconds to decide a request among 1 000 roles of 50 permissions",
  async open({ peers, installer }) {
    const installed = peers ? await installer.install(authzPeers) : [];
    return {
      subjects: [agentmesh, limit, ...installed.map(peerSubject)],
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
};

const agentmesh: Subject = {
  name: "agentmesh",
  what: "decide(): three roles of 1 000, names and prefixes, network, hours and environment",
  async measure() {
    const decided = await decision(ours);
    const carried = await decision(ours, ["token"]);
    return {
      ...decided,
      notes: [`at a hop, from the 150 scopes that a token would carry: ${carried.figures[0]?.value.toFixed(2)} us`],
    };
  },
};

const limit: Subject = {
  name: "limit",
  what: "a Set of names a role, without prefixes and constraints",
  measure: () => decision(sets),
};

function peerSubject(peer: InstalledPeer): Subject {
  return {
    name: peer.name,
    what: `${peer.version}: the policies of the caller's three roles alone`,
    measure: () => decision(peer.script(`authz/${folderOf(peer)}.mjs`)),
  };
}

async function decision(script: string, args: readonly string[] = []): Promise<Measured> {
  const printed = await runChild({ script, args, withinMs: childWithinMs });
  return { figures: [{ metric: "decision_us", unit: "us", value: numberIn(printed, "decisionUs") }] };
}
