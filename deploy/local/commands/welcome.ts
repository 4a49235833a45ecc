import type { RunningMesh } from "../mesh/running-mesh.ts";

/** What `npm start` prints when all is up. */
export function renderWelcome(mesh: RunningMesh): string {
  const pids = mesh.pids();
  const rows = mesh.services.map((entry) => [
    entry.name,
    entry.grpcAddress,
    entry.httpUrl ?? "",
    `${entry.adminUrl}/metrics`,
    String(pids[entry.name] ?? ""),
  ]);
  return [
    "",
    ...table([["service", "gRPC", "HTTP", "admin", "pid"], ...rows]),
    "",
    `ready in ${(mesh.readyInMs / 1000).toFixed(1)} s · data and logs in ${mesh.root}`,
    "",
    `  tenant    ${mesh.tenant}`,
    `  user      ${mesh.adminUsername}`,
    `  password  ${mesh.adminPassword}`,
    "",
    "Try, in another terminal:",
    `  npm run meshctl -- login --address ${mesh.gatewayAddress} --tenant ${mesh.tenant} --username ${mesh.adminUsername}`,
    "  npm run meshctl -- get agents",
    '  npm run meshctl -- run triage --watch --input \'{"ticket_id":"T-1","customer_id":"C-1001","subject":"Invoice","body":"I was charged twice"}\'',
    "  npm run meshctl -- audit verify",
    `  curl ${mesh.httpUrl}/openapi.json`,
    "  npm start -- --once     the whole support desk over all its tickets (after `npm stop`)",
    "",
    "Ctrl-C drains and stops; `npm stop` does so from elsewhere; `npm run reset` forgets everything.",
  ].join("\n");
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
