import { different, type Pair, replaced } from "./pair.ts";

const entities: readonly Pair[] = [
  ...replaced("entity", "What is the capital of $1?", [
    ["France", "Spain"],
    ["Australia", "Austria"],
    ["Niger", "Nigeria"],
  ]),
  ...replaced("entity", "Who founded $1?", [
    ["Apple", "Amazon"],
    ["Oracle", "Intel"],
  ]),
  ...replaced("entity", "How do I install $1?", [
    ["PostgreSQL", "MySQL"],
    ["Firefox", "Chrome"],
    ["Java", "JavaScript"],
  ]),
  ...replaced("entity", "What is the weather in $1?", [
    ["Berlin", "Bern"],
    ["Paris, Texas", "Paris, France"],
  ]),
  ...replaced("entity", "When was $1 born?", [
    ["Marie Curie", "Pierre Curie"],
    ["John Smith", "Jane Smith"],
  ]),
  ...replaced("entity", "How do I reset my $1?", [
    ["password", "router"],
    ["phone", "watch"],
    ["pin", "password"],
  ]),
  ...replaced("entity", "What is the refund policy for $1?", [
    ["books", "shoes"],
    ["flights", "hotels"],
    ["tickets", "gift cards"],
  ]),
  ...replaced("entity", "Is $1 covered by the insurance?", [
    ["theft", "fire"],
    ["water damage", "storm damage"],
  ]),
  ...replaced("entity", "How do I feed a $1?", [
    ["cat", "dog"],
    ["horse", "house cat"],
  ]),
  ...replaced("entity", "Can I pay with $1?", [
    ["Visa", "PayPal"],
    ["cash", "check"],
    ["Bitcoin", "Ethereum"],
  ]),
  ...replaced("entity", "What does the $1 button do?", [
    ["red", "green"],
    ["save", "share"],
  ]),
  ...replaced("entity", "What is the annual leave of full-time employees in $1 after the probation period?", [
    ["Germany", "France"],
    ["the sales team", "the support team"],
  ]),
  ...replaced("entity", "How do I open a support ticket for the $1 product in the customer portal?", [
    ["router", "firewall"],
    ["Alpha", "Beta"],
  ]),
  ...replaced("entity", "What is the symptom of $1?", [
    ["influenza", "pneumonia"],
    ["flu", "cold"],
  ]),
  ...different("entity", [
    ["Which train goes to the airport?", "Which train goes to the harbour?"],
    ["What does the US constitution say about speech?", "What does the EU constitution say about speech?"],
    ["How is the air quality in the office?", "How is the air pressure in the office?"],
    ["Who wrote the contract?", "Who signed the contract?"],
    ["How do I print the invoice?", "How do I email the invoice?"],
    ["What is the population of Georgia the country?", "What is the population of Georgia the state?"],
    ["Explain how the heart works", "Explain how the liver works"],
    ["How do I contact sales?", "How do I contact support?"],
    ["How do I share my calendar with my assistant?", "How do I share my calendar with my boss?"],
    ["What is the salary of a nurse?", "What is the salary of a doctor?"],
  ]),
];

const identifiers: readonly Pair[] = [
  ...replaced("identifier", "What is the status of order $1?", [
    ["A-1001", "A-1002"],
    ["ORD-77-B", "ORD-77-C"],
    ["#4711", "#4712"],
  ]),
  ...replaced("identifier", "Why does ticket $1 fail?", [
    ["T-19", "T-91"],
    ["JIRA-100", "JIRA-1000"],
  ]),
  ...replaced("identifier", "Who owns the account $1?", [
    ["ada@acme.test", "ada@acme.example"],
    ["user_12", "user_21"],
  ]),
  ...replaced("identifier", "What does $1 do?", [
    ["getUser()", "setUser()"],
    ["main.ts", "main.js"],
    ["C++", "C#"],
  ]),
  ...replaced("identifier", "How do I mount $1?", [
    ["/dev/sda1", "/dev/sdb1"],
    ["C:", "D:"],
  ]),
  ...replaced("identifier", "Is the port $1 open?", [
    ["8080", "8443"],
    ["USB-A", "USB-C"],
  ]),
  ...different("identifier", [
    ["Is flight LH454 on time?", "Is flight LH456 on time?"],
    ["How do I fix CVE-2021-44228?", "How do I fix CVE-2021-45046?"],
    ["What is new in Python 3.12?", "What is new in Python 3.13?"],
    ["Which rooms has building 7a?", "Which rooms has building 7b?"],
    ["Does the iPhone 15 have it?", "Does the iPhone 15 Pro have it?"],
  ]),
];

export const entitiesAndIdentifiers: readonly Pair[] = [...entities, ...identifiers];
