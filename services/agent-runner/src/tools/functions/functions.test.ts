import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { evaluateArithmetic } from "./arithmetic.ts";
import { builtinFunctions } from "./builtin.ts";
import { defineFunction, registerFunctions } from "./define-function.ts";

const context = {
  signal: new AbortController().signal,
  idempotencyKey: "key",
  caller: { tenant: "acme", subject: "user:ada", permissions: new Set<string>() },
  callAgent: () => Promise.reject(new Error("no agents here")),
};

function call(name: string, args: Record<string, unknown>): unknown {
  return builtinFunctions.get(name)?.call(args, context);
}

test("arithmetic follows the usual precedence", () => {
  const cases: [string, number][] = [
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["2 ^ 3 ^ 2", 512],
    ["-2 ^ 2", -4],
    ["2 ^ -1", 0.5],
    ["10 % 4 + .5", 2.5],
    ["sqrt(16) + max(1, 2, 3) - abs(-2)", 5],
    ["round(100 * (19.99 * 3)) / 100", 59.97],
    ["2 * pi", 2 * Math.PI],
    ["1.5e3", 1500],
  ];
  for (const [expression, result] of cases) assert.equal(evaluateArithmetic(expression), result, expression);
});

test("what is no arithmetic is refused with what is wrong, and never run", () => {
  const bad = [
    "",
    "1 +",
    "1 / 0",
    "process.exit(1)",
    "constructor",
    "(1",
    "1 2",
    "sqrt(1, 2)",
    "9 ^ 9 ^ 9",
    "x",
    "1;2",
  ];
  for (const expression of [...bad, "(".repeat(500), `${"-".repeat(500)}1`, "toString()"]) {
    assert.throws(() => evaluateArithmetic(expression), { reason: "BAD_EXPRESSION" }, expression);
  }
});

test("any sum, difference and product of integers is what JavaScript makes of it; any text ends", () => {
  const terms = fc.array(fc.tuple(fc.constantFrom("+", "-", "*"), fc.nat(1000)), { maxLength: 20 });
  fc.assert(
    fc.property(fc.nat(1000), terms, (first, rest) => {
      const value = rest.reduce(
        ({ total, last }, [sign, n]) =>
          sign === "*"
            ? { total: total - last + last * n, last: last * n }
            : { total: total + Number(sign + n), last: Number(sign + n) },
        { total: first, last: first },
      ).total;
      const expression = `${first}${rest.map(([sign, n]) => ` ${sign} ${n}`).join("")}`;
      assert.ok(Math.abs(evaluateArithmetic(expression) - value) <= Math.abs(value) * 1e-9);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 1000 }), (text) => {
      try {
        assert.ok(Number.isFinite(evaluateArithmetic(text)));
      } catch (error) {
        assert.equal(Reflect.get(Object(error), "reason"), "BAD_EXPRESSION");
      }
    }),
  );
});

test("the functions that are always there answer, and refuse what they cannot", () => {
  assert.deepEqual(call("calculator", { expression: "2 + 2" }), { expression: "2 + 2", result: 4 });
  assert.deepEqual(call("unit_convert", { value: 10, from: "km", to: "mi" }), { value: 6.21371192237, unit: "mi" });
  assert.deepEqual(call("unit_convert", { value: 100, from: "C", to: "F" }), { value: 212, unit: "F" });
  assert.throws(() => call("unit_convert", { value: 1, from: "km", to: "kg" }), {
    reason: "BAD_ARGUMENTS",
    field: "to",
  });
  assert.match(JSON.stringify(call("clock", { timeZone: "Europe/Oslo" })), /"utc":"20\d\d-.*"timeZone":"Europe\/Oslo"/);
  assert.throws(() => call("clock", { timeZone: "Mars/Base" }), { reason: "BAD_ARGUMENTS" });
  assert.equal(builtinFunctions.get("clock")?.isVolatile, true);
});

test("a function of one's own gets what its zod schema parsed, the caller and the idempotency key", async () => {
  const greet = defineFunction({
    name: "greet",
    parameters: z.strictObject({ name: z.string(), loud: z.boolean().default(false) }),
    run: ({ name, loud }, { caller }) => `${loud ? "HELLO" : "hello"} ${name} from ${caller.subject}`,
  });
  assert.deepEqual(greet.parameters.required, ["name"]);
  assert.equal(greet.call({ name: "Bo" }, context), "hello Bo from user:ada");
  assert.throws(() => greet.call({ name: 1 }, context), { reason: "BAD_ARGUMENTS", message: /greet: .*name/s });
  assert.throws(() => registerFunctions([greet, greet]), /one name/);
});
