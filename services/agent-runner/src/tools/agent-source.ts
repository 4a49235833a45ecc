import type { Tool } from "../domain/tool.ts";

/** Another agent as a tool. It runs for the same caller, with this run's agent among its actors. */
export function compileAgentSource(agent: string): Tool["run"] {
  return (args, context) => context.callAgent(agent, args, context);
}
