import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ClaimedStep } from "../store/claims.ts";
import { createOffers, type Offers, type OpenOffer } from "./offers.ts";

function transaction() {
  const commits: (() => void)[] = [];
  const rollbacks: (() => void)[] = [];
  return {
    afterCommit: (hook: () => void) => void commits.push(hook),
    afterRollback: (hook: () => void) => void rollbacks.push(hook),
    commit() {
      for (const hook of commits) hook();
    },
    rollBack() {
      for (const hook of rollbacks) hook();
    },
  };
}

let made = 0;
function stepFor(worker: string): ClaimedStep {
  made += 1;
  return {
    run: String(made),
    node: "a",
    shard: 0,
    epoch: 1,
    attempt: 1,
    worker,
    input: null,
    input_bytes: 4,
    detail: null,
    dispatched_at: null,
    started_at: new Date(0),
    tenant: "acme",
    subject: "user:ada",
    workflow: "w",
    version: 1,
    traceparent: null,
  };
}

/** A transaction that hands out up to so many steps, and gives those of them that it stores. */
function handOut(offers: Offers, wanted: number, stored = wanted) {
  const tx = transaction();
  const out = offers.handOut(tx);
  const steps: ClaimedStep[] = [];
  for (let at = 0; at < wanted; at++) {
    const offer = out.offer();
    if (!offer) break;
    out.use(1);
    steps.push(stepFor(offer.worker));
  }
  out.give(steps.slice(0, stored));
  return { ...tx, steps: steps.slice(0, stored), taken: steps.length };
}

test("steps go to the worker after the commit, and the offer ends with its last place", async () => {
  const offers = createOffers(() => assert.fail("nobody left"));
  const offer = offers.open("w", 3);
  const tx = handOut(offers, 5);
  assert.equal(tx.taken, 3, "no more than was offered");
  assert.equal(handOut(offers, 1).taken, 0, "what is in hand is nobody else's");
  tx.commit();
  assert.deepEqual(await offer.next(), tx.steps);
  assert.equal(await offer.next(), undefined);
});

test("of what is rolled back, or not stored, the places are free again", async () => {
  const offers = createOffers(() => assert.fail("nobody left"));
  const offer = offers.open("w", 2);
  handOut(offers, 2).rollBack();
  handOut(offers, 2, 0).commit();
  const tx = handOut(offers, 2);
  assert.equal(tx.taken, 2);
  tx.commit();
  assert.deepEqual(await offer.next(), tx.steps);
});

test("an offer that ended waits for what a transaction has in hand; one that was abandoned sends it back", async () => {
  const sentBack: ClaimedStep[] = [];
  const offers = createOffers((_, steps) => void sentBack.push(...steps));
  const ended = offers.open("w", 4);
  const first = handOut(offers, 1);
  ended.end();
  assert.equal(handOut(offers, 1).taken, 0, "nothing more is taken from it");
  const next = ended.next();
  first.commit();
  assert.deepEqual(await next, first.steps);
  assert.equal(await ended.next(), undefined);

  const gone = offers.open("w", 4);
  const [given, late] = [handOut(offers, 1), handOut(offers, 1)];
  given.commit();
  assert.deepEqual(gone.abandon(), given.steps, "what it did not take is told");
  late.commit();
  assert.deepEqual(sentBack, late.steps);
});

test("workers share: the one with most room is next; a further offer of one ends the one before", () => {
  const offers = createOffers(() => undefined);
  offers.open("small", 2);
  offers.open("large", 5);
  assert.equal(offers.handOut(transaction()).offer()?.worker, "large");
  offers.open("large", 1);
  assert.equal(offers.handOut(transaction()).offer()?.worker, "small");
  offers.close();
  offers.open("late", 9);
  assert.equal(offers.handOut(transaction()).offer(), undefined, "a replica that shuts down takes none");
});

test("whatever commits, rolls back or leaves, each stored step goes one way, and no worker gets more than it offered", () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant("open" as const),
      worker: fc.constantFrom("a", "b", "c"),
      places: fc.integer({ min: 0, max: 9 }),
    }),
    fc.record({
      kind: fc.constant("start" as const),
      wanted: fc.integer({ min: 0, max: 9 }),
      stored: fc.integer({ min: 0, max: 9 }),
    }),
    fc.record({
      kind: fc.constantFrom("commit" as const, "rollBack" as const, "end" as const, "abandon" as const),
      at: fc.nat(),
    }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const back: ClaimedStep[] = [];
      const offers = createOffers((_, steps) => void back.push(...steps));
      const opened: { offer: OpenOffer; places: number; worker: string }[] = [];
      let open: ReturnType<typeof handOut>[] = [];
      const committed: ClaimedStep[] = [];
      const finish = (tx: ReturnType<typeof handOut>, how: "commit" | "rollBack") => {
        tx[how]();
        open = open.filter((one) => one !== tx);
        if (how === "commit") committed.push(...tx.steps);
      };
      for (const each of actions) {
        if (each.kind === "open") opened.push({ ...each, offer: offers.open(each.worker, each.places) });
        else if (each.kind === "start") open.push(handOut(offers, each.wanted, each.stored));
        else if (each.kind === "end") opened[each.at % opened.length]?.offer.end();
        else if (each.kind === "abandon") back.push(...(opened[each.at % opened.length]?.offer.abandon() ?? []));
        else {
          const tx = open[each.at % open.length];
          if (tx) finish(tx, each.kind);
        }
      }
      for (const tx of [...open]) finish(tx, "commit");
      const arrived = opened.flatMap(({ offer, places }) => {
        const steps = offer.abandon();
        assert.ok(steps.length <= places, `${steps.length} for ${places} places`);
        return steps;
      });
      const ways = [...arrived, ...back].map(({ run }) => run);
      assert.deepEqual(ways.toSorted(), committed.map(({ run }) => run).toSorted());
    }),
    { numRuns: 500 },
  );
});
