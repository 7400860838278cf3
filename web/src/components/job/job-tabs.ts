import { defineAsyncComponent, type Component } from 'vue';
import type { Job } from '../../../../src/contract/job.ts';
import LoadingRows from '../page/LoadingRows.vue';
import JobOverview from './JobOverview.vue';

export interface JobTab {
  /** In the address: `/jobs/17/output`; empty for the first. */
  path: string;
  label: string;
  icon: string;
  /** Gets `job`. */
  component: Component;
  isShown: (job: Job) => boolean;
}

/** What a job's page shows, in order: one component and one line here. */
export const jobTabs: readonly JobTab[] = [
  {
    path: '',
    label: 'Overview',
    icon: 'i-lucide-notebook-text',
    component: JobOverview,
    isShown: () => true,
  },
  {
    path: 'output',
    label: 'Output',
    icon: 'i-lucide-scroll-text',
    component: lazy(() => import('./JobOutput.vue')),
    isShown: () => true,
  },
  {
    path: 'result',
    label: 'Result',
    icon: 'i-lucide-chart-line',
    component: lazy(() => import('./JobResult.vue')),
    isShown: ({ attempt, result }) => attempt > 0 || result !== null,
  },
  {
    path: 'files',
    label: 'Files',
    icon: 'i-lucide-files',
    component: lazy(() => import('./JobFiles.vue')),
    isShown: ({ attempt, files }) => attempt > 0 || files !== null,
  },
  {
    path: 'attempts',
    label: 'Attempts',
    icon: 'i-lucide-repeat',
    component: lazy(() => import('./JobAttempts.vue')),
    isShown: () => true,
  },
  {
    path: 'history',
    label: 'History',
    icon: 'i-lucide-history',
    component: lazy(() => import('./JobHistory.vue')),
    isShown: () => true,
  },
  {
    path: 'waiting',
    label: 'Why waiting',
    icon: 'i-lucide-hourglass',
    component: lazy(() => import('./JobWaiting.vue')),
    isShown: ({ state }) => state === 'waiting' || state === 'scheduled' || state === 'queued',
  },
];

/** Loaded when somebody looks at it; rows of grey stand there until it is. */
function lazy(loader: () => Promise<{ default: Component }>): Component {
  return defineAsyncComponent({ loader, loadingComponent: LoadingRows, delay: 150 });
}
