import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatMessage, ChatRequest } from "./chat.ts";
import { completeOffline } from "./complete.ts";
import { type Json, parseJson } from "./json.ts";
import { ARTICLES, CLASSIFICATION, DRAFT, KB_SEARCH, REVIEW, TICKETS } from "./tickets.fixture.ts";

const DRAFTER: ChatMessage = {
  role: "system",
  content:
    "You draft replies to customers. Search with kb_search first, then answer politely from the articles and cite their ids.",
};

function schemaFormat(name: string, schema: Record<string, unknown>): NonNullable<ChatRequest["response_format"]> {
  return { type: "json_schema", json_schema: { name, schema, strict: true } };
}

function output(request: ChatRequest): Json | undefined {
  const choice = completeOffline(request).choices[0];
  assert.equal(choice?.finish_reason, "stop");
  return parseJson(choice?.message.content ?? "");
}

function property(value: Json | undefined, name: string): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value[name] : undefined;
}

for (const { ticket, category, priorities, sentiment, language } of TICKETS) {
  test(`classifies ${ticket.ticket_id}: ${ticket.subject}`, () => {
    const result = output({
      messages: [
        { role: "system", content: "You classify support tickets." },
        { role: "user", content: JSON.stringify(ticket) },
      ],
      response_format: schemaFormat("classification", CLASSIFICATION),
    });
    assert.equal(property(result, "category"), category);
    assert.ok(priorities.includes(String(property(result, "priority"))), `priority ${property(result, "priority")}`);
    assert.equal(property(result, "sentiment"), sentiment);
    assert.equal(property(result, "language"), language ?? "en");
    const confidence = Number(property(result, "confidence"));
    assert.ok(confidence >= 0.5 && confidence <= 0.99, `confidence ${confidence}`);
  });
}

function draftOf(ticket: Readonly<Record<string, string>>, articles: Json): Json | undefined {
  const asked: ChatMessage[] = [DRAFTER, { role: "user", content: JSON.stringify(ticket) }];
  const format = schemaFormat("draft", DRAFT);
  const turn = completeOffline({ messages: asked, tools: [KB_SEARCH], response_format: format }).choices[0];
  assert.equal(turn?.finish_reason, "tool_calls");
  const call = turn.message.tool_calls?.[0];
  assert.equal(call?.function.name, "kb_search");
  const result: ChatMessage = { role: "tool", tool_call_id: call.id, content: JSON.stringify(articles) };
  return output({ messages: [...asked, turn.message, result], tools: [KB_SEARCH], response_format: format });
}

function reviewOf(ticket: Readonly<Record<string, string>>, draft: Json): Json | undefined {
  return output({
    messages: [
      { role: "system", content: "You review drafts before they are sent." },
      { role: "user", content: JSON.stringify({ ticket, draft }) },
    ],
    response_format: schemaFormat("review", REVIEW),
  });
}

const charged = TICKETS[0]?.ticket ?? {};

test("the drafter searches by the ticket's telling words", () => {
  const turn = completeOffline({
    messages: [DRAFTER, { role: "user", content: JSON.stringify(charged) }],
    tools: [KB_SEARCH],
  }).choices[0];
  const query = String(property(parseJson(turn?.message.tool_calls?.[0]?.function.arguments ?? ""), "query"));
  for (const word of ["charged", "twice", "invoice"]) assert.ok(query.includes(word), query);
  assert.ok(!query.includes("hi"), query);
});

test("the drafter answers from the articles that fit, greets, and cites only what it used", () => {
  const draft = draftOf({ ...charged, customer_name: "Maria Lopez" }, ARTICLES);
  const answer = String(property(draft, "answer"));
  assert.match(answer, /^Hello Maria,/);
  assert.match(answer, /pending authorisation/);
  assert.doesNotMatch(answer, /Parcels|system prompt/);
  assert.deepEqual(property(draft, "citations"), ["kb-double-charge"]);
});

test("a draft that cites and answers is approved", () => {
  const review = reviewOf(charged, draftOf(charged, ARTICLES) ?? null);
  assert.ok(Number(property(review, "score")) >= 0.8);
  assert.equal(property(review, "approved"), true);
  assert.notDeepEqual(property(review, "reasons"), []);
});

test("without a fitting article the draft says so, cites nothing, and is not approved", () => {
  for (const articles of [[], ARTICLES.slice(2)]) {
    const draft = draftOf(charged, articles);
    assert.match(String(property(draft, "answer")), /could not find/);
    assert.deepEqual(property(draft, "citations"), []);
    assert.equal(property(reviewOf(charged, draft ?? null), "approved"), false);
  }
});

test("drafts with placeholders, off the matter, rude, or empty are not approved", () => {
  const citations = ["kb-double-charge"];
  const bad = [
    { answer: "Hello [customer name], the second charge on your invoice is a pending authorisation.", citations },
    { answer: "Hello, our garden tools come with two batteries and a handsome leather bag. Regards", citations },
    { answer: "", citations },
    { answer: "Refunded.", citations: [] },
  ];
  for (const draft of bad) {
    const review = reviewOf(charged, draft);
    assert.equal(property(review, "approved"), false, JSON.stringify([draft, review]));
  }
});

test("asked again because its output did not fit, the model still answers the ticket", () => {
  const messages: ChatMessage[] = [
    { role: "user", content: JSON.stringify(charged) },
    { role: "assistant", content: "{}" },
    { role: "user", content: "Your output does not match the schema: /category must have required property." },
  ];
  const result = output({ messages, response_format: schemaFormat("classification", CLASSIFICATION) });
  assert.equal(property(result, "category"), "billing");
});
