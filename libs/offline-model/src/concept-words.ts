/**
 * What the built-in concepts look like in a text. A line reads `word*weight, two words*weight, …`; without a weight a
 * word counts 1. Words are stemmed when the lexicon is first used. `alias` are the enum values that name the concept;
 * `fallsTo` the concept that takes its words where an enum does not have it.
 */
export type ConceptWords = {
  readonly alias: string;
  readonly words: string;
  readonly fallsTo?: string;
  /** What the concept has before a word was read; a choice with no evidence falls here. */
  readonly prior?: number;
};

export const TOPICS: Readonly<Record<string, ConceptWords>> = {
  billing: {
    alias: "billing, payment, payments, invoice, invoices, invoicing, finance, charge, charges, accounting, money",
    words: `invoice*3, billing*3, billed*3, charge*3, overcharged*4, charged twice*3, double charge*3, payment*2.5, pay*1.5,
      paid*1.5, credit card*2, card*1, bank*1.5, vat*2.5, tax*2, receipt*2.5, price*1, renewal*1.5, statement*1.5,
      debit*2.5, direct debit*2, subscription*1, amount*1.5, purchase order*1.5, paypal*2, iban*2, sepa*2, discount*1,
      coupon*1.5, voucher*1, tariff*1, card declined*3, declined*1.5, rechnung*3, abgebucht*3, zahlung*2.5, kreditkarte*2,
      facture*3, facturé*3, paiement*2.5, factura*3, pago*2, cobro*3`,
  },
  refund: {
    alias: "refund, refunds, reimbursement, chargeback, returns, return",
    words: `refund*4, money back*4, reimburse*4, chargeback*3, return label*2, return it*1.5, send it back*2, returning*1.5,
      returned*1.5, exchange*1.5, warranty*1.5, rückerstattung*4, erstattung*4, geld zurück*4, remboursement*4, rembourser*4,
      reembolso*4, devolución*3`,
    fallsTo: "billing",
  },
  shipping: {
    alias: "shipping, shipment, delivery, deliveries, logistics, fulfillment, fulfilment, order, orders, parcel",
    words: `shipping*3, shipment*3, shipped*3, delivery*3, delivered*3, deliver*3, parcel*3, package*2.5, courier*3, tracking*3,
      tracking number*2, carrier*2.5, warehouse*2, arrive*1.5, arrived*1.5, transit*2, in transit*2, customs*2, post office*2,
      not arrived*2, dispatch*2.5, address*0.7, delivery address*2, damaged*1.5, wrong item*3, wrong size*3, replacement*1.5, swap*1.5, box*1, order*0.8, my order*1, where is*0.7,
      dhl*3, ups*2, fedex*3, lieferung*3, paket*3, sendung*3, versand*3, livraison*3, colis*3, envío*3, paquete*3, entrega*3`,
    fallsTo: "general",
  },
  account: {
    alias:
      "account, accounts, login, log_in, signin, sign_in, access, authentication, auth, password, profile, credentials",
    words: `password*3, login*3, log in*3, logged out*2, logging in*3, log into*3, sign in*3, signing in*3, signin*3, account*1.2,
      my account*1, locked out*4, locked*2, unlock*2, username*2.5, two factor*3, 2fa*3, mfa*3, authenticator*3, otp*2.5,
      verification code*3, verify*1, reset link*2.5, reset*1, sso*3, saml*3, invite*1.5, permission*1.5, role*1, seat*1,
      email address*1.5, change my email*2, new phone*1.5, profile*1.5, deactivated*2, delete my account*3, credentials*2.5,
      passwort*3, anmelden*3, einloggen*3, konto*2, gesperrt*2.5, mot passe*3, mot de*1.5, connexion*2.5, compte*2, contraseña*3,
      iniciar sesión*3, cuenta*2`,
    fallsTo: "technical",
  },
  technical: {
    alias:
      "technical, technical_issue, technical_support, tech, bug, bugs, error, errors, incident, outage, defect, performance, integration, software, product_issue, it",
    words: `error*2.5, error message*1.5, bug*3, crash*3, crashes*3, crashing*3, exception*3, stack trace*3, timeout*2.5,
      time out*2, timing out*2.5, slow*2, freeze*2.5, freezes*2.5, frozen*2.5, hang*2, outage*3.5, down*2, is down*2, api*2.5,
      webhook*3, integration*2.5, sync*2.5, synchronise*2.5, synchronize*2.5, not loading*3, load*1.5, blank page*3, blank*1.5,
      white screen*3, browser*2, app*1, server*2, 500*2.5, 502*2.5, 503*2.5, 504*2.5, 404*2, 429*2, not working*1.5,
      stopped working*2, does not*0.3, broken*1, export*1.5, import*1.5, upload*2, download*1, install*2, installation*2,
      update*1, upgrade*0.7, version*1.5, firmware*3, wifi*2, bluetooth*2, battery*1.5, connect*1.5, connection*1.5,
      offline*2, glitch*3, latency*3, dashboard*1.5, report*0.5, csv*2, sdk*3, endpoint*2.5, database*2.5, log file*2,
      debug*3, reproduce*2.5, fehler*3, abgestürzt*3, absturz*3, funktioniert nicht*2, erreur*3, panne*3, plante*2, fallo*3,
      no funciona*2`,
    fallsTo: "general",
  },
  feature: {
    alias:
      "feature, feature_request, features, enhancement, idea, ideas, suggestion, improvement, roadmap, product_feedback",
    words: `feature*2.5, feature request*4, suggestion*3, suggest*2.5, idea*2, would be*0.5, would be great*1, be great*2,
      be nice*2.5, be useful*2, be helpful*1.5, nice to*1, nice have*2, would love*2.5, love to*1, wish*2, please add*3,
      add support*3, support for*1.5, roadmap*3, plan to*1, plans to*1.5, dark mode*3, any plans*2, could you*0.5,
      enhancement*3, improvement*2.5, option to*1.5, ability to*2, vote*1.5, wunsch*2, vorschlag*3, suggérer*3, sugerencia*3`,
    fallsTo: "general",
  },
  security: {
    alias: "security, abuse, fraud, privacy, data_protection, compliance, breach, vulnerability, gdpr, phishing",
    words: `hacked*8, hacker*6, breach*8, breached*8, phishing*7, fraud*6, fraudulent*6, unauthorised*5, unauthorized*5,
      stolen*4, compromised*8, suspicious*5, vulnerability*4, exploit*3, xss*4, sql injection*4, malware*4, leaked*3.5,
      leak*2.5, gdpr*3.5, privacy*3, data protection*3, data request*2, personal data*3, security*2.5, not recognise*4,
      not recognize*4, someone else*2, someone*1.5, someone logged*3, someone in*1, did not*0.3, not me*2, was not*0.3, unknown device*3, unknown login*3,
      identity*2, gehackt*8, datenschutz*3, piraté*8, hackeado*8, seguridad*3`,
    fallsTo: "account",
  },
  cancellation: {
    alias:
      "cancellation, cancel, cancellations, churn, retention, subscription, subscriptions, termination, unsubscribe",
    words: `cancel*3, cancellation*4, cancelling*3, terminate*3, close my account*3, end my*2, subscription*1.5, unsubscribe*2,
      downgrade*2, renew*1, not renew*2, leaving*1.5, switch to*0.7, kündigen*4, kündigung*4, résilier*4, cancelar*4`,
    fallsTo: "billing",
  },
  sales: {
    alias: "sales, presales, pre_sales, pricing, quote, lead, partnership, upgrade, plans",
    words: `quote*3, pricing*3, price list*2, demo*3, trial*2, enterprise plan*3, enterprise*1.5, volume discount*3, discount*1,
      buy*1.5, purchase*1.5, upgrade*1.5, sales*3, sales team*2, licence*1.5, license*1.5, interested in*2, partnership*3,
      reseller*3, how much*2, cost*1.5, plans*1, angebot*2, preise*2, devis*3, presupuesto*3`,
    fallsTo: "general",
  },
  howto: {
    alias: "how_to, howto, usage, documentation, docs, guide, guidance, onboarding, training, product_question",
    words: `how do*2, how can*2, how to*2, where do*1.5, where can*1.5, where find*1.5, is there*0.7, is it possible*1, tutorial*3,
      guide*2, documentation*3, instructions*2, steps*1.5, set up*1.5, setup*1.5, configure*1.5, getting started*3, wie kann*2,
      comment faire*2, cómo*1.5`,
    fallsTo: "general",
  },
  complaint: {
    alias: "complaint, complaints, escalation, dissatisfaction",
    words: `complaint*4, complain*4, unacceptable*3, terrible*2.5, awful*2.5, rude*3, worst*2.5, disappointed*2.5, manager*2,
      supervisor*2.5, escalate*3, lawyer*2.5, ombudsman*3, beschwerde*4, plainte*3, queja*4`,
    fallsTo: "general",
  },
  praise: {
    alias: "praise, compliment, thanks, kudos, feedback",
    words: `thank you*0.5, great job*3, well done*3, love*1.5, kudos*3, compliment*3, feedback*2, amazing*2, excellent*2,
      fantastic*2, keep up*2`,
    fallsTo: "general",
  },
  spam: {
    alias: "spam, junk, scam, advertising, irrelevant, marketing",
    words: `seo*3.5, backlinks*4, casino*4, lottery*4, bitcoin*2.5, crypto*2, winner*3, you won*3, prize*3, viagra*4, loan*2,
      click here*2.5, limited offer*3, limited time*2.5, act now*3, free money*4, earn money*3, guest post*4, rank your*3,
      google ranking*3, first page*2, page google*2, marketing services*3, unsubscribe*1.5, investment opportunity*4,
      inheritance*3.5, million dollars*3.5, weight loss*3.5, make money*3, special offer*2`,
    fallsTo: "general",
  },
  general: {
    alias:
      "general, general_inquiry, general_question, other, others, misc, miscellaneous, question, inquiry, enquiry, unknown, none, na, uncategorized, anything_else, info, information",
    words: `opening hours*3, office hours*2, hours*0.7, careers*2, job*1, press*1.5, newsletter*1.5, student*1.5, question*0.7, wondering*1,
      curious*1, just wanted*0.7, information*0.7, general*1`,
    prior: 1.2,
  },
};

