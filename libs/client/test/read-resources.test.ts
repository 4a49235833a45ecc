import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readResources } from "../src/read-resources.ts";

// What stands in an included file is text, whatever it looks like.
const literal = `not filled in: ${"$"}{NAME}`;

function folderOf(files: Record<string, string>) {
  const dir = mkdtempSync(join(tmpdir(), "read-resources-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return { file: join(dir, "mesh.yaml"), [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

test("documents become resources, with the environment filled in and the files in their place", async () => {
  using folder = folderOf({
    "mesh.yaml": `
kind: Tool
name: kb
labels: { team: "\${TEAM:-support}" }
spec:
  top: \${TOP}
  documents: { $files: kb/*.md }
  rows: { $file: rows.yaml }
  prompt: { $file: prompt.txt }
---
# nothing here
---
kind: Budget
name: total
`,
    "kb/b.md": `# Second\n${literal}`,
    "kb/a.md": "no heading",
    "kb/ignored.txt": "",
    "rows.yaml": "- { id: 1 }\n- { id: 2 }\n",
    "prompt.txt": literal,
  });
  const [tool, budget, ...others] = await readResources(folder.file, { TOP: "3" });
  assert.deepEqual(others, []);
  assert.deepEqual(tool, {
    kind: "Tool",
    name: "kb",
    labels: { team: "support" },
    spec: {
      top: 3,
      documents: [
        { id: "a", title: "a", text: "no heading" },
        { id: "b", title: "Second", text: `# Second\n${literal}` },
      ],
      rows: [{ id: 1 }, { id: 2 }],
      prompt: literal,
    },
    where: `${folder.file} document 1 (Tool/kb)`,
  });
  assert.deepEqual(budget?.spec, {});
});

const wrong: readonly [string, Record<string, string>, RegExp][] = [
  [
    "a field that is not there",
    { "mesh.yaml": "kind: Tool\nname: a\n---\nkind: Tool\nname: kb\nspce: {}\n" },
    /mesh\.yaml document 2 \(Tool\/kb\): .*"spce"/,
  ],
  ["a missing name", { "mesh.yaml": "kind: Tool\n" }, /mesh\.yaml document 1: .*name/],
  [
    "an unset variable",
    { "mesh.yaml": `kind: Tool\nname: a\nspec: { url: "\${URL}" }\n` },
    /document 1 \(Tool\/a\): spec\.url: .*URL is not set/,
  ],
  ["YAML that is none", { "mesh.yaml": "kind: Tool\nname: [a\n" }, /mesh\.yaml:\d+:\d+: not valid YAML/],
  ["an empty file", { "mesh.yaml": "# nothing\n" }, /mesh\.yaml: holds no resource/],
  [
    "a file that is missing",
    { "mesh.yaml": "kind: Tool\nname: a\nspec: { rows: [{ $file: no.yaml }] }\n" },
    /\(Tool\/a\): spec\.rows\[0\]: cannot read .*no\.yaml/,
  ],
  [
    "a pattern without files",
    { "mesh.yaml": "kind: Tool\nname: a\nspec: { docs: { $files: '*.md' } }\n" },
    /spec\.docs: \$files \*\.md matches nothing/,
  ],
  [
    "an include with more beside it",
    { "mesh.yaml": "kind: Tool\nname: a\nspec: { docs: { $files: '*.md', top: 3 } }\n" },
    /spec\.docs: \$files stands alone/,
  ],
  [
    "an include that is no text",
    { "mesh.yaml": "kind: Tool\nname: a\nspec: { docs: { $file: 3 } }\n" },
    /spec\.docs: \$file stands alone and takes a text/,
  ],
  [
    "two documents with one id",
    { "mesh.yaml": "kind: Tool\nname: a\nspec: { docs: { $files: '**/*.md' } }\n", "x/a.md": "", "y/a.md": "" },
    /two documents the id a: x\/a\.md and y\/a\.md/,
  ],
  [
    "a value file with two documents",
    { "mesh.yaml": "kind: Tool\nname: a\nspec: { $file: two.yaml }\n", "two.yaml": "a: 1\n---\na: 2\n" },
    /two\.yaml holds 2 documents; expected one/,
  ],
];

for (const [what, files, message] of wrong) {
  test(`${what} is refused with its place`, async () => {
    using folder = folderOf(files);
    await assert.rejects(readResources(folder.file, {}), (error: Error & { code: string }) => {
      assert.match(error.message, message);
      assert.equal(error.code, "INVALID_ARGUMENT");
      return true;
    });
  });
}

test("a file that is missing is named", async () => {
  await assert.rejects(readResources("/nowhere/mesh.yaml", {}), /cannot read \/nowhere\/mesh\.yaml/);
});
