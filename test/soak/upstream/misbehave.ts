import type { ServerResponse } from "node:http";
import { pickWeighted, type Random } from "../random.ts";
import { completion } from "./answer.ts";
import type { Asked } from "./read-asked.ts";

type Fault = { readonly weight: number; readonly run: ((asked: Asked, response: ServerResponse) => void) | undefined };

const faults: readonly [Fault, ...Fault[]] = [
  { weight: 70, run: undefined },
  // No answer: the caller's time-out ends it.
  { weight: 6, run: () => undefined },
  { weight: 8, run: truncate },
  { weight: 8, run: (_, response) => refuse(response, 429, { "retry-after": "1" }) },
  { weight: 8, run: (_, response) => refuse(response, 500, {}) },
];

/** Now and then it is slow, cuts its answer off or refuses; @returns whether it did */
export function misbehave(asked: Asked, response: ServerResponse, random: Random): boolean {
  const { run } = pickWeighted(faults, random);
  run?.(asked, response);
  return run !== undefined;
}

/** The connection breaks in the middle of the body. */
function truncate(asked: Asked, response: ServerResponse): void {
  const body = completion(asked, "c-1");
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.write(body.slice(0, body.length / 2), () => setImmediate(() => response.destroy()));
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string>): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { message: `${status} as the soak wants it`, type: "soak" } }));
}
