import { templateNames } from '../../contract/notification-facts.ts';

const placeholder = /\{\{\s*([\w.]+)\s*\}\}/g;
const known: ReadonlySet<string> = new Set(templateNames);

export type TemplateValues = Readonly<Record<(typeof templateNames)[number], string>>;

/** Names that a template asks for and nobody knows. */
export function findUnknownNames(template: string): string[] {
  return [...template.matchAll(placeholder)].flatMap(([, name = '']) => (known.has(name) ? [] : [name]));
}

/** Lines that named something and came out empty are left out. */
export function render(template: string, values: TemplateValues): string {
  return template
    .split('\n')
    .flatMap((line) => renderLine(line, values) ?? [])
    .join('\n')
    .trim();
}

/** Null: it is to be left out. */
function renderLine(line: string, values: TemplateValues): string | null {
  const text = line.replaceAll(placeholder, (_, name: string) => values[name as keyof TemplateValues] ?? '');
  return text.trim() === '' && line.trim() !== '' ? null : text.trimEnd();
}

/** A subject is one line, whatever a job is called. */
export function renderSubject(template: string, values: TemplateValues): string {
  return render(template, values).replaceAll(/\s+/g, ' ').slice(0, 250);
}
