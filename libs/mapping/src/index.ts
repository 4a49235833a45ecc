export { type Condition, compileCondition, conditionSchema, type Test } from "./condition.ts";
export { choicesOf, compileMapping, isTooDeep, type Mapped } from "./mapping.ts";
export { lookUp, type Path, parsePath } from "./path.ts";
