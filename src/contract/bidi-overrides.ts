/**
 * Characters that reorder the text around them (UAX #9: embeddings, overrides, isolates). In the name of a job or a person
 * they make it look like another one.
 */
const overrides = /[\u202A-\u202E\u2066-\u2069]/g;

/** Text with a mark in the place of each of them: it is kept as it was given, and shown so that it deceives nobody. */
export function markOverrides(text: string): string {
  return text.replaceAll(overrides, '\uFFFD');
}
