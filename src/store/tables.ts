/** The columns that composed queries (kysely) read. Fixed statements name theirs in SQL. */
export interface Tables {
  placeholder: { id: number };
}
