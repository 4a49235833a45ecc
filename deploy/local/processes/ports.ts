// Ports come in blocks of 100 from 7100 on. The last port of a block is held open while the mesh runs: binding it is the
// lock that lets two checkouts start at the same moment without choosing the same ports. Inside its block a name keeps
// the port it had (state.json), so that URLs stay the same from start to start.
import { readFileSync } from "node:fs";
import type { Server } from "node:net";
import { isPortFree, tryListen } from "./free-port.ts";
import { writeAtomically } from "./run-file.ts";

export type PortBlock = {
  readonly base: number;
  /** The port of a name: what the user fixed, else what it had before, else the next free one of the block. */
  take(name: string): Promise<number>;
  /** Remembers what was taken. */
  save(): void;
  [Symbol.dispose](): void;
};

export type PortOptions = {
  readonly stateFile: string;
  /** Ports the user chose, by name, with the variable that says so. */
  readonly fixed: ReadonlyMap<string, { readonly port: number; readonly variable: string }>;
  /** Default 7100. */
  readonly firstBase?: number;
};

type State = { readonly base: number; readonly ports: Record<string, number> };

const defaultBase = 7_100;
const blockSize = 100;
const blocks = 50;

/** Takes the block this checkout had before, or the first that nobody holds. */
export async function openPortBlock(options: PortOptions): Promise<PortBlock> {
  const state = readState(options.stateFile);
  const first = options.firstBase ?? defaultBase;
  const bases = Array.from({ length: blocks }, (_, index) => first + index * blockSize);
  const remembered = state && bases.includes(state.base) ? [state.base] : [];
  for (const base of [...remembered, ...bases]) {
    const guard = await tryListen(base + blockSize - 1);
    if (guard) return portBlock(base, guard, state?.base === base ? state.ports : {}, options);
  }
  throw new Error(`every block of ports from ${first} to ${first + blocks * blockSize} is held by another mesh`);
}

function portBlock(base: number, guard: Server, before: Record<string, number>, options: PortOptions): PortBlock {
  const taken = new Map<string, number>();
  const reserved = new Set(Object.values(before));

  async function take(name: string): Promise<number> {
    const port = await choose(name);
    taken.set(name, port);
    return port;
  }
  async function choose(name: string): Promise<number> {
    const fixed = options.fixed.get(name);
    if (fixed) {
      if (await isUsable(fixed.port)) return fixed.port;
      throw new Error(
        `port ${fixed.port} for ${name} (${fixed.variable}) is in use: stop what listens there, or choose another`,
      );
    }
    const known = before[name];
    if (known !== undefined && (await isUsable(known))) return known;
    for (let port = base; port < base + blockSize - 1; port++) {
      if (!reserved.has(port) && (await isUsable(port))) return port;
    }
    throw new Error(`no free port for ${name} between ${base} and ${base + blockSize - 2}`);
  }
  async function isUsable(port: number): Promise<boolean> {
    if ([...taken.values()].includes(port)) return false;
    return (await isPortFree(port, "127.0.0.1")) && (await isPortFree(port, "0.0.0.0"));
  }
  return {
    base,
    take,
    save: () => {
      const state: State = { base, ports: { ...before, ...Object.fromEntries(taken) } };
      writeAtomically(options.stateFile, JSON.stringify(state, undefined, 2));
    },
    [Symbol.dispose]: () => void guard.close(),
  };
}

function readState(file: string): State | undefined {
  try {
    const state: State = JSON.parse(readFileSync(file, "utf8"));
    return typeof state.base === "number" && typeof state.ports === "object" ? state : undefined;
  } catch {
    return undefined;
  }
}
