import { AppError } from "@agentmesh/errors";
import type { Principal } from "@agentmesh/identity";
import { newId } from "@agentmesh/ids";
import type { MethodRule } from "@agentmesh/proto/catalog";
import type { Metadata } from "@grpc/grpc-js";
import type { Caller } from "./authorise-call.ts";
import type { Call } from "./handlers.ts";
import { type Narrowing, narrowCall } from "./narrow-call.ts";

type Incoming = {
  metadata: Metadata;
  getDeadline(): Date | number;
  getPeer(): string;
  on(event: "cancelled", listener: () => void): unknown;
};

const BEARER = /^bearer (.+)$/i;

/**
 * A call as it came in. It is over when it was answered, and cut when its caller goes away or its deadline passes first.
 * What most handlers never ask for (signal, request id, peer) is made when one does: that is a tenth of a call's CPU.
 */
export class IncomingCall implements Call {
  readonly rule: MethodRule;
  readonly token: string | undefined;
  readonly deadlineMs: number;
  principal: Principal | undefined;
  workload = "";
  readonly #incoming: Incoming;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;
  #cut: AppError | undefined;
  #onCut: ((reason: AppError) => void) | undefined;
  #abort: AbortController | undefined;
  #requestId: string | undefined;
  #narrowing: Narrowing | undefined;

  constructor(incoming: Incoming, rule: MethodRule) {
    this.rule = rule;
    this.#incoming = incoming;
    const nowMs = Date.now();
    const asked = Number(incoming.getDeadline());
    this.deadlineMs = Math.min(nowMs + rule.timeoutMs, Number.isFinite(asked) ? asked : Number.POSITIVE_INFINITY);
    this.token = BEARER.exec(this.metadata("authorization") ?? "")?.[1];
    this.#timer = setTimeout(onDeadline, Math.max(0, this.deadlineMs - nowMs), this);
    incoming.on("cancelled", () => this.#end("CANCELLED", "the caller went away"));
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#cut) this.#abort.abort(this.#cut);
    }
    return this.#abort.signal;
  }

  get requestId(): string {
    this.#requestId ??= this.metadata("x-request-id") ?? newId();
    return this.#requestId;
  }

  get peer(): string {
    return this.#incoming.getPeer();
  }

  readonly metadata = (name: string): string | undefined => this.#incoming.metadata.get(name)[0]?.toString();

  /** @throws AppError CANCELLED or DEADLINE_EXCEEDED where the call was cut meanwhile */
  admit({ workload, principal }: Caller): void {
    this.workload = workload;
    this.principal = principal;
    if (this.#cut) throw this.#cut;
  }

  /** @throws AppError PERMISSION_DENIED where the request is about what the caller's permission is not */
  narrow(request: unknown): void {
    if (this.rule.access === "USER" && this.principal) {
      this.#narrowing = narrowCall(this.principal, this.rule, request);
    }
  }

  requireResource(name: string): void {
    this.#narrowing?.found(name);
  }

  /** A reply, or a part of one, as the caller may see it. @throws AppError PERMISSION_DENIED */
  seen<T>(value: T): T {
    return this.#narrowing ? this.#narrowing.reply(value) : value;
  }

  /** What comes of the work, or why the call was cut; one piece of work at a time. */
  unlessCut<T>(work: T): Promise<Awaited<T>> {
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<T>>();
    if (this.#cut) reject(this.#cut);
    this.#onCut = reject;
    Promise.resolve(work).then(resolve, reject);
    return promise;
  }

  /** It was answered: nothing that comes now cuts it. */
  release(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  outlived(): void {
    this.#end("DEADLINE_EXCEEDED", "it took longer than its deadline allows");
  }

  // grpc-js says "cancelled" of calls that were answered, too; an error object for each would be a fiftieth of its CPU.
  #end(code: "CANCELLED" | "DEADLINE_EXCEEDED", why: string): void {
    if (this.#isOver || this.#cut) return;
    this.#cut = new AppError(code, `${this.rule.path}: ${why}`);
    this.#abort?.abort(this.#cut);
    this.#onCut?.(this.#cut);
  }
}

function onDeadline(call: IncomingCall): void {
  call.outlived();
}
