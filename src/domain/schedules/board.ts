import type { ScheduleTerms } from '../../contract/schedule.ts';
import type { Clock } from '../../lib/clock.ts';
import { createCalendar } from './occurrences.ts';
import { importCrontab } from './import-crontab.ts';
import type { ScheduleBoard, Schedules, ScheduleStore } from './ports.ts';
import { previewSchedule, take } from './preview.ts';
import { requireTerms } from './schedules.ts';

export interface BoardOptions {
  store: Pick<ScheduleStore, 'list' | 'runsSince'>;
  schedules: Schedules;
  /** Names of the files in the scripts directory. */
  scripts: () => Promise<readonly string[]>;
  clock: Clock;
}

const hourMs = 3_600_000;
const mostOfOne = 300;

export function createScheduleBoard({ store, schedules, scripts, clock }: BoardOptions): ScheduleBoard {
  return {
    preview: (terms, count) => {
      requireTerms(terms);
      return previewSchedule(terms, { now: clock.now(), count });
    },

    timeline: async ({ hoursBack, hoursAhead }) => {
      const now = clock.now();
      const from = new Date(now.getTime() - hoursBack * hourMs);
      const until = new Date(now.getTime() + hoursAhead * hourMs);
      const runs = Map.groupBy(await store.runsSince(from, mostOfOne), ({ name }) => name);
      const items = (await store.list()).map((schedule) => ({
        name: schedule.name,
        past: (runs.get(schedule.name) ?? []).map(({ run }) => run),
        coming: schedule.paused ? [] : comingRuns(schedule, { after: now, until }),
      }));
      return { from: from.toISOString(), now: now.toISOString(), until: until.toISOString(), items };
    },

    importCrontab: (order, actor) => importCrontab(order, actor, { schedules, scripts }),
  };
}

function comingRuns(schedule: ScheduleTerms, { after, until }: { after: Date; until: Date }): string[] {
  const calendar = createCalendar(schedule);
  return take(calendar, { after, until, most: mostOfOne })
    .filter((at) => !calendar.isBlackedOut(at))
    .map((at) => at.toISOString());
}
