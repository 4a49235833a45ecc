export { interpolate } from "./interpolate.ts";
export { loadConfig, parseYaml, validate } from "./load-config.ts";
