import type { Kind, Pair } from "./pair.ts";

/** A long text, and what of it is written in another way; `same` edits leave its meaning, all others change it. */
type Long = {
  readonly text: string;
  readonly same: readonly Edit[];
  readonly number: Edit;
  readonly name: Edit;
  readonly negation: Edit;
  readonly reversal: Edit;
};

/** What stands there once, and what stands there instead. */
type Edit = readonly [from: string, to: string];

const KINDS = {
  number: "long: number",
  name: "long: name",
  negation: "long: negation",
  reversal: "long: reversal",
} as const;

const texts: readonly Long[] = [
  {
    text: "Hello, I ordered a standing desk and two lamps on the third of March, and the parcel service left everything with our neighbour although I was at home all day. One of the lamps has a crack in its shade and the desk came without the bag of screws. The order number is 48213. Can you send the missing screws and a new lamp before the end of next week, please?",
    same: [
      ["Can you send", "Could you send"],
      [", please?", "?"],
      ["Hello, I ordered", "I ordered"],
    ],
    number: ["48213", "48231"],
    name: ["with our neighbour", "with our landlord"],
    negation: ["although I was at home", "although I was not at home"],
    reversal: ["a standing desk and two lamps", "two standing desks and a lamp"],
  },
  {
    text: "Our team moved from the Frankfurt region to the Dublin region last month. Since then the nightly export of the customer table takes about 40 minutes where it took 10 before, and the job called ledger-sync fails now and then because it waits for the export. The servers have the same size as before and nobody changed the queries. What should we look at first to find out why the export is slow?",
    same: [
      ["What should we look at first", "what should we look at first"],
      ["to find out why the export is slow?", "to find out why the export is slow"],
      ["takes about 40 minutes", "takes about 40 min"],
    ],
    number: ["about 40 minutes", "about 14 minutes"],
    name: ["ledger-sync", "ledger-copy"],
    negation: ["nobody changed the queries", "somebody changed the queries"],
    reversal: ["from the Frankfurt region to the Dublin region", "from the Dublin region to the Frankfurt region"],
  },
  {
    text: "I am renting a flat in Leipzig together with Anna, and the contract names both of us. Anna wants to move out at the end of June and I would like to stay and take Peter in. The landlord says that he agrees as long as the deposit of 1200 euros stays with him and the new contract begins on the first of July. Does Anna have to give notice by herself, or is it enough that both of us sign a letter?",
    same: [
      ["I am renting", "I'm renting"],
      ["as long as", "As long as"],
      ["by herself, or is it enough", "by herself or is it enough"],
    ],
    number: ["1200 euros", "2100 euros"],
    name: ["take Peter in", "take Paul in"],
    negation: ["says that he agrees", "says that he never agrees"],
    reversal: [
      "Anna wants to move out at the end of June and I would like to stay",
      "I want to move out at the end of June and Anna would like to stay",
    ],
  },
  {
    text: "For the summer party we expect 85 guests, among them 12 children. The kitchen of the club can prepare cold dishes only, so that we would order the warm ones from the restaurant next door. Half of the guests eat no meat and three of them cannot have nuts. The budget is 2400 euros for food and drinks together, and the hall has to be clean again by midnight. Please write a plan of the evening with the times of all dishes.",
    same: [
      ["Please write a plan", "please write a plan"],
      ["cold dishes only, so that", "cold dishes only so that"],
      ["with the times of all dishes.", "with the times of all dishes!"],
    ],
    number: ["85 guests", "58 guests"],
    name: ["the restaurant next door", "the bakery next door"],
    negation: ["eat no meat", "eat meat"],
    reversal: ["85 guests, among them 12 children", "12 guests, among them 85 children"],
  },
  {
    text: "The pump in hall B is started by the pressure sensor and stopped by the level sensor of the tank. After the maintenance on Monday the pump starts as it should but runs on for about 90 seconds after the tank is full, and the alarm of the overflow comes on. We checked the cable between the level sensor and the controller and measured 24 volts at both ends. Which settings of the controller could cause this?",
    same: [
      ["Which settings", "which settings"],
      ["as it should but runs on", "as it should, but runs on"],
      ["The pump in hall B", "the pump in hall B"],
    ],
    number: ["24 volts", "12 volts"],
    name: ["hall B", "hall D"],
    negation: ["the pump starts as it should", "the pump does not start as it should"],
    reversal: [
      "started by the pressure sensor and stopped by the level sensor",
      "started by the level sensor and stopped by the pressure sensor",
    ],
  },
  {
    text: "My mother is 74 years old and takes a tablet against high blood pressure every morning. Since last week she has a cold and the pharmacy gave her a spray for the nose and drops against the cough. She feels dizzy when she gets up, mostly in the evening, and she drinks less than usual. Her doctor, Dr Weber, is away until Thursday. Should she stop taking the drops until then, or is it better to call the practice that stands in?",
    same: [
      ["Should she stop", "should she stop"],
      ["until then, or is it better", "until then or is it better"],
      ["Dr Weber", "Dr. Weber"],
    ],
    number: ["74 years old", "47 years old"],
    name: ["Dr Weber", "Dr Keller"],
    negation: ["Should she stop taking the drops", "Should she keep taking the drops"],
    reversal: ["drinks less than usual", "drinks more than usual"],
  },
  {
    text: "We sell licences by the seat. The customer Northwind bought 300 seats for the year in January and asks to give 50 of them back in August, because one of its offices was closed. Its contract says that seats can be given back once a year with a notice of 60 days, and that the price of a seat goes from 9 to 11 euros below 280 seats. How much does Northwind pay for the last four months of the year after the change?",
    same: [
      ["How much does Northwind pay", "how much does Northwind pay"],
      ["in August, because one", "in August because one"],
      ["60 days", "60  days"],
    ],
    number: ["give 50 of them back", "give 15 of them back"],
    name: ["The customer Northwind", "The customer Southwind"],
    negation: ["that seats can be given back", "that seats cannot be given back"],
    reversal: ["from 9 to 11 euros", "from 11 to 9 euros"],
  },
  {
    text: "In our repository the branch release is merged into main after each release, and hotfixes are made on release and carried over by hand. Yesterday Maria reverted commit 7f3a91c on release, because it broke the import of orders, and today Jonas merged release into main. Now the fix that Jonas had made on main before is gone as well. How do we get the fix back without bringing the broken import of orders back?",
    same: [
      ["How do we get the fix back", "how do we get the fix back"],
      ["on release, because it broke", "on release because it broke"],
      ["is gone as well.", "is gone as well!"],
    ],
    number: ["7f3a91c", "7f3a19c"],
    name: ["Yesterday Maria reverted", "Yesterday Sofia reverted"],
    negation: ["without bringing the broken import", "with bringing the broken import"],
    reversal: ["Jonas merged release into main", "Jonas merged main into release"],
  },
];

/** 24 texts that mean the same and 32 that do not, each of 300 characters or more with one thing changed. */
export const long: readonly Pair[] = texts.flatMap((one) => [
  ...one.same.map((edit) => edited("long: paraphrase", one.text, edit, true)),
  ...(["number", "name", "negation", "reversal"] as const).map((what) =>
    edited(KINDS[what], one.text, one[what], false),
  ),
]);

function edited(kind: Kind, text: string, [from, to]: Edit, same: boolean): Pair {
  if (text.split(from).length !== 2) throw new Error(`${JSON.stringify(from)} must stand once in: ${text}`);
  return { kind, a: text, b: text.replace(from, to), same };
}
