import { AppError } from "@agentmesh/errors";
import type { AgentRunnerConfig } from "../config.ts";
import { DEFAULT_MODEL } from "../domain/agent-spec.ts";
import { EMBEDDED_MODEL, EMBEDDED_PROVIDER, embeddedProvider } from "./embedded.ts";
import type { Breakers } from "./open-breakers.ts";
import { type Abilities, presets } from "./presets.ts";
import type { Provider } from "./provider.ts";

/** A model that can be called. */
export type Model = {
  /** `provider/model`, as it stands in runs. */
  readonly fullName: string;
  readonly provider: string;
  readonly name: string;
  readonly client: Provider;
  readonly abilities: Abilities;
  /** One for each provider and model, shared by all agents and replicas. */
  readonly breaker: Breaker;
};

export type Breaker = { run<T>(work: () => Promise<T>): Promise<T> };

export type Models = AsyncDisposable & {
  /** @throws AppError FAILED_PRECONDITION (PROVIDER_OFF) or INVALID_ARGUMENT (UNKNOWN_PROVIDER) */
  resolve(name: string): Model;
  /** Providers of the models that were asked for so far. */
  providersInUse(): Provider[];
};

const MAX_MODELS = 1_000;

export async function openModels(settings: AgentRunnerConfig["models"], breakers: Breakers): Promise<Models> {
  const providers = await openProviders(settings);
  const models = new Map<string, Model>();
  const aliased = settings.default || (providers.has("openai") ? `openai/${settings.openaiModel}` : EMBEDDED);

  return {
    resolve(asked) {
      const fullName = asked === DEFAULT_MODEL ? aliased : asked;
      const known = models.get(fullName);
      if (known) return known;
      const model = describe(fullName, providers, breakers);
      // Names come from declared agents, which are few; the bound only keeps a mistake from growing for ever.
      if (models.size >= MAX_MODELS) models.clear();
      models.set(fullName, model);
      return model;
    },
    providersInUse: () => [...new Set([...models.values()].map((model) => model.client))],
    async [Symbol.asyncDispose]() {
      for (const provider of providers.values()) await provider[Symbol.asyncDispose]();
    },
  };
}

const EMBEDDED = `${EMBEDDED_PROVIDER}/${EMBEDDED_MODEL}`;

async function openProviders(settings: AgentRunnerConfig["models"]): Promise<Map<string, Provider>> {
  const open = new Map<string, Provider>([[EMBEDDED_PROVIDER, embeddedProvider()]]);
  for (const preset of presets) {
    const { apiKey, baseUrl } = settings.providers[preset.name] ?? {};
    const isOn = preset.key ? Boolean(apiKey) : Boolean(baseUrl || preset.baseUrl);
    if (!isOn) continue;
    // undici comes with it, which the embedded model alone does not need.
    const { openAiCompatible } = await import("./openai-compatible.ts");
    open.set(preset.name, openAiCompatible(preset, { apiKey: apiKey ?? "", baseUrl: baseUrl ?? "" }));
  }
  return open;
}

function describe(fullName: string, providers: ReadonlyMap<string, Provider>, breakers: Breakers): Model {
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
  const breaker: Breaker = { run: (work) => breakers.run(fullName, work) };
  return { fullName, provider, name, client, abilities: client.abilitiesOf(name), breaker };
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
