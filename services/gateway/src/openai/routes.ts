import { AppError } from "@agentmesh/errors";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { HttpError } from "../http/http-error.ts";
import type { Rendering } from "../http/rendering.ts";
import { type RoutedMethod, routed } from "../routes.ts";
import { chatRendering } from "./chat-rendering.ts";
import { modelRendering, modelsRendering } from "./models-rendering.ts";
import { agentOf, readChat } from "./read-chat.ts";

/** A request as a call of the contract, and how its reply is said. */
export type Asked = { readonly method: RoutedMethod; readonly message: unknown; readonly rendering: Rendering };

const runAgent = routed(runnerContract.methods.runAgent.path);
const streamAgent = routed(runnerContract.methods.streamAgent.path);
const listResources = routed(runnerContract.methods.listResources.path);
const getResource = routed(runnerContract.methods.getResource.path);
const CHAT = "/v1/chat/completions";
const MODELS = "/v1/models";
const MAX_MODELS = 500;

/** Whether a path is of OpenAI's API, which any of its clients speaks with `/v1` of the gateway as its base URL. */
export function isOpenAiPath(path: string): boolean {
  return path === CHAT || path === MODELS || path.startsWith(`${MODELS}/`);
}

/**
 * Every path of OpenAI's API is a call of the contract: it passes the same pipeline, and only its words differ.
 *
 * @param readJson reads the body
 * @throws AppError, HttpError 405
 */
export async function readOpenAi(verb: string, path: string, readJson: () => Promise<unknown>): Promise<Asked> {
  if (path === CHAT) {
    expectVerb(verb, "POST", path);
    const request = readChat(await readJson());
    const method = request.stream ? streamAgent : runAgent;
    return { method: method, message: request.run, rendering: chatRendering(request) };
  }
  expectVerb(verb, "GET", path);
  if (path === MODELS) {
    const message = { kind: "Agent", pageSize: MAX_MODELS, pageToken: "" };
    return { method: listResources, message, rendering: modelsRendering };
  }
  const name = agentOf(decodeURIComponent(path.slice(MODELS.length + 1)));
  const message = { kind: "Agent", name, version: 0 };
  return { method: getResource, message, rendering: modelRendering };
}

function expectVerb(verb: string, expected: string, path: string): void {
  if (verb === expected) return;
  const error = new AppError("UNIMPLEMENTED", `${path} does not take ${verb}; it takes ${expected}`, {
    reason: "METHOD_NOT_ALLOWED",
  });
  throw new HttpError(405, error, { allow: expected });
}