export const PRIORITIES: Readonly<Record<string, ConceptWords>> = {
  urgent: {
    alias: "urgent, critical, emergency, immediate, highest, blocker, p0, p1, sev1, sev0, s1, very_high, severe",
    words: `urgent*4, urgently*4, asap*3, immediately*2.5, emergency*4, outage*4, production*2.5, in production*1, is down*3.5,
      are down*3.5, completely down*4, breach*4, breached*4, hacked*4, stolen*3, compromised*4, unauthorised*3,
      unauthorized*3, fraudulent*3, fraud*2.5, suspicious*1, not recognise*2, not recognize*2, data loss*4, lost all*3,
      all users*3, all our*2, everyone*2, whole team*2.5, entire team*2.5, whole company*3, entire company*3, whole office*3,
      our customers*1, critical*3.5, right now*2, losing*2.5, losing money*2, every minute*3, security*1, leaked*3, safety*3,
      smoke*3, fire*2.5, overheating*3, dringend*4, sofort*2.5, immédiatement*2.5, urgente*4`,
    fallsTo: "high",
  },
  high: {
    alias: "high, important, major, elevated, p2, sev2, s2, higher",
    words: `cannot*1.5, unable*1.5, locked out*3, blocked*2, failing*1.5, fails*1, failed*1.2, twice*1.5, charged twice*2,
      double*1, overcharged*2, deadline*2.5, tomorrow*2, tonight*2, end of*0.5, by friday*2, by monday*2, still not*1.5, still no*1.5,
      never arrived*2, not arrived*1.5, never*0.7, broken*1.5, arrived broken*2, in pieces*2, wrong*1.2, wrong amount*2, unacceptable*2, lawyer*2.5, legal*2,
      third time*2, second time*1.5, weeks*1, two weeks*1, damaged*1.5, missing*1.2, crash*2, crashes*2, crashing*2, down*1.5, error*1,
      timeout*1, gift*0.7, birthday*1.5, upset*1, phishing*1.5, gdpr*1.5, suspicious*1.5, friday*1, escalate*2, complaint*1.5, important*2, soon as*1, refund*0.7, frustrated*1, furious*2,
      angry*1.5, terrible*1, no one*1, nobody*1, gesperrt*2, kaputt*2, bloqué*2, bloqueada*2`,
    fallsTo: "urgent",
  },
  normal: {
    alias: "normal, medium, moderate, default, standard, regular, p3, sev3, s3, minor",
    words: "question*0.3, how do*0.3, how can*0.3",
    prior: 2.6,
    fallsTo: "low",
  },
  low: {
    alias: "low, lowest, trivial, p4, p5, sev4, s4, minimal, none",
    words: `no rush*4, no hurry*4, not urgent*4, whenever*2.5, when you have*1, nice to*1.5, nice have*2, feature request*3,
      wondering*1.5, curious*2, suggestion*2.5, suggest*2, idea*1.5, be great*1.5, be nice*2, would love*2, love that*1.5, great job*2, great work*2.5, good work*2, keep up*2, fantastic*1.5, amazing*1, please add*1.5, add support*2, typo*3, feedback*1.5,
      low priority*4, just wanted*1.5, unsubscribe*1, newsletter*2, someday*2.5, roadmap*2, any plans*2, love the*1, dark mode*2,
      opening hours*2, cosmetic*3, minor*2, seo*3, backlinks*3, casino*3, guest post*3, kein eile*3, keine eile*4, pas pressé*4`,
    fallsTo: "normal",
  },
};

