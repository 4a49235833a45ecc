import assert from "node:assert/strict";
import { test } from "node:test";
import { attachMedia, type MediaPart, missingAbility } from "./media.ts";
import { estimateInputTokens, type ModelRequest } from "./model.ts";

const image: MediaPart = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(900_000)}` } };
const audio: MediaPart = { type: "input_audio", input_audio: { data: "A".repeat(53_300), format: "mp3" } };
const request: ModelRequest = {
  messages: [
    { role: "system", content: "be brief" },
    { role: "user", content: "earlier" },
    { role: "user", content: "what is this?" },
    { role: "assistant", content: "{}" },
    { role: "user", content: "answer again" },
  ],
  tools: [],
  output: undefined,
  temperature: 0,
  maxTokens: 10,
};

test("media stays with the text it came with, whatever was said after it", () => {
  const { messages } = attachMedia(request, "what is this?", [image, audio]);
  assert.deepEqual(messages[2], { role: "user", content: [{ type: "text", text: "what is this?" }, image, audio] });
  assert.deepEqual([messages[1], messages[4]], [request.messages[1], request.messages[4]]);
  assert.equal(attachMedia(request, "?", []), request);
});

test("a picture counts as tokens of a picture and not as text, sound by its length", () => {
  const plain = estimateInputTokens(request);
  assert.ok(estimateInputTokens(attachMedia(request, "what is this?", [image])) - plain < 2_000);
  const sound = estimateInputTokens(attachMedia(request, "what is this?", [audio])) - plain;
  assert.ok(sound > 50 && sound < 200, String(sound));
});

test("what a model cannot do is named", () => {
  const all = { tools: true, vision: true, audio: true };
  const task = { tools: 1, media: [image, audio] };
  assert.equal(missingAbility(all, task), undefined);
  assert.equal(missingAbility({ ...all, vision: false }, task), "images");
  assert.equal(missingAbility({ ...all, audio: false }, task), "audio");
  assert.equal(missingAbility({ ...all, tools: false }, task), "tools");
});
