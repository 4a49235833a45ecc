import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { defaultPolicy, inspectText } from "@agentmesh/inspect";
import { Ajv } from "ajv";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { readTickets, type Ticket, ticketsToSend } from "./tickets.ts";

const folder = new URL("./", import.meta.url);

const resource = z.strictObject({
  kind: z.string(),
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
  labels: z.record(z.string(), z.string()).optional(),
  spec: z.record(z.string(), z.unknown()),
});
const jsonSchema = z.record(z.string(), z.unknown());
const toolSpec = z.looseObject({ parameters: jsonSchema, source: z.looseObject({ type: z.string() }) });
const agentSpec = z.looseObject({ instructions: z.string().min(1), tools: z.array(z.string()), output: jsonSchema });
const stepSpec = z.looseObject({
  id: z.string(),
  kind: z.enum(["agent", "tool", "emit"]),
  agent: z.string().optional(),
  tool: z.string().optional(),
  dependsOn: z.array(z.string()).default([]),
});
const workflowSpec = z.looseObject({ input: jsonSchema, steps: z.array(stepSpec), output: z.unknown() });
const triggerSpec = z.looseObject({ workflow: z.string(), runAs: z.string(), maxBytes: z.int() });

function text(path: string): string {
  return readFileSync(new URL(path, folder), "utf8");
}

const resources = parseAllDocuments(text("resources.yaml")).map((document) => {
  assert.deepEqual(document.errors, []);
  return resource.parse(document.toJS());
});

function specsOf<T>(kind: string, schema: z.ZodType<T>): Map<string, T> {
  const found = resources.filter((each) => each.kind === kind);
  return new Map(found.map((each) => [each.name, schema.parse(each.spec)]));
}

const tools = specsOf("Tool", toolSpec);
const agents = specsOf("Agent", agentSpec);
const [triage] = specsOf("Workflow", workflowSpec).values();
const [trigger] = specsOf("Trigger", triggerSpec).values();
assert.ok(triage && trigger);
const ajv = new Ajv({ strict: true });

test("no two resources are the same one", () => {
  assert.equal(new Set(resources.map(({ kind, name }) => `${kind}/${name}`)).size, resources.length);
});

test("every schema compiles under strict rules", () => {
  for (const { parameters } of tools.values()) ajv.compile(parameters);
  for (const { output } of agents.values()) ajv.compile(output);
  ajv.compile(triage.input);
});

test("what is referred to is there", () => {
  for (const { tools: names } of agents.values()) for (const name of names) assert.ok(tools.has(name), name);
  for (const { agent, tool } of triage.steps) {
    if (agent !== undefined) assert.ok(agents.has(agent), agent);
    if (tool !== undefined) assert.ok(tools.has(tool), tool);
  }
  assert.ok(resources.some(({ kind, name }) => kind === "Workflow" && name === trigger.workflow));
  assert.ok(resources.some(({ kind, name }) => kind === "ServiceAccount" && name === trigger.runAs));
});

test("steps depend on earlier steps and read only from those they depend on", () => {
  const before = new Map<string, ReadonlySet<string>>();
  for (const { id, dependsOn, ...step } of triage.steps) {
    const reachable = new Set(
      dependsOn.flatMap((name) => [name, ...(before.get(name) ?? assert.fail(`${id}: ${name}`))]),
    );
    before.set(id, reachable);
    for (const [, name = ""] of JSON.stringify(step).matchAll(/\$\.steps\.(\w+)/g)) {
      assert.ok(reachable.has(name), `${id} reads from ${name}, which it does not depend on`);
    }
  }
  for (const [, name = ""] of JSON.stringify(triage.output).matchAll(/\$\.steps\.(\w+)/g))
    assert.ok(before.has(name), name);
});

test("paths into agents' outputs name fields of their schemas", () => {
  const outputs = new Map(triage.steps.map((step) => [step.id, agents.get(step.agent ?? "")?.output.properties]));
  for (const [, step = "", field = ""] of JSON.stringify(triage).matchAll(/\$\.steps\.(\w+)\.output\.(\w+)/g)) {
    const properties = outputs.get(step);
    if (properties !== undefined) assert.ok(Object.hasOwn(Object(properties), field), `${step} has no ${field}`);
  }
});

test("articles begin with their title and name nothing twice", () => {
  const articles = globSync("kb/*.md", { cwd: folder }).map(text);
  assert.ok(articles.length >= 15);
  for (const article of articles) assert.match(article, /^# .+\n\n\S/);
  assert.equal(new Set(articles.map((article) => article.split("\n")[0])).size, articles.length);
});

test("customers have an id each", () => {
  const rows = z
    .array(z.looseObject({ customer_id: z.string(), name: z.string() }))
    .parse(parse(text("customers.yaml")));
  assert.equal(new Set(rows.map((row) => row.customer_id)).size, rows.length);
});

test("tickets break the rules exactly where they are expected to", async () => {
  const accepts = ajv.compile(triage.input);
  for (const ticket of ticketsToSend(await readTickets(), undefined, "n")) {
    const code = refusalOf(ticket, accepts);
    assert.equal(code, ticket.expect.code, ticket.id);
    assert.equal(code === undefined, ticket.expect.outcome !== "rejected", ticket.id);
  }
});

test("expected categories and priorities are ones the classifier knows", async () => {
  const { category, priority } = z
    .object({
      category: z.looseObject({ enum: z.array(z.string()) }),
      priority: z.looseObject({ enum: z.array(z.string()) }),
    })
    .parse(agents.get("classifier")?.output.properties);
  for (const { expect } of await readTickets()) {
    for (const value of expect.category ?? []) assert.ok(category.enum.includes(value), value);
    for (const value of expect.priority ?? []) assert.ok(priority.enum.includes(value), value);
  }
});

test("what tickets hide is what inspection takes out, and nothing else is taken out", async () => {
  for (const ticket of ticketsToSend(await readTickets(), undefined, "n")) {
    const { redacted } = inspectText(ticket.body, defaultPolicy);
    for (const secret of ticket.expect.hides) {
      assert.ok(ticket.body.includes(secret) && !redacted.includes(secret), secret);
    }
    if (ticket.expect.hides.length === 0) assert.equal(redacted, ticket.body, ticket.id);
  }
});

test("rounds have ids of their own, and a repeated event keeps those of its round", async () => {
  const entries = await readTickets();
  const tickets = ticketsToSend(entries, entries.length * 2, "n");
  const fresh = tickets.filter((ticket) => !ticket.repeat);
  assert.equal(new Set(fresh.map((ticket) => ticket.eventId)).size, fresh.length);
  for (const repeat of tickets.filter((ticket) => ticket.repeat)) {
    const original = fresh.find((ticket) => ticket.eventId === repeat.eventId);
    assert.equal(original?.body, repeat.body);
  }
});

/** Why the trigger must refuse a ticket; undefined: it must not. */
function refusalOf(ticket: Ticket, accepts: (input: unknown) => boolean): string | undefined {
  if (ticket.headers) return "NOT_A_CLOUD_EVENT";
  if (Buffer.byteLength(ticket.body) > (trigger?.maxBytes ?? 0)) return "TOO_LARGE";
  if (!isJson(ticket.body)) return "BAD_JSON";
  return accepts(JSON.parse(ticket.body)) ? undefined : "INVALID_INPUT";
}

function isJson(body: string): boolean {
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}
