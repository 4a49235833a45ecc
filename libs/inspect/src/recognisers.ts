import type { FindingKind, Recogniser } from "./finding.ts";
import { findApiKeys } from "./recognise/api-key.ts";
import { findCards } from "./recognise/card.ts";
import { findEmails } from "./recognise/email.ts";
import { findIbans } from "./recognise/iban.ts";
import { findIps } from "./recognise/ip.ts";
import { findPhones } from "./recognise/phone.ts";
import { findSsns } from "./recognise/ssn.ts";

export const recognisers: Readonly<Record<FindingKind, Recogniser>> = {
  api_key: findApiKeys,
  card: findCards,
  iban: findIbans,
  ssn: findSsns,
  email: findEmails,
  phone: findPhones,
  ip: findIps,
};
