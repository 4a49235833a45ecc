// PostgreSQL refuses to run as root. When we are root it runs as Debian's `postgres` user, whose eyes must reach the data:
// a clone under a folder that only root may enter (0700, as root's home) cannot hold it. Then the data lives in
// a folder of that user under the system's temporary folder, and the usual place is a symbolic link to it.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync, readlinkSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

export type PostgresHome = { readonly dir: string; readonly user?: { readonly uid: number; readonly gid: number } };

/** Makes the folder for a cluster and says which user runs it. Not root: the folder itself and this user. */
export function postgresHome(dir: string, log: (line: string) => void = () => undefined): PostgresHome {
  if (process.getuid?.() !== 0) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return { dir };
  }
  const user = serverUser();
  const linked = linkTarget(dir);
  if (linked !== undefined && owns(linked, user.uid)) return { dir: linked, user };
  if (linked !== undefined) rmSync(dir);
  mkdirSync(dirname(dir), { recursive: true, mode: 0o755 });
  if (canEnter(dirname(dir), user)) return { dir: own(dir, user), user };
  const hash = createHash("sha256").update(resolve(dir)).digest("hex").slice(0, 12);
  const home = own(join(tmpdir(), `agentmesh-postgres-${hash}`), user);
  symlinkSync(home, dir);
  log(`PostgreSQL's user cannot enter ${dirname(dir)}: the data is in ${home}`);
  return { dir: home, user };
}

/** Removes a cluster, also where the usual place is a link. */
export function removePostgresHome(dir: string): void {
  const linked = linkTarget(dir);
  if (linked !== undefined) rmSync(linked, { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
}

function serverUser(): { uid: number; gid: number } {
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (flag: string) => Number(execFileSync("id", [flag, name], { encoding: "utf8", stdio: "pipe" }));
      return { uid: id("-u"), gid: id("-g") };
    } catch {
      // The next name.
    }
  }
  throw new Error("PostgreSQL must not run as root, and there is no user `postgres` or `nobody` to run it as");
}

function canEnter(dir: string, user: { uid: number; gid: number }): boolean {
  return spawnSync("test", ["-x", dir], { cwd: "/", ...user }).status === 0;
}

function own(dir: string, user: { uid: number; gid: number }): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // A temporary folder is open to all: a folder or link of somebody else under our name is not ours to use.
  const stat = lstatSync(dir);
  if (!stat.isDirectory() || (stat.uid !== 0 && stat.uid !== user.uid)) {
    throw new Error(`${dir} belongs to somebody else: remove it, or set POSTGRES_ADMIN_URL`);
  }
  chownSync(dir, user.uid, user.gid);
  chmodSync(dir, 0o700);
  return dir;
}

function owns(dir: string, uid: number): boolean {
  try {
    return statSync(dir).uid === uid;
  } catch {
    return false;
  }
}

function linkTarget(dir: string): string | undefined {
  try {
    return lstatSync(dir).isSymbolicLink() ? readlinkSync(dir) : undefined;
  } catch {
    return undefined;
  }
}
