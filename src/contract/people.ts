/** How far people have looked at a job. */
export const analyses = ['open', 'ongoing', 'done'] as const;

/** What people concluded from it. */
export const assessments = ['ok', 'not ok', 'other', 'issue', 'obsolete'] as const;
