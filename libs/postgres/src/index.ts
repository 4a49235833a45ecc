export { type Database, type DatabaseOptions, openDatabase, type Queryable, type Transaction } from "./database.ts";
export { isUniqueViolation, toDatabaseError } from "./errors.ts";
export { type GroupCommit, type GroupCommitOptions, groupCommit } from "./group-commit.ts";
export type { MigrationSource } from "./migrate.ts";
