import { nextTick } from 'vue';

/** Leads to the first field of a form that is wrong: to where it can be seen, with the cursor in it. */
export async function showFirstProblem(form: HTMLElement | null): Promise<void> {
  await nextTick();
  const field = form?.querySelector<HTMLElement>('[aria-invalid="true"]');
  if (!field) return;
  for (let fold = field.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null)
    fold.open = true;
  field.scrollIntoView({ block: 'center' });
  field.focus({ preventScroll: true });
}

/** How much is wrong, beside the button that does nothing about it. */
export function problemsText(count: number): string {
  return count === 1 ? 'One field is not right yet.' : `${count} fields are not right yet.`;
}
