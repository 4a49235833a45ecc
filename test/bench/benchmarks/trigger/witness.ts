import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { account, type BenchResource, echoTool, publisher } from "../../mesh/resources.ts";
import { nowMs } from "./publish-events.ts";

/** Sees steps run: the first step of its workflow calls it. No time of the mesh's own is in what it says. */
export type Witness = AsyncDisposable & {
  readonly resources: readonly BenchResource[];
  /** When the first step of an event called, in milliseconds since 1970; undefined: it has not. */
  calledAtMs(eventId: string): number | undefined;
  /** Events whose first step called more than once. */
  readonly again: number;
};

export const witnessedType = "bench.witnessed";
export const witnessedWorkflow = "bench-witnessed";

export async function startWitness(): Promise<Witness> {
  const called = new Map<string, number>();
  let again = 0;
  const server = createServer(async (request, response) => {
    const atMs = nowMs();
    const { id } = JSON.parse(await text(request)) as { id: string };
    if (called.has(id)) again += 1;
    else called.set(id, atMs);
    response.setHeader("content-type", "application/json").end(JSON.stringify({ id }));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the witness has no port");
  return {
    resources: resourcesOf(`http://127.0.0.1:${address.port}/`),
    calledAtMs: (id) => called.get(id),
    get again() {
      return again;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Three steps as those of `workflow`, the first of which calls. */
function resourcesOf(url: string): BenchResource[] {
  const tool = "bench-witness";
  const parameters = { type: "object", properties: { id: { type: "string" } }, required: ["id"] };
  const echo = (id: string, before: string, ticket: string) => {
    const input = { ticket: `$.steps.${before}.output.${ticket}`, text: "a step" };
    return { id, kind: "tool", tool: echoTool, dependsOn: [before], input };
  };
  return [
    {
      kind: "Tool",
      name: tool,
      owner: "runner",
      spec: {
        description: "Calls the witness",
        effect: "read",
        parameters,
        source: { type: "http", method: "POST", url },
      },
    },
    {
      kind: "Workflow",
      name: witnessedWorkflow,
      owner: "orchestrator",
      spec: {
        description: "Three tool steps, the first of which is seen from outside",
        input: parameters,
        steps: [
          { id: "first", kind: "tool", tool, input: { id: "$.input.id" } },
          echo("second", "first", "id"),
          echo("third", "second", "ticket"),
        ],
      },
    },
    {
      kind: "Trigger",
      name: "bench-witnessed",
      owner: "orchestrator",
      spec: {
        event: { type: witnessedType, publisher },
        workflow: witnessedWorkflow,
        runAs: account,
        input: { id: "$.id" },
      },
    },
  ];
}
