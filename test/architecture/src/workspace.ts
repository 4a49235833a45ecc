// The checkout as text: files that git knows or would take, packages, and what each file imports.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const rootDir = dirname(dirname(dirname(import.meta.dirname)));

export type SourceFile = { readonly path: string; readonly text: string };

export type Package = {
  readonly dir: string;
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
};

const BINARY = /\.(png|ico|gz|tgz|binpb|woff2?)$/;

/** Everything that is committed or about to be, without what is generated beside its source. */
export function readFiles(): SourceFile[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    cwd: rootDir,
    encoding: "utf8",
  });
  return listed
    .split("\0")
    .filter((path) => path !== "" && !BINARY.test(path))
    .flatMap((path) => readIfPresent(path));
}

function readIfPresent(path: string): SourceFile[] {
  try {
    return [{ path, text: readFileSync(join(rootDir, path), "utf8") }];
  } catch {
    // Deleted and not yet committed.
    return [];
  }
}

export function packagesIn(files: readonly SourceFile[]): Package[] {
  return files
    .filter(({ path }) => path.endsWith("/package.json"))
    .map(({ path, text }) => {
      const { name, dependencies = {}, devDependencies = {} } = JSON.parse(text);
      const sorted = (record: object) => Object.keys(record).sort();
      return { dir: dirname(path), name, dependencies: sorted(dependencies), devDependencies: sorted(devDependencies) };
    });
}

/** The files of a package, not those of a package inside it. */
export function filesOf(dir: string, packages: readonly Package[], files: readonly SourceFile[]): SourceFile[] {
  const inner = packages.filter((each) => each.dir.startsWith(`${dir}/`));
  return files.filter(
    ({ path }) => path.startsWith(`${dir}/`) && !inner.some((each) => path.startsWith(`${each.dir}/`)),
  );
}

export function isTest(path: string): boolean {
  return /(^|\/)test\/|\.(test|fixture)\.ts$/.test(path);
}

export function isCode(path: string): boolean {
  return /\.(ts|mts|mjs)$/.test(path);
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

const IMPORTS = [
  /^(?:import|export)\b[^"';]*\bfrom\s*"([^"]+)"/gm,
  /^import\s*"([^"]+)"/gm,
  /\b(?:import|import\.meta\.resolve|register)\(\s*"([@\w./:-]+)"/g,
];

/** What a file imports, as it is written there: `./x.ts`, `node:fs`, `@agentmesh/bus`. */
export function importsOf({ text }: SourceFile): string[] {
  const code = withoutComments(text);
  return IMPORTS.flatMap((form) => [...code.matchAll(form)].map(([, specifier = ""]) => specifier));
}

/** `@scope/name` or `name` of a specifier that names a package. */
export function packageOf(specifier: string): string | undefined {
  if (/^(\.|node:|data:|file:|\/)/.test(specifier)) return undefined;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
