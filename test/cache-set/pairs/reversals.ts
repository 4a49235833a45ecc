import { different, type Pair, swapped } from "./pair.ts";

/** The same words the other way round. */
export const reversals: readonly Pair[] = [
  ...swapped(
    "reversal",
    ["How do I convert $1 to $2?", "What is the exchange rate from $1 to $2?"],
    [
      ["euros", "dollars"],
      ["pounds", "francs"],
    ],
  ),
  ...swapped(
    "reversal",
    ["How do I fly from $1 to $2?", "What does a train ticket from $1 to $2 cost?"],
    [
      ["Berlin", "Paris"],
      ["Rome", "Madrid"],
    ],
  ),
  ...swapped(
    "reversal",
    ["Is $1 bigger than $2?", "Does $1 cost more than $2?", "Why is $1 faster than $2?"],
    [
      ["Mars", "Venus"],
      ["the Pro plan", "the Team plan"],
    ],
  ),
  ...swapped(
    "reversal",
    ["Does $1 report to $2?", "Did $1 pay $2?", "Who introduced $1 to $2?", "Is $1 owned by $2?", "Does $1 manage $2?"],
    [
      ["Alice", "Bob"],
      ["Initech", "Globex"],
    ],
  ),
  ...swapped(
    "reversal",
    ["Does the $1 call the $2?", "How do I move data from the $1 to the $2?", "Should the $1 start before the $2?"],
    [
      ["gateway", "scheduler"],
      ["old database", "new database"],
    ],
  ),
  ...different("reversal", [
    ["How do I convert a PDF to Word?", "How do I convert Word to a PDF?"],
    ["Can a manager approve an employee's request?", "Can an employee approve a manager's request?"],
    ["What happens to the order if the payment fails?", "What happens to the payment if the order fails?"],
    ["Who are the customers of our suppliers?", "Who are the suppliers of our customers?"],
    ["What is the ratio of men to women?", "What is the ratio of women to men?"],
    ["Do I sign before I pay?", "Do I pay before I sign?"],
    ["Should I restart the server after the update?", "Should I update the server after the restart?"],
    ["How do I send you money?", "How do you send me money?"],
    ["Can he see her salary?", "Can she see his salary?"],
    ["Translate this word from English to German", "Translate this word from German to English"],
    ["How do I import contacts into Outlook from Gmail?", "How do I import contacts into Gmail from Outlook?"],
    ["Who reviews the author of the report?", "Who reports the author of the review?"],
    ["Is the mother of Anna called Maria?", "Is the mother of Maria called Anna?"],
    ["What do teachers learn from students?", "What do students learn from teachers?"],
    ["How do I delete locked accounts?", "How do I lock deleted accounts?"],
    ["Does paying late cause a block?", "Does a block cause paying late?"],
    ["Which tables does the view read, users or orders?", "Which users does the view read, tables or orders?"],
    ["How do I replace tabs with spaces?", "How do I replace spaces with tabs?"],
    ["What is 10 divided by 5?", "What is 5 divided by 10?"],
    ["Subtract 20 from 100", "Subtract 100 from 20"],
    ["Is Peter taller than Paul?", "Is Paul taller than Peter?"],
    ["Did the bank sue the customer?", "Did the customer sue the bank?"],
    ["How do I upgrade from Basic to Premium?", "How do I downgrade from Premium to Basic?"],
    ["Who teaches Mary chess?", "Who does Mary teach chess?"],
  ]),
];
