// One question to one agent over every surface of the edge, and what came of it.

import { ClientFactory } from "@a2a-js/sdk/client";
import { GrpcTransportFactory } from "@a2a-js/sdk/client/grpc";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { createClient, openChannel } from "@agentmesh/rpc";

export type Outcome = {
  readonly ok: boolean;
  /** All that left. */
  readonly text: string;
};

type At = { readonly port: number; readonly httpPort: number };
type Asking = (at: At, token: string, text: string) => Promise<Outcome>;

const message = (text: string) => ({ messageId: "m", role: "ROLE_USER", parts: [{ text }] });
const rpc = (method: string, params: object) => ({ jsonrpc: "2.0", id: 1, method, params });

function overHttp(path: string, bodyOf: (text: string) => object): Asking {
  return async ({ httpPort }, token, asked) => {
    const reply = await fetch(`http://127.0.0.1:${httpPort}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "a2a-version": "1.0" },
      body: JSON.stringify(bodyOf(asked)),
    });
    const text = await reply.text();
    return { ok: reply.ok && !/"error":\{|"isError":true/.test(text), text };
  };
}

function overGrpc(
  call: (runner: ReturnType<typeof runnerOf>, token: string, text: string) => Promise<unknown>,
): Asking {
  return async ({ port }, token, asked) => {
    using channel = openChannel({ address: `127.0.0.1:${port}` });
    return await outcomeOf(call(runnerOf(channel), token, asked));
  };
}

function runnerOf(channel: ReturnType<typeof openChannel>) {
  return createClient(runnerContract, { address: channel });
}

async function outcomeOf(answer: Promise<unknown>): Promise<Outcome> {
  try {
    return {
      ok: true,
      text: JSON.stringify(await answer, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    };
  } catch (error) {
    return { ok: false, text: `${error} ${JSON.stringify(error)}` };
  }
}

async function overA2aGrpc({ port }: At, token: string, asked: string): Promise<Outcome> {
  const url = `127.0.0.1:${port}`;
  const supportedInterfaces = [{ url, protocolBinding: "GRPC", protocolVersion: "1.0", tenant: "desk" }];
  const client = await new ClientFactory({ transports: [new GrpcTransportFactory()] }).createFromAgentCard({
    name: "desk",
    description: "",
    version: "1",
    supportedInterfaces,
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false, extensions: [] },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: [],
    defaultOutputModes: [],
    skills: [],
    signatures: [],
    provider: undefined,
  });
  const part = { content: { $case: "text" as const, value: asked }, metadata: undefined, filename: "", mediaType: "" };
  const said = { messageId: "m", contextId: "", taskId: "", role: 1, parts: [part], metadata: undefined };
  const request = {
    tenant: "desk",
    metadata: undefined,
    configuration: undefined,
    message: { ...said, extensions: [], referenceTaskIds: [] },
  };
  return outcomeOf(client.sendMessage(request, { serviceParameters: { authorization: `Bearer ${token}` } }));
}

export const surfaces: Readonly<Record<string, Asking>> = {
  HTTP: overHttp("/v1/agents/desk:run", (text) => ({ text })),
  SSE: overHttp("/v1/agents/desk:stream", (text) => ({ text })),
  gRPC: overGrpc((runner, token, text) => runner.runAgent({ agent: "desk", text }, { token })),
  "gRPC, streamed": overGrpc((runner, token, text) =>
    Array.fromAsync(runner.streamAgent({ agent: "desk", text }, { token })),
  ),
  chat: overHttp("/v1/chat/completions", (content) => ({ model: "agent:desk", messages: [{ role: "user", content }] })),
  "chat, streamed": overHttp("/v1/chat/completions", (content) => ({
    model: "agent:desk",
    messages: [{ role: "user", content }],
    stream: true,
  })),
  responses: overHttp("/v1/responses", (input) => ({ model: "agent:desk", input })),
  MCP: overHttp("/mcp", (text) => rpc("tools/call", { name: "agent_desk", arguments: { text } })),
  A2A: overHttp("/a2a/desk", (text) => rpc("SendMessage", { message: message(text) })),
  "A2A, streamed": overHttp("/a2a/desk", (text) => rpc("SendStreamingMessage", { message: message(text) })),
  "A2A over gRPC": overA2aGrpc,
};
