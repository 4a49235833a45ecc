import { recognises } from "./cases.fixture.ts";
import { findEmails } from "./email.ts";

const positives = [
  "«ann@example.com»",
  "Write to «ann.lee@example.co.uk».",
  "<«ann+tag@example.com»>",
  "mailto:«ann@example.com»?subject=Hi",
  "email='«ann@example.com»'",
  "«o'brien@example.ie»",
  "«a@b.co»",
  "«ANN@EXAMPLE.COM»",
  "«ann_lee-2@mail-1.example.org»",
  "«user%example@relay.example.net»",
  "(«x1@y2.io»)",
  "«ann@xn--bcher-kva.example»",
  "«ann@bücher.de»",
  "«jörg@example.de»",
  "«first.last@sub.sub2.example.museum»",
  "from:«a1@b-c.dev», to:«d2@e-f.app»",
  '{"email":"«ann@example.com»"}',
  "邮箱«ann@example.com»。",
  "«ann@example.com»...",
  "«_svc@example.com»",
  "«1234567890@example.com»",
  "-«ann@example.com»",
];

const negatives = [
  "ann@",
  "@example.com",
  "ann@localhost",
  "ann@example",
  "ann@example.c",
  "ann@example.123",
  "ann@.example.com",
  "ann@example..com",
  "ann..lee@example.com",
  "ann.@example.com",
  "ann@-example.com",
  "ann@example-.com",
  "ann @ example.com",
  "icon@2x.png",
  "style@1.0.css",
  "typescript@7.0.2",
  "git@github.com:acme/desk.git",
  "@acme/desk",
  "follow @acme.",
  "3 apples @ 2.50 each",
  `${"a".repeat(65)}@example.com`,
  `ann@${"a".repeat(64)}.com`,
];

recognises("email", findEmails, positives, negatives);
