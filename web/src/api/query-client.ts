import { QueryClient } from '@tanstack/vue-query';
import { ApiError } from './api-error.ts';

/** Answers are kept until something happens to what they tell; see `useLiveQueries`. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => count < 2 && isPassing(error),
      refetchOnWindowFocus: true,
    },
  },
});

/** A later try may help. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 503);
}
