import { AppError } from "@agentmesh/errors";
import { inspectText, inspectValue, type Policy } from "@agentmesh/inspect";
import type { AgentDefinition } from "../domain/agent.ts";
import type { MediaPart } from "../domain/media.ts";
import type { ChatMessage } from "../domain/model.ts";
import type { Answer } from "./answer-cache.ts";

/**
 * What the agent sees of a text: what the tenant's policy redacts is gone before any model reads it.
 *
 * @throws AppError FAILED_PRECONDITION (BLOCKED_INPUT)
 */
export function guardInput(policy: Policy, text: string): string {
  const { blocked, redacted, findings } = inspectText(text, policy);
  if (!blocked) return redacted;
  const kinds = [...new Set(findings.map((finding) => finding.kind))].join(", ");
  throw new AppError("FAILED_PRECONDITION", `the input holds what the data policy forbids: ${kinds}; take it out`, {
    reason: "BLOCKED_INPUT",
    field: "text",
  });
}

/** The same for what the caller says was said before. @throws AppError FAILED_PRECONDITION (BLOCKED_INPUT) */
export function guardHistory(policy: Policy, history: readonly ChatMessage[]): readonly ChatMessage[] {
  return history.map((message) => {
    if (message.role === "tool" || typeof message.content !== "string") return message;
    return { ...message, content: guardInput(policy, message.content) };
  });
}

/**
 * Nobody can say what a picture or a sound holds: under a policy that blocks anything they are refused, for what it
 * blocks could be in them. Under one that only redacts they pass as they are. The address of a picture is text; one that
 * holds what may not go on is refused, for redacted it would lead elsewhere.
 *
 * @throws AppError FAILED_PRECONDITION (BLOCKED_INPUT) naming the part
 */
export function guardMedia(policy: Policy, media: readonly MediaPart[]): void {
  if (media.length === 0) return;
  const [blocks] = policy.rules.filter(({ action }) => action === "block");
  for (const [index, part] of media.entries()) {
    const what = part.type === "image_url" ? "an image" : "a sound";
    if (blocks) {
      const why = `is ${what}, which cannot be inspected, and the data policy blocks ${blocks.kind}`;
      throw blockedMedia(index, `${why}; send what it shows as text`);
    }
    const url = part.type === "image_url" ? part.image_url.url : "data:";
    if (url.startsWith("data:") || inspectText(url, policy).redacted === url) continue;
    throw blockedMedia(index, "has an address that holds what the data policy takes out; use another one");
  }
}

function blockedMedia(index: number, why: string): AppError {
  return new AppError("FAILED_PRECONDITION", `media part ${index + 1} of the input ${why}`, {
    reason: "BLOCKED_INPUT",
    field: `media[${index}]`,
  });
}

/**
 * The answer as it may leave: redacted, and still what the output schema promises.
 *
 * @throws AppError FAILED_PRECONDITION (BLOCKED_OUTPUT)
 */
export function guardAnswer(policy: Policy, definition: AgentDefinition, answer: Answer): Answer {
  const text = inspectText(answer.text, policy);
  if (text.blocked) throw blocked(definition, "the data policy forbids what it holds");
  if (!definition.output) return { text: text.redacted };
  const output = inspectValue(answer.output, policy);
  if (output.blocked) throw blocked(definition, output.problem ?? "the data policy forbids what it holds");
  if (output.value === answer.output) return { text: text.redacted, output: output.value };
  if (definition.output.check(output.value).length > 0) throw blocked(definition, "redacted, it breaks its schema");
  return { text: JSON.stringify(output.value), output: output.value };
}

function blocked(definition: AgentDefinition, why: string): AppError {
  return new AppError("FAILED_PRECONDITION", `the answer of agent ${definition.name} was withheld: ${why}`, {
    reason: "BLOCKED_OUTPUT",
  });
}

// Longer than anything that is looked for, so that none is cut in two.
const HELD_BACK_CHARS = 256;

/** Passes a stream of text on with what the policy redacts taken out, a little behind. `end` lets the rest go. */
export function guardStream(policy: Policy, pass: (delta: string) => void) {
  let held = "";
  function letGo(upTo: number): void {
    const { blocked: isBlocked, redacted } = inspectText(held.slice(0, upTo), policy);
    held = held.slice(upTo);
    if (redacted !== "" && !isBlocked) pass(redacted);
  }
  return {
    add(delta: string): void {
      held += delta;
      if (held.length < HELD_BACK_CHARS * 2) return;
      const { findings } = inspectText(held, policy);
      const wanted = held.length - HELD_BACK_CHARS;
      const across = findings.find((finding) => finding.start < wanted && finding.end > wanted);
      const cut = across?.start ?? wanted;
      if (cut > 0) letGo(cut);
    },
    end(): void {
      if (held !== "") letGo(held.length);
    },
  };
}
