// The structure that everybody relies on, held by looking at every file. What it finds is listed whole, with what to do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { mismatches } from "./src/mismatches.ts";
import { render } from "./src/render.ts";
import { scanService, serviceNames } from "./src/scan-service.ts";
import {
  filesOf,
  importsOf,
  isCode,
  isTest,
  packageOf,
  packagesIn,
  readFiles,
  type SourceFile,
  withoutComments,
} from "./src/workspace.ts";

const files = readFiles();
const packages = packagesIn(files);
const byPath = new Map(files.map((file) => [file.path, file.text]));
const services = serviceNames.map((name) => scanService(name, files));
const isGenerated = (path: string) =>
  /^proto\/gen\/|\/rendered\/|^pnpm-lock\.yaml$|^docs\/architecture\.txt$/.test(path);
const written = files.filter(({ path }) => !isGenerated(path));

function none(problems: readonly string[], whatToDo: string): void {
  assert.equal(problems.length, 0, `${whatToDo}:\n  ${problems.join("\n  ")}`);
}

test("docs/architecture.txt is what the source says", () => {
  assert.equal(
    byPath.get("docs/architecture.txt"),
    render(services),
    "run `node test/architecture/main.ts` and review",
  );
});

test("source and contracts name the same events, and no call is made that a contract forbids", () => {
  none(mismatches(services), "change the service, or the options in its .proto and run `npm run gen`");
});

