/** What an HTTP server answered instead of a result; the cause of the error that says so. */
export class HttpStatus {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}

const MAX_CAUSES = 8;

/** The status an error comes from; undefined where it comes from no answer. */
export function statusOf(error: unknown): number | undefined {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) cause = cause.cause;
  return cause instanceof HttpStatus ? cause.status : undefined;
}
