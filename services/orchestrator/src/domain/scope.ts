import type { Draft } from "./draft.ts";
import { needScope } from "./loaded.ts";
import { isUndo } from "./step-work.ts";

type StepScope = { readonly state: string; readonly output: unknown; readonly gate: string | null };

export type RunScope = { readonly id: string; readonly startedAt: string; readonly startedBy: string };

/** What paths lead into. */
export type Scope = {
  readonly input: unknown;
  /** Where some path of the plan leads into it. */
  readonly run: RunScope | undefined;
  readonly steps: Readonly<Record<string, StepScope>>;
};

/** `$.input…`, `$.run.id`, `$.steps.<id>.state`, `.output…`, `.gate`: as they stand now. */
export function scopeOf(draft: Draft): Scope {
  needScope(draft);
  const steps: Record<string, StepScope> = {};
  for (const step of draft.steps.values()) {
    if (step.shard > 0 || isUndo(step.node)) continue;
    steps[step.node] = { state: step.state, output: step.output, gate: step.detail.gate ?? null };
  }
  return { input: draft.run.input, run: draft.plan.readsRun ? runScope(draft) : undefined, steps };
}

function runScope({ run: { id, createdAtMs, startedBy } }: Draft): RunScope {
  return { id, startedAt: new Date(createdAtMs).toISOString(), startedBy };
}
