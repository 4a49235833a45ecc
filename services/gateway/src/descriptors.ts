import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  getOption,
} from "@bufbuild/protobuf";
import { type FileDescriptorSet, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The compiled contracts: what JSON is checked against, OpenAPI is written from and reflection answers with. */
export type Descriptors = {
  readonly files: FileDescriptorSet;
  readonly registry: FileRegistry;
  /** @param path a gRPC path. @throws Error when no contract has it */
  method(path: string): DescMethod;
};

export function loadDescriptors(): Descriptors {
  const bytes = readFileSync(fileURLToPath(import.meta.resolve("@agentmesh/proto/descriptors")));
  const files = fromBinary(FileDescriptorSetSchema, bytes);
  const registry = createFileRegistry(files);
  return {
    files,
    registry,
    method(path) {
      const [, service = "", name = ""] = path.split("/");
      const found = registry.getService(service)?.methods.find((method) => method.name === name);
      if (found) return found;
      throw new Error(`${path} is in the catalog and not in the descriptors; run \`npm run gen\``);
    },
  };
}

/** Paths of the methods whose request or reply holds a field marked `secret`. */
export function methodsWithSecrets(descriptors: Descriptors, paths: readonly string[]): ReadonlySet<string> {
  const isSecret = secretOption(descriptors.registry);
  const known = new Map<string, boolean>();
  function holds(message: DescMessage): boolean {
    const found = known.get(message.typeName);
    if (found !== undefined) return found;
    known.set(message.typeName, false);
    const result = message.fields.some((field) => isSecret(field) || (field.message ? holds(field.message) : false));
    known.set(message.typeName, result);
    return result;
  }
  return new Set(
    paths.filter((path) => {
      const { input, output } = descriptors.method(path);
      return holds(input) || holds(output);
    }),
  );
}

function secretOption(registry: FileRegistry): (field: DescField) => boolean {
  const extension = registry.getExtension("agentmesh.options.v1.field");
  if (!extension) throw new Error("the descriptors lack agentmesh.options.v1.field; run `npm run gen`");
  return (field) => {
    const rule: unknown = getOption(field, extension);
    return rule !== null && typeof rule === "object" && "secret" in rule && rule.secret === true;
  };
}
