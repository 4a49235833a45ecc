// What a service does at its edges, read from its source by the few shapes that all services use.
import { catalogEvents, catalogMethods, catalogServices } from "@agentmesh/proto/catalog";
import { isCode, isTest, type SourceFile, withoutComments } from "./workspace.ts";

export type ScannedService = {
  readonly name: string;
  readonly serves: readonly string[];
  /** `<service> <Method>` */
  readonly calls: readonly string[];
  /** Passes every call on that a user may make. */
  readonly forwards: boolean;
  readonly publishes: readonly string[];
  readonly consumes: readonly string[];
  /** Also reads events by filters that are data. */
  readonly consumesByData: boolean;
  readonly worksOn: readonly string[];
  readonly topicsPublished: readonly string[];
  readonly topicsWatched: readonly string[];
  /** `<source> <table>`, the source being the service or the library whose migrations it applies. */
  readonly tables: readonly string[];
};

export const serviceNames: readonly string[] = catalogServices.map(({ service }) => service).sort();

/** Migrations that libraries bring, by the name under which services import them. */
const sharedMigrations = [
  { symbol: "busMigrations", dir: "libs/bus/migrations/", source: "bus" },
  { symbol: "resourceMigrations", dir: "libs/resources/migrations/", source: "resources" },
];

export function scanService(name: string, files: readonly SourceFile[]): ScannedService {
  const own = files.filter(({ path }) => path.startsWith(`services/${name}/`));
  const sources = own.filter(({ path }) => path.includes("/src/") && isCode(path) && !isTest(path));
  const texts = sources.map(({ text }) => withoutComments(text));
  const all = texts.map(withoutImports).join("\n");
  return {
    name,
    serves: catalogMethods.filter((method) => method.service === name).map((method) => method.name),
    calls: callsIn(all),
    forwards: /\bcreateRawClient\(/.test(all),
    ...eventsIn(all),
    consumesByData: /\bconsume\(\s*(?:\w+\.)?bus\b/.test(all),
    worksOn: unique([...all.matchAll(/["'`](wf\.\w+)\b/g)].map(([, queue = ""]) => queue)),
    ...topicsIn(name, texts),
    tables: tablesOf(name, all, own, files),
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

function withoutImports(text: string): string {
  return text.replace(/^import\s[\s\S]*?;\s*$/gm, "");
}

// `name: …createClient(xContract`, `name = createClient(xContract` and `name: Client<typeof xContract>` say what a name
// stands for; `name.method(` is a call of it.
const RECEIVER =
  /\b(\w+)\??\s*[:=]\s*(?:[\w.]+\()?(?:await\s+)?(?:createClient\(\s*|(?:\w+<)?Client<\s*typeof\s+)(\w+)Contract\b/g;

function callsIn(all: string): string[] {
  const calls: string[] = [];
  for (const [, receiver = "", module = ""] of all.matchAll(RECEIVER)) {
    for (const method of catalogMethods.filter((each) => each.module === module)) {
      const called = new RegExp(`\\b${receiver}\\??\\.\\s*${lowerFirst(method.name)}\\(`);
      if (called.test(all)) calls.push(`${method.service} ${method.name}`);
    }
  }
  return unique(calls);
}

function eventsIn(all: string): Pick<ScannedService, "publishes" | "consumes"> {
  const publishes: string[] = [];
  const consumes: string[] = [];
  for (const { type, message } of catalogEvents) {
    const contract = `${lowerFirst(message)}Event`;
    const sending = new RegExp(
      `\\bemit(?:All)?\\(\\s*[\\w.]+,\\s*${contract}\\b|\\b${contract}\\.(?:message\\.(?:encode|fromPartial)|type|key)\\b|\\b${message}\\.encode\\(`,
      "g",
    );
    const rest = all.replace(sending, "");
    if (rest !== all || (contract === "auditRecordedEvent" && /\brecordAudit\(/.test(all))) publishes.push(type);
    if (new RegExp(`\\b${contract}\\b|\\b${message}\\.decode\\(`).test(rest)) consumes.push(type);
  }
  return { publishes: unique(publishes), consumes: unique(consumes) };
}

function topicsIn(name: string, texts: readonly string[]): Pick<ScannedService, "topicsPublished" | "topicsWatched"> {
  const published: string[] = [];
  const watched: string[] = [];
  for (const text of texts) {
    const named = (word: string) => stringValue(word, text);
    for (const [, topic = ""] of text.matchAll(/\bpublishSnapshots\(\s*[\w.]+,\s*([\w"'`]+)/g))
      published.push(...named(topic));
    for (const [, topic = ""] of text.matchAll(/\bwatchSnapshot(?:<[^(]*>)?\([^)]*?\btopic:\s*([\w"'`]+)/g))
      watched.push(...named(topic));
    for (const [, kind = ""] of text.matchAll(/\bwatchResources(?:<[^(]*>)?\(\s*[\w.]+,\s*([\w"'`]+)/g)) {
      watched.push(...named(kind).map(topicOfKind));
    }
    if (/\bopenResources\(/.test(text)) {
      published.push(...(catalogServices.find(({ service }) => service === name)?.kinds ?? []).map(topicOfKind));
    }
    if (/\bopenFoundation\(/.test(text)) watched.push("jwks", "revocations");
  }
  return { topicsPublished: unique(published), topicsWatched: unique(watched) };
}

function topicOfKind(kind: string): string {
  return `resource_${kind.toLowerCase()}`;
}

/** A literal, a constant of the file, or for a parameter the kinds that the file names. */
function stringValue(word: string, text: string): string[] {
  const literal = /^["'`](\w+)["'`]$/.exec(word)?.[1] ?? new RegExp(`const ${word} = "(\\w+)"`).exec(text)?.[1];
  if (literal) return [literal];
  return catalogServices.flatMap(({ kinds }) => kinds).filter((kind) => text.includes(`("${kind}")`));
}

function tablesOf(name: string, all: string, own: readonly SourceFile[], files: readonly SourceFile[]): string[] {
  const tables = tablesIn(
    own.filter(({ path }) => path.startsWith(`services/${name}/migrations/`)),
    name,
  );
  for (const { symbol, dir, source } of sharedMigrations) {
    if (!new RegExp(`\\b${symbol}\\b`).test(all)) continue;
    tables.push(
      ...tablesIn(
        files.filter(({ path }) => path.startsWith(dir)),
        source,
      ),
    );
  }
  return unique(tables);
}

function tablesIn(migrations: readonly SourceFile[], source: string): string[] {
  const tables = new Set<string>();
  const inOrder = [...migrations].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { text } of inOrder) {
    for (const [, verb, table = ""] of text.matchAll(
      /\b(CREATE|DROP)\s+TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(\w+)/gi,
    )) {
      if (verb?.toUpperCase() === "CREATE") tables.add(`${source} ${table}`);
      else tables.delete(`${source} ${table}`);
    }
  }
  return [...tables];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
