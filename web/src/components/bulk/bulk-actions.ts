import type { BulkAction } from '../../../../src/contract/bulk.ts';
import type { Color } from '../job/state-look.ts';

export interface BulkChoice {
  action: BulkAction['action'];
  label: string;
  icon: string;
  color: Color;
  /** Of jobs it was done to: `12 jobs cancelled`. */
  done: string;
  /** What happens to which of them. */
  help: string;
}

/** What can be done to many jobs at once, in the order of the bar. */
export const bulkChoices: readonly BulkChoice[] = [
  {
    action: 'assess',
    label: 'Assess',
    icon: 'i-lucide-thumbs-up',
    color: 'neutral',
    done: 'assessed',
    help: 'An assessment that was made before is replaced.',
  },
  {
    action: 'tag',
    label: 'Tag',
    icon: 'i-lucide-tag',
    color: 'neutral',
    done: 'tagged',
    help: 'Tags that they have stay.',
  },
  {
    action: 'untag',
    label: 'Untag',
    icon: 'i-lucide-x',
    color: 'neutral',
    done: 'untagged',
    help: 'Other tags stay.',
  },
  {
    action: 'move',
    label: 'Move',
    icon: 'i-lucide-arrow-right-left',
    color: 'neutral',
    done: 'moved',
    help: 'Jobs that wait go to another queue; what runs or has ended is left alone.',
  },
  {
    action: 'retry',
    label: 'Retry',
    icon: 'i-lucide-rotate-cw',
    color: 'neutral',
    done: 'sent to run again',
    help: 'Failed and cancelled jobs run again; others are left alone.',
  },
  {
    action: 'cancel',
    label: 'Cancel',
    icon: 'i-lucide-square',
    color: 'error',
    done: 'cancelled',
    help: 'What waits is cancelled, what runs is asked to end; what has ended is left alone.',
  },
  {
    action: 'delete',
    label: 'Remove',
    icon: 'i-lucide-trash-2',
    color: 'error',
    done: 'removed',
    help: 'They go with output, files and history; nothing brings them back. What has not ended, and what is kept for good, is left alone.',
  },
];

export function bulkChoice(action: BulkAction['action']): BulkChoice {
  const found = bulkChoices.find((choice) => choice.action === action);
  if (!found) throw new Error(`no action ${action}`);
  return found;
}

/** `1 job`, `12 jobs`, `at least 10,000 jobs` */
export function jobCount({ matched, isAtLeast }: { matched: number; isAtLeast: boolean }): string {
  const number = matched.toLocaleString('en');
  return `${isAtLeast ? 'at least ' : ''}${number} ${matched === 1 ? 'job' : 'jobs'}`;
}
