import { describeError } from "@agentmesh/errors";
import { Mesh } from "@agentmesh/proto/gateway";
import { healthContract } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { version } from "../version.ts";

const CHECK_TIMEOUT_MS = 1_000;
const { check } = healthContract.methods;

/** Asks every service at once how it is, over the channels that requests take. */
export async function getMesh(context: Context): Promise<Mesh> {
  const others = await Promise.all([...context.upstreams.keys()].map((name) => statusOf(context, name)));
  const own = { name: "gateway", serving: true, version, latencyUs: 0, reason: "" };
  return Mesh.fromPartial({ services: [own, ...others].toSorted((a, b) => a.name.localeCompare(b.name)) });
}

async function statusOf({ upstreams }: Context, name: string) {
  const startedAtMs = performance.now();
  const since = () => Math.round((performance.now() - startedAtMs) * 1000);
  try {
    const request = check.request.encode({ service: "" }).finish();
    const bytes = await upstreams.get(name)?.unary(check, request, { timeoutMs: CHECK_TIMEOUT_MS });
    const { status } = check.response.decode(bytes ?? new Uint8Array());
    const serving = status === "SERVING";
    return { name, serving, version: "", latencyUs: since(), reason: serving ? "" : `it says ${status}` };
  } catch (error) {
    return { name, serving: false, version: "", latencyUs: since(), reason: describeError(error) };
  }
}
