import { request } from "undici";
import { numberIn } from "../../harness/run-child.ts";

/** What the upstream was asked while `work` was done. */
export async function countCalls(upstreamUrl: string, work: () => Promise<unknown>): Promise<number> {
  const before = await callsOf(upstreamUrl);
  await work();
  return (await callsOf(upstreamUrl)) - before;
}

async function callsOf(url: string): Promise<number> {
  const { body } = await request(url);
  return numberIn(await body.json(), "calls");
}
