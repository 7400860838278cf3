export type CsvValue = string | number | boolean | null;

/**
 * One record of a file of comma-separated values, with its line end (RFC 4180). A text that a spreadsheet would take for
 * a formula gets a `'` in front, which spreadsheets do not show (OWASP, "CSV Injection").
 */
export function csvLine(values: readonly CsvValue[]): string {
  return `${values.map(csvField).join(',')}\r\n`;
}

function csvField(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
