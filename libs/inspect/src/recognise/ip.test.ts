import { recognises } from "./cases.fixture.ts";
import { findIps } from "./ip.ts";

const positives = [
  "«10.1.2.3»",
  "from «192.168.0.1».",
  "http://«203.0.113.7»:8080/x",
  "«255.255.255.255»",
  "«8.8.8.8»,«8.8.4.4»",
  "[«2001:db8::1»]:443",
  "«2001:0db8:85a3:0000:0000:8a2e:0370:7334»",
  "«fe80::1»: unreachable",
  "«::1»",
  "«::ffff:192.0.2.128»",
  "«2001:db8::»",
  "allow «10.0.0.0»/8",
];

const negatives = [
  "256.1.1.1",
  "1.2.3",
  "1.2.3.4.5",
  "01.2.3.4",
  "v1.2.3.4",
  "version 1.2.3.4",
  "build 10.0.19041.1",
  "12:34:56",
  "2026-11-20T14:43:56Z",
  "aa:bb:cc:dd:ee:01",
  "std::vector",
  "add::face",
  "1::2::3",
  "1:2:3:4:5:6:7:8:9",
  "12345::1",
  "::",
  "a1.2.3.4",
];

recognises("ip", findIps, positives, negatives);
