import { type CatalogMethod, catalogMethods } from "@agentmesh/proto/catalog";
import { createRawClient, openChannel } from "@agentmesh/rpc";
import { readGatewayAddress } from "../../gateway-address.ts";
import type { Command } from "../command.ts";
import { loadMethod } from "../contracts.ts";
import { nearest } from "../nearest.ts";
import type { Output } from "../output.ts";
import { readObject } from "../read-input.ts";
import { printTable } from "../table.ts";
import { UsageError } from "../usage-error.ts";

export const api: Command = {
  usage: ["api Service/Method [JSON]", "api                    lists every method"],
  about:
    "Any RPC, by name (ListRuns), with its service (orchestrator/ListRuns) or by its path. JSON may be @FILE or -.",
  words: { min: 0, max: 2 },
  examples: [`api cost/GetSpend '{"by":["model"]}'`, `api GetRun '{"id":"019a9f6e-2c1d-7e55-9d0a-3f1b5c7d9e21"}'`],
  async run(shell, { words: [name, argument = "{}"] }) {
    const { out, signal, settings } = shell;
    if (name === undefined) return printMethods(out);
    const method = await loadMethod(findMethod(name));
    const given = await readObject(argument, "JSON", settings);
    checkFields(Object.keys(given), Object.keys(method.request.decode(new Uint8Array())), name);
    const request = method.request.encode(method.request.fromJSON(given)).finish();
    const { address, tls, credentials } = await shell.session();
    using channel = openChannel(readGatewayAddress(address, tls));
    const client = createRawClient({ address: channel });
    const options = { ...credentials(), signal };
    if (!method.serverStreaming) {
      const reply = method.response.toJSON(method.response.decode(await client.unary(method, request, options)));
      out.line(JSON.stringify(reply, undefined, 2));
      return 0;
    }
    for await (const frame of client.stream(method, request, options)) {
      out.line(JSON.stringify(method.response.toJSON(method.response.decode(frame))));
    }
    return 0;
  },
};

const reachable = catalogMethods.filter(({ access }) => access !== "INTERNAL");

function printMethods(out: Output): number {
  const rows = reachable.map((method) => [
    shortName(method),
    method.permission || method.access.toLowerCase(),
    method.summary,
  ]);
  out.answer(reachable, () => printTable(out, ["METHOD", "NEEDS", "WHAT IT DOES"], rows, ""));
  return 0;
}

function shortName({ service, name }: CatalogMethod): string {
  return `${service}/${name}`;
}

/** `GetRun`, `orchestrator/GetRun`, `OrchestratorService/GetRun` or `/agentmesh.orchestrator.v1.OrchestratorService/GetRun`. */
function findMethod(name: string): CatalogMethod {
  const wanted = name.toLowerCase();
  const found = reachable.filter((method) => namesOf(method).some((candidate) => candidate.toLowerCase() === wanted));
  const [method, ...others] = found;
  if (!method) {
    if (catalogMethods.some((candidate) => namesOf(candidate).some((known) => known.toLowerCase() === wanted))) {
      throw new UsageError(`${name} is between services; it cannot be called from outside`);
    }
    const near = nearest(
      name,
      reachable.flatMap((candidate) => [candidate.name, shortName(candidate)]),
    );
    throw new UsageError(
      `there is no method ${JSON.stringify(name)}.${near ? ` Did you mean ${near}?` : " See them all with: api"}`,
    );
  }
  if (others.length === 0) return method;
  throw new UsageError(`${name} is a method of several services: ${found.map(shortName).join(", ")}`);
}

function namesOf({ path, service, module, name }: CatalogMethod): string[] {
  const [, rpcService = ""] = path.split("/");
  return [
    name,
    `${service}/${name}`,
    `${module}/${name}`,
    `${rpcService.split(".").at(-1)}/${name}`,
    path,
    path.slice(1),
  ];
}

/** A codec drops what it does not know; a person wants to hear of it. */
function checkFields(given: readonly string[], known: readonly string[], name: string): void {
  for (const field of given) {
    if (known.includes(field)) continue;
    const near = nearest(
      field.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      known,
    );
    const hint = near ? ` Did you mean ${near}?` : ` It has ${known.join(", ") || "none"}.`;
    throw new UsageError(`${name} has no field ${JSON.stringify(field)}.${hint}`);
  }
}
