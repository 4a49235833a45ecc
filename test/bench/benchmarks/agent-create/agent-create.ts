import { fileURLToPath } from "node:url";
import type { Benchmark, Measured, Subject } from "../../harness/benchmark.ts";
import { numberIn, runChild } from "../../harness/run-child.ts";
import { agentPeers } from "../../peers/catalog.ts";
import { folderOf, type InstalledPeer } from "../../peers/install.ts";

const agents = 100_000;
const childWithinMs = 120_000;
/** Before anything is collected, the heaviest peer holds about 2 GB. */
const nodeOptions = ["--expose-gc", "--max-old-space-size=8192"];

const bareClass = fileURLToPath(new URL("../../peers/scripts/create/bare-class.mjs", import.meta.url));
const ours = fileURLToPath(new URL("./create-agentmesh.ts", import.meta.url));

export const agentCreate: Benchmark = {
  name: "agent-create",
  summary: `microseconds and bytes of heap to make one agent with one tool, ${agents.toLocaleString("en")} of them`,
  async open({ peers, installer }) {
    const installed = peers ? await installer.install(agentPeers) : [];
    return {
      subjects: [agentmesh, limit, ...installed.map(peerSubject)],
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
};

const agentmesh: Subject = {
  name: "agentmesh",
  what: "createAgent(definition): an agent of the runner on its definition, which is compiled once a version",
  async measure() {
    const own = await create(ours, ["shared"]);
    const whole = await create(ours, ["own"]);
    const [us, bytes] = whole.figures.map((figure) => figure.value);
    return {
      ...own,
      notes: [
        `with a definition of its own each and tool (schema and function shared, policy hashed by the first run): ` +
          `${us?.toFixed(2)} us, ${bytes?.toFixed(0)} B`,
      ],
    };
  },
};

const limit: Subject = {
  name: "limit",
  what: "a bare class with name, instructions, model, bounds and an array of one tool object",
  measure: () => create(bareClass),
};

function peerSubject(peer: InstalledPeer): Subject {
  return {
    name: peer.name,
    what: `${peer.version}: an agent and its tool, sharing schema, function and model with the others`,
    measure: () => create(peer.script(`create/${folderOf(peer)}.mjs`)),
  };
}

async function create(script: string, args: readonly string[] = []): Promise<Measured> {
  const printed = await runChild({
    script,
    args: [String(agents), ...args],
    nodeOptions,
    withinMs: childWithinMs,
  });
  return {
    figures: [
      { metric: "create_us", unit: "us", value: numberIn(printed, "createUs") },
      { metric: "heap_bytes", unit: "B", value: numberIn(printed, "heapBytes") },
    ],
  };
}
