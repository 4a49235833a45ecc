// Of one value in a row of a page.
const MAX_LISTED_BYTES = 8 * 1024;
// What a stored value has beside its bytes.
const HEADER_BYTES = 8;

/**
 * SQL for a JSON column where it is small, and NULL where it is too large for a list. What is large even as it is stored,
 * compressed, is not read at all.
 */
export function smallValue(column: string): string {
  return `CASE WHEN pg_column_size(${column}) <= ${MAX_LISTED_BYTES + HEADER_BYTES} THEN
    CASE WHEN octet_length(${column}::text) <= ${MAX_LISTED_BYTES} THEN ${column} END END`;
}

/** SQL for whether `smallValue` leaves the column out. */
export function isCut(column: string): string {
  return `(${column} IS NOT NULL AND (${smallValue(column)}) IS NULL)`;
}
