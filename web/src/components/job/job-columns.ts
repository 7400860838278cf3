import { useLocalStorage } from '@vueuse/core';
import { computed, type ComputedRef, type Ref } from 'vue';

export interface JobColumn {
  key:
    | 'id'
    | 'name'
    | 'state'
    | 'kind'
    | 'owner'
    | 'project'
    | 'queue'
    | 'submitted'
    | 'duration'
    | 'verdict'
    | 'assessment';
  label: string;
  /** Of a CSS grid. */
  width: string;
  /** What people see who never chose. */
  isDefault: boolean;
}

export const jobColumns: readonly JobColumn[] = [
  { key: 'id', label: 'Number', width: '4.5rem', isDefault: true },
  { key: 'state', label: 'State', width: '8.5rem', isDefault: true },
  { key: 'name', label: 'Name', width: 'minmax(12rem, 1fr)', isDefault: true },
  { key: 'kind', label: 'Kind', width: '6rem', isDefault: false },
  { key: 'owner', label: 'Owner', width: '7rem', isDefault: true },
  { key: 'project', label: 'Project', width: '7rem', isDefault: false },
  { key: 'queue', label: 'Queue', width: '6.5rem', isDefault: false },
  { key: 'verdict', label: 'Verdict', width: '9rem', isDefault: false },
  { key: 'assessment', label: 'Assessment', width: '7.5rem', isDefault: true },
  { key: 'submitted', label: 'Submitted', width: '7.5rem', isDefault: true },
  { key: 'duration', label: 'Ran', width: '6.5rem', isDefault: true },
];

const defaults = jobColumns.filter(({ isDefault }) => isDefault).map(({ key }) => key);

/** The columns that this browser shows; the name is always among them. */
export function useJobColumns(): {
  chosen: Ref<JobColumn['key'][]>;
  columns: ComputedRef<JobColumn[]>;
  /** `grid-template-columns`, the box for selecting first. */
  template: ComputedRef<string>;
  /** Back to what people see who never chose. */
  reset: () => void;
} {
  const chosen = useLocalStorage<JobColumn['key'][]>('daybook-job-columns', defaults);
  const columns = computed(() =>
    jobColumns.filter(({ key }) => key === 'name' || chosen.value.includes(key)),
  );
  const template = computed(() => ['2rem', ...columns.value.map(({ width }) => width)].join(' '));
  const reset = (): void => {
    chosen.value = [...defaults];
  };
  return { chosen, columns, template, reset };
}
