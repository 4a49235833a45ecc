import { get } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

const everyMs = 2;

/** Resolves when the URL answers 200. */
export async function awaitAnswer(url: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  let last = "nobody listens";
  while (performance.now() < deadline) {
    const answer = await ask(url);
    if (answer === 200) return;
    last = `the last answer was ${answer}`;
    await wait(everyMs);
  }
  throw new Error(`${url} did not answer 200 within ${withinMs} ms: ${last}`);
}

function ask(url: string): Promise<number | string> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once("timeout", () => request.destroy(new Error("no answer")));
    request.once("error", (error) => resolve(error.message));
  });
}
