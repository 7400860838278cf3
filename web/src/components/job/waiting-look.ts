import type { WaitingReason } from '../../../../src/contract/waiting.ts';

export const waitingIcons: Readonly<Record<WaitingReason['reason'], string>> = {
  'run-at': 'i-lucide-calendar-clock',
  job: 'i-lucide-git-branch',
  lane: 'i-lucide-git-fork',
  'queue-paused': 'i-lucide-circle-pause',
  'no-worker': 'i-lucide-server-off',
  'jobs-ahead': 'i-lucide-list-ordered',
  slots: 'i-lucide-server',
};

/** Where to find what stands in the way. */
export function toBlockers(reason: WaitingReason): { label: string; to: string }[] {
  switch (reason.reason) {
    case 'job':
      return [{ label: `Job ${reason.jobId}`, to: `/jobs/${reason.jobId}` }];
    case 'lane':
      return reason.holders.map((id) => ({ label: `Job ${id}`, to: `/jobs/${id}` }));
    case 'queue-paused':
      return [{ label: `Queue ${reason.queue}`, to: '/queues' }];
    case 'no-worker':
      return [{ label: 'Queues & workers', to: '/queues' }];
    case 'jobs-ahead':
      return [{ label: 'Queued jobs', to: '/?q=state:queued' }];
    case 'slots':
      return [{ label: 'Running jobs', to: '/?q=state:running' }];
    case 'run-at':
      return [];
  }
}
