// What the policies do with real servers behind them: one slow, one failing, one that dies, ones that come and go.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually, freePort } from "@agentmesh/harness";
import { loadWorkloadIdentity } from "@agentmesh/identity";
import { createMetrics } from "@agentmesh/telemetry";
import { type Balance, balancePolicies, createClient, type Server } from "../src/index.ts";
import { processFleet } from "./balance-processes.ts";
import { type Fixture, fixture, type Note, type NoteClient, type NoteHandlers, noteContract } from "./fixture.ts";

let fix: Fixture;

before(async () => {
  fix = await fixture();
});
after(() => fix[Symbol.asyncDispose]());

type Fleet = AsyncDisposable & { readonly servers: Server[]; readonly served: number[]; readonly address: string };

/** Servers that count what they serve; `read` is theirs. */
async function fleetOf(...reads: readonly (NoteHandlers["read"] | undefined)[]): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const served = reads.map(() => 0);
  const servers: Server[] = [];
  for (const [place, read] of reads.entries()) {
    const handler: NoteHandlers["read"] = async (request, call) => {
      served[place] = (served[place] ?? 0) + 1;
      return read ? read(request, call) : { text: String(place) };
    };
    servers.push(stack.use(await fix.serve({ read: handler, effect: handler }, { drainMs: 200 })));
  }
  const opened = stack.move();
  const address = servers.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return { servers, served, address, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function clientOf(address: string, balance: Balance): Promise<NoteClient> {
  const { environment } = fix;
  const workload = await loadWorkloadIdentity(environment.keyFileOf("gateway"), environment.workloadTrustFile);
  return createClient(noteContract, { address, workload, balance });
}

/** Until every instance answered at least once: connections are made in the background. */
async function warm(client: NoteClient, fleet: Fleet): Promise<void> {
  await eventually(
    async () => {
      await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => client.read({ text: "" }, { balanceKey: `w${i}` })),
      );
      return fleet.served.every((count) => count > 0);
    },
    { what: "every instance to be connected" },
  );
  fleet.served.fill(0);
}

function after5Ms<T>(value: T, delayMs = 5): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, delayMs, value));
}

/** `count` calls, `atOnce` at a time. */
async function calls(count: number, atOnce: number, call: (i: number) => Promise<unknown>): Promise<unknown[]> {
  const failures: unknown[] = [];
  let next = 0;
  async function one(): Promise<void> {
    while (next < count) await call(next++).catch((error) => failures.push(error));
  }
  await Promise.all(Array.from({ length: atOnce }, one));
  return failures;
}

test("round_robin is exact over the wire, weights too, and the picks are counted", async () => {
  await using fleet = await fleetOf(undefined, undefined, undefined);
  const metrics = createMetrics({});
  using even = await clientOf(fleet.address, { policy: "round_robin", target: "notes", metrics });
  await warm(even, fleet);
  await calls(90, 7, () => even.read({ text: "" }));
  assert.deepEqual(fleet.served, [30, 30, 30]);
  await eventually(
    async () => {
      const counted = [
        ...(await metrics.render()).matchAll(/^agentmesh_rpc_picks_total\{target="notes",.*\} (\d+)$/gm),
      ];
      return counted.length === 3 && counted.reduce((sum, [, count]) => sum + Number(count), 0) >= 90 + 20;
    },
    { what: "the picks to be counted" },
  );
  const [first] = fleet.address.split(",");
  using weighted = await clientOf(fleet.address, { policy: "weighted_round_robin", weights: { [first ?? ""]: 4 } });
  await warm(weighted, fleet);
  await calls(60, 7, () => weighted.read({ text: "" }));
  assert.deepEqual(fleet.served, [40, 10, 10]);
});

test("a slow instance gets few calls, but for round_robin", async () => {
  await using fleet = await fleetOf(
    () => after5Ms({ text: "" }, 100),
    () => after5Ms({ text: "" }),
    () => after5Ms({ text: "" }),
  );
  for (const policy of ["least_connections", "least_response_time", "adaptive"] as const) {
    using client = await clientOf(fleet.address, { policy });
    await warm(client, fleet);
    assert.deepEqual(await calls(300, 8, () => client.read({ text: "" })), []);
    assert.ok((fleet.served[0] ?? 0) < 50, `${policy}: ${fleet.served}`);
  }
});

test("calls that begin in one turn are spread, not sent to the one that was free before", async () => {
  await using fleet = await fleetOf(
    () => after5Ms({ text: "" }),
    () => after5Ms({ text: "" }),
    () => after5Ms({ text: "" }),
  );
  using client = await clientOf(fleet.address, { policy: "least_connections" });
  await warm(client, fleet);
  await Promise.all(Array.from({ length: 60 }, () => client.read({ text: "" })));
  assert.deepEqual(fleet.served, [20, 20, 20]);
});

test("an instance that answers with errors is ejected, comes back, and is counted", async () => {
  let isBroken = true;
  await using fleet = await fleetOf(
    async () => {
      if (isBroken) throw new AppError("INTERNAL", "broken");
      return { text: "" };
    },
    undefined,
    undefined,
  );
  const metrics = createMetrics({});
  const outliers = { ejectMs: 300 };
  using client = await clientOf(fleet.address, { policy: "round_robin", outliers, target: "notes", metrics });
  const failures = await calls(200, 4, () => client.read({ text: "" }));
  assert.ok(failures.length <= 20, `${failures.length} calls reached the broken one`);
  assert.match(await metrics.render(), /agentmesh_rpc_ejections_total\{.*cause="consecutive_errors"\} [1-9]/);
  isBroken = false;
  fleet.served.fill(0);
  await eventually(
    async () => {
      await client.read({ text: "" });
      return (fleet.served[0] ?? 0) > 0;
    },
    { what: "it to come back" },
  );
});

