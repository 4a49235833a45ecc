import { ListSlaStatesReply } from "@agentmesh/proto/alerting";
import type { Command } from "../command.ts";
import { count, percent } from "../money.ts";
import { printTable } from "../table.ts";
import { duration } from "../time.ts";

export const slas: Command = {
  usage: ["slas"],
  async run(shell) {
    const { out } = shell;
    const { mesh } = await shell.session();
    const reply = await mesh.alerting.listSlaStates({});
    const rows = reply.slas.map((sla) => [
      sla.name,
      sla.violated ? { text: "violated", style: "red" as const } : { text: "met", style: "green" as const },
      sla.metric,
      inUnits(sla.metric, sla.target),
      sla.samples > 0n ? inUnits(sla.metric, sla.value) : "",
      percent(sla.compliance),
      percent(sla.budgetLeft),
      duration(sla.windowS * 1000),
      count(sla.samples),
    ]);
    const headings = [
      "SLA",
      "STATE",
      "METRIC",
      ">TARGET",
      ">NOW",
      ">COMPLIANCE",
      ">BUDGET LEFT",
      ">WINDOW",
      ">SAMPLES",
    ];
    out.answer(ListSlaStatesReply.toJSON(reply), () =>
      printTable(out, headings, rows, "no targets; declare an SlaTarget"),
    );
    return 0;
  },
};

/** Metrics end in what they are counted in. */
function inUnits(metric: string, value: number): string {
  if (metric.endsWith("_ms")) return duration(value);
  if (/_(rate|ratio)$/.test(metric)) return percent(value);
  return String(Number(value.toPrecision(4)));
}
