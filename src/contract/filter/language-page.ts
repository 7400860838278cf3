import { filterKey, keyNames } from './keys.ts';

/** The text of docs/filter-language.md. */
export function filterLanguagePage(): string {
  return [
    '# The filter language',
    '',
    '<!-- Generated from src/contract/filter by `node scripts/write-docs.ts`; a test compares. -->',
    '',
    'One text says which jobs are meant: `q` of `GET /api/v1/jobs`, `daybook jobs <filter>`, a saved view, a bulk action.',
    'Terms stand apart by blanks, and all must hold.',
    '',
    '| term | finds jobs |',
    '| --- | --- |',
    '| `crash`, `crash*` | with a keyword that begins so; case is ignored |',
    '| `"crash"` | with exactly this keyword |',
    '| `"out of memory"` | with this whole keyword, or with each of these words as a keyword |',
    '| `state:failed` | by a key of the table below |',
    '| `state:failed,cancelled` | with any of these values |',
    '| `-crash`, `-state:failed` | of which the rest is not true |',
    '| `owner:an*`, `project:*` | with a value that begins so; with any value at all |',
    '| `name:"a, b"` | values with blanks or commas go in quotation marks; `\\"` and `\\\\` stand for the characters themselves |',
    '',
    '## Words',
    '',
    'Keywords of a job are its number; its name whole, by words, and split at `_` and its last `.`; owner, project, kind,',
    'queue, source, tags, labels; its verdict; the words of its message, info and result summary without the punctuation',
    'around them; the texts and paths of its input, but nothing of its environment and standard input. State, analysis,',
    'assessment (`not ok` also as `nok`) and the day of its submit (`2026-11-20`) count as keywords, too: `fin` finds what',
    'is finished as well as `final_report`. `not ok` also finds what is assessed so.',
    '',
    'Jobs assessed as obsolete are left out, unless the filter asks for them: by the word `obsolete` (or its beginning, of',
    'three letters at least), `assessment:obsolete`, `assessment:*`, `show:obsolete`, `id:…` or `uid:…`. A list without',
    '`q` leaves nothing out.',
    '',
    '## Keys',
    '',
    '| key | values | meaning | example |',
    '| --- | --- | --- | --- |',
    ...keyNames.map((name) => {
      const { aliases = [], hasPath, meaning, example } = filterKey(name);
      const names = [`${name}${hasPath ? '.<member>' : ''}`, ...aliases].map((text) => `\`${text}\``);
      return `| ${names.join(', ')} | ${valuesOf(name)} | ${meaning} | \`${example}\` |`;
    }),
    '',
    '## Values',
    '',
    '- **text** is compared whole, case ignored; a `*` at the end makes it a beginning.',
    '- **number**: `5`, `>5`, `>=5`, `<5`, `<=5`, `5..10`, `5..`, `..10`.',
    '- **duration**: a comparison or range of `90s`, `10m`, `1h30m`, `2d`, `1w`, `500ms`; a bare number counts seconds.',
    '- **date**: `2026`, `2026-11`, `2026-11-20`, `2026-11-20T14:30`, with seconds and zone if you like, `today`,',
    '  `yesterday`, `now`, or how long ago: `-30m`, `-12h`, `-7d`, `-2w`. A day, month or year is all of it, so `a..b` runs',
    '  from the beginning of a to the end of b, and `>2026-11-20` begins on the 21st. `-7d` alone means since then. Days',
    '  are those of `DAYBOOK_TIMEZONE`.',
    '- `*` stands for any value: `-analysis:*` are jobs that nobody has looked at.',
    '',
    '## How far a search goes',
    '',
    'Words and most keys are found by an index. What nothing stored helps with (such as `wall:>10h` when there is no such',
    'job) is looked for job by job, and a search gives up after some tenths of a second: the answer then carries',
    '`searchedBackTo`, and its `cursor` goes on from there. Nothing is left out in silence.',
    '',
  ].join('\n');
}

const typeNames = {
  text: 'text',
  number: 'number',
  duration: 'duration',
  moment: 'date',
  choice: '',
} as const;

function valuesOf(name: (typeof keyNames)[number]): string {
  const { type, choices = [] } = filterKey(name);
  return type === 'choice' ? choices.map((choice) => `\`${choice}\``).join(', ') : typeNames[type];
}
