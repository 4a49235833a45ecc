export { AppError, type AppErrorOptions, type ErrorCode, type ErrorWire, errorCodes } from "./app-error.ts";
export { describeError, isAppError, toAppError } from "./convert.ts";
