// Where a Docker engine answers, servers run as containers in the foreground of a `docker run` child: signals pass
// through it, its output is the server's log, and the container goes when the child ends.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ChildPlan } from "../processes/child.ts";

const run = promisify(execFile);

/** Pinned by minor version, the same as in docker-compose.yml. */
export const serverImages = { postgres: "postgres:18-alpine", nats: "nats:2.12-alpine", redis: "redis:8-alpine" };

const answerWithinMs = 3_000;

/** Whether an engine answers within 3 s. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await run("docker", ["info", "--format", "{{.ServerVersion}}"], { timeout: answerWithinMs, killSignal: "SIGKILL" });
    return true;
  } catch {
    return false;
  }
}

export type Container = {
  readonly server: keyof typeof serverImages;
  readonly container: string;
  /** [on this machine's loopback, in the container] */
  readonly ports: readonly (readonly [number, number])[];
  /** `source:target[:ro]`, a file here or a named volume. */
  readonly mounts: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly args: readonly string[];
};

/** The `docker run` that is the server's child process. Secrets travel in the environment, not in the arguments. */
export function dockerRun(options: Container): Pick<ChildPlan, "command" | "args" | "env"> {
  const env = options.env ?? {};
  return {
    command: "docker",
    args: [
      ...["run", "--rm", "--name", options.container],
      ...options.ports.flatMap(([host, inside]) => ["-p", `127.0.0.1:${host}:${inside}`]),
      ...options.mounts.flatMap((mount) => ["-v", mount]),
      ...Object.keys(env).flatMap((key) => ["-e", key]),
      serverImages[options.server],
      ...options.args,
    ],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DOCKER_HOST: process.env.DOCKER_HOST, ...env },
  };
}

/** A killed `docker run` leaves its container behind; a start under the same name would be refused. */
export async function removeContainer(container: string): Promise<void> {
  await run("docker", ["rm", "-f", container]).catch(() => undefined);
}

/** Removes data kept in named volumes. */
export async function removeVolumes(volumes: readonly string[]): Promise<void> {
  await run("docker", ["volume", "rm", "-f", ...volumes]).catch(() => undefined);
}
