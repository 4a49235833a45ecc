import { z } from "zod";
import { concurrency, gate, MAX_DEADLINE_MS, resourceName, stepId, success, timeoutMs } from "../spec/step-parts.ts";

const member = z.strictObject({
  /** Its output stands at `$.steps.<name>.output`. */
  name: stepId,
  agent: resourceName,
  /** Mapping. Default: `{ task: "$.input" }` and what the pattern hands on. */
  input: z.unknown().optional(),
  /** What it can do, for the pattern router. */
  capabilities: z.array(z.string().min(1).max(100)).max(100).default([]),
  /** Of its output, before the next one gets it. */
  gate: gate.optional(),
  timeoutMs: timeoutMs.default(60_000),
});

const review = z.strictObject({
  /** The agent who reviews what the last member made; its input is `{ task, result }`. */
  by: resourceName,
  gate: z.strictObject({
    /** A path into the review: `$.output.score`. */
    value: z.string(),
    atLeast: z.number().default(0.8),
  }),
  /** Reviews in all. */
  maxIterations: z.int().min(1).max(10).default(3),
  /** The member from whom on the work is done again, with `previous` and `review`. Default: the last. */
  redo: stepId.optional(),
  /** What becomes of a result that the last review did not pass. */
  exhausted: z.enum(["fail", "accept"]).default("fail"),
});

const shape = z.strictObject({
  description: z.string().max(2000).default(""),
  /** JSON Schema (2020-12) of the task. */
  input: z.record(z.string(), z.unknown()).default({}),
  pattern: z.enum(["sequential", "parallel", "producer-consumer", "router"]),
  members: z.array(member).min(1).max(20),
  review: review.optional(),
  /** parallel: of the members. producer-consumer: of the items. Default: all. */
  success: success.optional(),
  /** Names of members. */
  producer: stepId.optional(),
  consumer: stepId.optional(),
  /** parallel, producer-consumer: brings the outputs together. */
  reducer: stepId.optional(),
  /** producer-consumer: path to the list in the producer's output. */
  items: z.string().startsWith("$.output").default("$.output.items"),
  /** producer-consumer: items in work at a time. */
  concurrency,
  /** router: mapping to the capabilities that a task needs, and the share of them that a member must have. */
  needs: z.unknown().default("$.input.needs"),
  atLeast: z.number().min(0).max(1).default(0.8),
  timeLimitMs: z.int().min(1000).max(MAX_DEADLINE_MS).default(300_000),
});

/** A team: agents that work together in a pattern. It runs as the workflow `team:<name>`. */
export const teamSpec = shape.superRefine((team, issues) => {
  for (const { path, message } of problems(team)) issues.addIssue({ code: "custom", path, message });
});

export type TeamSpec = z.infer<typeof shape>;
export type Member = TeamSpec["members"][number];

type Problem = { readonly path: (string | number)[]; readonly message: string };

function problems(team: TeamSpec): Problem[] {
  const names = team.members.map((one) => one.name);
  const found: Problem[] = [];
  const doubled = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (doubled >= 0) {
    found.push({
      path: ["members", doubled, "name"],
      message: `the name ${names[doubled]} stands twice; give each its own`,
    });
  }
  for (const field of ["producer", "consumer", "reducer"] as const) {
    const name = team[field];
    if (name !== undefined && !names.includes(name)) {
      found.push({ path: [field], message: `there is no member ${name}; the members are ${names.join(", ")}` });
    }
  }
  return [...found, ...patternProblems(team, names)];
}

function patternProblems(team: TeamSpec, names: readonly string[]): Problem[] {
  const found: Problem[] = [];
  const { pattern, review, producer, consumer, reducer } = team;
  const only = (field: string, given: unknown, patterns: readonly string[]) => {
    if (given === undefined || patterns.includes(pattern)) return;
    found.push({ path: [field], message: `${field} is for the pattern ${patterns.join(" and ")}, not ${pattern}` });
  };
  only("review", review, ["sequential"]);
  only("producer", producer, ["producer-consumer"]);
  only("consumer", consumer, ["producer-consumer"]);
  only("reducer", reducer, ["parallel", "producer-consumer"]);
  only("success", team.success, ["parallel", "producer-consumer"]);
  if (review?.redo !== undefined && !names.includes(review.redo)) {
    found.push({
      path: ["review", "redo"],
      message: `there is no member ${review.redo}; the members are ${names.join(", ")}`,
    });
  }
  if (pattern === "producer-consumer" && (producer === undefined || consumer === undefined || producer === consumer)) {
    found.push({
      path: ["producer"],
      message: "name two members: the producer makes a list, the consumer works on each item",
    });
  }
  if (pattern === "parallel" && names.length === (reducer === undefined ? 0 : 1)) {
    found.push({ path: ["members"], message: "beside the reducer there must be a member whose output it takes" });
  }
  const agents = team.members.map((one) => one.agent);
  const same = agents.findIndex((agent, index) => agents.indexOf(agent) !== index);
  if (pattern === "router" && same >= 0) {
    found.push({
      path: ["members", same, "agent"],
      message: `${agents[same]} stands twice, so a route to it says not which member; name each agent once`,
    });
  }
  return found;
}
