import assert from "node:assert/strict";
import { test } from "node:test";
import { createPasswords } from "./password.ts";

test("a hash is a PHC string with its own salt and matches its password only", async () => {
  const passwords = createPasswords({ hashesAtOnce: 2, maxQueue: 10 });
  const [one, two] = await Promise.all([passwords.hash("correct horse"), passwords.hash("correct horse")]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.notEqual(one, two);
  const compare = (password: string, hash: string | undefined) =>
    passwords.compareIn((matches) => matches(password, hash));
  assert.equal(await compare("correct horse", one), true);
  assert.equal(await compare("correct horsf", one), false);
  assert.equal(await compare("correct horse", undefined), false);
  assert.equal(await compare("correct horse", "not a hash"), false);
});

test("hashes made elsewhere with the reference implementation match", async () => {
  const passwords = createPasswords({ hashesAtOnce: 1, maxQueue: 1 });
  // argon2 command line: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1
  const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  assert.equal(await passwords.compareIn((matches) => matches("password", reference)), true);
});

test("beyond its places and its queue it refuses at once", async () => {
  const passwords = createPasswords({ hashesAtOnce: 1, maxQueue: 1 });
  const results = await Promise.allSettled([passwords.hash("a"), passwords.hash("b"), passwords.hash("c")]);
  assert.deepEqual(
    results.map((result) => result.status),
    ["fulfilled", "fulfilled", "rejected"],
  );
});
