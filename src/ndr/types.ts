/** What tables are written in. */
export type * from './descriptors.js';
export type * from './rules.js';
export type * from './specification.js';
export type * from './story.js';
