/** Files that are written by a program and committed; `npm run generate` writes them, a test compares them. */
import { connectors, renderConnector } from './connectors-page.ts';
import { renderErrors } from './errors-page.ts';

export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly render: () => string | Promise<string>;
}

export const generated: readonly GeneratedFile[] = [
  { path: 'docs/errors.md', render: renderErrors },
  {
    path: 'tenants/tenant.schema.json',
    render: async () => json((await import('../../tenants/json-schema.ts')).tenantJsonSchema()),
  },
  ...connectors.map((kind) => ({ path: `docs/connectors/${kind}.md`, render: () => renderConnector(kind) })),
  { path: 'docs/policies.md', render: async () => (await import('./policies-page.ts')).renderPolicies() },
  ...(['dev', 'prod'] as const).map((preset) => ({
    path: `policies/presets/${preset}.json`,
    render: async () => json((await import('../../policies/presets.ts')).presets[preset]),
  })),
  {
    path: 'components/schema.json',
    render: async () => json(await (await import('./component-schema.ts')).componentSchema()),
  },
];

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
