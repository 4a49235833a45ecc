const verbs = "reset change cancel renew export share print move lock archive".split(" ");
const things =
  `password invoice report calendar contract licence printer router account ticket folder budget badge laptop
  backup mailbox token policy dashboard schedule`.split(/\s+/);
const places =
  `Berlin Paris London Madrid Rome Vienna Oslo Dublin Lisbon Athens Prague Warsaw Zurich Geneva Munich Hamburg
  Boston Denver Austin Dallas Tokyo Osaka Seoul Delhi Mumbai`.split(/\s+/);
const times = ["today", "tomorrow"];

/** Different questions, as many as there are: verbs × things × places × times = 10 000. */
export const questions: readonly string[] = verbs.flatMap((verb) =>
  things.flatMap((thing) =>
    places.flatMap((place) => times.map((time) => `How do I ${verb} the ${thing} of the ${place} office ${time}?`)),
  ),
);

/** The same question as somebody else words it; never the same wording in two repeats. */
export function reworded(question: string, repeat: number): string {
  const courtesies = ["Please tell me", "Could you tell me", "I want to know", "Can you tell me", "Do you know"];
  const courtesy = courtesies[repeat % courtesies.length] ?? "";
  const again = "please ".repeat(Math.floor(repeat / courtesies.length));
  return `${again}${courtesy} how I can ${question.slice("How do I ".length)}`;
}
