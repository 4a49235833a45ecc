// Reads the compiled descriptors and our options into plain data, and refuses a contract that says too little.
import {
  createFileRegistry,
  type DescExtension,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  getOption,
  hasOption,
  type Message,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** `rawBody` names the field that takes the body as it came; without it the body is JSON. */
export type HttpForm = { verb: string; path: string; rawBody?: string };

/** Names of fields are ts-proto's. */
export type ResourceEntry = { kind: string; kindField: string; field: string; listed: string };

export type MethodEntry = {
  service: string;
  rpcService: string;
  module: string;
  name: string;
  path: string;
  request: string;
  requestModule: string;
  response: string;
  responseModule: string;
  serverStreaming: boolean;
  access: "PUBLIC" | "USER" | "INTERNAL";
  permission: string;
  callers: string[];
  idempotency: "READ" | "IDEMPOTENT" | "EFFECT";
  timeoutMs: number;
  rateClass: string;
  http: HttpForm | undefined;
  summary: string;
  resource: ResourceEntry | undefined;
  untraced: true | undefined;
  /** Paths of inspected text: `a.b`, `list[].c`, and `oneof?case` for a member of a oneof. */
  inspectRequest: string[];
  inspectResponse: string[];
};

export type EventEntry = {
  type: string;
  publisher: string;
  consumers: string[];
  key: string;
  message: string;
  module: string;
};

export type ServiceEntry = { service: string; rpcService: string; module: string; kinds: string[]; topics: string[] };

export type Catalog = { services: ServiceEntry[]; methods: MethodEntry[]; events: EventEntry[] };

type Rule = Message & {
  access: number;
  permission: string;
  callers: string[];
  idempotency: number;
  timeoutMs: number;
  rateClass: number;
  http?: { verb: string; path: string; rawBody: string };
  summary: string;
  resource?: ResourceEntry;
  untraced: boolean;
};

const ACCESS = ["", "PUBLIC", "USER", "INTERNAL"] as const;
const IDEMPOTENCY = ["", "READ", "IDEMPOTENT", "EFFECT"] as const;
const RATE_CLASS = ["", "READ", "WRITE", "RUN", "LOGIN", "INTERNAL"] as const;

export function readCatalog(descriptors: Uint8Array): Catalog {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const catalog: Catalog = { services: [], methods: [], events: [] };
  for (const file of registry.files) {
    if (!file.name.startsWith("agentmesh/")) continue;
    const module = file.name.split("/")[1] ?? "";
    for (const service of file.services) {
      const serves = option<{ service: string; kinds: string[]; topics: string[] }>(registry, "serves", service);
      catalog.services.push({
        service: serves.service,
        rpcService: service.typeName,
        module,
        kinds: serves.kinds,
        topics: [...serves.topics, ...serves.kinds.map((kind) => `resource_${kind.toLowerCase()}`)],
      });
      for (const method of service.methods) catalog.methods.push(readMethod(registry, method, serves.service, module));
    }
    for (const message of file.messages) {
      const extension = extensionNamed(registry, "event");
      if (!hasOption(message, extension)) continue;
      const event = option<{ type: string; publisher: string; consumers: string[]; key: string }>(
        registry,
        "event",
        message,
      );
      if (!message.fields.some((field) => field.name === event.key)) {
        throw new Error(`${message.typeName}: its event key ${JSON.stringify(event.key)} is not one of its fields`);
      }
      catalog.events.push({
        type: event.type,
        publisher: event.publisher,
        consumers: [...event.consumers],
        key: camel(event.key),
        message: message.name,
        module,
      });
    }
  }
  catalog.services.sort((a, b) => a.service.localeCompare(b.service));
  return catalog;
}

function readMethod(registry: FileRegistry, method: DescMethod, service: string, module: string): MethodEntry {
  const path = `/${method.parent.typeName}/${method.name}`;
  const rule = option<Rule>(registry, "rule", method);
  const access = ACCESS[rule.access];
  const idempotency = IDEMPOTENCY[rule.idempotency];
  const rateClass = RATE_CLASS[rule.rateClass];
  if (!access || !idempotency || !rateClass || rule.timeoutMs === 0) {
    throw new Error(`${path}: its rule must set access, idempotency, rate_class and timeout_ms`);
  }
  if (access === "INTERNAL" && rule.callers.length === 0) {
    throw new Error(`${path}: an INTERNAL rpc must name its callers`);
  }
  return {
    service,
    rpcService: method.parent.typeName,
    module,
    name: method.name,
    path,
    request: method.input.name,
    requestModule: moduleOf(method.input),
    response: method.output.name,
    responseModule: moduleOf(method.output),
    serverStreaming: method.methodKind === "server_streaming",
    access,
    permission: rule.permission,
    callers: [...rule.callers],
    idempotency,
    timeoutMs: rule.timeoutMs,
    rateClass,
    http: rule.http && httpForm(rule.http),
    summary: rule.summary,
    resource: rule.resource && resourceEntry(rule.resource, method),
    untraced: rule.untraced || undefined,
    inspectRequest: inspectedPaths(registry, method.input),
    inspectResponse: inspectedPaths(registry, method.output),
  };
}

/** The rule, if its fields are there: a misspelt one would let nobody in, or nobody see anything. */
function resourceEntry({ kind, kindField, field, listed }: ResourceEntry, method: DescMethod): ResourceEntry {
  const path = `/${method.parent.typeName}/${method.name}`;
  const list = method.output.fields.find(({ name }) => name === listed);
  const entry = list?.fieldKind === "list" ? list.message : undefined;
  if (listed !== "" && !entry) throw new Error(`${path}: resource.listed ${listed} is no list of its reply`);
  const holders = entry ? [entry] : [method.input];
  for (const name of [kindField, field].filter((each) => each !== "")) {
    const isText = holders.every((holder) =>
      holder.fields.some((one) => one.name === name && one.fieldKind === "scalar"),
    );
    if (!isText) throw new Error(`${path}: resource names the field ${name}, which is not there`);
  }
  if ((kind === "") === (kindField === "")) throw new Error(`${path}: resource must say one of kind and kind_field`);
  return { kind, kindField: camel(kindField), field: camel(field), listed: camel(listed) };
}

function httpForm({ verb, path, rawBody }: { verb: string; path: string; rawBody: string }): HttpForm {
  return rawBody === "" ? { verb, path } : { verb, path, rawBody };
}

function moduleOf(message: DescMessage): string {
  return message.file.name.split("/")[1] ?? "";
}

function inspectedPaths(registry: FileRegistry, message: DescMessage, seen: readonly string[] = []): string[] {
  if (seen.includes(message.typeName)) return [];
  const paths: string[] = [];
  for (const field of message.fields) {
    const name = camel(field.name);
    const step = field.oneof && !field.proto.proto3Optional ? `${camel(field.oneof.name)}?${name}` : name;
    const here = field.fieldKind === "list" ? `${step}[]` : step;
    const extension = extensionNamed(registry, "field");
    if (hasOption(field, extension) && option<{ inspect: boolean }>(registry, "field", field).inspect) {
      paths.push(here);
      continue;
    }
    const nested = field.fieldKind === "message" || field.fieldKind === "list" ? field.message : undefined;
    if (!nested?.typeName.startsWith("agentmesh.")) continue;
    for (const rest of inspectedPaths(registry, nested, [...seen, message.typeName])) paths.push(`${here}.${rest}`);
  }
  return paths;
}

function extensionNamed(registry: FileRegistry, name: string): DescExtension {
  const extension = registry.getExtension(`agentmesh.options.v1.${name}`);
  if (!extension) throw new Error(`options.proto has no extension ${name}`);
  return extension;
}

function option<T>(registry: FileRegistry, name: string, desc: Parameters<typeof getOption>[0]): T {
  const extension = extensionNamed(registry, name);
  if (!hasOption(desc, extension)) {
    throw new Error(`${desc.toString()}: has no option agentmesh.options.v1.${name}`);
  }
  return getOption(desc, extension) as T;
}

/** `run_id` → `runId`, as ts-proto names fields. */
export function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
