import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Damage = {
  /** File below the service's folder. */
  readonly file: string;
  /** Stands in it exactly once. */
  readonly good: string;
  readonly bad: string;
};

export type DamagedCopy = Disposable & { readonly main: string };

const services = fileURLToPath(new URL("../../../services/", import.meta.url));

/**
 * A copy of a service in a temporary folder with some lines changed, so that nothing in the product can be told to
 * misbehave.
 *
 * @throws Error when the source no longer reads as the damage expects: then the control must be thought through again
 */
export function damagedCopy(service: string, damages: readonly Damage[]): DamagedCopy {
  const dir = mkdtempSync(join(tmpdir(), `agentmesh-damaged-${service}-`));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  try {
    copy(join(services, service), dir);
    for (const damage of damages) inflict(service, dir, damage);
  } catch (error) {
    remove();
    throw error;
  }
  return { main: join(dir, "src", "main.ts"), [Symbol.dispose]: remove };
}

function copy(from: string, dir: string): void {
  for (const name of readdirSync(from)) {
    if (name !== "node_modules" && name !== "test") cpSync(join(from, name), join(dir, name), { recursive: true });
  }
  linkDependencies(join(from, "node_modules"), join(dir, "node_modules"));
}

function inflict(service: string, dir: string, { file, good, bad }: Damage): void {
  const path = join(dir, file);
  const source = readFileSync(path, "utf8");
  const found = source.split(good).length - 1;
  if (found !== 1) {
    throw new Error(`services/${service}/${file} holds ${JSON.stringify(good)} ${found} times: expected once`);
  }
  writeFileSync(
    path,
    source.replace(good, () => bad),
  );
}

/** The links lead up to the checkout, which is elsewhere from here. */
function linkDependencies(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const path = join(from, name);
    if (name.startsWith("@")) linkDependencies(path, join(to, name));
    else if (!name.startsWith(".") && existsSync(path)) symlinkSync(realpathSync(path), join(to, name));
  }
}
