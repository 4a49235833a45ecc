// A server is a child process plus a probe in its own protocol. The supervisor and the test harness both start it here.
import { awaitReady } from "../processes/await-ready.ts";
import { type Child, type ChildPlan, startChild } from "../processes/child.ts";

export type ServerPlan = ChildPlan & {
  readonly port: number;
  /** With credentials: whoever connects uses exactly this. */
  readonly url: string;
  /** Runs before each start, for example to remove the container of a killed runner. */
  readonly prepare?: () => Promise<void>;
  /** One real exchange in the server's protocol; rejects until it answers. */
  readonly probe: () => Promise<void>;
};

const readyWithinMs = 30_000;
const stopGraceMs = 10_000;

export type ServerHandle = {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  pid(): number;
  /** SIGKILL; returns when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data (after a kill, or after an orderly stop), and waits until it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Starts a server and waits until it answers; rejects with the tail of its log after 30 s or when it dies. */
export async function startServer(plan: ServerPlan, logFile: string): Promise<ServerHandle> {
  let child = await launch();

  async function launch(): Promise<Child> {
    await plan.prepare?.();
    const started = await startChild(plan, logFile);
    const what = `${plan.name} on port ${plan.port}`;
    try {
      await awaitReady({ what, timeoutMs: readyWithinMs, probe: plan.probe, child: started, logFile });
    } catch (error) {
      await started.stop(0);
      throw error;
    }
    return started;
  }
  async function stop(): Promise<void> {
    await child.stop(stopGraceMs);
  }
  return {
    name: plan.name,
    url: plan.url,
    port: plan.port,
    pid: () => child.pid,
    kill: async () => {
      child.signal("SIGKILL");
      await child.exited;
    },
    restart: async () => {
      await stop();
      child = await launch();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
