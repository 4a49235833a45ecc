import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { istioObjects } from "../src/objects.ts";
import { readReleases } from "../src/releases.ts";
import { differences, writeTree } from "../src/rendered-tree.ts";
import { toYaml } from "../src/to-yaml.ts";

const root = join(import.meta.dirname, "..");
const objects = istioObjects(catalogMethods, readReleases(join(root, "releases.yaml")));

test("the committed files are what the catalog says", () => {
  const files = new Map([...objects].map(([path, object]) => [path, toYaml(object)]));
  assert.deepEqual(differences(join(root, "rendered"), files), []);
});

test("mutual TLS is strict and what no policy allows is refused", () => {
  assert.deepEqual(objects.get("mesh/peer-authentication.yaml")?.spec, { mtls: { mode: "STRICT" } });
  assert.deepEqual(objects.get("mesh/deny-by-default.yaml")?.spec, {});
});

test("a missing, stray or edited file is named", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rendered-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeTree(
    folder,
    new Map([
      ["a.yaml", "a"],
      ["b/c.yaml", "c"],
    ]),
  );
  assert.deepEqual(
    differences(
      folder,
      new Map([
        ["a.yaml", "a"],
        ["b/c.yaml", "c"],
      ]),
    ),
    [],
  );
  writeFileSync(join(folder, "a.yaml"), "edited");
  assert.deepEqual(
    differences(
      folder,
      new Map([
        ["a.yaml", "a"],
        ["d.yaml", "d"],
      ]),
    ),
    ["a.yaml: differs", "b/c.yaml: no longer generated", "d.yaml: missing"],
  );
});

test("releases.yaml with an unknown service or a share above 100 is refused by name", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "releases-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "releases.yaml");
  writeFileSync(path, "canaryPercent: { auth: 120, nobody: 1 }\n");
  assert.throws(() => readReleases(path), /releases\.yaml[\s\S]*nobody[\s\S]*auth/);
});
