import { converse, type Loop } from "../converse.ts";
import type { ChatMessage } from "../model.ts";
import { MAX_PLAN_STEPS, outcomeSchema, planSchema, readOutcome, readPlan } from "./schemas.ts";
import { withWish } from "./think.ts";

const MAX_REVISIONS = 2;
const MAX_STEPS_DONE = 2 * MAX_PLAN_STEPS;
const ASK_PLAN = `Plan first: break what is asked into at most ${MAX_PLAN_STEPS} steps that your tools and your knowledge can do. Write the steps only.`;
const ASK_STEP =
  "A plan is being carried out. Do nothing but the step you are given, with your tools where they help, and say what it found. Change the steps that remain only where its result makes them wrong.";

type Done = { readonly step: string; readonly result: string };

/**
 * Plan and solve: a plan is made, its steps are done in turn with the tools, and a result may change the steps that
 * remain, MAX_REVISIONS times. What was found stands in the conversation from then on.
 *
 *   plan → step → (revision →)? step … → the answer is asked for
 */
export async function followPlan(loop: Loop, messages: ChatMessage[]): Promise<void> {
  let steps = await makePlan(loop, messages);
  const done: Done[] = [];
  let revisions = 0;
  for (let step = steps.shift(); step !== undefined && done.length < MAX_STEPS_DONE; step = steps.shift()) {
    const outcome = await doStep(loop, messages, done, step);
    done.push({ step, result: outcome.result });
    loop.ports.onTrace?.({ kind: "step", number: done.length, step, result: outcome.result });
    if (!outcome.revise || revisions === MAX_REVISIONS) continue;
    revisions += 1;
    steps = [...outcome.remaining_steps];
    loop.ports.onTrace?.({ kind: "revision", reason: outcome.reason, steps: [...steps] });
  }
  const findings = done.map(({ result }, index) => ({ id: `step-${index + 1}`, text: result }));
  messages.push({ role: "assistant", content: done.map(({ step }, index) => `${index + 1}. ${step}`).join("\n") });
  messages.push({ role: "user", content: JSON.stringify({ findings }) });
}

async function makePlan(loop: Loop, messages: readonly ChatMessage[]): Promise<string[]> {
  const asked = withWish(messages, ASK_PLAN);
  const { output } = await converse(loop, { messages: asked, output: planSchema, usesTools: false, quiet: true });
  const { steps } = readPlan.parse(output);
  loop.ports.onTrace?.({ kind: "plan", steps: [...steps] });
  return steps;
}

/** Each step is asked in a conversation of its own, which knows the input and what the steps before it found. */
async function doStep(loop: Loop, messages: readonly ChatMessage[], done: readonly Done[], step: string) {
  const asked = withWish(messages, ASK_STEP);
  for (const { step: earlier, result } of done) {
    asked.push({ role: "user", content: earlier }, { role: "assistant", content: result });
  }
  asked.push({ role: "user", content: step });
  const { output } = await converse(loop, { messages: asked, output: outcomeSchema, usesTools: true, quiet: true });
  return readOutcome.parse(output);
}
