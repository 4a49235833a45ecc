import { type WorkflowSpec, workflowSpec } from "../workflow-spec.ts";
import type { Compiled } from "./compiled.ts";
import { parallelSteps, producerConsumerSteps, routerSteps } from "./patterns.ts";
import { sequentialSteps } from "./sequential.ts";
import type { TeamSpec } from "./team-spec.ts";

/** Workflows of teams are named so; a workflow's own name contains no colon. */
export function teamWorkflow(name: string): string {
  return `team:${name}`;
}

/**
 * A team as the workflow that does it: one engine runs both. Its output is `{ result, review }`, the review null where
 * nobody reviews.
 *
 * @throws ZodError for names of members that leave no valid ids
 */
export function compileTeam(team: TeamSpec): WorkflowSpec {
  const { steps, result, review = null } = stepsOf(team);
  return workflowSpec.parse({
    description: team.description,
    input: team.input,
    deadlineMs: team.timeLimitMs,
    steps,
    output: { result, review },
  });
}

function stepsOf(team: TeamSpec): Compiled {
  switch (team.pattern) {
    case "sequential":
      return sequentialSteps(team);
    case "parallel":
      return parallelSteps(team);
    case "producer-consumer":
      return producerConsumerSteps(team);
    case "router":
      return routerSteps(team);
    default:
      return team.pattern satisfies never;
  }
}
