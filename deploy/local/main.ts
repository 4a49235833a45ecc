// Picks the command; each is imported only when it is asked for. Called through bootstrap.mjs.
const commands: Readonly<Record<string, () => Promise<(args: readonly string[]) => Promise<number>>>> = {
  start: async () => (await import("./commands/start.ts")).start,
  stop: async () => (await import("./commands/stop.ts")).stop,
  reset: async () => (await import("./commands/reset.ts")).reset,
  test: async () => (await import("./commands/test.ts")).test,
  check: async () => (await import("./commands/check.ts")).check,
  gen: async () => (await import("./commands/gen.ts")).gen,
  bench: async () => (await import("./commands/bench.ts")).bench,
  chaos: async () => (await import("./commands/chaos.ts")).chaos,
  soak: async () => (await import("./commands/soak.ts")).soak,
  meshctl: async () => (await import("./commands/meshctl.ts")).meshctl,
};

const [name = "", ...args] = process.argv.slice(2);
const load = commands[name];
if (load === undefined) {
  process.stderr.write(
    `agentmesh: no command ${JSON.stringify(name)}; there are ${Object.keys(commands).join(", ")}\n`,
  );
  process.exitCode = 2;
} else {
  try {
    const command = await load();
    process.exitCode = await command(args);
  } catch (error) {
    const message = process.env.AGENTMESH_DEBUG ? error : error instanceof Error ? error.message : String(error);
    console.error("agentmesh:", message);
    process.exitCode = 1;
  }
}
