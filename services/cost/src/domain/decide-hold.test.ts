import assert from "node:assert/strict";
import { test } from "node:test";
import { isAppError } from "@agentmesh/errors";
import fc from "fast-check";
import { decideHold, type Room } from "./decide-hold.ts";
import { affordableOutput, compilePrice, costOf, findPrice, worstCostOf } from "./price.ts";

const amount = fc.bigInt({ min: 0n, max: 10n ** 12n });
const tokens = fc.bigInt({ min: 0n, max: 10n ** 6n });
const usd = fc.double({ min: 0, max: 100, noNaN: true });
const price = fc
  .record({ inputUsdPerMTok: usd, cacheReadUsdPerMTok: usd, outputUsdPerMTok: usd, reasoningUsdPerMTok: usd })
  .map((spec) => compilePrice({ provider: "p", model: "m", source: "test", ...spec }, 1));
const rooms = fc.array(
  fc.record({ hard: fc.boolean(), limitNanoUsd: amount, spentNanoUsd: amount, heldNanoUsd: amount }),
  { maxLength: 4 },
);

function named(list: readonly Omit<Room, "name" | "scope">[]): Room[] {
  return list.map((room, index) => ({ ...room, name: `b${index}`, scope: "total" }));
}

test("whatever the calls, hard budgets are never overrun, and a hold counts in all budgets or in none", () => {
  fc.assert(
    fc.property(rooms, price, fc.array(fc.tuple(tokens, tokens), { maxLength: 20 }), (list, book, calls) => {
      const all = named(list);
      const within = all.map((room) => room.spentNanoUsd + room.heldNanoUsd <= room.limitNanoUsd);
      for (const [inputTokens, maxOutputTokens] of calls) {
        const before = all.map((room) => room.heldNanoUsd);
        let held = 0n;
        try {
          const decision = decideHold({ inputTokens, maxOutputTokens }, book, all);
          held = decision.heldNanoUsd;
          assert.ok(decision.maxOutputTokens <= maxOutputTokens);
          assert.equal(held, worstCostOf(inputTokens, decision.maxOutputTokens, book));
        } catch (error) {
          assert.ok(isAppError(error) && error.reason === "BUDGET_EXHAUSTED");
        }
        assert.deepEqual(
          all.map((room) => room.heldNanoUsd),
          before.map((amountBefore) => amountBefore + held),
        );
        for (const [index, room] of all.entries()) {
          if (room.hard && within[index]) assert.ok(room.spentNanoUsd + room.heldNanoUsd <= room.limitNanoUsd);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("the input alone must fit, also of a call that asks for no output", () => {
  const book = compilePrice({ provider: "p", model: "m", source: "test", inputUsdPerMTok: 1, outputUsdPerMTok: 1 }, 1);
  const room = named([{ hard: true, limitNanoUsd: 999n, spentNanoUsd: 0n, heldNanoUsd: 0n }]);
  assert.throws(() => decideHold({ inputTokens: 1n, maxOutputTokens: 0n }, book, room), { reason: "BUDGET_EXHAUSTED" });
});

test("what the headroom buys costs at most the headroom, and one token more would not fit", () => {
  fc.assert(
    fc.property(amount, tokens, tokens, price, (headroom, input, wanted, book) => {
      const bought = affordableOutput(headroom, input, wanted, book);
      if (worstCostOf(input, 0n, book) <= headroom) assert.ok(worstCostOf(input, bought, book) <= headroom);
      if (bought < wanted) assert.ok(worstCostOf(input, bought + 1n, book) > headroom || bought === 0n);
    }),
  );
});

test("a charge is rounded up once, and never above the worst case that was held", () => {
  fc.assert(
    fc.property(price, tokens, tokens, tokens, (book, uncached, read, output) => {
      const used = {
        uncachedInputTokens: uncached,
        cacheReadTokens: read,
        cacheWriteTokens: 0n,
        outputTokens: output,
        reasoningTokens: 0n,
      };
      assert.ok(costOf(used, book) <= worstCostOf(uncached + read, output, book));
    }),
  );
});

test("the tenant's own price comes before the shipped one, the latest valid before earlier ones, and none is never free", () => {
  const spec = { provider: "p", model: "m", inputUsdPerMTok: 1, outputUsdPerMTok: 1, source: "test" };
  const entry = (tenant: string, version: number, validFrom?: string) => {
    const dated = { ...spec, ...(validFrom && { validFrom }) };
    return { tenant, spec: dated, price: compilePrice(dated, version) };
  };
  const own = [entry("acme", 1), entry("acme", 2, "2026-06-01T00:00:00Z"), entry("other", 9)];
  const shipped = [entry("", 0)];
  const at = (time: string, tenant = "acme", model = "m") => ({ tenant, provider: "p", model, atMs: Date.parse(time) });
  assert.equal(findPrice(own, shipped, at("2026-05-31T23:59:59Z"), "refuse").version, 1);
  assert.equal(findPrice(own, shipped, at("2026-06-01T00:00:00Z"), "refuse").version, 2);
  assert.equal(findPrice(own, shipped, at("2026-06-01T00:00:00Z", "third"), "refuse").version, 0);
  assert.throws(() => findPrice(own, shipped, at("2026-06-01T00:00:00Z", "acme", "x"), "refuse"), {
    reason: "UNKNOWN_PRICE",
  });
  assert.ok(findPrice(own, shipped, at("2026-06-01T00:00:00Z", "acme", "x"), "ceiling").outputNanoUsd > 0n);
});
