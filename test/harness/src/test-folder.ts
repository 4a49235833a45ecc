// The folder of one test environment. A test file that is killed cannot clean up, so each new environment removes what
// the dead ones left: their servers (by pid and start time) and their folders.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSameProcess, processMark } from "@agentmesh/processes";

type Owner = { pid: number; mark: string; servers: { pid: number; mark: string }[] };

const prefix = "agentmesh-test-";
const ownerFile = "owner.json";

export type TestFolder = {
  readonly dir: string;
  /** Remembers a server, so that it is ended should this process be killed. */
  adopt(pid: number): void;
  remove(): void;
};

export function testFolder(): TestFolder {
  removeDeadFolders();
  const dir = mkdtempSync(join(tmpdir(), prefix));
  const owner: Owner = { pid: process.pid, mark: processMark(process.pid) ?? "", servers: [] };
  const write = () => writeFileSync(join(dir, ownerFile), JSON.stringify(owner));
  write();
  return {
    dir,
    adopt: (pid) => {
      owner.servers.push({ pid, mark: processMark(pid) ?? "" });
      write();
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function removeDeadFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const dir = join(tmpdir(), name);
    const owner = readOwner(dir);
    if (owner === undefined || isSameProcess(owner.pid, owner.mark)) continue;
    for (const server of owner.servers) {
      if (isSameProcess(server.pid, server.mark)) process.kill(server.pid, "SIGKILL");
    }
    rmSync(dir, { recursive: true, force: true });
  }
}

function readOwner(dir: string): Owner | undefined {
  try {
    const owner: Owner = JSON.parse(readFileSync(join(dir, ownerFile), "utf8"));
    return owner;
  } catch {
    return undefined;
  }
}
