import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { headers } from "@nats-io/transport-node";
import fc from "fast-check";
import { eventSubject, readCloudEvent, subjectToken } from "../src/index.ts";

const good = {
  "ce-specversion": "1.0",
  "ce-id": "1",
  "ce-source": "helpdesk",
  "ce-type": "ticket.opened",
  "ce-time": "2026-11-20T10:00:00Z",
};

function message(carried: Record<string, string>, subject = "evt.acme.helpdesk.ticket.opened.7") {
  const all = headers();
  for (const [name, value] of Object.entries(carried)) all.set(name, value);
  return { subject, headers: all, data: new Uint8Array([1]) };
}

test("an event's attributes, origin and body are read; content type is JSON where none is said", () => {
  assert.deepEqual(readCloudEvent(message(good)), {
    id: "1",
    source: "helpdesk",
    type: "ticket.opened",
    time: new Date("2026-11-20T10:00:00Z"),
    contentType: "application/json",
    traceparent: undefined,
    tenant: "acme",
    publisher: "helpdesk",
    natsSubject: "evt.acme.helpdesk.ticket.opened.7",
    body: new Uint8Array([1]),
  });
});

test("each way of not being one names the header", () => {
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([each]) => each !== name));
  const cases: [string, Record<string, string>][] = [
    ...["ce-specversion", "ce-id", "ce-source", "ce-type"].map((name): [string, Record<string, string>] => [
      name,
      without(name),
    ]),
    ["ce-specversion", { ...good, "ce-specversion": "0.3" }],
    ["ce-time", { ...good, "ce-time": "yesterday" }],
    ["ce-time", { ...good, "ce-time": "0000-01-01T00:00:00Z" }],
    ["ce-time", { ...good, "ce-time": "+200000-01-01T00:00:00Z" }],
    ["ce-id", { ...good, "ce-id": "x".repeat(257) }],
    ["ce-type", { ...good, "ce-type": "a\u0007b" }],
  ];
  for (const [field, carried] of cases) {
    assert.throws(() => readCloudEvent(message(carried)), {
      code: "INVALID_ARGUMENT",
      reason: "NOT_A_CLOUD_EVENT",
      field,
    });
  }
  for (const subject of ["", "evt", "evt.a.b", "evt.a.b.c", "evt..b.c.d", "wf.a.b.c.d"]) {
    assert.throws(() => readCloudEvent(message(good, subject)), { field: "subject" });
  }
  assert.throws(() => readCloudEvent({ subject: "evt.a.b.c.d", data: new Uint8Array() }), { field: "ce-specversion" });
});

test("whatever arrives is an event or an AppError that says why", () => {
  const name = fc.constantFrom(...Object.keys(good), "content-type", "traceparent", "x");
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }).map((value) => value.replaceAll(/[\r\n]/g, "")),
    fc.constantFrom(...Object.values(good), "", "1970-01-01T00:00:60Z", "+275760-09-13T00:00:00.001Z"),
  );
  const subject = fc.oneof(
    fc.string(),
    fc.array(fc.string({ maxLength: 5 }), { maxLength: 8 }).map((tokens) => ["evt", ...tokens].join(".")),
    fc.constant("evt.acme.helpdesk.ticket.opened.7"),
  );
  fc.assert(
    fc.property(subject, fc.dictionary(name, text), fc.uint8Array(), fc.boolean(), (at, carried, data, sound) => {
      try {
        const event = readCloudEvent({ ...message({ ...(sound && good), ...carried }, at), data });
        assert.ok(event.id && event.source && event.type && event.tenant && event.publisher);
        assert.ok(event.time === undefined || !Number.isNaN(event.time.getTime()));
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === "INVALID_ARGUMENT", String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("no text escapes its token of a subject", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.match(subjectToken(text), /^[A-Za-z0-9_-]{1,128}$/);
      assert.equal(eventSubject(text, text, "a.b", text).split(".").length, 6);
    }),
  );
});
