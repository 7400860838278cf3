/** Round values from 0 to at least `max`, about `count` of them: steps of 1, 2 or 5 times a power of ten, whole ones. */
export function niceTicks(max: number, count: number): number[] {
  const top = Math.max(1, max);
  const rough = top / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? 1);
  const ticks = [];
  for (let tick = 0; tick < top + step; tick += step) ticks.push(tick);
  return ticks;
}

/** Which of so many labels to write, so that each has its room: all, or every second, fifth, tenth … */
export function labelStep(count: number, width: number, labelWidth: number): number {
  const needed = (count * labelWidth) / Math.max(1, width);
  return (
    [1, 2, 3, 4, 6, 7, 8, 12, 14, 24, 28, 30, 60, 90, 180].find((step) => step >= needed) ?? Math.ceil(needed)
  );
}
