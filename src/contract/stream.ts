/** What a program prints to. */
export const streams = ['stdout', 'stderr'] as const;
export type Stream = (typeof streams)[number];

/** `merged`: both, in order of arrival. */
export const streamChoices = [...streams, 'merged'] as const;
export type StreamChoice = (typeof streamChoices)[number];
