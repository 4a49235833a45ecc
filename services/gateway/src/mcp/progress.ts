import type { ServerResponse } from "node:http";
import { AgentRun, AgentRunEvent } from "@agentmesh/proto/runner";
import { beginEvents } from "../http/rendering.ts";

/** Tells a client how far its call is. */
export type Progress = (message: string) => void;

export type ProgressToken = string | number;

// A model's words come by the hundred; that they come is told now and then.
const TEXT_EVERY_MS = 500;

/** As notifications in the stream that ends with the answer. */
export function tellProgress(response: ServerResponse, progressToken: ProgressToken): Progress {
  let progress = 0;
  return (message) => {
    if (!response.headersSent) beginEvents(response);
    const params = { progressToken, progress: ++progress, message };
    response.write(messageFrame({ jsonrpc: "2.0", method: "notifications/progress", params }));
  };
}

export function messageFrame(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

/** Tells what happens in a run. @returns the run as it ended; undefined: its stream ended before it did */
export async function followRun(events: AsyncIterable<unknown>, progress: Progress): Promise<AgentRun | undefined> {
  let said = 0;
  let toldAtMs = 0;
  for await (const message of events) {
    const { event } = AgentRunEvent.fromPartial(Object(message));
    switch (event?.$case) {
      case "started":
        progress("the run has begun");
        break;
      case "toolStarted":
        progress(`${event.value.tool} is called`);
        break;
      case "toolEnded":
        progress(`${event.value.tool} has answered`);
        break;
      case "restarted":
        said = 0;
        progress("another replica began the run anew");
        break;
      case "textDelta":
        said += event.value.length;
        if (performance.now() - toldAtMs < TEXT_EVERY_MS) break;
        toldAtMs = performance.now();
        progress(`${said} characters of the answer`);
        break;
      case "ended":
        return AgentRun.fromPartial(event.value);
      default:
    }
  }
  return undefined;
}