test("services import no service, libraries no service, and nothing imports what is above it", () => {
  const allowed: readonly [RegExp, RegExp][] = [
    [/^services\//, /^(libs|proto)(\/|$)/],
    [/^libs\//, /^(libs|proto)(\/|$)/],
    [/^proto/, /^proto/],
  ];
  const problems: string[] = [];
  for (const { dir, dependencies } of packages) {
    const rule = allowed.find(([from]) => from.test(dir));
    for (const dependency of dependencies) {
      const to = packages.find((each) => each.name === dependency)?.dir;
      if (rule && to !== undefined && !rule[1].test(to)) problems.push(`${dir} depends on ${to}`);
    }
  }
  none(problems, "move what both need into a library, or call it over its contract");
});

test("no import leaves its package by a path", () => {
  const problems: string[] = [];
  for (const { dir } of packages) {
    for (const file of filesOf(dir, packages, files).filter(({ path }) => isCode(path) && !isGenerated(path))) {
      const depth = file.path.slice(dir.length + 1).split("/").length - 1;
      for (const specifier of importsOf(file)) {
        const ups = /^(?:\.\/)?((?:\.\.\/)+)/.exec(specifier)?.[1]?.length ?? 0;
        if (ups / 3 > depth) problems.push(`${file.path} imports ${specifier}`);
      }
    }
  }
  none(problems, "import the package by its name");
});

test("every package.json declares exactly what its files import", () => {
  const problems: string[] = [];
  for (const each of packages) {
    const own = filesOf(each.dir, packages, files).filter(({ path }) => isCode(path) && !isForeign(path));
    const used = (wanted: boolean) => usedBy(own.filter(({ path }) => isProduction(each.dir, path) === wanted));
    const inProduction = used(true);
    const inTests = used(false);
    const declared = new Set([...each.dependencies, ...each.devDependencies]);
    for (const name of inProduction) {
      const has = isTool(each.dir) ? declared.has(name) : each.dependencies.includes(name);
      if (name !== each.name && !has) problems.push(`${each.dir} imports ${name} undeclared`);
    }
    for (const name of inTests) {
      if (name !== each.name && !declared.has(name)) problems.push(`${each.dir} imports ${name} in tests, undeclared`);
    }
    for (const name of each.dependencies) {
      if (!isUsed(name, inProduction)) problems.push(`${each.dir} declares ${name} and does not import it`);
    }
    for (const name of each.devDependencies) {
      if (!isUsed(name, isTool(each.dir) ? new Set([...inProduction, ...inTests]) : inTests)) {
        problems.push(`${each.dir} declares ${name} for tests and does not import it`);
      }
    }
  }
  none(problems, "add or remove it in package.json");
});

/** Benchmarks compare with packages that are installed outside the checkout, for the time of a run. */
function isForeign(path: string): boolean {
  return path.startsWith("test/bench/peers/");
}

/** A package that nobody deploys: for it all dependencies are those of development. */
function isTool(dir: string): boolean {
  return dir.startsWith("test/");
}

/** Inside a package under test/ only its own tests are tests. */
function isProduction(dir: string, path: string): boolean {
  const inside = path.slice(dir.length + 1);
  return !isTest(inside);
}

function usedBy(own: readonly SourceFile[]): Set<string> {
  return new Set(own.flatMap(importsOf).flatMap((specifier) => packageOf(specifier) ?? []));
}

function isUsed(name: string, used: ReadonlySet<string>): boolean {
  return used.has(name) || (name.startsWith("@types/") && used.has(name.slice("@types/".length)));
}

test("packages do not depend on each other in a circle", () => {
  const problems: string[] = [];
  function visit(name: string, way: readonly string[]): void {
    if (way.includes(name)) {
      problems.push([...way.slice(way.indexOf(name)), name].join(" -> "));
      return;
    }
    const inside = packages.find((each) => each.name === name)?.dependencies ?? [];
    for (const next of inside.filter((each) => each.startsWith("@agentmesh/"))) visit(next, [...way, name]);
  }
  for (const { name } of packages) visit(name, []);
  none([...new Set(problems)].slice(0, 20), "cut the circle");
});

test("the environment is read in config.ts only", () => {
  const reading = written.filter(
    ({ path, text }) =>
      /^(libs|services|examples|proto)\//.test(path) &&
      isCode(path) &&
      !/\/config\.ts$/.test(path) &&
      /\bprocess\.env\b/.test(withoutComments(text)),
  );
  none(
    reading.map(({ path }) => path),
    "read it in config.ts and pass it on",
  );
});

test("no file has more than 400 lines", () => {
  const long = written
    .filter(({ path }) => /\.(ts|mts|mjs|sql|tpl)$/.test(path))
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > 400);
  none(
    long.map(({ path, lines }) => `${path}: ${lines}`),
    "it has two jobs; give each its file",
  );
});

test("nothing is named for having no job", () => {
  const named = /(^|\/)(utils?|commons?|helpers?|shared|managers?|base)(\.[a-z]+)*(\/|$)/;
  none(
    files.map(({ path }) => path).filter((path) => named.test(path)),
    "name it by what it does",
  );
});

test("no file knows the machine it was written on, or where its packages came from", () => {
  const traces = [
    /(?<![\w.])\/(?:work|root|home\/\w+)\/[\w.-]+/,
    /\/tmp\/(?:brief|bash)/,
    /https?:\/\/[^\s"'<>)]*(?:artifactory|nexus|verdaccio|jfrog|registry\.npm|npmjs\.(?:org|com)\/-)/i,
    /^\s*(?:@[\w-]+:)?registry\s*=/m,
    /^\s+(?:tarball|resolved): https?:/m,
  ];
  const problems = files.flatMap(({ path, text }) =>
    path.startsWith("test/architecture/")
      ? []
      : traces.flatMap((trace) => {
          const found = trace.exec(text)?.[0].trim();
          return found === undefined ? [] : [`${path}: ${found}`];
        }),
  );
  none(problems, "write it relative to the checkout, or leave it out");
});

test("every service has the same rooms", () => {
  const rooms = [
    ...["package.json", "README.md", "config.yaml"],
    ...["main", "config", "service", "context", "metrics", "handlers/index"].map((name) => `src/${name}.ts`),
  ];
  const problems: string[] = [];
  for (const name of serviceNames) {
    const dir = `services/${name}`;
    const own = files.filter(({ path }) => path.startsWith(`${dir}/`));
    for (const room of rooms) if (!byPath.has(`${dir}/${room}`)) problems.push(`${dir}/${room} is missing`);
    if (!own.some(({ path }) => /^services\/[\w-]+\/test\/[\w-]+\.test\.ts$/.test(path))) {
      problems.push(`${dir}/test has no *.test.ts`);
    }
    const opensDatabase = own.some(({ path, text }) => !isTest(path) && /\bopenDatabase\(/.test(text));
    const hasMigrations = own.some(({ path }) => /\/migrations\/\d{4}-[\w-]+\.sql$/.test(path));
    if (opensDatabase !== hasMigrations)
      problems.push(`${dir}: a database has migrations/0001-….sql, no database none`);
  }
  none(problems, "give it the room, see docs/add-a-service.md");
});

test("main.ts is the process edge and nothing else", () => {
  const problems = serviceNames.flatMap((name) => {
    const text = byPath.get(`services/${name}/src/main.ts`) ?? "";
    const isEdge = text.trim().split("\n").length <= 7 && /^await runService\(start\w+, load\w+\);$/m.test(text);
    return isEdge ? [] : [`services/${name}/src/main.ts`];
  });
  none(problems, "write `await runService(startX, loadXConfig);` and move the rest to service.ts");
});

test("a service's README has at most 40 lines and says how it stands to the others", () => {
  const problems: string[] = [];
  for (const name of serviceNames) {
    const path = `services/${name}/README.md`;
    const text = byPath.get(path) ?? "";
    const lines = text.trimEnd().split("\n").length;
    if (lines > 40) problems.push(`${path} has ${lines} lines`);
    for (const word of ["owns", "serves", "calls", "emits", "consumes", "fails"]) {
      if (!new RegExp(`\\b${word}\\b`, "i").test(text)) problems.push(`${path} does not say what it ${word}`);
    }
  }
  none(problems, "shorten it, or add the line");
});

test("every method of a contract has its handler in the service's table of contents", () => {
  const problems = catalogMethods.flatMap(({ service, name }) => {
    const entry = name.charAt(0).toLowerCase() + name.slice(1);
    const index = withoutComments(byPath.get(`services/${service}/src/handlers/index.ts`) ?? "");
    const listed = new RegExp(`\\b${entry}\\s*[:,(]|\\.methods\\.${entry}\\b`).test(index);
    return listed ? [] : [`services/${service}/src/handlers/index.ts lacks ${entry}`];
  });
  none(problems, "add the handler's file and its line");
});

test("domain/ is pure: no server, no wire, no clock of its own", () => {
  const unpure = /^(@agentmesh\/(postgres|bus|rpc|service)|pg|ioredis|@nats-io\/.*|@grpc\/.*|node:(fs|http).*)$/;
  const problems = files
    .filter(({ path }) => /^services\/[\w-]+\/src\/domain\//.test(path) && isCode(path) && !isTest(path))
    .flatMap((file) => {
      const typeless = { ...file, text: file.text.replace(/^import type [\s\S]*?;$/gm, "") };
      const imported = importsOf(typeless).filter((specifier) => unpure.test(specifier));
      const clock = /\bDate\.now\(\)|\bnew Date\(\)|\bperformance\.now\(\)/.test(withoutComments(file.text));
      return [
        ...imported.map((name) => `${file.path} imports ${name}`),
        ...(clock ? [`${file.path} reads the clock`] : []),
      ];
    });
  none(problems, "pass it in as an argument");
});
