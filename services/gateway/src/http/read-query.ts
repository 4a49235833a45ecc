import { AppError } from "@agentmesh/errors";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

const MAX_PARAMETERS = 100;

/** A query string as the JSON of a message: each parameter is a field, repeated ones are lists. */
export function readQuery(message: DescMessage, query: URLSearchParams): Record<string, unknown> {
  if (query.size > MAX_PARAMETERS) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `the query has ${query.size} parameters, at most ${MAX_PARAMETERS} are read`,
    );
  }
  const json: Record<string, unknown> = {};
  for (const name of new Set(query.keys())) {
    const field = message.fields.find((candidate) => candidate.jsonName === name || candidate.name === name);
    const texts = query.getAll(name);
    // Unknown names stay in, so that they are refused like those of a body.
    if (!field) json[name] = texts[0];
    else if (field.fieldKind === "list") json[field.jsonName] = texts.map((text) => jsonOf(field, text));
    else if (texts.length === 1) json[field.jsonName] = jsonOf(field, texts[0] ?? "");
    else {
      throw new AppError("INVALID_ARGUMENT", `${name} is given ${texts.length} times and is not a list`, {
        reason: "WRONG_TYPE",
        field: name,
      });
    }
  }
  return json;
}

/** As JSON would have it; what does not fit stays a text and is refused with the rest. */
function jsonOf(field: DescField, text: string): unknown {
  if (field.scalar === ScalarType.BOOL) return text === "true" ? true : text === "false" ? false : text;
  if (field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT) {
    const number = Number(text);
    return text !== "" && Number.isFinite(number) ? number : text;
  }
  return text;
}
