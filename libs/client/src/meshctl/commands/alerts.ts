import { Alert, AlertState, ListAlertsReply } from "@agentmesh/proto/alerting";
import type { Args } from "../args.ts";
import type { Command, Shell } from "../command.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { stateCell } from "../state.ts";
import { shortSubject } from "../subject.ts";
import { printTable } from "../table.ts";
import { when } from "../time.ts";
import { UsageError } from "../usage-error.ts";
import { labelText } from "./get.ts";

const STATES = {
  pending: AlertState.PENDING,
  active: AlertState.ACTIVE,
  acknowledged: AlertState.ACKNOWLEDGED,
  resolved: AlertState.RESOLVED,
  suppressed: AlertState.SUPPRESSED,
} as const;

export const alerts: Command = {
  usage: ["alerts [--state STATE]", "alerts ack ID"],
  about: "`ack` says that you have it.",
  options: {
    state: { short: "s", value: "STATE", about: "pending, active, acknowledged, resolved or suppressed" },
    limit: limitOption,
  },
  words: { min: 0, max: 2 },
  async run(shell, args) {
    const [verb, id] = args.words;
    if (verb === undefined || verb === "list") return list(shell, args);
    if (verb !== "ack") throw new UsageError(`alerts ${verb}: expected list or ack`);
    if (id === undefined) throw new UsageError("ID is missing: which alert?");
    const { mesh } = await shell.session();
    const alert = await mesh.alerting.acknowledgeAlert({ id });
    const { out } = shell;
    out.answer(Alert.toJSON(alert), () =>
      out.line(`${alert.rule} is acknowledged by ${shortSubject(alert.acknowledgedBy) || "you"}.`),
    );
    return 0;
  },
};

async function list({ out, session }: Shell, args: Args): Promise<number> {
  const state = args.choice("state", ["pending", "active", "acknowledged", "resolved", "suppressed"]);
  const limit = limitOf(args);
  const { mesh } = await session();
  const found = await firstRows(limit, async (page) => {
    const reply = await mesh.alerting.listAlerts({ ...(state && { state: STATES[state] }), ...page });
    return { rows: reply.alerts, next: reply.nextPageToken };
  });
  const now = new Date();
  const rows = found.map((alert) => [
    stateCell(alert.state),
    alert.severity,
    alert.rule,
    labelText(alert.labels),
    `${round(alert.value)} / ${round(alert.threshold)}`,
    when(alert.startedAt, now),
    alert.id,
    alert.summary,
  ]);
  const headings = ["STATE", "SEVERITY", "RULE", "OF", ">VALUE / LIMIT", "SINCE", "ALERT", "SUMMARY"];
  out.answer(ListAlertsReply.toJSON({ alerts: found, nextPageToken: "" }), () =>
    printTable(out, headings, rows, "no alerts: all is quiet"),
  );
  return 0;
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}
