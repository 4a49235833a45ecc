import { AppError } from "@agentmesh/errors";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { HttpError } from "../http/http-error.ts";
import type { Rendering } from "../http/rendering.ts";
import { type RoutedMethod, routed } from "../routes.ts";
import { chatRendering } from "./chat-rendering.ts";
import { modelChatRendering } from "./model-chat-rendering.ts";
import { modelResponseRendering } from "./model-response-rendering.ts";
import { modelRendering, modelsRendering } from "./models-rendering.ts";
import { agentOf, readAgentChat } from "./read-agent-chat.ts";
import { readModelChat } from "./read-model-chat.ts";
import { readModelResponse } from "./read-model-response.ts";
import { readResponse } from "./read-response.ts";
import { noModel } from "./refusals.ts";
import { readResponseId } from "./response-id.ts";
import { keptResponseRendering, responseRendering } from "./response-rendering.ts";

/** A request as a call of the contract, and how its reply is said. */
export type Asked = { readonly method: RoutedMethod; readonly message: unknown; readonly rendering: Rendering };

const { methods } = runnerContract;
const runAgent = routed(methods.runAgent.path);
const streamAgent = routed(methods.streamAgent.path);
const completeChat = routed(methods.completeChat.path);
const streamChat = routed(methods.streamChat.path);
const getAgentRun = routed(methods.getAgentRun.path);
const cancelAgentRun = routed(methods.cancelAgentRun.path);
const listResources = routed(methods.listResources.path);
const getResource = routed(methods.getResource.path);
const MAX_MODELS = 500;

type Route = {
  readonly verb: string;
  readonly pattern: RegExp;
  /** @param name the last capture of the pattern, decoded */
  read(name: string, readJson: () => Promise<unknown>): Promise<Asked>;
};

const routes: readonly Route[] = [
  { verb: "POST", pattern: /^\/v1\/chat\/completions$/, read: async (_, readJson) => askChat(await readJson()) },
  { verb: "POST", pattern: /^\/v1\/responses$/, read: async (_, readJson) => askResponse(await readJson()) },
  {
    verb: "POST",
    pattern: /^\/v1\/responses\/([^/]+)\/cancel$/,
    read: async (id) => ({ method: cancelAgentRun, message: runOf(id), rendering: keptResponseRendering }),
  },
  {
    verb: "GET",
    pattern: /^\/v1\/responses\/([^/]+)$/,
    read: async (id) => ({ method: getAgentRun, message: runOf(id), rendering: keptResponseRendering }),
  },
  {
    verb: "GET",
    pattern: /^\/v1\/models$/,
    async read() {
      const message = { kind: "Agent", pageSize: MAX_MODELS, pageToken: "" };
      return { method: listResources, message, rendering: modelsRendering };
    },
  },
  {
    verb: "GET",
    pattern: /^\/v1\/models\/(.+)$/,
    async read(model) {
      const message = { kind: "Agent", name: agentOf(model), version: 0 };
      return { method: getResource, message, rendering: modelRendering };
    },
  },
];

/** Whether a path is of OpenAI's API, which any of its clients speaks with `/v1` of the gateway as its base URL. */
export function isOpenAiPath(path: string): boolean {
  return routes.some(({ pattern }) => pattern.test(path));
}

/**
 * Every path of OpenAI's API is a call of the contract: it passes the same pipeline, and only its words differ.
 *
 * @param readJson reads the body
 * @throws AppError, HttpError 405
 */
export async function readOpenAi(verb: string, path: string, readJson: () => Promise<unknown>): Promise<Asked> {
  const candidates = routes.filter(({ pattern }) => pattern.test(path));
  const route = candidates.find((candidate) => candidate.verb === verb);
  if (route) return route.read(decoded(route.pattern.exec(path)?.[1] ?? ""), readJson);
  const allow = candidates.map((candidate) => candidate.verb).join(", ");
  const error = new AppError("UNIMPLEMENTED", `${path.slice(0, 200)} does not take ${verb}; it takes ${allow}`, {
    reason: "METHOD_NOT_ALLOWED",
  });
  throw new HttpError(405, error, { allow });
}

function askChat(body: unknown): Asked {
  const model: unknown = Reflect.get(Object(body), "model");
  if (typeof model !== "string" || model.startsWith("agent:")) {
    const request = readAgentChat(body);
    const method = request.stream ? streamAgent : runAgent;
    return { method, message: request.run, rendering: chatRendering(request) };
  }
  if (!MODEL.test(model)) throw noModel(model);
  const request = readModelChat(body);
  const method = request.stream ? streamChat : completeChat;
  return { method, message: request.chat, rendering: modelChatRendering(request) };
}

const MODEL = /^(default|[a-z0-9-]+\/[\w.:@/-]{1,128})$/;

function askResponse(body: unknown): Asked {
  const model: unknown = Reflect.get(Object(body), "model");
  if (typeof model === "string" && MODEL.test(model)) {
    const request = readModelResponse(body);
    const method = request.stream ? streamChat : completeChat;
    return { method, message: request.chat, rendering: modelResponseRendering(request) };
  }
  const request = readResponse(body);
  const method = request.stream ? streamAgent : runAgent;
  return { method, message: request.run, rendering: responseRendering(request) };
}

function runOf(id: string): { readonly id: string } {
  return { id: readResponseId(id, "response_id").runId };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", "the path is not valid percent-encoding", { reason: "BAD_PATH", cause });
  }
}
