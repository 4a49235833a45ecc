export { assertReachable, bareHost, type Guard, guardedLookup } from "./guarded-lookup.ts";
export { isLoopback, isPublicAddress } from "./public-address.ts";
