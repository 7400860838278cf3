import type { WordStore } from '../../../domain/diary/ports.ts';
import type { Database } from '../database.ts';
import { indexDueWords } from '../jobs/index-words.ts';
import { keepPartitions } from './keep-partitions.ts';

export function createWordStore(db: Database): WordStore {
  return {
    indexDue: (limit) => indexDueWords(db, limit),
    keepPartitions: () => keepPartitions(db),
  };
}
