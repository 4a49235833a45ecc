import { type FileHandle, mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { describeError, isAppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { AuditEntry } from "@agentmesh/proto/compliance";
import type { Logger } from "@agentmesh/telemetry";

export type Spool = AsyncDisposable & {
  /** On the disk when it resolves. @throws Error when the spool is full or cannot be written */
  append(entries: readonly AuditEntry[]): Promise<void>;
  /** Sends what is spooled and removes what was taken; stops silently where sending fails. */
  replay(send: (entries: readonly AuditEntry[]) => Promise<void>): Promise<void>;
};

type Segment = { readonly file: FileHandle; readonly path: string; bytes: number };

const MAX_SPOOL_BYTES = 256 * 1024 * 1024;
const MAX_SEGMENT_BYTES = 8 * 1024 * 1024;
const REPLAY_BATCH = 256;

/**
 * Audit entries on this machine's disk, a JSON line each. `<process>-<id>.open` is being written; replaying closes it
 * to `<id>.ready`, sends it and removes it. Ids make a second sending harmless. What compliance refuses as invalid is
 * kept as `<id>.refused`, for a person.
 */
export async function openSpool(dir: string, log: Logger): Promise<Spool> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await adoptAbandoned(dir);
  let current: Segment | undefined;
  let writing = Promise.resolve();
  let spooledBytes = await sizeOf(dir);

  async function write(text: string): Promise<void> {
    if (spooledBytes + text.length > MAX_SPOOL_BYTES) {
      throw new Error(`${dir} holds ${spooledBytes} bytes, its bound is ${MAX_SPOOL_BYTES}`);
    }
    if (current && current.bytes > MAX_SEGMENT_BYTES) await close();
    current ??= await begin(dir);
    try {
      await current.file.appendFile(text);
      await current.file.datasync();
    } catch (error) {
      // Half a line may stand there now. Nothing is written behind it, or both would be lost.
      await close().catch(() => undefined);
      throw error;
    }
    current.bytes += text.length;
    spooledBytes += text.length;
  }

  async function close(): Promise<void> {
    if (!current) return;
    const { file, path } = current;
    current = undefined;
    await file.close();
    await rename(path, readyPath(dir));
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    const result = writing.then(work);
    writing = result.catch(() => undefined);
    return result;
  }

  return {
    append(entries) {
      const text = entries.map((entry) => `${JSON.stringify(AuditEntry.toJSON(entry))}\n`).join("");
      return inTurn(() => write(text));
    },
    async replay(send) {
      try {
        await inTurn(close);
        for (const name of await readySegments(dir)) {
          await replaySegment(join(dir, name), send, log);
        }
        spooledBytes = await sizeOf(dir);
      } catch (error) {
        log.debug({ reason: describeError(error) }, "audit spool not replayed; it is tried again");
      }
    },
    async [Symbol.asyncDispose]() {
      await inTurn(close);
    },
  };
}

async function begin(dir: string): Promise<Segment> {
  const path = join(dir, `${process.pid}-${newId()}.open`);
  const file = await open(path, "a", 0o600);
  // The file's name is on the disk before anything in it counts as kept.
  await using folder = await open(dir, "r");
  await folder.sync();
  return { file, path, bytes: 0 };
}

function readyPath(dir: string): string {
  return join(dir, `${newId()}.ready`);
}

async function readySegments(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith(".ready")).sort();
}

async function replaySegment(
  path: string,
  send: (entries: readonly AuditEntry[]) => Promise<void>,
  log: Logger,
): Promise<void> {
  const entries = parseLines(await readFile(path, "utf8"));
  try {
    for (let from = 0; from < entries.length; from += REPLAY_BATCH)
      await send(entries.slice(from, from + REPLAY_BATCH));
  } catch (error) {
    if (!isAppError(error) || error.code !== "INVALID_ARGUMENT") throw error;
    log.error({ path, reason: error.message }, "compliance refused spooled audit entries; they are kept for a person");
    await rename(path, path.replace(/\.ready$/, ".refused"));
    return;
  }
  // Replicas may share the folder: the other one sent it too, which is harmless.
  await unlink(path).catch(() => undefined);
  log.info({ path, entries: entries.length }, "spooled audit entries delivered");
}

/** The last line of a process that was killed may be cut short: its request was never answered. */
function parseLines(text: string): AuditEntry[] {
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [AuditEntry.fromJSON(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

/** Segments of processes that are gone become ready. A pid of our own can only be an earlier life's (containers). */
async function adoptAbandoned(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const pid = /^(\d+)-.*\.open$/.exec(name)?.[1];
    if (pid === undefined || (Number(pid) !== process.pid && isAlive(Number(pid)))) continue;
    await rename(join(dir, name), readyPath(dir));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function sizeOf(dir: string): Promise<number> {
  const names = await readdir(dir);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(dir, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
