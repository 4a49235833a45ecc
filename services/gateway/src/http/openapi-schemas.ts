import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

export type Schemas = {
  /** A reference to a message's schema, which is written once. */
  refTo(message: DescMessage): string;
  ofField(field: DescField): object;
  all(): Record<string, object>;
};

/** JSON schemas of messages as the proto3 JSON mapping writes them. */
export function createSchemas(): Schemas {
  const schemas: Record<string, object> = {};

  function refTo(message: DescMessage): string {
    const name = nameOf(message);
    if (!(name in schemas)) {
      // Before its fields, for a message may hold itself.
      const properties: Record<string, object> = {};
      schemas[name] = { type: "object", properties };
      for (const field of message.fields) properties[field.jsonName] = ofField(field);
    }
    return `#/components/schemas/${name}`;
  }

  function ofField(field: DescField): object {
    if (field.fieldKind === "list") return { type: "array", items: ofValue(field) };
    if (field.fieldKind === "map") return { type: "object", additionalProperties: ofValue(field) };
    return ofValue(field);
  }

  function ofValue(field: DescField): object {
    if (field.message) return WELL_KNOWN.get(field.message.typeName) ?? { $ref: refTo(field.message) };
    if (field.enum) return { type: "string", enum: field.enum.values.map((value) => value.name) };
    return SCALARS.get(field.scalar ?? ScalarType.STRING) ?? { type: "string" };
  }

  return { refTo, ofField, all: () => schemas };
}

/** `cost.Spend` of agentmesh.cost.v1.Spend; `runner.AgentRun.State` stays whole. */
function nameOf({ typeName }: DescMessage): string {
  const [, module = "", , ...rest] = typeName.split(".");
  return `${module}.${rest.join(".")}`;
}

const WELL_KNOWN = new Map<string, object>([
  ["google.protobuf.Timestamp", { type: "string", format: "date-time" }],
  ["google.protobuf.Duration", { type: "string" }],
  ["google.protobuf.Struct", { type: "object" }],
  ["google.protobuf.Value", {}],
  ["google.protobuf.ListValue", { type: "array" }],
]);

const WHOLE_32 = { type: "integer", format: "int32" };
const UNSIGNED_32 = { type: "integer", minimum: 0, maximum: 4_294_967_295 };
// 64 bits do not fit a JSON number.
const WHOLE_64 = { type: "string", format: "int64" };

const SCALARS = new Map<ScalarType, object>([
  [ScalarType.STRING, { type: "string" }],
  [ScalarType.BYTES, { type: "string", contentEncoding: "base64" }],
  [ScalarType.BOOL, { type: "boolean" }],
  [ScalarType.DOUBLE, { type: "number" }],
  [ScalarType.FLOAT, { type: "number" }],
  [ScalarType.INT32, WHOLE_32],
  [ScalarType.SINT32, WHOLE_32],
  [ScalarType.SFIXED32, WHOLE_32],
  [ScalarType.UINT32, UNSIGNED_32],
  [ScalarType.FIXED32, UNSIGNED_32],
  [ScalarType.INT64, WHOLE_64],
  [ScalarType.SINT64, WHOLE_64],
  [ScalarType.SFIXED64, WHOLE_64],
  [ScalarType.UINT64, WHOLE_64],
  [ScalarType.FIXED64, WHOLE_64],
]);