test("an instance that drains costs no call at all, not even one with effects", async () => {
  const slowly = () => after5Ms({ text: "" });
  for (const policy of balancePolicies) {
    await using fleet = await fleetOf(slowly, slowly, slowly);
    using client = await clientOf(fleet.address, { policy });
    await warm(client, fleet);
    const [victim] = fleet.servers;
    let ended: PromiseLike<void> | undefined;
    const failures = await calls(400, 12, (i) => {
      if (i === 100) ended = victim?.[Symbol.asyncDispose]();
      return client.effect({ text: "" }, { balanceKey: `key-${i}` });
    });
    await ended;
    assert.deepEqual(failures, [], policy);
    assert.equal(
      fleet.served.reduce((sum, count) => sum + count, 0),
      400,
      `${policy}: each was done once`,
    );
  }
});

test("calls with effects do not go to an instance that cannot be reached", async () => {
  await using fleet = await fleetOf(undefined);
  const dead = `127.0.0.1:${await freePort()}`;
  for (const policy of balancePolicies) {
    using client = await clientOf(`${dead},${fleet.address}`, { policy });
    assert.deepEqual(await calls(50, 5, (i) => client.effect({ text: "" }, { balanceKey: `${i}` })), [], policy);
  }
  using none = await clientOf(dead, { policy: "adaptive" });
  await assert.rejects(none.effect({ text: "" }), { code: "UNAVAILABLE", message: /none of 1 instances answers/ });
});

test("a call with effects that reached its instance is not repeated on another", async () => {
  const breaking = async (): Promise<Note> => {
    throw new AppError("UNAVAILABLE", "half done");
  };
  await using fleet = await fleetOf(breaking, breaking);
  using client = await clientOf(fleet.address, { policy: "round_robin" });
  await assert.rejects(client.effect({ text: "" }), { code: "UNAVAILABLE" });
  assert.equal((fleet.served[0] ?? 0) + (fleet.served[1] ?? 0), 1);
});

test("processes that are killed in the middle cost no idempotent call, under any policy", async () => {
  await using fleet = await processFleet(fix.environment, balancePolicies.length + 2);
  for (const [place, policy] of balancePolicies.entries()) {
    const alive = balancePolicies.length + 2 - place;
    using client = await clientOf(fleet.address, { policy });
    await eventually(async () => (await answering(client)).size === alive, { what: `all ${alive} to be connected` });
    const failures = await calls(400, 12, (i) => {
      if (i === 100) fleet.signal(place, "SIGKILL");
      return client.read({ text: "" }, { balanceKey: `key-${i}` });
    });
    assert.deepEqual(failures, [], policy);
    assert.equal((await answering(client)).size, alive - 1);
  }
});

test("a process that hangs gets no further calls once its deadlines show it", async () => {
  await using fleet = await processFleet(fix.environment, 3);
  using client = await clientOf(fleet.address, { policy: "round_robin", outliers: { consecutiveErrors: 3 } });
  await eventually(async () => (await answering(client)).size === 3, { what: "all three to be connected" });
  fleet.signal(0, "SIGSTOP");
  const failures = await calls(200, 6, () => client.read({ text: "" }, { timeoutMs: 300 }));
  assert.ok(failures.length >= 3 && failures.length <= 9, `${failures.length} calls waited in vain`);
});

async function answering(client: NoteClient): Promise<ReadonlySet<string>> {
  const replies = await Promise.all(
    Array.from({ length: 60 }, (_, i) => client.read({ text: "" }, { balanceKey: `a${i}` })),
  );
  return new Set(replies.map(({ text }) => text));
}

test("instances of a name come and go with it, and stay when the name server fails", async () => {
  // Two loopback addresses, one port: what a name with two pods is.
  const port = await freePort();
  const servers = new AsyncDisposableStack();
  for (const host of ["127.0.0.1", "127.0.0.2"]) {
    servers.use(await fix.serve({ read: async () => ({ text: host }) }, { host, port, drainMs: 200 }));
  }
  await using _ = servers;
  let pods: readonly string[] | undefined = ["127.0.0.1"];
  const lookup = async (): Promise<readonly string[]> => {
    if (pods) return pods;
    throw new Error("no name server");
  };
  using client = await clientOf(`notes:${port}`, { policy: "round_robin", resolveEveryMs: 50, lookup });
  const isServedBy = (expected: readonly string[]) => async () => {
    const seen = await answering(client);
    return seen.size === expected.length && expected.every((host) => seen.has(host));
  };
  assert.ok(await isServedBy(["127.0.0.1"])());
  pods = ["127.0.0.1", "127.0.0.2"];
  await eventually(isServedBy(pods), { what: "the second to be used" });
  pods = ["127.0.0.2"];
  await eventually(isServedBy(pods), { what: "the first to be left alone" });
  pods = undefined;
  assert.deepEqual(await calls(50, 5, () => client.read({ text: "" })), []);
  using unknown = await clientOf(`notes:${port}`, { policy: "round_robin", lookup });
  await assert.rejects(unknown.effect({ text: "" }), { code: "UNAVAILABLE", message: /notes:\d+: no name server/ });
});

test("with one instance gRPC picks as if it were not balanced", async () => {
  await using fleet = await fleetOf(undefined);
  const metrics = createMetrics({});
  using client = await clientOf(fleet.address, { policy: "adaptive", metrics });
  assert.deepEqual(await calls(20, 5, () => client.read({ text: "" })), []);
  assert.doesNotMatch(await metrics.render(), /^agentmesh_rpc_picks_total\{/m);
});
