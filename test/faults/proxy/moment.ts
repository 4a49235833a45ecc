/**
 * Where a process can be struck:
 *
 * | at | what is on its way |
 * |---|---|
 * | commit, committed | COMMIT to PostgreSQL; its answer back |
 * | publish, published | a message to NATS; its acknowledgement back |
 * | deliver | a message from NATS |
 * | call, reply | an RPC to another service; its answer back |
 * | asked, applied | an effect that has not happened yet; the answer of one that has |
 */
export type MomentKind =
  | "commit"
  | "committed"
  | "publish"
  | "published"
  | "deliver"
  | "call"
  | "reply"
  | "asked"
  | "applied";

export type Moment = {
  readonly at: MomentKind;
  /** The process that sends it or waits for it, as the mesh names it; empty: not known. */
  readonly process: string;
  /** Subject of a message, method of an RPC, name of an effect; empty for a commit. */
  readonly name: string;
  /** What is said: of a commit, everything its transaction sent before. */
  readonly said: readonly Buffer[];
};

/** `drop`: it never arrives, and the connection that it was on ends. */
export type Verdict = "forward" | "drop";

/** Called by a proxy before it passes something on; undefined: go on. While the promise is open the connection waits. */
export type Watch = (moment: Moment) => Promise<Verdict> | undefined;

export function mentions({ said }: Moment, text: string): boolean {
  return said.some((part) => part.includes(text));
}
