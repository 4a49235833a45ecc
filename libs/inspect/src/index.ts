export {
  type Classification,
  classifications,
  type Finding,
  type FindingAction,
  type FindingKind,
  findingActions,
  findingKinds,
  highestOf,
} from "./finding.ts";
export { inspectText, type TextInspection } from "./inspect-text.ts";
export { inspectMessage, inspectValue, type ValueInspection } from "./inspect-value.ts";
export { defaultPolicy, type Policy } from "./policy.ts";
export type { PathFinding } from "./walk.ts";
