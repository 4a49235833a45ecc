import { Mesh } from "@agentmesh/proto/gateway";
import type { Command } from "../command.ts";
import { printTable } from "../table.ts";

export const mesh: Command = {
  usage: ["mesh"],
  about: "Answers 1 when a service does not answer.",
  async run(shell) {
    const { out } = shell;
    const { mesh: client } = await shell.session();
    const { services } = await client.gateway.getMesh({});
    const rows = services.map((service) => [
      service.name,
      service.serving ? { text: "serving", style: "green" as const } : { text: "down", style: "red" as const },
      service.version,
      service.latencyUs > 0 ? `${(service.latencyUs / 1000).toFixed(1)} ms` : "",
      service.reason,
    ]);
    out.answer(Mesh.toJSON({ services }), () =>
      printTable(out, ["SERVICE", "STATE", "VERSION", ">ROUND TRIP", "REASON"], rows, "no services"),
    );
    return services.every(({ serving }) => serving) ? 0 : 1;
  },
};
