// The outside world: systems that take an idempotency key, write down what they did, and can be told to misbehave. Systems
// whose name begins with `bare-` take no key: each call is an effect. They can be asked: GET <url>/seen/<mark>/<step>.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Moment, Watch } from "../proxy/moment.ts";
import { listen } from "../proxy/tcp-proxy.ts";
import { createEffectBook, type Effect, type EffectBook } from "./effect-book.ts";

export type EffectServer = AsyncDisposable & {
  /** Effects are asked for with POST <url>/<system>. */
  readonly url: string;
  readonly book: EffectBook;
  /** Requests whose other side left before they were answered. */
  readonly abandoned: () => number;
};

export type EffectServerOptions = {
  readonly watch: Watch;
  /** Who was given the step with this key last; empty: nobody knows. */
  readonly workerOf: (key: string) => string;
};

/** What a request may ask for beside its effect. */
type Asked = Effect & {
  /** So many tries fail before the effect happens. */
  readonly failFirst: number;
  /** It never happens: an error that no repeat cures. */
  readonly refuse: boolean;
  /** Before it happens, whoever is still there to hear of it. */
  readonly slowMs: number;
  /** After it happened, before it is answered. */
  readonly delayMs: number;
  /** Given back. */
  readonly score: number;
};

export async function startEffectServer(options: EffectServerOptions): Promise<EffectServer> {
  const book = createEffectBook();
  let abandoned = 0;
  const server = createServer((request, response) => {
    response.once("close", () => {
      if (!response.writableFinished) abandoned += 1;
    });
    void serve(request, response, book, options).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    book,
    abandoned: () => abandoned,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  book: EffectBook,
  { watch, workerOf }: EffectServerOptions,
): Promise<void> {
  if (request.method === "GET") {
    const [, , mark = "", step = ""] = (request.url ?? "").split("/");
    return answer(response, 200, { count: book.applied(mark).filter((entry) => entry.step === step).length });
  }
  const body = await readBody(request);
  const asked = readAsked(request.url ?? "", body);
  const key = String(request.headers["idempotency-key"] ?? "");
  const tries = book.asked(asked, key);
  const moment = (at: "asked" | "applied"): Moment => ({ at, process: workerOf(key), name: asked.step, said: [body] });
  if ((await watch(moment("asked"))) === "drop") return void response.destroy();
  if (tries <= asked.failFirst) return answer(response, 503, { error: `try ${tries} fails` });
  if (asked.refuse) return answer(response, 422, { error: "not possible" });
  if (asked.slowMs > 0) await wait(asked.slowMs);
  const { order } = book.apply(asked, asked.system.startsWith("bare-") ? `${key}/${tries}` : key);
  if ((await watch(moment("applied"))) === "drop") return void response.destroy();
  if (asked.delayMs > 0) await wait(asked.delayMs);
  const { mark, step, index } = asked;
  // The score grows with each try, so that a gate with retries passes in the end.
  answer(response, 200, {
    token: `${step}#${index}:${mark}`,
    order,
    score: Math.min(1, asked.score + 0.2 * (tries - 1)),
  });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function readAsked(url: string, body: Buffer): Asked {
  const given: Partial<Asked> = JSON.parse(body.toString());
  return {
    mark: String(given.mark),
    step: String(given.step),
    index: given.index ?? 0,
    system: url.slice(1),
    failFirst: given.failFirst ?? 0,
    refuse: given.refuse ?? false,
    slowMs: given.slowMs ?? 0,
    delayMs: given.delayMs ?? 0,
    score: given.score ?? 1,
  };
}
