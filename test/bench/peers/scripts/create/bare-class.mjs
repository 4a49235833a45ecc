// The limit: the least that an agent with one tool can be, when each is made of its own parts.
import { getWeather, instructions, measureCreation, toolDescription, toolName } from "./measure.mjs";

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const model = {};

class Tool {
  constructor(name, description, schema, execute) {
    this.name = name;
    this.description = description;
    this.schema = schema;
    this.execute = execute;
  }
}

class Agent {
  constructor(name, options) {
    this.name = name;
    this.instructions = options.instructions;
    this.model = options.model;
    this.temperature = 0.1;
    this.maxTurns = 10;
    this.tools = options.tools;
  }
}

measureCreation(
  () =>
    new Agent("weather", {
      instructions,
      model,
      tools: [new Tool(toolName, toolDescription, parameters, getWeather)],
    }),
);
