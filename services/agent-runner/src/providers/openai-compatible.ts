import { Pool } from "undici";
import { toWire } from "./openai-wire.ts";
import { abilitiesOf, type Preset } from "./presets.ts";
import type { Provider } from "./provider.ts";
import { errorOfCall, errorOfStatus } from "./provider-errors.ts";
import { readReply, readText } from "./read-reply.ts";

const MAX_CONNECTIONS = 128;
const CONNECT_TIMEOUT_MS = 5_000;
const MAX_PROBE_BYTES = 4 * 1024 * 1024;

export type EndpointSettings = {
  readonly apiKey: string;
  /** Empty: the preset's. */
  readonly baseUrl: string;
  /** Longest silence within a reply, in milliseconds. Default 30 000: longer than any pause for thought seen. */
  readonly idleTimeoutMs?: number;
};

/**
 * A client of any endpoint that speaks chat.completions, over a pool of kept connections. The `openai` package gives
 * the types and nothing else: its client costs twelve times the CPU of this one.
 */
export function openAiCompatible(preset: Preset, settings: EndpointSettings): Provider {
  const { idleTimeoutMs = 30_000 } = settings;
  const base = new URL(settings.baseUrl || preset.baseUrl);
  const headers = { "content-type": "application/json", ...authHeaders(preset, settings.apiKey) };
  const pool = new Pool(base.origin, { connections: MAX_CONNECTIONS, connect: { timeout: CONNECT_TIMEOUT_MS } });
  const completions = pathOf(preset, base, settings.apiKey, "chat/completions");
  const models = pathOf(preset, base, settings.apiKey, "models");

  return {
    name: preset.name,
    abilitiesOf: (model) => abilitiesOf(preset, model),
    async complete(model, request, options) {
      const { timeoutMs, onText } = options;
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
      const body = JSON.stringify(toWire(abilitiesOf(preset, model), model, request, onText !== undefined));
      try {
        const response = await pool.request({
          method: "POST",
          path: completions,
          body,
          signal,
          headers,
          // A model may think for as long as the call may take before its first byte; then silence is a fault.
          headersTimeout: timeoutMs,
          bodyTimeout: Math.min(idleTimeoutMs, timeoutMs),
        });
        if (response.statusCode === 200) return await readReply(preset.name, response, request, options);
        const header = (name: string) => response.headers[name]?.toString();
        // Its status says enough where its body is endless or breaks off.
        const text = await readText(preset.name, response.body).catch(() => "");
        options.signal.throwIfAborted();
        throw errorOfStatus(preset.name, response.statusCode, text, header, Date.now());
      } catch (error) {
        throw errorOfCall(preset.name, error, options.signal, timeoutMs);
      }
    },
    async probe(signal) {
      try {
        const response = await pool.request({ method: "GET", path: models, signal, headers });
        await response.body.dump({ limit: MAX_PROBE_BYTES, signal });
        // Not all have a list of models; a refusal, too, is a sign of life.
        if (response.statusCode < 500) return;
        throw errorOfStatus(preset.name, response.statusCode, "to a probe", () => undefined, Date.now());
      } catch (error) {
        throw errorOfCall(preset.name, error, new AbortController().signal, 0);
      }
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

function authHeaders(preset: Preset, apiKey: string): Record<string, string> {
  if (!apiKey || preset.auth.style === "query") return {};
  return preset.auth.style === "header" ? { [preset.auth.name]: apiKey } : { authorization: `Bearer ${apiKey}` };
}

/** The address may carry a query of its own, such as an api-version. */
function pathOf(preset: Preset, base: URL, apiKey: string, what: string): string {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, "")}/${what}`;
  if (apiKey && preset.auth.style === "query") url.searchParams.set(preset.auth.name, apiKey);
  return url.pathname + url.search;
}
