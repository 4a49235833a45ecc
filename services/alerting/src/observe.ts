import type { Observation } from "./domain/decide-alerts.ts";
import { labelsKey, matches, pick } from "./domain/labels.ts";
import { add, type Measurement, nothing } from "./domain/measurement.ts";
import { badShare, type MetricName, metricOf, readMetric } from "./domain/metrics.ts";
import { BURN_RATE, type Rule } from "./domain/rule.ts";
import { burnRate, type SlaTarget } from "./domain/sla.ts";
import type { Need, WindowReader, Windows } from "./read-windows.ts";

/** Alerts of one rule; groups beyond it, in the order of their labels, are not watched. */
export const MAX_GROUPS = 200;

/** One bad event is no trend: below this many in the longer window nothing burns. */
const MIN_BAD_EVENTS = 5;
const SHORT_WINDOW = 12;
const MIN_WINDOW_S = 10;

/** Reads what the rules look at and answers what each of them sees. */
export async function observer(
  read: WindowReader,
  rules: readonly Rule[],
  targets: readonly SlaTarget[],
  now: Date,
): Promise<(rule: Rule) => Observation[]> {
  const needs = rules.flatMap((rule) => needsOf(rule, targets));
  const windows = await read(needs, now);
  return (rule) => (rule.metric === BURN_RATE ? burning(rule, targets, windows) : groups(rule, rule.metric, windows));
}

function needsOf(rule: Rule, targets: readonly SlaTarget[]): Need[] {
  const { tenant, windowS } = rule;
  if (rule.metric !== BURN_RATE) return [{ tenant, windowS, series: metricOf(rule.metric).series }];
  return burnTargets(rule, targets).flatMap(({ metric }) =>
    [windowS, shortWindow(windowS)].map((each) => ({ tenant, series: metricOf(metric).series, windowS: each })),
  );
}

function shortWindow(windowS: number): number {
  return Math.max(MIN_WINDOW_S, Math.floor(windowS / SHORT_WINDOW));
}

function burnTargets(rule: Rule, targets: readonly SlaTarget[]): SlaTarget[] {
  return targets.filter((target) => target.tenant === rule.tenant && matches({ sla: target.name }, rule.where));
}

function groups(rule: Rule, name: MetricName, windows: Windows): Observation[] {
  const metric = metricOf(name);
  const rows = windows({ ...rule, series: metric.series });
  const byGroup = new Map<string, { labels: Observation["labels"]; measured: Measurement }>();
  // Without groups there is one, also of nothing: only so can a rule fire on silence.
  if (rule.groupBy.length === 0) byGroup.set(labelsKey({}), { labels: {}, measured: nothing });
  for (const row of rows) {
    if (!matches(row.labels, rule.where)) continue;
    const labels = pick(row.labels, rule.groupBy);
    const key = labelsKey(labels);
    byGroup.set(key, { labels, measured: add(byGroup.get(key)?.measured ?? nothing, row) });
  }
  return [...byGroup]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MAX_GROUPS)
    .flatMap(([, { labels, measured }]) => {
      const value = readMetric(metric, measured);
      return value === undefined ? [] : [{ labels, value }];
    });
}

function burning(rule: Rule, targets: readonly SlaTarget[], windows: Windows): Observation[] {
  const rates = burnTargets(rule, targets).map((target) => {
    const { series } = metricOf(target.metric);
    const [long, short] = [rule.windowS, shortWindow(rule.windowS)].map((windowS) => {
      const rows = windows({ tenant: rule.tenant, series, windowS });
      return rows.filter((row) => matches(row.labels, target.where)).reduce<Measurement>(add, nothing);
    });
    return { labels: { sla: target.name }, value: smallerBurn(target, long ?? nothing, short ?? nothing) };
  });
  if (rule.groupBy.length > 0) return rates.slice(0, MAX_GROUPS);
  return [{ labels: {}, value: Math.max(0, ...rates.map(({ value }) => value)) }];
}

function smallerBurn(target: SlaTarget, long: Measurement, short: Measurement): number {
  const badEvents = badShare(metricOf(target.metric), target.target, long) * long.count;
  return badEvents < MIN_BAD_EVENTS ? 0 : Math.min(burnRate(target, long), burnRate(target, short));
}
