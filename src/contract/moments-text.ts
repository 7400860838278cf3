/** More moments that passed are not counted: one of a second takes a tenth of a millisecond. */
export const mostMoments = 1_000;

/** `5 moments`, or `1000 moments or more`. */
export function momentsText(moments: number): string {
  return `${moments} moments${moments >= mostMoments ? ' or more' : ''}`;
}
