// One PostgreSQL for all tests of a checkout, under .agentmesh/test: `npm test` brings it up and stops it, a test file run
// on its own brings it up and leaves it for the next one (`npm stop` stops it).
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isSameProcess, processMark, withFileLock } from "@agentmesh/processes";
import { dataRoot } from "./checkout.ts";
import { freePort } from "./processes/free-port.ts";
import { findServers } from "./servers/find-server.ts";
import { planPostgres, probePostgres } from "./servers/postgres.ts";
import { startServer } from "./servers/server.ts";

type Running = { readonly pid: number; readonly mark: string; readonly url: string; readonly password: string };

const testRoot = join(dataRoot, "test");
const recordFile = join(testRoot, "postgres.json");
const lockWithinMs = 600_000;
const stopWithinMs = 10_000;
const answersWithinMs = 60_000;

/** The superuser's URL of the tests' PostgreSQL; `started` says whether this call brought it up. */
export async function testPostgres(
  log: (line: string) => void = () => undefined,
): Promise<{ url: string; started: boolean }> {
  mkdirSync(testRoot, { recursive: true, mode: 0o755 });
  return await withFileLock(join(testRoot, "postgres.lock"), lockWithinMs, async () => {
    const known = readRecord();
    if (known && (await awaitAnswer(known))) return { url: known.url, started: false };
    const server = (await findServers({ names: ["postgres"], urls: {}, log })).postgres;
    if (server.from === "url") throw new Error("a server found without URLs came from a URL");
    const password = known?.password ?? randomBytes(18).toString("base64url");
    const plan = planPostgres({
      server,
      dir: join(testRoot, "postgres"),
      port: await freePort(),
      password,
      container: "agentmesh-test-postgres",
      log,
    });
    // The record comes first: a password that only the cluster knows would be lost to a kill between the two.
    writeRecord({ pid: 0, mark: "", url: plan.url, password });
    const handle = await startServer(plan, join(testRoot, "postgres.log"));
    writeRecord({ pid: handle.pid(), mark: processMark(handle.pid()) ?? "", url: plan.url, password });
    return { url: plan.url, started: true };
  });
}

/** Stops it wherever it was started from; does nothing when it does not run. */
export async function stopTestPostgres(): Promise<void> {
  const known = readRecord();
  if (!known || !isSameProcess(known.pid, known.mark)) return;
  process.kill(known.pid, "SIGINT");
  const deadline = performance.now() + stopWithinMs;
  while (isSameProcess(known.pid, known.mark)) {
    if (performance.now() > deadline) process.kill(known.pid, "SIGKILL");
    await delay(25);
  }
}

/** False: it does not run. On a busy machine one that runs may need several tries; another could not start beside it. */
async function awaitAnswer({ pid, mark, url }: Running): Promise<boolean> {
  const deadline = performance.now() + answersWithinMs;
  while (isSameProcess(pid, mark)) {
    if (await answers(url)) return true;
    if (performance.now() > deadline) {
      throw new Error(`the tests' PostgreSQL (pid ${pid}) runs and does not answer; stop it with npm stop`);
    }
    await delay(250);
  }
  return false;
}

async function answers(url: string): Promise<boolean> {
  try {
    await probePostgres(url);
    return true;
  } catch {
    return false;
  }
}

function readRecord(): Running | undefined {
  if (!existsSync(recordFile)) return undefined;
  try {
    const record: Running = JSON.parse(readFileSync(recordFile, "utf8"));
    return record;
  } catch {
    // Half written by a killed process, so the cluster's password is not known either.
    rmSync(recordFile, { force: true });
    return undefined;
  }
}

function writeRecord(record: Running): void {
  writeFileSync(recordFile, JSON.stringify(record), { mode: 0o600 });
}
