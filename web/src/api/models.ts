import type { components, paths } from './generated.ts';

/** The shapes of the API that pages name. All come from its description or from the contract. */
export type Me = components['schemas']['Me'];
export type ListedUser = components['schemas']['ListedUser'];
export type Identity = components['schemas']['Identity'];
export type Session = components['schemas']['Session'];
export type Token = components['schemas']['Token'];
export type AuditEntry = components['schemas']['AuditEntry'];

type Json<Operation> = Operation extends { requestBody: { content: { 'application/json': infer Body } } }
  ? Body
  : never;

/** What is sent. A form that is made of a schema knows its members only while it runs, so its draft is said to be one. */
export type NewJobBody = Json<paths['/api/v1/jobs']['post']>;
export type JobChangeBody = Json<paths['/api/v1/jobs/{id}']['patch']>;
export type BulkBody = Json<paths['/api/v1/jobs/bulk']['post']>;
export type NewScheduleBody = Json<paths['/api/v1/schedules']['post']>;
export type ScheduleTerms = Json<paths['/api/v1/schedules/preview']['post']>;
