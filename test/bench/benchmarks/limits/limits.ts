import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { testEnvironment } from "@agentmesh/harness";
import type { Benchmark, Subject } from "../../harness/benchmark.ts";
import { cpuMsOf } from "../../harness/process-figures.ts";

const script = fileURLToPath(new URL("./serve-limiter.ts", import.meta.url));
const REPLICAS = 3;
/** Checks of each replica in one repeat. */
const CHECKS = 10_000;
/** Of all replicas together, per repeat: half of what is asked for. */
const LIMIT = (REPLICAS * CHECKS) / 2;

type Done = { readonly allowed: number; readonly p50Us: number };
type Replica = AsyncDisposable & { readonly pid: number; ask(order: object): Promise<Done> };

/** Each repeat counts against scopes of its own, so that what is allowed is known beforehand. */
export const limits: Benchmark = {
  name: "limits",
  summary: "the limiter alone: checks of three replicas against one Redis, and how many pass above the limit",
  async open({ profileDir }) {
    await using stack = new AsyncDisposableStack();
    const environment = stack.use(await testEnvironment("gateway", { postgres: false, nats: false }));
    const flags = profileDir ? ["--cpu-prof", `--cpu-prof-dir=${profileDir}`] : [];
    const replicas = Array.from({ length: REPLICAS }, () => stack.use(startReplica(environment.redisUrl, flags)));
    await askAll(replicas, { run: "warm", checks: CHECKS, limit: LIMIT });
    const opened = stack.move();
    return { subjects: [subjectOf(replicas)], [Symbol.asyncDispose]: () => opened.disposeAsync() };
  },
};

function subjectOf(replicas: readonly Replica[]): Subject {
  return {
    name: "agentmesh",
    what: "user, department and tenant in one step on Redis; half of the requests are above the department's limit",
    async measure(repeat) {
      const beforeMs = cpuOf(replicas);
      const began = performance.now();
      const done = await askAll(replicas, { run: `run${repeat}`, checks: CHECKS, limit: LIMIT });
      const seconds = (performance.now() - began) / 1000;
      const checks = REPLICAS * CHECKS;
      const allowed = done.reduce((sum, each) => sum + each.allowed, 0);
      const overshoot = Math.max(0, allowed - LIMIT);
      if (overshoot > 0) throw new Error(`${allowed} requests passed a limit of ${LIMIT}`);
      return {
        figures: [
          { metric: "checks_per_s", unit: "1/s", value: checks / seconds },
          { metric: "check_cpu_us", unit: "us", value: ((cpuOf(replicas) - beforeMs) * 1000) / checks },
          { metric: "check_p50_us", unit: "us", value: Math.max(...done.map((each) => each.p50Us)) },
          { metric: "overshoot", unit: "", value: overshoot },
        ],
        notes: [`${allowed} of ${LIMIT} allowed ones passed, of ${checks} that asked`],
      };
    },
  };
}

function cpuOf(replicas: readonly Replica[]): number {
  return replicas.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
}

function askAll(replicas: readonly Replica[], order: object): Promise<Done[]> {
  return Promise.all(replicas.map((replica) => replica.ask(order)));
}

function startReplica(redisUrl: string, flags: readonly string[]): Replica {
  const child = spawn(process.execPath, [...flags, script, redisUrl], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? 0,
    async ask(order) {
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const answer = await answers.next();
      if (answer.done) throw new Error("a replica of the limiter ended before it answered");
      return JSON.parse(answer.value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended(child);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
