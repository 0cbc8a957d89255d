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
  { path: 'webhook/openapi.json', render: renderApi },
  {
    path: 'docs/notice.schema.json',
    render: async () => json((await import('../../webhook/notices/schema.ts')).noticeJsonSchema()),
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

async function renderApi(): Promise<string> {
  const [{ createApp }, { apiDocument }] = await Promise.all([
    import('../../webhook/app.ts'),
    import('../../webhook/openapi.ts'),
  ]);
  // The description asks nothing of what the routes work with.
  return json(apiDocument(createApp({} as Parameters<typeof createApp>[0])));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
