/** The components as Pulumi's analyzer reads them; index.js beside it serves them. */
export * from '../index.ts';
