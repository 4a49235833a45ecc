// What the NATS of a cluster is given.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { natsUsers } from "@agentmesh/nats";
import { meshManifest, passwordVariable } from "@agentmesh/nats/kubernetes";
import { parse } from "yaml";
import { z } from "zod";
import { findServers } from "../local/servers/find-server.ts";
import { probeNats } from "../local/servers/nats.ts";

const deployDir = dirname(import.meta.dirname);
const configMap = z.object({ kind: z.literal("ConfigMap"), data: z.object({ "mesh.conf": z.string() }) });
const include = z.string().regex(/^\.\.\/nats-(mesh|publishers)\//);
const patch = z.object({
  value: z.object({
    name: z.string(),
    mountPath: z.string().optional(),
    secret: z.object({ secretName: z.string() }).optional(),
    configMap: z.object({ name: z.string() }).optional(),
  }),
});
const chartValues = z.object({
  config: z.object({
    merge: z.object({ accounts: z.object({ mesh$include: include, publishers$include: include }) }),
  }),
  container: z.object({ env: z.record(z.string(), z.unknown()), patch: z.array(patch) }),
  podTemplate: z.object({ patch: z.array(patch) }),
});

test("the mesh's account is what the catalog says, without a password in it", () => {
  const manifest = readFileSync(join(deployDir, "nats/kubernetes.yaml"), "utf8");
  assert.equal(manifest, meshManifest(), "run node deploy/render.ts");
  const { data } = configMap.parse(parse(manifest));
  for (const user of natsUsers()) {
    assert.match(data["mesh.conf"], new RegExp(`user: "${user}", password: \\$${passwordVariable(user)}\\b`));
  }
});

test("the chart's values mount both files where they are included, and name a variable for each password", () => {
  const values = chartValues.parse(parse(readFileSync(join(deployDir, "nats/values.yaml"), "utf8")));
  assert.deepEqual(Object.keys(values.container.env).sort(), natsUsers().map(passwordVariable).sort());
  const mounts = values.container.patch.map(({ value }) => value.mountPath);
  assert.deepEqual(mounts, ["/etc/nats-mesh", "/etc/nats-publishers"]);
  const { mesh$include: mesh, publishers$include: publishers } = values.config.merge.accounts;
  assert.deepEqual(
    [mesh, publishers].map((path) => dirname(join("/etc/nats-config", path))),
    mounts,
  );
  const volumes = values.podTemplate.patch.map(({ value }) => value.configMap?.name ?? value.secret?.secretName);
  assert.deepEqual(volumes, ["nats-mesh", "nats-publishers"]);
});

test("a nats-server starts with it, and passwords come from its environment", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "agentmesh-nats-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ["nats-config", "nats-mesh", "nats-publishers"]) mkdirSync(join(folder, name));
  const { data } = configMap.parse(parse(meshManifest()));
  writeFileSync(join(folder, "nats-mesh/mesh.conf"), data["mesh.conf"]);
  writeFileSync(join(folder, "nats-publishers/publishers.conf"), "");
  const port = await freePort();
  const config = join(folder, "nats-config/nats.conf");
  // As the chart writes it: JSON, with the directives unquoted.
  const accounts = "include ../nats-mesh/mesh.conf;\n    include ../nats-publishers/publishers.conf;";
  writeFileSync(
    config,
    `{\n  "host": "127.0.0.1",\n  "port": ${port},\n  "jetstream": { "store_dir": "${folder}/js" },\n  "accounts": {\n    ${accounts}\n  }\n}\n`,
  );
  const found = (await findServers({ names: ["nats"], log: () => undefined })).nats;
  if (found.from !== "binary") return t.skip("nats-server is not on this machine");
  const env = Object.fromEntries(natsUsers().map((user) => [passwordVariable(user), `p-of-${user}`]));
  const child = spawn(found.path, ["-c", config], { env, stdio: "ignore" });
  t.after(() => child.kill());
  await untilAnswers(`nats://admin:p-of-admin@127.0.0.1:${port}`);
  await assert.rejects(probeNats(`nats://admin:wrong@127.0.0.1:${port}`));
});

async function untilAnswers(url: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; ) {
    try {
      return await probeNats(url);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
