export { withFileLock } from "./file-lock.ts";
export { isSameProcess, processMark } from "./process-identity.ts";
