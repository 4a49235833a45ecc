import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { describeError } from "@agentmesh/errors";
import { experimental, Metadata, status } from "@grpc/grpc-js";
import { hashOf, mix } from "./hash.ts";
import { balanceIn, WEIGHTS } from "./options.ts";

/** `mesh:///host:port[,host:port…]`: every address of every name, looked up again and again. */
export const MESH_SCHEME = "mesh";

// A client holds a connection to each; of more instances each client uses its own random part.
const MAX_INSTANCES = 128;
const DEFAULT_EVERY_MS = 30_000;
// Lost connections ask for a look-up; many at once get one.
const MIN_GAP_MS = 1_000;

type Entry = { readonly written: string; readonly host: string; readonly port: number };
type Address = { readonly host: string; readonly port: number };

export class MeshResolver implements experimental.Resolver {
  readonly #entries: readonly Entry[];
  readonly #listener: experimental.ResolverListener;
  readonly #everyMs: number;
  readonly #weights: Readonly<Record<string, number>>;
  readonly #lookup: (host: string) => Promise<readonly string[]>;
  readonly #salt = Math.floor(Math.random() * 0x1_0000_0000);
  /** What each name last had: a name server that is down takes no instance away. */
  readonly #known = new Map<string, readonly Address[]>();
  #timer: NodeJS.Timeout | undefined;
  #isLookingUp = false;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  /** Moves on with destroy(), so that a look-up under way then says nothing. */
  #life = 0;

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener, options: Record<string, unknown>) {
    const balance = balanceIn(options);
    this.#entries = target.path.split(",").map(entryOf);
    this.#listener = listener;
    this.#everyMs = balance?.resolveEveryMs ?? DEFAULT_EVERY_MS;
    this.#weights = balance?.weights ?? {};
    this.#lookup = balance?.lookup ?? systemLookup;
  }

  static getDefaultAuthority(target: experimental.GrpcUri): string {
    return target.path.split(",")[0] ?? target.path;
  }

  updateResolution(): void {
    if (this.#isLookingUp) return;
    const waitMs = this.#lastAtMs + MIN_GAP_MS - performance.now();
    if (waitMs > 0) this.#schedule(waitMs);
    else void this.#resolve();
  }

  destroy(): void {
    this.#life++;
    this.#isLookingUp = false;
    this.#lastAtMs = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#timer);
  }

  async #resolve(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isLookingUp = true;
    const life = this.#life;
    const problems: string[] = [];
    await Promise.all(
      this.#entries.map(async (entry) => {
        try {
          this.#known.set(entry.written, await this.#addressesOf(entry));
        } catch (error) {
          problems.push(`${entry.written}: ${describeError(error)}`);
        }
      }),
    );
    if (life !== this.#life) return;
    this.#isLookingUp = false;
    this.#lastAtMs = performance.now();
    this.#report(problems.join("; "));
    const isFixed = this.#entries.every(({ host }) => isIP(host) !== 0);
    if (problems.length > 0) this.#schedule(MIN_GAP_MS);
    // Up to a fifth earlier, so that clients that started together do not ask together.
    else if (!isFixed) this.#schedule(this.#everyMs * (1 - Math.random() / 5));
  }

  async #addressesOf({ host, port }: Entry): Promise<readonly Address[]> {
    const found = isIP(host) === 0 ? await this.#lookup(host) : [host];
    return found.map((address) => ({ host: address, port }));
  }

  #schedule(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#resolve(), waitMs).unref();
  }

  #report(problems: string): void {
    const weights = new Map<string, number>();
    const found = new Map<string, Address>();
    for (const { written } of this.#entries) {
      for (const address of this.#known.get(written) ?? []) {
        const name = experimental.subchannelAddressToString(address);
        found.set(name, address);
        weights.set(name, this.#weights[name] ?? this.#weights[written] ?? 1);
      }
    }
    const ranked = [...found].map(([name, address]) => ({ address, rank: mix(hashOf(name) ^ this.#salt) }));
    const endpoints = ranked
      .sort((a, b) => a.rank - b.rank)
      .slice(0, MAX_INSTANCES)
      .map(({ address }) => ({ addresses: [address] }));
    const result: experimental.StatusOr<experimental.Endpoint[]> =
      endpoints.length > 0
        ? experimental.statusOrFromValue(endpoints)
        : experimental.statusOrFromError({
            code: status.UNAVAILABLE,
            details: `no instance was found: ${problems}`,
            metadata: new Metadata(),
          });
    this.#listener(result, { [WEIGHTS]: weights }, null, problems);
  }
}

function entryOf(written: string): Entry {
  const split = experimental.splitHostPort(written.trim());
  return { written: written.trim(), host: split?.host ?? written, port: split?.port ?? 0 };
}

/** IPv4 where there is any: a pod or localhost with an address of each family is still one instance. */
async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  const ofFour = found.filter(({ family }) => family === 4);
  return (ofFour.length > 0 ? ofFour : found).map(({ address }) => address);
}
