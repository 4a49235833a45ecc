import { ownerOf } from "../owner-of.ts";
import type { Shell } from "./command.ts";
import { kindOf } from "./kind-name.ts";

const WITHIN_MS = 2_000;
const MOST = 200;

/**
 * Names for a shell's completion, one a line: of `agent` the agents, of `agent/dr` the same as `run` takes them,
 * `agent/drafter`. Whatever goes wrong is silence: nobody wants an error in the middle of a line.
 */
export async function printNames({ out, session }: Shell, word: string): Promise<number> {
  const [kind = ""] = word.split("/");
  const prefix = word.includes("/") ? `${kind}/` : "";
  try {
    const wanted = kindOf(kind);
    const { mesh } = await session();
    const page = { kind: wanted, pageSize: MOST };
    const { resources } = await mesh[ownerOf(wanted)].listResources(page, { timeoutMs: WITHIN_MS });
    for (const { name } of resources) out.line(`${prefix}${name}`);
    return 0;
  } catch {
    return 1;
  }
}
