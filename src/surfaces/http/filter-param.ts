import { AppError } from '../../contract/errors.ts';
import { FilterError, type Filter } from '../../contract/filter/filter.ts';
import { parseFilter } from '../../contract/filter/parse.ts';

/** The filter of a member of the body. @throws AppError `invalid_input` that names the member */
export function readFilter(text: string, field: string): Filter {
  try {
    return parseFilter(text);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const details = error.details.map(({ message }) => ({ field, message }));
    throw new AppError('invalid_input', error.message, { details });
  }
}
