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
