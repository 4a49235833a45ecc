import { type Rejection, type Run, RunState, type Step, StepState } from "@agentmesh/proto/orchestrator";
import type { Ends } from "./await-outcomes.ts";
import type { Expectation, Ticket } from "./tickets.ts";

/** What became of a ticket, and what of it is not as expected. */
export type Outcome = {
  readonly ticket: string;
  readonly eventId: string;
  readonly outcome: "triaged" | "rejected" | "duplicate" | "failed" | "unfinished";
  readonly runId: string;
  /** `answered`, `needs_human`, `unknown_customer`; why it was rejected; or why it failed. */
  readonly status: string;
  readonly category: string;
  readonly priority: string;
  readonly answer: string;
  readonly citations: readonly string[];
  readonly costNanoUsd: bigint;
  readonly durationMs: number;
  /** Empty when all is as it should be. */
  readonly problems: readonly string[];
};

const emitSteps = ["answered", "needs_human", "unknown_customer"];

/** Checks how a ticket ended against what is expected of it. */
export function judge(ticket: Ticket, ends: Ends): Outcome {
  const runs = ends.runs.get(ticket.id) ?? [];
  const [run] = runs;
  const [rejection] = ends.rejections.get(ticket.id) ?? [];
  const found = ticket.repeat ? duplicate(ticket, run) : run ? triaged(ticket, run) : refused(ticket, rejection);
  const tooMany = runs.length > 1 ? [`${runs.length} runs instead of one`] : [];
  return { ...found, problems: [...tooMany, ...mismatches(found, ticket.expect), ...leaks(found, run, ticket.expect)] };
}

function refused(ticket: Ticket, rejection: Rejection | undefined): Outcome {
  const nothing = { ...blank(ticket), outcome: "unfinished", status: "no run and no rejection" } as const;
  return rejection ? { ...nothing, outcome: "rejected", status: rejection.code } : nothing;
}

/** A repeated event is fine when the event had exactly the one run. */
function duplicate(ticket: Ticket, run: Run | undefined): Outcome {
  return {
    ...blank(ticket),
    outcome: run ? "duplicate" : "unfinished",
    status: run ? "started once" : "never started",
  };
}

function triaged(ticket: Ticket, run: Run): Outcome {
  const output = record(run.output);
  const triage = record(output.triage);
  const reply = record(output.reply);
  return {
    ...blank(ticket),
    outcome: run.state === RunState.SUCCEEDED ? "triaged" : run.state === RunState.RUNNING ? "unfinished" : "failed",
    runId: run.id,
    status: run.failure ? `${run.failure.code}: ${run.failure.message}` : emitted(run.steps),
    category: text(triage.category),
    priority: text(triage.priority),
    answer: text(reply.answer),
    citations: Array.isArray(reply.citations) ? reply.citations.map(text) : [],
    costNanoUsd: run.costNanoUsd,
    durationMs: run.createdAt && run.endedAt ? run.endedAt.getTime() - run.createdAt.getTime() : 0,
  };
}

function blank(ticket: Ticket): Omit<Outcome, "outcome" | "status"> {
  return {
    ticket: ticket.id,
    eventId: ticket.eventId,
    runId: "",
    category: "",
    priority: "",
    answer: "",
    citations: [],
    costNanoUsd: 0n,
    durationMs: 0,
    problems: [],
  };
}

/** The names of the emit steps that ran: exactly one, unless the workflow's conditions are wrong. */
function emitted(steps: readonly Step[]): string {
  return steps
    .filter((step) => emitSteps.includes(step.node) && step.state === StepState.SUCCEEDED)
    .map((step) => step.node)
    .join("+");
}

function mismatches(found: Outcome, expect: Expectation): string[] {
  const wanted: [string, string, readonly string[] | undefined][] = [
    ["outcome", found.outcome, [expect.outcome]],
    ["status", found.status, expect.code === undefined ? expect.status : [expect.code]],
    ["category", found.category, expect.category],
    ["priority", found.priority, expect.priority],
  ];
  return wanted.flatMap(([name, got, values]) => {
    return values === undefined || values.includes(got)
      ? []
      : [`${name} is ${got || "empty"}, expected ${values.join(" or ")}`];
  });
}

function leaks(found: Outcome, run: Run | undefined, expect: Expectation): string[] {
  const stored = JSON.stringify(run ?? null, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  const answer = found.answer.toLowerCase();
  return [
    ...expect.hides.filter((secret) => stored.includes(secret)).map((secret) => `${secret} is stored with the run`),
    ...expect.never_answers
      .filter((words) => answer.includes(words.toLowerCase()))
      .map((words) => `the answer says ${JSON.stringify(words)}`),
  ];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
