import type { Member } from "./team-spec.ts";

/** A member as a step of kind agent. @param handed what the pattern hands on, beside the task */
export function memberStep(member: Member, handed: object = {}, more: object = {}): object {
  const { name, agent, input, gate, timeoutMs } = member;
  return {
    id: name,
    kind: "agent",
    agent,
    input: input ?? { task: "$.input", ...handed },
    timeoutMs,
    ...(gate && { gate }),
    ...more,
  };
}

export function outputOf(id: string): string {
  return `$.steps.${id}.output`;
}
