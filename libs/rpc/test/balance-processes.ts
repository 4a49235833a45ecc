import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { TestEnvironment } from "@agentmesh/harness";

export type ProcessFleet = AsyncDisposable & {
  readonly address: string;
  signal(place: number, signal: NodeJS.Signals): void;
};

/** Servers in processes of their own, to be killed: each answers `read` with its number. */
export async function processFleet(environment: TestEnvironment, count: number): Promise<ProcessFleet> {
  const program = new URL("./balance-process.ts", import.meta.url).pathname;
  const { workloadTrustFile } = environment;
  const children = Array.from({ length: count }, (_, place) =>
    spawn(process.execPath, [program, environment.keyFileOf("cost"), workloadTrustFile, String(place)], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  const ports = await Promise.all(children.map(portOf));
  return {
    address: ports.map((port) => `127.0.0.1:${port}`).join(","),
    signal: (place, signal) => void children[place]?.kill(signal),
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map(end));
    },
  };
}

async function portOf({ stdout }: ChildProcess): Promise<number> {
  if (!stdout) throw new TypeError("the process has no output");
  const [line] = await once(stdout, "data");
  return Number(String(line));
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
