// One trace follows a ticket: NATS → orchestrator → work queue → agent-runner → cost and cache, as a collector sees it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { runJob } from "@agentmesh/example-support/run-job";
import { eventually } from "@agentmesh/harness";
import { testMesh } from "./mesh.ts";

type SeenSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
};

test("the spans of one ticket are one trace over every service that worked on it", { timeout: 180_000 }, async (t) => {
  const spans: SeenSpan[] = [];
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      spans.push(...readSpans(JSON.parse(Buffer.concat(chunks).toString())));
      response.writeHead(200, { "content-type": "application/json" });
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    collector.closeAllConnections();
    collector.close();
  });
  const { port } = collector.address() as AddressInfo;
  await using mesh = await testMesh({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } });
  const report = await runJob({ ...mesh, tickets: 1, progress: (line) => t.diagnostic(line) });
  assert.ok(report.ok);

  const wanted = ["orchestrator", "agent-runner", "cost", "cache"];
  const trace = await eventually(
    () => {
      const steps = spans.filter((span) => span.name.startsWith("step triage/"));
      return [...new Set(steps.map((span) => span.traceId))]
        .map((id) => spans.filter((span) => span.traceId === id))
        .find((one) => wanted.every((service) => one.some((span) => span.service === service)));
    },
    { what: `one trace with spans of ${wanted.join(", ")}`, timeoutMs: 30_000 },
  );
  const ids = new Set(trace.map((span) => span.spanId));
  const hold = trace.find((span) => span.service === "cost" && span.name.endsWith("/Hold"));
  assert.ok(hold?.parentSpanId && ids.has(hold.parentSpanId), "the hold is the child of the runner's call");
});

type OtlpValue = { readonly stringValue?: string };
type Otlp = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: OtlpValue }[] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<SeenSpan, "service">[] }[];
  }[];
};

function readSpans(body: Otlp): SeenSpan[] {
  return body.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
    return scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...span, service })));
  });
}
