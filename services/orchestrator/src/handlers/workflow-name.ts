import { resourceName } from "@agentmesh/resources";

const TEAM = "team:";

/** The name of a workflow, or `team:` and the name of a team. @throws AppError INVALID_ARGUMENT */
export function workflowName(name: string): void {
  resourceName(name.startsWith(TEAM) ? name.slice(TEAM.length) : name, "workflow");
}
