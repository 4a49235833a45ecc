import { AppError } from "@agentmesh/errors";
import { type Breaker, createBreaker } from "@agentmesh/resilience";
import type { AgentRunnerConfig } from "../config.ts";
import { DEFAULT_MODEL } from "../domain/agent-spec.ts";
import { EMBEDDED_MODEL, EMBEDDED_PROVIDER, embeddedProvider } from "./embedded.ts";
import { openAiCompatible } from "./openai-compatible.ts";
import { presets } from "./presets.ts";
import type { Provider } from "./provider.ts";

/** A model that can be called. */
export type Model = {
  /** `provider/model`, as it stands in runs. */
  readonly fullName: string;
  readonly provider: string;
  readonly name: string;
  readonly client: Provider;
  /** One for each provider and model, shared by all agents. */
  readonly breaker: Breaker;
};

export type Models = AsyncDisposable & {
  /** @throws AppError FAILED_PRECONDITION (PROVIDER_OFF) or INVALID_ARGUMENT (UNKNOWN_PROVIDER) */
  resolve(name: string): Model;
};

const MAX_MODELS = 1_000;

export function openModels(settings: AgentRunnerConfig["models"]): Models {
  const providers = openProviders(settings);
  const models = new Map<string, Model>();
  const aliased = settings.default || (providers.has("openai") ? `openai/${settings.openaiModel}` : EMBEDDED);

  return {
    resolve(asked) {
      const fullName = asked === DEFAULT_MODEL ? aliased : asked;
      const known = models.get(fullName);
      if (known) return known;
      const model = describe(fullName, providers);
      // Names come from declared agents, which are few; the bound only keeps a mistake from growing for ever.
      if (models.size >= MAX_MODELS) models.clear();
      models.set(fullName, model);
      return model;
    },
    async [Symbol.asyncDispose]() {
      for (const provider of providers.values()) await provider[Symbol.asyncDispose]();
    },
  };
}

const EMBEDDED = `${EMBEDDED_PROVIDER}/${EMBEDDED_MODEL}`;

function openProviders(settings: AgentRunnerConfig["models"]): Map<string, Provider> {
  const open = new Map<string, Provider>([[EMBEDDED_PROVIDER, embeddedProvider()]]);
  for (const preset of presets) {
    const { apiKey, baseUrl } = settings.providers[preset.name] ?? {};
    const isOn = preset.needsKey ? Boolean(apiKey) : Boolean(baseUrl || preset.baseUrl);
    if (isOn) open.set(preset.name, openAiCompatible(preset, { apiKey: apiKey ?? "", baseUrl: baseUrl ?? "" }));
  }
  return open;
}

function describe(fullName: string, providers: ReadonlyMap<string, Provider>): Model {
  const [provider = "", ...rest] = fullName.split("/");
  const client = providers.get(provider);
  if (!client) throw noProvider(fullName, provider);
  const name = rest.join("/");
  if (provider === EMBEDDED_PROVIDER && name !== EMBEDDED_MODEL) {
    throw new AppError("INVALID_ARGUMENT", `${fullName} does not exist; the embedded model is ${EMBEDDED}`, {
      reason: "UNKNOWN_MODEL",
      field: "spec.model",
    });
  }
  return { fullName, provider, name, client, breaker: createBreaker({ name: fullName, counts: isSick }) };
}

function noProvider(fullName: string, provider: string): AppError {
  if (presets.some((preset) => preset.name === provider)) {
    return new AppError("FAILED_PRECONDITION", `${fullName}: ${provider} has no key or address in this mesh`, {
      reason: "PROVIDER_OFF",
      field: "spec.model",
    });
  }
  const names = [EMBEDDED_PROVIDER, ...presets.map((preset) => preset.name)].join(", ");
  return new AppError("INVALID_ARGUMENT", `${fullName}: ${provider} is not a provider; there are ${names}`, {
    reason: "UNKNOWN_PROVIDER",
    field: "spec.model",
  });
}

/** A refusal or a caller who left says nothing about a provider's health. */
function isSick(error: unknown): boolean {
  return error instanceof AppError && (error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED");
}
