import type { Compiled } from "./compiled.ts";
import { memberStep, outputOf } from "./member-step.ts";
import type { Member, TeamSpec } from "./team-spec.ts";

type Review = NonNullable<TeamSpec["review"]>;

/**
 * One member after the other, each with what the one before it made as `previous`. A review loop is unrolled: each
 * further round runs only when the review before it did not pass, and the last round that ran gives the result.
 */
export function sequentialSteps(team: TeamSpec): Compiled {
  const steps: object[] = [];
  let previous: string | undefined;
  for (const member of team.members) {
    steps.push(memberStep(member, previous === undefined ? {} : { previous: outputOf(previous) }, after(previous)));
    previous = member.name;
  }
  const last = previous ?? "";
  if (!team.review) return { steps, result: outputOf(last) };
  return withReview(team, team.review, steps, last);
}

function withReview(team: TeamSpec, review: Review, first: readonly object[], last: string): Compiled {
  const steps = [...first];
  const from = team.members.findIndex((member) => member.name === (review.redo ?? last));
  const again = team.members.slice(from);
  const results = [outputOf(last)];
  const reviews = [outputOf(reviewId(1))];
  steps.push(reviewStep(review, 1, last, {}));
  for (let round = 2; round <= review.maxIterations; round++) {
    const made = roundId(last, round - 1);
    steps.push(...roundSteps(again, round, made));
    const result = roundId(last, round);
    steps.push(reviewStep(review, round, result, { when: succeeded(result) }));
    results.unshift(outputOf(result));
    reviews.unshift(outputOf(reviewId(round)));
  }
  return { steps, result: { $first: results }, review: { $first: reviews } };
}

function roundSteps(members: readonly Member[], round: number, made: string): object[] {
  const before = reviewId(round - 1);
  const steps: object[] = [];
  let previous: string | undefined;
  for (const member of members) {
    const handed = { previous: outputOf(previous ?? made), review: outputOf(before) };
    const when = previous === undefined ? { value: `$.steps.${before}.gate`, equals: "failed" } : succeeded(previous);
    const id = roundId(member.name, round);
    steps.push(memberStep(withHanded(member, handed), handed, { id, dependsOn: [previous ?? before], when }));
    previous = id;
  }
  return steps;
}

/** A further try needs to know what was wrong, whatever the member's own input is. */
function withHanded(member: Member, handed: object): Member {
  const { input } = member;
  const isObject = input !== null && typeof input === "object" && !Array.isArray(input) && !("$first" in input);
  return isObject ? { ...member, input: { ...input, ...handed } } : { ...member, input: undefined };
}

function reviewStep({ by, gate, maxIterations, exhausted }: Review, round: number, of: string, more: object): object {
  const last = round === maxIterations;
  return {
    id: reviewId(round),
    kind: "agent",
    agent: by,
    dependsOn: [of],
    input: { task: "$.input", result: outputOf(of) },
    gate: { ...gate, onFail: last && exhausted === "fail" ? "fail" : "branch" },
    ...more,
  };
}

function after(previous: string | undefined): object {
  return previous === undefined ? {} : { dependsOn: [previous] };
}

function succeeded(id: string): object {
  return { value: `$.steps.${id}.state`, equals: "succeeded" };
}

function reviewId(round: number): string {
  return `review--${round}`;
}

function roundId(name: string, round: number): string {
  return round === 1 ? name : `${name}--${round}`;
}
