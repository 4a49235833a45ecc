import { busMigrations, consumeEvents, startRelay } from "@agentmesh/bus";
import { groupCommit, openDatabase, type Transaction } from "@agentmesh/postgres";
import { costContract } from "@agentmesh/proto/cost.contract";
import { usageRecordedEvent } from "@agentmesh/proto/runner.contract";
import { openResources, resourceMigrations, type StoredResource, watchResources } from "@agentmesh/resources";
import { implement, serve } from "@agentmesh/rpc";
import { openFoundation, type Running } from "@agentmesh/service";
import type { CostConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { decideHolds } from "./decide-holds.ts";
import { budgetSpec, compileBudget } from "./domain/budget.ts";
import { type BookEntry, compilePrice, findPrice, priceSpec } from "./domain/price.ts";
import { onUsageRecorded } from "./events/on-usage-recorded.ts";
import { handlers } from "./handlers/index.ts";
import { costMetrics } from "./metrics.ts";
import { publishBudgetStates } from "./publish-budget-states.ts";
import { startReaper } from "./reap-holds.ts";
import { shippedPrices } from "./shipped-prices.ts";
import { deleteBudget, upsertBudget } from "./store/budgets.ts";

export async function startCost(config: CostConfig, overrides: Partial<Context> = {}): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "cost"));
  const db = stack.use(
    await openDatabase({
      ...config.postgres,
      schema: "cost",
      migrations: [
        busMigrations,
        resourceMigrations,
        { name: "cost", folder: new URL("../migrations/", import.meta.url) },
      ],
      log: base.log,
    }),
  );
  stack.use(startRelay(base.bus, db));
  const kinds = { Budget: { schema: budgetSpec }, Price: { schema: priceSpec } };
  const resources = stack.use(
    await openResources({ service: "cost", db, bus: base.bus, kinds, onChange: deriveBudget }),
  );
  const shipped = shippedPrices();
  const book = stack.use(
    watchResources<BookEntry>(base.bus, "Price", (value, { tenant, version }) => {
      const spec = priceSpec.parse(value);
      return { tenant, spec, price: compilePrice(spec, version) };
    }),
  );
  const prices: Context["prices"] = (tenant, provider, model, atMs) =>
    findPrice(specsOf(book), shipped, { tenant, provider, model, atMs }, config.unknownPrice);
  const metrics = costMetrics(base.metrics);
  const context: Context = {
    config,
    log: base.log,
    db,
    metrics,
    prices,
    hold: groupCommit({
      name: "holds",
      commit: (requests) => decideHolds({ db, prices, config, metrics }, requests, new Date()),
    }),
    ...overrides,
  };
  stack.use(
    consumeEvents(base.bus, db, {
      event: usageRecordedEvent,
      handle: (tx, events) => onUsageRecorded(context, tx, events),
    }),
  );
  stack.use(startReaper(context));
  stack.use(await publishBudgetStates(context, base.bus, config.holds.sweepMs));
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(costContract, handlers(context, resources))],
      trust: base,
      log: base.log,
      metrics: base.metrics,
    }),
  );
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function* specsOf(book: { entries(): Iterable<[string, { spec: BookEntry }]> }): Iterable<BookEntry> {
  for (const [, row] of book.entries()) yield row.spec;
}

/** Keeps the table that holds are decided by in step with the Budget resources. */
async function deriveBudget(tx: Transaction, row: StoredResource): Promise<void> {
  if (row.kind !== "Budget") return;
  if (row.deleted) await deleteBudget(tx, row.tenant, row.name);
  else await upsertBudget(tx, compileBudget(row.tenant, row.name, budgetSpec.parse(row.spec)));
}
