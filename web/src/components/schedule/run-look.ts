import { momentsText } from '../../../../src/contract/moments-text.ts';
import type { ScheduleRun } from '../../../../src/contract/schedule.ts';
import { stateLooks, type Color } from '../job/state-look.ts';

export interface RunLook {
  label: string;
  icon: string;
  color: Color;
}

const outcomeLooks: Readonly<Record<ScheduleRun['outcome'], RunLook>> = {
  pending: { label: 'about to be submitted', icon: 'i-lucide-hourglass', color: 'info' },
  submitted: { label: 'its job was removed', icon: 'i-lucide-trash-2', color: 'neutral' },
  overlap: {
    label: 'skipped: the one before had not ended',
    icon: 'i-lucide-skip-forward',
    color: 'neutral',
  },
  blackout: { label: 'skipped: blackout', icon: 'i-lucide-moon', color: 'neutral' },
  missed: { label: 'missed', icon: 'i-lucide-circle-dashed', color: 'warning' },
  refused: { label: 'refused', icon: 'i-lucide-octagon-x', color: 'error' },
};

/** What became of a moment: the state of its job, else why there is none. */
export function lookOf({ outcome, moments, job }: ScheduleRun): RunLook {
  if (!job) {
    const look = outcomeLooks[outcome];
    return moments === 1 ? look : { ...look, label: `${look.label}, ${momentsText(moments)}` };
  }
  const { icon, color } = stateLooks[job.state];
  if (job.verdict?.tone === 'bad') return { label: job.verdict.text, icon, color: 'error' };
  if (job.verdict?.tone === 'warn') return { label: job.verdict.text, icon, color: 'warning' };
  return { label: job.state, icon, color };
}
