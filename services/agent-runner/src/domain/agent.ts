import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import type { AgentSpec } from "./agent-spec.ts";
import type { CompiledSchema } from "./json-schema.ts";
import type { ChatMessage, ToolDeclaration } from "./model.ts";
import { type LoopInput, type LoopPorts, type LoopResult, runLoop } from "./run-loop.ts";
import type { Tool } from "./tool.ts";

/** One version of an agent with its tools, compiled once and shared by all agents made from it. */
export type AgentDefinition = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly spec: AgentSpec;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly declarations: readonly ToolDeclaration[];
  readonly output: CompiledSchema | undefined;
  /** SHA-256 of all that changes an answer beside model and input. */
  readonly policyHash: string;
};

type Row = Pick<AgentDefinition, "tenant" | "name" | "version">;

/** What only a run needs is worked out by the first one: most versions of most agents never run in this process. */
class Definition implements AgentDefinition {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly spec: AgentSpec;
  readonly output: CompiledSchema | undefined;
  readonly given: readonly Tool[];
  #used: Pick<AgentDefinition, "tools" | "declarations" | "policyHash"> | undefined;

  constructor(
    { tenant, name, version }: Row,
    spec: AgentSpec,
    output: CompiledSchema | undefined,
    given: readonly Tool[],
  ) {
    this.tenant = tenant;
    this.name = name;
    this.version = version;
    this.spec = spec;
    this.output = output;
    this.given = given;
  }

  get tools(): ReadonlyMap<string, Tool> {
    return this.#use().tools;
  }

  get declarations(): readonly ToolDeclaration[] {
    return this.#use().declarations;
  }

  get policyHash(): string {
    return this.#use().policyHash;
  }

  #use() {
    this.#used ??= {
      tools: new Map(this.given.map((tool) => [tool.name, tool])),
      declarations: this.given.map((tool) => tool.declaration),
      policyHash: hashPolicy(this.spec, this.output, this.given),
    };
    return this.#used;
  }
}

export function defineAgent(
  row: Row,
  spec: AgentSpec,
  output: CompiledSchema | undefined,
  tools: readonly Tool[],
): AgentDefinition {
  return new Definition(row, spec, output, tools);
}

function hashPolicy(spec: AgentSpec, output: CompiledSchema | undefined, tools: readonly Tool[]): string {
  const { instructions, temperature, maxTokens, limits, reasoning } = spec;
  const policy = {
    instructions,
    temperature,
    maxTokens,
    turns: limits.turns,
    reasoning: reasoning.toSorted(),
    output: output?.schema,
    // A version stands for what a tool knows: a table that changed answers differently.
    tools: tools.map((tool) => ({ version: tool.version, ...tool.declaration.function })),
  };
  return sha256Hex(canonicalJson(policy));
}

/** A runnable agent. All it holds is its definition: making one costs an object with one field. */
export class Agent {
  readonly definition: AgentDefinition;

  constructor(definition: AgentDefinition) {
    this.definition = definition;
  }

  /** @throws AppError with the reason TURNS_EXHAUSTED, LOOPING, INVALID_OUTPUT or PROVIDER_FILTERED, or what a port throws */
  run(input: LoopInput, ports: LoopPorts, before: readonly ChatMessage[] = []): Promise<LoopResult> {
    return runLoop(this.definition, input, ports, before);
  }
}

export function createAgent(definition: AgentDefinition): Agent {
  return new Agent(definition);
}
