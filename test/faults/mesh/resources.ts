// What the faults are tried on: tools that ask the outside world for effects, and workflows of them.
import type { FaultMesh } from "./fault-mesh.ts";

/** Systems outside of the mesh; the tool of each is named `fault-<system>`. */
export const systems = ["orders", "stock", "payment"] as const;

const toolTimeoutMs = 60_000;

/** A step that asks a system for the effect of its own name. */
export function effectStep(id: string, more: object = {}, input: object = {}): object {
  return {
    id,
    kind: "tool",
    tool: "fault-orders",
    timeoutMs: toolTimeoutMs,
    input: { mark: "$.input.mark", step: id, ...input },
    ...more,
  };
}

const parameters = {
  type: "object",
  properties: {
    mark: { type: "string" },
    step: { type: "string" },
    index: { type: "integer" },
    failFirst: { type: "integer" },
    refuse: { type: "boolean" },
    slowMs: { type: "integer" },
    delayMs: { type: "integer" },
    score: { type: "number" },
  },
  required: ["mark", "step"],
};

export async function applyTools(mesh: FaultMesh): Promise<void> {
  for (const system of systems) {
    await mesh.apply("runner", "Tool", `fault-${system}`, {
      description: `Asks ${system} for an effect`,
      effect: "effectful",
      parameters,
      timeoutMs: toolTimeoutMs,
      source: { type: "http", method: "POST", url: `${mesh.effects.url}/${system}` },
    });
  }
  await applyBareTools(mesh);
}

/** Whoever takes an effect over waits until nobody can still be at it: short calls, short waits. */
const bareTimeoutMs = 1_500;
const settleMs = 200;

/** Systems that take no key: `fault-letters` can be asked whether an effect is there, `fault-shouts` cannot. */
async function applyBareTools(mesh: FaultMesh): Promise<void> {
  const { url } = mesh.effects;
  const apply = (name: string, spec: object) =>
    mesh.apply("runner", "Tool", name, { description: name, parameters, timeoutMs: bareTimeoutMs, ...spec });
  await apply("fault-seen", {
    effect: "read",
    source: { type: "http", method: "GET", url: `${url}/seen/{mark}/{step}` },
  });
  await apply("fault-letters", {
    effect: "effectful",
    effects: {
      mode: "verify",
      by: "fault-seen",
      input: { mark: "$.args.mark", step: "$.args.step" },
      done: { value: "$.answer.count", atLeast: 1 },
      settleMs,
    },
    source: { type: "http", method: "POST", url: `${url}/bare-letters` },
  });
  await apply("fault-shouts", {
    effect: "effectful",
    effects: { mode: "none" },
    source: { type: "http", method: "POST", url: `${url}/bare-shouts` },
  });
}

export async function applyWorkflow(mesh: FaultMesh, name: string, spec: object): Promise<void> {
  await mesh.apply("orchestrator", "Workflow", name, { description: name, ...spec });
}

/** One step after the other. */
export function chainOf(...ids: readonly string[]): object {
  return {
    steps: ids.map((id, index) => {
      const before = ids[index - 1];
      return effectStep(id, before === undefined ? {} : { dependsOn: [before] });
    }),
  };
}
