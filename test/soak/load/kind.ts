import type { MeshClient } from "@agentmesh/client";
import type { Random } from "../random.ts";
import type { RunBook } from "./run-book.ts";

/** What one request has at hand. */
export type Request = {
  readonly client: MeshClient;
  readonly random: Random;
  /** Grows by one with each request: texts made of it are asked once. */
  readonly number: number;
  readonly runs: RunBook;
};

/** One sort of request. It throws what went wrong; what it began is in the book. */
export type Kind = {
  readonly name: string;
  /** Out of the sum of all. */
  readonly weight: number;
  run(request: Request): Promise<void>;
};
