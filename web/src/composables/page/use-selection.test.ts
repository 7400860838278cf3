import { describe, expect, it } from 'vitest';
import { ref } from 'vue';
import { idsBetween, toggled, useSelection } from './use-selection.ts';

describe('a range', () => {
  it.each([
    [9, 7, [9, 8, 7]],
    [7, 9, [9, 8, 7]],
    [8, 8, [8]],
    [null, 8, [8]],
    [3, 8, [8]],
  ])('from %s to %s is %j', (from, to, ids) => {
    expect(idsBetween([10, 9, 8, 7, 6], from, to)).toEqual(ids);
  });

  it('is selected or left out as its last one is', () => {
    expect([...toggled(new Set([9]), 7, [9, 8, 7])]).toEqual([9, 8, 7]);
    expect([...toggled(new Set([9, 8, 7, 1]), 7, [9, 8, 7])]).toEqual([1]);
  });
});

describe('a selection', () => {
  const filter = ref('state:failed');
  const create = () => useSelection({ ids: () => [5, 4, 3, 2, 1], filter });

  it('of some jobs is a filter on their numbers', () => {
    const selection = create();
    expect(selection.target.value).toBeNull();
    selection.toggle(4);
    selection.toggle(2, true);
    expect(selection.target.value).toBe('id:4,3,2 show:obsolete');
    selection.clear();
    expect(selection.isEmpty.value).toBe(true);
  });

  it('of all is the filter, until one is taken out of it', () => {
    const selection = create();
    selection.toggle(5);
    selection.selectAll();
    expect([selection.target.value, selection.has(99)]).toEqual(['state:failed', true]);
    selection.toggle(3);
    expect(selection.target.value).toBe('id:5,4,2,1 show:obsolete');
  });
});
