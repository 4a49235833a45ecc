import { AppError, isAppError } from "@agentmesh/errors";
import type { AgentSpec } from "../domain/agent-spec.ts";
import { complexityOf, countFields } from "../domain/complexity.ts";
import { type MediaPart, missingAbility } from "../domain/media.ts";
import type { Model, Models } from "../providers/open-models.ts";

export type ModelChoice = { readonly model: string; readonly reason: string };

export type ChosenModels = {
  /** The one to ask, then those to fall back to. */
  readonly models: readonly [Model, ...Model[]];
  /** Why it is not simply the agent's own model; grows with each fall back. */
  readonly choices: ModelChoice[];
};

/** What is known of models beside their names: those to be asked last. */
export type Reservations = {
  /** Why a model should wait behind its agent's other models; undefined: it need not. */
  reservationOf(model: Model): string | undefined;
};

/**
 * The models a run may use, in their order: by the task's complexity where the agent says so, then its fallbacks. Those
 * that have no key here or cannot do what the task asks are left out; one with a reservation goes last.
 *
 * @throws AppError of the first one, when none is left: PROVIDER_OFF, UNSUPPORTED_BY_MODEL
 */
export function chooseModels(
  models: Models,
  spec: AgentSpec,
  task: { readonly text: string; readonly media: readonly MediaPart[] },
  reservations: Reservations,
): ChosenModels {
  const first = firstModel(spec, task);
  const usable: Model[] = [];
  const left: { name: string; error: AppError }[] = [];
  for (const name of new Set([first.model, ...spec.fallbacks])) {
    try {
      const model = models.resolve(name);
      assertAble(model, spec, task.media);
      usable.push(model);
    } catch (error) {
      if (!isAppError(error)) throw error;
      left.push({ name, error });
    }
  }
  const reserved = usable.map((model) => ({ model, why: reservations.reservationOf(model) }));
  const [chosen, ...rest] = [...reserved.filter(({ why }) => !why), ...reserved.filter(({ why }) => why)];
  if (!chosen) throw left[0]?.error ?? new AppError("INTERNAL", "an agent without a model");
  const choices: ModelChoice[] = [];
  if (spec.modelChoice && left[0]?.name !== first.model) choices.push(first);
  const passedOver = reserved[0]?.model === chosen.model ? undefined : reserved[0];
  if (passedOver) choices.push({ model: chosen.model.fullName, reason: passedOver.why ?? "" });
  const missed = left.find(({ name }) => name === first.model);
  if (missed) {
    choices.push({
      model: chosen.model.fullName,
      reason: `${missed.name}: ${missed.error.reason ?? missed.error.code}`,
    });
  }
  return { models: [chosen.model, ...rest.map(({ model }) => model)], choices };
}

function firstModel(
  spec: AgentSpec,
  task: { readonly text: string; readonly media: readonly MediaPart[] },
): ModelChoice {
  const { modelChoice } = spec;
  if (!modelChoice) return { model: spec.model, reason: "" };
  const { simple, complex, threshold } = modelChoice;
  const score = complexityOf({
    text: task.text,
    tools: spec.tools.length,
    outputFields: countFields(spec.output),
    hasMedia: task.media.length > 0,
  });
  if (score < threshold) return { model: simple, reason: `complexity ${score} is below ${threshold}` };
  return { model: complex, reason: `complexity ${score} is not below ${threshold}` };
}

function assertAble(model: Model, spec: AgentSpec, media: readonly MediaPart[]): void {
  const missing = missingAbility(model.abilities, { tools: spec.tools.length, media });
  if (!missing) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `${model.fullName} does not take ${missing}; give the agent a model or a fallback that does`,
    { reason: "UNSUPPORTED_BY_MODEL", field: missing === "tools" ? "spec.tools" : "parts" },
  );
}
