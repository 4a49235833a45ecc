// A process of its own: makes agents of the runner. `shared`: as the runner does, on a definition that was compiled once.
// `own`: with a definition and a tool each; they share schema and function, as those of the peers do.
import { type AgentDefinition, createAgent, defineAgent } from "@agentmesh/agent-runner/agent";
import { agentSpec } from "@agentmesh/agent-runner/agent-spec";
import type { Tool } from "@agentmesh/agent-runner/tool";
import {
  getWeather,
  instructions,
  measureCreation,
  toolDescription,
  toolName,
} from "../../peers/scripts/create/measure.mjs";

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const spec = agentSpec.parse({ instructions, tools: [toolName] });
const parameters = { schema, check: () => [] };
const run: Tool["run"] = (args) => getWeather({ city: String(args.city) });

function define(): AgentDefinition {
  return defineAgent({ tenant: "acme", name: "weather", version: 1 }, spec, undefined, [
    {
      name: toolName,
      version: 1,
      effect: "read",
      declaration: {
        type: "function",
        function: { name: toolName, description: toolDescription, parameters: schema },
      },
      parameters,
      run,
    },
  ]);
}

const definition = define();
measureCreation(process.argv[3] === "own" ? () => createAgent(define()) : () => createAgent(definition));
