import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { newId } from "@agentmesh/ids";
import { isGenuine, readRefreshToken, refreshToken } from "./refresh-token.ts";

test("a token says its session and generation, and is genuine for its key and secret only", () => {
  const [key, secret, id] = [randomBytes(32), randomBytes(32), newId()];
  const text = refreshToken(key, id, secret, 7);
  assert.equal(text, refreshToken(key, id, secret, 7));
  const token = readRefreshToken(text);
  assert.ok(token);
  assert.equal(token.sessionId, id);
  assert.equal(token.generation, 7);
  assert.equal(isGenuine(key, secret, token), true);
  assert.equal(isGenuine(key, randomBytes(32), token), false);
  assert.equal(isGenuine(randomBytes(32), secret, token), false);
  assert.equal(isGenuine(key, secret, { ...token, generation: 8 }), false);
  assert.equal(isGenuine(key, secret, { ...token, sessionId: newId() }), false);
});

test("texts that are not canonical tokens are none", () => {
  const text = refreshToken(randomBytes(32), newId(), randomBytes(32), 1);
  for (const wrong of ["", "mr_", text.slice(1), `${text}A`, `${text}=`, text.slice(0, -1), `${text} `, `x${text}`]) {
    assert.equal(readRefreshToken(wrong), undefined, wrong);
  }
});
