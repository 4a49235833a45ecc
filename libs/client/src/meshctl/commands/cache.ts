import { CacheStats, InvalidateCacheReply } from "@agentmesh/proto/cache";
import type { Command } from "../command.ts";
import { count, counted, percent, usd } from "../money.ts";
import { printFields } from "../table.ts";
import { UsageError } from "../usage-error.ts";

export const cache: Command = {
  usage: ["cache stats", "cache forget --agent NAME | --tag TAG | --all"],
  options: {
    agent: { value: "NAME", about: "Forget the answers of this agent" },
    tag: { value: "TAG", about: "Forget the answers with this tag" },
    all: { about: "Forget all answers of the tenant" },
  },
  words: { min: 0, max: 1 },
  async run(shell, args) {
    const [verb = "stats"] = args.words;
    if (verb === "stats") return stats(shell);
    if (verb !== "forget") throw new UsageError(`cache ${verb}: expected stats or forget`);
    const scope = { agent: args.text("agent") ?? "", tag: args.text("tag") ?? "" };
    const chosen = [scope.agent, scope.tag, args.flag("all") ? "all" : ""].filter(Boolean);
    if (chosen.length !== 1) throw new UsageError("cache forget: expected one of --agent NAME, --tag TAG, --all");
    const { mesh } = await shell.session();
    const reply = await mesh.cache.invalidateCache(scope);
    shell.out.answer(InvalidateCacheReply.toJSON(reply), () => shell.out.line("Forgotten, on every replica."));
    return 0;
  },
};

async function stats(shell: Parameters<Command["run"]>[0]): Promise<number> {
  const { out } = shell;
  const { mesh } = await shell.session();
  const figures = await mesh.cache.getCacheStats({});
  const hits = figures.l1Hits + figures.l2Hits;
  const asked = hits + figures.misses;
  out.answer(CacheStats.toJSON(figures), () =>
    printFields(out, [
      ["hits", `${count(hits)} of ${count(asked)}${asked > 0n ? ` (${percent(Number(hits) / Number(asked))})` : ""}`],
      [
        "in memory",
        `${counted(figures.l1Hits, "hit")}, ${counted(figures.l1Entries, "answer")}, ${counted(figures.l1Bytes, "byte")}`,
      ],
      ["in Redis", counted(figures.l2Hits, "hit")],
      ["misses", count(figures.misses)],
      ["stored", count(figures.stores)],
      ["evicted", count(figures.evictions)],
      ["saved", usd(figures.savedNanoUsd)],
    ]),
  );
  return 0;
}
