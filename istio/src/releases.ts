import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { serviceNames } from "./who-calls-whom.ts";

/** Percent of calls that go to each service's canary, 0 to 100. */
export type CanaryPercent = Readonly<Record<string, number>>;

const releases = z.strictObject({
  canaryPercent: z.strictObject(Object.fromEntries(serviceNames.map((name) => [name, z.int().min(0).max(100)]))),
});

/** Reads releases.yaml; every service of the catalog must be there and nothing else. */
export function readReleases(path: string): CanaryPercent {
  const result = releases.safeParse(parse(readFileSync(path, "utf8")));
  if (!result.success) {
    throw new Error(`${path}: ${z.prettifyError(result.error)}. Each service needs a whole percentage from 0 to 100.`);
  }
  return result.data.canaryPercent;
}
