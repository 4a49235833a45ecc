import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeFilterValue, fillFilter } from "./ldap-filter.ts";

test("what has a meaning in a filter is escaped, and the rest stays", () => {
  assert.equal(escapeFilterValue("ada"), "ada");
  assert.equal(escapeFilterValue("a*b(c)d\\e\0f"), "a\\2ab\\28c\\29d\\5ce\\00f");
  assert.equal(fillFilter("(uid={username})", "username", "*)(uid=*"), "(uid=\\2a\\29\\28uid=\\2a)");
  assert.equal(fillFilter("(|(uid={username})(mail={username}))", "username", "a"), "(|(uid=a)(mail=a))");
  assert.equal(fillFilter("(uid={username})", "username", "$&{username}"), "(uid=$&{username})");
});
