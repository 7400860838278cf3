import type { Target } from './incidents.ts';
import type { RoundResult } from './round.ts';

/** What the run has seen: counts, and whether the faults it is for have truly happened. */
export class Tally {
  jobs = 0;
  adopted = 0;
  lost = 0;
  late = 0;
  retried = 0;
  released = 0;
  repeated = 0;
  cancelled = 0;
  reporting = 0;
  linked = 0;
  answers = 0;
  readonly kills = new Map<Target, number>();
  readonly violations: string[] = [];

  count({ records, incidents, health, isLinked }: RoundResult): void {
    this.answers += health.answers;
    if (isLinked) this.linked += 1;
    for (const { target, happened } of incidents)
      if (happened) this.kills.set(target, (this.kills.get(target) ?? 0) + 1);
    for (const { submitted, job, attempts } of records) {
      this.jobs += 1;
      if (submitted.wasRepeated) this.repeated += 1;
      if (submitted.task.reports > 0) this.reporting += 1;
      if (job.state === 'cancelled') this.cancelled += 1;
      if (attempts.filter(({ state }) => state !== 'released').length > 1) this.retried += 1;
      for (const attempt of attempts) {
        if (attempt.reason === 'lost') this.lost += 1;
        if (attempt.state === 'released') this.released += 1;
        this.late += attempt.lateResults.length;
        if (attempt.exitCode !== null && wasAdopted(attempt, incidents)) this.adopted += 1;
      }
    }
  }

  /** What was to happen sometimes and never did. */
  unseen(targets: readonly Target[], hasWatcher: boolean): string[] {
    const sights: [string, number][] = [
      ['an adoption', this.adopted],
      ['a lost attempt', this.lost],
      ['a retry', this.retried],
      ['a submit acknowledged only by its repetition', this.repeated],
      ['a cancel', this.cancelled],
      ['a flood of reports', this.reporting],
      ['a round behind links', this.linked],
      ['an answer of /healthz', this.answers],
      ...(hasWatcher ? [['a late result', this.late] satisfies [string, number]] : []),
      ...targets.map((target): [string, number] => [`a fault "${target}"`, this.kills.get(target) ?? 0]),
    ];
    return sights.filter(([, count]) => count === 0).map(([name]) => name);
  }

  get summary(): string {
    const kills = [...this.kills].map(([target, count]) => `${target} ${count}`).join(', ');
    return (
      `${this.jobs} jobs; faults: ${kills}; adopted ${this.adopted}, lost ${this.lost}, late ${this.late}, ` +
      `retried ${this.retried}, released ${this.released}, cancelled ${this.cancelled}, acknowledged by repetition ${this.repeated}, ` +
      `reporting ${this.reporting}, rounds behind links ${this.linked}, answers of /healthz ${this.answers}`
    );
  }
}

/** It was launched before its worker was killed, and its end is known all the same. */
function wasAdopted(
  { launchedAt, endedAt }: { launchedAt: string | null; endedAt: string | null },
  incidents: RoundResult['incidents'],
): boolean {
  if (launchedAt === null || endedAt === null) return false;
  const [from, to] = [Date.parse(launchedAt), Date.parse(endedAt)];
  return incidents.some(
    ({ target, from: at }) =>
      /^(server|worker|at (?!.*submit))/.test(target) && !target.endsWith('stopped') && from < at && at < to,
  );
}
