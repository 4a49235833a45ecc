import { existsSync, globSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { checkoutDir } from "../checkout.ts";
import { findServers } from "../servers/find-server.ts";
import { stopTestPostgres, testPostgres } from "../test-postgres.ts";
import { runCommand } from "./run-script.ts";

const everything = "{libs,services,proto,deploy,istio,examples,test}/**/*.test.ts";
/** Benchmarks are not tests. */
const left = /(^|\/)(node_modules|test\/bench)\//;
const fileTimeoutMs = 300_000;
/** Each test file runs servers and services of its own. */
const concurrency = 2;

/**
 * `npm test [-- paths and options of node --test]`: brings up the tests' PostgreSQL, runs the test files of the given
 * files and folders (default all) and answers 0 only when every one passed.
 */
export async function test(args: readonly string[]): Promise<number> {
  const options = args.filter((argument) => argument.startsWith("-"));
  const paths = args.filter((argument) => !argument.startsWith("-"));
  const files = paths.length === 0 ? find(everything) : paths.flatMap(testsUnder);
  if (files.length === 0) throw new Error(`no *.test.ts under ${paths.join(", ") || "this checkout"}`);
  // All that the test files will ask for, so that what has to be installed is installed once and visibly.
  await findServers({ names: ["postgres", "nats", "redis"], log: console.log });
  const postgres = await testPostgres(console.log);
  try {
    console.log(`${files.length} test files`);
    return await runCommand(
      process.execPath,
      [
        "--test",
        "--test-reporter=spec",
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${fileTimeoutMs}`,
        ...options,
        ...files,
      ],
      { cwd: checkoutDir, env: { TEST_POSTGRES_ADMIN_URL: postgres.url } },
    );
  } finally {
    if (postgres.started) await stopTestPostgres();
  }
}

function testsUnder(path: string): string[] {
  const full = resolve(path);
  if (!existsSync(full)) throw new Error(`${path}: no such file or folder`);
  if (!statSync(full).isDirectory()) return [relative(checkoutDir, full)];
  return find(`${relative(checkoutDir, full) || "."}/**/*.test.ts`);
}

function find(pattern: string): string[] {
  return globSync(pattern, { cwd: checkoutDir, exclude: (name) => name === "node_modules" })
    .filter((file) => !left.test(file))
    .sort();
}
