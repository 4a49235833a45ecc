import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, isPublicAddress } from "./public-address.ts";

test("public is what everybody can reach, in whichever form it is written", () => {
  for (const address of ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"]) {
    assert.ok(isPublicAddress(address), address);
  }
  const special = [
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.31.0.1", "192.168.1.1"],
    ...["198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1"],
    ...["::ffff:10.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:a00:1", "64:ff9b::a00:1", "2002:a00:1::1", "2001:db8::1"],
    ...["64:ff9b:1::a00:1", "localhost", "", "1.1.1", "::ffff:169.254.169.254"],
  ];
  for (const address of special) assert.ok(!isPublicAddress(address), address);
});

test("loopback is the own machine and nothing else", () => {
  for (const address of ["127.0.0.1", "127.0.1.1", "::1"]) assert.ok(isLoopback(address), address);
  for (const address of ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fe80::1", "localhost", ""]) {
    assert.ok(!isLoopback(address), address);
  }
});
