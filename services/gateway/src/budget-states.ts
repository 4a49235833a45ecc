import { type Bus, watchSnapshot } from "@agentmesh/bus";
import type { Principal } from "@agentmesh/identity";
import { z } from "zod";

const row = z.object({
  name: z.string(),
  /** `total`, `department:NAME`, `project:NAME` or `user:SUBJECT`. */
  scope: z.string(),
  state: z.string(),
  hard: z.boolean().default(true),
});

export type BudgetStates = AsyncDisposable & {
  /** The name of a hard budget over the principal that is exhausted. */
  spentOver(principal: Principal): string | undefined;
};

/** What cost says of budgets, under `<tenant>.<name>` of the topic `budget_states`. Knows of none until it is heard. */
export function watchBudgetStates(bus: Bus): BudgetStates {
  // Almost always empty, so that the hot path looks at nothing.
  const exhausted = new Map<string, z.infer<typeof row>>();
  function onChange(key: string, value: z.infer<typeof row> | undefined): void {
    if (value?.hard && value.state === "exhausted") exhausted.set(key, value);
    else exhausted.delete(key);
  }
  const snapshot = watchSnapshot(bus, { topic: "budget_states", parse: (value) => row.parse(value), onChange });
  return {
    spentOver({ tenant, subject, department, project }) {
      const scopes = ["total", `department:${department}`, `project:${project}`, `user:${subject}`];
      for (const [key, state] of exhausted) {
        if (key.startsWith(`${tenant}.`) && scopes.includes(state.scope)) return state.name;
      }
      return undefined;
    },
    [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose](),
  };
}
