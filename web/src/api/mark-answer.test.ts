import { expect, it } from 'vitest';
import { markAnswer } from './mark-answer.ts';

const answer = (body: string, type = 'application/json'): Response =>
  new Response(body, { status: 201, headers: { 'content-type': type } });

it('marks what would reorder the text of a page, wherever in the answer it stands', async () => {
  const body = { name: 'report\u202Efdp.exe', tags: ['a\u2066b\u2069'], owner: 'שלום', line: 'e\u0301' };
  const marked = await markAnswer(answer(JSON.stringify(body), 'application/json; charset=utf-8'));
  expect(marked.status).toBe(201);
  expect(await marked.json()).toEqual({ ...body, name: 'report\uFFFDfdp.exe', tags: ['a\uFFFDb\uFFFD'] });
});

it('leaves alone what is no JSON', async () => {
  const given = answer('a\u202Eb', 'text/plain');
  expect(await markAnswer(given)).toBe(given);
});
