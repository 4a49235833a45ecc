import type { ServerResponse } from "node:http";
import { beginEvents } from "../http/rendering.ts";
import { writeFrames } from "../http/sse.ts";

/** Writes frames to their end. What fails before the first of them is an error with a status, as without a stream. */
export async function streamFrames(
  response: ServerResponse,
  frames: AsyncGenerator<string>,
  signal: AbortSignal,
  end: string,
): Promise<void> {
  const first = await frames.next();
  beginEvents(response);
  if (!first.done) response.write(first.value);
  await writeFrames(response, frames, signal);
  response.end(end);
}

export const DONE = "data: [DONE]\n\n";
