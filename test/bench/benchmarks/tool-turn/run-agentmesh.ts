// A process of its own: the runner's loop over its own client, as it is without the services around it.
import { createAgent, defineAgent } from "@agentmesh/agent-runner/agent";
import { agentSpec } from "@agentmesh/agent-runner/agent-spec";
import { compileSchema } from "@agentmesh/agent-runner/json-schema";
import { openAiCompatible } from "@agentmesh/agent-runner/openai-compatible";
import { presets } from "@agentmesh/agent-runner/presets";
import {
  getWeather,
  instructions,
  measureTurns,
  model,
  parameters,
  question,
  toolDescription,
  toolName,
  url,
} from "../../peers/scripts/turn/measure.mjs";

const preset = presets.find(({ name }) => name === "openai");
if (!preset) throw new Error("there is no preset openai");
const provider = openAiCompatible(preset, { apiKey: "sk-test", baseUrl: url });
const definition = defineAgent(
  { tenant: "acme", name: "weather", version: 1 },
  agentSpec.parse({ instructions, tools: [toolName] }),
  undefined,
  [
    {
      name: toolName,
      version: 1,
      effect: "read",
      declaration: { type: "function", function: { name: toolName, description: toolDescription, parameters } },
      parameters: compileSchema(parameters, "parameters"),
      run: (args) => getWeather({ city: String(args.city) }),
    },
  ],
);
const { timeoutMs } = definition.spec.limits;
const caller = { tenant: "acme", subject: "user:bench", permissions: new Set<string>() };
let runs = 0;

await measureTurns(async () => {
  const { signal } = new AbortController();
  const runId = String(runs++);
  const { text } = await createAgent(definition).run(question, {
    signal,
    nowMs: () => performance.now(),
    toolKey: (callId) => `${runId}:${callId}`,
    caller,
    callAgent: () => Promise.reject(new Error("no agents here")),
    callModel: (request) => provider.complete(model, request, { signal, timeoutMs }),
  });
  return text;
});
