/** Whether two names are the same for people, however their accents are composed (UAX #15). Each is kept as it was given. */
export function isSameText(one: string, other: string): boolean {
  return one.normalize('NFC') === other.normalize('NFC');
}

/** Tags and those that are added; of the same ones the first stays. */
export function withTags(tags: readonly string[], added: readonly string[]): string[] {
  return [...tags, ...added].filter(
    (tag, index, all) => all.findIndex((other) => isSameText(tag, other)) === index,
  );
}

/** Tags but those that are taken away. */
export function withoutTags(tags: readonly string[], removed: readonly string[]): string[] {
  return tags.filter((tag) => !removed.some((other) => isSameText(tag, other)));
}