export const SENTIMENTS: Readonly<Record<string, ConceptWords>> = {
  negative: {
    alias: "negative, angry, frustrated, bad, unhappy, upset, dissatisfied, very_negative, hostile, sad",
    words: `frustrated*3, frustrating*3, angry*3.5, furious*4, unacceptable*4, terrible*4, awful*4, worst*4, disappointed*3.5,
      disappointing*3.5, ridiculous*3.5, annoyed*3, annoying*3, useless*3.5, horrible*4, upset*3, fed up*4, waste*2.5,
      rude*3, joke*1.5, disgusting*4, appalling*4, shame*2, hate*3, sick of*3, tired of*2.5, losing patience*4, patience*1.5,
      not happy*3, not satisfied*3, not good*2, not acceptable*4, still not*1.5, still no*1.5, third time*2, again and*1, never again*3,
      nobody*1, no one*1, ignored*2.5, lied*3.5, scam*2.5, lawyer*2.5, complaint*2, cancel*0.7, broken*1, wrong*0.8,
      failed*0.5, fails*0.5, crash*0.5, problem*0.3, unusable*3, worried*2, worry*1.5, scared*2.5, panic*2, hacked*2, stolen*2,
      fraud*1.5, damaged*1, overcharged*1.5, losing*1.5, losing money*1, urgent*0.5, immediately*0.7, down*0.6, affected*0.5, what the hell*3, wtf*4, sucks*4, poor*2, trash*3, garbage*3.5,
      unzufrieden*3, verärgert*3.5, enttäuscht*3.5, frechheit*4, inacceptable*4, déçu*3.5, enfadado*3.5, decepcionado*3.5`,
    fallsTo: "neutral",
  },
  neutral: { alias: "neutral, mixed, calm, objective, none, unknown, ok", words: "", prior: 2.2, fallsTo: "positive" },
  positive: {
    alias: "positive, happy, good, satisfied, pleased, friendly, delighted, very_positive, grateful",
    words: `love*2.5, love the*0.5, love this*0.5, love your*0.5, loving*2.5, great*2, awesome*3, excellent*3.5, amazing*3, happy*2, wonderful*3, fantastic*3, perfect*2,
      helpful*1.5, brilliant*3, impressed*3, appreciate*1, delighted*3.5, superb*3.5, enjoy*2, enjoying*2, thank you*0.4,
      thanks*0.3, many thanks*0.5, great job*2, well done*2.5, keep up*2, best tool*2, smooth*1.5, pleased with*2, very pleased*1, would love*-2.5,
      be great*-2, be perfect*-1.5, be helpful*-1.5, would appreciate*-1, happy to*-2, not great*-2, just great*-4,
      super*1.5, toll*2, danke*0.4, merci*0.4, génial*3, gracias*0.4, genial*3, excelente*3`,
    fallsTo: "neutral",
  },
};

export const ANSWERS: Readonly<Record<string, ConceptWords>> = {
  yes: { alias: "yes, y, true, ok", words: "yes*2, yep*2, sure*1, correct*1.5, agree*2, definitely*2, confirm*1.5" },
  no: { alias: "no, n, false", words: "no*1, nope*2, not*1, disagree*2, decline*2, incorrect*2", prior: 0.5 },
};
