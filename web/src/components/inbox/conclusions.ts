import type { Conclusion } from '../../composables/diary/use-inbox.ts';
import { assessmentLooks, type Color } from '../job/state-look.ts';

export interface ConclusionChoice {
  key: string;
  label: string;
  icon: string;
  color: Color;
  conclusion: Conclusion;
}

/** What one key concludes. */
export const conclusions: readonly ConclusionChoice[] = [
  { key: 'o', label: 'ok', ...assessmentLooks.ok, conclusion: { assessment: 'ok' } },
  { key: 'n', label: 'not ok', ...assessmentLooks['not ok'], conclusion: { assessment: 'not ok' } },
  { key: 'i', label: 'issue', ...assessmentLooks.issue, conclusion: { assessment: 'issue' } },
  { key: 't', label: 'other', ...assessmentLooks.other, conclusion: { assessment: 'other' } },
  { key: 'b', label: 'obsolete', ...assessmentLooks.obsolete, conclusion: { assessment: 'obsolete' } },
  {
    key: 'd',
    label: 'analysed',
    icon: 'i-lucide-check-check',
    color: 'neutral',
    conclusion: { analysis: 'done' },
  },
];
