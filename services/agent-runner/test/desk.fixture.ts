import type { LedgerRow } from "@agentmesh/proto/cost";
import { costContract } from "@agentmesh/proto/cost.contract";
import type { AgentRun } from "@agentmesh/proto/runner";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// The real service with real PostgreSQL, NATS, Redis, cache and cost. Models: the embedded one, and an HTTP upstream
// that follows a script.
export type Desk = AsyncDisposable & {
  readonly mesh: TestMesh;
  readonly upstream: ScriptedUpstream;
  readonly token: string;
  apply(kind: string, name: string, spec: object, labels?: Record<string, string>): Promise<unknown>;
  run(agent: string, text: string, more?: object): Promise<AgentRun>;
  ledgerOf(runId: string): Promise<readonly LedgerRow[]>;
};

export const openai = {
  model: "openai/gpt-4.1-mini",
  instructions: "answer",
  limits: { turns: 3, timeoutMs: 1_000, retries: 2 },
};
/** An output schema: a score between 0 and 1. */
export const scored = {
  type: "object",
  properties: { score: { type: "number", minimum: 0, maximum: 1 } },
  required: ["score"],
  additionalProperties: false,
};

export async function openDesk(): Promise<Desk> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const mesh = await startTestMesh(stack, {
    runner: {
      models: {
        default: "embedded/lexical-1",
        retryDelayMs: 10,
        providers: { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } },
      },
      pool: { places: 2, queue: 1 },
    },
  });
  const token = await mesh.callers.token({
    permissions: everything,
    subject: "user:ada",
    department: "support",
    project: "helpdesk",
  });
  const apply: Desk["apply"] = (kind, name, spec, labels = {}) =>
    mesh.runner.applyResource({ kind, name, spec, labels }, { token });
  await apply("Tool", "kb_search", {
    description: "Search the knowledge base",
    effect: "read",
    parameters: {
      type: "object",
      properties: { query: { type: "string", minLength: 1 } },
      required: ["query"],
      additionalProperties: false,
    },
    source: {
      type: "documents",
      documents: [
        { id: "refunds", title: "Refunds", text: "A refund reaches the card within five working days." },
        { id: "login", title: "Password reset", text: "Choose forgotten password on the sign-in page." },
      ],
    },
  });
  await apply("Tool", "customer", {
    description: "Look a customer up",
    effect: "read",
    parameters: { type: "object", properties: { customer_id: { type: "string" } }, required: ["customer_id"] },
    source: {
      type: "table",
      key: "customer_id",
      rows: [{ customer_id: "C-1", plan: "pro", card: "4111 1111 1111 1111" }],
    },
  });
  await apply("Tool", "order", {
    description: "Read an order",
    effect: "read",
    timeoutMs: 500,
    parameters: { type: "object", properties: { id: { type: "string" }, note: { type: "string" } }, required: ["id"] },
    source: {
      type: "http",
      method: "GET",
      url: `${upstream.origin}/orders/{id}?note={note}`,
      headers: { "x-key": "k" },
    },
  });
  await apply("Tool", "send", {
    description: "Send something",
    effect: "effectful",
    parameters: { type: "object", properties: { what: { type: "string" } } },
    source: { type: "identity" },
  });
  const opened = stack.move();
  return {
    mesh,
    upstream,
    token,
    apply,
    run: (agent, text, more = {}) => mesh.runner.runAgent({ agent, text, ...more }, { token }),
    async ledgerOf(runId) {
      const client = await mesh.callers.client(costContract, mesh.cost.port);
      return (await client.listLedger({ runId }, { token })).rows;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
