import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { interpolate, parseYaml, validate } from "./index.ts";

test("a reference takes the variable, else its default, else names what is missing", () => {
  const env = { HOST: "db", EMPTY: "" };
  assert.deepEqual(
    interpolate({ url: "pg://${HOST}:${PORT:-5432}/x", port: "${PORT:-5432}", on: "${ON:-true}" }, env),
    {
      url: "pg://db:5432/x",
      port: 5432,
      on: true,
    },
  );
  assert.equal(interpolate("${EMPTY:-x}", env), "x");
  assert.equal(interpolate("$${HOST}", env), "${HOST}");
  assert.throws(() => interpolate({ a: [{ b: "${NOPE}" }] }, env), {
    name: "AppError",
    message: /^a\[0\]\.b: the environment variable NOPE is not set/,
    reason: "MISSING_VARIABLE",
  });
  assert.throws(() => interpolate({ a: "${1X}" }, env), { reason: "BAD_VARIABLE" });
});

test("malformed YAML says where", () => {
  assert.throws(() => parseYaml("a: 1\nb: [1, 2\nc: 3\n", "x.yaml"), { message: /^x\.yaml:\d+:\d+: not valid YAML/ });
  assert.throws(() => parseYaml("a: 1\na: 2\n", "x.yaml"), { reason: "BAD_YAML" });
});

test("aliases that explode are refused", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
    .split("")
    .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefg"[i]}`).join(",")}]`)
    .join("\n")}`;
  assert.throws(() => parseYaml(bomb, "bomb.yaml"), { reason: "BAD_YAML" });
});

test("every wrong field is named with its value and what was expected", () => {
  const schema = z.strictObject({ port: z.int().min(1), nested: z.strictObject({ list: z.array(z.string()) }) });
  assert.throws(
    () => validate(schema, { port: 0, nested: { list: ["a", 2], lst: 1 } }, "config"),
    (error: Error) => {
      assert.match(error.message, /port: .*\(got 0\)/);
      assert.match(error.message, /nested\.list\[1\]: .*\(got 2\)/);
      assert.match(error.message, /nested: unknown field "lst"/);
      return true;
    },
  );
});
