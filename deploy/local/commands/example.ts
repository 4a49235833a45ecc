// The shipped example, loaded only when it is there: the runner knows of it no more than these two functions.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkoutDir } from "../checkout.ts";

type Edge = {
  readonly gatewayAddress: string;
  readonly adminUsername: string;
  readonly adminPassword: string;
  readonly tenant: string;
};

export type Example = {
  /** Applies its resources; repeatable. */
  readonly applyExample: (edge: Edge) => Promise<void>;
  /** Publishes its tickets, follows each to its end, prints the outcome; answers the exit code. */
  readonly runOnce: (
    options: Edge & {
      readonly httpUrl: string;
      readonly publisherUrl: string;
      readonly json: boolean;
      readonly tickets: number | undefined;
    },
  ) => Promise<number>;
};

const file = join(checkoutDir, "examples", "support", "once.ts");

/** undefined when this checkout has no examples/support. */
export async function loadExample(): Promise<Example | undefined> {
  if (!existsSync(file)) return undefined;
  const example: Example = await import(pathToFileURL(file).href);
  return example;
}
