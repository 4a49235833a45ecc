import { catalogEvents, catalogMethods } from "@agentmesh/proto/catalog";
import type { ScannedService } from "./scan-service.ts";

const heading = `# Who serves, calls, publishes, consumes and owns what, read from the source by \`node test/architecture/main.ts\`.
# A new line here is a new edge of the mesh: it is reviewed as one.
`;

/** docs/architecture.txt */
export function render(services: readonly ScannedService[]): string {
  return [heading, ...services.map(renderService)].join("\n");
}

function renderService(service: ScannedService): string {
  const eventOf = (type: string) => catalogEvents.find((event) => event.type === type);
  const sections: [string, readonly string[]][] = [
    ["serves", service.serves],
    ["calls", [...service.calls, ...(service.forwards ? ["every service: what its users may call"] : [])]],
    ["may call and does not", unusedCalls(service)],
    ["publishes", service.publishes.map((type) => `${type} -> ${eventOf(type)?.consumers.join(", ")}`)],
    [
      "consumes",
      [
        ...service.consumes.map((type) => `${type} <- ${eventOf(type)?.publisher.replace("*", "any service")}`),
        ...(service.consumesByData ? ["any event that a declared trigger names"] : []),
      ],
    ],
    ["work queues", service.worksOn],
    ["snapshots published", service.topicsPublished],
    ["snapshots watched", service.topicsWatched],
    ["tables", tablesOf(service)],
  ];
  const lines = sections.flatMap(([title, items]) => (items.length === 0 ? [] : [`  ${title}`, ...items.map(indent)]));
  return `${[service.name, ...lines].join("\n")}\n`;
}

/** What contracts allow and nobody uses: the smaller, the less a stolen key is worth. */
function unusedCalls({ name, calls }: ScannedService): string[] {
  return catalogMethods
    .filter((method) => method.callers.includes(name))
    .map((method) => `${method.service} ${method.name}`)
    .filter((call) => !calls.includes(call))
    .sort();
}

function tablesOf({ name, tables }: ScannedService): string[] {
  const isOwn = (table: string) => table.startsWith(`${name} `);
  const own = tables.filter(isOwn).map((table) => table.slice(name.length + 1));
  const shared = tables.filter((table) => !isOwn(table)).map((table) => table.replace(/(\S+) (\S+)/, "$2 (libs/$1)"));
  return [...own, ...shared];
}

function indent(item: string): string {
  return `    ${item}`;
}
