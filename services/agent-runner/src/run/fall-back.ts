import { isAppError } from "@agentmesh/errors";
import type { Context } from "../context.ts";
import { attachMedia, type MediaPart } from "../domain/media.ts";
import type { LoopPorts } from "../domain/run-loop.ts";
import type { Model } from "../providers/open-models.ts";
import { createModelCaller } from "./call-model.ts";
import type { ChosenModels } from "./choose-models.ts";

type Run = Omit<Parameters<typeof createModelCaller>[1], "model"> & {
  readonly chosen: ChosenModels;
  readonly input: string;
  readonly media: readonly MediaPart[];
};

/**
 * Calls the models of a run: when one has failed with all its retries the next is asked, and stays until the run ends.
 * Nobody is asked once a part of an answer was streamed, for its reader has it already.
 */
export function createFallbackCaller(context: Context, run: Run): LoopPorts["callModel"] {
  const { models, choices } = run.chosen;
  let at = 0;
  return async (asked, quiet = false) => {
    const request = attachMedia(asked, run.input, run.media);
    for (;;) {
      const model = models[at] ?? models[0];
      let hasSpoken = false;
      const onText = run.onText && hear(run.onText, () => (hasSpoken = true));
      try {
        return await createModelCaller(context, { ...run, model, onText })(request, quiet);
      } catch (error) {
        const next = models[at + 1];
        if (!next || hasSpoken || run.request.signal.aborted || !isOfModel(error)) throw error;
        at += 1;
        recordFallback(context, model, next, error, choices);
      }
    }
  };
}

function hear(onText: (delta: string) => void, heard: () => void): (delta: string) => void {
  return (delta) => {
    heard();
    onText(delta);
  };
}

/** A failure of this model or its provider: another may do better. A spent budget is spent for all. */
function isOfModel(error: unknown): boolean {
  const reason = (isAppError(error) && error.reason) || "";
  return reason.startsWith("PROVIDER_") || reason === "BREAKER_OPEN" || reason === "UNSUPPORTED_BY_MODEL";
}

function recordFallback(
  context: Context,
  from: Model,
  to: Model,
  error: unknown,
  choices: ChosenModels["choices"],
): void {
  const reason = (isAppError(error) && error.reason) || "UNKNOWN";
  choices.push({ model: to.fullName, reason: `${from.fullName} failed: ${reason}` });
  context.measured.fellBack(from.fullName, to.fullName, reason);
  context.log.warn({ from: from.fullName, to: to.fullName, reason }, "fell back to another model");
}
