import type { CommandForm } from '../contract/command-form.ts';
import { scriptCommand } from './script/contract.ts';

/** What a command line means that names no kind. */
export const usualKind = 'script';

/** For the command line and the pages: kinds whose input can be said in words. Every other one takes JSON. */
export const commandForms: Readonly<Record<string, CommandForm>> = {
  script: scriptCommand,
};
