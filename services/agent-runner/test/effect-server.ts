import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server does with one call: whether it has its effect, and how it ends. */
export type Behaviour =
  | "answer"
  | "refuse"
  | "apply and cut"
  | "cut"
  | "apply and hang"
  | "hang"
  | "apply and fail"
  | "answer too much";

export type EffectCall = {
  readonly order: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
};

/**
 * Another system with effects, which writes down each of them. `POST /pay/<order>` has one each time it is called, `POST
 * /keyed/<order>` once for each idempotency key, `GET /pay/<order>` says whether it is there, with 404 where it is not.
 */
export type EffectServer = AsyncDisposable & {
  readonly origin: string;
  readonly calls: EffectCall[];
  /** Orders, one entry for each effect. */
  readonly effects: string[];
  /** What becomes of the next calls for an order; then they are answered. */
  play(order: string, ...behaviours: readonly Behaviour[]): void;
  /** Whether `GET` answers 503, or nothing until it is changed. */
  asking: "answers" | "down" | "held";
  /** How often was asked. */
  readonly asked: () => number;
  callsOf(order: string): EffectCall[];
  effectsOf(order: string): number;
};

export async function startEffectServer(): Promise<EffectServer> {
  const scripts = new Map<string, Behaviour[]>();
  const calls: EffectCall[] = [];
  const effects: string[] = [];
  const answered = new Map<string, string>();
  let held: (() => void)[] = [];
  let asking: EffectServer["asking"] = "answers";
  let asked = 0;

  function tell(response: ServerResponse, order: string): void {
    const there = effects.includes(order);
    response.writeHead(there ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(there ? { order, state: "paid" } : { error: "not found" }));
  }

  function perform(response: ServerResponse, order: string, behaviour: Behaviour): void {
    const has = behaviour === "answer" || behaviour === "answer too much" || behaviour.startsWith("apply");
    if (has) effects.push(order);
    const json = { "content-type": "application/json" };
    if (behaviour.endsWith("hang")) return;
    if (behaviour.endsWith("cut")) return void response.destroy();
    if (behaviour === "refuse") return void response.writeHead(422, json).end('{"error":"no such card"}');
    if (behaviour === "apply and fail") return void response.writeHead(500, json).end("{}");
    if (behaviour === "answer too much") return void response.writeHead(200, json).end(`"${"x".repeat(300_000)}"`);
    response.writeHead(200, json).end(JSON.stringify({ receipt: `${order}-${effects.length}` }));
  }

  const server = createServer((request, response) => {
    const [, kind, order = ""] = (request.url ?? "").split("/");
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method === "GET") {
        asked += 1;
        if (asking === "down") return void response.writeHead(503).end();
        if (asking === "held") return void held.push(() => tell(response, order));
        return tell(response, order);
      }
      const key = request.headers["idempotency-key"];
      const call = { order, key: key === undefined ? undefined : String(key), headers: request.headers };
      calls.push({ ...call, body: JSON.parse(Buffer.concat(chunks).toString() || "{}") });
      const behaviour = scripts.get(order)?.shift() ?? "answer";
      if (kind !== "keyed") return perform(response, order, behaviour);
      if (answered.has(String(key))) return void response.writeHead(200).end(answered.get(String(key)));
      if (!/^(refuse|cut|hang)$/.test(behaviour)) answered.set(String(key), `${order} was paid`);
      perform(response, order, behaviour);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    calls,
    effects,
    play: (order, ...behaviours) => void scripts.set(order, [...behaviours]),
    get asking() {
      return asking;
    },
    set asking(now) {
      asking = now;
      if (now === "held") return;
      for (const release of held) release();
      held = [];
    },
    asked: () => asked,
    callsOf: (order) => calls.filter((call) => call.order === order),
    effectsOf: (order) => effects.filter((each) => each === order).length,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const parameters = {
  type: "object",
  properties: { order: { type: "string" }, amount: { type: "number" } },
  required: ["order"],
};

/** A tool that pays, in one of the modes. */
export function payingTool(origin: string, effects: object | undefined, more: object = {}): object {
  const isKeyed = effects === undefined || Reflect.get(effects, "mode") === "keyed";
  return {
    description: "Pays an order",
    effect: "effectful",
    parameters,
    timeoutMs: 400,
    source: { type: "http", method: "POST", url: `${origin}/${isKeyed ? "keyed" : "pay"}/{order}` },
    ...(effects && { effects }),
    ...more,
  };
}

/** Says whether an order is paid. */
export function lookingTool(origin: string): object {
  const source = { type: "http", method: "GET", url: `${origin}/pay/{order}` };
  return { description: "Whether an order is paid", effect: "read", parameters, timeoutMs: 20_000, source };
}

export const byLooking = {
  mode: "verify",
  by: "paid",
  input: { order: "$.args.order" },
  done: { value: "$.answer.state", equals: "paid" },
  settleMs: 50,
};
