import { type Approval, type Run, RunState, type Step, StepKind, StepState } from "@agentmesh/proto/orchestrator";
import { isUndo, labelOf } from "./step-text.ts";
import { when } from "./time.ts";

/** Something that keeps a run, or a choice somebody has about it. */
export type OpenMatter = {
  /** What it is about: a step, or `run`. */
  readonly about: string;
  readonly text: string;
  /** What a person has to see to decide. */
  readonly shown?: unknown;
  /** Commands without the program's name, each with what it means. */
  readonly todo: readonly (readonly [string, string])[];
};

/**
 * What a run waits for that does not come by itself, and what to do about it.
 *
 * @param doubted steps in doubt, items of maps among them
 */
export function openMatters(
  run: Run,
  approvals: readonly Approval[],
  doubted: readonly Step[],
  now: Date,
): OpenMatter[] {
  const steps = [...doubted.map((step) => doubt(run, step)), ...approvals.map((one) => approval(one, now))];
  const paused: OpenMatter = {
    about: "run",
    text: "paused: nothing new begins, and its timers stand still",
    todo: [[`resume ${run.id}`, ""]],
  };
  return [
    ...(run.paused ? [paused] : []),
    ...steps,
    ...waits(run, now),
    ...queued(run),
    ...children(run),
    ...ended(run),
  ];
}

function doubt(run: Run, step: Step): OpenMatter {
  const { node, shard, failure, input } = step;
  const address = `${run.id}/${shard === 0 ? node : `${node}#${shard}`}`;
  const about = shard === 0 ? labelOf(step) : `${labelOf(step)}#${shard}`;
  const why = failure ? ` (${failure.code}: ${failure.message})` : "";
  const again = [`resolve ${address} retry`, "try again; it carries the same idempotency key"] as const;
  if (isUndo(step)) {
    const text = `its undo gave up${why}; the run waits, and undoes nothing else before that`;
    const done = [`resolve ${address} succeed`, "you have undone it by hand"] as const;
    return { about, text, shown: input, todo: [again, done, [`resolve ${address} fail`, "leave it as it is"]] };
  }
  const text = `nobody knows whether it happened${why}; look where it would have`;
  const happened = [`resolve ${address} succeed --output JSON`, "it happened, and this is what it gave"] as const;
  return { about, text, shown: input, todo: [happened, again, [`resolve ${address} fail`, "it did not happen"]] };
}

function approval(one: Approval, now: Date): OpenMatter {
  const { runId, node, title, argsHash, expiresAt, input, inputCut } = one;
  const until = expiresAt ? `until ${when(expiresAt, now)}` : "";
  return {
    about: node,
    text: `approval: ${title} · ${[deciders(one), until, `hash ${argsHash}`].filter(Boolean).join(" · ")}`,
    shown: inputCut ? `too large to show here; see steps ${runId} ${node}` : input,
    todo: [
      [`approve ${runId}/${node}`, ""],
      [`reject ${runId}/${node} --comment WHY`, ""],
    ],
  };
}

/** Who may decide. */
export function deciders({ subjects, roles, notByStarter }: Approval): string {
  const named = [...subjects, ...roles.map((role) => `role ${role}`)];
  const who = named.length > 0 ? `by ${named.join(", ")}` : "by whoever may decide approvals";
  return notByStarter ? `${who}, but not who started the run` : who;
}

/** Only where nothing else goes on: then it matters that nobody takes what is in the queue. */
function queued({ steps }: Run): OpenMatter[] {
  const busy = steps.some(({ state }) => state === StepState.RUNNING || state === StepState.WAITING);
  const waiting = steps.filter(({ state }) => state === StepState.DISPATCHED || state === StepState.READY);
  if (busy || waiting.length === 0) return [];
  return [
    {
      about: waiting.map(({ node }) => node).join(", "),
      text: "in the queue, or waits for its next try; an agent-runner with a free place takes it",
      todo: [["mesh", "whether agent-runner serves"]],
    },
  ];
}

function waits({ steps }: Run, now: Date): OpenMatter[] {
  const waiting = steps.filter(({ state, kind }) => state === StepState.WAITING && kind === StepKind.WAIT);
  return waiting.map(({ node, input }) => ({ about: node, text: `waits ${awaited(input ?? {}, now)}`, todo: [] }));
}

type Awaited = { until?: string; event?: string; publisher?: string; match?: string; equals?: string };

function awaited({ until, event, publisher, match, equals }: Awaited, now: Date): string {
  if (event === undefined) return until === undefined ? "" : `until ${when(new Date(until), now)}`;
  return `for the event ${event} of ${publisher}${match === undefined ? "" : `, whose ${match} is ${equals}`}`;
}

function children({ steps }: Run): OpenMatter[] {
  const waiting = steps.filter(({ state, childRunId }) => state === StepState.WAITING && childRunId !== "");
  return waiting.map(({ node, childRunId }) => ({
    about: node,
    text: "a run of its own is under way",
    todo: [[`describe run ${childRunId}`, ""]],
  }));
}

function ended({ id, state, steps }: Run): OpenMatter[] {
  if (state !== RunState.FAILED && state !== RunState.CANCELLED) return [];
  const rerun = [`rerun ${id}`, "a new run like it; --input and --from change it"] as const;
  if (steps.some(isUndo)) return [{ about: "run", text: "what it did was undone", todo: [rerun] }];
  const retry = [`retry ${id}`, "go on from what did not succeed"] as const;
  return [{ about: "run", text: "what succeeded is kept", todo: [retry, rerun] }];
}
