export type CheckResult = { readonly state: "passed" | "failed" | "skipped"; readonly output: string };
