import type { Compiled } from "./compiled.ts";
import { memberStep, outputOf } from "./member-step.ts";
import type { Member, TeamSpec } from "./team-spec.ts";

// A member that is named so too is refused, for its id stands twice.
const TOGETHER = "all--together";
const ITEMS = "each--item";
const ROUTE = "who--fits";

/** All members at once; as many must succeed as `success` says; a reducer gets `outputs`, by the names of members. */
export function parallelSteps(team: TeamSpec): Compiled {
  const { reducer, success } = team;
  const workers = team.members.filter((member) => member.name !== reducer);
  const steps: object[] = workers.map((member) => memberStep(member));
  const from = workers.map((member) => member.name);
  steps.push({ id: TOGETHER, kind: "gather", from, ...(success && { success }) });
  const outputs = `${outputOf(TOGETHER)}.outputs`;
  const last = memberNamed(team, reducer);
  if (!last) return { steps, result: outputs };
  steps.push(memberStep(last, { outputs }, { dependsOn: [TOGETHER] }));
  return { steps, result: outputOf(last.name) };
}

/** The producer makes a list, the consumer works on each `item`, a reducer brings `items` together level by level. */
export function producerConsumerSteps(team: TeamSpec): Compiled {
  const { concurrency, success } = team;
  const producer = memberNamed(team, team.producer);
  const consumer = memberNamed(team, team.consumer);
  const reducer = memberNamed(team, team.reducer);
  if (!producer || !consumer) return { steps: [], result: null };
  const steps: object[] = [memberStep(producer)];
  steps.push({
    id: ITEMS,
    kind: "map",
    over: `$.steps.${producer.name}.${team.items.slice(2)}`,
    agent: consumer.agent,
    input: consumer.input ?? { task: "$.input", item: "$.item", index: "$.index" },
    dependsOn: [producer.name],
    timeoutMs: consumer.timeoutMs,
    concurrency,
    ...(success && { success }),
  });
  if (!reducer) return { steps, result: `${outputOf(ITEMS)}.items` };
  const input = reducer.input ?? { task: "$.input", items: "$.items", level: "$.level" };
  const { name, agent, timeoutMs } = reducer;
  steps.push({ id: name, kind: "gather", from: [ITEMS], reduce: { agent, input }, timeoutMs });
  return { steps, result: outputOf(name) };
}

/** The one member who fits best does the task. */
export function routerSteps(team: TeamSpec): Compiled {
  const { needs, atLeast } = team;
  const candidates = team.members.map(({ agent, capabilities }) => ({ agent, capabilities }));
  const chosen = `${outputOf(ROUTE)}.chosen`;
  const steps = team.members.map((member) =>
    memberStep(member, {}, { dependsOn: [ROUTE], when: { value: chosen, equals: member.agent } }),
  );
  const result = { $first: team.members.map((member) => outputOf(member.name)) };
  return { steps: [{ id: ROUTE, kind: "route", candidates, needs, atLeast }, ...steps], result };
}

function memberNamed(team: TeamSpec, name: string | undefined): Member | undefined {
  return team.members.find((member) => member.name === name);
}
