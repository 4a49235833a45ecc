import { different, type Pair, replaced } from "./pair.ts";

const numbers: readonly Pair[] = [
  ...replaced("number", "How do I split a bill among $1 people?", [
    ["3", "4"],
    ["five", "six"],
    ["12", "120"],
  ]),
  ...replaced("number", "What is the discount for $1 licences?", [
    ["10", "100"],
    ["25", "20"],
    ["1,000", "10,000"],
  ]),
  ...replaced("number", "What changed in version $1?", [
    ["2.3", "2.4"],
    ["1.10", "1.1"],
    ["3", "3.1"],
  ]),
  ...replaced("number", "How do I invest $1 dollars?", [
    ["500", "5000"],
    ["1.5", "15"],
    ["-10", "10"],
  ]),
  ...replaced("number", "What was the revenue in $1?", [
    ["2023", "2024"],
    ["Q1", "Q2"],
    ["1999", "2019"],
  ]),
  ...replaced("number", "Is a fever of $1 degrees dangerous?", [
    ["38", "39"],
    ["38.5", "35.8"],
  ]),
  ...replaced("number", "Can I return an item after $1 days?", [
    ["14", "30"],
    ["two", "ten"],
    ["7", "17"],
  ]),
  ...replaced("number", "How do I cook $1 eggs?", [
    ["2", "3"],
    ["a dozen", "twenty"],
  ]),
  ...replaced("number", "What does HTTP status $1 mean?", [
    ["404", "403"],
    ["500", "502"],
    ["301", "302"],
  ]),
  ...replaced("number", "Which bus goes to gate $1?", [
    ["7", "9"],
    ["11", "17"],
  ]),
  ...different("number", [
    ["Book 2 rooms for 3 nights", "Book 3 rooms for 2 nights"],
    ["Give me 5 apples and 10 pears", "Give me 10 apples and 5 pears"],
    ["What is 15% of 80?", "What is 80% of 15?"],
    ["Round 3.14159 to 2 digits", "Round 3.14159 to 3 digits"],
    ["How many users fit on 4 servers with 8 cores?", "How many users fit on 8 servers with 4 cores?"],
    ["Is 17 a prime number?", "Is 18 a prime number?"],
    ["What is 5 - 3?", "What is 5 + 3?"],
    ["What is the first law of thermodynamics?", "What is the second law of thermodynamics?"],
    ["Who was the 16th president?", "Who was the 26th president?"],
    ["What is half of 90?", "What is a third of 90?"],
    ["Is the meeting at 3 pm?", "Is the meeting at 4 pm?"],
    ["Is the office open on May 1?", "Is the office open on May 2?"],
    ["What is the limit for 1 million requests?", "What is the limit for 1 billion requests?"],
    ["Does rule 3 apply to class 2?", "Does rule 2 apply to class 3?"],
    ["Set the timer to 10 minutes", "Set the timer to 15 minutes"],
  ]),
];

const units: readonly Pair[] = [
  ...replaced("unit", "How far is 5 $1?", [
    ["miles", "kilometers"],
    ["km", "m"],
    ["feet", "yards"],
  ]),
  ...replaced("unit", "What does a parcel of 2 $1 cost?", [
    ["kg", "lb"],
    ["kilograms", "grams"],
    ["ounces", "pounds"],
  ]),
  ...replaced("unit", "Is 40 $1 hot?", [
    ["degrees Celsius", "degrees Fahrenheit"],
    ["°C", "°F"],
  ]),
  ...replaced("unit", "How much is 100 $1?", [
    ["euros", "dollars"],
    ["USD", "EUR"],
    ["yen", "yuan"],
  ]),
  ...replaced("unit", "How long is a contract of 12 $1?", [
    ["months", "weeks"],
    ["years", "months"],
    ["days", "hours"],
  ]),
  ...replaced("unit", "Can I upload a file of 20 $1?", [
    ["MB", "GB"],
    ["kB", "MB"],
    ["gigabytes", "terabytes"],
  ]),
  ...replaced("unit", "How fast is 100 $1?", [
    ["km/h", "mph"],
    ["Mbit/s", "MB/s"],
  ]),
  ...replaced("unit", "How many calories are in 250 $1 of milk?", [
    ["ml", "g"],
    ["milliliters", "liters"],
    ["cups", "ounces"],
  ]),
  ...different("unit", [
    ["Convert 10 inches to cm", "Convert 10 inches to mm"],
    ["Is a wait of 30 seconds normal?", "Is a wait of 30 minutes normal?"],
    ["What is a salary of 50k per year?", "What is a salary of 50k per month?"],
    ["How much does it cost per hour?", "How much does it cost per day?"],
    ["Is a limit of 10% high?", "Is a limit of 10 high?"],
    ["How many watts does it use?", "How many volts does it use?"],
    ["What is the price in euros?", "What is the price in dollars?"],
    ["Is 5 A enough for the heater?", "Is 5 V enough for the heater?"],
    ["What is the height in meters?", "What is the height in feet?"],
    ["Remind me in 2 hours", "Remind me in 2 days"],
    ["How large is 3 acres?", "How large is 3 hectares?"],
    ["Pay $20 to the vendor", "Pay €20 to the vendor"],
  ]),
];

export const numbersAndUnits: readonly Pair[] = [...numbers, ...units];
