import { AppError } from "@agentmesh/errors";
import { z } from "zod";
import type { JsonSchema } from "../../domain/json-schema.ts";
import type { ToolArguments, ToolCallContext } from "../../domain/tool.ts";

/** A function that Tools may name as their source: `{ type: function, name }`. */
export type RegisteredFunction = {
  readonly name: string;
  /** JSON Schema of its arguments, from its zod schema. */
  readonly parameters: JsonSchema;
  /** Its answer changes by itself, as a clock's does: what was made of it is not kept. Default false. */
  readonly isVolatile: boolean;
  /** @throws AppError INVALID_ARGUMENT when the arguments do not satisfy its schema, and what the function throws */
  call(args: ToolArguments, context: ToolCallContext): unknown;
};

export type Functions = ReadonlyMap<string, RegisteredFunction>;

/**
 * A typed function as a tool source. `run` gets what its schema parsed; what it returns is handed to the model, as it is
 * when it is text, else as JSON.
 */
export function defineFunction<S extends z.ZodObject>(definition: {
  readonly name: string;
  readonly parameters: S;
  readonly isVolatile?: boolean;
  run(args: z.infer<S>, context: ToolCallContext): unknown;
}): RegisteredFunction {
  const { name, parameters, isVolatile = false } = definition;
  const { $schema: _, ...schema } = z.toJSONSchema(parameters, { io: "input" });
  return {
    name,
    parameters: schema,
    isVolatile,
    call(args, context) {
      const parsed = parameters.safeParse(args);
      if (parsed.success) return definition.run(parsed.data, context);
      throw new AppError("INVALID_ARGUMENT", `the arguments of ${name}: ${z.prettifyError(parsed.error)}`, {
        reason: "BAD_ARGUMENTS",
      });
    },
  };
}

/** @throws Error when two have one name */
export function registerFunctions(functions: readonly RegisteredFunction[]): Functions {
  const registry = new Map(functions.map((each) => [each.name, each]));
  if (registry.size === functions.length) return registry;
  throw new Error(`two functions have one name: ${functions.map(({ name }) => name).join(", ")}`);
}
