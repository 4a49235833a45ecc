import { AppError } from "@agentmesh/errors";

const USERNAME = /^[a-z0-9][a-z0-9._@+-]{0,63}$/;
const SERVICE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MIN_PASSWORD = 12;
const MAX_PASSWORD_BYTES = 1024;

/** The form under which names are compared: `Ada` and `ada` are one. */
export function normaliseUsername(username: string): string {
  return username.normalize("NFKC").trim().toLowerCase();
}

/** @throws AppError INVALID_ARGUMENT (BAD_USERNAME) */
export function checkUsername(username: string, serviceAccount: boolean): string {
  const name = normaliseUsername(username);
  if ((serviceAccount ? SERVICE_NAME : USERNAME).test(name)) return name;
  throw new AppError(
    "INVALID_ARGUMENT",
    `username ${JSON.stringify(username.slice(0, 80))} must be 1 to 63 of a-z, 0-9, "-" and "_"${
      serviceAccount ? "" : ', also ".", "@" and "+"'
    }, starting with a letter or digit`,
    { reason: "BAD_USERNAME", field: "username" },
  );
}

/** @throws AppError INVALID_ARGUMENT (WEAK_PASSWORD); the message never holds the password */
export function checkNewPassword(password: string, username: string): void {
  const tooShort = [...password].length < MIN_PASSWORD;
  if (!tooShort && isPasswordSized(password) && normaliseUsername(password) !== username) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `password: expected ${MIN_PASSWORD} characters to ${MAX_PASSWORD_BYTES} bytes that are not the user name; choose a longer one`,
    { reason: "WEAK_PASSWORD", field: "password" },
  );
}

export function isPasswordSized(password: string): boolean {
  return password !== "" && Buffer.byteLength(password) <= MAX_PASSWORD_BYTES;
}

/** @throws AppError INVALID_ARGUMENT (BAD_TENANT) */
export function checkTenantName(name: string): string {
  if (SERVICE_NAME.test(name)) return name;
  throw new AppError(
    "INVALID_ARGUMENT",
    `tenant ${JSON.stringify(name.slice(0, 80))} must be 1 to 63 of a-z, 0-9, "-" and "_", starting with a letter or digit`,
    { reason: "BAD_TENANT", field: "name" },
  );
}
